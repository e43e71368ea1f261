"""The settings of `make run`, from the environment."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]

# Not a real bot's token: it signs the initData of `make initdata`, and Telegram does not know it.
LOCAL_BOT_TOKEN = "100000000:local-token-that-telegram-does-not-know"

# Nobody in Telegram: the operator of a run that names none.
LOCAL_OPERATOR = "1000"

LOCAL_WEBHOOK_SECRET = "local-secret-of-the-fake-telegram"
LOCAL_CRYPTO_PAY_TOKEN = "1:local-token-of-the-fake-crypto-pay"
LOCAL_YOOKASSA_SHOP = "100000"
LOCAL_YOOKASSA_KEY = "local-key-of-the-fake-yookassa"

# The path under which the front server serves the fakes.
FAKES = "/fakes"

# The path of the sandbox's files and data; its page is at /.
SANDBOX = "/sandbox"
# A page of another host that resolves to this machine must not read initData (DNS rebinding).
OWN_HOSTS = ("localhost", "127.0.0.1")

# What parameters of template.yaml accept: its patterns are the same, and a test compares them.
#
# An origin is accepted only as a browser sends it (Fetch, 3.2; RFC 6454, 6.2): ASCII in lower case, without a path and
# without a port that is the default one. Any other spelling equals no `Origin` header.
ORIGIN = (
    r"(?!http:.*:80$|https:.*:443$)https?://(([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z]([a-z0-9-]*[a-z0-9])?"
    r"|((0|[1-9][0-9]{0,2})\.){3}(0|[1-9][0-9]{0,2}))(:[1-9][0-9]{0,4})?"
)
# A path is appended to it, so it has no slash at the end and no query.
BASE_URL = r"https?://[^\s/?#@]+(/[^\s/?#]+)*"
IDS = r"([1-9][0-9]*(,(?!$)|$))*"
VERSION = r"[0-9a-z_]{1,20}"
SHOP_ID = r"[0-9]*"
PROVIDERS = r"((crypto_pay|telegram_stars|yookassa)(,(?!$)|$))*"

Value = TypeVar("Value")


class SettingError(Exception):
    """A setting has an invalid value. The message is one sentence: the setting, what is valid, the value."""


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """The settings of `make run`. Minutes may have fractions. A third party without an address is a fake."""

    port: int
    bot_token: str
    data_dir: Path
    order_lifetime_minutes: float
    no_response_close_minutes: float
    cors_origins: tuple[str, ...]
    concurrency: int
    enforce_iam: bool
    telegram_api_url: str
    telegram_webhook_secret: str
    webapp_link: str
    operator_ids: str
    operators_chat_id: str
    support_answer_hours: int
    consent_version: str
    orders_per_hour: int
    contacts_per_hour: int
    takes_per_hour: int
    settings_per_hour: int
    invoices_per_hour: int
    reads_per_hour: int
    live_watchers: int
    live_frames_per_second: int
    payment_providers: tuple[str, ...]
    crypto_pay_limits: str
    telegram_stars_limits: str
    yookassa_limits: str
    star_roubles: str
    crypto_pay_api_url: str
    crypto_pay_api_token: str
    yookassa_api_url: str
    yookassa_shop_id: str
    yookassa_secret_key: str
    yookassa_vat_code: str
    yookassa_tax_system_code: str

    @classmethod
    def read(cls, env: Mapping[str, str] = os.environ) -> "LocalSettings":
        """Read the settings; an unset or empty variable has its default. Raises SettingError."""

        def read(name: str, default: str, parse: Callable[[str], Value], meaning: str) -> Value:
            text = env.get(name) or default
            try:
                return parse(text)
            except ValueError:
                raise SettingError(f"{name} must be {meaning}, not {text!r}.") from None

        port = read("PORT", "8000", _port, "a port from 1 to 65535")
        fakes = f"http://127.0.0.1:{port}{FAKES}"
        return cls(
            port=port,
            bot_token=env.get("TELEGRAM_BOT_TOKEN") or LOCAL_BOT_TOKEN,
            data_dir=Path(env.get("LOCAL_DATA_DIR") or ROOT / ".local").absolute(),
            order_lifetime_minutes=read("ORDER_LIFETIME_MINUTES", "60", _minutes, "a number of minutes above 0"),
            no_response_close_minutes=read("NO_RESPONSE_CLOSE_MINUTES", "15", _minutes, "a number of minutes above 0"),
            cors_origins=read(
                "CORS_ORIGINS",
                "http://localhost:3000",
                _origins,
                "origins as browsers send them, with commas between them: a scheme, a host in lower case (punycode) and"
                " a port that is not the default one, with no path and no slash at the end",
            ),
            # Two Lambda processes per core: more of them would delay each other's start.
            concurrency=read("LOCAL_CONCURRENCY", str(2 * (os.cpu_count() or 2)), _positive, "a whole number above 0"),
            enforce_iam=env.get("LOCAL_AUTH") == "1",
            telegram_api_url=read("TELEGRAM_API_URL", f"{fakes}/telegram", _url, "an http(s) URL without a query"),
            telegram_webhook_secret=env.get("TELEGRAM_WEBHOOK_SECRET") or LOCAL_WEBHOOK_SECRET,
            webapp_link=read("WEBAPP_LINK", "https://t.me/urgent_services_local_bot", _url, "an http(s) URL"),
            consent_version=read("CONSENT_VERSION", "1", _matching(VERSION), "a-z, 0-9 and _ only"),
            orders_per_hour=read("ORDERS_PER_HOUR", "10", _positive, "a whole number above 0"),
            contacts_per_hour=read("CONTACTS_PER_HOUR", "5", _positive, "a whole number above 0"),
            takes_per_hour=read("TAKES_PER_HOUR", "60", _positive, "a whole number above 0"),
            settings_per_hour=read("SETTINGS_PER_HOUR", "60", _positive, "a whole number above 0"),
            invoices_per_hour=read("INVOICES_PER_HOUR", "30", _positive, "a whole number above 0"),
            reads_per_hour=read("READS_PER_HOUR", "3600", _positive, "a whole number above 0"),
            live_watchers=read("LIVE_WATCHERS", "5000", _positive, "a whole number above 0"),
            live_frames_per_second=read("LIVE_FRAMES_PER_SECOND", "2000", _positive, "a whole number above 0"),
            operator_ids=read("OPERATOR_IDS", LOCAL_OPERATOR, _matching(IDS), "Telegram ids with commas between them"),
            operators_chat_id=read("OPERATORS_CHAT_ID", "", _chat, "the Telegram id of a chat, such as -100900"),
            support_answer_hours=read("SUPPORT_ANSWER_HOURS", "24", _positive, "a whole number above 0"),
            payment_providers=read(
                "PAYMENT_PROVIDERS",
                "crypto_pay,telegram_stars,yookassa",
                lambda text: tuple(_matching(PROVIDERS)(text).split(",")),
                "some of crypto_pay, telegram_stars and yookassa with commas between them",
            ),
            crypto_pay_limits=read("CRYPTO_PAY_LIMITS", "100-100000", _limits, "two numbers as in 100-100000"),
            telegram_stars_limits=read("TELEGRAM_STARS_LIMITS", "1-10000", _limits, "two numbers as in 1-10000"),
            yookassa_limits=read("YOOKASSA_LIMITS", "1-100000", _limits, "two numbers as in 1-100000"),
            star_roubles=read("STAR_ROUBLES", "1", _decimal, "a number of roubles above 0"),
            crypto_pay_api_url=read(
                "CRYPTO_PAY_API_URL", f"{fakes}/crypto-pay", _url, "an http(s) URL without a query"
            ),
            crypto_pay_api_token=env.get("CRYPTO_PAY_API_TOKEN") or LOCAL_CRYPTO_PAY_TOKEN,
            yookassa_api_url=read("YOOKASSA_API_URL", f"{fakes}/yookassa", _url, "an http(s) URL without a query"),
            yookassa_shop_id=read("YOOKASSA_SHOP_ID", LOCAL_YOOKASSA_SHOP, _matching(SHOP_ID), "a number"),
            yookassa_secret_key=env.get("YOOKASSA_SECRET_KEY") or LOCAL_YOOKASSA_KEY,
            yookassa_vat_code=read("YOOKASSA_VAT_CODE", "", _code_up_to(12), "a number from 1 to 12"),
            yookassa_tax_system_code=read("YOOKASSA_TAX_SYSTEM_CODE", "", _code_up_to(6), "a number from 1 to 6"),
        )

    @property
    def has_fake_telegram(self) -> bool:
        """Whether the bot writes to the fake, so to nobody."""
        return self.telegram_api_url == f"http://127.0.0.1:{self.port}{FAKES}/telegram"


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError
    return port


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes < 60 * 24 * 365:
        raise ValueError
    return minutes


def _limits(text: str) -> str:
    least, _, most = text.partition("-")
    if not 0 < int(least) <= int(most):
        raise ValueError
    return text


def _decimal(text: str) -> str:
    if not 0 < float(text) < 1_000_000:
        raise ValueError
    return text


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return parse


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_matching(ORIGIN)(origin.strip()) for origin in text.split(","))


def _url(text: str) -> str:
    return _matching(BASE_URL)(text.rstrip("/"))


def _chat(text: str) -> str:
    return str(int(text)) if text else ""


def _code_up_to(highest: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text and text not in map(str, range(1, highest + 1)):
            raise ValueError
        return text

    return parse


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
