"""Open sockets and the lists that they watch, in partitions of the table itself: an index would lag.

A socket is three items at most: by its id, among those of its user, and among the watchers of a list. They are written
together. TTL removes what API Gateway did not report.
"""

from shared.domain.durations import DAY_MS, ceil_seconds
from shared.domain.limits import LIVE_MESSAGES_PER_HOUR
from shared.domain.live import RETENTION_MS, Connection, Watch, turn
from shared.store import buckets, conditions, keys, table


def _ttl(connection: Connection) -> int:
    return ceil_seconds(connection.opened_at + RETENTION_MS)


def _watched(watch: Watch | None) -> str:
    """Return the attribute of a socket's item that names its list; empty without one."""
    return keys.watchers(watch) if watch else ""


def add(connection: Connection) -> None:
    """Store a new socket. One TransactWriteItems of two writes. Raises table.WriteConflict."""
    attributes = {"user_id": connection.user_id, "opened_at": connection.opened_at, "ttl": _ttl(connection)}
    among = keys.connection_of(connection.user_id, connection.opened_at, connection.id)
    table.transact(
        [
            table.put_write(
                {**keys.connection(connection.id), **attributes, "watch": "", "watch_version": 0},
                condition=None,
            ),
            table.put_write({**among, **attributes}, condition=None),
        ]
    )


def get(connection_id: str) -> Connection | None:
    """Return a socket; None if it is not known. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.connection(connection_id))
    if item is None:
        return None
    watch = keys.watch_of(item["watch"]) if item["watch"] else None
    return Connection(
        connection_id, item["user_id"], item["opened_at"], watch, item["watch_version"], item.get("asked_at", 0)
    )


def of_user(user_id: int) -> list[Connection]:
    """Return the user's sockets, the oldest first, without their watches. One consistent Query. Raises Unavailable."""
    found = table.partition(keys.connections_of(user_id))
    return [Connection(item["sk"].partition("#")[2], item["user_id"], item["opened_at"]) for item in found]


def watching(watch: Watch) -> list[Connection]:
    """Return the sockets that watch a list. One consistent Query per megabyte. Raises Unavailable."""
    found = table.partition(keys.watchers(watch))
    return [Connection(item["sk"], item["user_id"], item["opened_at"], watch, item["watch_version"]) for item in found]


def set_watch(connection: Connection, watch: Watch | None, *, asked_at: int | None = None) -> None:
    """Let a socket watch a list in the place of the one it was read with; None is no list.

    `asked_at`: when the client's message about it arrived, in epoch ms; None where no client asked.

    One TransactWriteItems of at most three writes, also for the same list: a sender that ends the watch must see that
    the client asked again. Raises table.WriteConflict if the socket was closed or has sent another watch since.
    """
    version = connection.watch_version + 1
    writes = [
        table.update_write(
            keys.connection(connection.id),
            "SET watch = :watch, watch_version = :version" + (", asked_at = :asked_at" if asked_at is not None else ""),
            condition=conditions.WATCH_AS_READ,
            values={
                ":watch": _watched(watch),
                ":version": version,
                ":version_read": connection.watch_version,
                **({":asked_at": asked_at} if asked_at is not None else {}),
            },
        )
    ]
    if watch is not None:
        watcher = {
            "user_id": connection.user_id,
            "opened_at": connection.opened_at,
            "watch_version": version,
            "ttl": _ttl(connection),
        }
        writes.append(table.put_write({**keys.watcher(watch, connection.id), **watcher}, condition=None))
    if connection.watch not in (None, watch):
        writes.append(table.delete_write(keys.watcher(connection.watch, connection.id), condition=None))
    table.transact(writes)


def delete(connection: Connection) -> None:
    """Forget a socket as it was read. One TransactWriteItems of at most three writes. Raises table.WriteConflict."""
    writes = [
        table.delete_write(
            keys.connection(connection.id),
            condition=conditions.WATCH_AS_READ,
            values={":version_read": connection.watch_version},
        ),
        table.delete_write(keys.connection_of(connection.user_id, connection.opened_at, connection.id), condition=None),
    ]
    if connection.watch is not None:
        writes.append(table.delete_write(keys.watcher(connection.watch, connection.id), condition=None))
    table.transact(writes)


def count_message(user_id: int, now: int) -> None:
    """Charge a socket that is opened, or a message over one, to its user. As many calls as `buckets.take`.

    Raises TooOften, Unavailable.
    """
    buckets.take(keys.live_messages(user_id), "live", per_hour=LIVE_MESSAGES_PER_HOUR, now=now)


def take_turn(sends: int, *, per_second: int, now: int) -> int | None:
    """Reserve so many sends for a sender, and return when it may begin (epoch ms); None if there is no turn.

    One UpdateItem, two while others are sending, more if several begin at once. Raises Unavailable.
    """
    busy_until = 0
    while True:
        found = turn(busy_until, sends, per_second=per_second, now=now)
        if found is None:
            return None
        begins, ends = found
        read = {":busy_read": busy_until} if busy_until > now else {":now": now}
        done, item = table.update_if(
            keys.live_pace(),
            "SET busy_until = :ends, #ttl = :ttl",
            condition=conditions.BUSY_AS_READ if busy_until > now else conditions.NO_SENDER_BUSY,
            values={":ends": ends, ":ttl": ceil_seconds(ends + DAY_MS), **read},
        )
        if done:
            return begins
        busy_until = item["busy_until"]
