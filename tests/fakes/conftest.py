"""The fixtures of the fake providers."""

from tests.in_process import change, crypto_pay, service, telegram, yookassa

__all__ = ["change", "crypto_pay", "service", "telegram", "yookassa"]
