"""The contact for fiscal receipts: an e-mail or a Russian phone, in its normal form."""

import pytest

from shared.domain.errors import InvalidReceiptContact
from shared.domain.receipt import looks_like_contact, parse_receipt_contact

LONGEST_DOMAIN = ".".join(["d" * 63, "d" * 63, "d" * 58, "ru"])
"""With 64 characters before the @, the address has 254 (RFC 5321, 4.5.3.1)."""


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("payer@example.ru", "payer@example.ru"),
        ("  payer@example.ru\n", "payer@example.ru"),
        ("First.Last+receipts_%1-2@Mail.Example.RU", "First.Last+receipts_%1-2@mail.example.ru"),
        ("a@b.xn--p1ai", "a@b.xn--p1ai"),
        ("1@2-3.co", "1@2-3.co"),
        (f"{'a' * 64}@{LONGEST_DOMAIN}", f"{'a' * 64}@{LONGEST_DOMAIN}"),
        (f"a@{'b' * 63}.ru", f"a@{'b' * 63}.ru"),
        ("8 (916) 123-45-67", "+79161234567"),
        ("+7 916 123 45 67", "+79161234567"),
        ("9161234567", "+79161234567"),
    ],
)
def test_receipt_contact_has_one_normal_form(typed: str, normal: str) -> None:
    assert parse_receipt_contact(typed) == normal
    assert parse_receipt_contact(normal) == normal


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "payer",
        "@payer_name",
        "https://t.me/payer_name",
        "payer@",
        "@example.ru",
        "payer@example",
        "payer@@example.ru",
        "pay er@example.ru",
        "payer@exam ple.ru",
        "payer@example.ru, other@example.ru",
        "payer@example.ru\nbcc@example.ru",
        "Payer <payer@example.ru>",
        '"payer"@example.ru',
        ".payer@example.ru",
        "payer.@example.ru",
        "pay..er@example.ru",
        "payer@.example.ru",
        "payer@example..ru",
        "payer@-example.ru",
        "payer@example-.ru",
        "payer@192.0.2.1",
        "payer@[192.0.2.1]",
        "payer@example.r",
        "плательщик@example.ru",
        "payer@пример.рф",
        "payer@ex\u212ample.ru",  # the Kelvin sign is no k
        "payer@example.ru\u0660",
        "<script>@example.ru",
        "pay'er@example.ru",
        f"{'a' * 65}@example.ru",
        f"a@{'b' * 64}.ru",
        f"{'a' * 64}@{LONGEST_DOMAIN}u",  # 255 characters
        "+7 701 123 45 67",
        "+1 916 123 45 67",
        "916123456",
    ],
)
def test_anything_else_is_no_receipt_contact(typed: str) -> None:
    with pytest.raises(InvalidReceiptContact):
        parse_receipt_contact(typed)


@pytest.mark.parametrize(
    ("typed", "is_one"),
    [
        ("payer@example.ru", True),
        ("payer@", True),
        ("почта: payer@example", True),
        ("8 (916) 123-45", True),
        ("+7", True),
        ("", False),
        ("...", False),
        ("где деньги", False),
        ("заплатил 100 ₽", False),
    ],
)
def test_attempt_at_a_contact_is_recognised(typed: str, is_one: bool) -> None:
    assert looks_like_contact(typed) is is_one
