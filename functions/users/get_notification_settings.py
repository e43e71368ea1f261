"""GET /api/users/me/notification-settings: return whether and how often the bot notifies the caller of orders."""

from fastapi import APIRouter, Response

from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import BOT_CAN_WRITE_RESPONSE, View, bot_can_write
from shared.store import users

router = APIRouter()


class NotificationSettingsView(View):
    """Notification settings.

    - `enabled`: whether the bot notifies the caller of new orders.
    - `frequency`: the least interval between notifications of new orders, in minutes.
    """

    enabled: bool
    frequency: int


@router.get(
    "/api/users/me/notification-settings",
    operation_id="get_notification_settings",
    summary="Get the notification settings",
    response_model=NotificationSettingsView,
    responses={**BOT_CAN_WRITE_RESPONSE, **error_responses(InvalidInitData, TooOften)},
)
async def get_notification_settings(caller: Reader, response: Response) -> NotificationSettingsView:
    """The caller's notification settings. Until the caller saves some, `enabled` is `false` and `frequency` is 10.

    The header `X-Bot-Can-Write` says whether a notification can reach the caller.
    """
    user = users.visit(caller)
    response.headers.update(bot_can_write(user, caller))
    return NotificationSettingsView(enabled=user.notifications_enabled, frequency=user.notification_frequency)


handler = http_handler(router)
