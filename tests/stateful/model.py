"""A model of the whole service by its contract, in memory and independent of the storage.

Written from the contract, not from the code. Money is roubles, time is epoch milliseconds. The clock
alone decides what a reader sees. Counters and refunds follow when a timer, the sweep or the client ends the order.
"""

from dataclasses import dataclass, field, replace
from typing import Any

HOUR = 60 * 60_000
WINDOW = 15 * 60_000
REPEATED = 60_000
PRICE, SLOTS = 2, 3
CONTACTS_PER_HOUR = 5
ERASED, NOBODY = "Удалено по просьбе автора", "Пользователь"
# Texts with a contact, and how they are shown to those who have not paid. A masked one may be short.
MASKED = {
    "Нет воды во всём доме, звоните +7 (999) 000-00-00 или @no_water": "Нет воды во всём доме, звоните ••• или •••",
    "Пишите: https://t.me/no_water": "Пишите: •••",
    "Мастер хорош, его почта: master@example.com": "Мастер хорош, его почта: •••",
}


def masked(text: str | None) -> str | None:
    """Return a text as others than its author see it."""
    return MASKED.get(text, text) if text else text


@dataclass
class Order:
    """An order. Counters and refunds match the status `seen`; `refunded` holds the refunded executors.

    `gives_back`: an operator's removal ended it, so its executors get a refund even after a response. An erased order
    is in no list of its client.
    """

    id: str
    client: int
    category: str
    city: str
    description: str
    contact: str
    normal: str
    created_at: int
    edited: bool = False
    takes: list[tuple[int, int, int]] = field(default_factory=list)
    """Executor, time of the take, and the executor's balance after it."""
    answered_at: int | None = None
    ended: str | None = None
    ended_early_at: int | None = None
    """When somebody, not the clock, ended it; the end of its hour if that was over."""
    seen: str = "active"
    rating: int | None = None
    comment: str | None = None
    refunded: set[int] = field(default_factory=set)
    gives_back: bool = False
    removed_at: int | None = None
    erased: bool = False

    @property
    def executors(self) -> list[int]:
        return [executor for executor, _, _ in self.takes]

    def status(self, now: int) -> str:
        """Return the status shown at a moment."""
        if self.ended is not None:
            return self.ended
        if self.takes and self.answered_at is None and now >= self.takes[0][1] + WINDOW:
            return "closed_no_response"
        return "expired" if now >= self.created_at + HOUR else "active"

    def is_running(self, now: int) -> bool:
        """Whether the order is open, or an executor waits for the client's answer."""
        status = self.status(now)
        return status == "active" or (status == "expired" and bool(self.takes) and self.answered_at is None)

    def is_seen_by(self, user: int | None) -> bool:
        """Whether the order is there for a user. A deleted or removed one is there for those whom it concerns."""
        gone = self.ended == "deleted" or self.removed_at is not None
        return not gone or user in (self.client, *self.executors)

    def ended_at(self, now: int) -> int | None:
        """Return when the order stopped being active: by the clock at its first deadline."""
        if self.ended is not None:
            return self.ended_early_at
        windows = [at + WINDOW for _, at, _ in self.takes[:1] if self.answered_at is None]
        return None if self.status(now) == "active" else min([self.created_at + HOUR, *windows])

    @property
    def due_at(self) -> int:
        """Return the first deadline that is not yet stored as an end."""
        hour = [self.created_at + HOUR] if self.seen == "active" else []
        return min(hour + [at + WINDOW for _, at, _ in self.takes[:1] if self.answered_at is None])


@dataclass
class Account:
    """A user's state, with the time of a ban. `paid` is what the providers took and did not give back."""

    balance: int = 0
    debt: int = 0
    paid: int = 0
    banned_at: int | None = None
    contact_time: int = HOUR
    """What is in the bucket of contacts at `contact_time_at`, as ms of refill: an hour when it is full."""
    contact_time_at: int = 0
    active: int = 0
    completed: int = 0
    ratings: list[int] = field(default_factory=list)
    ledger: list[tuple[str, int, int, str | None]] = field(default_factory=list)
    """Type, amount, balance afterwards, order."""

    def change(self, type: str, amount: int, order_id: str | None = None) -> None:
        self.balance += amount
        assert self.balance >= 0
        self.ledger.append((type, amount, self.balance, order_id))

    def credit(self, type: str, amount: int, order_id: str | None = None) -> None:
        """Add to the balance, and repay the debt from it."""
        self.change(type, amount, order_id)
        repaid = min(amount, self.debt)
        if repaid:
            self.debt -= repaid
            self.change("debt_repayment", -repaid)

    def pay(self, amount: int) -> None:
        self.paid += amount
        self.credit("recharge", amount)

    def take_back(self, amount: int) -> None:
        """A provider gives a payment back: what the balance does not cover is owed."""
        self.paid -= amount
        covered = min(amount, self.balance)
        self.debt += amount - covered
        if covered:
            self.change("recharge", -covered)


