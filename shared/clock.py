"""The server's clock. Every decision uses it; a time that a client sends decides nothing."""

import time


def now_ms() -> int:
    """The current time in epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000


def sleep(seconds: float) -> None:
    """Wait for `seconds`."""
    time.sleep(seconds)
