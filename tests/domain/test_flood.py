"""Flood control: a 429 stops its chat, and several within seconds stop the bot for a minute at most."""

from shared.domain import flood

NOW = 1_700_000_000_000
SECOND = 1_000


def test_refusals_count_for_ten_seconds() -> None:
    assert flood.with_refusal([], NOW) == [NOW]
    assert flood.with_refusal([NOW - 9_999], NOW) == [NOW - 9_999, NOW]
    assert flood.with_refusal([NOW - 10_000, NOW - 1], NOW) == [NOW - 1, NOW]


def test_only_the_last_refusals_are_kept() -> None:
    assert flood.with_refusal([NOW - 3, NOW - 2, NOW - 1], NOW) == [NOW - 2, NOW - 1, NOW]


def test_third_refusal_stops_the_bot() -> None:
    assert flood.bot_pause_ms([NOW, NOW], 7 * SECOND) == 0
    assert flood.bot_pause_ms([NOW, NOW, NOW], 7 * SECOND) == 7 * SECOND


def test_bot_stops_for_a_minute_at_most() -> None:
    assert flood.bot_pause_ms([NOW, NOW, NOW], 10_072 * SECOND) == 60 * SECOND
