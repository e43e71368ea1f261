"""Personal data: exported and erased on request, and removed by TTL in time."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from functions.admin import erase_user, export_user
from functions.notifications import send_offer
from functions.scheduled import audit
from functions.users import delete_me
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.aws.queues import Queue
from shared.bot import sending
from shared.commands import erasure, threads
from shared.domain.init_data import TelegramUser
from shared.domain.support import REASON, Content
from shared.http.schemas import iso
from shared.store import attributes, keys, orders, people, table
from shared.store import threads as thread_store
from tests import api
from tests.conftest import OPERATOR, TABLE
from tests.contract.test_policies import LongContext
from tests.in_process import Api, Change

ANNA, EXECUTOR, OTHER = 1, 2, 3
NAMES = {"first_name": "Анна", "last_name": "Петрова", "username": "anna_p"}
# Anna's names and texts: each must be in the table before an erasure, and none after it.
TRACES = (
    "Анна",
    "Петрова",
    "anna_p",
    "@burst_pipe",
    "Прорвало",
    "+79161234567",
    "Мастер опоздал",
    "anna@example.com",
    "Грубил",
    "anna@example.ru",
    "Верните деньги",
    "photo-of-anna",
    "Уже вернули",
)
WHY = {"reason": "письмо с просьбой удалить данные"}


def everything() -> str:
    """The whole table, as text."""
    items = [attributes.item_from_dynamodb(item) for item in table.client().scan(TableName=TABLE)["Items"]]
    return json.dumps(items, ensure_ascii=False)


def amounts(service: Api, user: int) -> list[int]:
    rows = service.call("GET /api/balance/transactions", user=user).json["transactions"]
    return [row["amount"] for row in rows]


def books_are_right() -> bool:
    return bool(audit.handler({}, api.Context()) == [])


@pytest.fixture
def story(service: Api, yookassa: FakeYookassa, change: Change) -> dict[str, str]:
    """Anna's orders in each state, by name, and her other data."""
    for user in (ANNA, EXECUTOR, OTHER):
        service.recharge(user, 20)
    found = {
        name: service.order(ANNA, contact=contact, description="Прорвало трубу, почта: anna@example.com")["id"]
        for name, contact in (
            ("free", "@burst_pipe"),
            ("taken", "@burst_pipe2"),
            ("answered", "@burst_pipe3"),
            ("completed", "+79161234567"),
        )
    }
    for name in ("taken", "answered", "completed"):
        for executor in (EXECUTOR, OTHER):
            assert service.call("POST /api/orders/{id}/take", user=executor, id=found[name]).status == 200
    service.call("POST /api/orders/{id}/respond", user=ANNA, id=found["answered"])
    service.call("POST /api/orders/{id}/complete", user=ANNA, id=found["completed"])
    # Their masked forms are stored as well.
    review = {"order_id": found["completed"], "rating": 3, "comment": "Мастер опоздал, вот почта: anna@example.com"}
    assert service.call("POST /api/reviews/client", user=ANNA, names=NAMES, body=review).status == 200
    # She is an executor as well.
    others = service.order(OTHER, contact="@other_pipe", description="Искрит розетка в коридоре, пахнет гарью")["id"]
    found["others"] = others
    assert service.call("POST /api/orders/{id}/take", user=ANNA, id=others).status == 200
    complaint = {"order_id": others, "complaint": "Другое", "comment": "Грубил"}
    assert service.call("POST /api/reviews/executor", user=ANNA, body=complaint).status == 200
    preferences = {"categories": ["Клининг"], "cities": ["Казань", "Уфа"]}
    assert service.call("PUT /api/users/me/preferences", user=ANNA, names=NAMES, body=preferences).status == 200
    enabled = {"enabled": True}
    assert service.call("PUT /api/users/me/notification-settings", user=ANNA, names=NAMES, body=enabled).status == 200
    threads.receive(TelegramUser(ANNA, "Анна", "Петрова", "anna_p"), 1, Content("Верните деньги", "photo-of-anna"))
    threads.answer(ANNA, OPERATOR, text="Уже вернули", key="a-key-of-8", seen=2**52)
    change(YOOKASSA_VAT_CODE="1")
    top_up = {"amount": 10, "provider": "yookassa", "receipt_contact": "anna@example.ru"}
    assert service.call("POST /api/balance/create-invoice", user=ANNA, names=NAMES, body=top_up).status == 200
    return found


