"""POST /api/orders: post an order."""

from fastapi import APIRouter
from pydantic import BaseModel

from shared import clock, ids
from shared.commands import orders as commands
from shared.domain.errors import Banned, ContactBusy, InvalidInitData, TooOften
from shared.domain.masking import masked_form
from shared.domain.order import Order
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import Category, City, Contact, Description, OrderView, order_view
from shared.settings import settings
from shared.store import orders

router = APIRouter()


class NewOrder(BaseModel):
    """A new order.

    - `category`, `city`: one of the known names; the cities are listed by `GET /api/cities`.
    - `description`: 20 to 1000 characters after trimming.
    - `contact`: `@username`, a `https://t.me/` link or a Russian phone number. Shown as typed, compared in normal form.

    Contacts in the description are masked (`•••`) for everyone who has not paid.
    """

    category: Category
    description: Description
    city: City
    contact: Contact


@router.post(
    "/api/orders",
    operation_id="create_order",
    summary="Post an order",
    status_code=201,
    response_model=OrderView,
    responses=error_responses(InvalidInitData, Banned, TooOften, ContactBusy),
)
async def create_order(new: NewOrder, caller: Caller) -> dict[str, object]:
    """Returns the new order. It is active for 60 minutes, unless it ends earlier.

    Repeating the same request is safe for 60 seconds: it returns the same order while that is active and unedited, is
    free, and posts nothing.

    A contact can have one active order at a time; a second one gets a 409 `contact_busy`. After a few refused or
    changed contacts within an hour, no order can be posted for some minutes (429 `too_often`).
    """
    now = clock.now_ms()
    order = Order(
        id=ids.new_id(),
        client_id=caller.id,
        category=new.category,
        city=new.city,
        description=new.description,
        masked_description=masked_form(new.description, new.contact.shown),
        contact=new.contact.shown,
        contact_key=orders.contact_key(new.contact),
        created_at=now,
        expires_at=now + settings().order_lifetime_ms,
    )
    posted = commands.create(order, caller)
    return order_view(posted, user_id=caller.id, now=now)


handler = http_handler(router)
