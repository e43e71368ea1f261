"""Who may send a message, until when, and how often: a claim at a time, three doubts at most."""

import pytest

from shared.domain import delivery as deliveries
from shared.domain.delivery import Delivery, Outcome

NOW = 1_700_000_000_000
SECOND = 1_000


def test_whoever_claims_a_message_has_it_for_75_seconds() -> None:
    claim = deliveries.claimed(None, NOW)
    assert claim == Delivery(tries=1, held_until=NOW + 75 * SECOND)
    assert deliveries.is_held(claim, NOW) is True
    assert deliveries.is_held(claim, NOW + 75 * SECOND - 1) is True
    assert deliveries.is_held(claim, NOW + 75 * SECOND) is False


def test_nobody_has_what_nobody_claimed() -> None:
    assert deliveries.is_held(None, NOW) is False
    assert deliveries.is_spent(None) is False
    assert deliveries.may_have_arrived(None) is False


def test_a_sender_that_died_leaves_a_doubt_to_the_next_one() -> None:
    """His claim runs out by itself, and counts."""
    assert deliveries.claimed(Delivery(tries=1, held_until=NOW), NOW) == Delivery(2, NOW + 75 * SECOND)


def test_three_doubts_are_the_end_of_it() -> None:
    assert [deliveries.is_spent(Delivery(tries, 0)) for tries in range(5)] == [False, False, False, True, True]


def test_what_was_missed_each_time_has_not_arrived() -> None:
    assert deliveries.may_have_arrived(Delivery(tries=0, held_until=0)) is False
    assert deliveries.may_have_arrived(Delivery(tries=1, held_until=0)) is True
    assert deliveries.may_have_arrived(Delivery(tries=2, held_until=0)) is True


@pytest.mark.parametrize(
    ("outcome", "left"),
    [
        (Outcome.ARRIVED, None),
        (Outcome.UNREACHABLE, None),
        (Outcome.REFUSED, None),
        (Outcome.ENDED, None),
        # At once, and as if it had not been tried.
        (Outcome.MISSED, Delivery(tries=1, held_until=0)),
        # At once as well, but it may have arrived.
        (Outcome.IN_DOUBT, Delivery(tries=2, held_until=0)),
    ],
)
def test_what_is_left_to_do_after_a_try(outcome: Outcome, left: Delivery | None) -> None:
    assert deliveries.after(Delivery(tries=2, held_until=NOW + SECOND), outcome) == left


@pytest.mark.parametrize(("outcome", "times"), [(Outcome.IN_DOUBT, 3), (Outcome.MISSED, 10)])
def test_send_in_doubt_is_tried_thrice_and_missed_one_always(outcome: Outcome, times: int) -> None:
    delivery: Delivery | None = None
    tried = 0
    while tried < 10 and not deliveries.is_spent(delivery):
        tried += 1
        delivery = deliveries.after(deliveries.claimed(delivery, NOW), outcome)
    assert tried == times
