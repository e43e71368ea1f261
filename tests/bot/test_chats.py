"""Commands in a private chat, silence in a group, and whether the bot may write to a user."""

from itertools import pairwise

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.store import keys, send_rate, table, users
from tests.in_process import Api
from tests.messages import EXECUTOR, listen, said_in


@pytest.mark.parametrize(
    ("text", "answered", "link"),
    [
        ("/start", "Срочные услуги", "?startapp"),
        ("/start order_AAAAAAAAAAAA", "Вот заказ", "?startapp=order_AAAAAAAAAAAA"),
        ("/start order_'; DROP", "Срочные услуги", "?startapp"),
        ("/help", "Что я умею", "?startapp"),
    ],
)
def test_private_chat_command_is_answered_with_a_link(
    service: Api, bot: FakeTelegram, text: str, answered: str, link: str
) -> None:
    service.update(1, message={"chat": {"id": 5, "type": "private"}, "text": text})
    [sent] = bot.sent(5)
    assert answered in sent["text"]
    assert sent["reply_markup"]["inline_keyboard"][0][0]["url"] == f"https://t.me/urgent_test_bot{link}"


def test_command_replies_keep_the_send_rate(service: Api, bot: FakeTelegram) -> None:
    """Also during a pause after a 429: then the webhook fails and Telegram delivers the update again."""
    for number in range(40):
        assert service.update(number, message=said_in(1000 + number % 4, "/paysupport")).status == 200
    assert (len(bot.sent()), bot.violations) == (40, [])
    send_rate.pause(None, 60)
    assert service.update(100, message=said_in(5, "/paysupport")).status == 503
    service.later(minutes=1)
    assert service.update(100, message=said_in(5, "/paysupport")).status == 200
    assert len(bot.sent(5)) == 1


def test_start_takes_the_turn_of_its_chat(service: Api, bot: FakeTelegram) -> None:
    """With the write that opens the chat, and after a wait where a turn is ahead."""
    for number, text in enumerate(("/help", "/start", "/help", "/start")):
        assert service.update(number, message=said_in(5, text)).status == 200
    times = [call.at for call in bot.calls]
    assert len(times) == 4
    assert all(after - before >= 1.5 for before, after in pairwise(times))
    assert users.get(5).chat_open is True


def test_reply_to_a_chat_that_must_wait_long_is_dropped(service: Api, bot: FakeTelegram) -> None:
    """Telegram would deliver the update again and again for hours."""
    bot.fail("sendMessage", status=429, more={"retry_after": 10_072}, match={"chat_id": 5})
    for number in (1, 2):
        assert service.update(number, message=said_in(5, "/help")).status == 200
    assert service.update(3, message=said_in(6, "/help")).status == 200
    assert [call.status for call in bot.calls] == [429, 200]


@pytest.mark.parametrize("command", ["/start", "/start order_AAAAAAAAAAAA", "/help", "/paysupport"])
def test_command_in_a_group_is_not_answered(service: Api, bot: FakeTelegram, command: str) -> None:
    """Telegram allows twenty messages a minute in a group, so members could use up the limit and silence the bot."""
    name, _, payload = command.partition(" ")
    for number, chat in enumerate(("group", "supergroup", "channel")):
        message = {"chat": {"id": -100, "type": chat}, "text": f"{name}@urgent_test_bot {payload}"}
        assert service.update(number, message=message).status == 200
    assert bot.calls == []
    assert table.get(keys.user(-100)) is None


def test_chat_state_follows_telegrams_updates(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    chat = {"id": EXECUTOR, "type": "private"}
    for number, (status, listens) in enumerate((("kicked", False), ("member", True), ("kicked", False))):
        service.update(number, my_chat_member={"chat": chat, "new_chat_member": {"status": status}})
        assert users.get(EXECUTOR).listens is listens
    service.update(9, message={"chat": chat, "write_access_allowed": {}})
    assert users.get(EXECUTOR).listens
    service.update(10, my_chat_member={"chat": {**chat, "type": "group"}, "new_chat_member": {"status": "left"}})
    assert users.get(EXECUTOR).listens
