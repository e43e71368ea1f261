"""One message on its way to a person: he sees it once, as far as Telegram lets one know.

A message is *claimed* before it is sent and *over* once it arrived. Telegram takes no key that would make a send happen
once, so where a sender dies, or Telegram takes a request and never answers, nobody knows. Then it is sent again: who
waits for work is better told twice than never. A message may be in doubt so three times, then it is given up.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

# Longer than a sender lives: whoever claimed it is gone by then.
HELD_MS = 75_000
MAX_TRIES = 3


class Outcome(StrEnum):
    """What became of a message. The value is the name of its metric."""

    ARRIVED = "NotificationsSent"
    MISSED = "NotificationsMissed"
    """Not sent, and may be sent later. Not counted."""
    IN_DOUBT = "DroppedInDoubt"
    """Telegram may have it or not. Counted when the message is given up."""
    UNREACHABLE = "DroppedUnreachable"
    """The person blocked the bot or never started it."""
    REFUSED = "DroppedRefused"
    """Telegram does not take this message from us."""
    ENDED = "DroppedEnded"
    """The order ended before the message was sent."""
    FILLED = "DroppedFilled"
    """No executor can take the order any more."""
    ANSWERED = "DroppedAnswered"
    """The client responded before the reminder was sent."""
    LATE = "DroppedLate"
    """The notice is no news any more."""
    UNSUBSCRIBED = "DroppedUnsubscribed"
    """The executor does not want to hear of such orders, or of any."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claim. `tries` are those that may have arrived; until `held_until`, epoch ms, nobody else may try."""

    tries: int
    held_until: int


def claimed(before: Delivery | None, now: int) -> Delivery:
    """The claim of who sends next; `before` is not held any more."""
    return Delivery((before.tries if before else 0) + 1, now + HELD_MS)


def is_held(delivery: Delivery | None, now: int) -> bool:
    """Whether somebody may be sending it at `now`."""
    return delivery is not None and now < delivery.held_until


def may_have_arrived(delivery: Delivery | None) -> bool:
    """Whether a try is in doubt."""
    return delivery is not None and delivery.tries > 0


def is_spent(delivery: Delivery | None) -> bool:
    """Whether it was in doubt as often as it may be."""
    return delivery is not None and delivery.tries >= MAX_TRIES


def after(delivery: Delivery, outcome: Outcome) -> Delivery | None:
    """What is left to do after a try; None when it is over."""
    match outcome:
        case Outcome.MISSED:
            return replace(delivery, tries=delivery.tries - 1, held_until=0)
        case Outcome.IN_DOUBT:
            return replace(delivery, held_until=0)
    return None
