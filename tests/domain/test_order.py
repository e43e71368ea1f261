"""Orders: every rule by example, to the millisecond, and a state machine of whole lives."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.domain.errors import (
    AllSlotsTaken,
    AlreadyAnswered,
    DomainError,
    NobodyTookIt,
    NotYourOrder,
    OrderNotActive,
    OrderNotFound,
    OrderTaken,
    OwnOrder,
)
from shared.domain.order import (
    CATEGORIES,
    MAX_DESCRIPTION,
    MAX_TAKES,
    MIN_DESCRIPTION,
    Order,
    Status,
    answered,
    closed,
    completed,
    deadlines,
    deleted,
    due_at,
    edited,
    ended_by_time,
    fresh_for,
    is_news,
    is_running,
    owes_refunds,
    public_description,
    repeats,
    status_at,
    with_take,
)

MINUTE = 60_000
BEGIN = 1_790_000_000_123
HOUR = BEGIN + 60 * MINUTE
WINDOW = 15 * MINUTE
FOREVER = HOUR + 365 * 24 * 60 * MINUTE
CLIENT = 1

NEW = Order(
    id="AAAAAAAAAAAA",
    client_id=CLIENT,
    category="Сантехника",
    city="Москва",
    description="Прорвало трубу на кухне, вода на полу",
    contact="@burst_pipe",
    contact_key="key of @burst_pipe",
    created_at=BEGIN,
    expires_at=HOUR,
)


def take(order: Order, executor_id: int, now: int, price: int = 2) -> Order:
    return with_take(order, executor_id, price=price, answer_window_ms=WINDOW, now=now)


def edit(order: Order, user_id: int, now: int, **given: str) -> Order:
    nothing = dict.fromkeys(("category", "description", "contact", "contact_key"))
    return edited(order, user_id, **{**nothing, **given}, now=now)


def taken(*minutes: float) -> Order:
    """An order that executors 2, 3, … took, each so many minutes after its creation."""
    order = NEW
    for executor, minute in enumerate(minutes, start=2):
        order = take(order, executor, BEGIN + int(minute * MINUTE))
    return order


EXPIRED = ended_by_time(NEW, HOUR)
DELETED = deleted(NEW, CLIENT, BEGIN + MINUTE)
COMPLETED = completed(taken(1), CLIENT, BEGIN + 2 * MINUTE)
CLOSED = closed(taken(1), CLIENT, BEGIN + 2 * MINUTE)
CLOSED_BY_TIME = ended_by_time(taken(1), BEGIN + 16 * MINUTE)
ENDED = [DELETED, COMPLETED, CLOSED, CLOSED_BY_TIME]


# ---------------------------------------------------------------- a repeated request (I29)


def test_repeat_counts_within_a_minute() -> None:
    again = replace(NEW, id="BBBBBBBBBBBB")
    for ms, is_repeat in ((-5_000, True), (0, True), (MINUTE - 1, True), (MINUTE, False), (FOREVER, False)):
        assert repeats(replace(again, created_at=BEGIN + ms), NEW) is is_repeat


@pytest.mark.parametrize(
    "other",
    [
        {"client_id": 2},
        {"category": "Электрика"},
        {"city": "Казань"},
        {"description": "Прорвало трубу на кухне, вода на полу."},
        {"contact": "@BURST_PIPE"},
        {"edits": 1},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_request_is_no_repeat(other: dict[str, Any]) -> None:
    again = replace(NEW, id="BBBBBBBBBBBB")
    assert not repeats(replace(again, **other), NEW)
    assert not repeats(again, replace(NEW, **other))
    if "edits" in other:
        assert not repeats(replace(again, **other), replace(NEW, **other))


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.ACTIVE])
def test_ended_order_is_not_repeated(status: Status) -> None:
    assert not repeats(replace(NEW, id="BBBBBBBBBBBB"), replace(NEW, status=status))


def test_order_ended_by_the_clock_is_not_repeated() -> None:
    assert not repeats(replace(NEW, id="BBBBBBBBBBBB"), replace(NEW, expires_at=BEGIN))


def test_earlier_attempt_posted_the_order_whatever_became_of_it() -> None:
    """Only this request knows its order's id."""
    became = replace(NEW, edits=3, status=Status.DELETED, contact="", description="Удалено по просьбе автора")
    assert repeats(NEW, became)
    assert repeats(replace(NEW, created_at=FOREVER), became)


