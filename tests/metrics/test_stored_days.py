"""What the audit stores: planted breaches are found, a run repeats nothing, a final day stays, no id of a person."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from functions.scheduled import audit
from shared.commands.settle import settle
from shared.domain.days import begins_at
from shared.domain.durations import DAY_MS, HOUR_MS, MINUTE_MS
from shared.store import keys, stats, table
from shared.store.attributes import item_to_dynamodb
from tests.api import Context
from tests.conftest import TABLE
from tests.in_process import Api
from tests.payments.shops import asked_for_stars

DAY = date(2026, 9, 10)
CLIENT, EXECUTOR, DEBTOR = 123_456_789, 223_456_789, 323_456_789


def audited() -> set[tuple[str, str, str]]:
    return {(each["invariant"], each["subject"], each["found"]) for each in audit.handler({}, Context())}


def metrics_breaches() -> set[tuple[str, str]]:
    return {(subject, found) for invariant, subject, found in audited() if invariant == "I32"}


def stored() -> dict[tuple[str, str], Any]:
    return {(item["pk"], item["sk"]): item for item in table.scan() if item["pk"].startswith("STATS#")}


def put(item: dict[str, Any]) -> None:
    """Store an item directly, past the store, which no function does."""
    table.client().put_item(TableName=TABLE, Item=item_to_dynamodb(item))


def spoil(name: str, value: Any, sk: str = "STATS", cell: str = "*") -> None:
    """Change a stored figure of DAY."""
    item = stored()[f"STATS#{DAY}", sk]
    figures = {**json.loads(item["cells"][cell]), name: value}
    put({**item, "cells": {**item["cells"], cell: json.dumps(figures)}})


def remove(key: keys.Key) -> None:
    table.client().transact_write_items(TransactItems=[{"Delete": {"TableName": TABLE, "Key": item_to_dynamodb(key)}}])


@pytest.fixture
def story(service: Api) -> str:
    """A day with a refunded order in Казань, and another person's debt; audited in the night after it."""
    service.now = begins_at(DAY) + 12 * HOUR_MS
    service.recharge(EXECUTOR, 20)
    body = {"categories": [], "cities": ["Казань"]}
    assert service.call("PUT /api/users/me/preferences", user=EXECUTOR, body=body).status == 200
    assert service.call("PUT /api/users/me/notification-settings", user=EXECUTOR, body={"enabled": True}).status == 200
    order: str = service.order(CLIENT, city="Казань")["id"]
    assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order).status == 200
    assert service.call("POST /api/orders/{id}/close", user=CLIENT, id=order).status == 204
    charge = asked_for_stars(DEBTOR, 4, service.now)
    settle(charge)
    other = service.order(CLIENT, contact="@other_pipe")["id"]
    assert service.call("POST /api/orders/{id}/take", user=DEBTOR, id=other).status == 200
    settle(replace(charge, refunded=4))
    service.now = night(1)
    assert audited() == set()
    return order


def night(age: int) -> int:
    """The night in which DAY is so many days ago."""
    return begins_at(DAY) + age * DAY_MS + 4 * HOUR_MS + 30 * MINUTE_MS


def test_day_has_its_money_and_subscribers(story: str) -> None:
    total, of_city = stats.saved([DAY], None, None)[DAY], stats.saved([DAY], "Казань", "Сантехника")[DAY]
    assert total
    assert of_city
    assert (total.posted, total.spent, total.refunded, total.debts) == (2, 4, 2, 2)
    assert total.topped_up == Counter(telegram_stars=24)
    assert (of_city.posted, of_city.spent, of_city.refunded, of_city.listening) == (1, 2, 2, 1)
    assert of_city.topped_up == Counter()
    assert (total.listening, stats.saved([DAY], None, "Сантехника")[DAY].listening) == (1, 1)  # type: ignore[union-attr]


def test_second_audit_writes_nothing(story: str, service: Api) -> None:
    before = stored()
    service.later(minutes=30)
    assert audited() == set()
    assert stored() == before


def test_nothing_stored_names_a_person(story: str) -> None:
    text = json.dumps(list(stored().values()), ensure_ascii=False)
    assert "posted" in text
    for person in (CLIENT, EXECUTOR, DEBTOR):
        assert str(person) not in text
    assert story not in text
    assert "burst_pipe" not in text


