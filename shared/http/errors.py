"""Errors as answers: the one table from what a rule refused to a status, a code and a sentence a user may read."""

from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.domain import errors
from shared.domain.errors import DomainError
from shared.http.schemas import INVALID_CONTACT, ErrorView
from shared.observability import logger, metrics, where


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
    errors.InvalidContact: Answer(422, "invalid_contact", INVALID_CONTACT),
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

# What is wrong with a field, by pydantic's name of it; our own validators bring their own sentence.
_FIELD_SENTENCES = {
    "missing": "Обязательное поле",
    "json_invalid": "Тело запроса - не JSON",
    "string_type": "Нужна строка",
    "string_too_short": "Слишком коротко: нужно не меньше {min_length} символов",
    "string_too_long": "Слишком длинно: можно не больше {max_length} символов",
    "string_unicode": "Недопустимые символы",
    "string_pattern_mismatch": "Недопустимое значение",
    "int_type": "Нужно целое число",
    "int_parsing": "Нужно целое число",
    "int_from_float": "Нужно целое число",
    "int_parsing_size": "Слишком большое число",
    "greater_than_equal": "Нужно не меньше {ge}",
    "less_than_equal": "Нужно не больше {le}",
    "bool_type": "Нужно true или false",
    "bool_parsing": "Нужно true или false",
    "literal_error": "Недопустимое значение",
    "enum": "Недопустимое значение",
    "list_type": "Нужен список",
    "too_long": "Слишком много: можно не больше {max_length}",
    "too_short": "Слишком мало: нужно не меньше {min_length}",
    "model_attributes_type": "Нужен объект JSON",
    "dict_type": "Нужен объект JSON",
}


_RETRY_AFTER = {"description": "Seconds until it may be done again", "schema": {"type": "integer"}}


def documented(*refused: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse so, for the OpenAPI; with what any route may answer."""
    if errors.InvalidInitData in refused:
        refused = (errors.Unauthenticated, *refused)
    by_status: dict[int, list[str]] = {}
    of_any = [ANSWERS[errors.Busy], ANSWERS[errors.Unavailable], HTTP_ANSWERS[500]]
    for answer in [*(ANSWERS[kind] for kind in refused), *of_any]:
        by_status.setdefault(answer.status, []).append(f"`{answer.code}`: {answer.detail}")
    return {
        status: {
            "model": ErrorView,
            "description": "; ".join(sentences),
            **({"headers": {"Retry-After": _RETRY_AFTER}} if status == 429 else {}),
        }
        for status, sentences in sorted(by_status.items())
    }


def register(app: FastAPI) -> None:
    """Make `app` answer every error in the contract's form."""
    app.add_exception_handler(DomainError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


def answer_json(answer: Answer, **more: object) -> JSONResponse:
    """The answer as a response; `more` are fields beside `detail` and `code`."""
    return JSONResponse({"detail": answer.detail, "code": answer.code, **more}, status_code=answer.status)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    answer = next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
    logger.append_keys(code=answer.code)
    if isinstance(error, errors.InvalidInitData):
        logger.append_keys(reason=error.reason)
    if answer.status >= 500:
        metrics.add_metric("Unavailable", "Count", 1)
        logger.append_keys(cause=where(error.__cause__ or error))
    response = answer_json(answer)
    if isinstance(error, errors.TooOften):
        metrics.add_metric("TooOften", "Count", 1)
        response.headers["retry-after"] = str(error.retry_after)
    return response


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    # Neither `input` nor `ctx` goes back: they repeat what was sent, a contact among it (I18).
    fields = [{"loc": list(field["loc"]), "msg": _sentence(field), "type": field["type"]} for field in error.errors()]
    logger.append_keys(code="invalid_request", fields=[field["loc"] for field in fields])
    return JSONResponse({"detail": fields, "code": HTTP_ANSWERS[422].code}, status_code=422)


def _sentence(field: dict[str, Any]) -> str:
    sentence = _FIELD_SENTENCES.get(field["type"])
    return sentence.format_map(field.get("ctx", {})) if sentence else str(field["msg"])


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    answer = HTTP_ANSWERS.get(error.status_code, HTTP_ANSWERS[400])
    logger.append_keys(code=answer.code)
    return JSONResponse(
        {"detail": answer.detail, "code": answer.code},
        status_code=error.status_code,
        headers=dict(error.headers or {}),
    )


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    metrics.add_metric("UnknownError", "Count", 1)
    logger.error("unknown error", extra=where(error))
    request_id = request.scope["aws.context"].aws_request_id
    return answer_json(HTTP_ANSWERS[500], request_id=request_id)
