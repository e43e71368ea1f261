"""Errors as answers over HTTP: what `shared.error_responses` says of them, in the contract's form."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared import service_errors
from shared.domain import errors
from shared.domain.errors import DomainError
from shared.error_responses import ERROR_RESPONSES, HTTP_ERROR_RESPONSES, ErrorResponse
from shared.http.schemas import ErrorView
from shared.observability import logger, metrics, where
from shared.service_errors import ProviderError, ServiceError

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


def error_responses(*refused: type[DomainError | ServiceError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse so, for the OpenAPI; with what any route may answer."""
    if errors.InvalidInitData in refused:
        refused = (errors.Unauthenticated, *refused)
    by_status: dict[int, list[str]] = {}
    of_any = [
        ERROR_RESPONSES[service_errors.Busy],
        ERROR_RESPONSES[service_errors.Unavailable],
        HTTP_ERROR_RESPONSES[500],
    ]
    for answer in [*(ERROR_RESPONSES[kind] for kind in refused), *of_any]:
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
    app.add_exception_handler(ServiceError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


def answer_json(answer: ErrorResponse, **more: object) -> JSONResponse:
    """The answer as a response; `more` are fields beside `detail` and `code`."""
    return JSONResponse({"detail": answer.detail, "code": answer.code, **more}, status_code=answer.status)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    answer = next(ERROR_RESPONSES[kind] for kind in type(error).__mro__ if kind in ERROR_RESPONSES)
    logger.append_keys(code=answer.code)
    if isinstance(error, errors.InvalidInitData):
        logger.append_keys(reason=error.reason)
    if answer.status >= 500:
        metrics.add_metric("ProviderErrors" if isinstance(error, ProviderError) else "Unavailable", "Count", 1)
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
    return JSONResponse({"detail": fields, "code": HTTP_ERROR_RESPONSES[422].code}, status_code=422)


def _sentence(field: dict[str, Any]) -> str:
    sentence = _FIELD_SENTENCES.get(field["type"])
    return sentence.format_map(field.get("ctx", {})) if sentence else str(field["msg"])


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    answer = HTTP_ERROR_RESPONSES.get(error.status_code, HTTP_ERROR_RESPONSES[400])
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
    return answer_json(HTTP_ERROR_RESPONSES[500], request_id=request_id)
