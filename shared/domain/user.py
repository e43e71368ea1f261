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
    """A user as stored. A user without an item has every default.

    `balance`, `debt`: roubles. The debt is what providers took back after it was spent, less its repayments. One of the
    two is 0.
    `last_entry_id`: the newest entry of the user's ledger, 0 before the first.
    `preferred_categories`, `preferred_cities`: empty means any.
    `chat_open`: whether the bot may write to the user; None until Telegram reported it.
    `settings_version`: grows with every change that affects which orders are sent to the user.
    `banned_at`: when an operator banned the user, epoch ms. `banned_until`: when the ban ends by itself, epoch ms; None
    for a ban without an end. Nothing is written at that moment. `ban_reason`: the operator's reason.
    `full_at`: when each bucket of the user is full again, epoch ms (`shared/domain/limits.py`).
    `consents`: when the user first wrote under each version of the terms, epoch ms.
    `receipt_contact`: where fiscal receipts go, in normal form (`shared/domain/receipt.py`).
    `receipt_contact_consent_at`: when the user gave it for that purpose, epoch ms.
    `first_order_at`, `first_taken_order_at`: when the user posted their first order, and when the first order that they
    took was posted, epoch ms. None also for a user whose first one is older than these fields and has no other since.
    """

    id: int
    first_name: str = ""
    last_name: str = ""
    username: str | None = None
    balance: int = 0
    debt: int = 0
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
    banned_until: int | None = None
    ban_reason: str | None = None
    full_at: dict[str, int] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)
    receipt_contact: str | None = None
    receipt_contact_consent_at: int | None = None
    first_order_at: int | None = None
    first_taken_order_at: int | None = None

    def is_banned(self, now: int) -> bool:
        """Whether an operator banned the user, and the ban has not ended at `now` (epoch ms)."""
        return self.banned_at is not None and (self.banned_until is None or now < self.banned_until)

    def check_not_banned(self, now: int) -> None:
        """Raise Banned if the user is banned at `now` (epoch ms)."""
        if self.is_banned(now):
            raise Banned

    @property
    def listens(self) -> bool:
        """Whether the user gets new orders: notifications are on, and the bot is not known to be blocked."""
        return self.notifications_enabled and self.chat_open is not False

    def wants(self, order: Order, now: int) -> bool:
        """Whether a new order is sent to the user at `now` (epoch ms).

        They listen, subscribe to such orders, are not banned, and did not post it.
        """
        return (
            self.listens
            and not self.is_banned(now)
            and order.client_id != self.id
            and (not self.preferred_categories or order.category in self.preferred_categories)
            and (not self.preferred_cities or order.city in self.preferred_cities)
        )

    @property
    def rating(self) -> float:
        """The mean of all ratings received, rounded to two digits; 0 before the first."""
        return round(self.rating_sum / self.rating_count, 2) if self.rating_count else 0.0
