"""The bot asks a payer for the contact for receipts, and continues the top-up with the reply."""

from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.bot import texts
from shared.store import threads, users
from tests import api
from tests.in_process import Api, Change
from tests.messages import said_in

CREATE = "POST /api/balance/create-invoice"
PAYER = 5
EMAIL, PHONE = "payer@example.ru", "+79161234567"


@pytest.fixture(autouse=True)
def fiscal(yookassa: FakeYookassa, change: Change) -> FakeYookassa:
    """The shop sends receipts."""
    yookassa.needs_receipts = True
    change(YOOKASSA_VAT_CODE="1")
    return yookassa


def top_up(service: Api, amount: int = 150) -> api.Answer:
    """The response to an invoice for the payer, without a contact."""
    return service.call(CREATE, user=PAYER, body={"amount": amount, "provider": "yookassa"})


def replies(service: Api, bot: FakeTelegram, number: int, text: str, **more: Any) -> api.Answer:
    """The payer replies to the bot's last message, if it is a question."""
    sender = {"id": PAYER, "is_bot": False, "first_name": "Пётр", "username": "payer"}
    message = {**said_in(PAYER, text), "message_id": number, "from": sender, **bot.replied_to(PAYER), **more}
    return service.update(number, message=message)


def test_refused_payer_is_asked_by_the_bot(service: Api, bot: FakeTelegram) -> None:
    """The question says why, and what the answer is consent to."""
    answer = top_up(service)
    assert (answer.status, answer.json["code"]) == (409, "receipt_contact_needed")
    [question] = bot.sent()
    assert (question["chat_id"], question["reply_markup"]) == (PAYER, {"force_reply": True})
    for part in ("на 150 ₽", "54-ФЗ", "электронную почту", "телефон", "согласие", "удалится"):
        assert part in question["text"]


@pytest.mark.parametrize(
    ("typed", "customer"), [(f" {EMAIL}\u2060", {"email": EMAIL}), ("8 916 123-45-67", {"phone": PHONE[1:]})]
)
def test_reply_is_stored_and_the_invoice_follows(
    service: Api, bot: FakeTelegram, fiscal: FakeYookassa, typed: str, customer: dict[str, str]
) -> None:
    top_up(service)
    began = service.now
    assert replies(service, bot, 1, typed).status == 200
    [payment] = fiscal.payments.values()
    assert payment["amount"]["value"] == "150.00"
    assert [given["receipt"]["customer"] for method, given in fiscal.calls if method == "create"] == [customer]
    [[pay]] = bot.sent()[-1]["reply_markup"]["inline_keyboard"]
    assert pay == {"text": "Оплатить 150 ₽", "url": payment["confirmation"]["confirmation_url"]}
    user = users.get(PAYER)
    assert (user.receipt_contact, user.first_name) == (EMAIL if "email" in customer else PHONE, "Пётр")
    assert user.receipt_contact_consent_at == began
    # From now on, nobody asks.
    assert top_up(service).status == 200


def test_repeated_update_creates_one_invoice(service: Api, bot: FakeTelegram, fiscal: FakeYookassa) -> None:
    top_up(service)
    question = bot.replied_to(PAYER)
    for _ in range(2):
        assert replies(service, bot, 1, EMAIL, **question).status == 200
    assert (len(fiscal.payments), len(bot.sent())) == (1, 2)


def test_reply_without_a_contact_is_asked_again(service: Api, bot: FakeTelegram, fiscal: FakeYookassa) -> None:
    top_up(service)
    assert replies(service, bot, 1, "сколько стоит?").status == 200
    again = bot.sent()[-1]
    assert again["text"].startswith("Это не похоже")
    assert again["reply_markup"] == {"force_reply": True}
    assert users.get(PAYER).receipt_contact is None
    assert replies(service, bot, 2, EMAIL).status == 200
    assert len(fiscal.payments) == 1


def test_photo_for_a_contact_is_asked_again(service: Api, bot: FakeTelegram) -> None:
    top_up(service)
    message = {"chat": {"id": PAYER, "type": "private"}, "from": {"id": PAYER}, **bot.replied_to(PAYER)}
    assert service.update(1, message=message).status == 200
    assert bot.sent()[-1]["text"].startswith("Это не похоже")


def test_later_reply_replaces_the_contact(service: Api, bot: FakeTelegram) -> None:
    """How a payer corrects a typo: another reply to the same question."""
    top_up(service)
    question = bot.replied_to(PAYER)
    for number, typed in enumerate(("paier@example.ru", EMAIL)):
        service.later(minutes=1)
        assert replies(service, bot, number, typed, **question).status == 200
    assert users.get(PAYER).receipt_contact == EMAIL


