"""PUT /api/users/me/notification-settings: save whether and how often the bot notifies the caller of orders."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StrictBool

from shared.commands import users
from shared.domain.errors import Banned, InvalidInitData, TooOften
from shared.domain.user import MAX_FREQUENCY, MIN_FREQUENCY
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import BOT_CAN_WRITE_RESPONSE, Success, bot_can_write

router = APIRouter()


class NotificationSettings(BaseModel):
    """The settings to change; an absent or null field stays unchanged.

    - `enabled`: whether the bot notifies the caller of new orders.
    - `frequency`: the least interval between notifications of new orders, in minutes.
    """

    enabled: StrictBool | None = None
    frequency: Annotated[int, Field(strict=True, ge=MIN_FREQUENCY, le=MAX_FREQUENCY)] | None = None


@router.put(
    "/api/users/me/notification-settings",
    operation_id="save_notification_settings",
    summary="Save the notification settings",
    response_model=Success,
    responses={**BOT_CAN_WRITE_RESPONSE, **error_responses(InvalidInitData, Banned, TooOften)},
)
async def save_notification_settings(settings: NotificationSettings, caller: Caller, response: Response) -> Success:
    """Saves the given fields. The request is idempotent.

    With `X-Bot-Can-Write: false` in the response, no notification can reach the caller yet: ask for the permission with
    Telegram's `requestWriteAccess`. The bot learns of it from Telegram.
    """
    user = users.save_notifications(caller, enabled=settings.enabled, frequency=settings.frequency)
    response.headers.update(bot_can_write(user, caller))
    return Success(success=True)


handler = http_handler(router)
