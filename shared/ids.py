"""Ids that leave the API."""

import re
import secrets

# 41 bits of milliseconds from here last until 2094; with 12 random bits an id stays below 2**53, which is as far
# as JavaScript counts exactly.
_EPOCH = 1_735_689_600_000  # 2025-01-01T00:00:00Z

ID = re.compile("[A-Za-z0-9_-]{12}")


def new_id() -> str:
    """12 URL-safe characters, 72 bits: nobody guesses one."""
    return secrets.token_urlsafe(9)


def new_integer_id(now: int) -> int:
    """An integer that grows with `now` (epoch ms). What must be unique is never guarded by it alone."""
    return (now - _EPOCH) << 12 | secrets.randbits(12)
