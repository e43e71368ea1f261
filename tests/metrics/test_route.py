"""GET /api/admin/stats: today computed on request, stored days, cells, CSV, refused periods."""

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest

from functions.admin import get_stats
from functions.scheduled import audit
from shared.domain.days import begins_at
from shared.domain.durations import DAY_MS, HOUR_MS
from shared.store import stats, table
from tests.api import Context
from tests.conftest import OPERATOR
from tests.in_process import Api
from tests.metrics.reference import Reference
from tests.metrics.test_month import Month, compared, told_apart

DAY = date(2026, 9, 10)
PATH = "GET /api/admin/stats"


def asked(service: Api, first: date, last: date, **query: Any) -> Any:
    answer = service.call(PATH, user=OPERATOR, query={"from": first, "to": last, **query})
    assert answer.status == 200, answer.text
    return answer.json


def taken(service: Api, name: str, minutes: float = 1, **given: Any) -> str:
    """An order of client 1 that executor 2 took after so many minutes."""
    order: str = service.order(1, contact=f"@contact_{name}", **given)["id"]
    service.later(minutes=minutes)
    assert service.call("POST /api/orders/{id}/take", user=2, id=order).status == 200
    return order


@pytest.fixture
def noon(service: Api) -> Api:
    """The service at noon of DAY, with money for executor 2."""
    get_stats._live.clear()
    service.now = begins_at(DAY) + 12 * HOUR_MS
    service.recharge(2, 50)
    return service


def test_today_has_every_figure(noon: Api) -> None:
    order = taken(noon, "one")
    noon.later(minutes=2)
    assert noon.call("POST /api/orders/{id}/respond", user=1, id=order).status == 200
    assert noon.call("POST /api/orders/{id}/complete", user=1, id=order).status == 200
    assert noon.call("POST /api/reviews/client", user=1, body={"order_id": order, "rating": 4}).status == 200
    complaint = {"order_id": order, "complaint": "Другое"}
    assert noon.call("POST /api/reviews/executor", user=2, body=complaint).status == 200
    figures = {
        **dict.fromkeys(("posted", "taken", "slots", "responded", "completed", "complaints", "reviews"), 1),
        **dict.fromkeys(("clients", "executors", "new_clients", "new_executors"), 1),
        **dict.fromkeys(("expired_untaken", "closed", "refunded", "debts", "returning_7", "returning_28", "told"), 0),
        "spent": 2,
        "topped_up": 50,
        "rating_mean": 4.0,
        **dict.fromkeys(("first_take_p50", "first_take_p90"), 60),
        **dict.fromkeys(("respond_p50", "respond_p90"), 121),  # the middle of the bucket of 120 and 121 seconds
    }
    assert asked(noon, DAY, DAY) == {"days": [{"day": "2026-09-10", "open": True, **figures}], "total": figures}


def test_today_is_at_most_a_minute_old(noon: Api) -> None:
    assert asked(noon, DAY, DAY)["total"]["posted"] == 0
    taken(noon, "one", minutes=0)
    noon.later(ms=59_999)
    assert asked(noon, DAY, DAY)["total"]["posted"] == 0
    noon.later(ms=1)
    assert asked(noon, DAY, DAY)["total"]["posted"] == 1


def test_today_equals_what_the_audit_stores_of_it(noon: Api) -> None:
    """Every status and every cell, also of orders that no list shows: deleted, closed, removed, erased."""
    month = Month(noon, seed=5)
    for _ in range(12):
        month.order()
    removed = taken(noon, "removed")
    body = {"reason": "мошенничество"}
    assert noon.call("POST /api/admin/orders/{id}/remove", user=OPERATOR, id=removed, body=body).status == 200
    noon.order(8, contact="@of_erased")
    assert noon.call("DELETE /api/users/me", user=8).status == 204
    noon.now = max(noon.now, begins_at(DAY) + 23 * HOUR_MS)
    noon.sweep()
    live = stats.live(DAY, noon.now)
    reference = Reference(table.scan(), noon.now)
    assert live.keys() == reference.cells(DAY)
    for cell, figures in live.items():
        expected = told_apart(reference.figures(DAY, cell)) | {"topped_up": {}, "debts": 0}
        assert compared(figures) == expected | (reference.money(DAY) if cell == (None, None) else {})
    noon.now = begins_at(DAY) + DAY_MS + 5 * HOUR_MS
    assert audit.handler({}, Context()) == []
    for cell, figures in live.items():
        stored = stats.saved([DAY], *cell)[DAY]
        assert stored is not None
        assert compared(stored) == compared(figures)


def test_yesterday_is_computed_until_it_is_stored(noon: Api) -> None:
    taken(noon, "one")
    noon.now = begins_at(DAY) + DAY_MS + HOUR_MS
    both = DAY, DAY + timedelta(days=1)
    assert [day["posted"] for day in asked(noon, *both)["days"]] == [1, 0]
    noon.later(minutes=200)
    assert audit.handler({}, Context()) == []
    get_stats._live.clear()
    assert [day["posted"] for day in asked(noon, *both)["days"]] == [1, 0]


