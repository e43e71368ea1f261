"""The log and the metrics. One structured line a request; no initData, contact or token in any of them (I18)."""

import traceback

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
metrics = Metrics()


def failed(error: BaseException) -> None:
    """Say that work which nobody waits for failed, and where: a line of the log and `BackgroundFailures`."""
    metrics.add_metric("BackgroundFailures", "Count", 1)
    logger.error("failed", extra=where(error))


def where(error: BaseException) -> dict[str, object]:
    """What may be logged of an unexpected error: its class, AWS's word for it, and where it came from.

    Never its message: an SDK puts the parameters it was called with into it, a contact among them.
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
