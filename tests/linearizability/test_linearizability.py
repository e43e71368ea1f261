"""The checker itself: it accepts what can be explained and nothing else (G4)."""

from typing import Any

from tests.linearizability.checker import Operation, explanation
from tests.linearizability.marketplace import Call, Marketplace, Order, outcomes

START = Marketplace(orders=(("pipe", Order(client=1, contact="@pipe")),), balances=((2, 7), (3, 7), (4, 7), (5, 7)))


def explained(*history: tuple[int, int | None, Call]) -> bool:
    operations = [Operation(asked, sent, answered) for sent, answered, asked in history]
    return explanation(operations, START, outcomes)[0]


def took(user: int, count: int, left: int = 5) -> Call:
    return Call("take", user, "pipe", status=200, told=("@pipe", count, left))


def asked(what: str, user: int, status: int, told: Any = None, value: Any = None, order_id: str = "pipe") -> Call:
    return Call(what, user, order_id, value, status, told)


def read(status: str, *takers: int, answered: bool = False) -> Call:
    return asked("read", 9, 200, (status, takers, answered))


def test_what_overlaps_may_have_come_in_either_order() -> None:
    assert explained((0, 10, took(2, 2)), (1, 9, took(3, 1)))
    assert explained((0, 10, took(2, 1)), (1, 9, read("active")), (2, 8, read("active", 2)))


def test_what_came_later_sees_what_came_before() -> None:
    assert not explained((0, 1, took(2, 1)), (2, 3, read("active")))
    assert not explained((0, 10, took(2, 1)), (1, 2, read("active", 2)), (3, 4, read("active")))


def test_two_first_takes_are_one_too_many() -> None:
    assert not explained((0, 10, took(2, 1)), (0, 10, took(3, 1)))


def test_a_fourth_take_is_none() -> None:
    """I9: and the fourth is refused for no other reason."""
    three = [(0, 10, took(user, count)) for count, user in enumerate((2, 3, 4), start=1)]
    assert not explained(*three, (0, 10, took(5, 4)))
    assert explained(*three, (0, 10, asked("take", 5, 409)))
    assert not explained((0, 10, asked("take", 5, 409)))


def test_a_lost_recharge_is_seen() -> None:
    first, second = asked("recharge", 2, 200, 12, 5), asked("recharge", 2, 200, 12, 5)
    assert not explained((0, 10, first), (0, 10, second))
    assert explained((0, 10, first), (0, 10, asked("recharge", 2, 200, 17, 5)))


def test_a_charge_without_a_take_is_seen() -> None:
    """I6: a repeat is free, so whoever paid twice was charged wrongly."""
    assert explained((0, 10, took(2, 1)), (0, 10, took(2, 1)), (11, 12, asked("me", 2, 200, (5, 1, 0))))
    assert not explained((0, 10, took(2, 1)), (0, 10, took(2, 1)), (11, 12, asked("me", 2, 200, (3, 1, 0))))


def test_an_answer_and_a_refund_exclude_each_other() -> None:
    """I16: whoever saw both the answer and his money back saw too much."""
    history = [(0, 1, took(2, 1)), (2, 10, asked("respond", 1, 200)), (2, 10, asked("close", 1, 204))]
    assert explained(*history, (11, 12, asked("me", 2, 200, (5, 0, 0))))  # answered, then closed
    assert not explained(*history, (11, 12, asked("me", 2, 200, (7, 0, 0))))


def test_a_refund_comes_with_the_end_and_not_after_it() -> None:
    """F14: nobody sees an order closed and his money not yet back."""
    history = [(0, 1, took(2, 1)), (2, 20, asked("close", 1, 204)), (3, 4, read("closed_no_response", 2))]
    assert explained(*history, (5, 6, asked("me", 2, 200, (7, 0, 0))))
    assert not explained(*history, (5, 6, asked("me", 2, 200, (5, 1, 0))))


def test_one_contact_has_one_active_order() -> None:
    """I15."""
    new = asked("create", 6, 201, value="@pipe", order_id="second")
    assert not explained((0, 10, new))
    assert explained((0, 10, new), (0, 10, asked("delete", 1, 204)))
    assert explained((0, 10, asked("create", 6, 409, value="@pipe")))


def test_unanswered_call_happened_once_or_never() -> None:
    lost = Call("take", 2, "pipe")
    assert explained((0, None, lost), (1, 2, read("active")))
    assert explained((0, None, lost), (1, 2, read("active")), (3, 4, read("active", 2)))
    assert not explained((0, None, lost), (1, 2, read("active", 2)), (3, 4, read("active")))
    assert not explained((0, None, lost), (1, 2, asked("me", 2, 200, (3, 1, 0))))
