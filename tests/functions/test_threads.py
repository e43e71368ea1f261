"""Operators read support threads, answer them, take them over and close them; the bot delivers what they answer."""

import base64
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest

from functions.notifications import send_answer
from infra.local.fakes.telegram import JPEG, FakeTelegram
from shared.aws import queues
from shared.aws.queues import NotQueued, Queue
from shared.commands import threads as commands
from shared.domain.delivery import HELD_MS, claimed
from shared.domain.init_data import TelegramUser
from shared.domain.support import Content
from shared.http.schemas import iso
from shared.store import audit_log, table, threads
from tests import api
from tests.conftest import OPERATOR
from tests.in_process import START, Api, Change

PERSON, OTHER_OPERATOR, GROUP = 5, 901, -100900
LIST, ONE, ACT = "GET /api/admin/threads", "GET /api/admin/threads/{id}", "POST /api/admin/threads/{id}"
PHOTO = "GET /api/admin/threads/{id}/photos/{message_id}"
KEY = "9b2f7a52-0a75"


def write(user: int = PERSON, number: int = 1, text: str = "Где деньги?", photo: str | None = None) -> None:
    """A person writes the bot a message."""
    commands.receive(TelegramUser(user, "Пётр", "", "petr"), number, Content(text, photo))


def read(service: Api, user: int = PERSON, **more: Any) -> Any:
    answer = service.call(ONE, user=OPERATOR, id=str(user), **more)
    assert answer.status == 200, answer.text
    return answer.json


def act(service: Api, operator: int = OPERATOR, user: int = PERSON, **body: Any) -> api.Answer:
    return service.call(ACT, user=operator, id=str(user), body=body)


def answer(service: Api, text: str = "Вернём сегодня", key: str = KEY, **more: Any) -> api.Answer:
    seen = read(service)["messages"][0]["id"]
    return act(service, action="answer", **{"text": text, "key": key, "seen": seen, **more})


def listed(service: Api, **query: Any) -> list[int]:
    found = service.call(LIST, user=OPERATOR, query=query)
    assert found.status == 200, found.text
    return [thread["user_id"] for thread in found.json["threads"]]


def deliver(service: Api) -> list[Any]:
    """Handle every queued answer; return those that were put off."""
    return [left for message in service.queued(Queue.ANSWERS) for left in service.handle(Queue.ANSWERS, message)]


def look(service: Api) -> None:
    send_answer.handler({}, api.Context())


def actions() -> list[tuple[str, int, int | None]]:
    """The audit log, oldest first: what, by whom, on whom."""
    return [(each.kind, each.operator_id, each.user_id) for each in reversed(audit_log.page(limit=100, before=None))]


# ---------------------------------------------------------------- reading


def test_waiting_threads_come_longest_wait_first(service: Api) -> None:
    for user in (7, 5, 6):
        write(user)
        service.later(minutes=1)
    write(7, 2)
    assert listed(service) == [7, 5, 6]
    act(service, user=5, action="answer", text="Да", key=KEY, seen=2**52)
    service.later(minutes=1)
    act(service, user=6, action="close", seen=2**52)
    assert (listed(service), listed(service, state="answered"), listed(service, state="closed")) == ([7], [5], [6])


