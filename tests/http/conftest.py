"""The fixtures of whole functions, through which these layers are tested."""

from tests.in_process import change, log, service

__all__ = ["change", "log", "service"]
