"""Each condition by itself: the item that it allows, and those that it refuses, each of them one step away."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.order import Order, Status, Take, listed, status_at
from shared.store import conditions, orders
from shared.store.attributes import item_to_dynamodb
from tests.fakes import expressions

Item = Mapping[str, Any]
NOW = 1_790_000_000_000
NAMES = {"#status": "status", "#caller": "2"}
NEW = {"pk": "A", "sk": "B"}


def holds(condition: str, item: Item, values: Item, names: Mapping[str, str] = NAMES) -> bool:
    return expressions.holds(condition, item_to_dynamodb(item), names, item_to_dynamodb(values))


# Each condition with its values, the items that it allows, and the items that it refuses.
CASES: dict[str, tuple[str, Item, list[Item], list[Item]]] = {
    "not there": (conditions.NOT_THERE, {}, [{}], [NEW]),
    "there": (conditions.THERE, {}, [NEW], [{}]),
    "the order is as read": (
        conditions.ORDER_AS_READ,
        {":version_read": 3},
        [{"version": 3}],
        [{}, {"version": 2}, {"version": 4}],
    ),
    "stored as active": (
        conditions.STORED_ACTIVE,
        {":active": "active"},
        [{"status": "active"}],
        [{}, {"status": "expired"}],
    ),
    "the hour runs": (
        conditions.HOUR_RUNNING,
        {":now": NOW},
        [{"expires_at": NOW + 1}],
        [{}, {"expires_at": NOW}, {"expires_at": NOW - 1}],
    ),
    "another client": (conditions.NOT_OWNED_BY_CALLER, {":caller": 2}, [{"client_id": 1}], [{"client_id": 2}]),
    "nobody took it": (conditions.NOBODY_TOOK_IT, {":none": 0}, [{"takes": {}}], [{}, {"takes": {"2": {}}}]),
    "a slot is free": (
        conditions.SLOT_FREE,
        {":max_takes": 2},
        [{"takes": {}}, {"takes": {"2": {}}}],
        [{}, {"takes": {"2": {}, "3": {}}}, {"takes": {"2": {}, "3": {}, "4": {}}}],
    ),
    "not taken by the caller": (
        conditions.NOT_TAKEN_BY_CALLER,
        {},
        [{"takes": {}}, {"takes": {"3": {}}}],
        [{"takes": {"2": {}}}],
    ),
    "answered, or in time": (
        conditions.ANSWERED_OR_IN_TIME,
        {":now": NOW},
        [{}, {"answer_due_at": NOW + 1}, {"answer_due_at": NOW, "responded_at": 1}],
        [{"answer_due_at": NOW}, {"answer_due_at": NOW - 1}],
    ),
    "nothing is due": (
        conditions.NOTHING_DUE,
        {},
        [{"created_at": 1}, {"created_at": 1, "due_at": 1}],
        [{"created_at": 1, "due_at": 2}],
    ),
    "the lock is free": (
        conditions.LOCK_FREE,
        {":now": NOW},
        [{}, {**NEW, "expires_at": NOW}, {**NEW, "expires_at": NOW - 1}],
        [{**NEW, "expires_at": NOW + 1}],
    ),
    "the lock is ours": (conditions.LOCK_OURS, {":order_id": "a"}, [{"order_id": "a"}], [{}, {"order_id": "b"}]),
    "not banned": (
        conditions.NOT_BANNED,
        {":called_at": NOW},
        [{}, NEW, {"banned_at": 1, "banned_until": NOW}, {"banned_at": 1, "banned_until": NOW - 1}],
        [{"banned_at": 1}, {"banned_at": 1, "banned_until": NOW + 1}],
    ),
    "no ban yet": (conditions.NO_BAN_YET, {}, [{}, NEW], [{"banned_at": 1}]),
    "the ban is as read": (
        conditions.BAN_AS_READ,
        {":banned_read": 2},
        [{"banned_at": 2}],
        [{}, {"banned_at": 1}, {"banned_at": 3}],
    ),
    "the notes are as read": (
        conditions.NOTES_AS_READ,
        {":version_read": 2},
        [{"version": 2}],
        [{}, {"version": 1}, {"version": 3}],
    ),
    "no settings yet": (conditions.NO_SETTINGS_YET, {}, [{}, NEW], [{"settings_version": 1}]),
    "the settings are as read": (
        conditions.SETTINGS_AS_READ,
        {":settings_read": 2},
        [{"settings_version": 2}],
        [{}, {"settings_version": 1}, {"settings_version": 3}],
    ),
    "no entry yet": (conditions.NO_ENTRY_YET, {}, [{}, NEW], [{"last_entry_id": 1}]),
    "the last entry is as read": (
        conditions.LAST_ENTRY_AS_READ,
        {":last_entry_read": 2},
        [{"last_entry_id": 2}],
        [{}, {"last_entry_id": 1}, {"last_entry_id": 3}],
    ),
    "no debt": (conditions.NO_DEBT, {}, [{}, NEW], [{"debt": 1}]),
    "the debt is as read": (conditions.DEBT_AS_READ, {":debt_read": 2}, [{"debt": 2}], [{}, {"debt": 1}, {"debt": 3}]),
    "the balance is enough": (
        conditions.BALANCE_ENOUGH,
        {":price": 2},
        [{"balance": 2}, {"balance": 3}],
        [{}, {"balance": 1}],
    ),
    "the review is shown": (conditions.REVIEW_SHOWN, {}, [NEW], [{}, {**NEW, "hidden_at": 1}]),
    "the review is hidden": (conditions.REVIEW_HIDDEN, {}, [{**NEW, "hidden_at": 1}], [{}, NEW]),
    "not handled": (conditions.NOT_HANDLED, {}, [NEW], [{}, {**NEW, "handled_at": 1}]),
    "the payment is as read": (
        conditions.PAYMENT_AS_READ,
        {":status_read": "paid", ":refunded_read": 1},
        [{"status": "paid", "refunded": 1}],
        [{}, {"status": "paid", "refunded": 0}, {"status": "refunded", "refunded": 1}],
    ),
    "the operator's refunds are as read": (
        conditions.REFUNDED_AS_READ,
        {":spent_read": 2},
        [{"roubles": 2}],
        [{}, {"roubles": 1}, {"roubles": 3}],
    ),
    "the refund waits": (conditions.REFUND_WAITS, {}, [NEW], [{}, {**NEW, "approved_at": 1}]),
    "the check of the refund is as read": (
        conditions.REFUND_CHECK_AS_READ,
        {":check_read": 2},
        [{**NEW, "due_at": 2}],
        [{}, NEW, {**NEW, "due_at": 1}, {**NEW, "due_at": 3}],
    ),
    "no check of the refund": (conditions.NO_REFUND_CHECK, {}, [NEW], [{}, {**NEW, "due_at": 1}]),
    "more were told": (conditions.MORE_TOLD, {":told": 2}, [{}, {"told": 1}], [{"told": 2}, {"told": 3}]),
    "the metrics are not final": (
        conditions.STATS_NOT_FINAL,
        {":open": False},
        [{}, {**NEW, "is_final": False}],
        [NEW, {**NEW, "is_final": True}],
    ),
    "no inbox yet": (conditions.NO_INBOX_YET, {}, [{}, {**NEW, "next_at": 1}], [{"version": 1}]),
    "the inbox is as read": (
        conditions.INBOX_AS_READ,
        {":version_read": 2},
        [{"version": 2}],
        [{}, {"version": 1}, {"version": 3}],
    ),
    "the notice is as read": (
        conditions.NOTICE_AS_READ,
        {":held_read": 5, ":tries_read": 1},
        [{"held_until": 5, "tries": 1}],
        [{}, {"held_until": 6, "tries": 1}, {"held_until": 5, "tries": 2}],
    ),
    "a turn is ahead": (
        conditions.TURN_AHEAD,
        {":now": NOW, ":latest": NOW + 5},
        [{"next_at": NOW}, {"next_at": NOW + 5}],
        [{}, {"next_at": NOW - 1}, {"next_at": NOW + 6}],
    ),
    "no turn is ahead": (
        conditions.NO_TURN_AHEAD,
        {":now": NOW},
        [{}, {"next_at": NOW - 1}],
        [{"next_at": NOW}, {"next_at": NOW + 1}],
    ),
    "the turn is before the pause's end": (
        conditions.TURN_BEFORE,
        {":until": NOW},
        [{}, {"next_at": NOW - 1}],
        [{"next_at": NOW}, {"next_at": NOW + 1}],
    ),
    "the watch is as read": (
        conditions.WATCH_AS_READ,
        {":version_read": 2},
        [{"watch_version": 2}],
        [{}, {"watch_version": 1}, {"watch_version": 3}],
    ),
    "no sender is busy": (
        conditions.NO_SENDER_BUSY,
        {":now": NOW},
        [{}, {"busy_until": NOW}, {"busy_until": NOW - 1}],
        [{"busy_until": NOW + 1}],
    ),
    "the busy sender is as read": (
        conditions.BUSY_AS_READ,
        {":busy_read": 2},
        [{"busy_until": 2}],
        [{}, {"busy_until": 1}, {"busy_until": 3}],
    ),
    "the thread is as read": (
        conditions.THREAD_AS_READ,
        {":version_read": 2},
        [{"version": 2}],
        [{}, {"version": 1}, {"version": 3}],
    ),
    "the message is as read": (
        conditions.MESSAGE_AS_READ,
        {":content_read": "a"},
        [{**NEW, "content": "a"}],
        [{}, NEW, {**NEW, "content": "b"}],
    ),
    "the watch of operators is as read": (
        conditions.OPERATORS_WATCH_AS_READ,
        {":told_read": 1, ":minutes_read": 2},
        [{"told_at": 1, "minutes": 2}],
        [{}, {"told_at": 2, "minutes": 2}, {"told_at": 1, "minutes": 3}],
    ),
    "any refusals": (conditions.ANY_REFUSALS, {}, [{}, NEW], []),
}


@pytest.mark.parametrize(("condition", "values", "allowed", "refused"), CASES.values(), ids=CASES.keys())
def test_condition_allows_and_refuses(condition: str, values: Item, allowed: list[Item], refused: list[Item]) -> None:
    assert [item for item in allowed if not holds(condition, item, values)] == []
    assert [item for item in refused if holds(condition, item, values)] == []


def test_bucket_is_as_read_or_fuller() -> None:
    condition, values = conditions.bucket_full_by("takes"), {":takes_full_by": NOW}
    for item in ({}, {"bucket_takes": NOW}, {"bucket_takes": NOW - 1}, {"bucket_orders": NOW + 1}):
        assert holds(condition, item, values)
    assert not holds(condition, {"bucket_takes": NOW + 1}, values)


def test_all_of_needs_each_clause_as_a_whole() -> None:
    condition = conditions.all_of(conditions.NO_DEBT, conditions.ANSWERED_OR_IN_TIME)
    assert holds(condition, {}, {":now": NOW})
    assert holds(condition, {"responded_at": 1}, {":now": NOW})
    for item in ({"debt": 1}, {"debt": 1, "responded_at": 1}, {"answer_due_at": NOW}):
        assert not holds(condition, item, {":now": NOW})


# ---------------------------------------------------------------- filters

ACTIVE = Order(
    id="AAAAAAAAAAAA",
    client_id=1,
    category="Сантехника",
    city="Москва",
    description="Прорвало трубу на кухне",
    contact="@burst_pipe",
    contact_key="key",
    created_at=NOW - 1,
    expires_at=NOW + 1,
)
TAKES = {2: Take(2, NOW - 1, 2, 1)}
LATE = replace(ACTIVE, expires_at=NOW)
ORDERS = [
    ACTIVE,
    replace(ACTIVE, city="Казань"),
    replace(ACTIVE, category="Электрика"),
    LATE,
    *(
        replace(order, takes=TAKES, answer_due_at=due_at, responded_at=responded_at)
        for order in (ACTIVE, LATE, replace(LATE, status=Status.EXPIRED), replace(LATE, status=Status.COMPLETED))
        for due_at in (NOW - 1, NOW, NOW + 1)
        for responded_at in (None, NOW - 1)
    ),
    *(replace(LATE, status=status) for status in Status),
]


def matched(chosen: conditions.Filter, order: Order) -> bool:
    """Whether the filter matches the order's entry. It must use each of its values, as DynamoDB demands."""
    assert all(name in chosen.expression for name in (*chosen.values, *chosen.names))
    entry = {"listed": orders._listed_map(listed(order))}
    return holds(chosen.expression, entry, chosen.values, chosen.names)


@pytest.mark.parametrize("city", [None, "Москва", "Казань"])
@pytest.mark.parametrize("category", [None, "Сантехника", "Электрика"])
@pytest.mark.parametrize("status", [None, *Status])
def test_filter_matches_by_the_current_status(status: Status | None, city: str | None, category: str | None) -> None:
    chosen = conditions.listed_as(status, city, category, NOW)
    if chosen is None:
        assert (status, city, category) == (None, None, None)
        return
    for order in ORDERS:
        expected = (
            status in (None, status_at(order, NOW))
            and city in (None, order.city)
            and category in (None, order.category)
        )
        assert matched(chosen, order) is expected, order


def test_filter_of_open_orders_leaves_out_the_unanswered() -> None:
    for order in ORDERS:
        is_closed = order.closes_at is not None and order.closes_at <= NOW
        assert matched(conditions.still_open(NOW), order) is not is_closed, order
