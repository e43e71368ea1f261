"""The fixtures of the commands, which run in whole functions."""

from tests.fakes.wire import wire
from tests.in_process import change, crypto_pay, log, service, telegram, yookassa

__all__ = ["change", "crypto_pay", "log", "service", "telegram", "wire", "yookassa"]
