"""Flood control: a 429 stops its chat, and several within seconds stop the bot for a minute at most."""

from shared.domain import flood

NOW = 1_700_000_000_000
SECOND = 1_000


def test_refusals_count_for_ten_seconds() -> None:
    assert flood.with_refusal([], 1, NOW) == [[1, NOW]]
    assert flood.with_refusal([[2, NOW - 9_999]], 1, NOW) == [[2, NOW - 9_999], [1, NOW]]
    assert flood.with_refusal([[3, NOW - 10_000], [2, NOW - 1]], 1, NOW) == [[2, NOW - 1], [1, NOW]]


def test_only_the_last_refusals_are_kept() -> None:
    before = [[4, NOW - 3], [3, NOW - 2], [2, NOW - 1]]
    assert flood.with_refusal(before, 1, NOW) == [[3, NOW - 2], [2, NOW - 1], [1, NOW]]


def test_newer_refusal_of_a_chat_replaces_the_older() -> None:
    """However often one chat is refused, it is one chat."""
    assert flood.with_refusal([[1, NOW - 2], [2, NOW - 1]], 1, NOW) == [[2, NOW - 1], [1, NOW]]


def test_refusal_keeps_three_digits_of_the_chat() -> None:
    """They tell chats apart and name nobody: the list outlives an erasure."""
    assert flood.with_refusal([], 123_456_789_012, NOW) == [[12, NOW]]
    assert flood.with_refusal([], -1_001_234_567_890, NOW) == [[110, NOW]]


def test_third_refused_chat_stops_the_bot() -> None:
    assert flood.bot_pause_ms([[1, NOW], [2, NOW]], 7 * SECOND) == 0
    assert flood.bot_pause_ms([[1, NOW], [2, NOW], [3, NOW]], 7 * SECOND) == 7 * SECOND


def test_bot_stops_for_a_minute_at_most() -> None:
    assert flood.bot_pause_ms([[1, NOW], [2, NOW], [3, NOW]], 10_072 * SECOND) == 60 * SECOND
