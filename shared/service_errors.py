"""Service errors: the request may be fine, but the service cannot answer it now.

    ServiceError
    ├── Busy
    ├── Unavailable
    └── ProviderError
        ├── ProviderNotConfigured
        └── ProviderUnavailable

    RetryLater    background work only, no response

Each service error becomes a 503 (`shared/error_responses.py`). Unlike a domain error, `Busy` and `Unavailable` can
leave a write whose outcome is unknown, so every command must be safe to repeat.
"""

import math


class ServiceError(Exception):
    """The service cannot answer now."""


class Busy(ServiceError):
    """Other writes kept changing the same items until the time for retries ran out."""


class Unavailable(ServiceError):
    """DynamoDB, SSM or Telegram cannot be reached, and the request cannot be answered without it."""


class ProviderError(ServiceError):
    """A payment provider cannot be used."""


class ProviderNotConfigured(ProviderError):
    """This stage does not offer the payment provider."""


class ProviderUnavailable(ProviderError):
    """The payment provider did not answer, failed, or did not admit us: a later call may succeed."""


class RetryLater(Exception):
    """Background work must run again in `seconds`, rounded up: it is too early, or another invocation has the work."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = math.ceil(max(seconds, 0))
