"""Error responses: the one table from an error to its status, code and Russian sentence, and those of sockets."""

from typing import NamedTuple

from shared import service_errors
from shared.domain import errors
from shared.domain.errors import DomainError
from shared.service_errors import ServiceError


class ErrorResponse(NamedTuple):
    """An error response: HTTP status, stable code, sentence for the user."""

    status: int
    code: str
    detail: str


ERROR_RESPONSES: dict[type[DomainError | ServiceError], ErrorResponse] = {
    errors.Unauthenticated: ErrorResponse(401, "unauthenticated", "Откройте приложение в Telegram, чтобы войти"),
    errors.InvalidInitData: ErrorResponse(
        401, "invalid_init_data", "Не удалось проверить вход через Telegram. Откройте приложение заново"
    ),
    errors.InitDataExpired: ErrorResponse(
        401,
        "init_data_expired",
        "Вход устарел. Закройте приложение и откройте его заново из бота. Если не помогло, перезапустите сам Telegram:"
        " на компьютере и айфоне он хранит старый вход несколько дней",
    ),
    errors.SessionExpired: ErrorResponse(
        401, "session_expired", "Вход оператора закончился. Отправьте боту команду /admin"
    ),
    errors.CredentialsTooOld: ErrorResponse(
        401,
        "credentials_too_old",
        "Вход устарел для изменений. Отправьте боту команду /admin и войдите по ссылке",
    ),
    errors.LinkUsed: ErrorResponse(
        410, "link_used", "Эта ссылка уже не действует. Отправьте боту команду /admin ещё раз"
    ),
    errors.Unreadable: ErrorResponse(400, "unreadable", "Уведомление не удалось разобрать"),
    errors.UnverifiedSender: ErrorResponse(401, "unverified_sender", "Отправитель не подтверждён"),
    errors.Banned: ErrorResponse(
        403, "banned", "Ваш аккаунт заблокирован. Если это ошибка, отправьте нашему боту команду /support"
    ),
    errors.TooOften: ErrorResponse(429, "too_often", "Слишком часто. Попробуйте позже"),
    errors.NotAnOperator: ErrorResponse(403, "not_an_operator", "Это может сделать только оператор"),
    errors.OwnCase: ErrorResponse(403, "own_case", "О себе и своих заказах решает другой оператор"),
    errors.OrderNotFound: ErrorResponse(404, "order_not_found", "Заказ не найден"),
    errors.ContactBusy: ErrorResponse(409, "contact_busy", "С этим контактом уже есть активный заказ"),
    errors.OrderTaken: ErrorResponse(403, "order_taken", "Заказ уже взят исполнителем, изменить его нельзя"),
    errors.OrderNotActive: ErrorResponse(410, "order_not_active", "Заказ уже не активен"),
    errors.NotYourOrder: ErrorResponse(403, "not_your_order", "Это может сделать только автор заказа"),
    errors.NobodyTookIt: ErrorResponse(409, "nobody_took_it", "Заказ ещё никто не взял"),
    errors.AlreadyAnswered: ErrorResponse(409, "already_answered", "Вы уже ответили исполнителям"),
    errors.OwnOrder: ErrorResponse(403, "own_order", "Нельзя взять собственный заказ"),
    errors.AllSlotsTaken: ErrorResponse(409, "all_slots_taken", "Заказ уже взяли три исполнителя"),
    errors.NotReviewable: ErrorResponse(400, "not_reviewable", "Отзыв можно оставить, когда заказ выполнен или истёк"),
    errors.NobodyToReview: ErrorResponse(400, "nobody_to_review", "Заказ никто не взял, оценивать некого"),
    errors.ExecutorDidNotTake: ErrorResponse(400, "executor_did_not_take", "Этот исполнитель не брал заказ"),
    errors.AlreadyReviewed: ErrorResponse(409, "already_reviewed", "Вы уже оставили отзыв об этом заказе"),
    errors.OrderNotTakenByYou: ErrorResponse(404, "order_not_taken_by_you", "Вы не брали этот заказ"),
    errors.AlreadyComplained: ErrorResponse(409, "already_complained", "Вы уже пожаловались на этот заказ"),
    errors.ThreadNotFound: ErrorResponse(404, "thread_not_found", "Обращений от этого человека нет"),
    errors.PhotoNotFound: ErrorResponse(404, "photo_not_found", "Фото не найдено"),
    errors.ThreadChanged: ErrorResponse(
        409, "thread_changed", "В обращении новое сообщение. Прочитайте его и закройте ещё раз"
    ),
    errors.InsufficientBalance: ErrorResponse(402, "insufficient_balance", "Недостаточно средств на балансе"),
    service_errors.ProviderNotConfigured: ErrorResponse(
        503, "provider_not_configured", "Этот способ оплаты не подключён"
    ),
    service_errors.ProviderUnavailable: ErrorResponse(
        503, "provider_unavailable", "Платёжная система не отвечает, попробуйте позже"
    ),
    errors.PaymentNotFound: ErrorResponse(404, "payment_not_found", "Платёж не найден"),
    errors.AmountOutOfLimits: ErrorResponse(
        422, "amount_out_of_limits", "Этим способом можно пополнить баланс на сумму от {} до {} ₽"
    ),
    errors.PaymentRefused: ErrorResponse(
        422, "payment_refused", "Платёжная система не приняла этот платёж. Измените сумму или способ оплаты"
    ),
    errors.RechargeUnavailable: ErrorResponse(
        403, "recharge_unavailable", "Пополнить баланс можно только через оплату счёта"
    ),
    errors.ReceiptContactNeeded: ErrorResponse(
        409,
        "receipt_contact_needed",
        "Для чека нужна электронная почта или телефон. Наш бот спросил о них: ответьте ему в чате",
    ),
    errors.TakeNotFound: ErrorResponse(404, "take_not_found", "Этот исполнитель не брал заказ"),
    errors.TakeNotOver: ErrorResponse(409, "take_not_over", "Клиент ещё может ответить: вернуть деньги пока нельзя"),
    errors.AlreadyRefunded: ErrorResponse(409, "already_refunded", "Деньги за этот заказ уже возвращены"),
    errors.ComplaintNotFound: ErrorResponse(404, "complaint_not_found", "Жалоба не найдена"),
    errors.AlreadyHandled: ErrorResponse(409, "already_handled", "Жалоба уже рассмотрена"),
    errors.PaymentNotPaid: ErrorResponse(409, "payment_not_paid", "Этот платёж не оплачен, возвращать нечего"),
    errors.RefundNotFound: ErrorResponse(404, "refund_not_found", "Этот возврат не ждёт решения"),
    errors.SecondOperatorNeeded: ErrorResponse(
        403, "second_operator_needed", "Такую сумму должен подтвердить другой оператор"
    ),
    errors.RefundTooEarly: ErrorResponse(409, "refund_too_early", "Подтвердить этот возврат можно через сутки"),
    errors.UserNotFound: ErrorResponse(404, "user_not_found", "Такого человека в сервисе нет"),
    errors.TooManyNotes: ErrorResponse(409, "too_many_notes", "Заметок об этом человеке уже слишком много"),
    errors.ReviewNotFound: ErrorResponse(404, "review_not_found", "Отзыв не найден"),
    errors.InvalidContact: ErrorResponse(422, "invalid_contact", "Укажите @username или российский телефон"),
    errors.InvalidReceiptContact: ErrorResponse(
        422, "invalid_receipt_contact", "Укажите электронную почту или российский телефон"
    ),
    service_errors.Busy: ErrorResponse(503, "busy", "Сервис перегружен, попробуйте ещё раз"),
    service_errors.Unavailable: ErrorResponse(503, "unavailable", "Сервис временно недоступен, попробуйте ещё раз"),
}


