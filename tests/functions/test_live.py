"""Live updates in process: tickets, the routes of a socket, and which frames arrive where."""

import json

import pytest

from shared.aws.queues import Queue
from shared.commands.sockets import send_all
from shared.domain.limits import LIVE_MESSAGES_PER_HOUR
from shared.domain.live import Connection, Watch
from shared.handlers.background import HandlerFailed
from shared.service_errors import Unavailable
from shared.store import connections
from tests.conftest import OPERATOR
from tests.fakes.sockets import FakeSockets
from tests.in_process import Api, Change, stream_event
from tests.live import TICKET, Sockets, changed, tell

TAKE = "POST /api/orders/{id}/take"


@pytest.fixture
def clients(service: Api, sockets: FakeSockets) -> Sockets:
    """Clients over the fake of the sockets."""
    return Sockets(service, sockets)


# ---------------------------------------------------------------- tickets and handshakes


def test_a_ticket_opens_a_socket_for_a_minute(service: Api, clients: Sockets) -> None:
    answer = service.call(TICKET, user=1)
    assert answer.status == 200
    assert (answer.json["url"], answer.json["expires_in"]) == ("wss://live.example.org/live", 60)
    assert clients.connect("A=", answer.json["ticket"]) == 200
    service.later(minutes=1)
    assert clients.connect("B=", answer.json["ticket"]) == 401
    assert connections.get("B=") is None


def test_the_local_url_has_the_callers_host(service: Api, change: Change) -> None:
    change(LIVE_URL="")
    forwarded = {"x-forwarded-host": "localhost:8000", "x-forwarded-proto": "http"}
    assert service.call(TICKET, user=1, headers=forwarded).json["url"] == "ws://localhost:8000/live"


@pytest.mark.parametrize("ticket", ["", "1.1790000060.0", "x"])
def test_a_forged_ticket_opens_nothing(clients: Sockets, ticket: str) -> None:
    assert clients.connect("A=", ticket) == 401
    assert connections.of_user(1) == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 200), ("https://api.example.org", 200), ("https://evil.example.org", 403), ("null", 403)],
)
def test_only_known_origins_open_sockets(service: Api, clients: Sockets, origin: str | None, status: int) -> None:
    assert clients.connect("A=", service.call(TICKET, user=1).json["ticket"], origin) == status


def test_a_sixth_socket_closes_the_oldest(service: Api, clients: Sockets) -> None:
    for number in range(6):
        assert clients.open(f"{number}=", 1) == 200
        service.later(ms=1)
    assert clients.open("other=", 2) == 200
    assert [connection.id for connection in connections.of_user(1)] == [f"{number}=" for number in range(1, 6)]
    assert "0=" not in clients.fake.frames
    assert connections.get("0=") is None


def test_a_disconnected_socket_is_forgotten(clients: Sockets) -> None:
    clients.open("A=", 1)
    clients.watch("A=")
    clients.event("A=", "DISCONNECT")
    assert (connections.get("A="), connections.of_user(1), connections.watching(Watch(None, None))) == (None, [], [])


# ---------------------------------------------------------------- messages


def test_a_ping_is_answered(clients: Sockets) -> None:
    clients.open("A=", 1)
    assert clients.say("A=", {"action": "ping"}) == {"type": "pong"}


def test_a_watch_replaces_the_one_before(clients: Sockets) -> None:
    clients.open("A=", 1)
    assert clients.watch("A=", "Москва") == {"type": "watching", "city": "Москва", "category": None}
    assert clients.watch("A=", None, "Клининг") == {"type": "watching", "city": None, "category": "Клининг"}
    assert clients.watch("A=", None, "Клининг") == {"type": "watching", "city": None, "category": "Клининг"}
    assert connections.watching(Watch("Москва", None)) == []
    assert [connection.id for connection in connections.watching(Watch(None, "Клининг"))] == ["A="]
    assert clients.say("A=", {"action": "unwatch"}) is None
    assert connections.watching(Watch(None, "Клининг")) == []


