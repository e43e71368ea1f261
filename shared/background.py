"""From work that nobody waits for to a Lambda handler: timers, the sweep, the stream."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from shared.observability import logger, metrics, where

Event = dict[str, Any]


class Failed(Exception):
    """Tells Lambda that the work has to come again. The log says what happened; this repeats nothing of it (I18)."""


def background_handler(work: Callable[[Event, Any], Any]) -> Callable[[Event, Any], Any]:
    """The Lambda handler of `work`: one log line, its metrics, and Failed for whatever it raises."""

    @wraps(work)
    def handler(event: Event, context: Any) -> Any:
        logger.clear_state()
        logger.append_keys(request_id=context.aws_request_id)
        try:
            result = work(event, context)
        except Exception as error:
            _failed(error)
            raise Failed(type(error).__name__) from None
        else:
            logger.info("done", extra={"function": context.function_name})
            return result
        finally:
            if metrics.metric_set:
                metrics.flush_metrics()

    return handler


def stream_handler(handle: Callable[[dict[str, Any]], None]) -> Callable[[Event, Any], Any]:
    """The Lambda handler of a DynamoDB stream that gives `handle` one raw record at a time.

    The first record that failed is reported, and Lambda delivers again from there on.
    """
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)

    def handle_record(record: DynamoDBRecord) -> None:
        try:
            handle(record.raw_event)
        except Exception as error:
            _failed(error)
            raise

    def work(event: Event, context: Any) -> Any:
        return process_partial_response(event, handle_record, processor, context)

    return background_handler(work)


def _failed(error: Exception) -> None:
    metrics.add_metric("BackgroundFailures", "Count", 1)
    logger.error("failed", extra=where(error))