# ---------------------------------------------------------------- what it is


def test_an_edit_masks_the_description_anew() -> None:
    """I23: the public description follows the whole one."""
    assert public_description(NEW) == NEW.description
    after = edit(NEW, CLIENT, BEGIN, description="Прорвало трубу, звоните 89990000000")
    assert after.masked_description == public_description(after) == "Прорвало трубу, звоните •••"
    again = edit(after, CLIENT, BEGIN, description=NEW.description)
    assert (again.masked_description, public_description(again)) == (None, NEW.description)


def test_the_masked_description_sent_back_changes_nothing() -> None:
    whole = edit(NEW, CLIENT, BEGIN, description="Прорвало трубу, звоните 89990000000")
    assert edit(whole, CLIENT, BEGIN, description="Прорвало трубу, звоните •••") is whole
    other = edit(whole, CLIENT, BEGIN, description="Прорвало трубу, звоните •••", category="Другое")
    assert (other.description, other.masked_description) == (whole.description, whole.masked_description)
    assert (other.category, other.edits) == ("Другое", whole.edits + 1)
    third = edit(whole, CLIENT, BEGIN, category="Другое")
    assert (third.description, third.masked_description) == (whole.description, whole.masked_description)


def test_constants_and_statuses_match_the_contract() -> None:
    assert (MAX_TAKES, MIN_DESCRIPTION, MAX_DESCRIPTION) == (3, 20, 1000)
    assert [*Status] == ["active", "expired", "deleted", "closed_no_response", "completed"]
    assert CATEGORIES == (
        "Сантехника",
        "Электрика",
        "Бытовой ремонт",
        "Клининг",
        "Сборка/установка",
        "Бытовая техника",
        "Другое",
    )


def test_a_new_order() -> None:
    assert (
        replace(
            NEW,
            edits=0,
            status=Status.ACTIVE,
            takes={},
            answer_due_at=None,
            responded_at=None,
            ended_at=None,
            removed_at=None,
            rating=None,
            review_comment=None,
        )
        == NEW
    )


def test_untaken_order_is_active_for_an_hour_to_the_millisecond() -> None:
    """I12."""
    assert status_at(NEW, BEGIN) is Status.ACTIVE
    assert status_at(NEW, HOUR - 1) is Status.ACTIVE
    assert status_at(NEW, HOUR) is Status.EXPIRED
    assert status_at(NEW, FOREVER) is Status.EXPIRED


def test_taken_order_closes_when_the_first_takes_window_ends() -> None:
    order = taken(10, 12, 24)
    ends = BEGIN + 25 * MINUTE
    assert status_at(order, ends - 1) is Status.ACTIVE
    assert status_at(order, ends) is Status.CLOSED_NO_RESPONSE
    assert status_at(order, FOREVER) is Status.CLOSED_NO_RESPONSE


def test_the_window_outlives_an_hour_that_ends_inside_it() -> None:
    order = taken(50)
    ends = BEGIN + 65 * MINUTE
    assert status_at(order, HOUR - 1) is Status.ACTIVE
    assert status_at(order, HOUR) is Status.EXPIRED
    assert status_at(order, ends - 1) is Status.EXPIRED
    assert status_at(order, ends) is Status.CLOSED_NO_RESPONSE


def test_window_and_hour_ending_together_close_the_order() -> None:
    order = taken(45)
    assert status_at(order, HOUR - 1) is Status.ACTIVE
    assert status_at(order, HOUR) is Status.CLOSED_NO_RESPONSE


def test_answered_order_expires_with_its_hour() -> None:
    order = answered(taken(10), CLIENT, BEGIN + 11 * MINUTE)
    assert status_at(order, BEGIN + 25 * MINUTE) is Status.ACTIVE
    assert status_at(order, HOUR) is Status.EXPIRED
    assert status_at(order, FOREVER) is Status.EXPIRED


@pytest.mark.parametrize("order", ENDED, ids=lambda order: order.status)
def test_an_ended_order_does_not_change(order: Order) -> None:
    """I11."""
    assert status_at(order, FOREVER) is order.status
    assert ended_by_time(order, FOREVER) is order
    assert due_at(order) is None


# ---------------------------------------------------------------- what is due


