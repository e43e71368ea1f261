"""Figures: buckets of durations, days in Moscow, sums of days."""

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from shared.domain import stats as rules
from shared.domain.days import begins_at, day_at, hour_at
from shared.domain.durations import DAY_MS, HOUR_MS
from shared.domain.stats import Figures, bucket_of, middle_of, percentile, total_of
from shared.store import stats
from tests.metrics.reference import local, nearest_rank

SECONDS = st.integers(0, 90_000)
TIMES = st.integers(1_500_000_000_000, 2_000_000_000_000)
COUNTS = st.integers(0, 1000)
FIGURES = st.builds(
    Figures,
    **dict.fromkeys(rules._COUNTS, COUNTS),
    listening=st.none() | COUNTS,
    topped_up=st.dictionaries(st.sampled_from(["yookassa", "crypto_pay"]), st.integers(1, 1000)).map(Counter),
    takes_from=st.dictionaries(st.sampled_from(["feed", "bot", "link"]), st.integers(1, 1000)).map(Counter),
    first_take=st.lists(SECONDS).map(lambda them: Counter(map(bucket_of, them))),
    respond=st.lists(SECONDS).map(lambda them: Counter(map(bucket_of, them))),
    hours=st.dictionaries(st.integers(0, 23), st.lists(COUNTS, min_size=5, max_size=5)),
)


@given(SECONDS)
def test_middle_of_a_bucket_is_close(seconds: int) -> None:
    assert abs(middle_of(bucket_of(seconds)) - seconds) <= seconds / 64


@given(SECONDS, SECONDS)
def test_buckets_keep_the_order(one: int, other: int) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


def test_durations_below_64_seconds_are_exact() -> None:
    assert [middle_of(bucket_of(seconds)) for seconds in range(64)] == list(range(64))


@given(st.lists(SECONDS), st.sampled_from([50, 90]))
def test_percentile_is_close_to_the_nearest_rank(durations: list[int], percent: int) -> None:
    found = percentile(Counter(map(bucket_of, durations)), percent)
    exact = nearest_rank(durations, percent)
    assert (found is None) == (exact is None)
    if found is not None and exact is not None:
        assert abs(found - exact) <= exact / 64


@given(TIMES)
def test_day_and_hour_are_those_of_moscow(at: int) -> None:
    assert (day_at(at), hour_at(at)) == (local(at).date(), local(at).hour)
    assert begins_at(day_at(at)) <= at < begins_at(day_at(at)) + DAY_MS


def test_day_changes_at_nine_in_the_evening_of_utc() -> None:
    midnight = begins_at(date(2026, 3, 1))
    assert midnight % DAY_MS == 21 * HOUR_MS
    assert (day_at(midnight - 1), day_at(midnight)) == (date(2026, 2, 28), date(2026, 3, 1))


def test_day_is_open_for_28_days_and_computed_for_29() -> None:
    day = date(2026, 3, 1)
    now = begins_at(day) + 4 * HOUR_MS
    ages = {
        age: (rules.is_open(day, now + age * DAY_MS), rules.is_computable(day, now + age * DAY_MS)) for age in range(32)
    }
    assert ages == {
        0: (True, False),
        **dict.fromkeys(range(1, 29), (True, True)),
        29: (False, True),
        **dict.fromkeys(range(30, 32), (False, False)),
    }
    # TTL may remove the day's first order 30 days after it.
    assert not rules.is_computable(day, begins_at(day) + 30 * DAY_MS - HOUR_MS)


@given(st.lists(FIGURES, max_size=5))
def test_total_is_the_sum_of_the_days(days: list[Figures]) -> None:
    total = total_of(days)
    for name in rules._COUNTS:
        assert getattr(total, name) == sum(getattr(day, name) for day in days)
    for name in rules._COUNTERS:
        assert getattr(total, name) == sum((getattr(day, name) for day in days), Counter())
    for hour in range(24):
        counts = [day.hours[hour] for day in days if hour in day.hours]
        assert total.hours.get(hour, [0] * 5) == [sum(each[place] for each in counts) for place in range(5)]
    assert total.listening == next((day.listening for day in reversed(days) if day.listening is not None), None)


@given(st.lists(FIGURES, max_size=4), st.integers(0, 4))
def test_sum_of_sums_is_the_sum(days: list[Figures], split: int) -> None:
    assert total_of([total_of(days[:split]), total_of(days[split:])]) == total_of(days)


@given(FIGURES)
def test_stored_figures_are_read_as_they_were(figures: Figures) -> None:
    assert stats._figures(stats._text(figures)) == figures


def test_largest_item_is_far_below_the_limit() -> None:
    """A day of a city has eight cells: every hour and every bucket of a day and more in each."""
    every = Counter({bucket_of(seconds): 9999 for seconds in range(90_000)})
    figures = Figures(
        **dict.fromkeys(rules._COUNTS, 99_999),
        listening=99_999,
        topped_up=Counter(dict.fromkeys(("crypto_pay", "telegram_stars", "yookassa"), 9999999)),
        takes_from=Counter({"feed": 99_999, "bot": 99_999, "link": 99_999}),
        first_take=every,
        respond=every,
        hours={hour: [9999] * 5 for hour in range(24)},
    )
    assert 8 * len(stats._text(figures)) < 100_000
