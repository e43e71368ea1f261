"""The fixtures of the Bot API's client and a fake Telegram."""

from tests.in_process import change, service, telegram

__all__ = ["change", "service", "telegram"]