def test_deadlines_of_an_order() -> None:
    window_ends = BEGIN + 25 * MINUTE
    assert deadlines(NEW) == {"hour": HOUR}
    assert deadlines(taken(10)) == {"hour": HOUR, "answer": window_ends}
    assert deadlines(answered(taken(10), CLIENT, BEGIN + 11 * MINUTE)) == {"hour": HOUR}
    late = ended_by_time(taken(50), HOUR)
    assert deadlines(late) == {"answer": BEGIN + 65 * MINUTE}
    assert deadlines(answered(late, CLIENT, HOUR)) == {}
    assert deadlines(EXPIRED) == {}
    assert [due_at(order) for order in (NEW, taken(10), taken(50), late)] == [
        HOUR,
        window_ends,
        HOUR,
        late.answer_due_at,
    ]


def test_a_list_is_valid_until_the_next_deadline() -> None:
    """I12: to the millisecond; a list without a deadline stays valid for a day."""
    day = 24 * 60 * MINUTE
    assert [fresh_for([NEW], now) for now in (BEGIN, HOUR - 1, HOUR, FOREVER)] == [60 * MINUTE, 1, 0, 0]
    assert fresh_for([NEW, taken(10)], BEGIN + 20 * MINUTE) == 5 * MINUTE
    assert fresh_for([taken(10), NEW, COMPLETED], BEGIN + 20 * MINUTE) == 5 * MINUTE
    for nothing_ahead in ([], [EXPIRED, COMPLETED, DELETED]):
        assert fresh_for(nothing_ahead, BEGIN) == day
    far = replace(NEW, expires_at=BEGIN + day + 1)
    assert [fresh_for([far], BEGIN + ms) for ms in (0, 1, 2)] == [day, day, day - 1]


def test_an_order_runs_until_its_last_deadline() -> None:
    late = taken(50)
    assert [is_running(late, now) for now in (HOUR - 1, HOUR, BEGIN + 65 * MINUTE - 1, BEGIN + 65 * MINUTE)] == [
        True,
        True,
        True,
        False,
    ]
    assert [is_running(NEW, now) for now in (BEGIN, HOUR - 1, HOUR)] == [True, True, False]
    answered_late = answered(late, CLIENT, BEGIN + 51 * MINUTE)
    assert [is_running(answered_late, now) for now in (HOUR - 1, HOUR)] == [True, False]
    assert not any(is_running(order, BEGIN + 2 * MINUTE) for order in ENDED)


def test_a_new_order_and_five_category_edits_are_announced() -> None:
    """Only the first five edits of the category are announced."""
    assert is_news(None, NEW)
    assert not is_news(NEW, NEW)
    assert not is_news(NEW, edit(NEW, CLIENT, BEGIN, description="Прорвало трубу на кухне, вода уже в коридоре"))
    order = NEW
    heard = []
    for category in ["Электрика", "Клининг"] * 4:
        before, order = order, edit(order, CLIENT, BEGIN, category=category)
        heard.append(is_news(before, order))
    assert heard == [True] * 5 + [False] * 3
    gone = deleted(NEW, CLIENT, BEGIN)
    assert is_news(NEW, gone) is False
    assert not is_news(replace(NEW, category="Электрика"), gone)


def test_an_order_ends_at_its_deadline_however_late_recorded() -> None:
    assert ended_by_time(NEW, HOUR - 1) is NEW
    for now in (HOUR, HOUR + 1, FOREVER):
        assert ended_by_time(NEW, now) == replace(NEW, status=Status.EXPIRED, ended_at=HOUR)
    order = taken(10)
    assert ended_by_time(order, BEGIN + 25 * MINUTE - 1) is order
    for now in (BEGIN + 25 * MINUTE, FOREVER):
        after = ended_by_time(order, now)
        assert after == replace(order, status=Status.CLOSED_NO_RESPONSE, ended_at=BEGIN + 25 * MINUTE)
        assert owes_refunds(after)


def test_one_late_timer_equals_two_timers_on_time() -> None:
    order = taken(50)
    window_ends = BEGIN + 65 * MINUTE
    at_the_hour = ended_by_time(order, HOUR)
    assert (at_the_hour.status, at_the_hour.ended_at, owes_refunds(at_the_hour)) == (Status.EXPIRED, HOUR, False)
    assert ended_by_time(at_the_hour, window_ends - 1) is at_the_hour
    assert ended_by_time(at_the_hour, window_ends) == ended_by_time(order, FOREVER)
    assert ended_by_time(order, FOREVER) == replace(order, status=Status.CLOSED_NO_RESPONSE, ended_at=HOUR)


