"""Helpers of the bot's tests: three users, their settings, and messages to and from the bot."""

from collections.abc import Callable
from typing import Any

from shared.aws.queues import Queue
from shared.commands import users as user_commands
from shared.domain.init_data import TelegramUser
from tests.in_process import Api

CLIENT, EXECUTOR, OTHER = 1, 2, 3
TAKE = "POST /api/orders/{id}/take"


def listen(user: int, frequency: int = 5, categories: list[str] | None = None) -> None:
    """Turn on the user's notifications: one digest per `frequency` minutes, any city, these categories or any."""
    caller = TelegramUser(user, f"User{user}", "", None)
    user_commands.save_notifications(caller, enabled=True, frequency=frequency)
    user_commands.save_preferences(caller, categories=categories or [], cities=[])


def offer(service: Api, user: int, order_id: str) -> list[Any]:
    """Offer an order to a user; return the messages that failed."""
    return service.handle(Queue.OFFERS, {"user_id": user, "order_id": order_id, "due_at": service.now})


def digest_of(service: Api) -> dict[str, Any]:
    """Take the one queued digest out of the queue of offers."""
    [digest] = service.queued(Queue.OFFERS)
    return digest


def notices(service: Api, change: Callable[[], object], order_id: str) -> list[dict[str, Any]]:
    """Run `change` and return the notices that the changed order puts into the queue."""
    before = service.image(order_id)
    change()
    service.order_changed(service.image(order_id), before)
    return service.queued(Queue.NOTICES)


def taken(service: Api, order_id: str, user: int) -> list[dict[str, Any]]:
    """Let a user take an order; return the notices of the take."""
    service.recharge(user, 2)
    return notices(service, lambda: service.call(TAKE, user=user, id=order_id), order_id)


def said_in(chat: int, text: str) -> dict[str, Any]:
    """Return a message in a private chat, without its sender."""
    return {"chat": {"id": chat, "type": "private"}, "text": text}


def message(text: str, user: int = 1) -> dict[str, Any]:
    """Return a message of a user to the bot, as in an update."""
    return {"message_id": 5, "from": {"id": user}, "chat": {"id": user, "type": "private"}, "text": text}
