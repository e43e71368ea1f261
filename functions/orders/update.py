"""PUT /api/orders/{id}: a client edits an order that nobody took yet."""

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
    """What to change; what is not given stays. The city always does."""

    category: Category | None = None
    description: Description | None = None
    contact: Contact | None = None


@router.put(
    "/api/orders/{id}",
    operation_id="update_order",
    summary="Edit an order",
    response_model=OrderView,
    responses=error_responses(InvalidInitData, Banned, OrderNotFound, OrderTaken, ContactBusy, OrderNotActive),
)
async def update_order(order_id: OrderId, changes: OrderChanges, caller: Caller) -> dict[str, object]:
    """The order as it is after the change. A new contact must be free; the old one becomes so."""
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