# ---------------------------------------------------------------- takes


def test_first_take_alone_starts_the_answer_window() -> None:
    """I6, I9: each take records its price and its time."""
    order = take(take(take(NEW, 2, BEGIN, price=2), 3, BEGIN + 5, price=5), 4, BEGIN + 9, price=7)
    assert order.answer_due_at == BEGIN + WINDOW
    assert [(take.executor_id, take.taken_at, take.price, take.executor_count) for take in order.takes.values()] == [
        (2, BEGIN, 2, 1),
        (3, BEGIN + 5, 5, 2),
        (4, BEGIN + 9, 7, 3),
    ]
    assert not any(take.refunded for take in order.takes.values())
    assert replace(order, takes={}, answer_due_at=None) == NEW


def test_no_fourth_take() -> None:
    """I9."""
    with pytest.raises(AllSlotsTaken):
        take(taken(1, 2, 3), 9, BEGIN + 4 * MINUTE)


def test_the_client_cannot_take_their_own_order() -> None:
    """I13."""
    with pytest.raises(OwnOrder):
        take(NEW, CLIENT, BEGIN)


@pytest.mark.parametrize("order", [NEW, taken(50), answered(taken(50), CLIENT, BEGIN + 51 * MINUTE)])
def test_no_take_from_the_end_of_the_hour_on(order: Order) -> None:
    """I10: whether a timer has run or not."""
    assert 9 in take(order, 9, HOUR - 1).takes
    for late in (order, ended_by_time(order, HOUR)):
        with pytest.raises(OrderNotActive):
            take(late, 9, HOUR)


def test_no_take_from_the_end_of_the_window_on() -> None:
    """I10."""
    order = taken(10)
    assert 9 in take(order, 9, BEGIN + 25 * MINUTE - 1).takes
    with pytest.raises(OrderNotActive):
        take(order, 9, BEGIN + 25 * MINUTE)
    assert 9 in take(answered(order, CLIENT, BEGIN + 11 * MINUTE), 9, BEGIN + 25 * MINUTE).takes


@pytest.mark.parametrize("order", ENDED, ids=lambda order: order.status)
def test_no_take_of_an_ended_order(order: Order) -> None:
    """I10."""
    with pytest.raises(OrderNotActive):
        take(order, 9, BEGIN + 3 * MINUTE)


# ---------------------------------------------------------------- edits


def test_an_edit_changes_only_the_given_fields() -> None:
    """I14: never the city. An edit counts only if it changed anything."""
    assert edit(NEW, CLIENT, BEGIN) == NEW
    assert edit(NEW, CLIENT, BEGIN, category=NEW.category, contact=NEW.contact) == NEW
    given = {"category": "Электрика", "description": "Искрит розетка в ванной", "contact": "@spark", "contact_key": "k"}
    for name, value in given.items():
        after = edit(NEW, CLIENT, HOUR - 1, **{name: value})
        assert after == replace(NEW, **{name: value}, edits=1)  # type: ignore[arg-type]
    after = edit(NEW, CLIENT, BEGIN, **given)
    assert after == replace(NEW, **given, edits=1)  # type: ignore[arg-type]
    assert edit(after, CLIENT, BEGIN, contact="@other").edits == 2


def test_edits_need_an_active_order_without_takes() -> None:
    """I14."""
    with pytest.raises(OrderNotFound):
        edit(NEW, 2, BEGIN)
    with pytest.raises(OrderNotFound):
        edit(taken(1), 2, BEGIN + 2 * MINUTE)
    with pytest.raises(OrderTaken):
        edit(taken(1), CLIENT, BEGIN + 2 * MINUTE)
    with pytest.raises(OrderNotActive):
        edit(NEW, CLIENT, HOUR)
    with pytest.raises(OrderNotActive):
        edit(EXPIRED, CLIENT, HOUR)
    with pytest.raises(OrderNotActive):
        edit(DELETED, CLIENT, BEGIN + 2 * MINUTE)


# ---------------------------------------------------------------- the client ends it


