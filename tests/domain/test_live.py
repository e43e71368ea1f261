"""Live updates: tickets, messages of clients, and which changes of an order become frames for whom."""

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest

from shared.domain import live
from shared.domain.errors import InvalidMessage, InvalidTicket, UnknownCategory, UnknownCity
from shared.domain.live import Ping, Unwatch, Watch
from shared.domain.messages import ListChange, PersonalEvent
from shared.domain.order import (
    Order,
    answered,
    closed,
    completed,
    deleted,
    ended_by_time,
    listed,
    removed,
    with_refund,
    with_take,
)
from tests.domain.test_inbox import HOUR, MINUTE, order

KEY = b"a key of its own"
NOW = 1_790_000_000_123
NEW = order(1)
ONE = with_take(NEW, 11, price=2, answer_window_ms=15 * MINUTE, now=MINUTE)
TWO = with_take(ONE, 12, price=2, answer_window_ms=15 * MINUTE, now=2 * MINUTE)


# ---------------------------------------------------------------- tickets


def test_a_ticket_names_its_user_for_a_minute() -> None:
    ticket = live.ticket(7_000_000_001, key=KEY, now=NOW)
    for now in (NOW, NOW + 59_000):
        assert live.user_of_ticket(ticket, key=KEY, now=now) == 7_000_000_001
    with pytest.raises(InvalidTicket):
        live.user_of_ticket(ticket, key=KEY, now=NOW + 60_000)


def test_a_ticket_of_another_key_is_refused() -> None:
    with pytest.raises(InvalidTicket):
        live.user_of_ticket(live.ticket(7, key=b"another", now=NOW), key=KEY, now=NOW)


@pytest.mark.parametrize("sent", ["", ".", "..", "7", "7.1790000060", "7.1790000060.", "é.é.é", "0.1.x", "7.1_0.x"])
def test_a_malformed_ticket_is_refused(sent: str) -> None:
    with pytest.raises(InvalidTicket):
        live.user_of_ticket(sent, key=KEY, now=NOW)


def test_a_changed_ticket_is_refused() -> None:
    ticket = live.ticket(7, key=KEY, now=NOW)
    user, ends_at, mac = ticket.split(".")
    for changed in (
        f"8.{ends_at}.{mac}",
        f"{user}.{int(ends_at) + 1}.{mac}",
        f"{user}.{ends_at}.{mac[:-1]}",
        f" {ticket}",
    ):
        with pytest.raises(InvalidTicket):
            live.user_of_ticket(changed, key=KEY, now=NOW)


def test_a_signed_ticket_of_the_far_future_is_refused() -> None:
    text = f"7.{NOW // 1000 + 3600}"
    mac = base64.urlsafe_b64encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    near = f"7.{NOW // 1000 + 60}"
    assert live.ticket(7, key=KEY, now=NOW).startswith(f"{near}.")
    assert len(mac) == len(live.ticket(7, key=KEY, now=NOW).rpartition(".")[2])
    with pytest.raises(InvalidTicket):
        live.user_of_ticket(f"{text}.{mac}", key=KEY, now=NOW)


def test_only_known_origins_may_connect() -> None:
    allowed = ["https://app.example.org"]
    assert live.may_connect_from(None, allowed)
    assert live.may_connect_from("https://app.example.org", allowed)
    for foreign in ("https://evil.example.org", "null", "", "https://app.example.org.evil.org"):
        assert not live.may_connect_from(foreign, allowed)


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"action": "ping"}', Ping()),
        ('{"action": "unwatch"}', Unwatch()),
        ('{"action": "watch", "city": null, "category": null}', Watch(None, None)),
        ('{"action": "watch"}', Watch(None, None)),
        ('{"action": "watch", "city": "Москва", "category": "Клининг"}', Watch("Москва", "Клининг")),
        ('{"action": "watch", "city": "Мо\\u200bсква"}', Watch("Москва", None)),
    ],
)
def test_a_message_is_understood(text: str, meant: object) -> None:
    assert live.parse(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        '{"action": "watch", "category": ["Клининг"]}',
        "",
        "ping",
        "[]",
        "{}",
        "null",
        '{"action": "dance"}',
        '{"action": "watch", "city": 1}',
        "[" * 100_000,
    ],
)
def test_any_other_message_is_invalid(text: str) -> None:
    with pytest.raises(InvalidMessage):
        live.parse(text)


