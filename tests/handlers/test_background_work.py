"""What a background handler does around its work: one log line, metrics, time, the first failure of a stream."""

import json
import warnings
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from shared.aws.queues import Queue
from shared.domain.messages import Offer
from shared.handlers.background import HandlerFailed, background_handler, queue_handler, stream_handler
from shared.observability import logger, metrics
from shared.service_errors import RetryLater, Unavailable
from tests.api import Context
from tests.in_process import Api, moto_of, queue_name

MARGIN = 15_000


class Lambda(Context):
    """An invocation with so many ms left at each look."""

    def __init__(self, *left: int) -> None:
        self.left = list(left)

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


def lines(log: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def metrics_in(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines() if "_aws" in line]


# ---------------------------------------------------------------- any background work


def test_work_is_one_log_line_of_its_own_request(log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    """Keys of the invocation before are gone, and without a metric nothing is printed."""
    logger.append_keys(user_id=77)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Powertools warns of an empty flush
        assert background_handler(lambda event, _: event["x"])({"x": 5}, Context()) == 5
    [line] = lines(log)
    assert (line["message"], line["function"]) == ("done", "under-test")
    assert line["request_id"] == Context.aws_request_id
    assert "user_id" not in line
    assert capfd.readouterr().out == ""


def test_early_work_fails_and_counts_no_failure(log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    """Lambda retries it. It is no defect, so no alarm counts it."""

    @background_handler
    def early(event: Any, context: Any) -> None:
        metrics.add_metric("Tries", "Count", 1)
        raise RetryLater(3)

    with pytest.raises(HandlerFailed, match="RetryLater") as failed:
        early({}, Context())
    assert str(failed.value) == "RetryLater"
    assert failed.value.__suppress_context__
    assert [line["message"] for line in lines(log)] == ["early"]
    [counted] = metrics_in(capfd.readouterr().out)
    assert "Tries" in counted
    assert "BackgroundFailures" not in counted


# ---------------------------------------------------------------- a stream


def record(number: int) -> dict[str, Any]:
    return {"eventName": "MODIFY", "dynamodb": {"SequenceNumber": str(number), "NewImage": {}}}


def streamed(handle: Callable[[int], None], context: Context) -> tuple[list[int], list[str]]:
    """Deliver three records; return those that were handled, and those that are reported as failed."""
    handled: list[int] = []

    def work(raw: dict[str, Any]) -> None:
        handled.append(int(raw["dynamodb"]["SequenceNumber"]))
        handle(handled[-1])

    result = stream_handler(work)({"Records": [record(number) for number in (1, 2, 3)]}, context)
    return handled, [failure["itemIdentifier"] for failure in result["batchItemFailures"]]


@pytest.mark.parametrize(("error", "failures"), [(Unavailable(), 1), (RetryLater(5), 0)], ids=["failed", "too early"])
def test_stream_stops_at_the_first_record_that_fails(
    error: Exception, failures: int, log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """Lambda delivers again from that record on. A record that is too early is no failure."""

    def fail_second(number: int) -> None:
        if number == 2:
            raise error

    assert streamed(fail_second, Context()) == ([1, 2], ["2", "3"])
    counted = [each["BackgroundFailures"] for each in metrics_in(capfd.readouterr().out)]
    assert counted == [[1.0]] * failures


@pytest.mark.parametrize(
    ("left", "handled"),
    [([MARGIN], [1, 2, 3]), ([MARGIN, MARGIN - 1, 60_000], [1]), ([MARGIN - 1, 60_000], [])],
)
def test_stream_starts_no_record_in_the_last_15_seconds(left: list[int], handled: list[int]) -> None:
    """Nor any record after such a one: their order is kept."""
    assert streamed(lambda number: None, Lambda(*left)) == (handled, [str(n) for n in (1, 2, 3) if n not in handled])


# ---------------------------------------------------------------- a queue


class Queued:
    """The queue of offers with one message, due `age_ms` ago, whose handling answers as planned."""

    def __init__(self, service: Api, age_ms: int, *planned: Exception | None) -> None:
        self._service = service
        self._planned = list(planned)
        self._due_at = service.now - age_ms
        self.started: list[int] = []

    def _handle(self, message: Offer, context: Any) -> None:
        assert message == Offer(1, "A" * 12, self._due_at)
        self.started.append(self._service.now)
        if planned := self._planned.pop(0):
            raise planned

    def deliver(self, context: Context) -> list[str]:
        """Return the ids of the messages that are reported as failed."""
        offer = {"user_id": 1, "order_id": "A" * 12, "due_at": self._due_at}
        event = self._service.received(Queue.OFFERS, offer)
        result = queue_handler(Queue.OFFERS, Offer, self._handle)(event, context)
        return [failure["itemIdentifier"] for failure in result["batchItemFailures"]]

    def delays(self) -> list[int]:
        """Return the delays in s of the messages that were put into the queue anew."""
        messages = moto_of("sqs").queues[queue_name(Queue.OFFERS)]._messages
        return [
            max(round((each.delayed_until - each.sent_timestamp) / 1000), 0)
            for each in messages
            if not each.approximate_receive_count
        ]


@pytest.mark.parametrize(("age_ms", "shown"), [(0, 0), (7_300, 7_300), (-5_000, 0)])
def test_age_of_a_message_is_counted_in_its_queues_metric(
    service: Api, capfd: pytest.CaptureFixture[str], age_ms: int, shown: int
) -> None:
    """`OffersAge`, from `due_at`. The alarm on it needs the unit."""
    queued = Queued(service, age_ms, None)
    assert (queued.deliver(Context()), queued.delays()) == ([], [])
    [counted] = metrics_in(capfd.readouterr().out)
    assert counted["OffersAge"] == [shown]
    assert counted["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "OffersAge", "Unit": "Milliseconds"}]


def test_names_of_the_age_metrics_follow_their_queues(service: Api, capfd: pytest.CaptureFixture[str]) -> None:
    found = []
    for queue in Queue:
        event = service.received(queue, {"user_id": 1, "order_id": "A" * 12, "due_at": service.now})
        queue_handler(queue, Offer, lambda message, context: None)(event, Context())
        [counted] = metrics_in(capfd.readouterr().out)
        found += [name for name in counted if name.endswith("Age")]
    assert (len(found), {"NewOrdersAge", "OffersAge", "NoticesAge"} - set(found)) == (len(Queue), set())


@pytest.mark.parametrize(("seconds", "waits"), [(1, True), (3, True), (4, False)])
def test_short_wait_happens_within_the_invocation(service: Api, seconds: int, waits: bool) -> None:
    """So it uses up no receive. A longer wait would hold up the batch: the message is put into the queue anew."""
    queued = Queued(service, 0, RetryLater(seconds), None)
    started = service.now
    assert queued.deliver(Lambda(60_000)) == []
    assert [at - started for at in queued.started] == ([0, seconds * 1000] if waits else [0])
    assert queued.delays() == ([] if waits else [seconds])


@pytest.mark.parametrize(("left", "waits"), [(MARGIN + 2000, True), (MARGIN + 1999, False)])
def test_wait_must_end_15_seconds_before_the_invocation(service: Api, left: int, waits: bool) -> None:
    queued = Queued(service, 0, RetryLater(2), None)
    assert queued.deliver(Lambda(left)) == []
    assert len(queued.started) == (2 if waits else 1)
    assert queued.delays() == ([] if waits else [2])


@pytest.mark.parametrize(("left", "starts"), [(MARGIN, 1), (MARGIN - 1, 0)])
def test_message_is_started_only_with_15_seconds_left(service: Api, left: int, starts: int) -> None:
    """Otherwise it is put into the queue anew, at once, however old it is."""
    queued = Queued(service, 80_000, None)
    assert queued.deliver(Lambda(left)) == []
    assert len(queued.started) == starts
    assert queued.delays() == ([] if starts else [0])


def test_old_message_is_put_off_for_longer(service: Api) -> None:
    """An eighth of its age."""
    queued = Queued(service, 80_000, RetryLater(4))
    assert (queued.deliver(Context()), queued.delays()) == ([], [10])


def test_failed_message_is_reported_and_counted_once(
    service: Api, log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    queued = Queued(service, 0, Unavailable())
    assert (queued.deliver(Context()), queued.delays()) == (["0"], [])
    [counted] = metrics_in(capfd.readouterr().out)
    assert counted["BackgroundFailures"] == [1]
    [failed, _] = lines(log)
    assert (failed["message"], failed["error"]) == ("failed", "shared.service_errors.Unavailable")
