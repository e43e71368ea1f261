"""The fixtures of the bot and a fake Telegram."""

from tests.in_process import bot, change, log, service, telegram, yookassa

__all__ = ["bot", "change", "log", "service", "telegram", "yookassa"]
