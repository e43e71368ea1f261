"""POST /api/orders/{id}/take: an executor pays to see the contact."""

from fastapi import APIRouter

from shared import clock, ids
from shared.domain.errors import (
    AllSlotsTaken,
    Banned,
    InsufficientBalance,
    InvalidInitData,
    OrderNotActive,
    OrderNotFound,
    OwnOrder,
    TooOften,
)
from shared.domain.limits import take_token
from shared.domain.money import TAKE_PRICE, LedgerEntry, debit_for_take
from shared.domain.order import Order, with_take
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import OrderId, View
from shared.settings import settings
from shared.store import orders, table

router = APIRouter()


class TakeView(View):
    """What the executor paid for, and what he has left in roubles."""

    success: bool
    contact: str
    executor_count: int
    new_balance: int


@router.post(
    "/api/orders/{id}/take",
    operation_id="take_order",
    summary="Take an order",
    response_model=TakeView,
    responses=error_responses(
        InvalidInitData, Banned, TooOften, OrderNotFound, OwnOrder, OrderNotActive, AllSlotsTaken, InsufficientBalance
    ),
)
async def take_order(order_id: OrderId, caller: Caller) -> TakeView:
    """The contact, for 2 roubles. One who paid gets the same answer again, free, also after the order ended."""

    def take_once() -> tuple[Order, LedgerEntry]:
        now = clock.now_ms()
        before, executor, paid = orders.read_for_take(order_id, caller.id)
        if before is None:
            raise OrderNotFound
        if paid is not None:
            if not before.contact:
                raise OrderNotActive  # erased at its client's request
            return before, paid
        executor.check_not_banned()
        after = with_take(before, caller.id, price=TAKE_PRICE, answer_window_ms=settings().answer_window_ms, now=now)
        debit = debit_for_take(
            executor,
            order_id=order_id,
            price=TAKE_PRICE,
            entry_id=ids.new_integer_id(now),
            now=now,
        )
        token = take_token(executor.full_at, "takes", per_hour=settings().takes_per_hour, now=now)
        orders.take(before, after, debit, caller, token)
        return after, debit

    order, debit = table.retry(take_once)
    return TakeView(
        success=True,
        contact=order.contact,
        executor_count=order.takes[caller.id].executor_count,
        new_balance=debit.balance_after,
    )


handler = http_handler(router)
