"""Commands on users: settings, whether the bot may write to them, bans."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from shared import clock
from shared.commands.retry import retry
from shared.domain.init_data import TelegramUser
from shared.domain.limits import MESSAGES_PER_HOUR, Token, take_token
from shared.domain.operators import Action
from shared.domain.user import User
from shared.settings import settings
from shared.store import users
from shared.store.table import WriteConflict


def save_preferences(caller: TelegramUser, *, categories: Sequence[str], cities: Sequence[str]) -> None:
    """Replace the categories and cities of which the caller wants notifications.

    As many calls as `_change_settings`. Raises Banned, TooOften, Busy, Unavailable.
    """
    _change_settings(
        caller.id,
        lambda user: replace(user, preferred_categories=tuple(categories), preferred_cities=tuple(cities)),
        caller=caller,
    )


def save_notifications(caller: TelegramUser, *, enabled: bool | None, frequency: int | None) -> User:
    """Save whether and how often, in minutes, the caller is notified of orders. Returns the user.

    None leaves a value unchanged. As many calls as `_change_settings`. Raises Banned, TooOften, Busy, Unavailable.
    """

    def changed(user: User) -> User:
        return replace(
            user,
            notifications_enabled=user.notifications_enabled if enabled is None else enabled,
            notification_frequency=user.notification_frequency if frequency is None else frequency,
        )

    return _change_settings(caller.id, changed, caller=caller)


def save_chat(user_id: int, *, is_open: bool) -> None:
    """Save whether the bot may write to the user, as Telegram reported it.

    One consistent GetItem; when the value is new, as many calls as `_change_settings`. Raises Busy, Unavailable.
    """
    if users.get(user_id).chat_open is not is_open:
        _change_settings(user_id, lambda user: replace(user, chat_open=is_open))


def set_banned(user_id: int, action: Action, *, banned: bool) -> User:
    """Ban the user, or lift the ban, and put the action. Idempotent. Returns the user.

    Per attempt: one consistent GetItem and one TransactWriteItems of two writes. Raises Busy, Unavailable.
    """

    def set_once() -> User:
        user = users.get(user_id)
        if (user.banned_at is not None) is banned:
            return user
        users.write_ban(user_id, action, banned=banned)
        return replace(user, banned_at=action.created_at if banned else None)

    return retry(set_once)


def settings_token(user: User) -> Token:
    """Take a token of the user's settings bucket. Raises TooOften."""
    return take_token(user.full_at, "settings", per_hour=settings().settings_per_hour, now=clock.now_ms())


def charge_message(user_id: int) -> Token:
    """Charge the user for a message to the operators, and return the token. A banned user can write, too.

    Per attempt: one consistent GetItem and one TransactWriteItems of one write. Raises TooOften, Busy, Unavailable.
    """

    def charge_once() -> Token:
        full_at = users.get(user_id).full_at
        token = take_token(full_at, "messages", per_hour=MESSAGES_PER_HOUR, now=clock.now_ms())
        users.set_bucket(user_id, token)
        return token

    return retry(charge_once)


def give_back(user_id: int, token: Token) -> None:
    """Give a token back, unless another was taken from its bucket since. One TransactWriteItems. Raises Unavailable."""
    with suppress(WriteConflict):
        users.set_bucket(user_id, token.given_back())


def _change_settings(user_id: int, changed: Callable[[User], User], *, caller: TelegramUser | None = None) -> User:
    """Write what `changed` makes of the user's settings, with the subscriptions that follow. Returns the user.

    Per attempt: one consistent GetItem and one TransactWriteItems of at most 81 writes.
    """

    def change_once() -> User:
        before = users.get(user_id)
        after = replace(changed(before), settings_version=before.settings_version + 1)
        token = None
        if caller is not None:
            before.check_not_banned()
            token = settings_token(before)
        users.save_settings(before, after, caller=caller, token=token)
        return after

    return retry(change_once)
