"""Code shared by the providers: parsing of amounts."""

import pytest

from shared.payments.provider import kopecks


@pytest.mark.parametrize("amount", ["1e999999", "1e9999999999999999999", "NaN", "Infinity", "", None, [], "1.005"])
def test_malformed_amount_is_no_price(amount: object) -> None:
    assert kopecks(amount) == -1
