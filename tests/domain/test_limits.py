"""Token buckets (rate limits), compared with a bucket that is filled in small steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import TooOften
from shared.domain.limits import LIVE_MESSAGES_PER_HOUR, MESSAGES_PER_HOUR, REFUSALS_PER_HOUR, take_token

NOW = 1_790_000_000_000
MINUTE = 60_000


Buckets = dict[str, int]


def after(full_at: Buckets, now: int, per_hour: int = 10, tokens: int = 1) -> Buckets:
    return {"orders": take_token(full_at, "orders", per_hour=per_hour, now=now, tokens=tokens).after}


def test_full_bucket_gives_its_size_then_one_at_a_time() -> None:
    full_at: Buckets = {}
    for _ in range(10):
        full_at = after(full_at, NOW)
    with pytest.raises(TooOften) as refused:
        after(full_at, NOW)
    assert refused.value.retry_after == 360
    with pytest.raises(TooOften) as refused:
        after(full_at, NOW + 6 * MINUTE - 1)
    assert refused.value.retry_after == 1
    full_at = after(full_at, NOW + 6 * MINUTE)
    with pytest.raises(TooOften):
        after(full_at, NOW + 6 * MINUTE)


def test_buckets_are_independent() -> None:
    full_at = after({}, NOW, per_hour=1)
    assert take_token(full_at, "takes", per_hour=1, now=NOW).full_by == NOW
    with pytest.raises(TooOften):
        take_token(full_at, "orders", per_hour=1, now=NOW)


def test_token_given_back_leaves_the_bucket_as_it_was() -> None:
    first = take_token({}, "invoices", per_hour=2, now=NOW)
    second = take_token({"invoices": first.after}, "invoices", per_hour=2, now=NOW)
    back = second.given_back()
    assert (back.bucket, back.full_by, back.after) == ("invoices", second.after, first.after)
    assert take_token({"invoices": back.after}, "invoices", per_hour=2, now=NOW) == second


def test_ten_refused_invoices_an_hour_are_allowed() -> None:
    assert REFUSALS_PER_HOUR == 10


def test_two_albums_an_hour_can_be_written_to_operators() -> None:
    """An album has at most ten photos, each a message: https://core.telegram.org/bots/api#sendmediagroup."""
    assert MESSAGES_PER_HOUR == 20


@given(
    per_hour=st.sampled_from([1, 2, 5, 10, 60]),
    wishes=st.lists(
        st.tuples(st.integers(0, 20 * MINUTE) | st.integers(0, 3 * 60 * MINUTE), st.sampled_from([1, 1, 2, 7])),
        max_size=60,
    ),
)
def test_buckets_equal_the_step_by_step_model(per_hour: int, wishes: list[tuple[int, int]]) -> None:
    """A model that counts tokens one by one, in milliseconds of refill, gives the same results."""
    drop = 60 * MINUTE // per_hour
    holds = drop * per_hour
    full_at, now, filled = Buckets(), NOW, holds
    for pause, tokens in wishes:
        now += pause
        filled = min(holds, filled + pause)
        wanted = tokens * drop
        if filled >= wanted:
            full_at = after(full_at, now, per_hour, tokens)
            filled -= wanted
        else:
            with pytest.raises(TooOften) as refused:
                after(full_at, now, per_hour, tokens)
            assert 0 <= refused.value.retry_after * 1000 - (wanted - filled) < 1000


def test_a_socket_can_change_its_list_ten_times_a_minute() -> None:
    assert LIVE_MESSAGES_PER_HOUR == 600
