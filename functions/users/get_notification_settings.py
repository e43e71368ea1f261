"""GET /api/users/me/notification-settings: whether and how often the caller wants to hear of orders."""

from fastapi import APIRouter, Response

from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import SAYS_IF_BOT_CAN_WRITE, View, bot_can_write
from shared.store import users

router = APIRouter()


class NotificationSettingsView(View):
    """`frequency` is in minutes."""

    enabled: bool
    frequency: int


@router.get(
    "/api/users/me/notification-settings",
    operation_id="get_notification_settings",
    summary="Notification settings",
    response_model=NotificationSettingsView,
    responses={**SAYS_IF_BOT_CAN_WRITE, **error_responses(InvalidInitData, TooOften)},
)
async def get_notification_settings(caller: Reader, response: Response) -> NotificationSettingsView:
    """Off, and every 10 minutes, before the caller saved any. `X-Bot-Can-Write` says whether any can reach him."""
    user = users.visit(caller)
    response.headers.update(bot_can_write(user, caller))
    return NotificationSettingsView(enabled=user.notifications_enabled, frequency=user.notification_frequency)


handler = http_handler(router)
