"""Flood control of Telegram: which sends a 429 stops.

A 429 says how long the refused request must wait. It does not say whether the limit is the chat's or the bot's, and a
bot cannot know: https://github.com/tdlib/td/issues/715. A chat's wait can be hours (10 072 s in
https://github.com/tdlib/td/issues/1331), so it must not stop the other chats. Therefore a refusal stops its own chat
for the whole time. Several chats refused within a few seconds are the sign of a limit of the bot, and stop the bot as
well, but for a minute at most: if the limit still holds, the next refusals stop it again.
"""

from collections.abc import Sequence

from shared.domain.durations import MINUTE_MS, SECOND_MS

SEVERAL = 3
WITHIN_MS = 10 * SECOND_MS
LONGEST_PAUSE_MS = MINUTE_MS


def with_refusal(earlier: Sequence[int], now: int) -> list[int]:
    """Return the times of the last refusals (epoch ms) with one more at `now`; those that no longer count are left out.

    A refused chat is paused, so refusals within seconds of each other are of different chats.
    """
    return [*(at for at in earlier if at > now - WITHIN_MS), now][-SEVERAL:]


def bot_pause_ms(refusals: Sequence[int], wait_ms: int) -> int:
    """Return how long the bot sends to nobody after the last of these refusals, which asked for `wait_ms`."""
    return min(wait_ms, LONGEST_PAUSE_MS) if len(refusals) >= SEVERAL else 0
