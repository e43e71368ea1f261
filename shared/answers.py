"""The one table from what a rule refused to a status, a code and a sentence a user may read."""

from typing import NamedTuple

from shared.domain import errors
from shared.domain.errors import DomainError


class Answer(NamedTuple):
    """What a caller gets."""

    status: int
    code: str
    detail: str


ANSWERS: dict[type[DomainError], Answer] = {
    errors.Unauthenticated: Answer(401, "unauthenticated", "Откройте приложение в Telegram, чтобы войти"),
    errors.InvalidInitData: Answer(
        401, "invalid_init_data", "Не удалось проверить вход через Telegram. Откройте приложение заново"
    ),
    errors.Unreadable: Answer(400, "unreadable", "Уведомление не удалось разобрать"),
    errors.UnverifiedSender: Answer(401, "unverified_sender", "Отправитель не подтверждён"),
    errors.Banned: Answer(403, "banned", "Ваш аккаунт заблокирован. Напишите в поддержку"),
    errors.TooOften: Answer(429, "too_often", "Слишком часто. Попробуйте позже"),
    errors.NotAnOperator: Answer(403, "not_an_operator", "Это может сделать только оператор"),
    errors.OrderNotFound: Answer(404, "order_not_found", "Заказ не найден"),
    errors.ContactBusy: Answer(409, "contact_busy", "С этим контактом уже есть активный заказ"),
    errors.OrderTaken: Answer(403, "order_taken", "Заказ уже взят исполнителем, изменить его нельзя"),
    errors.OrderNotActive: Answer(410, "order_not_active", "Заказ уже не активен"),
    errors.NotYourOrder: Answer(403, "not_your_order", "Это может сделать только автор заказа"),
    errors.NobodyTookIt: Answer(409, "nobody_took_it", "Заказ ещё никто не взял"),
    errors.AlreadyAnswered: Answer(409, "already_answered", "Вы уже ответили исполнителям"),
    errors.OwnOrder: Answer(403, "own_order", "Нельзя взять собственный заказ"),
    errors.AllSlotsTaken: Answer(409, "all_slots_taken", "Заказ уже взяли три исполнителя"),
    errors.NotReviewable: Answer(400, "not_reviewable", "Отзыв можно оставить, когда заказ выполнен или истёк"),
    errors.NobodyToReview: Answer(400, "nobody_to_review", "Заказ никто не взял, оценивать некого"),
    errors.ExecutorDidNotTake: Answer(400, "executor_did_not_take", "Этот исполнитель не брал заказ"),
    errors.AlreadyReviewed: Answer(409, "already_reviewed", "Вы уже оставили отзыв об этом заказе"),
    errors.OrderNotTakenByYou: Answer(404, "order_not_taken_by_you", "Вы не брали этот заказ"),
    errors.AlreadyComplained: Answer(409, "already_complained", "Вы уже пожаловались на этот заказ"),
    errors.InsufficientBalance: Answer(402, "insufficient_balance", "Недостаточно средств на балансе"),
    errors.ProviderNotConfigured: Answer(503, "provider_not_configured", "Этот способ оплаты не подключён"),
    errors.ProviderUnavailable: Answer(503, "provider_unavailable", "Платёжная система не отвечает, попробуйте позже"),
    errors.PaymentNotFound: Answer(404, "payment_not_found", "Платёж не найден"),
    errors.RechargeUnavailable: Answer(403, "recharge_unavailable", "Пополнить баланс можно только через оплату счёта"),
    errors.TakeNotFound: Answer(404, "take_not_found", "Этот исполнитель не брал заказ"),
    errors.TakeNotOver: Answer(409, "take_not_over", "Клиент ещё может ответить: вернуть деньги пока нельзя"),
    errors.AlreadyRefunded: Answer(409, "already_refunded", "Деньги за этот заказ уже возвращены"),
    errors.ComplaintNotFound: Answer(404, "complaint_not_found", "Жалоба не найдена"),
    errors.AlreadyHandled: Answer(409, "already_handled", "Жалоба уже рассмотрена"),
    errors.InvalidContact: Answer(422, "invalid_contact", "Укажите @username или российский телефон"),
    errors.Busy: Answer(503, "busy", "Сервис перегружен, попробуйте ещё раз"),
    errors.Unavailable: Answer(503, "unavailable", "Сервис временно недоступен, попробуйте ещё раз"),
}

# What the framework refuses by itself.
HTTP_ANSWERS = {
    400: Answer(400, "bad_request", "Запрос не удалось разобрать"),
    404: Answer(404, "not_found", "Такого адреса нет"),
    405: Answer(405, "method_not_allowed", "Этот метод здесь не поддерживается"),
    413: Answer(413, "body_too_large", "Слишком большой запрос"),
    422: Answer(422, "invalid_request", "Проверьте, что введено"),
    500: Answer(500, "internal_error", "Внутренняя ошибка, мы уже знаем о ней"),
}