@pytest.mark.parametrize(
    "more",
    [
        {"reply_to_message": {"from": {"id": 42, "is_bot": True}, "text": texts.paysupport(is_read=True)}},
        {"reply_to_message": {"from": {"id": 42, "is_bot": True}}},
        {"reply_to_message": {"from": {"id": PAYER, "is_bot": False}, "text": texts.receipt_question(150)}},
        {"reply_to_message": None},
        {"chat": {"id": -100, "type": "group"}},
    ],
)
def test_other_messages_are_no_answers(
    service: Api, bot: FakeTelegram, fiscal: FakeYookassa, more: dict[str, Any]
) -> None:
    """I28: a text with an e-mail is stored only where the bot has asked for one."""
    top_up(service)
    assert replies(service, bot, 1, EMAIL, **more).status == 200
    assert fiscal.payments == {}
    assert [said["text"].endswith("добавьте, что случилось.") for said in bot.sent()] in ([False], [False, True])
    assert users.get(PAYER).receipt_contact is None


@pytest.mark.parametrize("typed", [EMAIL, "payer@example", "8 916 123-45"])
@pytest.mark.parametrize("off", [{"YOOKASSA_VAT_CODE": ""}, {"PAYMENT_PROVIDERS": "telegram_stars"}])
def test_reply_after_receipts_were_turned_off_is_told(
    service: Api, bot: FakeTelegram, fiscal: FakeYookassa, change: Change, off: dict[str, str], typed: str
) -> None:
    """I28: the contact is neither stored nor forwarded, and the payer learns that nobody needs it."""
    top_up(service)
    question = bot.replied_to(PAYER)
    change(**off)
    assert replies(service, bot, 1, typed, **question).status == 200
    assert bot.sent()[-1]["text"].startswith("Контакт для чека больше не нужен")
    assert (users.get(PAYER).receipt_contact, fiscal.payments, kept()) == (None, {}, [])


def test_reply_is_told_of_a_failing_shop(service: Api, bot: FakeTelegram, fiscal: FakeYookassa) -> None:
    """The contact is stored all the same: the payer tries again in the Mini App."""
    top_up(service)
    fiscal.fail("create", status=500, times=None)
    assert replies(service, bot, 1, EMAIL).status == 200
    assert bot.sent()[-1]["text"].startswith("Платёжная система не отвечает")
    assert users.get(PAYER).receipt_contact == EMAIL


def test_reply_is_told_of_a_shop_that_refuses(service: Api, bot: FakeTelegram, fiscal: FakeYookassa) -> None:
    top_up(service)
    fiscal.fail("create", status=400)
    assert replies(service, bot, 1, EMAIL).status == 200
    assert bot.sent()[-1]["text"].startswith("Платёжная система не приняла этот платёж")


def test_reply_is_told_of_the_limits(service: Api, bot: FakeTelegram, fiscal: FakeYookassa, change: Change) -> None:
    top_up(service)
    change(YOOKASSA_LIMITS="50-60")
    assert replies(service, bot, 1, EMAIL).status == 200
    assert "на сумму от 50 до 60 ₽" in bot.sent()[-1]["text"]


def test_banned_payers_reply_is_not_stored(service: Api, bot: FakeTelegram) -> None:
    top_up(service)
    reason = {"reason": "не открывает дверь"}
    service.call("POST /api/admin/users/{id}/ban", user=900, id=str(PAYER), body=reason)
    assert replies(service, bot, 1, EMAIL).status == 200
    assert "заблокирован" in bot.sent()[-1]["text"]
    assert users.get(PAYER).receipt_contact is None


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 429, "more": {"retry_after": 5}}, {"status": 502}])
def test_payer_out_of_the_bots_reach_gets_the_response(service: Api, bot: FakeTelegram, fault: dict[str, Any]) -> None:
    bot.fail("sendMessage", **fault)
    assert top_up(service).json["code"] == "receipt_contact_needed"


def test_questions_keep_the_send_rate(service: Api, bot: FakeTelegram) -> None:
    for _ in range(10):
        assert top_up(service).status == 409
    assert (len(bot.sent()), bot.violations) == (10, [])


