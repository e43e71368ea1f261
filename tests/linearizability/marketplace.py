"""The sequential model of the marketplace by its contract: the allowed responses of a call, and its effect.

Written from the contract, without the code that it judges. Time stands still: nothing expires within a history.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

PRICE, SLOTS = 2, 3


@dataclass(frozen=True)
class Order:
    """An order. `takes` are the executors in order of their takes, each with the balance after the take."""

    client: int
    contact: str
    status: str = "active"
    edited: bool = False
    takes: tuple[tuple[int, int], ...] = ()
    answered: bool = False

    @property
    def executors(self) -> tuple[int, ...]:
        return tuple(executor for executor, _ in self.takes)


@dataclass(frozen=True)
class Marketplace:
    """Orders by id and balances by user, as sorted pairs."""

    orders: tuple[tuple[str, Order], ...] = ()
    balances: tuple[tuple[int, int], ...] = ()

    def order(self, order_id: str) -> Order | None:
        return dict(self.orders).get(order_id)

    def balance(self, user: int) -> int:
        return dict(self.balances).get(user, 0)

    def holder(self, contact: str) -> str | None:
        return next((id for id, order in self.orders if order.status == "active" and order.contact == contact), None)

    def with_order(self, order_id: str, order: Order) -> "Marketplace":
        return replace(
            self, orders=tuple(sorted({**dict(self.orders), order_id: order}.items(), key=lambda pair: pair[0]))
        )

    def with_money(self, user: int, roubles: int) -> "Marketplace":
        return replace(
            self, balances=tuple(sorted({**dict(self.balances), user: self.balance(user) + roubles}.items()))
        )


@dataclass(frozen=True)
class Call:
    """A user's request and its response; `status` 0 means no response.

    `order_id` is the order of the call, or the created order. `value` is a contact or an amount.
    """

    what: str
    user: int
    order_id: str = ""
    value: Any = None
    status: int = 0
    told: Any = None


def outcomes(market: Marketplace, asked: Call) -> Iterator[Marketplace]:
    """Return the states after this call, if this response is allowed in this state."""
    if asked.what == "create":
        yield from _create(market, asked)
    elif asked.what == "me":
        yield from _me(market, asked)
    elif asked.what == "recharge":
        after = market.with_money(asked.user, asked.value)
        if asked.status in (0, 200) and asked.told in (None, after.balance(asked.user)):
            yield after
    else:
        order = market.order(asked.order_id)
        if order is not None:
            yield from _RULES[asked.what](market, asked, order)


def _create(market: Marketplace, asked: Call) -> Iterator[Marketplace]:
    """All orders of a history differ by client and contact alone, and it lasts less than the minute of repetitions."""
    holder_id = market.holder(asked.value)
    # The id of an order whose creation had no response is unknown to callers, until a repeated request gets it.
    unknown = f"unanswered creation by {asked.user} for {asked.value}"
    if holder_id is None:
        created = {201: asked.order_id, 0: unknown}.get(asked.status)
        if created is not None and market.order(created) is None:
            yield market.with_order(created, Order(asked.user, asked.value))
        return
    holder = dict(market.orders)[holder_id]
    if holder.client != asked.user or holder.edited:
        if asked.status == 409:
            yield market
    elif asked.status == 201 and holder_id in (asked.order_id, unknown):
        others = tuple(pair for pair in market.orders if pair[0] != holder_id)
        yield replace(market, orders=others).with_order(asked.order_id, holder)


def _me(market: Marketplace, asked: Call) -> Iterator[Marketplace]:
    concerned = [order for _, order in market.orders if asked.user in (order.client, *order.executors)]
    true = (
        market.balance(asked.user),
        sum(order.status == "active" for order in concerned),
        sum(order.status == "completed" for order in concerned),
    )
    if asked.status == 0 or asked.told == true:
        yield market


def _read(market: Marketplace, asked: Call, order: Order) -> Iterator[Marketplace]:
    is_hidden = order.status == "deleted" and asked.user != order.client
    if asked.status == 0 or (asked.status == 404 if is_hidden else asked.told == _shown(order)):
        yield market


def _shown(order: Order) -> tuple[str, tuple[int, ...], bool]:
    return order.status, order.executors, order.answered


def _take(market: Marketplace, asked: Call, order: Order) -> Iterator[Marketplace]:
    if asked.user in order.executors:
        count = order.executors.index(asked.user) + 1
        if asked.status == 0 or (asked.status, asked.told) == (200, (order.contact, count, order.takes[count - 1][1])):
            yield market
        return
    # Each refusal is checked by its own reason, because order and balance are not read atomically.
    refused = {
        402: market.balance(asked.user) < PRICE,
        409: len(order.takes) == SLOTS,
        404: order.status == "deleted",
        410: order.status not in ("active", "deleted"),
    }
    if refused.get(asked.status):
        yield market
    elif asked.status in (0, 200) and not any(refused.values()):
        after = market.with_money(asked.user, -PRICE)
        left = after.balance(asked.user)
        if asked.told in (None, (order.contact, len(order.takes) + 1, left)):
            yield after.with_order(asked.order_id, replace(order, takes=(*order.takes, (asked.user, left))))


def _respond(market: Marketplace, asked: Call, order: Order) -> Iterator[Marketplace]:
    yield from _change(
        market,
        asked,
        replace(order, answered=True),
        {410: order.status != "active", 409: order.answered or not order.takes},
    )


def _close(market: Marketplace, asked: Call, order: Order) -> Iterator[Marketplace]:
    after = market
    if not order.answered:
        for executor in order.executors:
            after = after.with_money(executor, PRICE)
    yield from _change(
        after,
        asked,
        replace(order, status="closed_no_response"),
        {410: order.status != "active", 409: not order.takes},
        unchanged=market,
    )


def _complete(market: Marketplace, asked: Call, order: Order) -> Iterator[Marketplace]:
    yield from _change(
        market,
        asked,
        replace(order, status="completed", answered=True),
        {410: order.status != "active", 409: not order.takes},
    )


def _delete(market: Marketplace, asked: Call, order: Order) -> Iterator[Marketplace]:
    yield from _change(
        market, asked, replace(order, status="deleted"), {410: order.status != "active", 403: bool(order.takes)}
    )


def _update(market: Marketplace, asked: Call, order: Order) -> Iterator[Marketplace]:
    yield from _change(
        market,
        asked,
        replace(order, contact=asked.value, edited=order.edited or asked.value != order.contact),
        {
            410: order.status != "active",
            403: bool(order.takes),
            409: market.holder(asked.value) not in (None, asked.order_id),
        },
    )


def _change(
    market: Marketplace, asked: Call, order: Order, refused: dict[int, bool], unchanged: Marketplace | None = None
) -> Iterator[Marketplace]:
    if refused.get(asked.status):
        yield unchanged or market
    elif asked.status in (0, 200, 204) and not any(refused.values()):
        yield market.with_order(asked.order_id, order)


_RULES = {
    "read": _read,
    "take": _take,
    "respond": _respond,
    "close": _close,
    "complete": _complete,
    "delete": _delete,
    "update": _update,
}
