"""The log and the metrics. One structured line per request, without initData, contacts and tokens (I18)."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
metrics = Metrics()


def failed(error: BaseException) -> None:
    """Report a failure of background work: one log line with its place, and the metric `BackgroundFailures`."""
    metrics.add_metric("BackgroundFailures", "Count", 1)
    logger.error("failed", extra=where(error))


@contextmanager
def best_effort() -> Iterator[None]:
    """Report an error of the block as `failed` does, and go on: for a step that the result does not depend on.

    The work that it belongs to is not repeated for it. A repetition would do the required steps again.
    """
    try:
        yield
    except Exception as error:
        failed(error)


def where(error: BaseException) -> dict[str, object]:
    """Return what may be logged of an unexpected error: its class, AWS's error code, and its traceback.

    The message of the error is never logged: SDKs put call parameters into it, and those can hold a contact.
    """
    frames = traceback.extract_tb(error.__traceback__)
    known: dict[str, object] = {}
    match getattr(error, "response", None):
        case {"Error": {"Code": str() as code}}:
            known["aws_error"] = code
    return known | {
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }
