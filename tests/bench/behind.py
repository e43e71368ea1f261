"""(g) What one order costs behind the API: each invocation of its stream, queues, schedules and messages.

The invocations are recorded one by one and counted exactly. `times` says how often an order causes each. Lambda may put
several records or messages into one invocation, so the invocations are a maximum.
"""

import importlib
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from shared.aws.queues import Queue
from shared.domain.durations import HOUR_MS, MINUTE_MS
from shared.domain.notice import Kind, Notice
from tests import api
from tests.bench.calls import NOW
from tests.bench.cases import (
    CASES,
    CLIENT,
    EXECUTOR,
    STRANGER,
    Recorded,
    Reply,
    Service,
    message_event,
    new_order_event,
    offer_event,
    record,
    service,
)
from tests.bench.measure import run
from tests.bench.meter import Call
from tests.in_process import stream_event

TOLD = 20
TAKES = 1.5

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of invocation, `times` per order. `prepare` fills the table and returns the event.

    `age_ms`: how long the preparation lets the clock advance. Without `forget`, a process is measured that has told
    somebody of the order.
    """

    name: str
    function: str
    times: float
    prepare: Callable[[Service], Event]
    age_ms: int = 0
    forget: bool = True


class Cost(NamedTuple):
    """The cost of one invocation, or of all. Queues and schedules are calls of SQS and EventBridge Scheduler."""

    invocations: float
    table: float
    queues: float
    schedules: float
    telegram: float


def _change(act: Callable[[Service, str], Any], *, takers: int) -> Callable[[Service], Event]:
    """Return the preparation of the stream's record of what `act` does to an order with so many takes."""

    def prepare(made: Service) -> Event:
        order_id = made.taken(*range(EXECUTOR, EXECUTOR + takers))
        made.recharge(STRANGER + 1, 10)
        before = made.image(order_id)
        act(made, order_id)
        return stream_event(made.image(order_id), before)

    return prepare


def _take(made: Service, order_id: str) -> None:
    assert made.call("POST /api/orders/{id}/take", user=STRANGER + 1, id=order_id).status == 200


def _answer(made: Service, order_id: str) -> None:
    assert made.call("POST /api/orders/{id}/respond", user=CLIENT, id=order_id).status == 200


def _end(made: Service, order_id: str) -> None:
    _answer(made, order_id)
    made.later(ms=HOUR_MS)
    made.timer(order_id, made.now)


def _notice(kind: Kind, *acts: Callable[[Service, str], Any], to: int = EXECUTOR) -> Callable[[Service], Event]:
    def prepare(made: Service) -> Event:
        assert made.telegram
        order_id = made.taken(EXECUTOR)
        for act in acts:
            act(made, order_id)
        notice = Notice(kind, order_id, to, due_at=made.now, number=int(to == CLIENT))
        return message_event(made, Queue.NOTICES, **asdict(notice))

    return prepare


def _timer(*, after_ms: int) -> Callable[[Service], Event]:
    def prepare(made: Service) -> Event:
        order_id = made.taken(EXECUTOR)
        _answer(made, order_id)
        made.later(ms=after_ms)
        return {"order_id": order_id, "due_at": made.now}

    return prepare


STREAM, OFFERS, NOTICES = "streams.order_changed", "notifications.send_offer", "notifications.send_notice"
TIMER = "scheduled.end_due_order"
STEPS = [
    Step("record of the new order", STREAM, 1, lambda made: stream_event(made.image(made.new_order()))),
    Step(f"audience of {TOLD}", "notifications.find_audience", 1, lambda made: new_order_event(made, TOLD)),
    Step("offer, first of the order", OFFERS, 1, lambda made: offer_event(made, is_first=True)),
    Step("offer", OFFERS, TOLD - 1, lambda made: offer_event(made, is_first=False), forget=False),
    Step("record of the first take", STREAM, 1, _change(_take, takers=0)),
    Step("record of another take", STREAM, TAKES - 1, _change(_take, takers=1)),
    Step("notice of a take", NOTICES, TAKES, _notice("taken", to=CLIENT)),
    Step("record of the answer", STREAM, 1, _change(_answer, takers=1)),
    Step("notice of the answer", NOTICES, TAKES, _notice("answered", _answer)),
    Step("reminder, dropped after the answer", NOTICES, 2, _notice("asked", _answer, to=CLIENT)),
    Step("end of the answer window, nothing due", TIMER, 1, _timer(after_ms=15 * MINUTE_MS), 15 * MINUTE_MS),
    Step("end of the hour", TIMER, 1, _timer(after_ms=HOUR_MS), HOUR_MS),
    Step("record of the end", STREAM, 1, _change(_end, takers=1), HOUR_MS),
    Step("notice of the end", NOTICES, TAKES, _notice("expired", _end), HOUR_MS),
]
"""An order that is told to `TOLD` executors at once, taken, answered, and ended by its timer."""


def _record(step: Step, now: int) -> tuple[Recorded, Cost]:
    """Run the step once; return it for the worker, and its cost."""
    with service(now) as made:
        event = step.prepare(made)
        for calls in (made.table.calls, made.replies, made.elsewhere):
            calls.clear()
        done = importlib.import_module(f"functions.{step.function}").handler(event, api.Context())
        assert not (done or {}).get("batchItemFailures"), (step.name, done)
        queued = [
            Call("SendMessageBatch", request, 200, {"Successful": [], "Failed": []})
            for operation, request in made.elsewhere
            if operation == "send_message_batch"
        ]
        scheduled = [
            Reply("POST", f"/schedules/{request['Name']}", 200, {"ScheduleArn": "arn:aws:scheduler:::schedule/x"})
            for operation, request in made.elsewhere
            if operation == "create_schedule"
        ]
        assert len(queued) + len(scheduled) == len(made.elsewhere)
        cost = Cost(1, len(made.table.calls), len(queued), len(scheduled), len(made.replies))
        first_offer = Call("PutItem", {}, 200, {})  # the mark of the first offer, made by a process that is new
        calls = [*made.table.calls, *queued, first_offer]
        return Recorded(event, calls, calls, [*made.replies, *scheduled]), cost


def costs() -> dict[str, Cost]:
    """Return the cost of one invocation by step."""
    return {step.name: _record(step, NOW)[1] for step in STEPS}


def of_an_order(each: dict[str, Cost]) -> Cost:
    """Return the cost of all invocations that an order causes."""
    return Cost(*(sum(step.times * each[step.name][kind] for step in STEPS) for kind in range(len(Cost._fields))))


def measure(rounds: int, requests: int) -> dict[str, dict[str, float]]:
    """Return medians by step: CPU ms `warm` of an invocation, and its `ratio` to boto3 alone reading an order."""
    found = {}
    for step in STEPS:
        now = time.time_ns() // 1_000_000
        bare = record(next(case for case in CASES if case.name == "get order"), now)
        recorded, _ = _record(step, now - step.age_ms)
        seen = [
            run(f"functions.{step.function}", recorded, bare=bare, requests=requests, forget=step.forget)
            for _ in range(rounds)
        ]
        found[step.name] = {
            "warm": statistics.median(each["warm"] for each in seen),
            "ratio": statistics.median(each["warm"] / each["bare"] for each in seen),
        }
    return found
