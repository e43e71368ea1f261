"""What people write to the bot is in their thread once, and they are told the truth about that."""

import json
from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.domain.limits import MESSAGES_PER_HOUR
from shared.domain.support import MAX_TEXT
from shared.store import keys, table, threads, users
from tests import api
from tests.conftest import OPERATOR
from tests.in_process import Api, Change
from tests.messages import said_in

OPERATORS = -100900
WRITER = 5
SENDER = {"id": WRITER, "is_bot": False, "first_name": "🔧 Пётр", "last_name": "Иванов", "username": "petr"}
TEXT = "Мастер взял деньги и пропал, позвоните +79161234567"
KEPT, OPENED = "Передал оператору.", "Обычно отвечаем в течение 24 ч"
PHOTO = [
    {"file_id": "small", "width": 90, "height": 51, "file_size": 1_000},
    {"file_id": "large", "width": 1280, "height": 720, "file_size": 120_000},
    {"file_id": "vast", "width": 2560, "height": 1440, "file_size": 4_000_001},
]


def write(
    service: Api, number: int, text: str | None = TEXT, sender: Any = SENDER, kind: str = "message", **more: Any
) -> api.Answer:
    """A user sends the bot a message; `number` is the id of the update and of the message."""
    content = {} if text is None else {"text": text}
    chat = {"id": sender["id"], "type": "private"}
    update: dict[str, Any] = {kind: {"message_id": number, "from": sender, "chat": chat, **content, **more}}
    return service.update(number, **update)


def kept(user: int = WRITER) -> list[str]:
    """The texts of a thread, oldest first."""
    return [message.content.text for message in reversed(threads.messages(user, limit=100, before=None))]


def told(bot: FakeTelegram, user: int = WRITER) -> list[str]:
    return [sent["text"] for sent in bot.sent(user)]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"text": TEXT}, TEXT),
        ({"text": None, "photo": PHOTO, "caption": "Вот чек"}, "Вот чек"),
        ({"text": None, "photo": PHOTO}, ""),
        ({"text": TEXT, "reply_to_message": {"from": {"id": 42, "is_bot": True}, "text": "Ваш заказ взяли"}}, TEXT),
        ({"text": f"/paysupport {TEXT}"}, TEXT),
        ({"text": f"/support\n{TEXT}"}, TEXT),
        ({"text": "/supporter"}, None),
        ({"text": "с" * (MAX_TEXT + 1)}, "с" * MAX_TEXT),
        ({"text": "тут \u200b\ud83d"}, "тут ?"),
    ],
)
def test_message_is_kept_and_confirmed_once(
    service: Api, bot: FakeTelegram, content: dict[str, Any], text: str | None
) -> None:
    for _ in range(2):
        assert write(service, 7, **content).status == 200
    assert kept() == ([] if text is None else [text])
    assert len(told(bot)) == 1
    assert (OPENED in told(bot)[0]) is (text is not None)
    assert bot.violations == []


def test_photo_keeps_the_largest_size_that_can_be_shown(service: Api, bot: FakeTelegram) -> None:
    write(service, 7, None, photo=PHOTO)
    [message] = threads.messages(WRITER, limit=10, before=None)
    assert message.content.photo == "large"


def test_soon_is_said_once_per_thread(service: Api, bot: FakeTelegram) -> None:
    """A message soon after the last confirmation gets none; one after that gets a short one."""
    write(service, 1, "Раз")
    write(service, 2, "Два")
    service.later(minutes=1)
    write(service, 3, "Три")
    assert [OPENED in said for said in told(bot)] == [True, False]
    assert told(bot)[1] == KEPT
    assert kept() == ["Раз", "Два", "Три"]


def test_album_is_kept_whole_and_confirmed_once(service: Api, bot: FakeTelegram) -> None:
    for number in range(1, 11):
        assert write(service, number, None, photo=PHOTO, media_group_id="1").status == 200
    assert len(kept()) == 10
    assert (len(told(bot)), bot.violations) == (1, [])


