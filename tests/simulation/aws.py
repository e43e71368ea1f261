"""The simulated AWS: the functions' calls, with faults, and their asynchronous invocations.

The stream, schedules, TTL and the sweep invoke functions at least once, after any delay and in any order.
"""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import ModuleType
from typing import Any

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from tests import api
from tests.conftest import TABLE
from tests.fakes.dynamodb import AwsError, Change, Database
from tests.simulation.faults import Faults
from tests.simulation.invariants import Checker
from tests.simulation.news import READER, News
from tests.simulation.records import CANARY
from tests.simulation.world import MAX_LAG, MAX_SKEW, Task, World

TABLE_ARN = f"arn:aws:dynamodb:eu-central-1:123456789012:table/{TABLE}"
_ENDPOINT = "https://dynamodb.eu-central-1.amazonaws.com"

_MINUTE = 60_000
_DAY = 24 * 60 * _MINUTE
_READ_TIMEOUT = 3_000
_HURRIED_READ_TIMEOUT = 1_000
_TIMEOUT = 25_000
_SWEEP_TIMEOUT = 60_000
_LONGER_THAN_ANY_TIMEOUT = 10 * _MINUTE
_ASYNC_RETRIES = (1 * _MINUTE, 2 * _MINUTE)

Execute = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""The handler of a service's calls."""


class Context:
    """The Lambda context of an invocation."""

    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:simulated"

    def __init__(self, world: World) -> None:
        self._world = world
        assert world.task is not None
        self._task = world.task
        self.aws_request_id = f"00000000-0000-0000-0000-{world.task.number:012d}"
        self.function_name = world.task.function

    def get_remaining_time_in_millis(self) -> int:
        """Return the ms until the deadline."""
        return self._task.deadline - self._world.now


