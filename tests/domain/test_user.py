"""Users: the rating, and the orders that a user is offered."""

from dataclasses import replace

import pytest

from shared.domain.errors import Banned
from shared.domain.user import MAX_FREQUENCY, MAX_PREFERRED_CATEGORIES, MAX_PREFERRED_CITIES, MIN_FREQUENCY, User
from tests.domain.test_order import BEGIN, CLIENT, NEW


@pytest.mark.parametrize(
    ("ratings", "rating"),
    [([], 0), ([5], 5), ([5, 4], 4.5), ([5, 5, 4], 4.67), ([1, 1, 2], 1.33), ([3] * 7 + [4], 3.12)],
)
def test_a_rating_is_the_mean_to_two_digits(ratings: list[int], rating: float) -> None:
    """I21."""
    assert User(1, rating_sum=sum(ratings), rating_count=len(ratings)).rating == rating


def test_defaults_of_a_new_user() -> None:
    """I1: no money without a ledger entry, and no notifications by default."""
    assert User(1) == User(
        1,
        first_name="",
        last_name="",
        username=None,
        balance=0,
        debt=0,
        last_entry_id=0,
        active_orders=0,
        completed_orders=0,
        rating_sum=0,
        rating_count=0,
        preferred_categories=(),
        preferred_cities=(),
        notifications_enabled=False,
        notification_frequency=10,
        chat_open=None,
        settings_version=0,
    )


def test_a_banned_user_may_not_act_and_gets_no_offers() -> None:
    user = User(9, notifications_enabled=True)
    banned = replace(user, banned_at=BEGIN)
    user.check_not_banned(BEGIN)
    with pytest.raises(Banned):
        banned.check_not_banned(BEGIN)
    assert (user.wants(NEW, BEGIN), banned.wants(NEW, BEGIN)) == (True, False)


def test_a_ban_ends_at_its_end() -> None:
    banned = User(9, notifications_enabled=True, banned_at=BEGIN, banned_until=BEGIN + 1000)
    assert [banned.is_banned(BEGIN + ms) for ms in (0, 999, 1000)] == [True, True, False]
    assert [banned.wants(NEW, BEGIN + ms) for ms in (999, 1000)] == [False, True]
    banned.check_not_banned(BEGIN + 1000)
    assert not replace(banned, banned_at=None).is_banned(BEGIN)  # an end alone is no ban


def test_the_limits_of_settings_are_the_contracts() -> None:
    assert (MIN_FREQUENCY, MAX_FREQUENCY) == (5, 15)
    assert (MAX_PREFERRED_CATEGORIES, MAX_PREFERRED_CITIES) == (10, 20)


@pytest.mark.parametrize(
    ("enabled", "chat_open", "listens"),
    [(True, None, True), (True, True, True), (True, False, False), (False, None, False), (False, True, False)],
)
def test_offers_need_enabled_notifications_and_an_open_chat(
    enabled: bool, chat_open: bool | None, listens: bool
) -> None:
    user = User(9, notifications_enabled=enabled, chat_open=chat_open)
    assert user.listens is listens
    assert user.wants(NEW, BEGIN) is listens


@pytest.mark.parametrize(
    ("categories", "cities", "wanted"),
    [
        ((), (), True),
        (("Клининг", NEW.category), (), True),
        (("Клининг",), (), False),
        ((), ("Казань", NEW.city), True),
        ((), ("Казань",), False),
        ((NEW.category,), (NEW.city,), True),
        (("Клининг",), (NEW.city,), False),
        ((NEW.category,), ("Казань",), False),
    ],
)
def test_wanted_orders_follow_the_preferences(
    categories: tuple[str, ...], cities: tuple[str, ...], wanted: bool
) -> None:
    user = User(9, notifications_enabled=True, preferred_categories=categories, preferred_cities=cities)
    assert user.wants(NEW, BEGIN) is wanted
    assert not replace(user, id=CLIENT).wants(NEW, BEGIN)  # the user's own order
    assert not replace(user, notifications_enabled=False).wants(NEW, BEGIN)