# Errors of sockets, to the status of a refused handshake, or to the code of an error frame.
HANDSHAKE_STATUS: dict[type[Exception], int] = {
    errors.InvalidTicket: 401,
    errors.ForeignOrigin: 403,
    errors.Banned: 403,
    errors.TooOften: 429,
}
FRAME_CODES: dict[type[Exception], str] = {
    errors.InvalidMessage: "invalid_message",
    errors.UnknownCity: "unknown_city",
    errors.UnknownCategory: "unknown_category",
    errors.TooOften: "too_often",
}


def response_to(error: Exception) -> ErrorResponse:
    """Return the response to a domain error or a service error, with the error's numbers in the sentence."""
    found = next(ERROR_RESPONSES[kind] for kind in type(error).__mro__ if kind in ERROR_RESPONSES)
    if isinstance(error, errors.AmountOutOfLimits):
        return found._replace(detail=found.detail.format(error.least, error.most))
    return found


# Errors that the framework raises by itself.
HTTP_ERROR_RESPONSES = {
    400: ErrorResponse(400, "bad_request", "Запрос не удалось разобрать"),
    404: ErrorResponse(404, "not_found", "Такого адреса нет"),
    405: ErrorResponse(405, "method_not_allowed", "Этот метод здесь не поддерживается"),
    413: ErrorResponse(413, "body_too_large", "Слишком большой запрос"),
    422: ErrorResponse(422, "invalid_request", "Проверьте, что введено"),
    500: ErrorResponse(500, "internal_error", "Внутренняя ошибка, мы уже знаем о ней"),
}
