"""The fixtures of whole functions behind their handlers."""

from tests.in_process import bot, change, log, service, telegram

__all__ = ["bot", "change", "log", "service", "telegram"]
