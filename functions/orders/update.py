"""PUT /api/orders/{id}: edit the caller's order that nobody took."""

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from shared import clock
from shared.commands import orders as commands
from shared.domain.errors import (
    Banned,
    ContactBusy,
    InvalidInitData,
    OrderNotActive,
    OrderNotFound,
    OrderTaken,
    TooOften,
)
from shared.domain.order import MIN_DESCRIPTION, Order, edited
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import Category, Contact, EditedDescription, OrderId, OrderView, order_view
from shared.store import orders

router = APIRouter()

# The field error for a new description, which may be shorter only where it is the masked one.
TOO_SHORT = {
    "type": "string_too_short",
    "loc": ("body", "description"),
    "msg": "",
    "ctx": {"min_length": MIN_DESCRIPTION},
}


class OrderChanges(BaseModel):
    """The fields to change; an absent or null field stays unchanged. The city cannot be changed.

    `description`: as in a new order. The masked description, as lists show it, leaves the description as it is.
    """

    category: Category | None = None
    description: EditedDescription | None = None
    contact: Contact | None = None


@router.put(
    "/api/orders/{id}",
    operation_id="update_order",
    summary="Edit an order that nobody took",
    response_model=OrderView,
    responses=error_responses(
        InvalidInitData, Banned, TooOften, OrderNotFound, OrderTaken, ContactBusy, OrderNotActive
    ),
)
async def update_order(order_id: OrderId, changes: OrderChanges, caller: Caller) -> dict[str, object]:
    """Returns the order after the change. A new contact must have no other active order (409 `contact_busy`).

    A user can try a few new contacts an hour (429 `too_often`). A refused contact counts; the same contact written
    differently does not.

    A taken order gets a 403 `order_taken`. The order of another user gets a 404 `order_not_found`.
    """
    contact = changes.contact
    contact_key = orders.contact_key(contact) if contact else None

    def edit(order: Order, now: int) -> Order:
        after = edited(
            order,
            caller.id,
            category=changes.category,
            description=changes.description,
            contact=contact.shown if contact else None,
            contact_key=contact_key,
            now=now,
        )
        if changes.description == after.description and len(after.description) < MIN_DESCRIPTION:
            raise RequestValidationError([TOO_SHORT])
        return after

    order = commands.edit(order_id, edit, caller)
    return order_view(order, user_id=caller.id, now=clock.now_ms())


handler = http_handler(router)