@pytest.mark.parametrize(
    "kind", ["sticker", "voice", "video", "video_note", "document", "location", "contact", "poll", "dice"]
)
def test_other_media_is_not_kept_and_its_sender_is_told(service: Api, bot: FakeTelegram, kind: str) -> None:
    content: dict[str, Any] = {kind: {"file_id": "a"}, "caption": "Послушайте"}
    for _ in range(2):
        assert write(service, 7, None, **content).status == 200
    assert (kept(), told(bot)) == (
        [],
        ["Такое я передать не могу, только текст и фото. Напишите словами, что случилось."],
    )


def test_flood_of_stickers_is_bounded(service: Api, bot: FakeTelegram) -> None:
    for number in range(MESSAGES_PER_HOUR + 30):
        assert write(service, number, None, sticker={"file_id": "a"}).status == 200
    assert MESSAGES_PER_HOUR <= len(told(bot)) <= MESSAGES_PER_HOUR + 1  # the clock moves with the turns of the chat
    assert bot.violations == []


def test_forwarded_message_is_marked_without_its_author(service: Api, bot: FakeTelegram) -> None:
    origin = {"type": "user", "sender_user": {"id": 77, "first_name": "Семён"}}
    assert write(service, 7, forward_origin=origin).status == 200
    [message] = threads.messages(WRITER, limit=10, before=None)
    assert message.content.is_forwarded
    assert "Семён" not in json.dumps(table.get(keys.thread_message(WRITER, message.key)), ensure_ascii=False)


def test_forwarded_photo_is_marked(service: Api, bot: FakeTelegram) -> None:
    write(service, 7, None, photo=PHOTO, forward_origin={"type": "hidden_user", "sender_user_name": "Семён"})
    [message] = threads.messages(WRITER, limit=10, before=None)
    assert (message.content.is_forwarded, message.content.photo) == (True, "large")


def test_edit_replaces_the_text_that_was_kept(service: Api, bot: FakeTelegram) -> None:
    write(service, 7, "Раз")
    service.later(minutes=1)
    for update in (8, 8, 9):
        edited = {"message_id": 7, "from": SENDER, "chat": {"id": WRITER, "type": "private"}, "text": "Два"}
        assert service.update(update, edited_message=edited).status == 200
    [message] = threads.messages(WRITER, limit=10, before=None)
    assert (message.content.text, message.edited_at) == ("Два", service.now)
    assert len(told(bot)) == 1
    # One token for the message, one for the edit.
    assert users.get(WRITER).full_at["messages"] == service.now - 60_000 + 2 * 3_600_000 // MESSAGES_PER_HOUR


def test_edit_of_a_caption_keeps_the_photo(service: Api, bot: FakeTelegram) -> None:
    write(service, 7, None, photo=PHOTO, caption="Вот чек")
    write(service, 8, None, kind="edited_message", message_id=7, photo=PHOTO, caption="Вот второй чек")
    [message] = threads.messages(WRITER, limit=10, before=None)
    assert (message.content.text, message.content.photo) == ("Вот второй чек", "large")


def test_edit_that_leaves_nothing_to_keep_is_ignored(service: Api, bot: FakeTelegram) -> None:
    """A photo may become a video. A live location is edited every few seconds."""
    write(service, 7)
    for number, content in ((8, {"video": {"file_id": "a"}, "caption": "Видео"}), (9, {"location": {"latitude": 55}})):
        assert write(service, number, None, kind="edited_message", message_id=7, **content).status == 200
    assert (kept(), len(told(bot))) == ([TEXT], 1)


def test_edit_without_a_token_changes_nothing(service: Api, bot: FakeTelegram) -> None:
    for number in range(1, MESSAGES_PER_HOUR + 2):
        write(service, number, "Раз")
    edited = {"message_id": 1, "from": SENDER, "chat": {"id": WRITER, "type": "private"}, "text": "Два"}
    assert service.update(100, edited_message=edited).status == 200
    assert set(kept()) == {"Раз"}


@pytest.mark.parametrize(
    "chat", [{"id": WRITER, "type": "private"}, {"id": OPERATORS, "type": "supergroup"}, {"id": -5, "type": "group"}]
)
def test_edit_of_an_unknown_message_is_ignored(service: Api, bot: FakeTelegram, chat: dict[str, Any]) -> None:
    edited = {"message_id": 7, "from": SENDER, "chat": chat, "text": "Два"}
    assert service.update(8, edited_message=edited).status == 200
    assert (kept(), bot.calls) == ([], [])