def test_deleted() -> None:
    assert replace(NEW, status=Status.DELETED, ended_at=BEGIN + MINUTE) == DELETED
    # An expired order stopped being active at the end of its hour, whatever a timer did.
    for order in (NEW, EXPIRED):
        assert deleted(order, CLIENT, HOUR + MINUTE) == replace(NEW, status=Status.DELETED, ended_at=HOUR)


def test_deletes_need_an_order_without_takes() -> None:
    """I14."""
    with pytest.raises(OrderNotFound):
        deleted(NEW, 2, BEGIN)
    with pytest.raises(OrderNotActive):
        deleted(DELETED, CLIENT, BEGIN + 2 * MINUTE)
    for now in (BEGIN + 2 * MINUTE, BEGIN + 16 * MINUTE, FOREVER):
        with pytest.raises(OrderTaken):
            deleted(taken(1), CLIENT, now)


def test_an_answer_stops_the_window() -> None:
    """I16: to its last millisecond, also after the hour."""
    order = taken(50)
    ends = BEGIN + 65 * MINUTE
    for stored in (order, ended_by_time(order, HOUR)):
        after = answered(stored, CLIENT, ends - 1)
        assert after == replace(stored, responded_at=ends - 1)
        assert ended_by_time(after, FOREVER).status is Status.EXPIRED
        with pytest.raises(OrderNotActive):
            answered(stored, CLIENT, ends)
    order = taken(10)
    assert answered(order, CLIENT, BEGIN + 25 * MINUTE - 1).responded_at == BEGIN + 25 * MINUTE - 1
    with pytest.raises(OrderNotActive):
        answered(order, CLIENT, BEGIN + 25 * MINUTE)


def test_only_the_client_answers_a_taken_active_order() -> None:
    with pytest.raises(NotYourOrder):
        answered(taken(1), 2, BEGIN + 2 * MINUTE)
    with pytest.raises(NobodyTookIt):
        answered(NEW, CLIENT, BEGIN)
    with pytest.raises(OrderNotActive):
        answered(NEW, CLIENT, HOUR)
    with pytest.raises(AlreadyAnswered):
        answered(answered(taken(1), CLIENT, BEGIN + 2 * MINUTE), CLIENT, BEGIN + 3 * MINUTE)
    for order in ENDED:
        with pytest.raises(OrderNotActive):
            answered(order, CLIENT, BEGIN + 16 * MINUTE)


def test_close_refunds_only_before_the_answer() -> None:
    """I7, I16."""
    order = taken(1)
    unanswered = closed(order, CLIENT, BEGIN + 2 * MINUTE)
    assert unanswered == replace(order, status=Status.CLOSED_NO_RESPONSE, ended_at=BEGIN + 2 * MINUTE)
    assert owes_refunds(unanswered)
    after = closed(answered(order, CLIENT, BEGIN + 2 * MINUTE), CLIENT, BEGIN + 3 * MINUTE)
    assert (after.status, owes_refunds(after)) == (Status.CLOSED_NO_RESPONSE, False)


def test_other_ends_refund_nothing() -> None:
    """I7: neither while an answer is possible nor after an answer."""
    answered_late = answered(taken(50), CLIENT, HOUR)
    for order in (NEW, taken(1), EXPIRED, ended_by_time(taken(50), HOUR), DELETED, COMPLETED, answered_late):
        assert not owes_refunds(order)
        assert not owes_refunds(ended_by_time(answered_late, FOREVER))


def test_completing_is_an_answer() -> None:
    assert (
        replace(taken(1), status=Status.COMPLETED, responded_at=BEGIN + 2 * MINUTE, ended_at=BEGIN + 2 * MINUTE)
        == COMPLETED
    )
    after_answer = completed(answered(taken(1), CLIENT, BEGIN + 2 * MINUTE), CLIENT, BEGIN + 3 * MINUTE)
    assert (after_answer.responded_at, after_answer.ended_at) == (BEGIN + 2 * MINUTE, BEGIN + 3 * MINUTE)


