"""All texts of the bot."""

import re
from collections.abc import Sequence
from textwrap import shorten

from shared.domain import errors
from shared.domain.durations import MINUTE_MS, ceil_div
from shared.domain.errors import DomainError
from shared.domain.notice import Notice
from shared.domain.order import Order, Status, owes_refunds, public_description
from shared.domain.support import MAX_WATCH_MINUTES
from shared.error_responses import ERROR_RESPONSES

CANNOT_PAY = "Этот счёт уже оплачен, истёк или выставлен другому человеку. Создайте новый в приложении."

# ---------------------------------------------------------------- support

NOBODY_READS = "Я бот, и сообщения людей здесь пока никто не читает."
KEPT = "Передал оператору."
CANNOT_BE_KEPT = "Такое я передать не могу, только текст и фото. Напишите словами, что случилось."
_WRITE_HERE = "словами или с фото. Оператор увидит сообщение, ваше имя и id в Telegram, и ответит здесь же."


def support(*, is_read: bool) -> str:
    """Return the reply to /support. `is_read`: operators get what people write to the bot."""
    return f"Напишите сюда, что случилось: {_WRITE_HERE}" if is_read else NOBODY_READS


def paysupport(*, is_read: bool) -> str:
    """Return the reply to /paysupport. `is_read`: operators get what people write to the bot."""
    wait = "Если платёж прошёл, а баланс не пополнился, подождите пару минут: мы сами спросим платёжную систему."
    if not is_read:
        return f"{wait} Будем спрашивать ещё три дня.\n\n{NOBODY_READS}"
    return f"{wait}\n\nЕсли не помогло, напишите сюда, когда и сколько вы заплатили: {_WRITE_HERE} Деньги вернём."


def thread_opened(hours: int) -> str:
    """Return the confirmation of the message that opened a thread. `hours`: within which an answer is promised."""
    return (
        f"{KEPT} Обычно отвечаем в течение {hours} ч, здесь же. Если есть что добавить, пишите: оператор увидит всё, "
        "что вы пришлёте."
    )


def too_many_messages(seconds: int) -> str:
    """Return the reply to a message of a person who has written too many. `seconds` until the next is kept."""
    return (
        "Это сообщение оператор не увидит: вы написали слишком много. "
        f"Отправьте его через {ceil_div(seconds, 60)} мин., раньше я ничего не передам."
    )


def answer(text: str) -> str:
    """Return the message with an operator's answer."""
    return f"Ответ оператора:\n\n{text}"


def threads_wait(number: int, longest_ms: int) -> str:
    """Return the notice to operators that threads wait for an answer, the longest for so long."""
    minutes = longest_ms // MINUTE_MS
    longest = f"{minutes // 60} ч {minutes % 60} мин." if minutes >= 60 else f"{minutes} мин."
    return f"Обращения ждут ответа: {number}. Дольше всего - {longest} Ответить можно в панели."


def watch(minutes: int) -> str:
    """Return how often, in minutes, a chat of operators is notified of waiting threads; 0 is never."""
    how = f"не чаще раза в {minutes} мин" if minutes else "не пишу"
    return (
        f"Об обращениях, которые ждут ответа, сюда: {how}.\n"
        f"Изменить: /threads и число минут, до {MAX_WATCH_MINUTES}. Выключить: /threads off"
    )


# ---------------------------------------------------------------- the contact for receipts

NO_RECEIPT_CONTACT = "Это не похоже на электронную почту или российский телефон."
REPLY_WITH_RECEIPT_CONTACT = (
    "Это контакт для чека? Тогда пришлите его ответом на моё сообщение с вопросом: нажмите на вопрос и выберите "
    "«Ответить».\n\nЕсли вы пишете оператору, добавьте, что случилось."
)
NO_RECEIPT_CONTACT_NEEDED = "Контакт для чека больше не нужен, я его не сохранил. Пополните баланс в приложении."
RECEIPT_CONTACT_SAVED = "Спасибо, чек придёт туда. Больше спрашивать не буду.\n\nОсталось оплатить:"
_AMOUNT = re.compile("на ([0-9]{1,6}) ₽ картой", re.ASCII)


def receipt_question(amount: int) -> str:
    """Return the question for the contact for a top-up of `amount` roubles. It says what the contact is used for."""
    return (
        f"Чтобы пополнить баланс на {amount} ₽ картой, нужен контакт для чека: чек требует закон (54-ФЗ).\n\n"
        "Ответьте на это сообщение: напишите электронную почту или российский телефон. Ответ - это согласие хранить "
        "этот контакт для чеков и передавать его платёжной системе. Он удалится вместе с вашими данными."
    )


def amount_in_question(text: str) -> int | None:
    """Return the amount of such a question, in roubles; None for any other text."""
    found = _AMOUNT.search(text)
    return int(found[1]) if found else None


def pay(amount: int) -> str:
    """Return the label of the button that opens the payment of `amount` roubles."""
    return f"Оплатить {amount} ₽"


# ---------------------------------------------------------------- the chat itself