def test_deleted_message_stays_for_the_operators(service: Api, bot: FakeTelegram) -> None:
    """Telegram tells a bot of deletions in business chats only, and that is ignored."""
    write(service, 7)
    deleted = {"business_connection_id": "1", "chat": {"id": WRITER, "type": "private"}, "message_ids": [7]}
    assert service.update(8, deleted_business_messages=deleted).status == 200
    assert kept() == [TEXT]


def test_banned_user_can_write(service: Api, bot: FakeTelegram) -> None:
    service.call("POST /api/admin/users/{id}/ban", user=900, id=str(WRITER), body={"reason": "не открывает дверь"})
    assert write(service, 7).status == 200
    assert kept() == [TEXT]
    assert users.get(WRITER).banned_at is not None


def test_name_of_a_writer_is_kept_without_consent(service: Api, bot: FakeTelegram) -> None:
    write(service, 7)
    user = users.get(WRITER)
    assert (user.first_name, user.username, user.consents) == ("🔧 Пётр", "petr", {})


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
    assert (bot.calls, kept()) == ([], [])


def test_message_in_a_group_costs_no_call(service: Api, bot: FakeTelegram) -> None:
    write(service, 7, chat={"id": -5, "type": "group"})
    write(service, 8, "/what", chat={"id": -5, "type": "group"})
    write(service, 9, chat={"id": -5, "type": "group"}, kind="edited_message")
    assert [table.get(keys.update(number)) for number in (7, 8, 9)] == [None] * 3


def test_nobody_is_invited_to_write_to_nobody(service: Api, bot: FakeTelegram, change: Change) -> None:
    """Also the words after a command, and a reply to the command's text."""
    change(OPERATOR_IDS="")
    for number, text in enumerate((TEXT, "/support", "/paysupport", f"/paysupport {TEXT}")):
        assert write(service, number, text).status == 200
    assert len(told(bot)) == 4
    for said in told(bot):
        assert "никто не читает" in said
        assert not any(words in said for words in ("напишите", "Напишите", "Деньги вернём", "Передал"))
    assert kept() == []
    assert table.get(keys.user(WRITER)) is None


def test_invitations_say_what_operators_see(service: Api, bot: FakeTelegram) -> None:
    for number, text in enumerate(("/support", "/paysupport")):
        write(service, number, text)
    assert len(told(bot)) == 2
    for said in told(bot):
        assert "апишите сюда" in said
        assert "ваше имя и id" in said
    assert kept() == []


def test_unknown_command_gets_the_help(service: Api, bot: FakeTelegram) -> None:
    write(service, 7, "/nobody_knows_it please")
    assert told(bot)[0].startswith("Что я умею")
    assert "/support" in told(bot)[0]
    assert kept() == []


def test_unknown_command_is_not_logged(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    """Anything can follow the slash."""
    write(service, 7, "/+79161234567")
    assert "79161234567" not in log.getvalue()
    assert '"kind":"/"' in log.getvalue()


def test_flood_of_one_person_is_bounded(service: Api, bot: FakeTelegram) -> None:
    """They are told once until when nothing is kept; others, and they themselves after that, are heard."""
    for number in range(MESSAGES_PER_HOUR + 50):
        assert write(service, number).status == 200
    assert len(kept()) == MESSAGES_PER_HOUR
    confirmed, refused = told(bot)
    assert OPENED in confirmed
    assert refused.startswith("Это сообщение оператор не увидит")
    assert refused.endswith("через 3 мин., раньше я ничего не передам.")
    write(service, 100, sender={**SENDER, "id": 6})
    assert len(kept(6)) == 1
    service.later(minutes=3)
    write(service, 101)
    assert len(kept()) == MESSAGES_PER_HOUR + 1
    write(service, 102)
    assert told(bot)[-1].startswith("Это сообщение оператор не увидит")
    assert bot.violations == []


def test_flood_without_a_thread_is_told_nothing(service: Api, bot: FakeTelegram) -> None:
    """No item could note that they were told. What they write with the next token is kept."""
    for number in range(MESSAGES_PER_HOUR + 1):
        write(service, number, None, sticker={"file_id": "a"})
    bot.forget()
    for number in range(100, 105):
        assert write(service, number).status == 200
    assert (bot.calls, kept()) == ([], [])
    service.later(minutes=3)
    write(service, 200)
    assert kept() == [TEXT]


def test_flooded_message_costs_no_write(service: Api, bot: FakeTelegram) -> None:
    for number in range(MESSAGES_PER_HOUR + 1):
        write(service, number)
    before = table.get(keys.thread(WRITER))
    write(service, 100)
    assert table.get(keys.thread(WRITER)) == before


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 403}, {"status": 400}])
def test_confirmation_that_fails_is_given_up(service: Api, bot: FakeTelegram, fault: dict[str, Any]) -> None:
    """The message is kept; a repeated update would not help."""
    bot.fail("sendMessage", **fault)
    assert write(service, 7).status == 200
    assert (kept(), told(bot)) == ([TEXT], [])