def test_day_closes_after_28_days(noon: Api) -> None:
    noon.now = begins_at(DAY) + 28 * DAY_MS
    assert asked(noon, DAY, DAY)["days"][0]["open"]
    noon.now += DAY_MS
    assert not asked(noon, DAY, DAY)["days"][0]["open"]


def test_cell_has_its_orders_and_no_top_ups(noon: Api) -> None:
    taken(noon, "one", city="Казань")
    taken(noon, "two", city="Казань", category="Электрика")
    taken(noon, "three", city="Пермь")
    for narrowed, posted in (
        ({"city": "Казань"}, 2),
        ({"category": "Сантехника"}, 2),
        ({"city": "Казань", "category": "Электрика"}, 1),
        ({"city": "Тула"}, 0),
    ):
        total = asked(noon, DAY, DAY, **narrowed)["total"]
        assert (total["posted"], total["spent"], total["topped_up"], total["debts"]) == (posted, 2 * posted, None, None)


def test_total_adds_days(noon: Api) -> None:
    taken(noon, "one", minutes=1)
    noon.now = begins_at(DAY) + DAY_MS + 5 * HOUR_MS
    assert audit.handler({}, Context()) == []
    taken(noon, "two", minutes=2)
    got = asked(noon, DAY, DAY + timedelta(days=1))
    assert [day["clients"] for day in got["days"]] == [1, 1]
    assert (got["total"]["posted"], got["total"]["clients"], got["total"]["first_take_p90"]) == (2, 2, 121)


def test_details_have_hours_and_sources(noon: Api) -> None:
    taken(noon, "one")
    details = asked(noon, DAY, DAY, details=True)["days"][0]["details"]
    assert details["hours"][12] == {
        "hour": 12,
        "posted": 1,
        "taken": 1,
        "responded": 0,
        "completed": 0,
        "expired_untaken": 0,
    }
    assert len(details["hours"]) == 24
    assert details["takes_from"] == {"feed": 1, "bot": 0, "link": 0}
    assert details["topped_up_by"] == [{"provider": "telegram_stars", "amount": 50}]
    assert details["listening"] is None


@pytest.mark.parametrize(
    ("query", "headers"),
    [({"format": "csv"}, {}), ({}, {"accept": "text/csv"}), ({}, {"accept": "text/csv;q=0.9, */*"})],
)
def test_csv_has_the_same_days(noon: Api, query: dict[str, str], headers: dict[str, str]) -> None:
    taken(noon, "one")
    period = {"from": DAY - timedelta(days=1), "to": DAY}
    answer = noon.call(PATH, user=OPERATOR, query={**period, **query}, headers=headers)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.text)))
    shown = asked(noon, DAY - timedelta(days=1), DAY)
    for row, expected in zip(rows, [*shown["days"], {"day": "total", "open": None, **shown["total"]}], strict=True):
        as_text = {name: "" if value is None else str(value) for name, value in expected.items()}
        assert row == {**as_text, "open": as_text["open"].lower()}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"])
def test_csv_cell_is_no_formula(text: str) -> None:
    assert get_stats._cell({"day": text}, "day") == f"'{text}"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2026-09-10"},
        {"from": "2026-09-10", "to": "2026-09-09"},
        {"from": "2025-09-09", "to": "2026-09-10"},
        {"from": "2026-02-29", "to": "2026-03-01"},
        {"from": "1790000000", "to": "1790000000"},
        {"from": "2026-09-10T00:00:00", "to": "2026-09-10"},
        {"from": "0000-01-01", "to": "0000-01-02"},
        {"from": "2026-09-10", "to": "2026-09-10", "city": "Готэм"},
        {"from": "2026-09-10", "to": "2026-09-10", "category": "Магия"},
        {"from": "2026-09-10", "to": "2026-09-10", "format": "xml"},
    ],
)
def test_bad_period_is_refused(noon: Api, query: dict[str, str]) -> None:
    answer = noon.call(PATH, user=OPERATOR, query=query)
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    assert all(field["msg"] for field in answer.json["detail"])


@pytest.mark.parametrize(("first", "last"), [("0001-01-01", "0001-12-31"), ("9999-01-01", "9999-12-31")])
def test_days_without_orders_are_zeros(noon: Api, first: str, last: str) -> None:
    got = asked(noon, date.fromisoformat(first), date.fromisoformat(last))
    assert len(got["days"]) == 365
    assert not any(day["posted"] for day in got["days"])


def test_leap_year_is_one_request(noon: Api) -> None:
    assert len(asked(noon, date(2024, 1, 1), date(2024, 12, 31))["days"]) == 366


def test_only_operators_read_metrics(noon: Api) -> None:
    query = {"from": DAY, "to": DAY}
    assert noon.call(PATH, query=query).status == 401
    assert noon.call(PATH, user=1, query=query).status == 403
