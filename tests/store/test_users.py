"""Users in the table: what a write by a user stores, and which writes of balance, buckets and settings are refused."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from shared.domain.init_data import TelegramUser
from shared.domain.limits import Token
from shared.domain.money import BalanceChange, LedgerEntry
from shared.domain.operators import Action
from shared.domain.user import User
from shared.store import keys, table, updates, users
from tests.fakes.wire import Wire
from tests.in_process import START, Change, change

__all__ = ["change"]

ANNA = TelegramUser(7, "Анна", "К.", "Anna")
PROFILE = {
    "first_name": "Анна",
    "last_name": "К.",
    "username": "Anna",
    "timeline_pk": "NAMED#anna",
    "timeline_sk": "0000000000000007",
    "consent_1": START,
}
TOKEN = Token("takes", full_by=START, after=START + 9)
KEY = keys.user(7)


def stored() -> dict[str, Any]:
    """The attributes of user 7 besides the key."""
    item = table.get(KEY) or {}
    return {name: value for name, value in item.items() if name not in KEY}


def put(**item: Any) -> None:
    """Replace the item of user 7."""
    table.transact([table.put_write({**KEY, **item}, condition=None)])


def write(**more: Any) -> None:
    table.transact([users.user_write(7, **more)])


def refused(work: Callable[[], object]) -> bool:
    """Whether the write is refused. Then it must have changed nothing."""
    before = table.get(KEY)
    try:
        work()
    except table.WriteConflict:
        assert table.get(KEY) == before
        return True
    return False


# ---------------------------------------------------------------- reads


def test_user_is_read_from_every_attribute() -> None:
    item = {
        **PROFILE,
        "balance": 1,
        "debt": 2,
        "last_entry_id": 3,
        "active_orders": 4,
        "completed_orders": 5,
        "rating_sum": 6,
        "rating_count": 7,
        "preferences": {"categories": ["Клининг"], "cities": ["Уфа", "Казань"]},
        "notify_enabled": True,
        "notify_frequency": 8,
        "chat_open": False,
        "settings_version": 9,
        "banned_at": 10,
        "banned_until": 11,
        "ban_reason": "спам",
        "consent_2": 12,
        "receipt_contact": "anna@example.ru",
        "receipt_contact_consent_at": 13,
        "bucket_takes": 14,
        "bucket_reads": 15,
        "bucket_of_old": 16,
    }
    assert users.from_item(7, item) == User(
        id=7,
        first_name="Анна",
        last_name="К.",
        username="Anna",
        balance=1,
        debt=2,
        last_entry_id=3,
        active_orders=4,
        completed_orders=5,
        rating_sum=6,
        rating_count=7,
        preferred_categories=("Клининг",),
        preferred_cities=("Уфа", "Казань"),
        notifications_enabled=True,
        notification_frequency=8,
        chat_open=False,
        settings_version=9,
        banned_at=10,
        banned_until=11,
        ban_reason="спам",
        consents={"1": START, "2": 12},
        receipt_contact="anna@example.ru",
        receipt_contact_consent_at=13,
        full_at={"takes": 14, "reads": 15},
    )


def test_user_without_an_item_has_every_default(wire: Wire) -> None:
    assert users.from_item(7, None) == users.from_item(7, {}) == users.get(7) == User(7)
    assert users.find(7) is None
    put(balance=3)
    assert users.find(7) == users.get(7) == User(7, balance=3)


def test_name_finds_the_users_who_had_it(wire: Wire) -> None:
    for id in range(1, 22):
        users.visit(TelegramUser(id, "", "", "Anna"))
    users.visit(TelegramUser(30, "", "", None))
    assert users.named("aNNA") == list(range(21, 1, -1))
    assert users.named("30") == []


def test_update_reads_its_user_once_only(wire: Wire) -> None:
    put(balance=3)
    assert users.get_for(7, update_id=1) == User(7, balance=3)
    updates.mark_handled(1, START)
    with pytest.raises(updates.AlreadyHandled):
        users.get_for(7, update_id=1)
    assert users.get_for(8, update_id=2) == User(8)


# ---------------------------------------------------------------- the profile


def test_first_visit_stores_the_profile_and_the_consent(wire: Wire) -> None:
    user = users.visit(ANNA)
    assert stored() == PROFILE
    assert user == users.get(7)
    wire.service.later(ms=5)
    wire.sent.clear()
    assert users.visit(ANNA) == user
    assert wire.counts() == {"GetItem": 1}


@pytest.mark.parametrize(
    ("caller", "new"),
    [
        (replace(ANNA, first_name="А."), {"first_name": "А."}),
        (replace(ANNA, last_name=""), {"last_name": ""}),
        (replace(ANNA, username=None), {"username": None, "timeline_pk": "NAMED##7"}),
        (replace(ANNA, username="anna"), {"username": "anna"}),
    ],
    ids=lambda each: str(each)[:20],
)
def test_changed_name_is_stored_at_the_next_visit(wire: Wire, caller: TelegramUser, new: dict[str, Any]) -> None:
    """The consent keeps its time."""
    users.visit(ANNA)
    wire.service.later(ms=5)
    assert users.visit(caller).username == caller.username
    assert stored() == {**PROFILE, **new}


def test_visit_under_new_terms_stores_a_second_consent(wire: Wire, change: Change) -> None:
    users.visit(ANNA)
    wire.service.later(ms=5)
    change(CONSENT_VERSION="2")
    assert users.visit(ANNA).consents == {"1": START, "2": START + 5}


def test_user_who_is_not_listed_yet_is_listed_at_a_visit(wire: Wire) -> None:
    put(**{name: value for name, value in PROFILE.items() if name != "timeline_sk"})
    users.visit(ANNA)
    assert stored() == PROFILE


# ---------------------------------------------------------------- writes of other transactions


def entry(amount: int, balance_after: int, id: int = 600) -> LedgerEntry:
    return LedgerEntry(id, 0, 7, "recharge", "RECHARGE#r", amount, balance_after, START)


def of(before: User, *entries: LedgerEntry, debt: int = 0) -> BalanceChange:
    return BalanceChange(before, entries, debt)


OLD = User(7, balance=5, last_entry_id=500)
DEBTOR = User(7, debt=5, last_entry_id=500)

# The arguments of a write, the item before, and the attributes that are different after.
WRITES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "profile": ({"caller": ANNA}, {"balance": 1}, PROFILE),
    "receipt contact": (
        {"receipt_contact": "anna@example.ru"},
        {},
        {"receipt_contact": "anna@example.ru", "receipt_contact_consent_at": START},
    ),
    "token": ({"token": TOKEN}, {"bucket_takes": START}, {"bucket_takes": START + 9}),
    "unspent token": ({"unspent": TOKEN, "active_orders": 1}, {"bucket_takes": START}, {"active_orders": 1}),
    "first entry": ({"change": of(User(7), entry(5, 5))}, {}, {"balance": 5, "last_entry_id": 600}),
    "next entry": (
        {"change": of(OLD, entry(3, 8))},
        {"balance": 5, "last_entry_id": 500},
        {"balance": 8, "last_entry_id": 600},
    ),
    "last of two entries": (
        {"change": of(OLD, entry(3, 8), entry(-1, 7, 601))},
        {"balance": 5, "last_entry_id": 500},
        {"balance": 7, "last_entry_id": 601},
    ),
    "whole balance": (
        {"change": of(OLD, entry(-5, 0))},
        {"balance": 5, "last_entry_id": 500},
        {"balance": 0, "last_entry_id": 600},
    ),
    "debt without an entry": (
        {"change": of(OLD, debt=2)},
        {"balance": 5, "last_entry_id": 500},
        {"debt": 2},
    ),
    "greater debt": ({"change": of(DEBTOR, debt=7)}, {"debt": 5, "last_entry_id": 500}, {"debt": 7}),
    "debt repaid": (
        {"change": of(DEBTOR, entry(6, 6), entry(-5, 1, 601))},
        {"debt": 5, "last_entry_id": 500},
        {"debt": None, "balance": 1, "last_entry_id": 601},
    ),
    "counters": (
        {"active_orders": -1, "completed_orders": 2},
        {"active_orders": 3},
        {"active_orders": 2, "completed_orders": 2},
    ),
    "rating": ({"rating": 4}, {"rating_sum": 1, "rating_count": 1}, {"rating_sum": 5, "rating_count": 2}),
    "rating that leaves": ({"rating": -4}, {"rating_sum": 9, "rating_count": 2}, {"rating_sum": 5, "rating_count": 1}),
    "others' write for a banned user": ({"active_orders": 1}, {"banned_at": 1}, {"active_orders": 1}),
    "ban that ended": ({"caller": ANNA}, {"banned_at": 1, "banned_until": START}, PROFILE),
}


@pytest.mark.parametrize(("given", "before", "new"), WRITES.values(), ids=WRITES.keys())
def test_write_changes_these_attributes(
    wire: Wire, given: dict[str, Any], before: dict[str, Any], new: dict[str, Any]
) -> None:
    put(**before)
    write(**given)
    assert stored() == {name: value for name, value in {**before, **new}.items() if value is not None}


# The arguments of a write, and the item that does not allow it.
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "banned caller": ({"caller": ANNA}, {"banned_at": 1}),
    "ban with an end": ({"caller": ANNA}, {"banned_at": 1, "banned_until": START + 1}),
    "bucket that is emptier": ({"token": TOKEN}, {"bucket_takes": START + 1}),
    "bucket of an unspent token": ({"unspent": TOKEN, "active_orders": 1}, {"bucket_takes": START + 1}),
    "first entry beside one": ({"change": of(User(7), entry(5, 5))}, {"last_entry_id": 1}),
    "another last entry": ({"change": of(OLD, entry(3, 8))}, {"balance": 5, "last_entry_id": 501}),
    "debt since": ({"change": of(OLD, entry(3, 8))}, {"balance": 5, "last_entry_id": 500, "debt": 1}),
    "another debt": ({"change": of(DEBTOR, debt=7)}, {"debt": 4, "last_entry_id": 500}),
    "balance too low": ({"change": of(OLD, entry(-5, 0))}, {"balance": 4, "last_entry_id": 500}),
}


@pytest.mark.parametrize(("given", "before"), REFUSED.values(), ids=REFUSED.keys())
def test_write_is_refused(wire: Wire, given: dict[str, Any], before: dict[str, Any]) -> None:
    put(**before)
    assert refused(lambda: write(**given))


def test_all_parts_of_a_write_go_together(wire: Wire) -> None:
    put(debt=5, last_entry_id=500)
    change = of(DEBTOR, entry(6, 6), entry(-5, 1, 601))
    unspent = Token("orders", full_by=START, after=START)
    write(caller=ANNA, token=TOKEN, unspent=unspent, change=change, active_orders=1, receipt_contact="+7")
    assert stored() == {
        **PROFILE,
        "receipt_contact": "+7",
        "receipt_contact_consent_at": START,
        "bucket_takes": START + 9,
        "balance": 1,
        "last_entry_id": 601,
        "active_orders": 1,
    }


def test_bucket_is_written_for_a_banned_user_too(wire: Wire) -> None:
    put(banned_at=1)
    users.set_bucket(7, TOKEN)
    assert stored() == {"banned_at": 1, "bucket_takes": START + 9}
    assert refused(lambda: users.set_bucket(7, TOKEN))


def test_charge_needs_a_caller_without_a_ban(wire: Wire) -> None:
    users.charge(ANNA, TOKEN)
    assert stored() == {**PROFILE, "bucket_takes": START + 9}
    assert refused(lambda: users.charge(ANNA, TOKEN))
    put(banned_at=1)
    assert refused(lambda: users.charge(ANNA, TOKEN))


# ---------------------------------------------------------------- settings

LISTENS = User(
    7,
    preferred_categories=("Клининг",),
    preferred_cities=("Уфа",),
    notifications_enabled=True,
    notification_frequency=5,
    settings_version=1,
)
SETTINGS = {
    "preferences": {"categories": ["Клининг"], "cities": ["Уфа"]},
    "notify_enabled": True,
    "notify_frequency": 5,
    "settings_version": 1,
}


def listed() -> list[str]:
    return [item["sk"] for item in table.scan() if item["sk"].startswith("SUBSCRIPTION")]


def test_settings_are_stored_with_the_subscriptions(wire: Wire) -> None:
    users.save_settings(User(7), LISTENS, caller=None, token=None)
    assert stored() == SETTINGS
    assert listed() == ["SUBSCRIPTION#Уфа#1"]
    quiet = replace(LISTENS, chat_open=False, settings_version=2)
    users.save_settings(LISTENS, quiet, caller=ANNA, token=TOKEN)
    new = {"chat_open": False, "settings_version": 2, "bucket_takes": START + 9}
    assert stored() == {**SETTINGS, **PROFILE, **new}
    assert listed() == []


def test_further_writes_go_with_the_settings(wire: Wire) -> None:
    beside = [table.put_write(dict(keys.notes(7)), condition=None)]
    users.save_settings(User(7), LISTENS, caller=None, token=None, beside=beside)
    assert table.get(keys.notes(7)) is not None


@pytest.mark.parametrize(
    ("before", "item"),
    [
        (User(7), {"settings_version": 1}),
        (LISTENS, {"settings_version": 2}),
        (LISTENS, {}),
        (User(7), {"banned_at": 1}),
        (User(7), {"bucket_takes": START + 1}),
    ],
    ids=str,
)
def test_settings_are_refused(wire: Wire, before: User, item: dict[str, Any]) -> None:
    put(**item)
    assert refused(lambda: users.save_settings(before, LISTENS, caller=ANNA, token=TOKEN))
    assert listed() == []


def test_settings_as_read_is_a_condition_for_other_writes(wire: Wire) -> None:
    put(settings_version=1)
    for user, done in ((LISTENS, True), (User(7), False), (replace(LISTENS, settings_version=2), False)):
        condition, values = users.settings_as_read(user)
        check = table.update_write(KEY, "SET seen = :seen", condition=condition, values={":seen": 1, **values})
        assert refused(partial(table.transact, [check])) is not done


# ---------------------------------------------------------------- bans

BANNED = User(7, banned_at=3, banned_until=9, ban_reason="спам")


def ban(before: User, after: User, token: str = "t") -> None:
    users.write_ban(before, after, Action(5, token, 900, "user_banned", "спам", START, user_id=7))


BANS = {
    "first": (User(7), BANNED),
    "without an end": (User(7), User(7, banned_at=3)),
    "replaced": (BANNED, User(7, banned_at=4, ban_reason="обман")),
    "lifted": (BANNED, User(7)),
}


def ban_item(user: User) -> dict[str, Any]:
    fields = {"banned_at": user.banned_at, "banned_until": user.banned_until, "ban_reason": user.ban_reason}
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.parametrize(("before", "after"), BANS.values(), ids=BANS.keys())
def test_ban_is_replaced_with_the_operators_action(wire: Wire, before: User, after: User) -> None:
    put(**ban_item(before))
    ban(before, after)
    assert stored() == ban_item(after)
    assert table.get(keys.action("t")) is not None
    for stale in (replace(before, banned_at=99), BANNED if before == User(7) else User(7)):
        put(**ban_item(before))
        assert refused(partial(ban, stale, after, "u"))
    assert table.get(keys.action("u")) is None