@pytest.mark.parametrize("state", ["waiting", "answered"])
def test_pages_have_each_thread_once(service: Api, state: str) -> None:
    """Also where one id begins with another."""
    people = [5, 50, 500, 51, 7]
    for user in people:
        write(user)
        if state == "answered":
            act(service, user=user, action="answer", text="Да", key=KEY, seen=2**52)
    found: list[int] = []
    query: dict[str, Any] = {"state": state, "limit": 2}
    while True:
        page = service.call(LIST, user=OPERATOR, query=query).json
        found += [thread["user_id"] for thread in page["threads"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert sorted(found) == sorted(people)


def test_list_shows_no_text_and_is_not_audited(service: Api) -> None:
    write(text="Тайна")
    found = service.call(LIST, user=OPERATOR)
    assert found.json == {
        "threads": [
            {
                "user_id": PERSON,
                "first_name": "Пётр",
                "last_name": "",
                "username": "petr",
                "state": "waiting",
                "opened_at": iso(START),
                "waiting_since": iso(START),
                "last_message_at": iso(START),
                "operator_id": None,
                "closed_at": None,
                "is_reachable": True,
            }
        ],
        "next_cursor": None,
    }
    assert actions() == []


def test_thread_is_shown_beside_what_the_person_did(service: Api, telegram: FakeTelegram) -> None:
    service.recharge(PERSON)
    own = service.order(PERSON)["id"]
    taken = service.order(6, contact="@other_pipe")["id"]
    assert service.call("POST /api/orders/{id}/take", user=PERSON, id=taken).status == 200
    complaint = {"order_id": taken, "complaint": "Другое"}
    assert service.call("POST /api/reviews/executor", user=PERSON, body=complaint).status == 200
    write(number=1, text="Раз")
    write(number=2, text="", photo="a")
    found = read(service)
    assert [(each["text"], each["photo"], each["author"], each["outcome"]) for each in found["messages"]] == [
        ("", f"/api/admin/threads/{PERSON}/photos/2", "person", None),
        ("Раз", None, "person", None),
    ]
    person = found["person"]
    assert [order["id"] for order in person["orders"]] == [own]
    assert person["taken_orders"] == [taken]
    assert [each["order_id"] for each in person["complaints"]] == [taken]
    assert [entry["amount"] for entry in person["transactions"]] == [-2, 100]
    assert "@other_pipe" not in str(found)
    assert actions() == [("thread_read", OPERATOR, PERSON)]


def test_messages_come_in_pages(service: Api) -> None:
    for number in range(1, 6):
        write(number=number, text=str(number))
    first = read(service, query={"limit": 3})
    second = read(service, query={"limit": 3, "cursor": first["next_cursor"]})
    assert [[each["text"] for each in page["messages"]] for page in (first, second)] == [["5", "4", "3"], ["2", "1"]]
    assert (second["next_cursor"], second["person"]) == (None, None)


@pytest.mark.parametrize("route", [ONE, ACT])
def test_thread_of_nobody_is_not_found(service: Api, route: str) -> None:
    body = {"action": "take"} if route == ACT else None
    refused = service.call(route, user=OPERATOR, id="77", body=body)
    assert (refused.status, refused.json["code"]) == (404, "thread_not_found")
    assert actions() == []


@pytest.mark.parametrize("route", [LIST, ONE, ACT, PHOTO])
def test_threads_are_for_operators_only(service: Api, route: str) -> None:
    write()
    refused = service.call(route, user=PERSON, id=str(PERSON), body={"action": "take"} if route == ACT else None)
    assert (refused.status, refused.json["code"]) == (403, "not_an_operator")


# ---------------------------------------------------------------- photos


def photo(service: Api, number: int = 1) -> api.Answer:
    return service.call(PHOTO, user=OPERATOR, id=str(PERSON), message_id=number)


def test_photo_is_fetched_past_the_browser(service: Api, telegram: FakeTelegram) -> None:
    """The token is in Telegram's URL of the photo, which no response contains."""
    [size] = telegram.photo()
    write(photo=size["file_id"])
    found = photo(service)
    assert (found.status, found.headers["content-type"]) == (200, "image/jpeg")
    assert found.headers["cache-control"] == "no-store"
    assert base64.b64decode(found.text) == JPEG
    assert actions() == [("thread_read", OPERATOR, PERSON)]


@pytest.mark.parametrize(
    ("content", "number"), [(b"<html>", 1), (JPEG, 2), (None, 1), (b"\xff\xd8\xff" + bytes(4_000_000), 1)]
)
def test_photo_that_cannot_be_shown_is_not_found(
    service: Api, telegram: FakeTelegram, content: bytes | None, number: int
) -> None:
    if content is not None:
        telegram.files["a"] = content
    write(photo="a")
    refused = photo(service, number)
    assert (refused.status, refused.json["code"]) == (404, "photo_not_found")


def test_photo_of_a_message_without_one_is_not_found(service: Api, telegram: FakeTelegram) -> None:
    write()
    assert photo(service).status == 404
    assert telegram.calls == []


@pytest.mark.parametrize("status", [429, 502])
def test_photo_waits_for_telegram(service: Api, telegram: FakeTelegram, status: int) -> None:
    write(photo="a")
    telegram.fail("getFile", status=status)
    assert photo(service).status == 503


# ---------------------------------------------------------------- acting


def test_answer_is_sent_once_and_recorded(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    write()
    service.later(minutes=2)
    shown = answer(service)
    assert (shown.status, shown.json["state"], shown.json["operator_id"]) == (200, "answered", OPERATOR)
    assert read(service)["messages"][0]["outcome"] == "queued"
    messages = service.queued(Queue.ANSWERS)
    for _ in range(2):
        for message in messages:
            assert service.handle(Queue.ANSWERS, message) == []
    assert [sent["text"] for sent in bot.sent(PERSON)] == ["Ответ оператора:\n\nВернём сегодня"]
    assert [(each["author"], each["outcome"]) for each in read(service)["messages"]] == [
        ("operator", "arrived"),
        ("person", None),
    ]
    assert [kind for kind, _, _ in actions()].count("thread_answered") == 1
    for trace in ("Где деньги", "Вернём сегодня", "Пётр"):
        assert trace not in log.getvalue()


def test_repeated_answer_is_the_same_answer(service: Api, bot: FakeTelegram) -> None:
    write()
    seen = read(service)["messages"][0]["id"]
    for _ in range(2):
        assert answer(service, seen=seen).status == 200
    assert answer(service, key="another-key", seen=seen).status == 200
    assert deliver(service) == []
    assert len(bot.sent(PERSON)) == 2


def test_answer_to_older_messages_leaves_the_newer_waiting(service: Api) -> None:
    write(number=1)
    seen = read(service)["messages"][0]["id"]
    service.later(minutes=3)
    write(number=2)
    shown = answer(service, seen=seen).json
    assert (shown["state"], shown["waiting_since"]) == ("waiting", iso(service.now))
    assert listed(service) == [PERSON]


def test_close_needs_a_look_at_the_newest_message(service: Api) -> None:
    write(number=1)
    seen = read(service)["messages"][0]["id"]
    write(number=2)
    refused = act(service, action="close", seen=seen)
    assert (refused.status, refused.json["code"]) == (409, "thread_changed")
    seen = read(service)["messages"][0]["id"]
    for _ in range(2):
        assert act(service, action="close", seen=seen).json["state"] == "closed"
    assert [kind for kind, _, _ in actions()].count("thread_closed") == 1


def test_new_message_reopens_a_closed_thread(service: Api) -> None:
    write(number=1)
    assert act(service, action="close", seen=2**52).json["closed_at"] == iso(service.now)
    service.later(minutes=1)
    assert commands.receive(TelegramUser(PERSON, "", "", None), 2, Content("Опять")).has_opened
    shown = read(service)["thread"]
    assert (shown["state"], shown["operator_id"], shown["opened_at"]) == ("waiting", None, iso(service.now))


def test_answer_reopens_a_closed_thread_as_answered(service: Api) -> None:
    write()
    act(service, action="close", seen=2**52)
    assert answer(service).json["state"] == "answered"


def test_thread_is_taken_over_from_another_operator(service: Api) -> None:
    write()
    for operator in (OPERATOR, OPERATOR, OTHER_OPERATOR):
        service.later(ms=1)
        assert act(service, operator, action="take").json["operator_id"] == operator
    assert actions() == [("thread_taken", OPERATOR, PERSON), ("thread_taken", OTHER_OPERATOR, PERSON)]
    assert listed(service) == [PERSON]


@pytest.mark.parametrize(
    "body",
    [{"action": "take"}, {"action": "close", "seen": 1}, {"action": "answer", "text": "а", "key": KEY, "seen": 1}],
)
def test_operators_leave_their_own_thread_to_others(service: Api, body: dict[str, Any]) -> None:
    write(OPERATOR)
    refused = act(service, user=OPERATOR, **body)
    assert (refused.status, refused.json["code"]) == (403, "own_case")
    assert act(service, OTHER_OPERATOR, user=OPERATOR, action="take").status == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "reopen"},
        {"action": "close"},
        {"action": "answer", "text": " \u200b ", "key": KEY, "seen": 1},
        {"action": "answer", "text": "а" * 2001, "key": KEY, "seen": 1},
        {"action": "answer", "text": "а\x07", "key": KEY, "seen": 1},
        {"action": "answer", "text": "а", "key": "a#b#c#d#e", "seen": 1},
        {"action": "answer", "text": "а", "key": KEY, "seen": "1"},
    ],
)
def test_malformed_action_changes_nothing(service: Api, body: dict[str, Any]) -> None:
    write()
    assert act(service, **body).status == 422
    assert read(service)["thread"]["state"] == "waiting"
    assert service.queued(Queue.ANSWERS) == []


