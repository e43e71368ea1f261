"""The fixtures of the providers' fakes."""

from tests.in_process import change, crypto_pay, log, service, telegram, yookassa

__all__ = ["change", "crypto_pay", "log", "service", "telegram", "yookassa"]
