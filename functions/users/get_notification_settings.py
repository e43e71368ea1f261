"""GET /api/users/me/notification-settings: whether and how often the caller wants to hear of orders."""

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData
from shared.http.auth import Caller
from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.http.schemas import View
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
    responses=documented(InvalidInitData),
)
async def get_notification_settings(caller: Caller) -> NotificationSettingsView:
    """Off, and every 10 minutes, before the caller saved any."""
    user = users.visit(caller)
    return NotificationSettingsView(enabled=user.notifications_enabled, frequency=user.notification_frequency)


handler = http_handler(router)
