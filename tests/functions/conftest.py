"""The fixtures of the functions in process."""

from tests.in_process import bot, change, crypto_pay, log, served_at_once, service, sockets, telegram, yookassa

__all__ = ["bot", "change", "crypto_pay", "log", "served_at_once", "service", "sockets", "telegram", "yookassa"]