def test_export_contains_everything_kept_of_a_user(service: Api, story: dict[str, str]) -> None:
    answer = service.call("GET /api/users/me/export", user=ANNA)
    for trace in TRACES:
        assert trace in answer.text
    found = answer.json
    assert {order["id"] for order in found["orders"]} == set(story.values()) - {story["others"]}
    assert found["taken_orders"] == [story["others"]]
    assert [row["amount"] for row in found["transactions"]] == [-2, 20]
    assert (found["categories"], found["cities"]) == (["Клининг"], ["Казань", "Уфа"])
    assert [consent["version"] for consent in found["consents"]] == ["1"]
    assert (found["receipt_contact"], found["receipt_contact_since"]) == ("anna@example.ru", iso(service.now))
    # An order that the user took belongs to another client: its contact is not the user's data.
    assert "@other_pipe" not in answer.text
    received = service.call("GET /api/users/me/export", user=EXECUTOR).json["reviews_received"]
    assert [review["comment"] for review in received] == ["Мастер опоздал, вот почта: •••"]


def test_erasure_leaves_only_the_ledger(service: Api, story: dict[str, str]) -> None:
    """I4, I7, I21: orders end as the client could have ended them, the ledger stays, ratings still add up."""
    before = everything()
    assert all(trace in before for trace in TRACES)
    assert service.call("DELETE /api/users/me", user=ANNA).status == 204
    after = everything()
    assert [trace for trace in TRACES if trace in after] == []
    assert "SUBSCRIPTION" in before
    assert "SUBSCRIPTION" not in after

    states = {name: service.call("GET /api/orders/{id}", user=ANNA, id=id).json for name, id in story.items()}
    assert {name: state["status"] for name, state in states.items()} == {
        "free": "deleted",
        "taken": "closed_no_response",
        "answered": "closed_no_response",
        "completed": "completed",
        "others": "active",
    }
    assert [states[name]["contact"] for name in ("free", "taken", "answered", "completed")] == [None] * 4
    # Refunded if she had not answered, as with any close.
    assert amounts(service, EXECUTOR) == [2, -2, -2, -2, 20]
    assert amounts(service, ANNA) == [-2, 20]
    assert service.call("GET /api/users/me", user=EXECUTOR).json["rating"] == 3.0
    [review] = service.call("GET /api/reviews").json
    assert (review["author_name"], review["comment"], review["rating"]) == ("Пользователь", None, 3)
    for status in ("active", "expired", "completed"):
        listed = service.call("GET /api/orders", query={"status": status}).json["orders"]
        assert {order["id"] for order in listed} <= {story["others"]}
    for query in ({"mine": True}, {"taken_by_me": True}):
        assert service.call("GET /api/orders", user=EXECUTOR, query=query).status == 200
    assert service.order(OTHER, contact="@burst_pipe")["status"] == "active"
    assert books_are_right()


def test_complaints_and_refunds_survive_the_clients_erasure(service: Api, story: dict[str, str]) -> None:
    """Executors can still complain about an erased client and be refunded: the order without its texts is kept."""
    service.call("DELETE /api/users/me", user=ANNA)
    complaint = {"order_id": story["answered"], "complaint": "Ложная информация"}
    assert service.call("POST /api/reviews/executor", user=EXECUTOR, body=complaint).status == 200
    refund = {"executor_id": EXECUTOR, **WHY}
    answer = service.call("POST /api/admin/orders/{id}/refund", user=OPERATOR, id=story["answered"], body=refund)
    assert answer.status == 200
    again = service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=story["completed"])
    assert (again.status, again.json["code"]) == (410, "order_not_active")
    service.later(minutes=90)
    service.sweep()
    assert books_are_right()


def test_review_after_an_erasure_goes_with_the_next_one(service: Api, story: dict[str, str]) -> None:
    """The review is about an order that was erased before: it shows the review's text and is in none of her lists."""
    second = service.order(ANNA, contact="@burst_pipe4")["id"]
    assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=second).status == 200
    assert service.call("POST /api/orders/{id}/complete", user=ANNA, id=second).status == 200
    assert service.call("DELETE /api/users/me", user=ANNA).status == 204
    review = {"order_id": second, "rating": 4, "comment": "Мастер опоздал снова"}
    assert service.call("POST /api/reviews/client", user=ANNA, names=NAMES, body=review).status == 200
    assert service.call("GET /api/orders/{id}", id=second).json["review_comment"] == review["comment"]
    assert service.call("DELETE /api/users/me", user=ANNA).status == 204
    assert [trace for trace in TRACES if trace in everything()] == []
    for order, rating in ((story["completed"], 3), (second, 4)):
        shown = service.call("GET /api/orders/{id}", id=order).json
        assert (shown["rating"], shown["review_comment"]) == (rating, None)
    assert books_are_right()


