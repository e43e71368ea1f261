"""Fakes of Telegram, Crypto Pay and YooKassa over HTTP, for `make run` and the tests.

Each fake is an ASGI app with an HTML page for a developer. `make run` serves it under /fakes/, unless the environment
contains the address of the real service.
"""

from starlette.applications import Starlette
from starlette.routing import Mount

from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram, Webhook
from infra.local.fakes.yookassa import FakeYookassa
from infra.local.settings import FAKES, LocalSettings

# Telegram waits for 10 s. Here the embedded AWS may first start a Python process for the function.
_PRE_CHECKOUT_SECONDS = 60
_TITLES = {"telegram": "Bot chats", "crypto-pay": "Crypto Pay", "yookassa": "YooKassa"}


def _served(settings: LocalSettings) -> list[str]:
    own = f"http://127.0.0.1:{settings.port}{FAKES}/"
    addresses = {
        "telegram": settings.telegram_api_url,
        "crypto-pay": settings.crypto_pay_api_url,
        "yookassa": settings.yookassa_api_url,
    }
    return [name for name, address in addresses.items() if address == own + name]


def app(settings: LocalSettings) -> Starlette:
    """Build the app with the fakes that this run needs."""
    service = f"http://127.0.0.1:{settings.port}/api"
    telegram = FakeTelegram(settings.bot_token)
    telegram.pre_checkout_seconds = _PRE_CHECKOUT_SECONDS
    telegram.webhook = Webhook(f"{service}/telegram/webhook", settings.telegram_webhook_secret)
    crypto_pay = FakeCryptoPay(settings.crypto_pay_api_token, f"{service}/balance/webhook/crypto-bot")
    yookassa = FakeYookassa(
        settings.yookassa_shop_id, settings.yookassa_secret_key, f"{service}/balance/webhook/yookassa"
    )
    yookassa.needs_receipts = bool(settings.yookassa_vat_code)
    apps = {"telegram": telegram.app, "crypto-pay": crypto_pay.app, "yookassa": yookassa.app}
    return Starlette(routes=[Mount(f"{FAKES}/{name}", app=apps[name]) for name in _served(settings)])


def pages(settings: LocalSettings) -> dict[str, str]:
    """Return the path of each fake's page, by title."""
    return {_TITLES[name]: f"{FAKES}/{name}/" for name in _served(settings)}
