"""The texts of the bot, word by word: a change of one shows here as the person will read it."""

from dataclasses import replace

import pytest

from shared.bot import texts
from shared.domain.notice import Notice
from shared.domain.order import Order, answered, closed, completed, removed, with_refund, with_take
from tests.contract.test_errors import assert_a_user_can_read
from tests.domain.test_inbox import HOUR, MINUTE, order

CLIENT, FIRST, SECOND = 1, 11, 12
WHO = "«Клининг, Казань»"
WANTED = "Потоп: убрать воду и просушить полы"


def taken(stored: Order, executor: int, price: int = 2) -> Order:
    return with_take(stored, executor, price=price, answer_window_ms=15 * MINUTE, now=0)


NEW = order(1)
ONE = taken(NEW, FIRST)
TWO = taken(ONE, SECOND, price=3)
ANSWERED = answered(TWO, CLIENT, MINUTE)
REFUNDED = with_refund(ANSWERED, SECOND, 2 * MINUTE)

NOTICES = {
    "first take": (
        *(("taken", CLIENT, 1), ONE),
        f"Ваш заказ {WHO} взял исполнитель, он свяжется с вами. Ответьте ему и отметьте это здесь.\n\n"
        "Если за 12 мин. не отметить, заказ закроется, а исполнителю вернутся деньги.",
    ),
    "second take": (
        *(("taken", CLIENT, 2), TWO),
        f"Ваш заказ {WHO} взял ещё один исполнитель, всего их 2.",
    ),
    "reminder": (
        *(("asked", CLIENT, 1), ONE),
        f"Вы ответили исполнителю по заказу {WHO}?\n\nОсталось 12 мин., потом заказ закроется без ответа.",
    ),
    "answer": (
        *(("answered", FIRST, 0), ANSWERED),
        f"Клиент ответил по заказу {WHO}.",
    ),
    "completion": (
        *(("completed", FIRST, 0), completed(TWO, CLIENT, MINUTE)),
        f"Клиент отметил заказ {WHO} выполненным. Спасибо!",
    ),
    "expiry": (
        *(("expired", FIRST, 0), ANSWERED),
        f"Время заказа {WHO} вышло.",
    ),
    "close": (
        *(("closed", FIRST, 0), closed(REFUNDED, CLIENT, 3 * MINUTE)),
        f"Клиент закрыл заказ {WHO}.",
    ),
    "close after the operator's refund": (
        *(("closed", SECOND, 0), closed(REFUNDED, CLIENT, 3 * MINUTE)),
        f"Клиент закрыл заказ {WHO}. 3 ₽ за него уже вернулись на ваш баланс.",
    ),
    "close for somebody who took nothing": (
        *(("closed", 13, 0), closed(REFUNDED, CLIENT, 3 * MINUTE)),
        f"Клиент закрыл заказ {WHO}.",
    ),
    "refund without an answer": (
        *(("refunded", SECOND, 0), closed(TWO, CLIENT, MINUTE)),
        f"Заказ {WHO} закрыт без ответа клиента. 3 ₽ вернулись на ваш баланс.",
    ),
    "refund by the operator": (
        *(("refunded", SECOND, 0), REFUNDED),
        f"Оператор вернул деньги за заказ {WHO}: 3 ₽ снова на вашем балансе.",
    ),
    "refund for somebody who took nothing": (
        *(("refunded", 13, 0), REFUNDED),
        f"Оператор вернул деньги за заказ {WHO}: 0 ₽ снова на вашем балансе.",
    ),
    "removal, to the client": (
        *(("removed", CLIENT, 0), removed(TWO, MINUTE)),
        f"Ваш заказ {WHO} снят оператором. Если это ошибка, отправьте мне команду /support.",
    ),
    "removal, to an executor": (
        *(("removed", SECOND, 0), removed(TWO, MINUTE)),
        f"Заказ {WHO} снят оператором. 3 ₽ вернулись на ваш баланс.",
    ),
}


@pytest.mark.parametrize("name", NOTICES)
def test_notice_reads_as_written_here(name: str) -> None:
    (kind, user, number), about, text = NOTICES[name]
    notice = Notice(kind, about.id, user, 0, number)  # type: ignore[arg-type]
    assert texts.notice(notice, about, 3 * MINUTE) == text


@pytest.mark.parametrize(
    ("now", "minutes"), [(0, 15), (1, 15), (14 * MINUTE, 1), (15 * MINUTE - 1, 1), (15 * MINUTE, 0), (HOUR, 0)]
)
def test_minutes_left_are_rounded_up_and_never_below_0(now: int, minutes: int) -> None:
    assert f"Осталось {minutes} мин." in texts.notice(Notice("asked", ONE.id, CLIENT, 0, 1), ONE, now)


