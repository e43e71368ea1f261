"""At-least-once delivery of one message to one person, with a lease on the sending.

A sender *claims* a message before it sends it (the lease); the message is *over* once it arrived. The Bot API has no
idempotency key. If a sender dies, or Telegram does not answer, the outcome is in doubt, and the message is sent again:
an executor who waits for work should rather read a message twice than never. After three tries in doubt, the message
is given up.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

# The lease is longer than a sender's Lambda can run, so an expired claim has no living sender.
HELD_MS = 75_000
MAX_TRIES = 3


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
    """The notice is out of date."""
    UNSUBSCRIBED = "DroppedUnsubscribed"
    """The executor does not subscribe to such orders, or to any."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claim. `tries` counts the tries that may have arrived. The lease ends at `held_until`, epoch ms."""

    tries: int
    held_until: int


def claimed(before: Delivery | None, now: int) -> Delivery:
    """Return the claim of the next sender. The claim `before` must no longer be held."""
    return Delivery((before.tries if before else 0) + 1, now + HELD_MS)


def is_held(delivery: Delivery | None, now: int) -> bool:
    """Whether another sender may be sending the message at `now` (epoch ms)."""
    return delivery is not None and now < delivery.held_until


def may_have_arrived(delivery: Delivery | None) -> bool:
    """Whether at least one try is in doubt."""
    return delivery is not None and delivery.tries > 0


def is_spent(delivery: Delivery | None) -> bool:
    """Whether the message was in doubt `MAX_TRIES` times."""
    return delivery is not None and delivery.tries >= MAX_TRIES


def after(delivery: Delivery, outcome: Outcome) -> Delivery | None:
    """Return the claim after a try with this outcome; None when the message is over."""
    match outcome:
        case Outcome.MISSED:
            return replace(delivery, tries=delivery.tries - 1, held_until=0)
        case Outcome.IN_DOUBT:
            return replace(delivery, held_until=0)
    return None
