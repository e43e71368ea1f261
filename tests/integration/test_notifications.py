"""Notifications on the running service: from a request to a chat in the fake Telegram, and back by a button."""

import json
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.conftest import OPERATOR
from tests.integration.service import READ_EVERY, UP, Service, wait_until

FAKE = "/fakes/telegram"


def telegram(service: Service) -> httpx.Client:
    """A client of the fake Telegram."""
    return httpx.Client(base_url=f"{service.url}{FAKE}", follow_redirects=True, timeout=60, trust_env=False)


def calls(service: Service) -> dict[str, Any]:
    """The bot's calls, and those that break Telegram's limits."""
    with telegram(service) as http:
        answer: dict[str, Any] = http.get("/calls").json()
    return answer


def sent(service: Service, chat_id: int) -> list[dict[str, Any]]:
    """The messages delivered to a chat, oldest first, each with its `message_id`."""
    return [
        {**call["parameters"], "message_id": call["result"]["message_id"]}
        for call in calls(service)["calls"]
        if call["method"] == "sendMessage" and call["status"] == 200 and call["parameters"]["chat_id"] == chat_id
    ]


def heard(service: Service, chat_id: int, words: str, number: int = 1) -> dict[str, Any]:
    """Wait for a chat's message with these words; `number` counts from 1."""

    def found() -> list[dict[str, Any]]:
        return [message for message in sent(service, chat_id) if words in message["text"]]

    wait_until(lambda: len(found()) >= number)
    return found()[number - 1]


def listener(service: Service, *, city: str, category: str = "Сантехника") -> int:
    """A new user who is subscribed to such orders."""
    user = service.user()
    preferences = {"categories": [category], "cities": [city]}
    assert service.call("PUT /api/users/me/preferences", user=user, body=preferences).status == 200
    settings = {"enabled": True, "frequency": 5}
    assert service.call("PUT /api/users/me/notification-settings", user=user, body=settings).status == 200
    return user


def photo_is_sent(service: Service) -> tuple[int, int]:
    """Send the bot a photo as a new user, which opens a support thread; return the ids of the user and the message."""
    user = service.user()
    with telegram(service) as http:
        assert http.post("/say", data={"chat_id": str(user), "text": "Вот чек", "photo": "1"}).status_code == 200
    thread = service.call("GET /api/admin/threads/{id}", user=OPERATOR, id=str(user))
    assert thread.status == 200, thread.text
    return user, int(thread.json["messages"][0]["photo"].rpartition("/")[2])


def press(service: Service, user: int, message: dict[str, Any], label: str) -> str:
    """Press a button of a message, as a person does on the page; return the text shown then."""
    rows = message["reply_markup"]["inline_keyboard"]
    [data] = [key["callback_data"] for row in rows for key in row if key["text"] == label]
    form = {"chat_id": str(user), "message_id": str(message["message_id"]), "data": data}
    with telegram(service) as http:
        shown = http.post("/press", data=form)
    assert shown.status_code == 200
    return shown.text


def an_order_is_offered(service: Service, city: str) -> tuple[int, int, dict[str, Any]]:
    """Every subscriber but the client is offered a new order, without its contact (I18). Also called under IAM.

    Returns the client, an executor who got the offer, and the order.
    """
    client, executor = listener(service, city=city), listener(service, city=city)
    electrician = listener(service, city=city, category="Электрика")
    order = service.order(client, city=city)
    offered = heard(service, executor, "Новый заказ: Сантехника")
    assert city in offered["text"]
    [[opens]] = offered["reply_markup"]["inline_keyboard"]
    assert opens["url"].endswith(f"?startapp=order_{order['id']}")
    with telegram(service) as http:
        assert opens["url"] in http.get("/").text, "a person can read it"
    assert sent(service, client) == sent(service, electrician) == []
    return client, executor, order


