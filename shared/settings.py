"""Settings that differ between stages, read from the environment variables that template.yaml sets."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from shared.domain.durations import MINUTE_MS


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of every function. The `…_per_hour` settings are rate limits per user."""

    stage: str
    table_name: str
    secrets_prefix: str
    order_lifetime_ms: int
    answer_window_ms: int
    init_data_max_age_seconds: int
    telegram_api_url: str
    webapp_link: str
    consent_version: str
    orders_per_hour: int
    contacts_per_hour: int
    takes_per_hour: int
    settings_per_hour: int
    invoices_per_hour: int
    reads_per_hour: int


@cache
def settings() -> Settings:
    """Return the settings. Minutes may be fractions, so that a developer can watch an order expire."""
    env = os.environ
    return Settings(
        stage=env["STAGE"],
        table_name=env["TABLE_NAME"],
        secrets_prefix=env["SECRETS_PREFIX"],
        order_lifetime_ms=round(float(env["ORDER_LIFETIME_MINUTES"]) * MINUTE_MS),
        answer_window_ms=round(float(env["NO_RESPONSE_CLOSE_MINUTES"]) * MINUTE_MS),
        init_data_max_age_seconds=int(env["INIT_DATA_MAX_AGE_SECONDS"]),
        telegram_api_url=env["TELEGRAM_API_URL"],
        webapp_link=env["WEBAPP_LINK"],
        consent_version=env["CONSENT_VERSION"],
        orders_per_hour=int(env["ORDERS_PER_HOUR"]),
        contacts_per_hour=int(env["CONTACTS_PER_HOUR"]),
        takes_per_hour=int(env["TAKES_PER_HOUR"]),
        settings_per_hour=int(env["SETTINGS_PER_HOUR"]),
        invoices_per_hour=int(env["INVOICES_PER_HOUR"]),
        reads_per_hour=int(env["READS_PER_HOUR"]),
    )


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """Where the schedules of orders are kept, and the function that they invoke."""

    group: str
    target_arn: str
    role_arn: str
    dead_letters_arn: str


@cache
def schedule_settings() -> ScheduleSettings:
    """Return the settings of the one function that creates schedules."""
    env = os.environ
    return ScheduleSettings(
        group=env["SCHEDULE_GROUP"],
        target_arn=env["SCHEDULE_TARGET_ARN"],
        role_arn=env["SCHEDULE_ROLE_ARN"],
        dead_letters_arn=env["SCHEDULE_DEAD_LETTERS_ARN"],
    )


@dataclass(frozen=True, slots=True)
class PaymentSettings:
    """Settings of payments.

    `providers` are the enabled ones, the default first. `limits` are the least and the most roubles of one payment, by
    provider. `star_roubles` is the price of one Telegram Star in roubles.
    `yookassa_vat_code` and `yookassa_tax_system_code` are for fiscal receipts. None are sent without a VAT code. A shop
    with one tax system needs no code of it.
    """

    providers: tuple[str, ...]
    limits: Mapping[str, tuple[int, int]]
    star_roubles: Decimal
    return_url: str
    crypto_pay_api_url: str
    yookassa_api_url: str
    yookassa_shop_id: str
    yookassa_networks: tuple[str, ...]
    yookassa_vat_code: int | None
    yookassa_tax_system_code: int | None


@cache
def payment_settings() -> PaymentSettings:
    """Return the settings of the functions that handle payments."""
    env = os.environ
    return PaymentSettings(
        providers=tuple(filter(None, env["PAYMENT_PROVIDERS"].split(","))),
        limits={name: _limits(env[f"{name.upper()}_LIMITS"]) for name in ("crypto_pay", "telegram_stars", "yookassa")},
        star_roubles=Decimal(env["STAR_ROUBLES"]),
        return_url=env["PAYMENT_RETURN_URL"],
        crypto_pay_api_url=env["CRYPTO_PAY_API_URL"],
        yookassa_api_url=env["YOOKASSA_API_URL"],
        yookassa_shop_id=env["YOOKASSA_SHOP_ID"],
        yookassa_networks=tuple(filter(None, env["YOOKASSA_NETWORKS"].split(","))),
        yookassa_vat_code=_code(env["YOOKASSA_VAT_CODE"]),
        yookassa_tax_system_code=_code(env["YOOKASSA_TAX_SYSTEM_CODE"]),
    )


def _limits(text: str) -> tuple[int, int]:
    least, _, most = text.partition("-")
    return int(least), int(most)


def _code(text: str) -> int | None:
    return int(text) if text else None


def queue_url(name: str) -> str:
    """Return the URL of the queue `name`, such as OFFERS. A function has the variables of the queues that it uses."""
    return os.environ[f"{name}_QUEUE_URL"]


@cache
def live_url() -> str:
    """Return the address of sockets; empty in the local stage, where it is the address that the caller used."""
    return os.environ["LIVE_URL"]


@cache
def live_api_url() -> str:
    """Return the address at which API Gateway takes frames for open sockets. Functions that send or close have it."""
    return os.environ["LIVE_API_URL"]


@cache
def live_origins() -> frozenset[str]:
    """Return the origins of the pages that may open sockets: the WebApp's and the service's own."""
    return frozenset(os.environ["LIVE_ORIGINS"].split(","))


@dataclass(frozen=True, slots=True)
class LiveCeilings:
    """The most sockets that watch one list, and the most frames of lists a second, of all senders together."""

    watchers: int
    frames_per_second: int


@cache
def live_ceilings() -> LiveCeilings:
    """Return the ceilings of live updates. Above them, watchers are told to poll."""
    return LiveCeilings(int(os.environ["LIVE_WATCHERS"]), int(os.environ["LIVE_FRAMES_PER_SECOND"]))


@cache
def operators() -> frozenset[int]:
    """Return the Telegram ids of the operators, who may use /api/admin."""
    return frozenset(int(operator) for operator in os.environ["OPERATOR_IDS"].split(",") if operator)


@cache
def operator_write_max_age_seconds() -> int:
    """Return how old an operator's initData may be for a change, and how long an operator's session lasts."""
    return int(os.environ["OPERATOR_WRITE_MAX_AGE_SECONDS"])


@cache
def operator_refunds_per_day() -> int:
    """Return how many roubles of payments an operator may refund on a day without a second operator."""
    return int(os.environ["OPERATOR_REFUNDS_PER_DAY"])


@cache
def watched_queues() -> Mapping[str, str]:
    """Return the URLs of the queues that operators see, by their names."""
    return _named_urls(os.environ["WATCHED_QUEUES"])


@cache
def dead_letter_queues() -> Mapping[str, str]:
    """Return the URLs of the queues of dead letters, by their names."""
    return _named_urls(os.environ["DEAD_LETTER_QUEUES"])


def _named_urls(text: str) -> Mapping[str, str]:
    return dict(pair.split("=", 1) for pair in text.split(","))


@cache
def operators_chat_id() -> int | None:
    """Return the group of the operators, which is notified of waiting threads; None if there is none."""
    return int(os.environ["OPERATORS_CHAT_ID"] or 0) or None


@cache
def support_answer_hours() -> int:
    """Return the hours within which an answer of an operator is promised."""
    return int(os.environ["SUPPORT_ANSWER_HOURS"])


@cache
def feed_cache_seconds() -> int:
    """Return how many seconds a CDN may cache a public page of the feed; 0 without a CDN."""
    return int(os.environ["FEED_CACHE_SECONDS"])
