"""Requests stay within tests/bench/budget.py: calls are exact, units are maxima, times have a tolerance."""

import pytest

from infra.build.check import MOST_ZIPPED
from tests.bench import calls, cold, growth, package, warm
from tests.bench.budget import BUDGET, COLD, COLD_OF_NAIVE, COLD_WITHOUT_TABLE, MARGIN
from tests.bench.cases import CASES
from tests.bench.meter import Cost

WITHOUT_TABLE = {"meta.get_health", "cities.list"}


@pytest.fixture(scope="module")
def costs() -> dict[str, Cost]:
    return calls.costs()


def test_every_request_has_a_budget(costs: dict[str, Cost]) -> None:
    assert set(costs) == set(BUDGET)
    assert {name for name, budget in BUDGET.items() if budget.warm is not None} == {case.name for case in CASES}


@pytest.mark.parametrize("name", BUDGET)
def test_calls_equal_the_budget(costs: dict[str, Cost], name: str) -> None:
    assert costs[name].calls == BUDGET[name].calls


@pytest.mark.parametrize("name", BUDGET)
def test_units_are_within_the_budget(costs: dict[str, Cost], name: str) -> None:
    assert costs[name].read_units <= BUDGET[name].read_units
    assert costs[name].write_units <= BUDGET[name].write_units


def test_flat_requests_cost_the_same_in_larger_table() -> None:
    """With four times the orders, and every page full: the same calls, items and units."""
    found = growth.measure((1_000, 4_000))
    for name in growth.FLAT:
        small, large = found[name].values()
        assert small == large, name


@pytest.mark.proof
def test_times_are_within_the_budget() -> None:
    """Compare ratios of medians from interleaved runs."""
    package.build()
    assert sum(package.sizes().values()) <= MOST_ZIPPED
    limited = {name: budget.warm for name, budget in BUDGET.items() if budget.warm is not None}
    for name, of in warm.measure(3, 60, set(limited)).items():
        assert of["ratio"] <= (limited[name] or 0) * MARGIN, name
    found = cold.measure(5, {"orders.get", "orders.take", "orders.list", *WITHOUT_TABLE})
    naive = found[cold.NAIVE]["init_cpu"]
    for function in set(found) - set(cold.REFERENCES):
        limit = COLD_WITHOUT_TABLE if function in WITHOUT_TABLE else COLD
        assert found[function]["of_reference"] <= limit * MARGIN, function
        assert found[function]["init_cpu"] <= COLD_OF_NAIVE * MARGIN * naive, function
