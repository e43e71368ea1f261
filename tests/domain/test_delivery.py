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
        (Outcome.LATE, None),
        # Free at once, and the try does not count.
        (Outcome.MISSED, Delivery(tries=1, held_until=NOW)),
        # The message may have arrived, and rests.
        (Outcome.IN_DOUBT, Delivery(tries=2, held_until=NOW + 300 * SECOND)),
    ],
)
def test_the_outcome_decides_what_remains_of_a_delivery(outcome: Outcome, left: Delivery | None) -> None:
    assert deliveries.after(Delivery(tries=2, held_until=NOW + SECOND), outcome, NOW) == left


def test_tries_in_doubt_rest_half_a_minute_then_five_minutes() -> None:
    """A spent message is free, so that the next sender gives it up."""
    rests = [deliveries.after(Delivery(tries, NOW + 7), Outcome.IN_DOUBT, NOW) for tries in (1, 2, 3)]
    assert rests == [Delivery(1, NOW + 30 * SECOND), Delivery(2, NOW + 300 * SECOND), Delivery(3, NOW)]


def test_a_free_claim_differs_from_the_free_claims_before_it() -> None:
    """The write of an earlier claim that lands late must not find what it read."""
    first = deliveries.after(deliveries.claimed(None, NOW), Outcome.MISSED, NOW + 1)
    assert first == Delivery(0, NOW + 1)
    assert not deliveries.is_held(first, NOW + 1)
    assert deliveries.after(deliveries.claimed(first, NOW + 2), Outcome.MISSED, NOW + 3) == Delivery(0, NOW + 3)


@pytest.mark.parametrize(
    ("asked", "age_ms", "seconds"),
    [(10, 0, 10), (10, 80_000, 10), (10, 88_000, 11), (10, 3_600_000, 300), (600, 3_600_000, 600), (0, 3_600_000, 0)],
)
def test_wait_of_a_message_grows_with_its_age(asked: int, age_ms: int, seconds: int) -> None:
    assert deliveries.put_off_seconds(asked, age_ms) == seconds


def test_rest_of_a_message_is_what_is_left_of_it() -> None:
    assert deliveries.rest_ms(Delivery(1, NOW + 30 * SECOND), NOW + SECOND) == 29 * SECOND
    assert deliveries.rest_ms(Delivery(1, 0), NOW) == 0
    assert deliveries.rest_ms(None, NOW) == 0


@pytest.mark.parametrize(
    ("outcome", "retry_at", "then"),
    [
        (Outcome.MISSED, NOW - 1, Outcome.MISSED),
        (Outcome.MISSED, NOW, Outcome.LATE),
        (Outcome.MISSED, NOW + 10_072 * SECOND, Outcome.LATE),
        (Outcome.IN_DOUBT, NOW + 1, Outcome.IN_DOUBT),
        (Outcome.ARRIVED, NOW + 1, Outcome.ARRIVED),
    ],
)
def test_message_that_must_wait_beyond_its_use_is_late(outcome: Outcome, retry_at: int, then: Outcome) -> None:
    assert deliveries.in_time(outcome, retry_at, NOW) is then


@pytest.mark.parametrize(("outcome", "times"), [(Outcome.IN_DOUBT, 3), (Outcome.MISSED, 1000)])
def test_send_in_doubt_is_tried_thrice_and_missed_one_always(outcome: Outcome, times: int) -> None:
    """L8: attempts do not end a message that certainly was not sent."""
    delivery: Delivery | None = None
    tried = 0
    while tried < 1000 and not deliveries.is_spent(delivery):
        tried += 1
        delivery = deliveries.after(deliveries.claimed(delivery, NOW), outcome, NOW)
    assert tried == times