def test_notice_without_an_answer_window_has_no_minutes_left() -> None:
    assert "Осталось 0 мин." in texts.notice(Notice("asked", NEW.id, CLIENT, 0, 1), NEW, MINUTE)


def test_offer_shows_the_order_and_the_minutes_left() -> None:
    assert texts.offer(NEW, 2 * MINUTE) == f"Новый заказ: Клининг, Казань\n\n{WANTED}\n\nОсталось 58 мин."


@pytest.mark.parametrize("most", [300, 100])
def test_description_is_cut_at_a_word_above_its_length(most: int) -> None:
    """300 characters in an offer, 100 in a digest, with the mark."""
    whole, cut = "д" * most, f"{'д' * (most - 3)} ддд"
    for said, shown in ((whole, whole), (cut, f"{'д' * (most - 3)}…")):
        about = replace(NEW, description=said)
        text = texts.offer(about, 0) if most == 300 else texts.digest([about], 0) + "\n\n"
        assert f"\n{shown}\n\n" in text


def test_digest_numbers_its_orders() -> None:
    two = [NEW, replace(order(2), city="Уфа")]
    assert texts.digest(two, 2 * MINUTE) == (
        f"Новые заказы:\n\n1. Клининг, Казань, ещё 58 мин.\n{WANTED}\n\n2. Клининг, Уфа, ещё 58 мин.\n{WANTED}"
    )


@pytest.mark.parametrize(("count", "last"), [(10, "10. "), (11, "И ещё 1 в приложении"), (25, "И ещё 15 в приложении")])
def test_digest_shows_ten_orders_and_counts_the_rest(count: int, last: str) -> None:
    orders = [order(number) for number in range(count)]
    blocks = texts.digest(orders, 0).split("\n\n")
    assert blocks[-1].startswith(last)
    assert len(blocks) == min(count, 10) + 1 + (count > 10)
    assert texts.listed(orders) == orders[:10]


def test_pressed_button_leaves_what_was_done() -> None:
    assert texts.pressed(ANSWERED) == f"Вы отметили, что ответили исполнителям по заказу {WHO}."
    assert texts.pressed(closed(TWO, CLIENT, MINUTE)) == f"Заказ {WHO} закрыт."


def test_receipt_question_has_its_amount_and_its_use() -> None:
    """What a payer consents to (152-FZ, 54-FZ). `amount_in_question` reads the amount out of it."""
    assert texts.receipt_question(150) == (
        "Чтобы пополнить баланс на 150 ₽ картой, нужен контакт для чека: чек требует закон (54-ФЗ).\n\n"
        "Ответьте на это сообщение: напишите электронную почту или российский телефон. Ответ - это согласие хранить "
        "этот контакт для чеков и передавать его платёжной системе. Он удалится вместе с вашими данными."
    )
    assert texts.pay(150) == "Оплатить 150 ₽"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("пополнить баланс на 1 ₽ картой", 1),
        ("пополнить баланс на 999999 ₽ картой", 999_999),
        ("пополнить баланс на 1000000 ₽ картой", None),
        ("пополнить баланс на  ₽ картой", None),
        ("пополнить баланс на ٣ ₽ картой", None),
        ("пополнить баланс на 09 ₽ картой", 9),
        ("пополнить баланс на 10 ₽", None),
        ("баланс 10 ₽ картой", None),
    ],
)
def test_amount_is_read_from_a_question_alone(text: str, amount: int | None) -> None:
    assert texts.amount_in_question(text) == amount


@pytest.mark.parametrize(
    ("longest", "said"), [(0, "0 мин."), (59, "59 мин."), (60, "1 ч 0 мин."), (1501, "25 ч 1 мин.")]
)
def test_operators_are_told_of_the_longest_wait(longest: int, said: str) -> None:
    assert texts.threads_wait(3, longest * 60_000 + 59_999) == (
        f"Обращения ждут ответа: 3. Дольше всего - {said} Ответить можно в панели."
    )


@pytest.mark.parametrize(("seconds", "minutes"), [(1, 1), (60, 1), (61, 2), (3600, 60)])
def test_too_many_messages_says_when_the_next_is_kept(seconds: int, minutes: int) -> None:
    assert texts.too_many_messages(seconds) == (
        "Это сообщение оператор не увидит: вы написали слишком много. "
        f"Отправьте его через {minutes} мин., раньше я ничего не передам."
    )


CONSTANTS = {name: text for name, text in vars(texts).items() if name.isupper() and isinstance(text, str)}


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_other_text_is_readable_russian(name: str) -> None:
    if not name.startswith("_"):  # a part of another text
        assert_a_user_can_read(CONSTANTS[name].replace("/paysupport", "").replace("Telegram", "").replace(" id ", " "))


def test_every_refusal_of_a_button_is_readable_russian() -> None:
    for sentence in texts.REFUSED.values():
        assert_a_user_can_read(sentence)
