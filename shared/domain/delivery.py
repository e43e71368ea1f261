"""At-least-once delivery of one message to one person, with a lease on the sending.

A sender *claims* a message before it sends it (the lease); the message is *over* once it arrived. The Bot API has no
idempotency key. If a sender dies, or Telegram does not answer, the outcome is in doubt, and the message is sent again:
an executor who waits for work should rather read a message twice than never. After three tries in doubt, the message
is given up. The tries are minutes apart, so that a short outage does not use them up. A try that certainly failed does
not count: the message is sent again until it is of no use (L8).
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from shared.domain.durations import MINUTE_MS, SECOND_MS

# The lease is longer than a sender's Lambda can run, so an expired claim has no living sender.
HELD_MS = 75_000
MAX_TRIES = 3
# How long a message rests after its first and its second try in doubt.
_REST_MS = (30 * SECOND_MS, 5 * MINUTE_MS)
_LONGEST_PUT_OFF_MS = 5 * MINUTE_MS


class Outcome(StrEnum):
    """The outcome of a message. The value is the name of its metric."""

    ARRIVED = "NotificationsSent"
    MISSED = "NotificationsMissed"
    """Not sent, and may be sent later. Not counted."""
    IN_DOUBT = "DroppedInDoubt"
    """Telegram may or may not have the message. Counted when the message is given up."""
    UNREACHABLE = "DroppedUnreachable"
    """The person blocked the bot or never started it."""
    REFUSED = "DroppedRefused"
    """Telegram refused this message."""
    ENDED = "DroppedEnded"
    """The order ended before the message was sent."""
    FILLED = "DroppedFilled"
    """All slots of the order are taken."""
    ANSWERED = "DroppedAnswered"
    """The client answered before the reminder was sent."""
    LATE = "DroppedLate"
    """The message is out of date, or would be before it may be sent."""
    UNSUBSCRIBED = "DroppedUnsubscribed"
    """The executor does not subscribe to such orders, or to any."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claim. `tries` counts the tries that may have arrived. Nobody else sends before `held_until`, epoch ms."""

    tries: int
    held_until: int


def claimed(before: Delivery | None, now: int) -> Delivery:
    """Return the claim of the next sender. The claim `before` must no longer be held."""
    return Delivery((before.tries if before else 0) + 1, now + HELD_MS)


def is_held(delivery: Delivery | None, now: int) -> bool:
    """Whether the message is not to be sent at `now` (epoch ms): a sender may be at it, or it rests after a doubt."""
    return delivery is not None and now < delivery.held_until


def rest_ms(delivery: Delivery | None, now: int) -> int:
    """Return how long the message must not be sent from `now` on."""
    return max(delivery.held_until - now, 0) if delivery is not None else 0


def may_have_arrived(delivery: Delivery | None) -> bool:
    """Whether at least one try is in doubt."""
    return delivery is not None and delivery.tries > 0


def is_spent(delivery: Delivery | None) -> bool:
    """Whether the message was in doubt `MAX_TRIES` times."""
    return delivery is not None and delivery.tries >= MAX_TRIES


def put_off_seconds(asked: int, age_ms: int) -> int:
    """Return the seconds until a message is delivered again that asks for `asked` and is this old.

    The wait grows with the age (exponential backoff that needs no counter), to five minutes at most: a queue that
    doubles one message in a thousand would otherwise fill with copies in a long outage. 0 is "at once" at any age.
    """
    return max(asked, min(age_ms // 8, _LONGEST_PUT_OFF_MS) // SECOND_MS) if asked else 0


def in_time(outcome: Outcome, retry_at: float, useful_until: int) -> Outcome:
    """Return the outcome of a try whose next one is possible at `retry_at`: late if the message is useless by then.

    Both times in epoch ms. A message that may have arrived is not late.
    """
    return Outcome.LATE if outcome is Outcome.MISSED and retry_at >= useful_until else outcome


def after(delivery: Delivery, outcome: Outcome, now: int) -> Delivery | None:
    """Return the claim after a try that had this outcome at `now` (epoch ms); None when the message is over.

    A spent message is free at once: the next sender gives it up. A free claim says since when: if all free claims were
    equal, the write of an earlier claim that lands late would find the one it read.
    """
    match outcome:
        case Outcome.MISSED:
            return replace(delivery, tries=delivery.tries - 1, held_until=now)
        case Outcome.IN_DOUBT:
            rest = _REST_MS[delivery.tries - 1] if delivery.tries < MAX_TRIES else 0
            return replace(delivery, held_until=now + rest)
    return None
