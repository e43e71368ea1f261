"""`make redrive`: handle the messages in the dead letter queues of a stage once more.

- `NotificationDeadLetters`: each message goes back to the queue that it came from.
- `TimerDeadLetters`: the function that failed is invoked with the same event.
- `StreamDeadLetters`: a message points to records of the table's stream, which keeps them for 24 hours. The records are
  read, and the function that failed is invoked with them.

STAGE is `local` or a deployed stage; see infra/operate/invoke.py. Exit code 0: the queues are empty; 1: some messages
failed again and are still there, or their records are gone; 2: the command failed. Whatever these messages lead to is
idempotent, so repeating the command is safe.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.operate.invoke import CannotInvoke, aws_client, invoke, invoke_by_name, physical_id, qualified

# Longer than a function may run: a message that is being handled is not received again.
_HIDDEN_SECONDS = 960
_BATCH = 100

Aws = Callable[[str], Any]
Message = Mapping[str, Any]


class RecordsGone(Exception):
    """The stream no longer has the records."""


def main() -> int:
    """Redrive the three queues, print the result and return the exit code."""
    stage = os.environ.get("STAGE") or "local"
    is_empty = True
    try:
        aws = aws_client(stage)
        for queue, redrive in _REDRIVES.items():
            is_empty &= _drain(stage, aws, queue, redrive)
    except (BotoCoreError, ClientError, CannotInvoke) as error:
        print(f"The redrive of stage {stage} failed: {error}", file=sys.stderr)
        return 2
    return 0 if is_empty else 1


def _drain(stage: str, aws: Aws, queue: str, redrive: Callable[[str, Aws, Message], None]) -> bool:
    """Redrive each message once; return whether all were handled. A message that fails again stays in the queue."""
    sqs = aws("sqs")
    url = physical_id(stage, queue)
    done, gone, held = 0, 0, []
    try:
        while received := sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=1,
            VisibilityTimeout=_HIDDEN_SECONDS,
            WaitTimeSeconds=1,  # asks every server of the queue
            AttributeNames=["All"],
            MessageAttributeNames=["TARGET_ARN"],
        ).get("Messages"):
            [message] = received
            held.append(message["ReceiptHandle"])
            try:
                redrive(stage, aws, message)
                done += 1
            except CannotInvoke as error:
                print(f"{queue}: {error}", file=sys.stderr)
                continue
            except RecordsGone as error:
                print(f"{queue}: {error}", file=sys.stderr)
                gone += 1
            sqs.delete_message(QueueUrl=url, ReceiptHandle=held.pop())
    finally:
        for receipt_handle in held:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt_handle, VisibilityTimeout=0)
    print(f"{queue}: {done} redriven, {len(held)} failed again, {gone} gone.")
    return not held and not gone


def _send_back(stage: str, aws: Aws, message: Message) -> None:
    source = message["Attributes"]["DeadLetterQueueSourceArn"].rpartition(":")[2]
    sqs = aws("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=source)["QueueUrl"], MessageBody=message["Body"])


def _invoke_again(stage: str, aws: Aws, message: Message) -> None:
    body = json.loads(message["Body"])
    if "requestContext" in body:
        invoke_by_name(stage, _function(body["requestContext"]["functionArn"]), body["requestPayload"])
    elif target := message.get("MessageAttributes", {}).get("TARGET_ARN"):
        invoke_by_name(stage, _function(target["StringValue"]), body)  # EventBridge sets aside the bare event
    else:
        invoke(stage, "EndDueOrder", body)  # ministack names no target; only timers fail there


def _read_again(stage: str, aws: Aws, message: Message) -> None:
    body = json.loads(message["Body"])
    function, pointer = _function(body["requestContext"]["functionArn"]), body["DDBStreamBatchInfo"]
    patterns = _patterns(aws, qualified(stage, function), pointer["streamArn"])
    try:
        records = [record for record in _records(aws, pointer) if any(passes(record, one) for one in patterns)]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("TrimmedDataAccessException", "ResourceNotFoundException"):
            raise
        raise RecordsGone(
            f"the stream no longer has records of {pointer['approximateArrivalOfFirstRecord']}: "
            "people hear nothing of these changes. The message is deleted."
        ) from error
    for start in range(0, len(records), _BATCH):
        result = invoke_by_name(stage, function, {"Records": records[start : start + _BATCH]})
        if result["batchItemFailures"]:
            raise CannotInvoke(f"{function} failed again: see its log for the cause.")


def _patterns(aws: Aws, function: str, stream: str) -> list[Any]:
    """Return the event filters between the stream and the function."""
    found = aws("lambda").list_event_source_mappings(FunctionName=function, EventSourceArn=stream)
    filters = [one for mapping in found["EventSourceMappings"] for one in mapping["FilterCriteria"]["Filters"]]
    if not filters:
        raise CannotInvoke(f"{function} does not read the stream of the failed records any more.")
    return [json.loads(one["Pattern"]) for one in filters]


def _function(arn: str) -> str:
    """Return the name of the function in an ARN. The alias at its end may be missing."""
    return arn.split(":")[6]


def passes(record: Any, pattern: Any) -> bool:
    """Whether a record passes an event filter. Our filters compare exact values only."""
    if isinstance(pattern, dict):
        return isinstance(record, dict) and all(passes(record.get(name), part) for name, part in pattern.items())
    return record in pattern


def _records(aws: Aws, pointer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the records of a batch as Lambda delivers them. Raises botocore's errors."""
    streams = aws("dynamodbstreams")
    iterator = streams.get_shard_iterator(
        StreamArn=pointer["streamArn"],
        ShardId=pointer["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=pointer["startSequenceNumber"],
    )["ShardIterator"]
    last = int(pointer["endSequenceNumber"])
    while iterator:
        page = streams.get_records(ShardIterator=iterator)
        for record in page["Records"]:
            number = int(record["dynamodb"]["SequenceNumber"])
            if number <= last:
                yield _as_delivered(record, pointer["streamArn"])
            if number >= last:
                return
        iterator = page.get("NextShardIterator")


def _as_delivered(record: dict[str, Any], stream: str) -> dict[str, Any]:
    change = record["dynamodb"]
    delivered = {
        **record,
        "eventSourceARN": stream,
        "dynamodb": {**change, "ApproximateCreationDateTime": change["ApproximateCreationDateTime"].timestamp()},
    }
    if "userIdentity" in record:  # its names are capitalised by the API of streams only
        delivered["userIdentity"] = {name[0].lower() + name[1:]: part for name, part in record["userIdentity"].items()}
    return delivered


_REDRIVES: Mapping[str, Callable[[str, Aws, Message], None]] = {
    "NotificationDeadLetters": _send_back,
    "TimerDeadLetters": _invoke_again,
    "StreamDeadLetters": _read_again,
}


if __name__ == "__main__":
    sys.exit(main())