STEPS = (
    "orders.move",
    "people.erase_order",
    "people.erase_review",
    "people.erase_complaint",
    "threads.erase_messages",
    "people.forget",
)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("landed", [False, True], ids=["before it", "after it"])
def test_a_crashed_erasure_is_completed_by_the_next_call(
    service: Api, story: dict[str, str], monkeypatch: pytest.MonkeyPatch, step: str, landed: bool
) -> None:
    """F1, F2, F14: it crashes before or after a step's write; a second call resumes it, and no refund is paid twice."""
    module = {"orders": orders, "people": people, "threads": thread_store}[step.partition(".")[0]]
    name = step.partition(".")[2]
    do = getattr(module, name)

    def die(*given: Any, **named: Any) -> None:
        if landed:
            do(*given, **named)
        raise RuntimeError

    monkeypatch.setattr(module, name, die)
    assert service.call("DELETE /api/users/me", user=ANNA).status == 500
    monkeypatch.setattr(module, name, do)
    assert books_are_right()
    for _ in range(2):
        assert service.call("DELETE /api/users/me", user=ANNA).status == 204
    after = everything()
    assert [trace for trace in TRACES if trace in after] == []
    assert amounts(service, EXECUTOR) == [2, -2, -2, -2, 20]
    assert books_are_right()


def ask(number: int = 1) -> None:
    """Anna writes to the bot."""
    threads.receive(TelegramUser(ANNA, "Анна", "Петрова", "anna_p"), number, Content("Верните деньги"))


def reply(key: str = "a-key-of-8") -> None:
    """An operator answers Anna."""
    threads.answer(ANNA, OPERATOR, text="Уже вернули", key=key, seen=2**52)


def test_messages_that_no_index_lists_yet_are_erased(service: Api) -> None:
    """F16: a person writes to the bot, is answered, and asks for the erasure at once."""
    service.database.lag = lambda index: 10_000 if index else 0
    ask()
    reply()
    assert service.call("DELETE /api/users/me", user=ANNA).status == 204
    assert [item["pk"] for item in table.scan() if item["pk"].startswith("THREAD#")] == []


@pytest.mark.parametrize("more", [98, 99, 100, 199])
def test_a_long_thread_is_erased(service: Api, more: int) -> None:
    """Of more messages than one transaction removes."""
    ask()
    others = [keys.thread_message(ANNA, f"OUT#{number}") for number in range(more)]
    for start in range(0, more, 100):
        table.transact([table.put_write({**key}, condition=None) for key in others[start : start + 100]])
    assert service.call("DELETE /api/users/me", user=ANNA).status == 204
    assert [item["pk"] for item in table.scan() if item["pk"].startswith("THREAD#")] == []


@pytest.mark.parametrize(
    ("before", "meanwhile"),
    [
        pytest.param([], ask, id="a first message"),
        pytest.param([ask], partial(ask, 2), id="a message"),
        pytest.param([ask], reply, id="an answer"),
        pytest.param([ask, reply], partial(reply, "b-key-of-8"), id="another answer"),
    ],
)
def test_message_that_comes_during_an_erasure_is_erased(
    service: Api, monkeypatch: pytest.MonkeyPatch, before: list[Callable[[], None]], meanwhile: Callable[[], None]
) -> None:
    """It is stored between the last look for messages and the end of the thread."""
    forget = people.forget

    def forget_late(*given: Any) -> None:
        monkeypatch.setattr(people, "forget", forget)
        meanwhile()
        forget(*given)

    for step in before:
        step()
    monkeypatch.setattr(people, "forget", forget_late)
    assert service.call("DELETE /api/users/me", user=ANNA).status == 204
    assert people.forget is forget
    left = everything()
    assert [trace for trace in (*TRACES, "THREAD#") if trace in left] == []


def test_an_unfinished_erasure_asks_to_repeat_the_request(
    service: Api, story: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delete_me, "_LAST_STEP", -1.0)
    refused = service.call("DELETE /api/users/me", user=ANNA)
    assert (refused.status, refused.json["code"]) == (503, "busy")
    monkeypatch.undo()
    assert "@burst_pipe" in everything()