def test_confirmation_waits_for_its_turn(service: Api, bot: FakeTelegram) -> None:
    bot.fail("sendMessage", status=429, more={"retry_after": 5})
    assert write(service, 7).status == 200
    assert OPENED in told(bot)[0]
    bot.fail("sendMessage", status=429, more={"retry_after": 500})
    service.later(minutes=1)
    started = service.now
    assert write(service, 8).status == 200
    assert (len(told(bot)), len(kept())) == (1, 2)
    assert service.now - started < 16_000


def test_nothing_of_a_message_is_logged(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    bot.fail("sendMessage", status=400)
    for number in range(3):
        write(service, number, TEXT)
    write(service, 4, "Другое", kind="edited_message")
    assert log.getvalue()
    for trace in ("Мастер", "79161234567", "Пётр", "petr", "Другое"):
        assert trace not in log.getvalue()


def test_message_without_a_sender_is_ignored(service: Api, bot: FakeTelegram) -> None:
    assert service.update(7, message=said_in(WRITER, TEXT)).status == 200
    assert (bot.calls, kept()) == ([], [])


# ---------------------------------------------------------------- /threads


def ask(service: Api, number: int, text: str, user: int = OPERATOR, chat: Any = None) -> None:
    """An operator, or somebody else, sends the command in private or in a group."""
    content = {"from": {"id": user, "is_bot": False}, "chat": chat or {"id": user, "type": "private"}, "text": text}
    assert service.update(number, message={"message_id": number, **content}).status == 200


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("/threads 30", 30),
        ("/threads 1", 1),
        ("/threads off", 0),
        ("/threads", None),
        ("/threads 0", None),
        ("/threads 1441", None),
        ("/threads 99999999999", None),
        ("/threads 0000199999", None),
        (f"/threads 00001{'9' * 40}", None),
        ("/threads ٣٠", None),
        ("/threads часто", None),
    ],
)
def test_operator_sets_how_often_they_are_told(service: Api, bot: FakeTelegram, text: str, minutes: int | None) -> None:
    ask(service, 1, text)
    watch = threads.watches([OPERATOR]).get(OPERATOR)
    assert (watch.minutes if watch else None) == minutes
    assert ("не чаще раза в" in told(bot, OPERATOR)[0]) is bool(minutes)


def test_operators_group_has_a_setting_of_its_own(service: Api, bot: FakeTelegram) -> None:
    group = {"id": OPERATORS, "type": "supergroup"}
    ask(service, 1, "/threads@our_bot", chat=group)
    assert "не чаще раза в 15 мин" in told(bot, OPERATORS)[0]
    ask(service, 2, "/threads@our_bot 60", chat=group)
    assert threads.watches([OPERATORS])[OPERATORS].minutes == 60


@pytest.mark.parametrize(
    ("user", "chat"),
    [
        (WRITER, {"id": WRITER, "type": "private"}),
        (WRITER, {"id": OPERATORS, "type": "supergroup"}),
        (OPERATOR, {"id": -5, "type": "group"}),
    ],
)
def test_others_set_nothing(service: Api, bot: FakeTelegram, user: int, chat: dict[str, Any]) -> None:
    ask(service, 1, "/threads 30", user=user, chat=chat)
    assert threads.watches(sorted({chat["id"], user})) == {}
    assert [said.startswith("Что я умею") for said in told(bot, chat["id"])] == [True] * (chat["id"] > 0)
