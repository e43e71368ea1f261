"""A user: a client and an executor are the same person at different moments."""

from dataclasses import dataclass, field

from shared.domain.errors import Banned
from shared.domain.order import Order

DEFAULT_FREQUENCY = 10
MIN_FREQUENCY = 5
MAX_FREQUENCY = 15
MAX_PREFERRED_CATEGORIES = 10
MAX_PREFERRED_CITIES = 20


@dataclass(frozen=True, slots=True)
class User:
    """A user as stored; one who never wrote anything has every default.

    `last_entry_id` is the newest entry of his ledger, 0 before the first. No preferred category means any of them, no
    preferred city any city. `chat_open` tells whether the bot may write to him; None until Telegram said either.
    `settings_version` grows with every change of what decides of which orders he hears. `banned_at` is when an operator
    banned him, `full_at` when each of his buckets is full again (`domain.limits`), `consents` when he first
    wrote under each version of the terms; epoch ms.
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
    chat_open: bool | None = None
    settings_version: int = 0
    banned_at: int | None = None
    full_at: dict[str, int] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)

    def check_not_banned(self) -> None:
        """Raises Banned."""
        if self.banned_at is not None:
            raise Banned

    @property
    def listens(self) -> bool:
        """Whether he hears of new orders at all: he wants to, and the bot can reach him as far as anybody knows."""
        return self.notifications_enabled and self.chat_open is not False

    def wants(self, order: Order) -> bool:
        """Whether he is to hear of this order when it is new: he listens, prefers such, and did not post it himself."""
        return (
            self.listens
            and self.banned_at is None
            and order.client_id != self.id
            and (not self.preferred_categories or order.category in self.preferred_categories)
            and (not self.preferred_cities or order.city in self.preferred_cities)
        )

    @property
    def rating(self) -> float:
        """The mean of all reviews received, to two digits; 0 before the first."""
        return round(self.rating_sum / self.rating_count, 2) if self.rating_count else 0.0