START = (
    "Здравствуйте! Это «Срочные услуги»: заказ живёт час, исполнители откликаются сразу.\n\n"
    "Исполнителям я присылаю новые заказы, клиентам - новости об их заказах. Какие заказы присылать, "
    "выберите в настройках приложения."
)
START_ORDER = "Здравствуйте! Вот заказ, который вы искали."
HELP = (
    "Что я умею:\n"
    "• исполнителю - присылать новые заказы по его категориям и городам, не чаще, чем он разрешил;\n"
    "• клиенту - сообщать, что заказ взяли, и спрашивать, ответил ли он.\n\n"
    "Уведомления включаются в настройках приложения.\n"
    "/paysupport - если что-то не так с оплатой\n"
    "/support - можно ли написать оператору"
)
OPEN_APP = "Открыть приложение"
PANEL = "Вход в панель оператора. Ссылка действует 5 минут и один раз, никому её не пересылайте."
OPEN_PANEL = "Открыть панель"
OPEN_PANEL_HERE = "Открыть в Telegram"
OPEN_ORDER = "Открыть заказ"

# ---------------------------------------------------------------- new orders, for executors

_MOST_IN_A_DIGEST = 10


def offer(order: Order, now: int) -> str:
    """Return the message about one new order. `now` in epoch ms."""
    return (
        f"Новый заказ: {order.category}, {order.city}\n\n"
        f"{shorten(public_description(order), 300, placeholder='…')}\n\n"
        f"Осталось {_minutes(order.expires_at - now)} мин."
    )


def digest(orders: Sequence[Order], now: int) -> str:
    """Return the message about the orders collected during an executor's window. `now` in epoch ms."""
    lines = [
        f"{number}. {order.category}, {order.city}, ещё {_minutes(order.expires_at - now)} мин.\n"
        f"{shorten(public_description(order), 100, placeholder='…')}"
        for number, order in enumerate(listed(orders), start=1)
    ]
    more = len(orders) - len(lines)
    return "\n\n".join(["Новые заказы:", *lines, *([f"И ещё {more} в приложении"] if more else [])])


def listed(orders: Sequence[Order]) -> Sequence[Order]:
    """Return the orders that a digest shows, at most ten."""
    return orders[:_MOST_IN_A_DIGEST]


# ---------------------------------------------------------------- notices about an order

I_ANSWERED = "Я ответил"
CLOSE = "Закрыть"


def notice(notice: Notice, order: Order, now: int) -> str:
    """Return the text of a notice to the client or an executor of an order. `now` in epoch ms."""
    name = _name(order)
    left = _minutes((order.answer_due_at or now) - now)
    take = order.takes.get(notice.user_id)
    price = take.price if take else 0
    match notice.kind:
        case "taken" if notice.number == 1:
            text = (
                f"Ваш заказ {name} взял исполнитель, он свяжется с вами. Ответьте ему и отметьте это здесь.\n\n"
                f"Если за {left} мин. не отметить, заказ закроется, а исполнителю вернутся деньги."
            )
        case "taken":
            text = f"Ваш заказ {name} взял ещё один исполнитель, всего их {notice.number}."
        case "asked":
            text = (
                f"Вы ответили исполнителю по заказу {name}?\n\nОсталось {left} мин., потом заказ закроется без ответа."
            )
        case "answered":
            text = f"Клиент ответил по заказу {name}."
        case "completed":
            text = f"Клиент отметил заказ {name} выполненным. Спасибо!"
        case "expired":
            text = f"Время заказа {name} вышло."
        case "closed":
            text = f"Клиент закрыл заказ {name}."
            if take and take.refunded:
                text += f" {price} ₽ за него уже вернулись на ваш баланс."
        case "refunded" if owes_refunds(order):
            text = f"Заказ {name} закрыт без ответа клиента. {price} ₽ вернулись на ваш баланс."
        case "refunded":
            text = f"Оператор вернул деньги за заказ {name}: {price} ₽ снова на вашем балансе."
        case "removed" if notice.user_id == order.client_id:
            text = f"Ваш заказ {name} снят оператором. Если это ошибка, отправьте мне команду /support."
        case "removed":
            text = f"Заказ {name} снят оператором. {price} ₽ вернулись на ваш баланс."
    return text


def pressed(order: Order) -> str:
    """Return the text that replaces a message after its button was pressed."""
    if order.status is Status.CLOSED_NO_RESPONSE:
        return f"Заказ {_name(order)} закрыт."
    return f"Вы отметили, что ответили исполнителям по заказу {_name(order)}."


DONE = "Готово"
# The text for each error that the press of a button can cause.
REFUSED: dict[type[DomainError], str] = {
    **{
        kind: ERROR_RESPONSES[kind].detail
        for kind in (
            errors.OrderNotFound,
            errors.NotYourOrder,
            errors.NobodyTookIt,
            errors.OrderNotActive,
            errors.Banned,
        )
    },
    errors.AlreadyAnswered: "Вы уже отметили, что ответили",
}


def _name(order: Order) -> str:
    return f"«{order.category}, {order.city}»"


def _minutes(ms: int) -> int:
    return max(ceil_div(ms, MINUTE_MS), 0)