def test_unknown_cities_and_categories_are_refused() -> None:
    for city in ("Атлантида", "", "*", "москва"):
        with pytest.raises(UnknownCity):
            live.parse(f'{{"action": "watch", "city": "{city}"}}')
    for category in ("Магия", "", "*"):
        with pytest.raises(UnknownCategory):
            live.parse(f'{{"action": "watch", "category": "{category}"}}')


# ---------------------------------------------------------------- lists


def change_of(before: Order | None, after: Order) -> ListChange | None:
    changes = live.list_changes(before, after, MINUTE)
    assert [change.of_city for change in changes] in ([True, False], [])
    return changes[0] if changes else None


def events(before: Order | None, *changed: Order, now: int = 3 * MINUTE, read: Order | None = None) -> dict[Watch, str]:
    """What the watchers of each list of the order are told, when the last of the changes is read."""
    orders = [before, *changed]
    found = [change for pair in zip(orders, changed, strict=False) if (change := change_of(*pair))]
    shown = listed(read or changed[-1])
    [changes] = live.by_order(reversed(found)).values()
    lists = [watch for of_city in (True, False) for watch in live.watches(changes, of_city=of_city)]
    return {watch: live.event(watch, changes, shown, now) for watch in lists}


CITY, CATEGORY = NEW.city, NEW.category
LISTS = [Watch(CITY, None), Watch(CITY, CATEGORY), Watch(None, None), Watch(None, CATEGORY)]


def written(order: Order, version: int) -> Order:
    return replace(order, version=version)


def test_a_new_order_appears_in_its_four_lists() -> None:
    assert events(None, NEW) == dict.fromkeys(LISTS, "appeared")


def test_a_take_changes_the_order_in_its_lists() -> None:
    assert events(NEW, written(ONE, 2)) == dict.fromkeys(LISTS, "changed")


@pytest.mark.parametrize(
    "ended",
    [
        deleted(NEW, 1, MINUTE),
        removed(NEW, MINUTE),
        completed(ONE, 1, MINUTE),
        closed(ONE, 1, MINUTE),
        ended_by_time(NEW, HOUR),
    ],
)
def test_an_ended_or_removed_order_left(ended: Order) -> None:
    assert events(NEW, written(ended, 2)) == dict.fromkeys(LISTS, "left")


def test_an_order_past_its_hour_left_without_a_timer() -> None:
    assert events(NEW, written(ONE, 2), now=NEW.expires_at) == dict.fromkeys(LISTS, "left")


def test_a_change_that_no_list_shows_makes_no_message() -> None:
    ended = deleted(NEW, 1, MINUTE)
    assert change_of(ended, replace(ended, description="Удалено")) is None


def test_a_changed_category_leaves_appears_and_changes() -> None:
    moved = written(replace(NEW, category="Электрика"), 2)
    assert events(NEW, moved) == {
        Watch(CITY, None): "changed",
        Watch(CITY, CATEGORY): "left",
        Watch(CITY, "Электрика"): "appeared",
        Watch(None, None): "changed",
        Watch(None, CATEGORY): "left",
        Watch(None, "Электрика"): "appeared",
    }


def test_changes_of_one_batch_are_one_event() -> None:
    moved = written(replace(NEW, category="Электрика"), 2)
    back = written(NEW, 3)
    assert events(None, NEW, written(ONE, 2)) == dict.fromkeys(LISTS, "appeared")
    found = events(NEW, moved, back)
    assert {found[watch] for watch in LISTS} == {"changed"}
    assert found[Watch(CITY, "Электрика")] == "left"


def test_messages_count_once_in_any_sequence() -> None:
    first, second = change_of(None, NEW), change_of(NEW, written(ONE, 2))
    assert first is not None
    assert second is not None
    expected = live.by_order([first, second])
    for mixed in ([second, first], [second, first, second, first]):
        assert live.by_order(mixed) == expected
    [changes] = expected.values()
    assert (changes.version, changes.last_version, changes.was) == (NEW.version, 2, None)


