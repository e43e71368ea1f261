"""Parameters of template.yaml accept what works and nothing that never works; `make run` accepts the same."""

import re
import tomllib
from typing import Any

import pytest

from infra.local import settings
from infra.local.settings import LocalSettings, SettingError
from tests import api
from tests.api import ROOT

PARAMETERS: dict[str, dict[str, Any]] = api.template()["Parameters"]

WORKING = {
    "TelegramApiUrl": ["https://api.telegram.org", "http://127.0.0.1:8081", "https://example.org/bot-api"],
    "CryptoPayApiUrl": ["https://testnet-pay.crypt.bot"],
    "YookassaApiUrl": ["https://api.yookassa.ru/v3"],
    "WebappLink": ["https://t.me/some_bot", "https://t.me/some_bot/app"],
    "PaymentReturnUrl": ["https://t.me/", "https://t.me/some_bot?start=paid"],
    "OperatorIds": ["", "1", "1,5000000000"],
    "YookassaShopId": ["", "100000"],
    "YookassaNetworks": ["", "192.0.2.0/28,2001:DB8::/32", "192.0.2.1"],
}
BROKEN_URLS = [
    "",
    "https://example.org/",
    "https://example.org/v3/",
    "https://example.org//v3",
    "https://example.org?a=1",
    "https://example.org#a",
    "https://a@example.org",
    "https:// example.org",
    "example.org",
    "ftp://example.org",
]
NEVER_WORKING = {
    **dict.fromkeys(("TelegramApiUrl", "CryptoPayApiUrl", "YookassaApiUrl"), BROKEN_URLS),
    "WebappLink": ["https://t.me/", "https://t.me/some_bot/", "https://t.me/some_bot?startapp=1", "https://t.me/a/b/c"],
    "PaymentReturnUrl": ["", "t.me/some_bot", "https://t.me/some bot"],
    "OperatorIds": ["1, 2", "1,", ",1", "01", "0", "-1", "1;2", "@name"],
    "YookassaShopId": ["100 000", " 100000", "shop"],
    "YookassaNetworks": ["192.0.2.1, 192.0.2.2", "192.0.2.1,", "192.0.2.0/", "example.org"],
}


def matches(name: str, value: str) -> bool:
    """Whether CloudFormation accepts the value: the pattern matches all of it, or all of each member of a list."""
    parameter = PARAMETERS[name]
    members = value.split(",") if parameter["Type"] == "CommaDelimitedList" else [value]
    return all(re.fullmatch(parameter["AllowedPattern"], member) for member in members)


@pytest.mark.parametrize("name", WORKING)
def test_a_parameter_accepts_what_works(name: str) -> None:
    assert [value for value in WORKING[name] if not matches(name, value)] == []


@pytest.mark.parametrize("name", NEVER_WORKING)
def test_a_parameter_refuses_what_never_works(name: str) -> None:
    assert [value for value in NEVER_WORKING[name] if matches(name, value)] == []
    assert PARAMETERS[name]["ConstraintDescription"]


def test_every_default_and_every_stage_fits_its_pattern() -> None:
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text())
    given = [
        tuple(override.split("=", 1))
        for stage in ("local", "dev", "prod")
        for override in stages[stage]["global"]["parameters"]["parameter_overrides"]
    ]
    given += [(name, str(parameter["Default"])) for name, parameter in PARAMETERS.items() if "Default" in parameter]
    assert given
    for name, value in given:
        if name == "WebappLink" and "<bot>" in value:
            continue  # a placeholder, refused on purpose: test_packaging.py
        assert "AllowedPattern" not in PARAMETERS[name] or matches(name, value), (name, value)


@pytest.mark.parametrize("name", ["InitDataMaxAgeSeconds", "RequestsPerSecond", "RequestsInABurst"])
def test_a_number_that_refuses_everybody_is_refused(name: str) -> None:
    assert PARAMETERS[name]["MinValue"] == 1


def test_local_settings_have_the_patterns_of_the_template() -> None:
    same = {
        "CorsOrigins": settings.ORIGIN,
        **dict.fromkeys(("TelegramApiUrl", "CryptoPayApiUrl", "YookassaApiUrl"), settings.BASE_URL),
        "OperatorIds": settings.IDS,
        "ConsentVersion": settings.VERSION,
        "YookassaShopId": settings.SHOP_ID,
        "PaymentProviders": settings.PROVIDERS,
    }
    assert {name: PARAMETERS[name]["AllowedPattern"] for name in same} == same


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPERATOR_IDS", "1, 2"),
        ("PAYMENT_PROVIDERS", "paypal"),
        ("YOOKASSA_SHOP_ID", "shop"),
        ("TELEGRAM_API_URL", "https://example.org?a=1"),
        ("CONSENT_VERSION", "1.0"),
    ],
)
def test_a_local_setting_that_never_works_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name} must be "):
        LocalSettings.read({name: value})


def test_a_slash_at_the_end_of_a_local_base_url_is_dropped() -> None:
    assert LocalSettings.read({"TELEGRAM_API_URL": "https://example.org/"}).telegram_api_url == "https://example.org"
