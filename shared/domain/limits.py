"""Rate limits of a user: a token bucket for each kind of action.

A bucket of n per hour holds n tokens and regains one every hour / n. Only one value is stored, the moment at which the
bucket is full again. So a bucket refills without a timer, and a user without a stored value has full buckets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.domain.durations import HOUR_MS, ceil_seconds
from shared.domain.errors import TooOften

Bucket = Literal["orders", "contacts", "takes", "settings", "invoices", "refusals", "messages", "reads", "live"]

# Invoices that a payment provider refused for good. Each gives the user's token back, and is a call to the provider.
REFUSALS_PER_HOUR = 10

# Sockets opened and messages over them. A client sends a ping every nine minutes, and a watch where its filter changes.
LIVE_MESSAGES_PER_HOUR = 600

# Messages to the operators. Each is two messages in their chat; an album of photos is up to ten messages.
MESSAGES_PER_HOUR = 20


@dataclass(frozen=True, slots=True)
class Token:
    """Tokens taken from a bucket, epoch ms.

    At the write, the bucket must be full again by `full_by` or earlier. The write moves that moment to `after`.
    """

    bucket: Bucket
    full_by: int
    after: int

    def given_back(self) -> "Token":
        """Return what gives these tokens back, while no other was taken from the bucket since."""
        return Token(self.bucket, full_by=self.after, after=self.full_by)


def take_token(full_at: Mapping[str, int], bucket: Bucket, *, per_hour: int, now: int, tokens: int = 1) -> Token:
    """Take `tokens` from a bucket of a user. `full_at` says when each bucket is full again, epoch ms.

    Raises TooOften with the seconds until the bucket has so many tokens.
    """
    full_by = max(full_at.get(bucket, 0), now)
    after = full_by + tokens * HOUR_MS // per_hour
    too_soon = after - now - HOUR_MS
    if too_soon > 0:
        raise TooOften(ceil_seconds(too_soon))
    return Token(bucket, full_by, after)
