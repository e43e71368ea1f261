"""Commands on users: settings, whether the bot may write to them, bans."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from shared import clock
from shared.commands.retry import retry
from shared.domain.errors import UserNotFound
from shared.domain.init_data import TelegramUser
from shared.domain.limits import MESSAGES_PER_HOUR, Token, take_token
from shared.domain.operators import Action, Note, check_not_own, with_note
from shared.domain.user import User
from shared.settings import settings
from shared.store import notes, send_rate, users


def save_preferences(caller: TelegramUser, *, categories: Sequence[str], cities: Sequence[str]) -> None:
    """Replace the categories and cities of which the caller wants notifications.

    As many calls as `_change_settings`. Raises Banned, TooOften, Busy, Unavailable.
    """
    _change_settings(
        caller, lambda user: replace(user, preferred_categories=tuple(categories), preferred_cities=tuple(cities))
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

    return _change_settings(caller, changed)


def save_chat(user_id: int, *, is_open: bool, update_id: int | None = None) -> None:
    """Save whether the bot may write to the user, as Telegram reported it: in an update, or by refusing a message.

    Per attempt: one consistent GetItem, or a BatchGetItem for an update; one TransactWriteItems of at most 81 writes
    when the value is new. Raises updates.AlreadyHandled, Busy, Unavailable.
    """

    def save_once() -> None:
        before = users.get(user_id) if update_id is None else users.get_for(user_id, update_id)
        if before.chat_open is not is_open:
            users.save_settings(before, _with_chat(before, is_open=is_open), caller=None, token=None)

    retry(save_once)


def open_chat(user_id: int, *, update_id: int) -> bool:
    """Save that the bot may write to the user, who wrote to it, and take the turn of the chat for a reply.

    Returns whether the turn was taken: it is left where nothing is written, and after a conflict, because a turn may be
    ahead. Per attempt: one consistent BatchGetItem; one TransactWriteItems of at most 82 writes when the chat was not
    open. Raises updates.AlreadyHandled, Busy, Unavailable.
    """
    tried = False

    def open_once() -> bool:
        nonlocal tried
        before, takes_turn = users.get_for(user_id, update_id), not tried
        if before.chat_open:
            return False
        tried = True
        turn = [send_rate.turn_write(user_id)] if takes_turn else []
        users.save_settings(before, _with_chat(before, is_open=True), caller=None, token=None, beside=turn)
        return takes_turn

    return retry(open_once)


def _with_chat(user: User, *, is_open: bool) -> User:
    return replace(user, chat_open=is_open, settings_version=user.settings_version + 1)


def ban(user_id: int, action: Action, *, until: int | None = None) -> User:
    """Ban the user until `until` (epoch ms; None: for ever), and put the action. Returns the user.

    Idempotent: a ban that has this end already is returned. Another end replaces the one that is stored. Per attempt:
    one consistent GetItem and one TransactWriteItems of two writes. Raises OwnCase, Busy, Unavailable.
    """
    return _set_ban(
        user_id,
        action,
        lambda user: user.is_banned(action.created_at) and user.banned_until == until,
        lambda user: replace(user, banned_at=action.created_at, banned_until=until, ban_reason=action.reason),
    )


def unban(user_id: int, action: Action) -> User:
    """Lift the user's ban, and put the action. Idempotent. Returns the user. As many calls as `ban`."""
    return _set_ban(
        user_id,
        action,
        lambda user: not user.is_banned(action.created_at),
        lambda user: replace(user, banned_at=None, banned_until=None, ban_reason=None),
    )


def _set_ban(user_id: int, action: Action, is_so: Callable[[User], bool], changed: Callable[[User], User]) -> User:
    check_not_own(action.operator_id, user_id)

    def set_once() -> User:
        before = users.get(user_id)
        if is_so(before):
            return before
        after = changed(before)
        users.write_ban(before, after, action)
        return after

    return retry(set_once)


def add_note(user_id: int, text: str, action: Action) -> list[Note]:
    """Add an operator's note about the user, and put the action. Returns the notes, the newest first.

    Idempotent: a note that the newest one repeats is not added. Per attempt: one consistent BatchGetItem and one
    TransactWriteItems of two writes. Raises OwnCase, UserNotFound, TooManyNotes, Busy, Unavailable.
    """
    check_not_own(action.operator_id, user_id)

    def add_once() -> list[Note]:
        before, version, is_known, is_done = notes.read_for(action, user_id)
        if not is_known:
            raise UserNotFound
        if is_done:
            return before
        after = with_note(before, Note(action.id, action.operator_id, text, action.created_at))
        if after != before:
            notes.write(user_id, after, version, action)
        return after

    return retry(add_once)


def settings_token(user: User) -> Token:
    """Take a token of the user's settings bucket. Raises TooOften."""
    return take_token(user.full_at, "settings", per_hour=settings().settings_per_hour, now=clock.now_ms())


def message_token(user: User) -> Token:
    """Take a token of the user's bucket of messages to the operators. Raises TooOften."""
    return take_token(user.full_at, "messages", per_hour=MESSAGES_PER_HOUR, now=clock.now_ms())


def charge_message(user_id: int) -> None:
    """Charge the user for a message that operators do not get. A banned user can write, too.

    Per attempt: one consistent GetItem and one TransactWriteItems of one write. Raises TooOften, Busy, Unavailable.
    """
    retry(lambda: users.set_bucket(user_id, message_token(users.get(user_id))))


def _change_settings(caller: TelegramUser, changed: Callable[[User], User]) -> User:
    """Write what `changed` makes of the caller's settings, with the subscriptions that follow. Returns the user.

    Per attempt: one consistent GetItem and one TransactWriteItems of at most 81 writes.
    """

    def change_once() -> User:
        before = users.get(caller.id)
        after = replace(changed(before), settings_version=before.settings_version + 1)
        before.check_not_banned(clock.now_ms())
        users.save_settings(before, after, caller=caller, token=settings_token(before))
        return after

    return retry(change_once)
