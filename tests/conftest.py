"""The environment of every test, set before our modules are imported."""

import gc
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from infra.operate.derived_keys import DERIVED_KEYS

# With the default of 700 new objects, garbage collection takes one twentieth of a simulation's processor time.
gc.set_threshold(50_000, 10, 10)

# A slow machine must not fail a test.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

BOT_TOKEN = "42:TEST-token-of-nobody"
CONTACT_KEY = "test-contact-key"
WEBHOOK_SECRET = "test-webhook-secret"
CRYPTO_PAY_TOKEN = "7:TEST-crypto-pay-token"
YOOKASSA_KEY = "test-yookassa-secret-key"
TABLE = "urgent-services-test"
SECRETS = {
    "telegram-bot-token": BOT_TOKEN,
    "telegram-webhook-secret": WEBHOOK_SECRET,
    "crypto-pay-token": CRYPTO_PAY_TOKEN,
    "yookassa-secret-key": YOOKASSA_KEY,
    "contact-key": CONTACT_KEY,
    "live-ticket-key": "test-live-ticket-key",
}
SECRETS |= {key.name: key.derive(SECRETS[key.source]) for key in DERIVED_KEYS}
OPERATOR = 900


class ParameterStore:
    """A replacement of SSM that has every secret."""

    def get(self, path: str) -> str:
        """The secret at a path."""
        return SECRETS[path.rpartition("/")[2]]


os.environ.update(
    STAGE="local",
    TABLE_NAME=TABLE,
    ORDER_LIFETIME_MINUTES="60",
    NO_RESPONSE_CLOSE_MINUTES="15",
    INIT_DATA_MAX_AGE_SECONDS="86400",
    SECRETS_PREFIX="/urgent-services/test",
    SCHEDULE_GROUP="urgent-services-test",
    SCHEDULE_TARGET_ARN="arn:aws:lambda:eu-central-1:123456789012:function:end-due-order",
    SCHEDULE_ROLE_ARN="arn:aws:iam::123456789012:role/timers",
    SCHEDULE_DEAD_LETTERS_ARN="arn:aws:sqs:eu-central-1:123456789012:timer-dead-letters",
    TELEGRAM_API_URL="http://127.0.0.1:9",  # nothing listens there: a test that needs Telegram starts the fake
    PAYMENT_PROVIDERS="crypto_pay,telegram_stars,yookassa",
    CRYPTO_PAY_LIMITS="1-100000",
    TELEGRAM_STARS_LIMITS="1-100000",
    YOOKASSA_LIMITS="1-100000",
    STAR_ROUBLES="1.5",
    OPERATOR_IDS=f"{OPERATOR},901",
    OPERATORS_CHAT_ID="-100900",
    OPERATOR_WRITE_MAX_AGE_SECONDS="3600",
    OPERATOR_REFUNDS_PER_DAY="5000",
    WATCHED_QUEUES=",".join(
        f"{name}=https://sqs.eu-central-1.amazonaws.com/123456789012/{place}"
        for name, place in (
            ("NewOrders", "new-orders"),
            ("Offers", "offers"),
            ("Notices", "notices"),
            ("Answers", "answers"),
            ("PersonalFrames", "personal-frames"),
            ("ListFrames", "list-frames"),
            ("AllCitiesFrames", "all-cities-frames"),
        )
    ),
    DEAD_LETTER_QUEUES=",".join(
        f"{name}DeadLetters=https://sqs.eu-central-1.amazonaws.com/123456789012/{name.lower()}-dead-letters"
        for name in ("Notification", "Stream", "Timer")
    ),
    SUPPORT_ANSWER_HOURS="24",
    CONSENT_VERSION="1",
    # Tests exceed the real rate limits. tests/functions/test_limits.py uses the real ones.
    ORDERS_PER_HOUR="100000",
    CONTACTS_PER_HOUR="100000",
    TAKES_PER_HOUR="100000",
    SETTINGS_PER_HOUR="100000",
    INVOICES_PER_HOUR="100000",
    READS_PER_HOUR="100000000",
    FEED_CACHE_SECONDS="0",
    PAYMENT_RETURN_URL="https://t.me/urgent_services_bot",
    CRYPTO_PAY_API_URL="http://127.0.0.1:9",
    YOOKASSA_API_URL="http://127.0.0.1:9",
    YOOKASSA_SHOP_ID="100500",
    YOOKASSA_NETWORKS="192.0.2.0/28,2001:db8::/32",
    YOOKASSA_VAT_CODE="",
    YOOKASSA_TAX_SYSTEM_CODE="",
    WEBAPP_LINK="https://t.me/urgent_test_bot",
    NEW_ORDERS_QUEUE_URL="https://sqs.eu-central-1.amazonaws.com/123456789012/new-orders",
    OFFERS_QUEUE_URL="https://sqs.eu-central-1.amazonaws.com/123456789012/offers",
    NOTICES_QUEUE_URL="https://sqs.eu-central-1.amazonaws.com/123456789012/notices",
    PERSONAL_FRAMES_QUEUE_URL="https://sqs.eu-central-1.amazonaws.com/123456789012/personal-frames",
    LIST_FRAMES_QUEUE_URL="https://sqs.eu-central-1.amazonaws.com/123456789012/list-frames",
    ALL_CITIES_FRAMES_QUEUE_URL="https://sqs.eu-central-1.amazonaws.com/123456789012/all-cities-frames",
    LIVE_URL="wss://live.example.org/live",
    LIVE_API_URL="http://127.0.0.1:9/live",  # nothing listens there
    LIVE_ORIGINS="https://app.example.org,https://api.example.org",
    LIVE_WATCHERS="5000",
    LIVE_FRAMES_PER_SECOND="2000",
    ANSWERS_QUEUE_URL="https://sqs.eu-central-1.amazonaws.com/123456789012/answers",
    POWERTOOLS_SERVICE_NAME="urgent-services-local",
    POWERTOOLS_METRICS_NAMESPACE="UrgentServices",
    AWS_DEFAULT_REGION="eu-central-1",
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
)

# Each SDK session reads megabytes of service descriptions: cache them across the many sessions of the tests.
botocore.session.create_loader = cache(botocore.session.create_loader)


@pytest.fixture
def no_collection() -> Iterator[None]:
    """No garbage collection during a test of processor time: a whole one of a large worker takes seconds."""
    gc.disable()
    yield
    gc.enable()


TOGETHER = {
    f"tests/integration/test_{name}.py"
    for name in (
        "concurrency",
        "credentials",
        "disclosure",
        "docs",
        "linearizability",
        "live",
        "methods",
        "hostile_input",
        "notifications",
        "payments",
        "redrive",
        "reviews",
        "rules",
    )
}
"""Files that use the session's service. They share one process, so that each function starts once."""


class _FileByFile(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Distribute whole files to the processes. The files of TOGETHER go to one process."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "together" if file in TOGETHER else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Create the scheduler of tests for several processes (pytest -n)."""
    return _FileByFile(config, log)
