"""A user: a client and an executor are the same person at different moments."""

from dataclasses import dataclass

DEFAULT_FREQUENCY = 10
MIN_FREQUENCY = 5
MAX_FREQUENCY = 15
MAX_PREFERRED_CATEGORIES = 10
MAX_PREFERRED_CITIES = 20


@dataclass(frozen=True, slots=True)
class User:
    """A user as stored; one who never wrote anything has every default.

    `last_entry_id` is the newest entry of his ledger, 0 before the first.
    """

    id: int
    first_name: str = ""
    last_name: str = ""
    username: str | None = None
    balance: int = 0
    last_entry_id: int = 0
    active_orders: int = 0
    completed_orders: int = 0
    rating_sum: int = 0
    rating_count: int = 0
    preferred_categories: tuple[str, ...] = ()
    preferred_cities: tuple[str, ...] = ()
    notifications_enabled: bool = False
    notification_frequency: int = DEFAULT_FREQUENCY

    @property
    def rating(self) -> float:
        """The mean of all reviews received, to two digits; 0 before the first."""
        return round(self.rating_sum / self.rating_count, 2) if self.rating_count else 0.0
