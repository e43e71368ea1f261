"""The fixtures of the lists: the functions in process, over a table that each story begins anew."""

from tests.in_process import bot, change, service, telegram
from tests.lists.shop import shop

__all__ = ["bot", "change", "service", "shop", "telegram"]