# ---------------------------------------------------------------- delivery


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"status": 403}, "unreachable"),
        ({"status": 400, "more": {"description": "Bad Request: MESSAGE_TOO_LONG"}}, "refused"),
    ],
)
def test_answer_that_cannot_arrive_says_why(
    service: Api, bot: FakeTelegram, fault: dict[str, Any], outcome: str
) -> None:
    write()
    answer(service)
    bot.fail("sendMessage", **fault)
    assert deliver(service) == []
    found = read(service)
    assert found["messages"][0]["outcome"] == outcome
    assert found["thread"]["is_reachable"] is (outcome != "unreachable")


def test_answer_to_a_blocked_bot_is_not_tried(service: Api, bot: FakeTelegram) -> None:
    write()
    kicked = {"chat": {"id": PERSON, "type": "private"}, "new_chat_member": {"status": "kicked"}}
    service.update(1, my_chat_member=kicked)
    answer(service)
    assert deliver(service) == []
    assert read(service)["messages"][0]["outcome"] == "unreachable"
    assert bot.calls == []


def test_answer_is_given_up_after_a_day(service: Api, bot: FakeTelegram) -> None:
    write()
    answer(service)
    [message] = service.queued(Queue.ANSWERS)
    bot.fail("sendMessage", status=429, more={"retry_after": 60}, times=None)
    assert service.handle(Queue.ANSWERS, message) == [message]
    service.later(minutes=24 * 60)
    assert service.handle(Queue.ANSWERS, message) == []
    assert read(service)["messages"][0]["outcome"] == "late"


