"""The functions in process, for what only a call can tell."""

from tests.functions.conftest import service, telegram

__all__ = ["service", "telegram"]
