"""Fixtures: the functions in process, for the tests that have to call them."""

from tests.in_process import change, crypto_pay, service, sockets, telegram, yookassa

__all__ = ["change", "crypto_pay", "service", "sockets", "telegram", "yookassa"]