@dataclass(frozen=True)
class Review:
    order_id: str
    client: int
    executor: int
    rating: int
    comment: str | None
    category: str
    city: str
    created_at: int
    author: str


@dataclass(frozen=True)
class Says:
    """A response: its status, and its error code or its content."""

    status: int
    body: Any = None


BANNED = Says(403, "banned")
TOO_OFTEN = Says(429, "too_often")


class Model:
    """The state of the service, and the expected response to each request."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.orders: dict[str, Order] = {}
        self.accounts: dict[int, Account] = {}
        self.reviews: list[Review] = []
        self.complaints: dict[tuple[str, int], bool] = {}  # author and order to whether it was handled
        self.audit_log: list[tuple[str, int | None, str | None]] = []

    def account(self, user: int) -> Account:
        return self.accounts.setdefault(user, Account())

    # ------------------------------------------------------------ time

    def settle(self, order: Order) -> None:
        """Update counters and refunds to the current status of the order."""
        status = order.status(self.now)
        if status == order.seen:
            return
        if order.seen == "active":
            for user in (order.client, *order.executors):
                self.account(user).active -= 1
                self.account(user).completed += status == "completed"
        if order.gives_back or (status == "closed_no_response" and order.answered_at is None):
            for executor in order.executors:
                self._give_back(order, executor)
        order.seen = status

    def _give_back(self, order: Order, executor: int) -> None:
        if executor not in order.refunded:
            order.refunded.add(executor)
            self.account(executor).credit("refund", PRICE, order.id)

    def _banned(self, user: int) -> bool:
        return self.account(user).banned_at is not None

    def due(self) -> list[Order]:
        """Return the orders whose end is not yet stored, earliest deadline first."""
        left = [order for order in self.orders.values() if order.status(self.now) != order.seen]
        return sorted(left, key=lambda order: order.due_at)

    def _end(self, order: Order, status: str) -> None:
        order.ended = status
        order.ended_early_at = min(self.now, order.created_at + HOUR)
        self.settle(order)

    def holder(self, normal: str) -> Order | None:
        """Return the active order with the contact."""
        return next(
            (order for order in self.orders.values() if order.normal == normal and order.status(self.now) == "active"),
            None,
        )

    def _free(self, normal: str | None) -> None:
        """End an unanswered order whose contact is reused before its hour is over."""
        for order in self.due():
            if order.normal == normal and self.now < order.created_at + HOUR:
                self.settle(order)

    def _has_contact_token(self, user: int) -> bool:
        """Whether the bucket of refused and changed contacts has a token; it refills until now."""
        account = self.account(user)
        account.contact_time = min(HOUR, account.contact_time + self.now - account.contact_time_at)
        account.contact_time_at = self.now
        return account.contact_time >= HOUR // CONTACTS_PER_HOUR

    def _charge_contact(self, user: int) -> None:
        self.account(user).contact_time -= HOUR // CONTACTS_PER_HOUR

    # ------------------------------------------------------------ orders

    def create(self, client: int, order_id: str | None, given: dict[str, Any], normal: str) -> Says:
        """Create an order, or find the one that the same request created. `order_id` is the id from the service."""
        holder = self.holder(normal)
        if holder is not None and self._is_repeated(holder, client, given):
            return Says(201, self.view(holder, client))
        if self._banned(client):
            return BANNED
        if not self._has_contact_token(client):
            return TOO_OFTEN  # whether the contact is busy or free
        if holder is not None:
            self._charge_contact(client)
            return Says(409, "contact_busy")
        self._free(normal)
        if order_id is not None:
            self.orders[order_id] = Order(order_id, client, normal=normal, created_at=self.now, **given)
            self.account(client).active += 1
            return Says(201, self.view(self.orders[order_id], client))
        return Says(201)

    def _is_repeated(self, order: Order, client: int, given: dict[str, Any]) -> bool:
        same = client == order.client and all(getattr(order, name) == value for name, value in given.items())
        return same and not order.edited and self.now < order.created_at + REPEATED

    def _seen(self, order_id: str, user: int | None) -> Order | None:
        """Return the order, if it is there for the user."""
        order = self.orders.get(order_id)
        return order if order is not None and order.is_seen_by(user) else None

    def get(self, order_id: str, user: int | None) -> Says:
        order = self._seen(order_id, user)
        return Says(200, self.view(order, user)) if order else Says(404, "order_not_found")

    def update(self, order_id: str, user: int, given: dict[str, str], normal: str | None) -> Says:
        order = self.orders.get(order_id)
        refused = self._edit_refused(order, user)
        if order is None or refused is not None:
            return refused or Says(404, "order_not_found")
        description = given.get("description", order.description)
        if description == MASKED.get(order.description):
            given = {**given, "description": order.description}  # what a list showed of it is not a new one
        elif len(description) < 20:
            return Says(422, "invalid_request")
        refused = None if normal in (None, order.normal) else self._contact_refused(normal, user)
        if refused is not None:
            return refused
        order.normal = normal or order.normal
        for name, value in given.items():
            order.edited |= getattr(order, name) != value
            setattr(order, name, value)
        return Says(200, self.view(order, user))

    def _edit_refused(self, order: Order | None, user: int) -> Says | None:
        if self._banned(user):
            return BANNED
        if order is None or order.client != user:
            return Says(404, "order_not_found")
        if order.takes:
            return Says(403, "order_taken")
        return None if order.status(self.now) == "active" else Says(410, "order_not_active")

    def _contact_refused(self, normal: str, user: int) -> Says | None:
        """Charge a new contact of an order, and refuse it if it is busy."""
        if not self._has_contact_token(user):
            return TOO_OFTEN
        self._charge_contact(user)
        if self.holder(normal):
            return Says(409, "contact_busy")
        self._free(normal)
        return None

    def delete(self, order_id: str, user: int) -> Says:
        if self._banned(user):
            return BANNED
        order = self.orders.get(order_id)
        if order is None or order.client != user:
            return Says(404, "order_not_found")
        if order.takes:
            return Says(403, "order_taken")
        if order.status(self.now) not in ("active", "expired"):
            return Says(410, "order_not_active")
        self._end(order, "deleted")
        return Says(204)

    def take(self, order_id: str, user: int) -> Says:
        order = self._seen(order_id, user)
        if order is None:
            return Says(404, "order_not_found")
        if user not in order.executors:
            refused = self._take_refused(order, user)
            if refused is not None:
                return refused
            account = self.account(user)
            account.change("order_take", -PRICE, order_id)
            account.active += 1
            order.takes.append((user, self.now, account.balance))
        if order.erased:
            return Says(410, "order_not_active")
        place = order.executors.index(user)
        told = {
            "success": True,
            "contact": order.contact,
            "executor_count": place + 1,
            "new_balance": order.takes[place][2],
        }
        return Says(200, told)

    def _take_refused(self, order: Order, user: int) -> Says | None:
        if self._banned(user):
            return BANNED
        if user == order.client:
            return Says(403, "own_order")
        if order.status(self.now) != "active":
            return Says(410, "order_not_active")
        if len(order.takes) == SLOTS:
            return Says(409, "all_slots_taken")
        return Says(402, "insufficient_balance") if self.account(user).balance < PRICE else None

    def _own(self, order_id: str, user: int, statuses: tuple[str, ...]) -> Order | Says:
        if self._banned(user):
            return BANNED
        order = self._seen(order_id, user)
        if order is None:
            return Says(404, "order_not_found")
        if order.client != user:
            return Says(403, "not_your_order")
        return order if order.status(self.now) in statuses else Says(410, "order_not_active")

    def respond(self, order_id: str, user: int) -> Says:
        order = self._own(order_id, user, ("active", "expired"))
        if isinstance(order, Says):
            return order
        if order.answered_at is not None:
            return Says(409, "already_answered")
        if not order.takes:
            return Says(409, "nobody_took_it") if order.status(self.now) == "active" else Says(410, "order_not_active")
        order.answered_at = self.now
        return Says(200, self.view(order, user))

    def close(self, order_id: str, user: int) -> Says:
        order = self._own(order_id, user, ("active",))
        if isinstance(order, Says):
            return order
        if not order.takes:
            return Says(409, "nobody_took_it")
        self._end(order, "closed_no_response")
        return Says(204)

    def complete(self, order_id: str, user: int) -> Says:
        order = self._own(order_id, user, ("active",))
        if isinstance(order, Says):
            return order
        if not order.takes:
            return Says(409, "nobody_took_it")
        if order.answered_at is None:
            order.answered_at = self.now
        self._end(order, "completed")
        return Says(200, self.view(order, user))

    # ------------------------------------------------------------ lists

    def feed(self, *, status: str | None, city: str | None, category: str | None, limit: int, offset: int) -> Says:
        if (status or "active") not in ("active", "expired", "completed"):
            return Says(422, "invalid_request")
        listed = [order for order in self.orders.values() if not order.erased and order.removed_at is None]
        return self._page(listed, status or "active", city, category, limit, offset)

    def mine(self, user: int, *, status: str | None, city: str | None, limit: int, offset: int) -> Says:
        return self._page(
            [order for order in self.orders.values() if order.client == user and not order.erased],
            status,
            city,
            None,
            limit,
            offset,
        )

    def taken_by_me(self, user: int, *, status: str | None, city: str | None, limit: int, offset: int) -> Says:
        return self._page(
            [order for order in self.orders.values() if user in order.executors], status, city, None, limit, offset
        )

    def _page(
        self,
        orders: list[Order],
        status: str | None,
        city: str | None,
        category: str | None,
        limit: int,
        offset: int,
    ) -> Says:
        found = [
            order
            for order in orders
            if status in (None, order.status(self.now))
            and city in (None, order.city)
            and category in (None, order.category)
        ]
        found.sort(key=lambda order: (order.created_at, order.id), reverse=True)
        page = [self.view(order, None) for order in found[offset : offset + limit]]
        return Says(200, {"orders": page, "total": len(found), "has_more": offset + limit < len(found)})

    # ------------------------------------------------------------ reviews

    def review(self, order_id: str, user: int, rating: int, comment: str | None, executor: int | None) -> Says:
        if self._banned(user):
            return BANNED
        order = self.orders.get(order_id)
        if order is None or order.client != user:
            return Says(404, "order_not_found")
        if order.status(self.now) not in ("completed", "expired") or not order.takes:
            over = order.status(self.now) in ("completed", "expired")
            return Says(400, "nobody_to_review" if over else "not_reviewable")
        executor = executor or order.executors[0]
        if executor not in order.executors:
            return Says(400, "executor_did_not_take")
        if order.rating is not None:
            return Says(409, "already_reviewed")
        order.rating, order.comment = rating, comment
        self.account(executor).ratings.append(rating)
        self.reviews.append(
            Review(order_id, user, executor, rating, comment, order.category, order.city, self.now, f"User{user}")
        )
        return Says(200)

    def complain(self, order_id: str, user: int) -> Says:
        if self._banned(user):
            return BANNED
        order = self.orders.get(order_id)
        if order is None or user not in order.executors:
            return Says(404, "order_not_taken_by_you")
        if (order_id, user) in self.complaints:
            return Says(409, "already_complained")
        self.complaints[order_id, user] = False
        return Says(200)

    def check(self, order_id: str, user: int) -> Says:
        wrote = any(review.order_id == order_id and review.client == user for review in self.reviews)
        type = "review" if wrote else "complaint" if (order_id, user) in self.complaints else None
        return Says(200, {"submitted": type is not None, "type": type})

    def list_reviews(self, user: int, *, which: str, rating: int | None, limit: int) -> Says:
        found = [
            review
            for review in self.reviews
            if rating in (None, review.rating)
            and (which != "mine" or review.executor == user)
            and (which != "written" or review.client == user)
            and (which != "all" or self.orders[review.order_id].removed_at is None)
        ]
        found.sort(key=lambda review: review.created_at, reverse=True)
        shown = [
            (
                review.order_id,
                review.rating,
                review.comment if which == "written" else masked(review.comment),
                review.author,
            )
            for review in found[:limit]
        ]
        return Says(200, shown)

    # ------------------------------------------------------------ operators and erasure

    def ban(self, user: int) -> Says:
        account = self.account(user)
        if account.banned_at is None:
            account.banned_at = self.now
            self.audit_log.append(("user_banned", user, None))
        running = [order for order in self.orders.values() if order.client == user and order.is_running(self.now)]
        for order in running:
            self.remove(order.id)
        return Says(200, (user, account.banned_at, {order.id for order in running}))

    def unban(self, user: int) -> Says:
        if self._banned(user):
            self.account(user).banned_at = None
            self.audit_log.append(("user_unbanned", user, None))
        return Says(200, (user, None, set()))

    def remove(self, order_id: str) -> Says:
        """Remove an order in any state, once. One that runs or expired ends with it."""
        order = self.orders[order_id]
        if order.removed_at is None:
            if order.status(self.now) in ("active", "expired"):
                order.gives_back = True
                self._withdraw(order)
            self.settle(order)
            order.removed_at = self.now
            self.audit_log.append(("order_removed", None, order_id))
        told = {
            **self.view(order, None),
            "client_id": order.client,
            "takes": [(executor, at, PRICE, executor in order.refunded) for executor, at, _ in order.takes],
            "ended_at": order.ended_at(self.now),
            "removed_at": order.removed_at,
        }
        return Says(200, told)

    def _withdraw(self, order: Order) -> None:
        self._end(order, "closed_no_response" if order.takes else "deleted")

    def refund(self, order_id: str, executor: int) -> Says:
        order = self.orders[order_id]
        if executor not in order.executors:
            return Says(404, "take_not_found")
        if executor in order.refunded:
            return Says(409, "already_refunded")
        if order.answered_at is None and order.is_running(self.now):
            return Says(409, "take_not_over")
        if order.answered_at is None:
            self.settle(order)  # the end, not yet stored, refunds it
        self._give_back(order, executor)
        self.audit_log.append(("take_refunded", executor, order_id))
        return Says(200, {"order_id": order_id, "executor_id": executor, "amount": PRICE})

    def handle(self, order_id: str, executor: int) -> Says:
        handled = self.complaints.get((order_id, executor))
        if handled is None:
            return Says(404, "complaint_not_found")
        if handled:
            return Says(409, "already_handled")
        self.complaints[order_id, executor] = True
        self.audit_log.append(("complaint_handled", executor, order_id))
        return Says(200)

    def queue(self, *, handled: bool) -> Says:
        return Says(200, {complaint for complaint, was in self.complaints.items() if was is handled})

    def forget(self, user: int) -> Says:
        """Erase the user's text and end the user's orders, as the client could end them."""
        for order in self.orders.values():
            if order.client == user and not order.erased:
                if order.is_running(self.now):
                    self._withdraw(order)
                self.settle(order)
                order.erased, order.description = True, ERASED
            if order.client == user:
                order.comment = None
        self.reviews = [
            replace(review, comment=None, author=NOBODY) if review.client == user else review for review in self.reviews
        ]
        self.audit_log.append(("data_erased", user, None))
        return Says(204)

    # ------------------------------------------------------------ views

    def me(self, user: int) -> Says:
        account = self.account(user)
        rating = round(sum(account.ratings) / len(account.ratings), 2) if account.ratings else 0
        told = (account.balance, account.active, account.completed, rating)
        return Says(200, told)

    def view(self, order: Order, user: int | None) -> dict[str, Any]:
        entitled = user is not None and user in (order.client, *order.executors)
        return {
            "id": order.id,
            "category": order.category,
            "description": order.description if entitled else masked(order.description),
            "description_masked": order.description in MASKED,
            "city": order.city,
            "contact": order.contact if entitled and not order.erased else None,
            "created_at": order.created_at,
            "expires_in_minutes": 60,
            "status": order.status(self.now),
            "taken_by": [(executor, at) for executor, at, _ in order.takes],
            "customer_responded_at": order.answered_at,
            "city_locked": True,
            "rating": order.rating,
            "review_comment": order.comment if user == order.client else masked(order.comment),
            "removed": order.removed_at is not None,
        }
