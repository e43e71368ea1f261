"""Live updates over real sockets: what a client is promised, and that frames keep contacts to themselves."""

from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from infra.local.front import MAX_MESSAGE
from shared.domain.live import Watch
from shared.store import keys
from shared.store.attributes import item_to_dynamodb
from tests.conftest import OPERATOR
from tests.integration.service import Service, now_ms, wait_until
from tests.integration.sockets import opened, ticket

CITY, CATEGORY = "Абакан", "Электрика"


def test_a_ticket_names_the_host_that_the_caller_used(service: Service) -> None:
    given = ticket(service, service.user())
    assert given["url"] == f"ws://127.0.0.1:{service.port}/live"
    assert given["expires_in"] == 60


@pytest.mark.parametrize("path", ["/live?ticket=1.1790000060.0", "/live", "/livelier"])
def test_a_handshake_without_a_ticket_is_refused(service: Service, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{service.port}{path}", proxy=None).__enter__()
    assert refused.value.response.status_code in (403, 404)


def test_a_page_of_another_origin_opens_no_socket(service: Service) -> None:
    with pytest.raises(InvalidStatus), opened(service, service.user(), "https://evil.example.org"):
        pass
    with opened(service, service.user(), "http://localhost:3000") as socket:
        assert socket.say({"action": "ping"}) == {"type": "pong"}


def test_frames_are_not_compressed(service: Service) -> None:
    with opened(service, service.user()) as socket:
        assert not socket.is_compressed


def test_bad_messages_leave_the_socket_open(service: Service) -> None:
    with opened(service, service.user()) as socket:
        assert socket.say("{") == {"type": "error", "code": "invalid_message"}
        assert socket.say({"action": "watch", "city": "Нигде"}) == {"type": "error", "code": "unknown_city"}
        assert socket.say({"action": "ping"}) == {"type": "pong"}


def test_watchers_and_the_client_hear_of_a_take(service: Service) -> None:
    """From the first frame to the last, a frame shows what a GET shows, and no contact."""
    client, executor = service.user(), service.user()
    service.recharge(executor)
    with opened(service, client) as mine, opened(service, service.user()) as city, opened(service, executor) as every:
        city.watch(CITY, None)
        every.watch(None, CATEGORY)
        in_text = f"Искрит розетка, пишите {service.contact()} или звоните +7 {service.phone()}"
        order = service.order(client, city=CITY, category=CATEGORY, description=in_text)
        for socket in (city, every):
            frame = socket.frame_of(order["id"])
            [listed] = service.call("GET /api/orders", query={"city": CITY}).json["orders"]
            assert frame == {"type": "order", "event": "appeared", "version": 1, "order": listed}
            assert frame["order"]["contact"] is None
        assert service.take(executor, order["id"]).status == 200
        assert mine.frame() == {"type": "mine", "event": "taken", "order_id": order["id"]}
        for socket in (city, every):
            frame = socket.frame_of(order["id"])
            assert (frame["event"], frame["version"]) == ("changed", 2)
            assert [take["executor_id"] for take in frame["order"]["taken_by"]] == [executor]
        assert service.call("POST /api/orders/{id}/complete", user=client, id=order["id"]).status == 200
        left = {"type": "order", "event": "left", "version": 3, "order": {"id": order["id"]}}
        assert city.frame_of(order["id"]) == left
        while (frame := mine.frame())["event"] == "respond_due":  # where the answer window is short
            pass
        assert frame == {"type": "mine", "event": "ended", "order_id": order["id"]}


def test_nothing_after_watching_is_missed(service: Service) -> None:
    with opened(service, service.user()) as socket:
        for city in ("Азов", "Ейск", "Анапа"):
            socket.watch(city)
            order = service.order(service.user(), city=city)
            assert socket.frame_of(order["id"])["event"] == "appeared"


def test_a_reconnect_shows_what_was_missed(service: Service) -> None:
    watcher, executor, second = service.user(), service.user(), service.user()
    service.recharge(executor)
    service.recharge(second)
    with opened(service, watcher) as socket:
        socket.watch("Артём")
        order = service.order(service.user(), city="Артём")
        assert socket.frame_of(order["id"])["event"] == "appeared"
        socket.cut()
    assert service.take(executor, order["id"]).status == 200
    with opened(service, watcher) as socket:
        socket.watch("Артём")
        [listed] = service.call("GET /api/orders", query={"city": "Артём"}).json["orders"]
        assert [take["executor_id"] for take in listed["taken_by"]] == [executor]
        assert service.take(second, order["id"]).status == 200
        assert socket.frame_of(order["id"])["version"] == listed["version"] + 1


def test_the_first_frame_forgets_a_dead_socket(service: Service) -> None:
    """The gateway closed it without a $disconnect, and answers 410."""
    user, now, watch = service.user(), now_ms(), Watch("Армавир", None)
    named = {"user_id": user, "opened_at": now - 60_000, "ttl": now // 1000 + 7200}
    items = [
        {**keys.connection("dead"), **named, "watch": keys.watchers(watch), "watch_version": 1},
        {**keys.connection_of(user, named["opened_at"], "dead"), **named},
        {**keys.watcher(watch, "dead"), **named, "watch_version": 1},
    ]
    table, name = service.aws("dynamodb"), service.name("Table")
    for item in items:
        table.put_item(TableName=name, Item=item_to_dynamodb(item))
    service.order(service.user(), city="Армавир")
    kept = [{key: item_to_dynamodb(item)[key] for key in ("pk", "sk")} for item in items]
    wait_until(lambda: not any("Item" in table.get_item(TableName=name, Key=key, ConsistentRead=True) for key in kept))


def test_a_message_over_128_kb_closes_the_socket(service: Service) -> None:
    with opened(service, service.user()) as socket:
        assert socket.say("x" * MAX_MESSAGE) == {"type": "error", "code": "invalid_message"}
        with pytest.raises(ConnectionClosedError) as closed:
            socket.say("x" * (MAX_MESSAGE + 1))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_a_changed_category_leaves_and_appears(service: Service) -> None:
    client = service.user()
    order = service.order(client, city="Ачинск", category="Клининг")
    with opened(service, service.user()) as old, opened(service, service.user()) as new:
        old.watch("Ачинск", "Клининг")
        new.watch("Ачинск", "Другое")
        service.call("PUT /api/orders/{id}", user=client, id=order["id"], body={"category": "Другое"})
        assert old.frame_of(order["id"])["event"] == "left"
        assert new.frame_of(order["id"])["order"]["category"] == "Другое"


def test_a_sixth_socket_closes_the_oldest(service: Service) -> None:
    user = service.user()
    with ExitStack() as stack:
        oldest, *_, newest = [stack.enter_context(opened(service, user)) for _ in range(6)]
        assert oldest.is_closed()
        assert newest.say({"action": "ping"}) == {"type": "pong"}


def test_a_ban_closes_a_socket(service: Service) -> None:
    user = service.user()
    with opened(service, user) as socket:
        banned = service.call("POST /api/admin/users/{id}/ban", user=OPERATOR, id=str(user), body={"reason": "обман"})
        assert banned.status == 200, banned.text
        assert socket.is_closed()
    assert service.call("POST /api/live/ticket", user=user).json["code"] == "banned"


def test_an_erasure_closes_a_socket(service: Service) -> None:
    user = service.user()
    with opened(service, user) as socket:
        assert service.call("DELETE /api/users/me", user=user).status == 204
        assert socket.is_closed()