def test_a_late_message_tells_of_the_order_as_it_is() -> None:
    moved = written(replace(NEW, category="Электрика"), 3)
    assert events(NEW, written(ONE, 2), read=moved)[Watch(CITY, CATEGORY)] == "left"
    assert Watch(CITY, "Электрика") not in events(NEW, written(ONE, 2), read=moved), "told by the change itself"


def test_an_order_that_is_gone_left() -> None:
    change = change_of(None, NEW)
    assert change is not None
    [changes] = live.by_order([change]).values()
    lists = live.watches(changes, of_city=True)
    assert lists == [Watch(CITY, None), Watch(CITY, CATEGORY)]
    assert {live.event(watch, changes, None, MINUTE) for watch in lists} == {"left"}


def test_a_frame_of_a_left_order_shows_its_id_only() -> None:
    assert live.left_frame("A", 3) == {"type": "order", "event": "left", "version": 3, "order": {"id": "A"}}


# ---------------------------------------------------------------- people


def told(before: Order | None, after: Order, now: int = MINUTE) -> list[tuple[str, int, int]]:
    found = live.personal_events(before, after, now)
    assert all(event.subject == after.id for event in found)
    return [(event.kind, event.user_id, event.due_at) for event in found]


def test_the_first_take_tells_the_client_and_reminds() -> None:
    assert told(None, NEW) == []
    assert told(NEW, ONE) == [("taken", 1, MINUTE), ("respond_due", 1, 6 * MINUTE), ("respond_due", 1, 11 * MINUTE)]
    assert told(ONE, TWO, 2 * MINUTE) == [("taken", 1, 2 * MINUTE)]


def test_the_executors_are_told_of_a_response() -> None:
    assert told(TWO, answered(TWO, 1, MINUTE)) == [("responded", 11, MINUTE), ("responded", 12, MINUTE)]


def test_everybody_is_told_of_an_end() -> None:
    assert told(NEW, ended_by_time(NEW, HOUR)) == [("ended", 1, MINUTE)]
    done = told(ONE, completed(ONE, 1, MINUTE))
    assert done == [("responded", 11, MINUTE), ("ended", 1, MINUTE), ("ended", 11, MINUTE)]
    assert told(ONE, closed(ONE, 1, MINUTE))[-1] == ("refunded", 11, MINUTE)


def test_a_removal_ends_the_order_and_tells_of_refunds() -> None:
    kinds = [(kind, user) for kind, user, _ in told(ONE, removed(ONE, MINUTE))]
    assert kinds == [("ended", 1), ("ended", 11), ("refunded", 11)]
    over = completed(ONE, 1, MINUTE)
    assert [kind for kind, *_ in told(over, removed(over, 2 * MINUTE))] == ["ended", "ended"]


def test_a_refund_by_an_operator_is_told_alone() -> None:
    over = completed(ONE, 1, MINUTE)
    assert told(over, with_refund(over, 11, 2 * MINUTE)) == [("refunded", 11, MINUTE)]


def test_a_personal_frame_has_ids_only() -> None:
    assert live.mine_frame(PersonalEvent(1, "taken", "A", 0)) == {"type": "mine", "event": "taken", "order_id": "A"}
    assert live.mine_frame(PersonalEvent(1, "paid", "42", 0)) == {"type": "mine", "event": "paid", "payment_id": 42}


# ---------------------------------------------------------------- ceilings


def test_senders_take_turns_at_the_rate() -> None:
    assert live.turn(0, 1000, per_second=2000, now=NOW) == (NOW, NOW + 500)
    assert live.turn(NOW + 500, 1000, per_second=2000, now=NOW) == (NOW + 500, NOW + 1000)
    assert live.turn(NOW + 1000, 1000, per_second=2000, now=NOW) == (NOW + 1000, NOW + 1500)
    assert live.turn(NOW + 1001, 1, per_second=2000, now=NOW) is None


def test_a_sender_takes_a_turn_of_five_seconds_at_most() -> None:
    assert live.turn(0, 10_000, per_second=2000, now=NOW) == (NOW, NOW + 5000)
    assert live.turn(0, 10_002, per_second=2000, now=NOW) is None


def test_a_socket_is_over_after_two_hours() -> None:
    connection = live.Connection("A=", 1, NOW)
    assert live.may_be_open(connection, NOW + 2 * HOUR - 1)
    assert not live.may_be_open(connection, NOW + 2 * HOUR)
