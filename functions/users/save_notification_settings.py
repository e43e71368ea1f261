"""PUT /api/users/me/notification-settings: say whether and how often to hear of orders."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StrictBool

from shared.commands import users
from shared.domain.errors import Banned, InvalidInitData, TooOften
from shared.domain.user import MAX_FREQUENCY, MIN_FREQUENCY
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import SAYS_IF_BOT_CAN_WRITE, Success, bot_can_write

router = APIRouter()


class NotificationSettings(BaseModel):
    """What to change; what is not given stays. `frequency` is in minutes."""

    enabled: StrictBool | None = None
    frequency: Annotated[int, Field(strict=True, ge=MIN_FREQUENCY, le=MAX_FREQUENCY)] | None = None


@router.put(
    "/api/users/me/notification-settings",
    operation_id="save_notification_settings",
    summary="Save notification settings",
    response_model=Success,
    responses={**SAYS_IF_BOT_CAN_WRITE, **error_responses(InvalidInitData, Banned, TooOften)},
)
async def save_notification_settings(settings: NotificationSettings, caller: Caller, response: Response) -> Success:
    """Saves what is given. `X-Bot-Can-Write: false` says that no notification would reach the caller yet."""
    user = users.save_notifications(caller, enabled=settings.enabled, frequency=settings.frequency)
    response.headers.update(bot_can_write(user, caller))
    return Success(success=True)


handler = http_handler(router)
