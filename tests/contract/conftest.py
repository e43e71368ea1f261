"""The functions in process, for what only a call can tell."""

from tests.functions.conftest import change, crypto_pay, service, telegram, yookassa

__all__ = ["change", "crypto_pay", "service", "telegram", "yookassa"]
