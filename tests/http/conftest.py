"""The fixtures of whole functions, which these layers serve."""

from tests.in_process import change, log, service

__all__ = ["change", "log", "service"]