def a_chat_is_closed_and_opened(service: Service, city: str) -> None:
    """A user who blocked the bot gets no message until they start it. Also called under IAM."""
    user = listener(service, city=city)
    with telegram(service) as http:
        http.post("/script", json={"method": "sendMessage", "status": 403, "match": {"chat_id": user}})
        service.order(service.user(), city=city)
        wait_until(lambda: any(call["status"] == 403 for call in calls(service)["calls"]))
        shown = "GET /api/users/me/notification-settings"
        wait_until(lambda: service.call(shown, user=user).headers["x-bot-can-write"] == "false", every=READ_EVERY)
        http.post("/say", data={"chat_id": str(user), "text": "/start"})
    heard(service, user, "Здравствуйте")
    assert service.call(shown, user=user).headers["x-bot-can-write"] == "true"
    service.order(service.user(), city=city)
    heard(service, user, "Новый заказ")


def test_an_order_is_offered_and_answered_in_the_chat(service: Service) -> None:
    client, executor, order = an_order_is_offered(service, "Тверь")
    service.recharge(executor, 2)
    assert service.take(executor, order["id"]).status == 200
    told = heard(service, client, "взял исполнитель")
    assert "Вы отметили, что ответили" in press(service, client, told, "Я ответил")
    assert service.call("GET /api/orders/{id}", user=client, id=order["id"]).json["customer_responded_at"] is not None
    heard(service, executor, "Клиент ответил")
    press(service, client, told, "Я ответил")
    assert service.call("POST /api/orders/{id}/complete", user=client, id=order["id"]).status == 200
    heard(service, executor, "выполненным")
    assert len(sent(service, executor)) == 3, "of each thing once"


def test_a_chat_is_closed_and_opened(service: Service) -> None:
    a_chat_is_closed_and_opened(service, "Рязань")


def test_the_close_button_refunds_the_executor(service: Service) -> None:
    """The refund is paid once, and the executor is notified."""
    client, executor = service.user(), service.user()
    order = service.order(client, city="Пермь")
    service.recharge(executor, 2)
    service.take(executor, order["id"])
    told = heard(service, client, "взял исполнитель")
    for _ in range(2):
        assert "закрыт" in press(service, client, told, "Закрыть")
    heard(service, executor, "2 ₽ вернулись")
    assert [entry["amount"] for entry in service.ledger(executor)] == [2, -2, 2]


def test_orders_within_a_window_are_sent_at_its_end(service: Service) -> None:
    executor = listener(service, city="Омск")
    first = service.order(service.user(), city="Омск")
    heard(service, executor, "Новый заказ")
    service.order(service.user(), city="Омск")
    other = listener(service, city="Омск")
    service.order(service.user(), city="Омск")
    heard(service, other, "Новый заказ")
    assert len(sent(service, executor)) == 1
    assert first["id"] in str(sent(service, executor))


def refuse(service: Service, chats: Iterable[int]) -> None:
    """Let Telegram answer the next message to each of the chats with a 429 and `retry_after` 10."""
    with telegram(service) as http:
        for chat in chats:
            script = {"status": 429, "match": {"chat_id": chat}, "more": {"retry_after": 10}}
            http.post("/script", json={"method": "sendMessage", **script})


def refusals(service: Service, chats: Collection[int]) -> list[float]:
    """The times of the chats' 429s, in seconds."""
    refused = [call for call in calls(service)["calls"] if call["status"] == 429]
    return [call["at"] for call in refused if call["parameters"]["chat_id"] in chats]


def sends(service: Service) -> list[tuple[int, float]]:
    """The chats that messages were sent to, with the times in seconds."""
    sent = [call for call in calls(service)["calls"] if call["method"] == "sendMessage"]
    return [(call["parameters"]["chat_id"], call["at"]) for call in sent]


def test_refused_chat_waits_while_others_hear(service: Service) -> None:
    """A 429 of one chat pauses that chat only."""
    refused, *others = [listener(service, city=city) for city in ("Самара", "Пермь", "Пермь")]
    refuse(service, [refused])
    service.order(service.user(), city="Самара")
    wait_until(lambda: refusals(service, [refused]))
    service.order(service.user(), city="Пермь")
    for executor in (*others, refused):
        heard(service, executor, "Новый заказ")
    [at] = refusals(service, [refused])
    # Chats of earlier tests may hear at any time, such as of an order that ended.
    own = [(chat, sent_at) for chat, sent_at in sends(service) if chat in (refused, *others)]
    assert {chat for chat, sent_at in own if at < sent_at < at + 9.9} == set(others)