class Ticking:
    """A clock that advances one second at every reading."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += 1
        return self._now


def test_repeated_erasure_calls_always_finish(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call does as many steps as its time allows and repeats none of an earlier call."""
    for user in (ANNA, EXECUTOR):
        service.recharge(user, 20)
    for number in range(6):
        order = service.order(ANNA, contact=f"@burst_pipe{number}")["id"]
        assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order).status == 200
        assert service.call("POST /api/orders/{id}/complete", user=ANNA, id=order).status == 200
        review = {"order_id": order, "rating": 3, "comment": "Мастер опоздал"}
        assert service.call("POST /api/reviews/client", user=ANNA, names=NAMES, body=review).status == 200
        other = service.order(OTHER, contact=f"@other_pipe{number}", description="Искрит розетка в коридоре")["id"]
        assert service.call("POST /api/orders/{id}/take", user=ANNA, id=other).status == 200
        complaint = {"order_id": other, "complaint": "Ложная информация", "comment": "Грубил"}
        assert service.call("POST /api/reviews/executor", user=ANNA, body=complaint).status == 200
    clock = Ticking()
    monkeypatch.setattr(delete_me, "time", clock)
    monkeypatch.setattr(erasure, "time", clock)
    monkeypatch.setattr(delete_me, "_LAST_STEP", 4.0)
    calls = 1
    while (answer := service.call("DELETE /api/users/me", user=ANNA)).status != 204:
        assert (answer.status, answer.json["code"]) == (503, "busy")
        calls += 1
        assert calls <= 6  # 19 steps, four per call
    assert [trace for trace in TRACES if trace in everything()] == []


def test_operator_exports_and_erases_a_user_on_request(service: Api, story: dict[str, str]) -> None:
    event = {"user_id": ANNA, "operator_id": OPERATOR, **WHY}
    shown = export_user.handler(event, LongContext())
    assert shown == service.call("GET /api/users/me/export", user=ANNA).json
    erase_user.handler(event, LongContext())
    after = everything()
    assert [trace for trace in TRACES if trace in after] == []
    actions = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    done = sorted((action["operator_id"], action["kind"], action["user_id"], action["reason"]) for action in actions)
    assert done == [
        (OPERATOR, "data_erased", ANNA, WHY["reason"]),
        (OPERATOR, "data_exported", ANNA, WHY["reason"]),
        (OPERATOR, "thread_answered", ANNA, REASON),
    ]


def test_repeated_erasures_are_rate_limited(service: Api, change: Change) -> None:
    change(SETTINGS_PER_HOUR="2")
    answers = [service.call("DELETE /api/users/me", user=ANNA) for _ in range(4)]
    assert [answer.status for answer in answers] == [204, 204, 429, 429]
    assert (answers[-1].json["code"], answers[-1].headers["retry-after"]) == ("too_often", "1800")
    assert len(service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]) == 2
    # An erasure by an operator takes no token of the user.
    erase_user.handler({"user_id": ANNA, "operator_id": OPERATOR, **WHY}, LongContext())
    service.later(minutes=30)
    assert service.call("DELETE /api/users/me", user=ANNA).status == 204


def test_a_ban_survives_the_erasure(service: Api) -> None:
    service.order(ANNA)
    service.call("POST /api/admin/users/{id}/ban", user=OPERATOR, id=str(ANNA), body=WHY)
    assert service.call("DELETE /api/users/me", user=ANNA).status == 204
    refused = service.call("POST /api/balance/recharge", user=ANNA, body={"amount": 1})
    assert (refused.status, refused.json["code"]) == (403, "banned")


# ---------------------------------------------------------------- what the bot keeps


@pytest.fixture
def told(service: Api, telegram: FakeTelegram) -> list[str]:
    """Anna got an offer of the first of these orders; the second is collected for her digest."""
    enabled = {"enabled": True, "frequency": 5}
    assert service.call("PUT /api/users/me/notification-settings", user=ANNA, names=NAMES, body=enabled).status == 200
    anything: dict[str, list[str]] = {"categories": [], "cities": []}
    assert service.call("PUT /api/users/me/preferences", user=ANNA, names=NAMES, body=anything).status == 200
    found = [service.order(OTHER, contact=f"@other_pipe{number}")["id"] for number in range(2)]
    for order in found:
        offer(service, order)
    assert len(telegram.sent(ANNA)) == 1
    return found


