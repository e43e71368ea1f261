"""The fixtures of the store over a DynamoDB in memory."""

from tests.fakes.wire import wire
from tests.in_process import service

__all__ = ["service", "wire"]
