"""Who may see an order, and what of it, in which state (I17, I25). The detail, lists, commands and the bot ask here.

The client of an order and the executors who took it are its *participants*. Everybody else is a stranger to it, with
credentials or without.

| state                      | participants             | strangers                |
|----------------------------|--------------------------|--------------------------|
| active, expired, completed | see it, with the contact | see it, and can list it  |
| closed_no_response         | see it, with the contact | see it by its link       |
| deleted                    | see it, with the contact | for them it is not there |
| removed by an operator     | see it, with the contact | for them it is not there |

Operators see every order under `/api/admin`, without its contact. Elsewhere they are users like any other.
"""

from shared.domain.errors import OrderNotFound
from shared.domain.order import Order, Status

# Statuses that strangers can list.
PUBLIC_STATUSES = frozenset({Status.ACTIVE, Status.EXPIRED, Status.COMPLETED})


def may_see_contact(order: Order, user_id: int | None) -> bool:
    """Whether the user is a participant: only participants see the contact (I17). None is a caller without a name."""
    return user_id is not None and (user_id == order.client_id or user_id in order.takes)


def may_see(order: Order, user_id: int | None) -> bool:
    """Whether the user may see the order at all. None is a caller without credentials.

    No clock is needed: only a command deletes or removes an order, so both are stored.
    """
    is_gone = order.status is Status.DELETED or order.removed_at is not None
    return not is_gone or may_see_contact(order, user_id)


def may_list(order: Order) -> bool:
    """Whether the stored order belongs into the lists that strangers read."""
    return order.status in PUBLIC_STATUSES and order.removed_at is None


def seen_by(order: Order | None, user_id: int | None) -> Order:
    """Return the order as it was found for the user. Raises OrderNotFound if it is not there or they may not see it."""
    if order is None or not may_see(order, user_id):
        raise OrderNotFound
    return order
