"""Notices: who gets which notice of an order's change, and when a notice is outdated."""

from dataclasses import replace

import pytest

from shared.domain import notice as notices
from shared.domain.delivery import Outcome
from shared.domain.notice import Notice
from shared.domain.order import (
    Order,
    answered,
    closed,
    completed,
    deleted,
    ended_by_time,
    removed,
    with_refund,
    with_take,
)
from tests.domain.test_inbox import HOUR, MINUTE, order

WINDOW = 15 * MINUTE


def taken(stored: Order, executor: int, now: int) -> Order:
    return with_take(stored, executor, price=2, answer_window_ms=WINDOW, now=now)


def news(before: Order | None, after: Order, now: int) -> list[tuple[str, int, int, int]]:
    return [
        (notice.kind, notice.user_id, notice.number, notice.due_at) for notice in notices.of_change(before, after, now)
    ]


NEW = order(1)
ONE = taken(NEW, 11, MINUTE)
TWO = taken(ONE, 12, 2 * MINUTE)


def test_a_new_order_makes_no_notice() -> None:
    assert news(None, NEW, 0) == []


def test_the_first_take_schedules_three_reminders() -> None:
    assert news(NEW, ONE, MINUTE) == [
        ("taken", 1, 1, MINUTE),
        ("asked", 1, 1, 6 * MINUTE),
        ("asked", 1, 2, 11 * MINUTE),
    ]


def test_further_takes_are_notified() -> None:
    assert news(ONE, TWO, 2 * MINUTE) == [("taken", 1, 2, 2 * MINUTE)]
    assert [kind for kind, *_ in news(NEW, TWO, 2 * MINUTE)] == ["taken", "asked", "asked", "taken"]


def test_executors_are_notified_of_answer_end_and_refund() -> None:
    now = 3 * MINUTE
    answer = answered(TWO, 1, now)
    assert news(TWO, answer, now) == [("answered", 11, 0, now), ("answered", 12, 0, now)]
    assert [kind for kind, *_ in news(TWO, completed(TWO, 1, now), now)] == ["completed"] * 2
    assert [kind for kind, *_ in news(answer, completed(answer, 1, now), now)] == ["completed"] * 2
    assert [kind for kind, *_ in news(TWO, closed(TWO, 1, now), now)] == ["refunded"] * 2
    assert [kind for kind, *_ in news(answer, closed(answer, 1, now), now)] == ["closed"] * 2
    assert [kind for kind, *_ in news(TWO, ended_by_time(TWO, 20 * MINUTE), 20 * MINUTE)] == ["refunded"] * 2
    assert [kind for kind, *_ in news(answer, ended_by_time(answer, HOUR), HOUR)] == ["expired"] * 2


def test_a_refunded_executor_is_notified() -> None:
    """An operator refunds one executor of an answered order; a later end refunds that executor nothing more."""
    now = 3 * MINUTE
    answer = answered(TWO, 1, now)
    one = with_refund(answer, 11, now)
    assert news(answer, one, now) == [("refunded", 11, 0, now)]
    assert news(one, closed(one, 1, now), now) == [("closed", 11, 0, now), ("closed", 12, 0, now)]
    late = with_refund(TWO, 11, 20 * MINUTE)
    assert [kind for kind, *_ in news(TWO, late, 20 * MINUTE)] == ["refunded"] * 2


def test_removed_order_gives_notices_to_client_and_executors() -> None:
    now = 3 * MINUTE
    answer = answered(TWO, 1, now)
    for stored in (NEW, TWO, answer, with_refund(answer, 11, now), ended_by_time(answer, HOUR)):
        gone = removed(stored, now)
        assert news(stored, gone, now) == [("removed", user, 0, now) for user in (1, *stored.takes)]
        assert news(gone, replace(gone, contact=""), now) == [], "they heard"


