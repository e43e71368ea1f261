"""The functions in process, for what only a call can tell."""

from tests.functions.conftest import crypto_pay, service, telegram, yookassa

__all__ = ["crypto_pay", "service", "telegram", "yookassa"]
