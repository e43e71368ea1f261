"""Users: profile and settings, and the writes of balance and counters for other transactions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from shared import clock
from shared.domain.init_data import TelegramUser
from shared.domain.limits import Bucket, Token
from shared.domain.money import BalanceChange
from shared.domain.operators import Action
from shared.domain.user import DEFAULT_FREQUENCY, User
from shared.settings import settings
from shared.store import audit_log, conditions, keys, subscriptions, table, updates

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


_SET_NAMES = (
    "first_name = :first_name, last_name = :last_name, username = :username,"
    f" {keys.TIMELINE.pk} = :named, {keys.TIMELINE.sk} = :named_at"
)


def _names(named: TelegramUser) -> dict[str, object]:
    listed = keys.name_keys(named.id, named.username)
    return {
        ":first_name": named.first_name,
        ":last_name": named.last_name,
        ":username": named.username,
        ":named": listed[keys.TIMELINE.pk],
        ":named_at": listed[keys.TIMELINE.sk],
    }


def _set_profile() -> str:
    """Return the SET clauses for the caller's profile: each write by a user stores the name that Telegram reports.

    The user is listed under their username in the same write, so that an operator finds them by it.
    The first write under each version of the terms also stores the time of consent.
    """
    consent = f"consent_{settings().consent_version}"
    return f"{_SET_NAMES}, {consent} = if_not_exists({consent}, :called_at)"


def _profile(caller: TelegramUser) -> dict[str, object]:
    return {**_names(caller), ":called_at": clock.now_ms()}


def token_update(token: Token) -> tuple[str, str, dict[str, object]]:
    """Return the SET clause, the condition and the values for taking the token from the user's bucket."""
    return (
        f"bucket_{token.bucket} = :{token.bucket}_after",
        conditions.bucket_full_by(token.bucket),
        {f":{token.bucket}_after": token.after, f":{token.bucket}_full_by": token.full_by},
    )


def _balance_update(change: BalanceChange) -> tuple[list[str], list[str], dict[str, object]]:
    """Return the SET clauses, the conditions and the values of a change of balance and debt."""
    before = change.before
    sets: list[str] = []
    clauses = [
        conditions.LAST_ENTRY_AS_READ if before.last_entry_id else conditions.NO_ENTRY_YET,
        conditions.DEBT_AS_READ if before.debt else conditions.NO_DEBT,
    ]
    values: dict[str, object] = {}
    if change.entries:
        sets += ["balance = :balance_after", "last_entry_id = :entry_id"]
        values |= {":balance_after": change.balance, ":entry_id": change.entries[-1].id}
    if before.last_entry_id:
        values[":last_entry_read"] = before.last_entry_id
    if before.debt:
        values[":debt_read"] = before.debt
    if change.debt:
        sets.append("debt = :debt")
        values[":debt"] = change.debt
    if change.balance < before.balance:
        clauses.append(conditions.BALANCE_ENOUGH)
        values[":price"] = before.balance - change.balance
    return sets, clauses, values


def from_item(user_id: int, item: table.Item | None) -> User:
    """Return the user of an item. Without an item, a user with every default."""
    item = item or {}
    preferences = item.get("preferences", {})
    return User(
        id=user_id,
        first_name=item.get("first_name", ""),
        last_name=item.get("last_name", ""),
        username=item.get("username"),
        balance=item.get("balance", 0),
        debt=item.get("debt", 0),
        last_entry_id=item.get("last_entry_id", 0),
        active_orders=item.get("active_orders", 0),
        completed_orders=item.get("completed_orders", 0),
        rating_sum=item.get("rating_sum", 0),
        rating_count=item.get("rating_count", 0),
        preferred_categories=tuple(preferences.get("categories", ())),
        preferred_cities=tuple(preferences.get("cities", ())),
        notifications_enabled=item.get("notify_enabled", False),
        notification_frequency=item.get("notify_frequency", DEFAULT_FREQUENCY),
        chat_open=item.get("chat_open"),
        settings_version=item.get("settings_version", 0),
        banned_at=item.get("banned_at"),
        banned_until=item.get("banned_until"),
        ban_reason=item.get("ban_reason"),
        consents={name.removeprefix("consent_"): at for name, at in item.items() if name.startswith("consent_")},
        receipt_contact=item.get("receipt_contact"),
        receipt_contact_consent_at=item.get("receipt_contact_consent_at"),
        first_order_at=item.get("first_order_at"),
        first_taken_order_at=item.get("first_taken_order_at"),
        full_at={bucket: item[f"bucket_{bucket}"] for bucket in get_args(Bucket) if f"bucket_{bucket}" in item},
    )


