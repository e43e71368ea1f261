"""Code shared by the providers: parsing of amounts, links to an invoice."""

import pytest

from shared.payments.provider import Invoice, kopecks


@pytest.mark.parametrize("amount", ["1e999999", "1e9999999999999999999", "NaN", "Infinity", "", None, [], "1.005"])
def test_malformed_amount_is_no_price(amount: object) -> None:
    assert kopecks(amount) == -1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://t.me/CryptoBot/app?startapp=invoice-1", True),
        ("https://t.me/$slug", True),
        ("http://t.me/$slug", False),
        ("https://t.me.example.org/$slug", False),
        ("http://127.0.0.1:8000/fakes/crypto-pay/pay/1", False),
        (None, False),
    ],
)
def test_only_a_telegram_link_is_a_mini_app_url(url: str | None, shown: bool) -> None:
    """Telegram's `openTelegramLink` throws for any other address."""
    assert Invoice("1", "https://pay", url).mini_app_url == (url if shown else None)