@cache
def stream_readers() -> dict[str, Mapping[str, Any]]:
    """Return the functions that read the table's stream, with the properties of their event source in the template."""
    found = {}
    for resource in api.template()["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if resource["Type"] == "AWS::Serverless::Function" and event["Type"] == "DynamoDB":
                handler = resource["Properties"]["Handler"].removesuffix(".handler").removeprefix("functions.")
                found[handler] = event["Properties"]
    return found


@cache
def _module(function: str) -> ModuleType:
    return importlib.import_module(f"functions.{function}")


class Aws:
    """One seed's AWS."""

    def __init__(self, world: World, faults: Faults, checker: Checker) -> None:
        self.world = world
        self.faults = faults
        self._checker = checker
        self._dice = world.random
        lags = "F16 stale read" in faults.chosen
        self.database = Database(
            api.table_definition(),
            name=TABLE,
            now=lambda: world.now,
            lag=self._lag if lags else lambda index: 0,
        )
        self.database.on_commit = self._committed
        self.on_queued: Callable[[str, list[Mapping[str, Any]]], None] = lambda url, entries: None
        self.frames_are_read = False
        # Other calls of queues, and those of CloudWatch. Only the operators of some seeds make them.
        self.on_queue_call: Execute = lambda operation, request: {}
        self.call_cloudwatch: Execute = lambda operation, request: {"MetricDataResults": [], "MetricAlarms": []}
        self._schedules: set[str] = set()
        self._goes_on = True
        self.news = News(world)
        self._readers = [StreamReader(self, function, source) for function, source in stream_readers().items()]

    def _lag(self, index: str | None) -> int:
        if self.faults.happens("F16 stale read", 0.3, index or "item"):
            return self._dice.choice((5, 50, 500, MAX_LAG))
        return 0

    def _committed(self, changes: Sequence[Change]) -> None:
        self._checker.on_commit(changes)
        for change in changes:
            record = change.stream_record(TABLE_ARN)
            for reader in self._readers:
                reader.offer(record)

    # ------------------------------------------------------------ calls

    def call_dynamodb(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make one attempt of a call to DynamoDB."""
        return self._call(operation, request, self.database.execute)

    def call_scheduler(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make one attempt of a call to EventBridge Scheduler."""
        return self._call(operation, request, self._create_schedule)

    def call_sqs(
        self, operation: str, request: Mapping[str, Any], *, read_timeout: int = _READ_TIMEOUT
    ) -> dict[str, Any]:
        """Make one attempt of a call to a queue."""
        if operation != "SendMessageBatch":
            return self._call(operation, request, self.on_queue_call)
        answer = self._call(operation, request, self._enqueue, read_timeout)
        if self.world.task is not None:
            self.news.on_answered(self.world.task, request)
        return answer

    def call_sqs_hurried(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make the attempt of a call to a queue of frames, which nothing may wait for.

        Such calls are a fifth of all. In a seed without sockets nobody reads these queues, and a call succeeds at once.
        """
        if not self.frames_are_read:
            return self._enqueue(operation, request)
        return self.call_sqs(operation, request, read_timeout=_HURRIED_READ_TIMEOUT)

    def _enqueue(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Accept messages and check that they contain no contact (I18). Most seeds have no recipients."""
        if CANARY in repr(request["Entries"]):
            self.world.broken("I18", "a contact is in a queue's message")
        self.news.on_landed(request)
        self.on_queued(request["QueueUrl"], request["Entries"])
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    def _call(
        self, operation: str, request: Mapping[str, Any], execute: Execute, read_timeout: int = _READ_TIMEOUT
    ) -> dict[str, Any]:
        world, task = self.world, self.world.task
        if task is None:  # a read by the checks
            return execute(operation, request)
        world.check_alive()
        world.pause(self._travels())
        site = f"{task.function} {operation}"
        if self.faults.rate:
            self.faults.calls[site] += 1
        fault = self.faults.of_call(operation, site)
        if fault is None and task.throttled:
            task.throttled -= 1
            fault = "F5 throttled"
        if fault is None:
            if operation == "BatchGetItem" and self.faults.happens("F16 torn batch", 0.2, site):
                return self._torn(request, execute)
            return self._answer(operation, request, execute)
        world.note(operation, "meets", fault)
        return self._go_wrong(fault, operation, request, execute, read_timeout)

    def _travels(self) -> int:
        """Return the network delay of a request or response, in ms."""
        return self._dice.choice((0, 0, 1, 1, 2, 3, 5, 8, 20))

    def _answer(self, operation: str, request: Mapping[str, Any], execute: Execute) -> dict[str, Any]:
        try:
            answer = execute(operation, request)
        except AwsError:
            self.world.pause(self._travels())
            raise
        self.world.pause(self._travels())
        return answer

    def _go_wrong(
        self, fault: str, operation: str, request: Mapping[str, Any], execute: Execute, read_timeout: int
    ) -> dict[str, Any]:
        """Make a call with a fault. Most faults raise botocore's error or Crashed; a few return a response."""
        world, task = self.world, self.world.task
        assert task is not None

        def land() -> None:
            try:
                execute(operation, request)
            except AwsError as error:
                world.note(operation, "lands in vain", error.code)

        match fault:
            case "F1 crash before":
                world.crash()
            case "F2 crash after":
                land()
                world.crash()
            case "F3 response lost" | "F4 lands late":
                self._lose_the_answer(land, read_timeout, late=fault == "F4 lands late")
            case "F10 again after 11 minutes":
                world.later(11 * _MINUTE, land)
            case "F15 clock steps":
                world.step_clock()
            case "F19 timeout after":
                land()
                task.may_time_out = True
                world.pause(_LONGER_THAN_ANY_TIMEOUT)
            case "F26 small page":
                self.database.page_items = self._dice.choice((1, 2))
                try:
                    return execute(operation, request)
                finally:
                    self.database.page_items = None
            case _:
                raise self._error(fault, operation, request, land)
        return self._answer(operation, request, execute)

    def _lose_the_answer(self, land: Callable[[], None], read_timeout: int, *, late: bool) -> None:
        if late:
            self.world.later(self._dice.choice((10, 1_000, _READ_TIMEOUT, 5_000, 20_000)), land)
        else:
            land()
            if self._dice.random() < 0.5:
                raise ConnectionClosedError(endpoint_url=_ENDPOINT)
        self.world.pause(read_timeout)
        raise ReadTimeoutError(endpoint_url=_ENDPOINT)

    def _error(self, fault: str, operation: str, request: Mapping[str, Any], land: Callable[[], None]) -> AwsError:
        task = self.world.task
        assert task is not None
        match fault:
            case "F5 throttled":
                task.throttled = task.throttled or self._dice.randrange(4)
                return AwsError("ThrottlingException", "Rate exceeded")
            case "F6 conflict":
                return self._conflict(operation, request)
            case "F7 in progress":
                if self._dice.random() < 0.5:
                    self.world.later(self._dice.choice((5, 500, 2_000)), land)
                return AwsError("TransactionInProgressException", "The transaction is in progress")
            case "F8 500":
                return AwsError("InternalServerError", "Internal error", status=500)
            case "F8 500, applied":
                land()
                return AwsError("InternalServerError", "Internal error", status=500)
        raise NotImplementedError(fault)

    def _torn(self, request: Mapping[str, Any], execute: Execute) -> dict[str, Any]:
        """Return a batch whose items are read at different moments, which DynamoDB permits."""
        [(table, wanted)] = request["RequestItems"].items()
        found = []
        for key in self._dice.sample(wanted["Keys"], len(wanted["Keys"])):
            answer = execute("BatchGetItem", {"RequestItems": {table: {**wanted, "Keys": [key]}}})
            found += answer["Responses"][table]
            self.world.pause(self._travels())
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _conflict(self, operation: str, request: Mapping[str, Any]) -> AwsError:
        if operation == "UpdateItem":
            return AwsError("TransactionConflictException", "Transaction is ongoing for the item")
        reasons = self.database.why_not(request)
        # The conflict may be the only reason, or beside a failed condition (F6).
        conflicting = self._dice.randrange(len(reasons))
        reasons[conflicting] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        codes = ", ".join(reason["Code"] for reason in reasons)
        return AwsError("TransactionCanceledException", f"Transaction cancelled [{codes}]", reasons=reasons)

    # ------------------------------------------------------------ invocations

    def invoke(
        self,
        function: str,
        event: Mapping[str, Any],
        on_end: Callable[[Task], None],
        *,
        timeout: int = _TIMEOUT,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Invoke a function asynchronously; its task calls `before` first."""

        def work() -> Any:
            before()
            return _module(function).handler(event, Context(self.world))

        self.world.start(
            function,
            work,
            on_end,
            timeout=timeout,
            skew=self.skew(),
        )

    def skew(self) -> int:
        """Return how many ms the clock of an invocation's environment is ahead."""
        return self._dice.randint(-MAX_SKEW, MAX_SKEW) if "F15 clock steps" in self.faults.chosen else 0

    def _invoke_asynchronously(self, function: str, event: Mapping[str, Any], *, timeout: int, tried: int = 0) -> None:
        """Invoke as Lambda invokes asynchronously: retry a failure, then move the event to the dead letters."""

        def on_end(task: Task) -> None:
            self._check_not_swallowed(event, task)
            if task.ended_well:
                return
            self.world.note(function, "failed", "timeout or crash" if task.dead else task.error)
            if tried < len(_ASYNC_RETRIES):
                self.world.later(
                    _ASYNC_RETRIES[tried],
                    lambda: self._invoke_asynchronously(function, event, timeout=timeout, tried=tried + 1),
                )
            elif self.faults.happens("F20 redriven", 1, function):
                self.world.later(_DAY, lambda: self._invoke_asynchronously(function, event, timeout=timeout))

        self.invoke(function, event, on_end, timeout=timeout)

    def _check_not_swallowed(self, event: Mapping[str, Any], task: Task) -> None:
        """L6: a timer that fires early by the clock of its invocation must not succeed."""
        if task.ended_well and task.clock_high < event.get("due_at", 0):
            self.world.broken("L6", f"{task} took {event} for done at {task.clock_high}")

    # ------------------------------------------------------------ schedules

    def _create_schedule(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        assert operation == "CreateSchedule"
        name = request["Name"]
        if name in self._schedules:
            self.faults.hits["F13 schedule exists", ""] += 1
            raise AwsError("ConflictException", f"Schedule {name} already exists", status=409)
        self._schedules.add(name)
        at = datetime.fromisoformat(request["ScheduleExpression"].removeprefix("at(").removesuffix(")"))
        delay = int(at.replace(tzinfo=UTC).timestamp() * 1000) - self.world.now
        event = json.loads(request["Target"]["Input"])
        if self.faults.happens("F13 schedule lost", 0.3):
            return {}
        times = [delay + self._dice.choice((0, 0, 20, 500, 3_000))]
        if self.faults.happens("F12 timer again", 0.3):
            times.append(times[0] + self._dice.choice((0, 1, 100, 30_000, 10 * _MINUTE)))
        if self.faults.happens("F12 timer early", 0.3):
            times.append(delay - self._dice.choice((1, 500, 2_500, _MINUTE)))
        if self.faults.happens("F12 timer late", 0.2):
            times[0] += self._dice.choice((_MINUTE, 20 * _MINUTE, 3 * 60 * _MINUTE))
        for when in times:
            self.world.later(
                when, lambda: self._invoke_asynchronously("scheduled.end_due_order", event, timeout=_TIMEOUT)
            )
        return {"ScheduleArn": f"arn:aws:scheduler:eu-central-1:123456789012:schedule/{name}"}

    # ------------------------------------------------------------ background

    def every_minute(self) -> None:
        """Run the sweep once a minute. Without a due item, only one sweep in a hundred is simulated."""
        if not self._goes_on:
            return
        self.world.later(_MINUTE, self.every_minute)
        soon = self.world.now + MAX_SKEW
        items = self._checker.items.values()
        is_due = any("due_pk" in item and item["due_at"] <= soon and item["due_pk"].startswith("DUE") for item in items)
        if not is_due and self._dice.random() < 0.99:
            return
        if not self.faults.happens("sweep lost", 0.7):
            self.sweep()

    def begin(self) -> None:
        """Start the sweep and TTL."""
        self.world.later(_MINUTE, self.every_minute)
        self.world.later(1_000, self.ttl)

    def stop(self) -> None:
        """Stop all background work and all lag."""
        self._goes_on = False
        self.database.lag = lambda index: 0

    def sweep(self) -> None:
        """Run one sweep."""
        self._invoke_asynchronously("scheduled.sweep", {}, timeout=_SWEEP_TIMEOUT)

    def ttl(self) -> None:
        """Let TTL remove expired items: on time in some seeds, days late in others."""
        if not self._goes_on:
            return
        self.world.later(self._dice.choice((1_000, _MINUTE, 10 * _MINUTE)), self.ttl)
        for key in self.database.expired():
            if self.faults.happens("F17 TTL on time", 0.8) or self.faults.happens("F17 TTL late", 0.2):
                self.database.expire(key)

    def delivered(self) -> bool:
        """Whether the stream has nothing left to deliver."""
        return all(reader.is_idle for reader in self._readers)


class StreamReader:
    """Deliver the stream's records to one function: in order, at least once, and again from the first failed one."""

    def __init__(self, aws: Aws, function: str, source: Mapping[str, Any]) -> None:
        self._aws = aws
        self._function = function
        self._filters = [list(_values(json.loads(one["Pattern"]))) for one in source["FilterCriteria"]["Filters"]]
        self._retries: int = source["MaximumRetryAttempts"]
        self._max_age: int = source.get("MaximumRecordAgeInSeconds", -1) * 1000
        self._waiting: list[dict[str, Any]] = []
        self._busy = False
        self._sent = 0
        self._failures = 0

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to deliver."""
        return not self._waiting and not self._busy

    def offer(self, record: dict[str, Any]) -> None:
        """Queue a record of the stream if it passes the filter."""
        if not any(all(_at(record, path) in values for path, values in pattern) for pattern in self._filters):
            return
        faults, dice = self._aws.faults, self._aws.world.random
        if faults.happens("stream record lost", 0.1, self._function):
            return
        if self._function == READER:
            self._aws.news.on_record(record)
        at = len(self._waiting)
        # Only the records of one item keep their order. A batch in delivery stays ahead.
        if at > self._sent and faults.happens("F18 records interleaved", 0.5, self._function):
            same = (place + 1 for place, other in enumerate(self._waiting) if _key(other) == _key(record))
            at = dice.randint(max(self._sent, *same, 0), at)
        self._waiting.insert(at, record)
        self._plan(dice.choice((0, 10, 200, 1_000)))

    def _plan(self, delay: int) -> None:
        if not self._busy:
            self._busy = True
            self._aws.world.later(delay, self._deliver)

    def _deliver(self) -> None:
        batch = self._waiting[: self._aws.world.random.randint(1, 5)]
        self._sent = len(batch)
        self._aws.invoke(self._function, {"Records": batch}, lambda task: self._on_end(batch, task))

    def _on_end(self, batch: list[dict[str, Any]], task: Task) -> None:
        faults, world = self._aws.faults, self._aws.world
        failed = batch[0] if not task.ended_well else _first_failed(batch, task.result)
        done = len(batch) if failed is None else batch.index(failed)
        if self._function == READER:
            self._aws.news.on_end(task, batch, failed)
        if failed is not None:
            self._failures += 1
            faults.hits["F18 batch partly failed", self._function] += bool(done)
            world.note(self._function, "failed at record", done, "of", len(batch))
            if self._is_given_up(failed):
                self._failures = 0
                done += 1
                if self._function == READER:
                    self._aws.news.on_given_up(failed)
                if faults.happens("F20 redriven", 1, self._function):
                    world.later(_DAY, lambda: self._again([failed]))
        else:
            self._failures = 0
            if faults.happens("F18 record again", 0.2, self._function):
                world.later(world.random.choice((0, 100, 10_000, 20 * _MINUTE)), lambda: self._again(batch))
        # Records that arrived meanwhile are behind the batch.
        del self._waiting[:done]
        self._sent = 0
        self._busy = False
        if self._waiting:
            self._plan(min(1_000 * 2**self._failures, _MINUTE) if failed is not None else 0)

    def _is_given_up(self, record: Mapping[str, Any]) -> bool:
        """Whether a failed record goes to the dead letters; -1 is no limit."""
        age: int = self._aws.world.now - record["dynamodb"]["ApproximateCreationDateTime"] * 1000
        return 0 <= self._retries < self._failures or 0 <= self._max_age < age

    def _again(self, batch: Sequence[dict[str, Any]]) -> None:
        self._waiting.extend(batch)
        self._plan(0)


def _values(pattern: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Sequence[Any]]]:
    """Yield the path of each value that an event filter compares, and the values that pass."""
    for name, part in pattern.items():
        if isinstance(part, Mapping):
            yield from (((name, *path), values) for path, values in _values(part))
        else:
            yield (name,), part


def _at(record: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        record = record.get(name)
        if record is None:
            return None
    return record


def _key(record: Mapping[str, Any]) -> Any:
    return record["dynamodb"]["Keys"]


def _first_failed(batch: list[dict[str, Any]], result: Mapping[str, Any]) -> dict[str, Any] | None:
    failures = result["batchItemFailures"]
    if not failures:
        return None
    number = failures[0]["itemIdentifier"]
    return next(record for record in batch if record["dynamodb"]["SequenceNumber"] == number)
