"""What people write to the bot reaches the operators' chat, and its sender is told the truth about that."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.domain.limits import MESSAGES_PER_HOUR
from shared.store import conditions, keys, send_rate, table, users
from tests import api
from tests.in_process import Api, Change
from tests.messages import said_in

OPERATORS = -100900
WRITER = 5
SENDER = {"id": WRITER, "is_bot": False, "first_name": "🔧 Пётр", "last_name": "Иванов", "username": "petr"}
TEXT = "Мастер взял деньги и пропал, позвоните +79161234567"
FORWARDED, LOST = "Передал ваше сообщение оператору", "Похоже, сообщение не дошло"


def write(service: Api, number: int, text: str | None = TEXT, sender: Any = SENDER, **more: Any) -> api.Answer:
    """A user sends the bot a message; `number` is the id of the update and of the message."""
    content = {} if text is None else {"text": text}
    chat = {"id": sender["id"], "type": "private"}
    return service.update(number, message={"message_id": number, "from": sender, "chat": chat, **content, **more})


def other(user: int, name: str = "") -> dict[str, Any]:
    return {"id": user, "is_bot": False, "first_name": name}


def calls(bot: FakeTelegram, method: str = "forwardMessage") -> list[dict[str, Any]]:
    return [call.parameters for call in bot.calls if call.method == method and call.status == 200]


def told(bot: FakeTelegram, user: int = WRITER) -> list[str]:
    return [sent["text"] for sent in bot.sent(user)]


@pytest.mark.parametrize(
    "content",
    [
        {"text": TEXT},
        {"text": None, "photo": [{"file_id": "a"}], "caption": "/paysupport"},
        {"text": None, "voice": {"file_id": "a"}},
        {"text": None, "document": {"file_id": "a"}},
        {"text": TEXT, "reply_to_message": {"from": {"id": 42, "is_bot": True}, "text": "Ваш заказ взяли"}},
        {"text": f"/paysupport {TEXT}"},
        {"text": f"/support\n{TEXT}"},
    ],
)
def test_message_is_forwarded_and_confirmed_once(service: Api, bot: FakeTelegram, content: dict[str, Any]) -> None:
    for _ in range(2):
        assert write(service, 7, **content).status == 200
    assert calls(bot) == [{"chat_id": OPERATORS, "from_chat_id": WRITER, "message_id": 7}]
    [confirmed] = told(bot)
    assert confirmed.startswith(FORWARDED)
    assert bot.violations == []


def test_operators_see_who_wrote(service: Api, bot: FakeTelegram) -> None:
    """Also where the forwarded message hides its author. The id is a link, by an entity in UTF-16 code units."""
    write(service, 7)
    [header] = bot.sent(OPERATORS)
    assert header["text"] == "Пишет 5 🔧 Пётр Иванов @petr"
    [link] = header["entities"]
    shown = header["text"].encode("utf-16-le")[2 * link["offset"] : 2 * (link["offset"] + link["length"])]
    assert (link["type"], link["user"]["id"], shown.decode("utf-16-le")) == ("text_mention", WRITER, "5")
    [forwarded] = [call.result for call in bot.calls if call.method == "forwardMessage"]
    assert header["reply_parameters"]["message_id"] == forwarded["message_id"]
    assert header["link_preview_options"] == {"is_disabled": True}


def test_sender_without_a_username_can_be_answered(service: Api, bot: FakeTelegram) -> None:
    write(service, 7, sender=other(123456789012, "Анна"))
    [header] = bot.sent(OPERATORS)
    assert header["text"] == "Пишет 123456789012 Анна"
    assert header["entities"][0]["length"] == 12


def test_banned_user_can_write(service: Api, bot: FakeTelegram) -> None:
    service.call("POST /api/admin/users/{id}/ban", user=900, id=str(WRITER), body={"reason": "не открывает дверь"})
    assert write(service, 7).status == 200
    assert len(calls(bot)) == 1
    assert users.get(WRITER).banned_at is not None


@pytest.mark.parametrize(
    "more",
    [
        {"chat": {"id": -5, "type": "group"}},
        {"chat": {"id": OPERATORS, "type": "supergroup"}},
        {"chat": {"id": OPERATORS, "type": "supergroup"}, "reply_to_message": {"from": {"id": 42, "is_bot": True}}},
        {"text": None, "pinned_message": {"message_id": 1}},
        {"text": None, "message_auto_delete_timer_changed": {}},
        {"from": {**SENDER, "is_bot": True}},
        {"from": None},
    ],
)
def test_messages_to_nobody_are_ignored(service: Api, bot: FakeTelegram, more: dict[str, Any]) -> None:
    assert write(service, 7, **more).status == 200
    assert bot.calls == []


def test_message_in_a_group_costs_no_call(service: Api, bot: FakeTelegram) -> None:
    write(service, 7, chat={"id": -5, "type": "group"})
    write(service, 8, "/what", chat={"id": -5, "type": "group"})
    assert table.get(keys.update(7)) is table.get(keys.update(8)) is None


def test_operator_who_is_the_operators_chat_makes_no_loop(service: Api, bot: FakeTelegram, change: Change) -> None:
    change(OPERATORS_CHAT_ID=str(WRITER))
    assert write(service, 7).status == 200
    assert bot.calls == []
    assert write(service, 8, "/help").status == 200
    assert len(told(bot)) == 1
    assert write(service, 9, sender=other(6)).status == 200
    assert calls(bot) == [{"chat_id": WRITER, "from_chat_id": 6, "message_id": 9}]


def test_nobody_is_invited_to_write_to_nobody(service: Api, bot: FakeTelegram, change: Change) -> None:
    """Also the words after a command, and a reply to the command's text."""
    change(OPERATORS_CHAT_ID="")
    for number, text in enumerate((TEXT, "/support", "/paysupport", f"/paysupport {TEXT}")):
        assert write(service, number, text).status == 200
    assert len(told(bot)) == 4
    for said in told(bot):
        assert "никто не читает" in said
        assert not any(words in said for words in ("напишите", "Напишите", "Деньги вернём", "Передал"))
    assert calls(bot) == []
    assert table.get(keys.user(WRITER)) is None


