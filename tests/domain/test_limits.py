"""Token buckets, against a bucket that is filled drop by drop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import TooOften
from shared.domain.limits import spend
from shared.domain.user import User

NOW = 1_790_000_000_000
MINUTE = 60_000


def after(user: User, now: int, per_hour: int = 10) -> User:
    return User(user.id, full_at={"orders": spend(user, "orders", per_hour=per_hour, now=now).after})


def test_a_full_bucket_gives_what_it_holds_and_then_one_at_a_time() -> None:
    user = User(1)
    for _ in range(10):
        user = after(user, NOW)
    with pytest.raises(TooOften) as refused:
        after(user, NOW)
    assert refused.value.retry_after == 360
    with pytest.raises(TooOften) as refused:
        after(user, NOW + 6 * MINUTE - 1)
    assert refused.value.retry_after == 1
    user = after(user, NOW + 6 * MINUTE)
    with pytest.raises(TooOften):
        after(user, NOW + 6 * MINUTE)


def test_buckets_are_apart() -> None:
    user = after(User(1), NOW, per_hour=1)
    assert spend(user, "takes", per_hour=1, now=NOW).full_by == NOW
    with pytest.raises(TooOften):
        spend(user, "orders", per_hour=1, now=NOW)


@given(
    per_hour=st.sampled_from([1, 2, 5, 10, 60]),
    pauses=st.lists(st.integers(0, 20 * MINUTE) | st.integers(0, 3 * 60 * MINUTE), max_size=60),
)
def test_it_is_a_bucket(per_hour: int, pauses: list[int]) -> None:
    """Tokens counted one by one, in milliseconds of filling, say the same."""
    drop = 60 * MINUTE // per_hour
    holds = drop * per_hour
    user, now, filled = User(1), NOW, holds
    for pause in pauses:
        now += pause
        filled = min(holds, filled + pause)
        if filled >= drop:
            user = after(user, now, per_hour)
            filled -= drop
        else:
            with pytest.raises(TooOften) as refused:
                after(user, now, per_hour)
            assert 0 <= refused.value.retry_after * 1000 - (drop - filled) < 1000
