"""The checker accepts linearizable histories and no others (G4)."""

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


def read(status: str, *executors: int, answered: bool = False) -> Call:
    return asked("read", 9, 200, (status, executors, answered))


def test_overlapping_calls_may_have_either_order() -> None:
    assert explained((0, 10, took(2, 2)), (1, 9, took(3, 1)))
    assert explained((0, 10, took(2, 1)), (1, 9, read("active")), (2, 8, read("active", 2)))


def test_later_call_sees_earlier_call() -> None:
    assert not explained((0, 1, took(2, 1)), (2, 3, read("active")))
    assert not explained((0, 10, took(2, 1)), (1, 2, read("active", 2)), (3, 4, read("active")))


def test_two_first_takes_are_rejected() -> None:
    assert not explained((0, 10, took(2, 1)), (0, 10, took(3, 1)))


def test_fourth_take_is_rejected() -> None:
    """I9: the limit of three is the only reason to refuse the fourth take."""
    three = [(0, 10, took(user, count)) for count, user in enumerate((2, 3, 4), start=1)]
    assert not explained(*three, (0, 10, took(5, 4)))
    assert explained(*three, (0, 10, asked("take", 5, 409)))
    assert not explained((0, 10, asked("take", 5, 409)))


def test_lost_recharge_is_detected() -> None:
    first, second = asked("recharge", 2, 200, 12, 5), asked("recharge", 2, 200, 12, 5)
    assert not explained((0, 10, first), (0, 10, second))
    assert explained((0, 10, first), (0, 10, asked("recharge", 2, 200, 17, 5)))


def test_charge_without_take_is_detected() -> None:
    """I6: a repeated take is free, so a second charge is an error."""
    assert explained((0, 10, took(2, 1)), (0, 10, took(2, 1)), (11, 12, asked("me", 2, 200, (5, 1, 0))))
    assert not explained((0, 10, took(2, 1)), (0, 10, took(2, 1)), (11, 12, asked("me", 2, 200, (3, 1, 0))))


def test_answer_and_refund_exclude_each_other() -> None:
    """I16: an answered take is not refunded."""
    history = [(0, 1, took(2, 1)), (2, 10, asked("respond", 1, 200)), (2, 10, asked("close", 1, 204))]
    assert explained(*history, (11, 12, asked("me", 2, 200, (5, 0, 0))))  # answered, then closed
    assert not explained(*history, (11, 12, asked("me", 2, 200, (7, 0, 0))))


def test_refund_after_the_end_is_rejected() -> None:
    """F14: no executor sees a closed order without the refund."""
    history = [(0, 1, took(2, 1)), (2, 20, asked("close", 1, 204)), (3, 4, read("closed_no_response", 2))]
    assert explained(*history, (5, 6, asked("me", 2, 200, (7, 0, 0))))
    assert not explained(*history, (5, 6, asked("me", 2, 200, (5, 1, 0))))


def test_second_active_order_of_a_contact_is_rejected() -> None:
    """I15."""
    new = asked("create", 6, 201, value="@pipe", order_id="second")
    assert not explained((0, 10, new))
    assert explained((0, 10, new), (0, 10, asked("delete", 1, 204)))
    assert explained((0, 10, asked("create", 6, 409, value="@pipe")))


def test_repeated_creation_gets_the_same_order() -> None:
    """I29: by its client, until an edit; without a response, the repeated request tells which order it was."""
    again, refused = (asked("create", 1, status, value="@pipe") for status in (201, 409))
    assert explained((0, 1, again), (2, 3, again))
    assert not explained((0, 1, refused))
    assert not explained((0, 1, asked("create", 6, 201, value="@pipe")))
    assert not explained((0, 1, asked("create", 1, 201, value="@pipe", order_id="second")))
    edit = asked("update", 1, 200, value="@tap")
    assert explained((0, 1, edit), (2, 3, asked("update", 1, 200, value="@pipe")), (4, 5, refused))
    assert not explained((0, 1, edit), (2, 3, again))
    assert not explained((0, 1, asked("update", 1, 200, value="@pipe")), (2, 3, refused))
    lost = Call("create", 6, value="@tap")
    found = asked("create", 6, 201, value="@tap", order_id="second")
    assert explained((0, None, lost), (1, 2, found), (3, 4, found))
    assert explained((0, None, lost), (1, 2, found), (3, 4, asked("delete", 6, 204, order_id="second")))
    assert not explained((0, None, lost), (1, 2, found), (3, 4, asked("me", 6, 200, (0, 2, 0))))


def test_unanswered_call_happened_once_or_never() -> None:
    lost = Call("take", 2, "pipe")
    assert explained((0, None, lost), (1, 2, read("active")))
    assert explained((0, None, lost), (1, 2, read("active")), (3, 4, read("active", 2)))
    assert not explained((0, None, lost), (1, 2, read("active", 2)), (3, 4, read("active")))
    assert not explained((0, None, lost), (1, 2, asked("me", 2, 200, (3, 1, 0))))