def test_invitations_say_what_operators_get(service: Api, bot: FakeTelegram) -> None:
    for number, text in enumerate(("/support", "/paysupport")):
        write(service, number, text)
    assert len(told(bot)) == 2
    for said in told(bot):
        assert "апишите сюда" in said
        assert "вместе с вашим именем и id" in said
    assert calls(bot) == []


def test_unknown_command_gets_the_help(service: Api, bot: FakeTelegram) -> None:
    write(service, 7, "/nobody_knows_it please")
    assert told(bot)[0].startswith("Что я умею")
    assert "/support" in told(bot)[0]
    assert calls(bot) == []


def test_unknown_command_is_not_logged(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    """Anything can follow the slash."""
    write(service, 7, "/+79161234567")
    assert "79161234567" not in log.getvalue()
    assert '"kind":"/"' in log.getvalue()


def test_flood_of_one_person_reaches_operators_in_part(service: Api, bot: FakeTelegram) -> None:
    for number in range(MESSAGES_PER_HOUR + 3):
        assert write(service, number).status == 200
    arrived = len(calls(bot))
    assert MESSAGES_PER_HOUR <= arrived <= MESSAGES_PER_HOUR + 1  # the clock moves: a turn of the chat is 3 s
    assert len([said for said in told(bot) if said.startswith(FORWARDED)]) == arrived
    assert told(bot)[-1].startswith("Это сообщение не передано")
    assert told(bot)[-1].endswith("через 2 мин.") or told(bot)[-1].endswith("через 1 мин.")
    write(service, 100, sender=other(6))
    assert len(calls(bot)) == arrived + 1
    service.later(minutes=3)
    write(service, 101)
    assert len(calls(bot)) == arrived + 2
    assert bot.violations == []


def test_album_is_forwarded_whole(service: Api, bot: FakeTelegram) -> None:
    for number in range(10):
        assert write(service, number, None, photo=[{"file_id": "a"}], media_group_id="1").status == 200
    assert [call["message_id"] for call in calls(bot)] == list(range(10))
    assert (len(told(bot)), bot.violations) == (10, [])


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 429, "more": {"retry_after": 5}}])
def test_sender_is_told_of_a_message_that_is_lost(service: Api, bot: FakeTelegram, fault: dict[str, Any]) -> None:
    bot.fail("forwardMessage", **fault)
    assert write(service, 7).status == 200
    [said] = told(bot)
    assert said.startswith(LOST)
    assert bot.sent(OPERATORS) == []
    assert users.get(WRITER).full_at["messages"] <= service.now  # it cost nothing


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("forwardMessage", {"status": 403, "more": {"description": "Forbidden: bot was kicked from the group chat"}}),
        ("forwardMessage", {"status": 400, "more": {"description": "Bad Request: chat not found"}}),
        ("forwardMessage", {"status": 400, "more": {"description": "Bad Request: group chat was upgraded"}}),
        ("sendMessage", {"status": 403, "match": {"chat_id": OPERATORS}}),
    ],
)
def test_unusable_operators_chat_raises_an_alarm(
    service: Api, bot: FakeTelegram, log: StringIO, method: str, fault: dict[str, Any]
) -> None:
    bot.fail(method, **fault)
    assert write(service, 7).status == 200
    assert told(bot)[0].startswith(LOST if method == "forwardMessage" else FORWARDED)
    assert '"failed"' in log.getvalue()
    assert table.get(keys.user(OPERATORS)) is None