def test_bot_waits_after_three_chats_were_refused(service: Service) -> None:
    """Refusals of several chats within seconds are the bot's own limit: later messages to all chats wait."""
    refused = [listener(service, city="Самара") for _ in range(3)]
    other = listener(service, city="Пермь")
    refuse(service, refused)
    service.order(service.user(), city="Самара")
    wait_until(lambda: len(refusals(service, refused)) == 3)
    service.order(service.user(), city="Пермь")
    for executor in (*refused, other):
        heard(service, executor, "Новый заказ")
    at = max(refusals(service, refused))
    assert [chat for chat, sent_at in sends(service) if at < sent_at < at + 9.9] == []


def crowd(service: Service, size: int, city: str) -> list[int]:
    """Write `number` subscribers of a city's orders into the table, as copies of one real subscriber."""
    original, dynamodb = listener(service, city=city), service.aws("dynamodb")
    [table] = [name for name in dynamodb.list_tables()["TableNames"] if "Table" in name]
    items = dynamodb.query(
        TableName=table,
        KeyConditionExpression="pk = :user",
        ExpressionAttributeValues={":user": {"S": f"USER#{original}"}},
    )["Items"]
    users = [original, *range(6_000_000_000, 6_000_000_000 + size - 1)]
    copies = [json.loads(json.dumps(items).replace(str(original), str(user))) for user in users[1:]]
    writes = [{"PutRequest": {"Item": item}} for each in copies for item in each]
    for start in range(0, len(writes), 25):
        left = dynamodb.batch_write_item(RequestItems={table: writes[start : start + 25]})["UnprocessedItems"]
        assert left == {}
    # Afterwards the stream is read to its end, and every sender is warm.
    witness = listener(service, city="Чита")
    service.order(service.user(), city="Чита")
    heard(service, witness, "Новый заказ")
    return users


def metric(service: Service, name: str) -> list[tuple[int, float]]:
    """The times of a metric, in epoch ms, and its values."""
    found = []
    for line in service.stdout.splitlines():
        if f'"{name}":[' in line:
            noted = json.loads(line)
            found += [(noted["_aws"]["Timestamp"], value) for value in noted[name]]
    return found


@pytest.mark.parametrize(("size", "city"), [(60, "Уфа"), pytest.param(10_000, "Омск", marks=pytest.mark.proof)])
def test_an_order_reaches_a_large_audience(
    service: Service, size: int, city: str, record_property: Callable[[str, object], None]
) -> None:
    """Every subscriber is queued within a minute of the order and gets it once, within Telegram's limits."""
    audience = set(crowd(service, size, city))
    queued_before = len(metric(service, "OffersQueued"))
    order = service.order(service.user(), city=city)
    created = datetime.fromisoformat(order["created_at"]).timestamp()

    def queued() -> list[tuple[int, float]]:
        return metric(service, "OffersQueued")[queued_before:]

    wait_until(lambda: sum(number for _, number in queued()) >= size)
    took = max(at for at, _ in queued()) / 1000 - created
    assert took < 60

    def told() -> dict[int, list[float]]:
        found: dict[int, list[float]] = defaultdict(list)
        for call in calls(service)["calls"]:
            if call["status"] == 200 and order["id"] in str(call["parameters"]):
                found[call["parameters"]["chat_id"]].append(call["at"])
        return found

    deadline = time.monotonic() + UP + size / 5
    while len(told()) < size:
        assert time.monotonic() < deadline, f"{len(told())} of {size}"
        time.sleep(0.5 + size / 1000)  # polling more often would slow the fake down
    heard_at = told()
    assert set(heard_at) == audience
    assert {len(times) for times in heard_at.values()} == {1}
    times = sorted(at for [at] in heard_at.values())
    assert max(bisect_left(times, at + 1) - place for place, at in enumerate(times)) <= 30
    assert calls(service)["violations"] == []
    record_property("queued within, s", round(took, 1))
    record_property("sent in, s", round(times[-1] - times[0], 1))
    record_property("first heard, ms", metric(service, "FirstNotificationAge")[-1][1])


def test_no_send_exceeded_telegrams_limits(service: Service) -> None:
    assert calls(service)["violations"] == []
