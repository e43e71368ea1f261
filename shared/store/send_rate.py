"""The send rate of the bot: a distributed rate limit for all senders, in one item for the bot and one for each chat.

Each send takes the next turn. An item holds the time of the next turn, and a conditional write moves it on. Turns are
an even distance apart, so every second has the same number. Telegram counts messages when they arrive, so a delayed
message counts in a later second. There are nine senders with one message in flight each, so 21 turns per second are at
most 30 messages.
"""

from typing import TYPE_CHECKING

from shared import clock
from shared.domain import flood
from shared.domain.durations import DAY_MS
from shared.store import conditions, keys, table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

BETWEEN_SENDS_MS = 48
# Telegram accepts one message per second in a chat, and 20 per minute in a group. A message may be delayed on its way.
# https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
BETWEEN_SENDS_TO_A_CHAT_MS = 1_500
BETWEEN_SENDS_TO_A_GROUP_MS = 3_100
# A sender does not wait for a turn further ahead: the queue is long, or the bot is paused.
_LONGEST_WAIT_MS = 3_000
# DynamoDB's TTL removes an item that no longer limits anything.
_RETENTION_MS = DAY_MS
# Whether the last send of this process found a turn of the bot ahead. A guess for the next one: if it is wrong, the
# turn takes a second call.
_guess = {"bot_is_busy": False}


class NotYet(Exception):
    """The next turn is too far ahead: `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def acquire(chat_id: int | None, *, until: int | None = None) -> None:
    """Wait for the next turn of the chat, then for the next turn of the bot. None skips the turn of a chat.

    The id of a group is negative. One UpdateItem for each turn, a second one where the guess was wrong, and a wait of
    up to three seconds for each turn. No turn after `until` (epoch ms) is waited for. Raises NotYet, Unavailable.
    """
    if chat_id is not None:
        _take_turn(chat_id, BETWEEN_SENDS_TO_A_GROUP_MS if chat_id < 0 else BETWEEN_SENDS_TO_A_CHAT_MS, until)
    _take_turn(None, BETWEEN_SENDS_MS, until)


def turn_write(user_id: int) -> "TransactWriteItemTypeDef":
    """Return the write that takes the turn of a user's chat now. It fails its condition if a turn is ahead."""
    now = clock.now_ms()
    return table.update_write(
        keys.pace(user_id),
        "SET next_at = :next, #ttl = :ttl",
        condition=conditions.NO_TURN_AHEAD,
        values={":next": now + BETWEEN_SENDS_TO_A_CHAT_MS, ":now": now, ":ttl": (now + _RETENTION_MS) // 1000},
    )


def refused(chat_id: int, seconds: float) -> None:
    """Pause as Telegram demands with a 429 for a message: the chat, and the bot if `flood` says so.

    Two UpdateItems and one consistent GetItem; one UpdateItem more to pause the bot. Raises Unavailable.
    """
    pause(chat_id, seconds)
    now = clock.now_ms()
    refusals = flood.with_refusal((table.get(keys.pace(None)) or {}).get("refused_chats", []), chat_id, now)
    table.update_if(
        keys.pace(None),
        "SET refused_chats = :refused_chats, #ttl = :ttl",
        condition=conditions.ANY_REFUSALS,
        values={":refused_chats": refusals, ":ttl": (now + _RETENTION_MS) // 1000},
    )
    if bot_pause_ms := flood.bot_pause_ms(refusals, int(seconds * 1000)):
        pause(None, bot_pause_ms / 1000)


def pause(chat_id: int | None, seconds: float) -> None:
    """Let no sender send to the chat for so many seconds; None: to any chat. One UpdateItem. Raises Unavailable."""
    until = clock.now_ms() + int(seconds * 1000)
    table.update_if(
        keys.pace(chat_id),
        "SET next_at = :until, #ttl = :ttl",
        condition=conditions.TURN_BEFORE,
        values={":until": until, ":ttl": (until + _RETENTION_MS) // 1000},
    )


def _take_turn(chat_id: int | None, distance_ms: int, until: int | None) -> None:
    key = keys.pace(chat_id)
    # Try the likelier write first. A chat seldom has a turn ahead; the bot has many during a fan-out, none otherwise.
    ahead = chat_id is None and _guess["bot_is_busy"]
    while True:
        now = clock.now_ms()
        ttl = (now + _RETENTION_MS) // 1000
        latest = now + _LONGEST_WAIT_MS
        if until is not None:
            latest = max(now, min(latest, until))  # BETWEEN takes no upper bound below the lower one
        if ahead:
            done, item = table.update_if(
                key,
                "SET next_at = next_at + :distance, #ttl = :ttl",
                condition=conditions.TURN_AHEAD,
                values={":distance": distance_ms, ":now": now, ":latest": latest, ":ttl": ttl},
            )
            if done:
                _note(chat_id, bot_is_busy=True)
                clock.sleep((item["next_at"] - distance_ms - now) / 1000)
                return
            if item.get("next_at", 0) > latest:
                raise NotYet((item["next_at"] - now) / 1000)
        else:
            done, _ = table.update_if(
                key,
                "SET next_at = :next, #ttl = :ttl",
                condition=conditions.NO_TURN_AHEAD,
                values={":next": now + distance_ms, ":now": now, ":ttl": ttl},
            )
            if done:
                _note(chat_id, bot_is_busy=False)
                return
        ahead = not ahead


def _note(chat_id: int | None, *, bot_is_busy: bool) -> None:
    if chat_id is None:
        _guess["bot_is_busy"] = bot_is_busy