PLANTED: dict[str, tuple[Callable[[str], object], set[tuple[str, str]]]] = {
    "spent": (
        lambda _: spoil("spent", 5),
        {(f"metrics of {DAY}", "spent in the metrics is off by +1 from the ledger")},
    ),
    "refunded": (
        lambda _: spoil("refunded", 0),
        {(f"metrics of {DAY}", "refunded in the metrics is off by -2 from the ledger")},
    ),
    "topped up": (
        lambda _: spoil("topped_up", {"telegram_stars": 20, "yookassa": 4}),
        {
            (f"metrics of {DAY}", "topped_up by telegram_stars in the metrics is off by -4 from the ledger"),
            (f"metrics of {DAY}", "topped_up by yookassa in the metrics is off by +4 from the ledger"),
        },
    ),
    "a debit gone": (
        lambda order: remove(keys.ledger_entry(EXECUTOR, f"TAKE#{order}")),
        {
            (f"metrics of {DAY}", "spent in the metrics is off by +2 from the ledger"),
            (f"metrics of {DAY}", "spent in the orders is off by +2 from the ledger"),
        },
    ),
    "a refund gone": (
        lambda order: remove(keys.ledger_entry(EXECUTOR, f"REFUND#{order}")),
        {
            (f"metrics of {DAY}", "refunded in the metrics is off by +2 from the ledger"),
            (f"metrics of {DAY}", "refunded in the orders is off by +2 from the ledger"),
        },
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_breach_is_found_until_it_is_repaired(story: str, service: Api, name: str) -> None:
    """An audit does not write a day that is wrong: the next night finds the same."""
    right = list(table.scan())
    plant, expected = PLANTED[name]
    plant(story)
    assert metrics_breaches() == expected
    service.later(minutes=24 * 60)
    assert metrics_breaches() == expected
    for item in right:
        put(item)
    assert metrics_breaches() == set()


@pytest.mark.parametrize("name", PLANTED)
def test_planted_breach_of_a_final_day_is_found(story: str, service: Api, name: str) -> None:
    """Also once its orders are gone: the ledger and the metrics are kept for ever."""
    service.now = night(29)
    assert audited() == set()
    order = table.get(keys.order(story))
    assert order is not None
    service.now = night(100)
    for item in list(table.scan()):
        if item["sk"] in ("ORDER", "TOLD"):
            remove({"pk": item["pk"], "sk": item["sk"]})
    plant, expected = PLANTED[name]
    plant(story)
    if name == "a debit gone":  # and with it, the day to which the refund belongs
        expected = expected | PLANTED["a refund gone"][1]
    assert metrics_breaches() == {(subject, found) for subject, found in expected if "the orders" not in found}


def test_wrong_count_of_an_open_day_is_computed_anew(story: str) -> None:
    before = stored()
    spoil("posted", 9)
    assert audited() == set()
    assert stored()[f"STATS#{DAY}", "STATS"]["cells"] == before[f"STATS#{DAY}", "STATS"]["cells"]


def test_final_day_keeps_its_counts_and_gets_later_refunds(story: str, service: Api) -> None:
    service.now = night(29)
    service.sweep()  # nobody has recorded yet that the other order was never answered: its refund comes only now
    assert audited() == set()
    final = stats.saved([DAY], None, None)[DAY]
    assert final
    assert (final.refunded, final.reviews) == (2, 0)
    order = table.get(keys.order(story))
    assert order
    put({**order, "rating": 5})
    service.now = night(30)
    assert audited() == set()
    assert stats.saved([DAY], None, None)[DAY] == replace(final, refunded=4)


def test_days_without_an_audit_are_made_up_while_orders_are_kept(story: str, service: Api) -> None:
    """The first run fills what is there. A day whose orders may be gone is not computed, and final as it was."""
    for key in stored():
        remove({"pk": key[0], "sk": key[1]})
    service.now = night(29)
    assert audited() == set()
    assert stats.saved([DAY], None, None)[DAY]
    for key in stored():
        remove({"pk": key[0], "sk": key[1]})
    service.now = night(30)
    assert audited() == set()
    assert stored() == {}


def test_failed_write_of_metrics_fails_no_audit(story: str, service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise ConnectionError

    monkeypatch.setattr(table, "put_if", refuse)
    service.now = night(2)
    spoil("spent", 5)
    assert metrics_breaches() == PLANTED["spent"][1]


def test_without_time_no_day_is_written(story: str, service: Api) -> None:
    class Late(Context):
        def get_remaining_time_in_millis(self) -> int:
            return 0

    spoil("posted", 9)
    before = stored()
    assert audit.handler({}, Late()) == []
    assert stored() == before


def test_day_on_request_has_the_same_money(story: str, service: Api) -> None:
    """From the lists of the day alone, without the ledger."""
    total = stats.saved([DAY], None, None)[DAY]
    assert total
    live = stats.live(DAY, service.now)[None, None]
    assert replace(live, listening=1) == total
    assert (live.debts, live.spent, live.refunded) == (2, 4, 2)


def test_debits_of_before_this_release_have_their_day(story: str, service: Api) -> None:
    """They say only when the hour of their order ended."""
    service.now = night(100)
    for item in list(table.scan()):
        if item["sk"] == "ORDER":
            remove({"pk": item["pk"], "sk": item["sk"]})
        if item["sk"].startswith("LEDGER#TAKE#"):
            del item["order_posted_at"]
            put(item)
    assert metrics_breaches() == set()
