"""Open sockets: what is stored of one, and that watchers and ceilings are exact while others write."""

import pytest

from shared.domain.errors import TooOften
from shared.domain.limits import LIVE_MESSAGES_PER_HOUR
from shared.domain.live import Connection, Watch
from shared.store import connections
from shared.store.table import WriteConflict
from tests.fakes.wire import Wire

NOW = 1_790_000_000_000
MOSCOW, ALL = Watch("Москва", None), Watch(None, "Клининг")


def opened(connection_id: str = "A=", user_id: int = 1, at: int = NOW) -> Connection:
    connection = Connection(connection_id, user_id, at)
    connections.add(connection)
    return connection


def stored(wire: Wire) -> set[tuple[str, str]]:
    return set(wire.database.items)


@pytest.mark.parametrize("wire", ["memory"], indirect=True)
def test_a_socket_is_gone_without_a_trace(wire: Wire) -> None:
    connection = opened()
    connections.set_watch(connection, MOSCOW)
    assert stored(wire) == {
        ("CONNECTION#A=", "CONNECTION"),
        ("CONNECTIONS#1", f"{NOW}#A="),
        ("WATCHERS#Москва#*", "A="),
    }
    assert {item["ttl"]["N"] for item in wire.database.items.values()} == {str(NOW // 1000 + 7200 + 600)}
    found = connections.get("A=")
    assert found == Connection("A=", 1, NOW, MOSCOW, 1)
    connections.delete(found)
    assert stored(wire) == set()


def test_sockets_of_a_user_are_listed_by_age(wire: Wire) -> None:
    young, old = opened("A", at=NOW + 1), opened("B", at=NOW)
    opened("C", user_id=2)
    assert connections.of_user(1) == [old, young]
    assert connections.of_user(3) == []


def test_a_socket_watches_one_list(wire: Wire) -> None:
    connection = opened()
    connections.set_watch(connection, MOSCOW)
    again = Connection("A=", 1, NOW, MOSCOW, 1)
    assert connections.watching(MOSCOW) == [again]
    connections.set_watch(again, ALL)
    assert connections.watching(MOSCOW) == []
    assert connections.watching(ALL) == [Connection("A=", 1, NOW, ALL, 2)]
    connections.set_watch(Connection("A=", 1, NOW, ALL, 2), None)
    assert connections.watching(ALL) == []
    assert connections.get("A=") == Connection("A=", 1, NOW, None, 3)


def test_a_closed_socket_watches_nothing(wire: Wire) -> None:
    connection = opened()
    connections.delete(connection)
    with pytest.raises(WriteConflict):
        connections.set_watch(connection, MOSCOW)
    assert connections.watching(MOSCOW) == []


def test_two_watches_at_once_leave_one(wire: Wire) -> None:
    connection = opened()
    connections.set_watch(connection, MOSCOW)
    with pytest.raises(WriteConflict):
        connections.set_watch(connection, ALL)
    with pytest.raises(WriteConflict):
        connections.delete(connection)
    assert connections.watching(ALL) == []


def test_a_list_watched_again_outlives_an_earlier_end(wire: Wire) -> None:
    connections.set_watch(opened(), MOSCOW)
    [read] = connections.watching(MOSCOW)
    connections.set_watch(read, MOSCOW)
    with pytest.raises(WriteConflict):
        connections.set_watch(read, None)
    assert connections.watching(MOSCOW) == [Connection("A=", 1, NOW, MOSCOW, 2)]


def test_messages_of_a_user_are_limited(wire: Wire) -> None:
    for _ in range(LIVE_MESSAGES_PER_HOUR):
        connections.count_message(1, NOW)
    with pytest.raises(TooOften):
        connections.count_message(1, NOW)
    connections.count_message(2, NOW)
    connections.count_message(1, NOW + 6000)


def test_senders_share_the_sends_of_a_second(wire: Wire) -> None:
    assert connections.take_turn(2000, per_second=2000, now=NOW) == NOW
    assert connections.take_turn(1, per_second=2000, now=NOW) == NOW + 1000
    assert connections.take_turn(2000, per_second=2000, now=NOW) == NOW + 1000
    assert connections.take_turn(1, per_second=2000, now=NOW) is None
    assert connections.take_turn(1, per_second=2000, now=NOW + 2000) == NOW + 2000
