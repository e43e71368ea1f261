"""How often a user may do a thing: a token bucket for each.

A bucket of n an hour holds n tokens and gets one back every hour / n. Of it nothing is kept but the moment at which it
is full again: whoever was not seen for that long has a full one, and no timer fills it.
"""

from dataclasses import dataclass
from typing import Literal

from shared.domain.errors import TooOften
from shared.domain.user import User

Bucket = Literal["orders", "takes", "settings", "invoices"]

_HOUR = 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Spent:
    """A token is taken out of a bucket: it was to be full at `before`, 0 if it never was touched; now at `after`."""

    bucket: Bucket
    before: int
    after: int


def spend(user: User, bucket: Bucket, *, per_hour: int, now: int) -> Spent:
    """One token of the user's bucket, epoch ms. Raises TooOften, which says when there is one again."""
    before = user.full_at.get(bucket, 0)
    after = max(before, now) + _HOUR // per_hour
    too_soon = after - now - _HOUR
    if too_soon > 0:
        raise TooOften(-(-too_soon // 1000))
    return Spent(bucket, before, after)
