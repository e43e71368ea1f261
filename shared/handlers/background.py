"""Lambda handlers of background work: timers, the sweep, the stream, queues."""

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared import clock
from shared.aws import queues
from shared.aws.queues import Message, Queue
from shared.domain.delivery import put_off_seconds
from shared.domain.durations import SECOND_MS
from shared.observability import failed, logger, metrics
from shared.service_errors import RetryLater

# A message or a record may take that long, ms: two calls that wait, and one that gets no response.
_MARGIN_MS = 15_000
# A message waits this long within an invocation. After that it would hold up the other messages of its batch.
_LONGEST_WAIT_SECONDS = 3

Event = dict[str, Any]
M = TypeVar("M", bound=Message)


class HandlerFailed(Exception):
    """Makes Lambda retry the work. The log holds the error; this exception repeats nothing of its message (I18)."""


def background_handler(work: Callable[[Event, Any], Any]) -> Callable[[Event, Any], Any]:
    """Return the Lambda handler of `work`: one log line, its metrics, and HandlerFailed for any error."""

    @wraps(work)
    def handler(event: Event, context: Any) -> Any:
        logger.clear_state()
        logger.append_keys(request_id=context.aws_request_id)
        try:
            result = work(event, context)
        except RetryLater as early:
            logger.info("early", extra={"function": context.function_name})
            raise HandlerFailed(type(early).__name__) from None
        except Exception as error:
            failed(error)
            raise HandlerFailed(type(error).__name__) from None
        else:
            logger.info("done", extra={"function": context.function_name})
            return result
        finally:
            if metrics.metric_set:
                metrics.flush_metrics()

    return handler


def stream_handler(handle: Callable[[dict[str, Any]], None]) -> Callable[[Event, Any], Any]:
    """Return the Lambda handler of a DynamoDB stream, which calls `handle` with one raw record at a time.

    The first failed record is reported, and Lambda delivers again from that record on. No record is started after it,
    nor with less than 15 s left: each could take as long to fail.
    """
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)

    def work(event: Event, context: Any) -> Any:
        stopped = False

        def handle_record(record: DynamoDBRecord) -> None:
            nonlocal stopped
            if stopped or context.get_remaining_time_in_millis() < _MARGIN_MS:
                stopped = True
                raise RetryLater(0)
            try:
                handle(record.raw_event)
            except Exception as error:
                stopped = True
                if not isinstance(error, RetryLater):
                    failed(error)
                raise

        return process_partial_response(event, handle_record, processor, context)

    return background_handler(work)


def queue_handler(
    queue: Queue, read: Callable[..., M], handle: Callable[[M, Any], None]
) -> Callable[[Event, Any], Any]:
    """Return the Lambda handler of a queue, which calls `handle` with one message, made by `read`, and the context.

    A failed message is returned to the queue on its own, and is a dead letter after its last receive. A message that
    must be retried later has not failed: after a short wait it is retried within this invocation, otherwise it is put
    into the queue anew. So its receives do not run out, and it may wait beyond SQS's 12 hours of visibility. `handle`
    decides when it is of no use any more. If a function dies in between, the message is there twice, and `handle` must
    be idempotent.
    """
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    age = f"{queue.title().replace('_', '')}Age"

    def handle_record(record: SQSRecord, lambda_context: Any) -> None:
        try:
            message = read(**json.loads(record.body))
            age_ms = max(clock.now_ms() - message.due_at, 0)
            metrics.add_metric(age, "Milliseconds", age_ms)
            try:
                _in_time(message, lambda_context, handle)
            except RetryLater as again:
                queues.send_again(queue, message, put_off_seconds(again.seconds, age_ms))
        except Exception as error:
            failed(error)
            raise

    def work(event: Event, context: Any) -> Any:
        return process_partial_response(event, handle_record, processor, context)

    return background_handler(work)


def batch_handler(read: Callable[..., M], handle: Callable[[Sequence[M], Any], None]) -> Callable[[Event, Any], Any]:
    """Return the Lambda handler of a queue of frames, which calls `handle` with a batch of messages, made by `read`.

    So what happens to one order within a batch is one frame. A malformed message is returned to the queue on its own.
    If `handle` fails, the whole batch is returned: it must be idempotent. The metric `FramesAge` is the age of the
    messages.
    """

    def work(event: Event, context: Any) -> Any:
        messages, malformed, now = [], [], clock.now_ms()
        for record in event["Records"]:
            try:
                message = read(**json.loads(record["body"]))
                age_ms = max(now - message.due_at, 0)
            except (TypeError, ValueError) as error:
                failed(error)
                malformed.append({"itemIdentifier": record["messageId"]})
            else:
                metrics.add_metric("FramesAge", "Milliseconds", age_ms)
                messages.append(message)
        if messages:
            handle(messages, context)
        return {"batchItemFailures": malformed}

    return background_handler(work)


def _in_time(message: M, context: Any, handle: Callable[[M, Any], None]) -> None:
    while True:
        left_ms = context.get_remaining_time_in_millis() - _MARGIN_MS
        if left_ms < 0:
            raise RetryLater(0)
        try:
            handle(message, context)
            return
        except RetryLater as again:
            if again.seconds > _LONGEST_WAIT_SECONDS or again.seconds * SECOND_MS > left_ms:
                raise
            clock.sleep(again.seconds)