def test_messages_that_overtake_each_other_leave_the_later_watch(clients: Sockets) -> None:
    """API Gateway invokes the function for each message at once."""
    clients.open("A=", 1)
    later = {"action": "watch", "city": "Казань"}
    assert clients.say("A=", later, arrived_at=2_000) == {"type": "watching", "city": "Казань", "category": None}
    assert clients.say("A=", {"action": "watch", "city": "Москва"}, arrived_at=1_999) is None
    assert clients.say("A=", {"action": "unwatch"}, arrived_at=1_999) is None
    assert [connection.id for connection in connections.watching(Watch("Казань", None))] == ["A="]
    assert connections.watching(Watch("Москва", None)) == []
    assert clients.say("A=", {"action": "unwatch"}, arrived_at=3_000) is None
    assert clients.say("A=", later, arrived_at=2_500) is None
    assert connections.watching(Watch("Казань", None)) == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "invalid_message"),
        ({"action": "watch", "city": "Атлантида"}, "unknown_city"),
        ({"action": "watch", "category": "Магия"}, "unknown_category"),
    ],
)
def test_a_bad_message_leaves_the_socket_as_it_was(clients: Sockets, message: object, code: str) -> None:
    clients.open("A=", 1)
    clients.watch("A=", "Москва")
    assert clients.say("A=", message) == {"type": "error", "code": code}
    assert len(connections.watching(Watch("Москва", None))) == 1


def test_a_user_sends_messages_too_often(service: Api, clients: Sockets) -> None:
    clients.open("A=", 1)
    for _ in range(LIVE_MESSAGES_PER_HOUR - 1):
        connections.count_message(1, service.now)
    assert clients.watch("A=") == {"type": "error", "code": "too_often"}
    assert connections.watching(Watch(None, None)) == []
    assert clients.open("B=", 1) == 429
    service.later(minutes=1)
    assert clients.say("A=", {"action": "ping"}) == {"type": "pong"}


def test_an_unknown_socket_is_closed(clients: Sockets) -> None:
    clients.fake.opened("A=")
    clients.say("A=", {"action": "ping"})
    assert clients.fake.calls == [("DELETE", "A=")]


# ---------------------------------------------------------------- frames


def test_watchers_of_four_lists_see_an_order_without_contact(service: Api, clients: Sockets) -> None:
    lists = [("Москва", None), ("Москва", "Сантехника"), (None, None), (None, "Сантехника")]
    others = [("Казань", None), ("Москва", "Клининг"), (None, "Клининг")]
    for number, (city, category) in enumerate(lists + others):
        clients.open(f"{number}=", 10 + number)
        clients.watch(f"{number}=", city, category)
    order = service.order(1, contact="@canary_contact", description="Прорвало трубу, пишите @canary_contact скорее")
    tell(service, changed(service, order["id"]))
    shown = service.call("GET /api/orders", query={"city": "Москва"}).json["orders"][0]
    frame = {"type": "order", "event": "appeared", "version": shown["version"], "order": shown}
    assert [clients.fake.frames[f"{number}="] for number in range(len(lists))] == [[frame]] * len(lists)
    assert [clients.fake.frames[f"{len(lists) + number}="] for number in range(len(others))] == [[]] * len(others)
    assert "canary" not in json.dumps(clients.fake.frames)


def test_a_frame_shows_the_order_of_the_moment(service: Api, clients: Sockets) -> None:
    clients.open("A=", 9)
    clients.watch("A=", "Москва")
    order = service.order(1)
    first = changed(service, order["id"])
    service.call("DELETE /api/orders/{id}", user=1, id=order["id"])
    tell(service, first)
    [frame] = clients.fake.frames["A="]
    assert frame == {"type": "order", "event": "left", "version": 2, "order": {"id": order["id"]}}


