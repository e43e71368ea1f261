"""The functions in process, for what only a call can tell."""

from tests.functions.conftest import service

__all__ = ["service"]
