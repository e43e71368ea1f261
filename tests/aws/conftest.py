"""The fixtures of whole functions, whose calls of AWS are checked."""

from tests.in_process import log, service

__all__ = ["log", "service"]
