"""A user's rating."""

import pytest

from shared.domain.user import User


@pytest.mark.parametrize(
    ("ratings", "rating"),
    [([], 0), ([5], 5), ([5, 4], 4.5), ([5, 5, 4], 4.67), ([1, 1, 2], 1.33), ([3] * 7 + [4], 3.12)],
)
def test_a_rating_is_the_mean_to_two_digits(ratings: list[int], rating: float) -> None:
    """I21."""
    assert User(1, rating_sum=sum(ratings), rating_count=len(ratings)).rating == rating
