"""Durations in milliseconds, the unit of every time in the code, except those named `…_seconds` or `…_minutes`."""

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def ceil_div(dividend: int, divisor: int) -> int:
    """Divide and round up."""
    return -(-dividend // divisor)


def ceil_seconds(ms: int) -> int:
    """Convert milliseconds to whole seconds, rounded up. DynamoDB's TTL and HTTP's Retry-After count in seconds."""
    return ceil_div(ms, SECOND_MS)
