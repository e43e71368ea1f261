"""Support threads: when one waits, since when, who is told what, and what of a photo can be shown."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.delivery import Delivery, Outcome
from shared.domain.durations import DAY_MS, MINUTE_MS
from shared.domain.errors import ThreadChanged
from shared.domain.support import (
    GROUP_WATCH_MINUTES,
    MAX_ANSWER,
    MAX_PHOTO_BYTES,
    MAX_TEXT,
    MAX_WATCH_MINUTES,
    OUTCOMES,
    Content,
    Message,
    Thread,
    Watch,
    answer_key,
    answered,
    closed,
    drop_reason,
    is_due,
    message_id_of,
    new_answer,
    photo_of,
    received,
    received_key,
    refused,
    taken_over,
    tried,
    useful_until,
)

PERSON, OPERATOR, OTHER = 5, 900, 901
NOW = 1_700_000_000_000


def opened_thread() -> Thread:
    return received(None, PERSON, 100, NOW)


def answered_thread() -> Thread:
    return answered(opened_thread(), OPERATOR, 101, seen=100, now=NOW + MINUTE_MS)


def closed_thread() -> Thread:
    return closed(answered_thread(), OPERATOR, seen=100, now=NOW + 2 * MINUTE_MS)


def test_the_limits_are_those_that_are_documented() -> None:
    assert (MAX_TEXT, MAX_ANSWER, MAX_PHOTO_BYTES) == (4096, 2000, 4_000_000)
    assert (MAX_WATCH_MINUTES, GROUP_WATCH_MINUTES) == (1440, 15)


# ---------------------------------------------------------------- what a person writes


def test_first_message_opens_a_waiting_thread() -> None:
    expected = Thread(
        PERSON,
        opened_at=NOW,
        last_at=NOW,
        newest_id=100,
        received_id=100,
        received_at=NOW,
        waiting_since=NOW,
        opened_id=100,
        confirmed_id=100,
        confirmed_at=NOW,
        refused_until=0,
        version=0,
    )
    assert (opened_thread(), opened_thread().state) == (expected, "waiting")


def test_next_message_waits_since_the_first() -> None:
    later = NOW + 10_000
    thread = received(opened_thread(), PERSON, 200, later)
    assert thread == replace(opened_thread(), last_at=later, newest_id=200, received_id=200, received_at=later)


@pytest.mark.parametrize(("seconds", "is_confirmed"), [(0, False), (29.999, False), (30, True), (300, True)])
def test_confirmations_are_half_a_minute_apart(seconds: float, is_confirmed: bool) -> None:
    later = NOW + int(seconds * 1000)
    thread = received(opened_thread(), PERSON, 200, later)
    assert (thread.confirmed_id == thread.newest_id) is is_confirmed
    assert thread.confirmed_at == (later if is_confirmed else NOW)
    assert thread.opened_id == 100


@pytest.mark.parametrize("given", [1, 100, 101])
def test_id_of_a_message_grows_also_when_clocks_differ(given: int) -> None:
    thread = received(opened_thread(), PERSON, given, NOW)
    assert (thread.newest_id, thread.received_id) == (101, 101)
    answer = answered(opened_thread(), OPERATOR, given, seen=0, now=NOW)
    assert (answer.newest_id, answer.received_id) == (101, 100)


def test_message_after_an_answer_waits_since_itself() -> None:
    later = NOW + 5 * MINUTE_MS
    thread = received(answered_thread(), PERSON, 200, later)
    assert (thread.state, thread.waiting_since) == ("waiting", later)
    assert (thread.operator_id, thread.answered_at, thread.opened_at) == (OPERATOR, NOW + MINUTE_MS, NOW)


def test_message_reopens_a_closed_thread_for_everybody() -> None:
    """Its operator, its first answer and its opening are of the new conversation. The person is told at once."""
    thread = received(closed_thread(), PERSON, 200, NOW + 1)
    assert (thread.state, thread.closed_at, thread.waiting_since) == ("waiting", None, NOW + 1)
    assert (thread.operator_id, thread.answered_at, thread.opened_at) == (None, None, NOW + 1)
    assert (thread.opened_id, thread.confirmed_id, thread.confirmed_at) == (200, 200, NOW + 1)


def test_refusal_notes_only_until_when_it_holds() -> None:
    assert refused(opened_thread(), NOW + 9) == replace(opened_thread(), refused_until=NOW + 9)


# ---------------------------------------------------------------- what an operator does


def test_answer_to_what_was_seen_ends_the_wait() -> None:
    later = NOW + MINUTE_MS
    expected = replace(
        opened_thread(), last_at=later, newest_id=101, waiting_since=None, answered_at=later, operator_id=OPERATOR
    )
    assert (answered_thread(), answered_thread().state) == (expected, "answered")


def test_answer_to_an_older_message_leaves_the_newer_waiting() -> None:
    newer = received(opened_thread(), PERSON, 200, NOW + 10_000)
    thread = answered(newer, OPERATOR, 300, seen=199, now=NOW + MINUTE_MS)
    assert (thread.state, thread.waiting_since) == ("waiting", NOW + 10_000)
    assert answered(newer, OPERATOR, 300, seen=200, now=NOW + MINUTE_MS).state == "answered"


def test_answer_to_an_answered_thread_starts_no_wait() -> None:
    thread = answered(answered_thread(), OTHER, 300, seen=0, now=NOW + 3 * MINUTE_MS)
    assert (thread.state, thread.waiting_since) == ("answered", None)
    assert (thread.operator_id, thread.answered_at) == (OTHER, NOW + MINUTE_MS)


def test_answer_reopens_a_closed_thread() -> None:
    thread = answered(closed_thread(), OTHER, 300, seen=100, now=NOW + 3 * MINUTE_MS)
    assert (thread.state, thread.closed_at) == ("answered", None)


def test_takeover_changes_the_operator_only() -> None:
    assert taken_over(answered_thread(), OTHER) == replace(answered_thread(), operator_id=OTHER)
    assert taken_over(answered_thread(), OPERATOR) == answered_thread()


def test_close_needs_a_look_at_the_newest_message() -> None:
    newer = received(answered_thread(), PERSON, 200, NOW + 2 * MINUTE_MS)
    with pytest.raises(ThreadChanged):
        closed(newer, OTHER, seen=199, now=NOW + 3 * MINUTE_MS)
    thread = closed(newer, OTHER, seen=200, now=NOW + 3 * MINUTE_MS)
    assert thread == replace(newer, waiting_since=None, operator_id=OTHER, closed_at=NOW + 3 * MINUTE_MS)
    assert thread.state == "closed"


def test_repeated_close_changes_nothing() -> None:
    thread = closed_thread()
    assert closed(thread, OTHER, seen=0, now=NOW + DAY_MS) is thread


# ---------------------------------------------------------------- answers on their way


def answer() -> Message:
    return new_answer(answered_thread(), answer_key("key"), "Вернём", OPERATOR, NOW)


def test_answer_has_a_minute_to_reach_the_queue() -> None:
    assert answer() == Message(
        PERSON,
        "OUT#key",
        101,
        Content("Вернём"),
        NOW,
        operator_id=OPERATOR,
        delivery=Delivery(0, 0),
        due_at=NOW + MINUTE_MS,
    )


@pytest.mark.parametrize("delivery", [Delivery(1, NOW + 1), Delivery(0, 0), Delivery(2, NOW + 5 * MINUTE_MS)])
def test_tried_answer_is_due_after_its_message_came_again(delivery: Delivery) -> None:
    """SQS delays a message by 15 minutes at most. A claim says nothing of that."""
    later = NOW + 2 * MINUTE_MS
    assert tried(answer(), delivery, later) == replace(answer(), delivery=delivery, due_at=later + 16 * MINUTE_MS)


def test_answer_is_given_up_after_a_day() -> None:
    assert useful_until(answer()) == NOW + DAY_MS
    assert drop_reason(answer(), NOW + DAY_MS - 1) is None
    assert drop_reason(answer(), NOW + DAY_MS) is Outcome.LATE


def test_outcomes_are_those_of_the_contract() -> None:
    shown = {"arrived", "unreachable", "refused", "in_doubt", "late"}
    assert {OUTCOMES[outcome] for outcome in OUTCOMES} == shown
    assert (OUTCOMES[Outcome.ARRIVED], OUTCOMES[Outcome.LATE]) == ("arrived", "late")
    assert (OUTCOMES[Outcome.UNREACHABLE], OUTCOMES[Outcome.REFUSED]) == ("unreachable", "refused")


def test_keys_of_the_two_sides_differ() -> None:
    assert (received_key(7), answer_key("7")) == ("IN#7", "OUT#7")
    assert message_id_of(received_key(7)) == 7


# ---------------------------------------------------------------- photos and watches


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ([], None),
        ([{"file_id": "a", "width": 1, "height": 9}, {"file_id": "b", "width": 4, "height": 4}], "b"),
        ([{"file_id": "a", "width": 9, "height": 1}, {"file_id": "b", "width": 4, "height": 4}], "b"),
        ([{"file_id": "b", "width": 4, "height": 4}, {"file_id": "a", "width": 9}, {"file_id": "c", "height": 9}], "b"),
        ([{"file_id": "a", "width": 9, "height": 9, "file_size": 4_000_001}], None),
        ([{"file_id": "a", "width": 9, "height": 9, "file_size": 4_000_000}], "a"),
        ([{"width": 9, "height": 9}, {"file_id": "", "width": 8, "height": 8}], None),
    ],
)
def test_photo_is_the_largest_that_can_be_shown(sizes: list[dict[str, Any]], shown: str | None) -> None:
    assert photo_of(sizes) == shown


@pytest.mark.parametrize(
    ("minutes", "waited_ms", "due"),
    [(5, 5 * MINUTE_MS, True), (5, 5 * MINUTE_MS - 1, False), (1, MINUTE_MS, True), (0, DAY_MS, False)],
)
def test_watch_is_due_as_often_as_it_was_set(minutes: int, waited_ms: int, due: bool) -> None:
    assert is_due(Watch(900, minutes, told_at=NOW), NOW + waited_ms) is due


def test_new_watch_was_never_told() -> None:
    assert is_due(Watch(900, 1), MINUTE_MS)
    assert not is_due(Watch(900, 1), MINUTE_MS - 1)
