"""Support threads: one item for the thread of a person and one for each of its messages; the operators' watches.

TTL removes a message, and a thread without a newer one, after the retention.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from shared import ids
from shared.domain.delivery import Delivery
from shared.domain.durations import DAY_MS
from shared.domain.init_data import TelegramUser
from shared.domain.limits import Token
from shared.domain.operators import Action
from shared.domain.support import Content, Message, State, Thread, Watch
from shared.domain.user import User
from shared.store import audit_log, conditions, keys, table, timelines, users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_RETENTION_MS = 180 * DAY_MS
# Writes in a transaction: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
_MOST_WRITES = 100
# Answers that one look finds due. A later look finds the others.
_MOST_DUE = 100


# ---------------------------------------------------------------- reads


def read(user_id: int, key: str | None = None) -> tuple[User, Thread | None, Message | None]:
    """Return a person, their thread, and the message of a key. One consistent BatchGetItem. Raises Unavailable."""
    wanted = [keys.user(user_id), keys.thread(user_id), *([keys.thread_message(user_id, key)] if key else [])]
    user, thread, *message = table.get_many(wanted, consistent=True)
    found = message[0] if message else None
    return (
        users.from_item(user_id, user),
        _thread_from(thread) if thread else None,
        _message_from(found) if found else None,
    )


def read_for(action: Action, user_id: int) -> tuple[User, Thread | None, bool]:
    """Return a person, their thread, and whether the action was recorded. One consistent BatchGetItem.

    Raises Unavailable.
    """
    user, thread, recorded = table.get_many(
        [keys.user(user_id), keys.thread(user_id), keys.action(action.token)], consistent=True
    )
    return users.from_item(user_id, user), _thread_from(thread) if thread else None, recorded is not None


def page(state: State, *, limit: int, beyond: str | None) -> list[tuple[Thread, User]]:
    """Return the next `limit` threads of a state, with their people: the longest wait first, else the newest first.

    `beyond` is the sort key of the thread after which the page begins. One Query and one BatchGetItem per fifty; more
    of both only where the index lags behind the table. Raises Unavailable.
    """
    found: list[tuple[Thread, User]] = []
    is_oldest_first = state == "waiting"
    while (missing := limit - len(found)) > 0:
        # A sort key that begins with the bound, and is longer, is beyond it.
        low, high = (beyond and f"{beyond}#", None) if is_oldest_first else (None, beyond)
        entries = table.query(
            keys.TIMELINE,
            keys.threads(state),
            low=low,
            high=high,
            newest_first=not is_oldest_first,
            limit=missing + 1,
        )
        rest = [entry for entry in entries if entry[keys.TIMELINE.sk] != beyond]
        found += [pair for pair in _with_people(rest[:missing]) if pair[0].state == state]
        if len(entries) <= missing:
            break
        beyond = rest[:missing][-1][keys.TIMELINE.sk]
    return found


def _with_people(entries: Sequence[table.Item]) -> Iterable[tuple[Thread, User]]:
    user_ids = [keys.user_id_of(entry) for entry in entries]
    wanted = [key(user_id) for user_id in user_ids for key in (keys.thread, keys.user)]
    items = table.get_many(wanted, consistent=False)
    for user_id, thread, user in zip(user_ids, items[::2], items[1::2], strict=True):
        if thread is not None:
            yield _thread_from(thread), users.from_item(user_id, user)


def count(state: State) -> int:
    """Return the number of threads of a state. One Query per megabyte of keys. Raises Unavailable."""
    return table.count(keys.TIMELINE, keys.threads(state))


def messages(user_id: int, *, limit: int, before: int | None) -> list[Message]:
    """Return the newest `limit` messages of a thread that are older than the message `before`.

    One Query and one BatchGetItem; see `timelines.page`. Raises Unavailable.
    """
    return timelines.page(keys.messages_of(user_id), load, limit=limit, beyond=before, newest_first=True)


def load(entries: Iterable[table.Item]) -> list[Message]:
    """Return the messages of these entries of a list. One BatchGetItem per hundred. Raises Unavailable."""
    return [_message_from(item) for item in table.get_many(list(entries), consistent=False) if item]


def due_answers(now: int) -> list[tuple[int, str]]:
    """Return the people and keys of answers that should have been sent by `now` (epoch ms). One Query."""
    entries = table.query(keys.DUE, keys.DUE_ANSWERS, high=now, newest_first=False, limit=_MOST_DUE)
    return [(keys.user_id_of(entry), entry["sk"]) for entry in entries]


def watches(chat_ids: Sequence[int]) -> dict[int, Watch]:
    """Return the watches of these chats that have one, by chat. One consistent BatchGetItem. Raises Unavailable."""
    items = table.get_many([keys.watch(chat_id) for chat_id in chat_ids], consistent=True)
    return {
        chat_id: Watch(chat_id, item["minutes"], item["told_at"])
        for chat_id, item in zip(chat_ids, items, strict=True)
        if item
    }


# ---------------------------------------------------------------- writes


def receive(before: Thread | None, after: Thread, message: Message, token: Token, sender: TelegramUser) -> None:
    """Put a person's message with what it makes of the thread, store the name, and take the token.

    One TransactWriteItems of three writes. Raises table.WriteConflict, also if the message is there.
    """
    charge = users.user_write(sender.id, named=sender, token=token)
    table.transact([_put_message_write(message), _thread_write(before, after), charge])


def answer(before: Thread, after: Thread, message: Message, action: Action) -> None:
    """Put an answer with what it makes of the thread, and the action. One TransactWriteItems of three writes.

    Raises table.WriteConflict, also if the answer is there.
    """
    table.transact([_put_message_write(message), _thread_write(before, after), audit_log.action_write(action)])


def write(before: Thread, after: Thread, action: Action | None) -> None:
    """Replace the thread that was read, and put the action. One TransactWriteItems. Raises table.WriteConflict."""
    table.transact([_thread_write(before, after), *([audit_log.action_write(action)] if action else [])])


def edit(before: Message, after: Message, token: Token) -> None:
    """Replace what a person's message says, and take the token. One TransactWriteItems of two writes.

    Raises table.WriteConflict.
    """
    write = table.update_write(
        keys.thread_message(before.user_id, before.key),
        "SET content = :content, edited_at = :edited_at",
        condition=conditions.MESSAGE_AS_READ,
        values={
            ":content": asdict(after.content),
            ":edited_at": after.edited_at,
            ":content_read": asdict(before.content),
        },
    )
    table.transact([write, users.user_write(before.user_id, token=token)])


def write_delivery(before: Message, after: Message) -> bool:
    """Replace the claim of an answer that was read, or record its outcome. Return False if the claim changed.

    If a response is lost, the SDK's retry fails on the claim that its first attempt wrote. `writer` tells this claim
    from an equal one of another sender (P3). One UpdateItem. Raises Unavailable.
    """
    if before.delivery is None or after.delivery is None:
        raise TypeError("only an answer is delivered")
    delivery, writer = after.delivery, ids.new_id()
    values: dict[str, Any] = {
        ":tries": delivery.tries,
        ":held_until": delivery.held_until,
        ":tries_read": before.delivery.tries,
        ":held_read": before.delivery.held_until,
    }
    expression = "SET tries = :tries, held_until = :held_until"
    if after.outcome is not None:
        expression += f", outcome = :outcome REMOVE {keys.DUE.pk}, {keys.DUE.sk}"
        values[":outcome"] = after.outcome
    else:
        expression += f", {keys.DUE.sk} = :due_at, writer = :writer"
        values |= {":due_at": after.due_at, ":writer": writer}
    done, stored = table.update_if(
        keys.thread_message(before.user_id, before.key),
        expression,
        condition=conditions.NOTICE_AS_READ,
        values=values,
    )
    return done or stored.get("writer") == writer


def set_watch(watch: Watch) -> None:
    """Replace how often a chat of operators is told. One UpdateItem. Raises Unavailable."""
    table.update(
        keys.watch(watch.chat_id),
        "SET minutes = :minutes, told_at = if_not_exists(told_at, :never)",
        {":minutes": watch.minutes, ":never": watch.told_at},
    )


def claim_watch(before: Watch, told_at: int) -> bool:
    """Note when the chat is told, epoch ms. Return False if another run did, or the setting changed.

    One UpdateItem. Raises Unavailable.
    """
    done, _ = table.update_if(
        keys.watch(before.chat_id),
        "SET told_at = :told_at",
        condition=conditions.OPERATORS_WATCH_AS_READ,
        values={":told_at": told_at, ":told_read": before.told_at, ":minutes_read": before.minutes},
    )
    return done


def erase_messages(user_id: int) -> bool:
    """Erase up to a hundred messages of a thread. Returns whether there was one.

    The partition of the table is read: the list of messages is an index, which lags. One consistent Query per megabyte,
    and one TransactWriteItems if there was a message. Raises table.WriteConflict, Unavailable.
    """
    thread = keys.thread(user_id)
    found = [item["sk"] for item in table.partition(thread["pk"], limit=_MOST_WRITES) if item["sk"] != thread["sk"]]
    if found:
        table.transact([table.delete_write(keys.thread_message(user_id, key), condition=None) for key in found])
    return bool(found)


def forget_writes(user_id: int, before: Thread | None) -> "list[TransactWriteItemTypeDef]":
    """Return the writes that erase the thread that was read, None for none, and, of an operator, the watch.

    A message is put together with its thread. So one that was stored since the read makes the first write fail.
    """
    return [
        table.delete_write(
            keys.thread(user_id),
            condition=conditions.THREAD_AS_READ if before else conditions.NOT_THERE,
            values={":version_read": before.version} if before else None,
        ),
        table.delete_write(keys.watch(user_id), condition=None),
    ]


def _thread_write(before: Thread | None, after: Thread) -> "TransactWriteItemTypeDef":
    after = replace(after, version=after.version + 1)
    return table.put_write(
        {
            **keys.thread(after.user_id),
            **{name: value for name, value in asdict(after).items() if name != "user_id"},
            keys.TIMELINE.pk: keys.threads(after.state),
            keys.TIMELINE.sk: keys.thread_sk(after),
            "ttl": (after.last_at + _RETENTION_MS) // 1000,
        },
        condition=conditions.THREAD_AS_READ if before else conditions.NOT_THERE,
        values={":version_read": before.version} if before else None,
    )


def _put_message_write(message: Message) -> "TransactWriteItemTypeDef":
    item: dict[str, object] = {
        **keys.thread_message(message.user_id, message.key),
        "id": message.id,
        "content": asdict(message.content),
        "created_at": message.created_at,
        keys.TIMELINE.pk: keys.messages_of(message.user_id),
        keys.TIMELINE.sk: keys.id_sk(message.id),
        "ttl": (message.created_at + _RETENTION_MS) // 1000,
    }
    if message.delivery is not None:
        item |= {
            "operator_id": message.operator_id,
            "tries": message.delivery.tries,
            "held_until": message.delivery.held_until,
            keys.DUE.pk: keys.DUE_ANSWERS,
            keys.DUE.sk: message.due_at,
        }
    return table.put_write(item, condition=conditions.NOT_THERE)


def _thread_from(item: table.Item) -> Thread:
    return Thread(user_id=keys.user_id_of(item), **{name: item[name] for name in _THREAD_FIELDS})


_THREAD_FIELDS = tuple(name for name in Thread.__dataclass_fields__ if name != "user_id")


def _message_from(item: table.Item) -> Message:
    return Message(
        user_id=keys.user_id_of(item),
        key=item["sk"],
        id=item["id"],
        content=Content(**item["content"]),
        created_at=item["created_at"],
        edited_at=item.get("edited_at"),
        operator_id=item.get("operator_id"),
        delivery=Delivery(item["tries"], item["held_until"]) if "tries" in item else None,
        outcome=item.get("outcome"),
        due_at=item.get(keys.DUE.sk),
    )