def test_answer_in_doubt_is_tried_three_times(service: Api, bot: FakeTelegram) -> None:
    write()
    answer(service)
    [message] = service.queued(Queue.ANSWERS)
    bot.fail("sendMessage", status=502, times=None)
    for _ in range(5):
        service.handle(Queue.ANSWERS, message)
        service.later(minutes=6)
    assert read(service)["messages"][0]["outcome"] == "in_doubt"
    assert len([call for call in bot.calls if call.parameters.get("chat_id") == PERSON]) == 3


def test_answer_is_sent_when_the_response_to_its_claim_is_lost(
    service: Api, bot: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F3: the SDK repeats each UpdateItem, and the condition fails on what the first attempt wrote."""
    write()
    answer(service)
    update = table.client().update_item

    def repeated(**request: Any) -> Any:
        update(**request)
        return update(**request)

    monkeypatch.setattr(table.client(), "update_item", repeated)
    before = threads.read(PERSON, f"OUT#{KEY}")[2]
    assert before is not None
    claims = [replace(before, delivery=claimed(before.delivery, START)) for _ in range(2)]
    assert [threads.write_delivery(before, claim) for claim in claims] == [True, False]  # equal, of two senders
    service.later(ms=HELD_MS)
    deliver(service)
    assert len(bot.sent(PERSON)) == 1
    assert read(service)["messages"][0]["outcome"] == "arrived"


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 429, "more": {"retry_after": 3_000}}])
@pytest.mark.parametrize("put_off_minutes", [1, 15])
def test_unsent_answer_has_one_message(
    service: Api, bot: FakeTelegram, fault: dict[str, Any], put_off_minutes: int
) -> None:
    """Its message comes again for as long as Telegram refuses, so a look queues no other."""
    write()
    answer(service)
    circulating: list[Any] = service.queued(Queue.ANSWERS)
    bot.fail("sendMessage", **fault, times=None)
    for minute in range(120):
        if minute % put_off_minutes == 0:
            circulating = [left for message in circulating for left in service.handle(Queue.ANSWERS, message)]
        service.later(minutes=1)
        look(service)
        circulating += service.queued(Queue.ANSWERS)
        assert len(circulating) == 1


def test_unsent_answer_whose_message_is_lost_is_found(service: Api, bot: FakeTelegram) -> None:
    """It was tried before, and nobody knows that its message is gone."""
    write()
    answer(service)
    bot.fail("sendMessage", status=401)
    assert len(deliver(service)) == 1
    service.later(minutes=17)
    look(service)
    assert deliver(service) == []
    assert read(service)["messages"][0]["outcome"] == "arrived"


def test_answer_that_was_not_queued_is_found(service: Api, bot: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored answer is the outbox: its function died, or SQS refused it."""
    write()
    send = queues.send

    def refuse(*given: Any) -> None:
        raise NotQueued

    monkeypatch.setattr(queues, "send", refuse)
    assert answer(service).status == 200
    monkeypatch.setattr(queues, "send", send)
    look(service)
    assert service.queued(Queue.ANSWERS) == []
    service.later(minutes=1)
    look(service)
    assert deliver(service) == []
    assert len(bot.sent(PERSON)) == 1
    service.later(ms=HELD_MS)
    look(service)
    assert service.queued(Queue.ANSWERS) == []


# ---------------------------------------------------------------- operators are told


def told(bot: FakeTelegram, chat: int = GROUP) -> list[str]:
    return [sent["text"] for sent in bot.sent(chat)]


def test_group_is_told_at_most_as_often_as_it_set(service: Api, bot: FakeTelegram) -> None:
    look(service)
    assert told(bot) == []
    write()
    for _ in range(31):
        service.later(minutes=1)
        look(service)
    assert told(bot) == [
        f"Обращения ждут ответа: 1. Дольше всего - {minutes} мин. Ответить можно в панели." for minutes in (1, 16, 31)
    ]
    assert bot.violations == []


def test_each_operator_has_their_own_pace(service: Api, bot: FakeTelegram) -> None:
    for operator, minutes in ((OPERATOR, "5"), (OTHER_OPERATOR, "off")):
        content = {"from": {"id": operator}, "chat": {"id": operator, "type": "private"}}
        service.update(operator, message={"message_id": 1, **content, "text": f"/threads {minutes}"})
    bot.forget()
    write()
    for _ in range(11):
        service.later(minutes=1)
        look(service)
    assert (len(told(bot, OPERATOR)), told(bot, OTHER_OPERATOR)) == (3, [])


def test_thread_that_is_taken_over_tells_nobody(service: Api, bot: FakeTelegram) -> None:
    write()
    act(service, action="take")
    look(service)
    assert told(bot) == []


def test_notice_that_was_not_sent_comes_with_the_next_look(service: Api, bot: FakeTelegram) -> None:
    write()
    bot.fail("sendMessage", status=429, more={"retry_after": 30})
    look(service)
    assert told(bot) == []
    service.later(minutes=1)
    look(service)
    assert len(told(bot)) == 1


def test_nobody_is_told_without_a_group_or_a_setting(service: Api, bot: FakeTelegram, change: Change) -> None:
    change(OPERATORS_CHAT_ID="")
    write()
    look(service)
    assert bot.calls == []


def test_waits_are_measured(service: Api, bot: FakeTelegram, capsys: pytest.CaptureFixture[str]) -> None:
    write(5)
    write(6)
    act(service, user=6, action="answer", text="Да", key=KEY, seen=2**52)
    service.later(minutes=24 * 60 + 1)
    capsys.readouterr()
    look(service)
    shown = capsys.readouterr().out
    for metric in (
        '"ThreadsWaiting":[1.0]',
        '"ThreadsAnswered":[1.0]',
        '"ThreadsOverdue":[1.0]',
        f'"LongestThreadWait":[{(24 * 60 + 1) * 60_000}.0]',
    ):
        assert metric in shown


def test_time_to_the_first_answer_is_measured(
    service: Api, bot: FakeTelegram, capsys: pytest.CaptureFixture[str]
) -> None:
    write()
    service.later(minutes=7)
    answer(service)
    answer(service, key="another-key")
    shown = capsys.readouterr().out
    assert shown.count('"FirstAnswerTime":[420000.0]') == 1
