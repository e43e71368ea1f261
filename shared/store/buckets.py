"""Token buckets in items of their own, for rate limits whose tokens belong to no transaction."""

from shared.domain.durations import ceil_seconds
from shared.domain.limits import Bucket, take_token
from shared.store import conditions, table
from shared.store.keys import Key


def take(key: Key, bucket: Bucket, *, per_hour: int, now: int, tokens: int = 1) -> None:
    """Take tokens out of the bucket of the item at `now`, epoch ms.

    One UpdateItem, two if the bucket is not full, more if others take tokens at once. Raises TooOften, Unavailable.
    """
    full_at: dict[str, int] = {}  # try a full bucket first: most users have done little in the last hour
    while True:
        token = take_token(full_at, bucket, per_hour=per_hour, now=now, tokens=tokens)
        done, item = table.update_if(
            key,
            f"SET bucket_{bucket} = :{bucket}_after, #ttl = :ttl",
            condition=conditions.bucket_full_by(bucket),
            # A full bucket needs no item, so TTL removes it.
            values={
                f":{bucket}_after": token.after,
                f":{bucket}_full_by": token.full_by,
                ":ttl": ceil_seconds(token.after),
            },
        )
        if done:
            return
        full_at = {bucket: item[f"bucket_{bucket}"]}