@pytest.mark.parametrize("end", [closed, completed])
def test_close_and_complete_need_a_taken_active_order(end: Callable[[Order, int, int], Order]) -> None:
    with pytest.raises(NotYourOrder):
        end(taken(1), 2, BEGIN + 2 * MINUTE)
    with pytest.raises(NobodyTookIt):
        end(NEW, CLIENT, BEGIN)
    with pytest.raises(OrderNotActive):
        end(NEW, CLIENT, HOUR)
    assert end(taken(1), CLIENT, BEGIN + 16 * MINUTE - 1).ended_at == BEGIN + 16 * MINUTE - 1
    with pytest.raises(OrderNotActive):
        end(taken(1), CLIENT, BEGIN + 16 * MINUTE)
    with pytest.raises(OrderNotActive):
        end(taken(50), CLIENT, HOUR)
    for order in ENDED:
        with pytest.raises(OrderNotActive):
            end(order, CLIENT, BEGIN + 3 * MINUTE)


def test_completion_counts_as_an_answer_unless_there_is_one() -> None:
    assert COMPLETED.responded_at == COMPLETED.ended_at == BEGIN + 2 * MINUTE
    later = completed(answered(taken(1), CLIENT, BEGIN + 2 * MINUTE), CLIENT, BEGIN + 3 * MINUTE)
    assert later.status is Status.COMPLETED
    assert (later.responded_at, later.ended_at) == (BEGIN + 2 * MINUTE, BEGIN + 3 * MINUTE)


# ---------------------------------------------------------------- whole lives

FORWARD = {
    Status.ACTIVE: set(Status),
    Status.EXPIRED: {Status.EXPIRED, Status.DELETED, Status.CLOSED_NO_RESPONSE},
}
USERS = st.integers(CLIENT, 6)
MOSTLY_CLIENT = st.one_of(st.just(CLIENT), st.just(CLIENT), USERS)