def visit(caller: TelegramUser) -> User:
    """Return the caller's user. Create it, or update the name and the consent if they are new.

    One consistent GetItem. One UpdateItem more at the first visit, at the first visit under new terms, and after a
    change of name. Raises Unavailable.
    """
    item = table.get(keys.user(caller.id))
    user = from_item(caller.id, item)
    stored = (user.first_name, user.last_name, user.username)
    reported = (caller.first_name, caller.last_name, caller.username)
    is_listed = keys.name_keys(caller.id, caller.username).items() <= (item or {}).items()
    if not is_listed or stored != reported or settings().consent_version not in user.consents:
        item = table.update(keys.user(caller.id), f"SET {_set_profile()}", _profile(caller))
    return from_item(caller.id, item)


def get(user_id: int) -> User:
    """Return the user. One consistent GetItem. Raises Unavailable."""
    return from_item(user_id, table.get(keys.user(user_id)))


def named(username: str) -> list[int]:
    """Return the ids of the users who had this username, in any case, when they were last seen.

    Several, where a name passed from one person to another. One Query; the index lags behind the table. Raises
    Unavailable.
    """
    return [keys.user_id_of(entry) for entry in table.query(keys.TIMELINE, keys.named(username), limit=20)]


def find(user_id: int) -> User | None:
    """Return the user; None if they never used the service. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.user(user_id))
    return from_item(user_id, item) if item else None


def get_for(user_id: int, update_id: int) -> User:
    """Return the user whom an update from Telegram is about.

    One consistent BatchGetItem of the user and the mark of the update. Raises updates.AlreadyHandled, Unavailable.
    """
    [item] = updates.get_many([keys.user(user_id)], update_id)
    return from_item(user_id, item)


def save_settings(
    before: User,
    after: User,
    *,
    caller: TelegramUser | None,
    token: Token | None,
    beside: "Sequence[TransactWriteItemTypeDef]" = (),
) -> None:
    """Replace the settings of `before` by those of `after`, and the subscriptions with them.

    One TransactWriteItems of at most 81 writes and those `beside`, so settings and subscriptions never disagree.
    `caller` must not be banned. `token` is the caller's rate limit token. Raises table.WriteConflict.
    """
    fields = {
        "preferences": {"categories": after.preferred_categories, "cities": after.preferred_cities},
        "notify_enabled": after.notifications_enabled,
        "notify_frequency": after.notification_frequency,
        "settings_version": after.settings_version,
    }
    if after.chat_open is not None:
        fields["chat_open"] = after.chat_open
    sets = [f"{name} = :{name}" for name in fields]
    values: dict[str, object] = {f":{name}": value for name, value in fields.items()}
    as_read, read = settings_as_read(before)
    clauses = [as_read]
    values |= read
    if caller is not None:
        sets.append(_set_profile())
        clauses.append(conditions.NOT_BANNED)
        values |= _profile(caller)
    if token is not None:
        token_set, token_left, token_values = token_update(token)
        sets.append(token_set)
        clauses.append(token_left)
        values |= token_values
    update = table.update_write(
        keys.user(after.id),
        f"SET {', '.join(sets)}",
        condition=conditions.all_of(*clauses),
        values=values,
    )
    table.transact([update, *subscriptions.moved_writes(before, after), *beside])


def settings_as_read(user: User) -> tuple[str, dict[str, object]]:
    """Return the condition that the settings have not changed since the user was read, and its values."""
    if not user.settings_version:
        return conditions.NO_SETTINGS_YET, {}
    return conditions.SETTINGS_AS_READ, {":settings_read": user.settings_version}


def write_ban(before: User, after: User, action: Action) -> None:
    """Replace the ban of `before` by that of `after`, and put the operator's action.

    One TransactWriteItems of two writes. Raises table.WriteConflict if the ban is not as it was read.
    """
    ban = {"banned_at": after.banned_at, "banned_until": after.banned_until, "ban_reason": after.ban_reason}
    sets = {name: value for name, value in ban.items() if value is not None}
    removes = [name for name in ban if name not in sets]
    parts = {"SET": [f"{name} = :{name}" for name in sets], "REMOVE": removes}
    write = table.update_write(
        keys.user(before.id),
        " ".join(f"{verb} {', '.join(part)}" for verb, part in parts.items() if part),
        condition=conditions.NO_BAN_YET if before.banned_at is None else conditions.BAN_AS_READ,
        values={
            **{f":{name}": value for name, value in sets.items()},
            **({} if before.banned_at is None else {":banned_read": before.banned_at}),
        },
    )
    table.transact([write, audit_log.action_write(action)])


def user_write(
    user_id: int,
    *,
    caller: TelegramUser | None = None,
    named: TelegramUser | None = None,
    token: Token | None = None,
    unspent: Token | None = None,
    change: BalanceChange | None = None,
    active_orders: int = 0,
    completed_orders: int = 0,
    rating: int | None = None,
    receipt_contact: str | None = None,
    first: Mapping[str, int] | None = None,
) -> "TransactWriteItemTypeDef":
    """Return the write of a user: the profile of `caller`, a rate limit token, balance and debt, the counters.

    `named` stores the name alone, of a person who wrote to the bot: that is no consent, and a banned user may.
    `unspent` is a token that must be in its bucket and stays there. `active_orders` and `completed_orders` are added to
    the counters; `rating` is that of one more review received, negative for one that leaves. A caller must not be
    banned; writes that others cause also reach a banned user. The ledger must still end as `change` read it, and the
    debt must be as read. The same transaction must put the entries of `change`. `receipt_contact` and the time of its
    consent replace those that are stored.
    """
    sets, adds, removes, clauses = [], [], [], []
    values: dict[str, object] = {}
    if caller is not None:
        sets.append(_set_profile())
        values |= _profile(caller)
        clauses.append(conditions.NOT_BANNED)
    for name, at in (first or {}).items():
        sets.append(f"{name} = if_not_exists({name}, :{name})")
        values[f":{name}"] = at
    if named is not None:
        sets.append(_SET_NAMES)
        values |= _names(named)
    if receipt_contact is not None:
        sets += ["receipt_contact = :receipt_contact", "receipt_contact_consent_at = :given_at"]
        values |= {":receipt_contact": receipt_contact, ":given_at": clock.now_ms()}
    if token is not None:
        token_set, token_left, token_values = token_update(token)
        sets.append(token_set)
        clauses.append(token_left)
        values |= token_values
    if unspent is not None:
        clauses.append(conditions.bucket_full_by(unspent.bucket))
        values[f":{unspent.bucket}_full_by"] = unspent.full_by
    if change is not None:
        money, money_as_read, money_values = _balance_update(change)
        sets += money
        removes += ["debt"] if change.before.debt and not change.debt else []
        clauses += money_as_read
        values |= money_values
    counts = {"active_orders": active_orders, "completed_orders": completed_orders}
    if rating is not None:
        counts |= {"rating_sum": rating, "rating_count": 1 if rating > 0 else -1}
    for name, count in counts.items():
        if count:
            adds.append(f"{name} :{name}")
            values[f":{name}"] = count
    parts = {"SET": sets, "ADD": adds, "REMOVE": removes}
    expression = " ".join(f"{verb} {', '.join(part)}" for verb, part in parts.items() if part)
    return table.update_write(
        keys.user(user_id),
        expression,
        condition=conditions.all_of(*clauses) if clauses else None,
        values=values,
    )


def set_bucket(user_id: int, token: Token) -> None:
    """Write the token into its bucket, also for a banned user. One TransactWriteItems of one write.

    Raises table.WriteConflict if the bucket has changed, or the outcome is unknown.
    """
    table.transact([user_write(user_id, token=token)])


def charge(caller: TelegramUser, token: Token) -> None:
    """Charge the token for a refusal, which writes nothing else. One TransactWriteItems of one write.

    Raises table.WriteConflict if the bucket has changed, the caller is banned, or the outcome is unknown.
    """
    table.transact([user_write(caller.id, caller=caller, token=token)])