def test_removal_of_an_ended_order_is_told_to_its_client() -> None:
    """It refunds nobody, so no executor gets a notice of one."""
    now = 3 * MINUTE
    answer = answered(TWO, 1, now)
    for stored in (completed(TWO, 1, now), closed(TWO, 1, now), closed(answer, 1, now), deleted(NEW, 1, now)):
        assert news(stored, removed(stored, now), now) == [("removed", 1, 0, now)]
    # The window ended before, and nobody was told yet: the removal stores the end, and refunds.
    late = removed(TWO, 20 * MINUTE)
    assert [(kind, user) for kind, user, *_ in news(TWO, late, 0)] == [("removed", 1), ("removed", 11), ("removed", 12)]


def test_an_expiry_with_the_window_open_makes_no_notice() -> None:
    late = taken(NEW, 11, HOUR - MINUTE)
    expired = ended_by_time(late, HOUR)
    assert news(late, expired, HOUR) == []
    assert [kind for kind, *_ in news(expired, ended_by_time(expired, HOUR + WINDOW), 0)] == ["refunded"]
    assert [kind for kind, *_ in news(expired, answered(expired, 1, HOUR + 1), 0)] == ["answered"]


def test_irrelevant_changes_make_no_notice() -> None:
    assert news(TWO, TWO, 0) == []
    assert news(NEW, replace(NEW, description="Совсем другое описание заказа"), 0) == []
    assert news(NEW, ended_by_time(NEW, HOUR), HOUR) == []
    ended = completed(TWO, 1, 0)
    assert news(ended, replace(ended, rating=5), 0) == []


def test_taken_order_is_answerable_until_its_window_ends() -> None:
    late = taken(NEW, 11, HOUR - MINUTE)
    for stored, now, can in (
        (NEW, 1, False),
        (TWO, 16 * MINUTE - 1, True),
        (TWO, 16 * MINUTE, False),
        (late, HOUR - 1, True),
        (late, HOUR - MINUTE + WINDOW - 1, True),
        (late, HOUR - MINUTE + WINDOW, False),
        (answered(TWO, 1, 3 * MINUTE), 4 * MINUTE, False),
        (completed(TWO, 1, 3 * MINUTE), 4 * MINUTE, False),
    ):
        assert notices.can_be_answered(stored, now) is can


@pytest.mark.parametrize(
    ("kind", "stored", "now", "reason"),
    [
        ("taken", TWO, 16 * MINUTE - 1, None),
        ("taken", TWO, 16 * MINUTE, Outcome.ENDED),
        ("taken", answered(TWO, 1, 3 * MINUTE), HOUR - 1, None),
        ("taken", answered(TWO, 1, 3 * MINUTE), HOUR, Outcome.ENDED),
        ("taken", closed(TWO, 1, 3 * MINUTE), 4 * MINUTE, Outcome.ENDED),
        # The hour is over, and the client can still answer.
        ("taken", taken(NEW, 11, HOUR - MINUTE), HOUR - MINUTE + WINDOW - 1, None),
        ("taken", taken(NEW, 11, HOUR - MINUTE), HOUR - MINUTE + WINDOW, Outcome.ENDED),
        ("asked", TWO, 16 * MINUTE - 1, None),
        ("asked", TWO, 16 * MINUTE, Outcome.ENDED),
        ("asked", answered(TWO, 1, 3 * MINUTE), 4 * MINUTE, Outcome.ANSWERED),
        ("asked", closed(TWO, 1, 3 * MINUTE), 4 * MINUTE, Outcome.ENDED),
        ("asked", None, 0, Outcome.ENDED),
        ("answered", answered(TWO, 1, 3 * MINUTE), 4 * MINUTE, None),
        ("answered", answered(TWO, 1, 3 * MINUTE), HOUR + MINUTE, None),
        ("answered", completed(TWO, 1, 3 * MINUTE), 4 * MINUTE, Outcome.ENDED),
        ("refunded", closed(TWO, 1, 3 * MINUTE), 63 * MINUTE - 1, None),
        ("refunded", closed(TWO, 1, 3 * MINUTE), 63 * MINUTE, Outcome.LATE),
    ],
)
def test_outdated_notices_are_dropped(kind: notices.Kind, stored: Order | None, now: int, reason: str | None) -> None:
    assert notices.drop_reason(Notice(kind, NEW.id, 1, 0), stored, now) == reason


