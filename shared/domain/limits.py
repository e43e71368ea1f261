"""How often a user may do a thing: a token bucket for each.

A bucket of n an hour holds n tokens and gets one back every hour / n. Of it nothing is kept but the moment at which it
is full again: whoever was not seen for that long has a full one, and no timer fills it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.domain.durations import HOUR_MS, ceil_seconds
from shared.domain.errors import TooOften

Bucket = Literal["orders", "takes", "settings", "invoices", "reads"]


@dataclass(frozen=True, slots=True)
class Token:
    """Tokens are taken out of a bucket that is full by `full_by` at the latest; then it is at `after`. Epoch ms."""

    bucket: Bucket
    full_by: int
    after: int


def take_token(full_at: Mapping[str, int], bucket: Bucket, *, per_hour: int, now: int, tokens: int = 1) -> Token:
    """So many tokens of the bucket of a user whose buckets are full at `full_at`, epoch ms.

    Raises TooOften, which says when there are so many again.
    """
    full_by = max(full_at.get(bucket, 0), now)
    after = full_by + tokens * HOUR_MS // per_hour
    too_soon = after - now - HOUR_MS
    if too_soon > 0:
        raise TooOften(ceil_seconds(too_soon))
    return Token(bucket, full_by, after)
