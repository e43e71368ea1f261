"""Errors as HTTP responses: the table of `shared.error_responses`, in the contract's form."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared import service_errors
from shared.domain import errors
from shared.domain.errors import DomainError
from shared.error_responses import ERROR_RESPONSES, HTTP_ERROR_RESPONSES, ErrorResponse, response_to
from shared.http.schemas import ErrorView
from shared.observability import logger, metrics, where
from shared.service_errors import ProviderError, ServiceError

# The sentence for an invalid field, by pydantic's error type. Our own validators bring their own sentence.
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


_RETRY_AFTER = {"description": "Seconds to wait before the next attempt", "schema": {"type": "integer"}}


def error_responses(*kinds: type[DomainError | ServiceError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that raises these errors, for the OpenAPI; with the errors of every route."""
    if errors.InvalidInitData in kinds:
        kinds = (errors.Unauthenticated, errors.InitDataExpired, *kinds)
        if errors.NotAnOperator in kinds:
            kinds = (errors.SessionExpired, errors.CredentialsTooOld, *kinds)
    by_status: dict[int, list[str]] = {}
    of_every_route = [
        ERROR_RESPONSES[service_errors.Busy],
        ERROR_RESPONSES[service_errors.Unavailable],
        HTTP_ERROR_RESPONSES[500],
    ]
    for response in [*(ERROR_RESPONSES[kind] for kind in kinds), *of_every_route]:
        by_status.setdefault(response.status, []).append(f"`{response.code}`: {response.detail}")
    return {
        status: {
            "model": ErrorView,
            "description": "; ".join(sentences),
            **({"headers": {"Retry-After": _RETRY_AFTER}} if status == 429 else {}),
        }
        for status, sentences in sorted(by_status.items())
    }


def register(app: FastAPI) -> None:
    """Make `app` respond to every error in the contract's form."""
    app.add_exception_handler(DomainError, _expected)
    app.add_exception_handler(ServiceError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


def json_response(response: ErrorResponse, **more: object) -> JSONResponse:
    """Return the error response as JSON; `more` are fields beside `detail` and `code`."""
    return JSONResponse({"detail": response.detail, "code": response.code, **more}, status_code=response.status)


async def _expected(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, errors.Unauthenticated):
        # Optional credentials that turned out to be needed: say what is wrong with those that were sent.
        error = getattr(request.state, "refused_credentials", error)
    found = response_to(error)
    logger.append_keys(code=found.code)
    if isinstance(error, errors.InvalidInitData):
        logger.append_keys(reason=error.reason)
    if found.status >= 500:
        metrics.add_metric("ProviderErrors" if isinstance(error, ProviderError) else "Unavailable", "Count", 1)
        logger.append_keys(cause=where(error.__cause__ or error))
    response = json_response(found)
    if isinstance(error, errors.TooOften):
        metrics.add_metric("TooOften", "Count", 1)
        response.headers["retry-after"] = str(error.retry_after)
    return response


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the only class it is registered for
    # `input` and `ctx` are left out: they repeat the request, which may hold a contact (I18).
    fields = [{"loc": list(field["loc"]), "msg": _sentence(field), "type": field["type"]} for field in error.errors()]
    logger.append_keys(code="invalid_request", fields=[field["loc"] for field in fields])
    return JSONResponse({"detail": fields, "code": HTTP_ERROR_RESPONSES[422].code}, status_code=422)


def _sentence(field: dict[str, Any]) -> str:
    sentence = _FIELD_SENTENCES.get(field["type"])
    return sentence.format_map(field.get("ctx", {})) if sentence else str(field["msg"])


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - the only class it is registered for
    found = HTTP_ERROR_RESPONSES.get(error.status_code, HTTP_ERROR_RESPONSES[400])
    logger.append_keys(code=found.code)
    return JSONResponse(
        {"detail": found.detail, "code": found.code},
        status_code=error.status_code,
        headers=dict(error.headers or {}),
    )


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    metrics.add_metric("UnknownError", "Count", 1)
    logger.error("unknown error", extra=where(error))
    request_id = request.scope["aws.context"].aws_request_id
    return json_response(HTTP_ERROR_RESPONSES[500], request_id=request_id)
