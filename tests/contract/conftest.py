"""The functions in process, for what only a call can tell."""

from tests.in_process import change, crypto_pay, service, telegram, yookassa

__all__ = ["change", "crypto_pay", "service", "telegram", "yookassa"]
