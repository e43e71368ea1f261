"""The server's clock, the only one that decides."""

import time


def now_ms() -> int:
    """The time, in epoch milliseconds UTC."""
    return time.time_ns() // 1_000_000


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)
