"""Ids that clients of the API see."""

import re
import secrets

# 41 bits of milliseconds from this moment last until 2094. With 12 random bits, an id stays below 2**53, the largest
# range in which JavaScript represents every integer exactly.
_EPOCH_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z

ID = re.compile("[A-Za-z0-9_-]{12}")


def new_id() -> str:
    """Return 12 URL-safe characters with 72 random bits: an id that cannot be guessed."""
    return secrets.token_urlsafe(9)


def new_integer_id(now: int) -> int:
    """Return an integer that grows with `now` (epoch ms). Uniqueness must be enforced by a condition, not by the id."""
    return (now - _EPOCH_MS) << 12 | secrets.randbits(12)


def least_integer_id(at: int) -> int:
    """Return the smallest integer id that is made at a time (epoch ms) or later."""
    return max(at - _EPOCH_MS, 0) << 12