def test_changes_of_a_batch_are_one_frame(service: Api, clients: Sockets) -> None:
    clients.open("A=", 9)
    clients.watch("A=", "Москва")
    order = service.order(1)
    messages = changed(service, order["id"])[Queue.LIST_FRAMES]
    for executor in (2, 3):
        before = service.image(order["id"])
        service.recharge(executor)
        service.call(TAKE, user=executor, id=order["id"])
        messages += changed(service, order["id"], before)[Queue.LIST_FRAMES]
    tell(service, {Queue.LIST_FRAMES: [*reversed(messages), *messages]})
    [frame] = clients.fake.frames["A="]
    assert (frame["event"], frame["version"], len(frame["order"]["taken_by"])) == ("appeared", 3, 2)


def test_a_take_tells_the_client_and_reminds_later(service: Api, clients: Sockets) -> None:
    for number, user in enumerate((1, 1, 2, 3)):
        clients.open(f"{number}=", user)
    order = service.order(1)
    before = service.image(order["id"])
    service.recharge(2)
    service.call(TAKE, user=2, id=order["id"])
    messages = changed(service, order["id"], before)[Queue.PERSONAL_FRAMES]
    early = service.handle(Queue.PERSONAL_FRAMES, *messages)
    assert [message["kind"] for message in early] == ["respond_due", "respond_due"]
    taken = {"type": "mine", "event": "taken", "order_id": order["id"]}
    assert [clients.fake.taken(f"{number}=") for number in range(4)] == [[taken], [taken], [], []]
    service.later(minutes=5)
    [later] = service.handle(Queue.PERSONAL_FRAMES, *early)
    assert clients.fake.taken("0=") == [{"type": "mine", "event": "respond_due", "order_id": order["id"]}]
    service.call("POST /api/orders/{id}/respond", user=1, id=order["id"])
    service.later(minutes=5)
    assert service.handle(Queue.PERSONAL_FRAMES, later) == []
    assert clients.fake.taken("0=") == []


def test_a_paid_payment_is_told_to_its_payer(service: Api, clients: Sockets) -> None:
    clients.open("A=", 1)
    clients.open("B=", 2)
    item = {
        "pk": {"S": "PAYMENT#42"},
        "sk": {"S": "PAYMENT"},
        **{name: {"N": "1"} for name in ("user_id", "amount", "price", "created_at", "expires_at", "paid_at")},
        **{name: {"N": "0"} for name in ("refunded", "taken_back")},
        "provider": {"S": "telegram_stars"},
        "currency": {"S": "XTR"},
        "invoice_id": {"NULL": True},
        "charge_id": {"S": "charge"},
        "status": {"S": "paid"},
    }
    for before in ({**item, "status": {"S": "pending"}}, item):
        socket_event = stream_event(item, before)
        service.order_changed(socket_event["Records"][0]["dynamodb"]["NewImage"], before)
    messages = service.queued(Queue.PERSONAL_FRAMES)
    tell(service, {Queue.PERSONAL_FRAMES: messages})
    assert clients.fake.frames == {"A=": [{"type": "mine", "event": "paid", "payment_id": 42}], "B=": []}


