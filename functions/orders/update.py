"""PUT /api/orders/{id}: edit the caller's order that nobody took."""

from fastapi import APIRouter
from pydantic import BaseModel

from shared import clock
from shared.commands import orders as commands
from shared.domain.errors import Banned, ContactBusy, InvalidInitData, OrderNotActive, OrderNotFound, OrderTaken
from shared.domain.order import Order, edited
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import Category, Contact, Description, OrderId, OrderView, order_view
from shared.store import orders

router = APIRouter()


class OrderChanges(BaseModel):
    """The fields to change; an absent or null field stays unchanged. The city cannot be changed."""

    category: Category | None = None
    description: Description | None = None
    contact: Contact | None = None


@router.put(
    "/api/orders/{id}",
    operation_id="update_order",
    summary="Edit an order that nobody took",
    response_model=OrderView,
    responses=error_responses(InvalidInitData, Banned, OrderNotFound, OrderTaken, ContactBusy, OrderNotActive),
)
async def update_order(order_id: OrderId, changes: OrderChanges, caller: Caller) -> dict[str, object]:
    """Returns the order after the change. A new contact must have no other active order (409 `contact_busy`).

    A taken order gets a 403 `order_taken`. The order of another user gets a 404 `order_not_found`.
    """
    contact = changes.contact
    contact_key = orders.contact_key(contact) if contact else None

    def edit(order: Order, now: int) -> Order:
        return edited(
            order,
            caller.id,
            category=changes.category,
            description=changes.description,
            contact=contact.shown if contact else None,
            contact_key=contact_key,
            now=now,
        )

    order = commands.change(order_id, edit, commands.edit, caller_id=caller.id)
    return order_view(order, user_id=caller.id, now=clock.now_ms())


handler = http_handler(router)