def test_message_that_cannot_be_forwarded_alarms_nobody(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    bot.protected.add(7)
    assert write(service, 7).status == 200
    assert told(bot)[0].startswith("Такое сообщение передать оператору нельзя")
    assert bot.sent(OPERATORS) == []
    assert '"failed"' not in log.getvalue()


@pytest.mark.parametrize("chat", [OPERATORS, WRITER], ids=["the header", "the confirmation"])
def test_forwarded_message_is_not_repeated(service: Api, bot: FakeTelegram, chat: int) -> None:
    """A header in doubt and a confirmation that fails: a repeated update would forward the message once more."""
    bot.fail("sendMessage", status=502, match={"chat_id": chat})
    for _ in range(2):
        assert write(service, 7).status == 200
    assert len(calls(bot)) == 1
    assert not any(said.startswith(LOST) for said in told(bot))


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "more": {"retry_after": 5}},
        {"status": 400, "more": {"description": "Bad Request: can't parse entities"}},
        {"status": 403},
        {"status": 404, "more": {"text": "<html>"}},
    ],
)
def test_header_that_fails_does_not_undo_its_message(
    service: Api, bot: FakeTelegram, log: StringIO, fault: dict[str, Any]
) -> None:
    bot.fail("sendMessage", match={"chat_id": OPERATORS}, **fault)
    assert_forwarded_without_header(service, bot, log)


def test_header_without_a_turn_does_not_undo_its_message(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    """The operators' chat is paused for too long to wait for."""
    started = service.now
    after_forward(bot, lambda: send_rate.pause(OPERATORS, 40))
    assert_forwarded_without_header(service, bot, log)
    assert service.now - started < 14_000


def test_late_header_is_not_waited_for(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    """The turn comes late and Telegram is slow, and the function must end before its timeout of 29 s."""
    _take_turns(service, 2)
    started = service.now

    def pass_time() -> None:
        service.later(ms=6_000)
        send_rate.pause(OPERATORS, 2)

    after_forward(bot, pass_time)
    assert_forwarded_without_header(service, bot, log)
    assert service.now - started < 13_000


def after_forward(bot: FakeTelegram, then: Callable[[], None]) -> None:
    """Do something while the bot waits for the response to forwardMessage."""
    forward = bot._methods["forwardMessage"]

    def forward_message(parameters: dict[str, Any]) -> Any:
        result = forward(parameters)
        then()
        return result

    bot._methods["forwardMessage"] = forward_message


def assert_forwarded_without_header(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    """The sender is told once that the message arrived, it costs a token, and operators can see who wrote."""
    for _ in range(2):
        assert write(service, 7).status == 200
    assert (len(calls(bot)), bot.sent(OPERATORS)) == (1, [])
    [said] = told(bot)
    assert said.startswith(FORWARDED)
    assert users.get(WRITER).full_at["messages"] > service.now
    [line] = [entry for entry in map(json.loads, log.getvalue().splitlines()) if entry["message"] == "header not sent"]
    assert line["user_id"] == WRITER


def test_update_comes_again_while_telegram_is_down(service: Api, bot: FakeTelegram) -> None:
    bot.fail("*", status=502, times=None)
    assert write(service, 7).status == 503
    bot.script.clear()
    service.later(minutes=1)
    assert write(service, 7).status == 200
    assert len(calls(bot)) == 1
    assert told(bot)[-1].startswith(FORWARDED)
    assert users.get(WRITER).full_at["messages"] - service.now <= 3_600_000 // MESSAGES_PER_HOUR


def test_full_queue_of_the_operators_chat_is_waited_for(service: Api, bot: FakeTelegram) -> None:
    """Then the update comes again, and costs the sender one token in all."""
    _take_turns(service, 10)
    assert write(service, 7).status == 503
    assert bot.calls == []
    service.later(minutes=1)
    assert write(service, 7).status == 200
    assert (len(calls(bot)), bot.violations) == (1, [])
    assert users.get(WRITER).full_at["messages"] - service.now <= 3_600_000 // MESSAGES_PER_HOUR


def test_refused_operators_chat_is_left_alone_for_its_time(service: Api, bot: FakeTelegram) -> None:
    """A 429 pauses that chat only: senders are told at once that nothing arrives, and of other things as ever."""
    bot.fail("forwardMessage", status=429, more={"retry_after": 3600})
    for number in range(3):
        assert write(service, number).status == 200
    assert len([call for call in bot.calls if call.method == "forwardMessage"]) == 1
    assert [said.startswith(LOST) for said in told(bot)] == [True] * 3
    service.later(minutes=60)
    assert write(service, 9).status == 200
    assert len(calls(bot)) == 1


def _take_turns(service: Api, turns: int) -> None:
    """Other senders take the next turns of the operators' chat."""
    taken = {**keys.pace(OPERATORS), "next_at": service.now + turns * send_rate.BETWEEN_SENDS_TO_A_GROUP_MS}
    table.transact([table.put_write(taken, condition=conditions.NOT_THERE)])


def test_nothing_of_a_message_is_stored_or_logged(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    bot.fail("forwardMessage", status=400)
    for number in range(3):
        write(service, number, TEXT)
    assert log.getvalue()
    stored = json.dumps(table.get(keys.user(WRITER)), default=str)
    for trace in (TEXT, "79161234567", "Пётр", "petr"):
        assert trace not in log.getvalue()
        assert trace not in stored


def test_message_without_a_sender_is_ignored(service: Api, bot: FakeTelegram) -> None:
    assert service.update(7, message=said_in(WRITER, TEXT)).status == 200
    assert bot.calls == []
