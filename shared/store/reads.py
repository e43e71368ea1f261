"""The rate limit of a user's reads.

Charging the bucket on every read would turn each read into a write, five times the cost. So each instance of a function
allows every user one share without a call: a minute's part of the hourly limit, more than a person reads. Only further
reads are charged to the user's bucket, one share at a time.
"""

from shared.domain.durations import MINUTE_MS, ceil_seconds
from shared.domain.errors import TooOften
from shared.settings import settings
from shared.store import buckets, keys

# State of this instance for the current minute: reads per user, and until when (epoch ms) a user's bucket is empty.
_reads: dict[int, int] = {}
_refused_until: dict[int, int] = {}
_minute = 0


def count(user_id: int, *, now: int) -> None:
    """Count one more read of the user at `now`, epoch ms.

    The first share costs no call. Each further share costs one UpdateItem, two if the user has read much in the last
    hour, more if several instances charge the bucket at once. A user known to be over the limit costs no call. Raises
    TooOften, Unavailable.
    """
    global _minute  # noqa: PLW0603 - an instance has one
    if now // MINUTE_MS != _minute:
        _minute = now // MINUTE_MS
        _reads.clear()
        _refused_until.clear()
    if (wait := _refused_until.get(user_id, 0) - now) > 0:
        raise TooOften(ceil_seconds(wait))
    reads = _reads.get(user_id, 0)
    share = max(1, settings().reads_per_hour // 60)
    if reads and reads % share == 0:
        try:
            buckets.take(keys.reads(user_id), "reads", per_hour=settings().reads_per_hour, tokens=share, now=now)
        except TooOften as refused:
            _refused_until[user_id] = now + refused.retry_after * 1000
            raise
    _reads[user_id] = reads + 1