def test_a_queue_of_frames_that_fails_is_counted_only(
    service: Api, change: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    order = service.order(1)
    change(LIST_FRAMES_QUEUE_URL="https://sqs.eu-central-1.amazonaws.com/123456789012/no-such-queue")
    assert service.order_changed(service.image(order["id"])) == {"batchItemFailures": []}
    assert len(service.queued(Queue.NEW_ORDERS)) == 1
    assert '"BackgroundFailures":[1.0]' in capsys.readouterr().out


# ---------------------------------------------------------------- sockets that end


def test_a_dead_socket_costs_one_call(service: Api, clients: Sockets) -> None:
    clients.open("A=", 9)
    clients.watch("A=", "Москва")
    del clients.fake.frames["A="]
    clients.fake.calls.clear()
    for contact in ("@first_contact", "@second_contact"):
        tell(service, changed(service, service.order(1, contact)["id"]))
    assert clients.fake.calls == [("POST", "A=")]
    assert (connections.get("A="), connections.of_user(9)) == (None, [])


def test_a_socket_in_its_handshake_is_kept(service: Api, clients: Sockets) -> None:
    clients.open("A=", 1)
    frames = clients.fake.frames.pop("A=")
    connection = Connection("A=", 1, service.now)
    send_all([(connection, [{"type": "pong"}])])
    assert connections.get("A=") is not None
    service.later(ms=5000)
    send_all([(connection, [{"type": "pong"}])])
    assert (frames, connections.get("A=")) == ([], None)


def test_a_socket_that_fails_is_closed(clients: Sockets) -> None:
    clients.open("A=", 1)
    clients.open("B=", 2)
    clients.fake.failing.add("A=")
    told = [(Connection(id, user, 0), [{"type": "pong"}]) for id, user in (("A=", 1), ("B=", 2))]
    send_all(told)
    assert clients.fake.frames == {"B=": [{"type": "pong"}]}
    assert connections.get("A=") is None


def test_a_socket_that_cannot_be_closed_is_tried_again(service: Api, clients: Sockets) -> None:
    for name, user in (("A=", 8), ("B=", 9)):
        clients.open(name, user)
        clients.watch(name, "Москва")
    clients.fake.failing.add("A=")
    clients.fake.closing_fails = True
    messages = changed(service, service.order(1)["id"])[Queue.LIST_FRAMES]
    with pytest.raises(HandlerFailed):
        service.handle(Queue.LIST_FRAMES, *messages)
    assert len(clients.fake.frames["B="]) == 1
    assert connections.get("A=") is not None
    with pytest.raises(Unavailable):
        send_all([(Connection("A=", 8, 0), [{"type": "pong"}])])


def test_a_list_that_fails_keeps_no_other_waiting(service: Api, clients: Sockets) -> None:
    for name, city in (("A=", "Казань"), ("B=", "Москва")):
        clients.open(name, 9)
        clients.watch(name, city)
    clients.fake.failing.add("A=")
    clients.fake.closing_fails = True
    orders = [service.order(user, f"@contact_{user}", city=city)["id"] for user, city in ((1, "Казань"), (2, "Москва"))]
    messages = [message for order in orders for message in changed(service, order)[Queue.LIST_FRAMES]]
    with pytest.raises(HandlerFailed):
        service.handle(Queue.LIST_FRAMES, *messages)
    assert [frame["event"] for frame in clients.fake.frames["B="]] == ["appeared"]


def test_sockets_of_over_two_hours_are_skipped(service: Api, clients: Sockets) -> None:
    clients.open("A=", 9)
    clients.watch("A=", "Москва")
    service.later(minutes=120)
    clients.fake.calls.clear()
    tell(service, changed(service, service.order(1)["id"]))
    assert clients.fake.calls == []


def test_watchers_above_the_ceiling_are_told_to_poll(service: Api, clients: Sockets, change: Change) -> None:
    change(LIVE_WATCHERS="2")
    for name, user in (("A=", 7), ("B=", 8), ("C=", 9)):
        clients.open(name, user)
        clients.watch(name, "Москва")
    tell(service, changed(service, service.order(1)["id"]))
    kinds = {name: [frame["type"] for frame in frames] for name, frames in clients.fake.frames.items()}
    assert kinds == {"A=": ["order"], "B=": ["order"], "C=": ["poll"]}
    assert [connection.id for connection in connections.watching(Watch("Москва", None))] == ["A=", "B="]
    clients.fake.taken("C=")
    assert clients.watch("C=", "Казань")["type"] == "watching"


def test_a_client_is_told_to_poll_before_its_watch_ends(service: Api, clients: Sockets, change: Change) -> None:
    """A sender that fails in between tells it in the next delivery."""
    change(LIVE_WATCHERS="1")
    for name, user in (("A=", 8), ("B=", 9)):
        clients.open(name, user)
        clients.watch(name, "Москва")
    clients.fake.failing.add("B=")
    clients.fake.closing_fails = True
    messages = changed(service, service.order(1)["id"])[Queue.LIST_FRAMES]
    with pytest.raises(HandlerFailed):
        service.handle(Queue.LIST_FRAMES, *messages)
    clients.fake.failing.clear()
    service.later(ms=10_000)
    tell(service, {Queue.LIST_FRAMES: messages})
    assert [frame["type"] for frame in clients.fake.frames["B="]] == ["poll"]


def test_a_list_that_finds_no_turn_is_told_to_poll(service: Api, clients: Sockets, change: Change) -> None:
    change(LIVE_FRAMES_PER_SECOND="1")
    for name, user in (("A=", 8), ("B=", 9)):
        clients.open(name, user)
        clients.watch(name, "Москва")
    clients.open("all=", 7)
    clients.watch("all=")
    messages = changed(service, service.order(1)["id"])
    started = service.now
    tell(service, {queue: of_queue for queue, of_queue in messages.items() if queue is not Queue.PERSONAL_FRAMES})
    assert [frame["type"] for frame in clients.fake.frames["A="]] == ["order"]
    assert clients.fake.frames["all="] == [{"type": "poll", "seconds": 10}]
    assert service.now == started, "nobody waits for it"


def test_a_batch_of_more_sends_than_fit_is_told_to_poll(service: Api, clients: Sockets, change: Change) -> None:
    """One list cannot take all sends of the next minutes, nor the time of its function."""
    change(LIVE_FRAMES_PER_SECOND="1")
    clients.open("A=", 9)
    clients.watch("A=", "Москва")
    orders = [service.order(user, f"@contact_{user}")["id"] for user in range(1, 7)]
    messages = [message for order in orders for message in changed(service, order)[Queue.LIST_FRAMES]]
    tell(service, {Queue.LIST_FRAMES: messages})
    assert clients.fake.taken("A=") == [{"type": "poll", "seconds": 10}]
    clients.watch("A=", "Москва")
    tell(service, {Queue.LIST_FRAMES: messages[:5]})
    assert [frame["type"] for frame in clients.fake.frames["A="]] == ["order"] * 5


# ---------------------------------------------------------------- bans and erasure


def test_a_ban_closes_sockets_and_opens_none(service: Api, clients: Sockets) -> None:
    ticket = service.call(TICKET, user=1).json["ticket"]
    clients.open("A=", 1)
    clients.open("B=", 2)
    service.call("POST /api/admin/users/{id}/ban", user=OPERATOR, id="1", body={"reason": "жалобы исполнителей"})
    assert list(clients.fake.frames) == ["B="]
    assert (connections.of_user(1), len(connections.of_user(2))) == ([], 1)
    refused = service.call(TICKET, user=1)
    assert (refused.status, refused.json["code"]) == (403, "banned")
    assert clients.connect("C=", ticket) == 403
    assert connections.of_user(1) == []


def test_an_erasure_closes_and_forgets_sockets(service: Api, clients: Sockets) -> None:
    clients.open("A=", 1)
    clients.watch("A=", "Москва")
    assert service.call("DELETE /api/users/me", user=1).status == 204
    assert clients.fake.frames == {}
    assert (connections.get("A="), connections.watching(Watch("Москва", None))) == (None, [])


def test_an_erasure_that_cannot_close_is_repeated(service: Api, clients: Sockets) -> None:
    clients.open("A=", 1)
    clients.fake.failing.add("A=")
    clients.fake.closing_fails = True
    assert service.call("DELETE /api/users/me", user=1).status == 503
    clients.fake.failing.clear()
    assert service.call("DELETE /api/users/me", user=1).status == 204
    assert connections.of_user(1) == []
