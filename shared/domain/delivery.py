"""One message on its way to a person: he sees it once, as far as Telegram lets one know.

A message is *claimed* before it is sent and *over* once it arrived. Telegram takes no key that would make a send happen
once, so where a sender dies, or Telegram takes a request and never answers, nobody knows. Then it is sent again: who
waits for work is better told twice than never. A message may be in doubt so three times, then it is given up.
"""

from dataclasses import dataclass, replace
from typing import Literal

# Longer than a sender lives: whoever claimed it is gone by then.
HELD = 75_000
MAX_TRIES = 3

Outcome = Literal["arrived", "unreachable", "refused", "too_late", "missed", "in_doubt"]
"""What became of a try.

`unreachable`: the person blocked the bot or never started it. `refused`: Telegram does not take this message from us.
`too_late`: it was not sent, for what it is about had ended. `missed`: it was not sent, and may be. `in_doubt`: nobody
knows.
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claim. `tries` are those that may have arrived; until `held_until`, epoch ms, nobody else may try."""

    tries: int
    held_until: int


def claimed(before: Delivery | None, now: int) -> Delivery:
    """The claim of who sends next; `before` is not held any more."""
    return Delivery((before.tries if before else 0) + 1, now + HELD)


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
        case "missed":
            return replace(delivery, tries=delivery.tries - 1, held_until=0)
        case "in_doubt":
            return replace(delivery, held_until=0)
    return None