ANSWERED = answered(TWO, 1, 3 * MINUTE)


@pytest.mark.parametrize(
    ("kind", "stored", "due_at", "since"),
    [
        # Counted from the end, however late it was recorded.
        ("completed", completed(TWO, 1, 3 * MINUTE), 30 * MINUTE, 3 * MINUTE),
        ("closed", closed(ANSWERED, 1, 4 * MINUTE), 30 * MINUTE, 4 * MINUTE),
        ("expired", ended_by_time(ANSWERED, 90 * MINUTE), 90 * MINUTE, HOUR),
        ("refunded", ended_by_time(TWO, 90 * MINUTE), 90 * MINUTE, 16 * MINUTE),
        # Counted from the answer, although the order can be read for longer.
        ("answered", ANSWERED, 30 * MINUTE, 3 * MINUTE),
        # Counted from the operator's action, whatever the state of the order.
        ("refunded", with_refund(ANSWERED, 11, 20 * MINUTE), 20 * MINUTE, 20 * MINUTE),
        ("refunded", with_refund(completed(TWO, 1, 3 * MINUTE), 11, 9 * HOUR), 9 * HOUR, 9 * HOUR),
        ("removed", removed(NEW, 20 * MINUTE), 20 * MINUTE, 20 * MINUTE),
        ("removed", removed(ended_by_time(ANSWERED, HOUR), 9 * HOUR), 9 * HOUR, 9 * HOUR),
        # … however late it was recorded.
        ("removed", removed(ANSWERED, 20 * MINUTE), 30 * MINUTE, 20 * MINUTE),
    ],
)
def test_notices_of_ends_and_actions_are_dropped_after_an_hour(
    kind: notices.Kind, stored: Order, due_at: int, since: int
) -> None:
    notice = Notice(kind, stored.id, 11, due_at)
    assert notices.drop_reason(notice, stored, since + HOUR - 1) is None
    assert notices.drop_reason(notice, stored, since + HOUR) == Outcome.LATE


def test_a_notice_is_useless_from_its_end_on() -> None:
    """At that moment, and not before, the notice is dropped."""
    ended = ended_by_time(ONE, ONE.answer_due_at or 0)
    for kind, stored in {
        "taken": ONE,
        "completed": completed(answered(ONE, 1, 5 * MINUTE), 1, 6 * MINUTE),
        "closed": ended,
    }.items():
        notice = Notice(kind, stored.id, 11, 6 * MINUTE)  # type: ignore[arg-type]
        until = notices.useful_until(notice, stored)
        assert notices.drop_reason(notice, stored, until) is not None
        if kind != "taken":
            assert notices.drop_reason(notice, stored, until - 1) is None


def test_a_take_is_of_use_while_somebody_can_act() -> None:
    late = taken(NEW, 11, HOUR - MINUTE)
    assert notices.useful_until(Notice("taken", NEW.id, 1, 0, 1), late) == HOUR + 14 * MINUTE
    assert notices.useful_until(Notice("asked", NEW.id, 1, 6 * MINUTE, 1), ONE) == HOUR
    assert notices.useful_until(Notice("taken", NEW.id, 1, 0, 1), NEW) == HOUR


def test_an_order_leads_to_these_notices() -> None:
    assert notices.OF_CLIENT == (("taken", 1), ("taken", 2), ("taken", 3), ("asked", 1), ("asked", 2), ("removed", 0))
    kinds = ["answered", "completed", "expired", "closed", "refunded", "removed"]
    assert list(notices.OF_EXECUTOR) == [(kind, 0) for kind in kinds]


def test_the_client_is_reminded_at_the_thirds_of_the_window() -> None:
    assert notices.reminders_at(NEW) == []
    assert notices.reminders_at(ONE) == notices.reminders_at(TWO) == [6 * MINUTE, 11 * MINUTE]
