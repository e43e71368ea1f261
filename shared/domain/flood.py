"""Flood control of Telegram: which sends a 429 stops.

A 429 says how long the refused request must wait. It does not say whether the limit is the chat's or the bot's, and a
bot cannot know: https://github.com/tdlib/td/issues/715. A chat's wait can be hours (10 072 s in
https://github.com/tdlib/td/issues/1331), so it must not stop the other chats. Therefore a refusal stops its own chat
for the whole time. Several chats refused within a few seconds are the sign of a limit of the bot, and stop the bot as
well, but for a minute at most: if the limit still holds, the next refusals stop it again. Several refusals of one chat
are no such sign: senders take turns of a chat ahead of time, so several of its messages may be on their way.
"""

from collections.abc import Sequence

from shared.domain.durations import MINUTE_MS, SECOND_MS

SEVERAL = 3
WITHIN_MS = 10 * SECOND_MS
LONGEST_PAUSE_MS = MINUTE_MS
# A chat is kept as the last digits of its id. They tell a few chats apart and name nobody: an erasure can leave them.
_CHATS = 1_000


def with_refusal(earlier: Sequence[Sequence[int]], chat_id: int, now: int) -> list[list[int]]:
    """Return the last refusals with that of a chat at `now` (epoch ms): one for each chat, the newest last.

    A refusal is the chat's id modulo 1000 and the time in epoch ms. Refusals that no longer count are left out.
    """
    chat = chat_id % _CHATS
    others = ([other, at] for other, at in earlier if other != chat and at > now - WITHIN_MS)
    return [*others, [chat, now]][-SEVERAL:]


def bot_pause_ms(refusals: Sequence[Sequence[int]], wait_ms: int) -> int:
    """Return how long the bot sends to nobody after the last of these refusals, which asked for `wait_ms`."""
    return min(wait_ms, LONGEST_PAUSE_MS) if len(refusals) >= SEVERAL else 0
