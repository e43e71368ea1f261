"""Deliveries: one claim (lease) at a time, and at most three sends in doubt."""

import pytest

from shared.domain import delivery as deliveries
from shared.domain.delivery import Delivery, Outcome

NOW = 1_700_000_000_000
SECOND = 1_000


def test_a_claim_holds_a_message_for_75_seconds() -> None:
    claim = deliveries.claimed(None, NOW)
    assert claim == Delivery(tries=1, held_until=NOW + 75 * SECOND)
    assert deliveries.is_held(claim, NOW) is True
    assert deliveries.is_held(claim, NOW + 75 * SECOND - 1) is True
    assert deliveries.is_held(claim, NOW + 75 * SECOND) is False


def test_an_outcome_is_the_name_of_its_metric() -> None:
    """Alarms and the dashboard read these names."""
    assert {outcome.name: outcome.value for outcome in Outcome} == {
        "ARRIVED": "NotificationsSent",
        "MISSED": "NotificationsMissed",
        "IN_DOUBT": "DroppedInDoubt",
        "UNREACHABLE": "DroppedUnreachable",
        "REFUSED": "DroppedRefused",
        "ENDED": "DroppedEnded",
        "ANSWERED": "DroppedAnswered",
        "FILLED": "DroppedFilled",
        "LATE": "DroppedLate",
        "UNSUBSCRIBED": "DroppedUnsubscribed",
    }


def test_an_unclaimed_message_is_free() -> None:
    assert deliveries.is_held(None, NOW) is False
    assert deliveries.is_spent(None) is False
    assert deliveries.may_have_arrived(None) is False


def test_an_expired_claim_counts_as_a_try() -> None:
    """The dead sender's claim expires by itself and counts as a send in doubt."""
    assert deliveries.claimed(Delivery(tries=1, held_until=NOW), NOW) == Delivery(2, NOW + 75 * SECOND)


def test_a_message_is_spent_after_three_tries() -> None:
    assert [deliveries.is_spent(Delivery(tries, 0)) for tries in range(5)] == [False, False, False, True, True]


def test_a_message_without_counted_tries_has_not_arrived() -> None:
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
        # Free at once, and the try does not count.
        (Outcome.MISSED, Delivery(tries=1, held_until=0)),
        # Free at once as well, but the message may have arrived.
        (Outcome.IN_DOUBT, Delivery(tries=2, held_until=0)),
    ],
)
def test_the_outcome_decides_what_remains_of_a_delivery(outcome: Outcome, left: Delivery | None) -> None:
    assert deliveries.after(Delivery(tries=2, held_until=NOW + SECOND), outcome) == left


@pytest.mark.parametrize(("outcome", "times"), [(Outcome.IN_DOUBT, 3), (Outcome.MISSED, 10)])
def test_send_in_doubt_is_tried_thrice_and_missed_one_always(outcome: Outcome, times: int) -> None:
    delivery: Delivery | None = None
    tried = 0
    while tried < 10 and not deliveries.is_spent(delivery):
        tried += 1
        delivery = deliveries.after(deliveries.claimed(delivery, NOW), outcome)
    assert tried == times
