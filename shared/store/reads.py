"""How often a user may read.

A token for each read would make a write of each, which costs as much as five reads. So an instance of a function gives
each user a minute's share of his hour by itself, which is more than a person reads, and only what goes beyond comes out
of his bucket, a share at a time.
"""

from shared.domain.durations import MINUTE_MS, ceil_seconds
from shared.domain.errors import TooOften
from shared.domain.limits import take_token
from shared.settings import settings
from shared.store import conditions, keys, table

# What this instance knows of this minute: how often each user read, and whose bucket was empty until when.
_reads: dict[int, int] = {}
_refused_until: dict[int, int] = {}
_minute = 0


def count(user_id: int, *, now: int) -> None:
    """One more read of the user at `now`, epoch ms.

    No call for a person who reads; for each share after the first one UpdateItem, two where he read much lately, more
    where several instances take at once. None for who is known to have to wait. Raises TooOften, Unavailable.
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
            _spend(user_id, share, now)
        except TooOften as refused:
            _refused_until[user_id] = now + refused.retry_after * 1000
            raise
    _reads[user_id] = reads + 1


def _spend(user_id: int, tokens: int, now: int) -> None:
    full_at: dict[str, int] = {}  # what is more likely comes first: that he has not read much for an hour
    while True:
        token = take_token(full_at, "reads", per_hour=settings().reads_per_hour, now=now, tokens=tokens)
        done, item = table.update_if(
            keys.reads(user_id),
            "SET bucket_reads = :bucket, #ttl = :ttl",
            condition=conditions.bucket_full_by("reads"),
            # A bucket that is full says nothing.
            values={":bucket": token.after, ":bucket_full_by": token.full_by, ":ttl": ceil_seconds(token.after)},
        )
        if done:
            return
        full_at = {"reads": item["bucket_reads"]}