def test_contact_is_in_no_log_line_and_no_message(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    """I28."""
    top_up(service)
    for number, typed in enumerate((f"{EMAIL} {PHONE}", PHONE, EMAIL)):
        replies(service, bot, number, typed)
    assert log.getvalue()
    for trace in (EMAIL, PHONE, PHONE[1:]):
        assert trace not in log.getvalue()
        assert trace not in str(bot.sent())


def test_question_has_its_amount() -> None:
    for amount in (1, 100_000):
        assert texts.amount_in_question(texts.receipt_question(amount)) == amount
    assert texts.amount_in_question(texts.NO_RECEIPT_CONTACT) is None


@pytest.mark.parametrize("typed", ["8 916 123-45", "payer@example", "@payer", "a@b.ru и c@d.ru", "12"])
def test_mistyped_contact_is_not_kept(service: Api, bot: FakeTelegram, typed: str) -> None:
    """I28: an attempt at a contact is not for the operators."""
    top_up(service)
    assert replies(service, bot, 1, typed).status == 200
    assert bot.sent()[-1]["text"].startswith("Это не похоже")
    assert kept() == []


@pytest.mark.parametrize(
    ("typed", "content"), [("я уже заплатил, где деньги?", {}), ("", {"photo": [{"file_id": "a"}]})]
)
def test_reply_that_is_no_contact_reaches_operators(
    service: Api, bot: FakeTelegram, fiscal: FakeYookassa, typed: str, content: dict[str, Any]
) -> None:
    """The payer learns of it in the question that is asked again, and can still answer that."""
    top_up(service)
    for _ in range(2):
        assert replies(service, bot, 1, typed, **content).status == 200
    assert kept() == ["IN#1"]
    again = bot.sent(PAYER)[-1]
    assert again["text"].startswith("Это не похоже")
    assert "Передал оператору" in again["text"]
    assert again["reply_markup"] == {"force_reply": True}
    assert len(bot.sent(PAYER)) == 2
    assert replies(service, bot, 2, EMAIL).status == 200
    assert (len(fiscal.payments), len(kept())) == (1, 1)


def test_contact_from_the_address_book_is_an_answer(service: Api, bot: FakeTelegram, fiscal: FakeYookassa) -> None:
    top_up(service)
    contact = {"phone_number": PHONE[1:], "first_name": "Пётр"}
    assert replies(service, bot, 1, "", contact=contact).status == 200
    assert users.get(PAYER).receipt_contact == PHONE
    assert kept() == []


@pytest.mark.parametrize("typed", [EMAIL, "8 916 123-45-67"])
def test_contact_that_replies_to_nothing_is_not_kept(service: Api, bot: FakeTelegram, typed: str) -> None:
    """I28: some apps open no reply. The bot says how to answer, and stores nothing."""
    top_up(service)
    assert replies(service, bot, 1, typed, reply_to_message=None).status == 200
    assert "выберите «Ответить»" in bot.sent()[-1]["text"]
    assert kept() == []
    assert users.get(PAYER).receipt_contact is None


def test_photo_whose_caption_is_a_contact_is_not_kept(service: Api, bot: FakeTelegram) -> None:
    """I28."""
    photo = {"photo": [{"file_id": "a"}], "caption": EMAIL, "reply_to_message": None}
    assert replies(service, bot, 1, "", **photo).status == 200
    assert "выберите «Ответить»" in bot.sent()[-1]["text"]
    assert kept() == []


@pytest.mark.parametrize("edited", [{"text": EMAIL}, {"photo": [{"file_id": "a"}], "caption": PHONE}])
def test_edit_to_a_contact_is_not_kept(service: Api, bot: FakeTelegram, edited: dict[str, Any]) -> None:
    """I28: the operators see what the message said before."""
    replies(service, bot, 1, "здравствуйте", reply_to_message=None)
    message = {"message_id": 1, "from": {"id": PAYER}, "chat": {"id": PAYER, "type": "private"}, **edited}
    for _ in range(2):
        assert service.update(2, edited_message=message).status == 200
    assert [message.content.text for message in threads.messages(PAYER, limit=10, before=None)] == ["здравствуйте"]
    assert "выберите «Ответить»" in bot.sent()[-1]["text"]
    assert len(bot.sent()) == 2


def test_contact_is_for_operators_where_no_receipts_are(service: Api, bot: FakeTelegram, change: Change) -> None:
    """Also in an edit."""
    change(YOOKASSA_VAT_CODE="")
    assert replies(service, bot, 1, PHONE).status == 200
    message = {"message_id": 1, "from": {"id": PAYER}, "chat": {"id": PAYER, "type": "private"}, "text": EMAIL}
    assert service.update(2, edited_message=message).status == 200
    assert [message.content.text for message in threads.messages(PAYER, limit=10, before=None)] == [EMAIL]


def test_late_answer_is_not_kept(service: Api, bot: FakeTelegram, change: Change) -> None:
    """The bot asked before receipts were turned off."""
    top_up(service)
    question = bot.replied_to(PAYER)
    change(YOOKASSA_VAT_CODE="")
    assert replies(service, bot, 1, EMAIL, **question).status == 200
    assert kept() == []
    assert replies(service, bot, 2, "где деньги?", **question).status == 200
    assert len(kept()) == 1


def kept() -> list[str]:
    """The payer's messages that operators see, by their keys."""
    return [message.key for message in threads.messages(PAYER, limit=10, before=None)]
