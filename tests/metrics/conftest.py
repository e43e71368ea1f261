"""The fixtures of the metrics: the functions in process."""

from tests.in_process import service

__all__ = ["service"]