class Life(RuleBasedStateMachine):
    """Three copies of one order: timers end the first at each deadline, the second at any moment, the third never.

    The model (`first_take`, `answered_at`, …) records what happened and predicts the state of the copies.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.punctual = self.sometimes = self.never = NEW
        self.before = Status.ACTIVE
        self.first_take: int | None = None
        self.answered_at: int | None = None
        self.end: Status | None = None
        self.ended_at: int | None = None
        self.paid: dict[int, int] = {}
        self.seen = NEW

    def expected(self) -> Status:
        if self.end is not None:
            return self.end
        if self.first_take is not None and self.answered_at is None and self.now >= self.first_take + WINDOW:
            return Status.CLOSED_NO_RESPONSE
        return Status.ACTIVE if self.now < HOUR else Status.EXPIRED

    def ends_as(self, status: Status) -> None:
        self.end = status
        self.ended_at = self.now if self.ended_at is None else self.ended_at

    @property
    def lives(self) -> tuple[Order, Order, Order]:
        return self.punctual, self.sometimes, self.never

    def command(self, command: Callable[..., Order], *arguments: Any, allowed: bool, **more: Any) -> bool:
        """Give the same command to all three copies; all must accept it, or refuse it with the same error."""
        results: list[Order] = []
        refusals: list[type[DomainError]] = []
        for order in self.lives:
            try:
                results.append(command(order, *arguments, now=self.now, **more))
            except DomainError as refusal:
                refusals.append(type(refusal))
        if not allowed:
            assert len(refusals) == len(self.lives)
            assert len(set(refusals)) == 1
            return False
        self.punctual, self.sometimes, self.never = results
        return True

    @rule(ms=st.one_of(st.integers(1, 3), st.integers(1, 20 * MINUTE)))
    def time_passes(self, ms: int) -> None:
        self.pass_until(self.now + ms)

    @rule(ahead=st.sampled_from([-14 * MINUTE, -1, 0, 1]))
    def the_hour_ends(self, ahead: int) -> None:
        self.pass_until(HOUR + ahead)

    @rule(ahead=st.sampled_from([-1, 0, 1]))
    def the_window_ends(self, ahead: int) -> None:
        if self.first_take is not None:
            self.pass_until(self.first_take + WINDOW + ahead)

    def pass_until(self, now: int) -> None:
        self.now = max(self.now, now)
        if self.ended_at is None and self.expected() is not Status.ACTIVE:
            window = HOUR if self.first_take is None or self.answered_at is not None else self.first_take + WINDOW
            self.ended_at = min(HOUR, window)
        while (at := due_at(self.punctual)) is not None and at <= self.now:
            assert ended_by_time(self.punctual, at - 1) is self.punctual
            after = ended_by_time(self.punctual, at)
            assert after is not self.punctual
            self.punctual = after

    @rule()
    def a_timer(self) -> None:
        self.sometimes = ended_by_time(self.sometimes, self.now)
        assert ended_by_time(self.sometimes, self.now) is self.sometimes

    @rule(executor=USERS, price=st.integers(1, 5))
    def take(self, executor: int, price: int) -> None:
        if executor in self.seen.takes:
            return  # the store handles a repeated take
        allowed = self.expected() is Status.ACTIVE and executor != CLIENT and len(self.seen.takes) < 3
        if self.command(with_take, executor, price=price, answer_window_ms=WINDOW, allowed=allowed):
            self.first_take = self.now if self.first_take is None else self.first_take
            self.paid[executor] = price

    @rule(user=USERS, contact=st.sampled_from(["@burst_pipe", "@another"]))
    def edit(self, user: int, contact: str) -> None:
        allowed = user == CLIENT and self.expected() is Status.ACTIVE and self.first_take is None
        given = {"category": None, "description": None, "contact": contact, "contact_key": f"key of {contact}"}
        self.command(edited, user, **given, allowed=allowed)

    @rule(user=USERS)
    def delete(self, user: int) -> None:
        alive = self.expected() in (Status.ACTIVE, Status.EXPIRED)
        if self.command(deleted, user, allowed=user == CLIENT and alive and self.first_take is None):
            self.ends_as(Status.DELETED)

    @rule(user=MOSTLY_CLIENT)
    def answer(self, user: int) -> None:
        in_time = self.first_take is not None and self.now < self.first_take + WINDOW
        allowed = user == CLIENT and in_time and self.answered_at is None and self.end is None
        if self.command(answered, user, allowed=allowed):
            self.answered_at = self.now

    @rule(user=USERS)
    def close(self, user: int) -> None:
        allowed = user == CLIENT and self.expected() is Status.ACTIVE and self.first_take is not None
        if self.command(closed, user, allowed=allowed):
            self.ends_as(Status.CLOSED_NO_RESPONSE)

    @rule(user=USERS)
    def complete(self, user: int) -> None:
        allowed = user == CLIENT and self.expected() is Status.ACTIVE and self.first_take is not None
        if self.command(completed, user, allowed=allowed):
            self.ends_as(Status.COMPLETED)
            self.answered_at = self.now if self.answered_at is None else self.answered_at

    @invariant()
    def state_follows_from_what_happened(self) -> None:
        """I11, I12."""
        for order in self.lives:
            assert status_at(order, self.now) is self.expected()
            assert order.responded_at == self.answered_at
            assert order.answer_due_at == (None if self.first_take is None else self.first_take + WINDOW)
            assert {take.executor_id: take.price for take in order.takes.values()} == self.paid
        assert self.punctual.ended_at == self.ended_at
        assert self.expected() in FORWARD.get(self.before, {self.before})
        self.before = self.expected()

    @invariant()
    def timers_change_only_the_time_of_the_write(self) -> None:
        """F12."""
        assert ended_by_time(self.sometimes, self.now) == self.punctual
        assert ended_by_time(self.never, self.now) == self.punctual
        assert ended_by_time(self.never, FOREVER) == ended_by_time(self.punctual, FOREVER)

    @invariant()
    def no_deadline_exactly_when_no_change_follows(self) -> None:
        for order in self.lives:
            assert (due_at(order) is None) == (ended_by_time(order, FOREVER) is order)

    @invariant()
    def takes_only_grow_and_fix_the_rest(self) -> None:
        """I9, I10, I13, I14."""
        for order in self.lives:
            assert self.seen.takes.items() <= order.takes.items()
            assert len(order.takes) <= 3
            assert CLIENT not in order.takes
            assert all(take.taken_at < HOUR for take in order.takes.values())
            assert order.city == NEW.city
            if self.seen.takes:
                assert (order.contact, order.category, order.description) == (
                    self.seen.contact,
                    self.seen.category,
                    self.seen.description,
                )
        self.seen = self.punctual

    @invariant()
    def answered_or_refunded(self) -> None:
        """I7, I16."""
        order = self.punctual
        assert not (owes_refunds(order) and order.responded_at is not None)
        if owes_refunds(order):
            assert order.takes
            with pytest.raises(DomainError):
                answered(order, CLIENT, self.now)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=300, stateful_step_count=15, deadline=None)
