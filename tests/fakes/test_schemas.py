"""The providers' schemas: vendored data with its source, for each method that a fake has."""

import pytest

from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.schemas import schema
from infra.local.fakes.schemas.cut_bot_api import METHODS, TYPES
from infra.local.fakes.telegram import FakeTelegram


def test_each_method_of_a_fake_has_a_schema() -> None:
    assert FakeTelegram("42:x")._methods.keys() == schema("telegram").methods.keys() == set(METHODS)
    assert FakeCryptoPay("7:x")._methods.keys() == schema("crypto_pay").methods.keys()
    assert schema("telegram")._types.keys() == set(TYPES)


@pytest.mark.parametrize("provider", ["telegram", "crypto_pay", "yookassa"])
def test_no_schema_takes_an_unknown_parameter(provider: str) -> None:
    """Not in any object, except YooKassa's metadata, whose names are the shop's."""
    for name, each in {**schema(provider).methods, **schema(provider)._types}.items():
        if each["type"] == "object":
            closed = name == "Metadata" or each["additionalProperties"] is False
            assert closed, name


@pytest.mark.parametrize(
    ("method", "parameter", "limit"),
    [
        ("sendMessage", "text", {"parsedMinLength": 1, "parsedMaxLength": 4096}),
        ("answerCallbackQuery", "text", {"minLength": 0, "maxLength": 200}),
        ("createInvoiceLink", "title", {"minLength": 1, "maxLength": 32}),
        ("createInvoiceLink", "description", {"minLength": 1, "maxLength": 255}),
        ("createInvoiceLink", "payload", {"minBytes": 1, "maxBytes": 128}),
        ("getStarTransactions", "limit", {"minimum": 1, "maximum": 100}),
        ("setWebhook", "secret_token", {"minLength": 1, "maxLength": 256, "pattern": "^[A-Za-z0-9_-]*$"}),
    ],
)
def test_limits_were_read_from_the_sentences(method: str, parameter: str, limit: dict[str, object]) -> None:
    """https://core.telegram.org/bots/api states them in words only."""
    found = schema("telegram").methods[method]["properties"][parameter]
    assert {name: value for name, value in found.items() if name != "type"} == limit