def offer(service: Api, order_id: str) -> None:
    message = {"user_id": ANNA, "order_id": order_id, "due_at": service.now}
    assert service.handle(Queue.OFFERS, message) == []


def left_by_the_bot() -> list[str]:
    items = [attributes.item_from_dynamodb(item) for item in table.client().scan(TableName=TABLE)["Items"]]
    return [item["pk"] for item in items if item["pk"] == f"INBOX#{ANNA}"]


def test_erasure_removes_the_bots_data(service: Api, telegram: FakeTelegram, told: list[str]) -> None:
    """Her sent and collected messages and her send rate are removed, and she gets no further message."""
    digest = service.queued(Queue.OFFERS)
    shown = service.call("GET /api/users/me/export", user=ANNA).json
    assert shown["offered_orders"] == sorted(told)
    assert left_by_the_bot() == [f"INBOX#{ANNA}"]
    assert service.call("DELETE /api/users/me", user=ANNA).status == 204
    assert left_by_the_bot() == []
    service.later(minutes=5)
    assert service.handle(Queue.OFFERS, *digest) == []
    offer(service, told[1])
    assert len(telegram.sent(ANNA)) == 1
    assert left_by_the_bot() == []


def test_user_erased_while_a_message_is_sent_stays_erased(
    service: Api, telegram: FakeTelegram, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender records the outcome, and the item that would hold it no longer exists."""
    [digest] = service.queued(Queue.OFFERS)
    service.later(minutes=5)

    def send_and_forget(*given: Any, **more: Any) -> Any:
        outcome = sending.send(*given, **more)
        assert service.call("DELETE /api/users/me", user=ANNA).status == 204
        return outcome

    monkeypatch.setattr(send_offer, "send", send_and_forget)
    assert service.handle(Queue.OFFERS, digest) == []
    assert len(telegram.sent(ANNA)) == 2
    assert left_by_the_bot() == []


# ---------------------------------------------------------------- consent


@pytest.mark.parametrize("first", ["GET /api/users/me", "POST /api/orders", "PUT /api/users/me/preferences"])
def test_accepted_terms_are_recorded_at_the_first_write(service: Api, change: Change, first: str) -> None:
    def write() -> None:
        if first == "POST /api/orders":
            service.order(ANNA, contact=f"@burst_pipe{service.now}")
        else:
            body: dict[str, list[str]] | None = {"categories": [], "cities": []} if first.startswith("PUT") else None
            assert service.call(first, user=ANNA, body=body).status == 200

    def consents() -> Any:
        return attributes.item_from_dynamodb(
            table.client().get_item(TableName=TABLE, Key=attributes.item_to_dynamodb(keys.user(ANNA)))["Item"]
        )

    began = service.now
    for _ in range(2):
        write()
        service.later(minutes=1)
    assert consents()["consent_1"] == began
    change(CONSENT_VERSION="2")
    changed = service.now
    for _ in range(2):
        write()
        service.later(minutes=1)
    assert (consents()["consent_1"], consents()["consent_2"]) == (began, changed)


# ---------------------------------------------------------------- retention

DAY = 24 * 60 * 60


def test_ttl_removes_personal_data(service: Api, story: dict[str, str], told: list[str]) -> None:
    """Days until TTL removes each kind of item; None: kept until the user requests the erasure."""
    before = service.image(told[0])
    service.call("POST /api/admin/users/{id}/ban", user=OPERATOR, id=str(OTHER), body=WHY)
    service.order_changed(service.image(told[0]), before)
    service.handle(Queue.NOTICES, *service.queued(Queue.NOTICES))
    assert service.update(1, message={"chat": {"id": ANNA, "type": "private"}, "text": "/start"}).status == 200
    items = [attributes.item_from_dynamodb(item) for item in table.client().scan(TableName=TABLE)["Items"]]
    begun = service.now // 1000
    kept = {
        item["sk"].partition("#")[0]: round((item["ttl"] - begun) / DAY, 1) if "ttl" in item else None for item in items
    }
    assert kept == {
        "USER": None,
        "LEDGER": None,
        "ORDER": 30,
        "CONTACT": 0,
        "PAYMENT": 30,
        "REVIEW": None,
        "COMPLAINT": 180,
        "ID": None,
        "SUBSCRIPTION": None,
        "ACTION": 3 * 365,
        "INBOX": 1,
        "PACE": 1,
        "removed": 2,
        "FIRST": 2,
        "UPDATE": 2,
        "THREAD": 180,
        "IN": 180,
        "OUT": 180,
    }
