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
    """A token is taken out of a bucket that is full by `full_by` at the latest; then it is at `after`. Epoch ms."""

    bucket: Bucket
    full_by: int
    after: int


def spend(user: User, bucket: Bucket, *, per_hour: int, now: int) -> Spent:
    """One token of the user's bucket, epoch ms. Raises TooOften, which says when there is one again."""
    full_by = max(user.full_at.get(bucket, 0), now)
    after = full_by + _HOUR // per_hour
    too_soon = after - now - _HOUR
    if too_soon > 0:
        raise TooOften(-(-too_soon // 1000))
    return Spent(bucket, full_by, after)
