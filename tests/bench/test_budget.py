"""Requests stay within tests/bench/budget.py: calls are exact, units are maxima, times have a tolerance."""

import pytest

from infra.build.check import MOST_ZIPPED
from shared.store import send_rate
from tests.bench import behind, calls, cold, frames, growth, package, warm
from tests.bench.budget import BEHIND_AN_ORDER, BUDGET, CLEAR, COLD, COLD_OF_NAIVE, COLD_WITHOUT_TABLE, FRAME, MARGIN
from tests.bench.calls import NOW
from tests.bench.cases import CASES, service
from tests.bench.meter import Cost
from tests.bench.page import PAGE, rows_under

WITHOUT_TABLE = {"meta.get_health", "meta.get_docs", "meta.get_openapi", "cities.list"}


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


def test_order_costs_its_budget_behind_the_api() -> None:
    assert behind.of_an_order(behind.costs())._asdict() == BEHIND_AN_ORDER


def test_page_has_the_calls_behind_the_api() -> None:
    rows = rows_under(PAGE.read_text(), "### One order behind the API")
    each = behind.costs()
    for step in behind.STEPS:
        assert rows[f"`{step.function}`: {step.name}"][:5] == [
            f"{count:g}" for count in (step.times, *each[step.name][1:])
        ]
    assert rows["**an order**"][:5] == [f"**{count:g}**" for count in BEHIND_AN_ORDER.values()]


@pytest.mark.parametrize("name", frames.STEPS)
def test_a_frame_is_one_call_of_its_socket(name: str) -> None:
    step = frames.STEPS[name]
    replies = frames.recorded(step, NOW).replies
    assert [(reply.method, reply.status) for reply in replies] == [("POST", 200)] * step.frames


def test_late_timers_cost_a_page_at_most_four_queries() -> None:
    """Orders whose hour is over cost it nothing, and neither does their number cost a total of the active ones."""
    found = growth.measure_late((100, 8_000))
    for name, (few, many) in ((name, by_number.values()) for name, by_number in found.items()):
        if "windows" in name:
            assert (few.calls, many.calls) == (3, 4)
        else:
            assert few == many, name


@pytest.mark.parametrize("senders", [1, 2])
def test_turn_of_the_bot_is_one_call(senders: int) -> None:
    """Both where no turn is ahead and where other senders took the next ones, from the second turn on."""
    with service(NOW) as made:
        for number in range(5):
            if number == 2:
                made.table.calls.clear()
            made.later(ms=2 * send_rate.BETWEEN_SENDS_MS if senders == 1 else 0)
            send_rate.acquire(None)
        assert len(made.table.calls) == 3


LIMITS = {name: budget.warm for name, budget in BUDGET.items() if budget.warm is not None}


def slow_requests(names: set[str], *, rounds: int, margin: float) -> set[str]:
    """Return those of the requests that take more than `margin` times their budget, warm."""
    found = warm.measure(rounds, 60, names)
    return {name for name, of in found.items() if of["ratio"] > LIMITS[name] * margin}


def slow_starts(*, rounds: int, margin: float) -> set[str]:
    """Return the functions whose cold start takes more than `margin` times its budget."""
    found = cold.measure(rounds, {"orders.get", "orders.take", "orders.list", *WITHOUT_TABLE})
    of_naive = COLD_OF_NAIVE * found[cold.NAIVE]["of_reference"]
    return {
        function
        for function in set(found) - set(cold.REFERENCES)
        if found[function]["of_reference"]
        > margin * min(COLD_WITHOUT_TABLE if function in WITHOUT_TABLE else COLD, of_naive)
    }


@pytest.mark.proof
def test_time_of_a_frame_is_within_the_budget() -> None:
    package.build()
    if frames.of_a_frame(frames.measure(1, 20), "ratio") > FRAME * CLEAR:
        assert frames.of_a_frame(frames.measure(3, 20), "ratio") <= FRAME * MARGIN


@pytest.mark.proof
def test_times_are_within_the_budget() -> None:
    """Compare ratios of medians from interleaved runs. What few rounds do not show to be fast is measured again."""
    package.build()
    assert sum(package.sizes().values()) <= MOST_ZIPPED
    unclear = slow_requests(set(LIMITS), rounds=1, margin=CLEAR)
    assert slow_requests(unclear, rounds=3, margin=MARGIN) == set()
    assert not slow_starts(rounds=2, margin=CLEAR) or slow_starts(rounds=5, margin=MARGIN) == set()
