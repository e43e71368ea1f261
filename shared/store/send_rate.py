"""When the bot may write next. One item of the table says it to all senders, however many they are.

Each send takes the next turn: the item holds when that is, and a write moves it on. Turns are an even distance apart,
so no second has more of them than another. Telegram counts when a message arrives: what is late on its way falls into
somebody else's second. A sender has one message on its way at a time and there are six senders, so 24 turns a second
are 30 messages at most.
"""

from shared import clock
from shared.domain.durations import DAY_MS
from shared.store import conditions, keys, table

BETWEEN_SENDS_MS = 42
BETWEEN_SENDS_TO_A_CHAT_MS = 1_500  # Telegram takes one a second, and one may be late on its way
# A turn further ahead is not waited for: something better can be done meanwhile, or the bot has to keep still.
_PATIENCE_MS = 3_000
# An item that says nothing any more goes away.
_REMEMBERED_MS = DAY_MS


class NotYet(Exception):
    """The next turn is too far ahead."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def acquire(chat_id: int | None) -> None:
    """Wait for the next turn to write to the chat, and at all; None is for what comes into no chat often.

    Two UpdateItems, four at most where nobody else is about, and up to three seconds for each.
    Raises NotYet, Unavailable.
    """
    if chat_id is not None:
        _take_turn(chat_id, BETWEEN_SENDS_TO_A_CHAT_MS)
    _take_turn(None, BETWEEN_SENDS_MS)


def pause(seconds: float) -> None:
    """Telegram wants nobody to write for so long. One UpdateItem. Raises Unavailable."""
    until = clock.now_ms() + int(seconds * 1000)
    table.update_if(
        keys.pace(None),
        "SET next_at = :until, #ttl = :ttl",
        condition=conditions.TURN_BEFORE,
        values={":until": until, ":ttl": (until + _REMEMBERED_MS) // 1000},
    )


def _take_turn(chat_id: int | None, distance: int) -> None:
    key = keys.pace(chat_id)
    # What is more likely comes first: that nobody writes to this chat, and that somebody writes to another.
    ahead = chat_id is None
    while True:
        now = clock.now_ms()
        ttl = (now + _REMEMBERED_MS) // 1000
        if ahead:
            done, item = table.update_if(
                key,
                "SET next_at = next_at + :distance, #ttl = :ttl",
                condition=conditions.TURN_AHEAD,
                values={":distance": distance, ":now": now, ":latest": now + _PATIENCE_MS, ":ttl": ttl},
            )
            if done:
                clock.sleep((item["next_at"] - distance - now) / 1000)
                return
            if item and item["next_at"] > now + _PATIENCE_MS:
                raise NotYet((item["next_at"] - now) / 1000)
        else:
            done, _ = table.update_if(
                key,
                "SET next_at = :next, #ttl = :ttl",
                condition=conditions.NO_TURN_AHEAD,
                values={":next": now + distance, ":now": now, ":ttl": ttl},
            )
            if done:
                return
        ahead = not ahead
