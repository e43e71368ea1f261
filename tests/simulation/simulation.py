"""One seed, from the first request to the last check."""

import contextlib
import gc
import io
import logging
import random
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial
from multiprocessing import get_context
from typing import Any

from botocore.exceptions import EndpointConnectionError

from functions.admin import ban_user, erase_user, refund_payments
from functions.users import delete_me
from shared import clock, ids
from shared.aws import clients, health, queues, schedules, secrets
from shared.bot import receipts
from shared.commands import erasure, logins
from shared.commands import orders as order_commands
from shared.commands import payments as payment_commands
from shared.commands import refunds as refund_commands
from shared.commands import retry as retry_loop
from shared.commands import sockets as socket_commands
from shared.commands import users as user_commands
from shared.domain import masking
from shared.observability import logger, metrics
from shared.outbound import http
from shared.outbound.http import Reply
from shared.payments import yookassa
from shared.settings import payment_settings, settings
from shared.store import feeds, send_rate, table
from tests.conftest import SECRETS
from tests.fakes import sdk
from tests.simulation.actors import Actors
from tests.simulation.aws import Aws
from tests.simulation.days import wrong_day
from tests.simulation.entry import ThroughHttp, below_http
from tests.simulation.faults import Faults
from tests.simulation.invariants import RETENTION, Checker
from tests.simulation.notices import SENDERS, Notices
from tests.simulation.operators import Operators
from tests.simulation.payments import Payments
from tests.simulation.probers import Probers
from tests.simulation.records import CANARY
from tests.simulation.repeaters import Repeaters
from tests.simulation.sockets import OneByOne, Sockets
from tests.simulation.threads import Threads
from tests.simulation.world import HOUR, Task, Violation, World

_MINUTE = 60_000
DAY = 24 * HOUR
# Every n-th seed runs the complete stack: handlers, HTTP events, botocore's serializer, retries and parser.
WHOLE_WAY_EVERY = 64
# Seeds per batch of a process.
_SHARE = 250
# The share of seeds whose end is checked in every detail.
_LOOK_CLOSELY = 0.1
# The seeds have few texts, which are masked again and again.
_mask = lru_cache(maxsize=10_000)(masking.mask)


@dataclass
class Result:
    """The result of one seed, or the sum of several."""

    seeds: int = 0
    steps: int = 0
    commits: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Result") -> None:
        """Add the result of other seeds."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.commits += other.commits
        self.calls += other.calls
        self.hits += other.hits
        self.violations |= other.violations


class Simulation:
    """The world of one seed and its run."""

    def __init__(self, seed: int, result: Result | None = None) -> None:
        self.result = result if result is not None else Result()
        self.world = World(seed)
        self.whole_way = seed % WHOLE_WAY_EVERY == 0
        self.faults = Faults.of(self.world.random, self.result.calls, self.result.hits)
        self.checker = Checker(self.world)
        self.aws = Aws(self.world, self.faults, self.checker)
        self._through_http = ThroughHttp(self.world)
        self.actors = Actors(self.world, self.aws, self.checker, self._through_http if self.whole_way else below_http)
        self.payments = Payments(
            self.world, self.aws, self.checker, self.actors, self._through_http if self.whole_way else None
        )
        self.notices = Notices(self.world, self.aws, self.checker)
        self.operators = Operators(self.world, self.aws, self.checker, self.actors)
        self.threads = Threads(self.world, self.aws, self.checker, self.actors, self.payments, self.notices)
        self.probers = Probers(self.world, self.checker, self.actors)
        self.repeaters = Repeaters(self.world, self.checker, self.actors)
        self.sockets = Sockets(self.world, self.aws, self.checker, self.actors)
        self._log = io.StringIO()

    def run(self) -> None:
        """Run the seed. Raises Violation."""
        with self.in_place_of_what_is_real():
            try:
                self._story()
            finally:
                self.world.end()
                self.result.seeds += 1
                self.result.steps += self.world.steps
                self.result.commits += len(self.aws.database.changes)
        if CANARY in self._log.getvalue():
            raise Violation("I18: a contact in the log")

    def _story(self) -> None:
        world = self.world
        if world.random.random() < 0.8:
            self.aws.begin()
        self.actors.begin()
        self.payments.begin()
        self.operators.begin()
        self.probers.begin()
        self.repeaters.begin()
        self.sockets.begin()
        self.threads.begin()
        world.run(until=world.now + world.random.choice((30 * _MINUTE, 2 * HOUR, 5 * HOUR)))
        self.let_everything_happen()

    def let_everything_happen(self) -> None:
        """Stop the faults, let time pass and check liveness (L1-L5, L8, L9). Raises Violation."""
        world, actors = self.world, self.actors
        world.note("faults stop")
        self.faults.stop()
        actors.turns.stop()
        self.aws.stop()
        self.payments.stop()
        self.notices.stop()
        self.operators.turns.stop()
        self.probers.turns.stop()
        self.repeaters.turns.stop()
        self.threads.turns.stop()
        self.sockets.at_rest()
        swept = self._end_orders()
        self.notices.at_end()
        if self.payments.pay_late():
            swept = self._days_later()
        for request in list(actors.unanswered):
            actors.send(request)
        world.run(until=world.now + _MINUTE)
        # A timer may be due now, and a notice may be sent at any time.
        endless = [task for task in world.running.values() if task.started < world.now and task.function not in SENDERS]
        if endless:
            world.broken("L4", f"{len(endless)} invocations have not ended")
        for request in actors.unanswered:
            world.broken("L4", f"{request.name} is still not answered")
        if not self.aws.delivered():
            # A timer may have written within this very second, and its record may wait for a second or two.
            world.run(until=world.now + _MINUTE)
        if not self.aws.delivered():
            world.broken("L1", "the stream is not delivered")
        self.aws.news.at_end()
        self.threads.at_end()
        self.checker.at_end(swept)
        self.operators.forget_once_more()
        world.run(until=world.now + _MINUTE)
        self.checker.at_end(swept)
        self.checker.audit_log.at_rest()
        if world.violation:
            raise world.violation
        if world.random.random() < _LOOK_CLOSELY:
            self._look_closely()

    def _look_closely(self) -> None:
        """Check every list, the service's own audit and its metrics, before and after TTL removes the orders."""
        world = self.world
        for _ in range(2):
            while min((abs(due - world.now) for due in self.checker.deadlines()), default=HOUR) < 10_000:
                world.run(until=world.now + 11_000)
            self.actors.look_at_everything()
            self.aws.invoke("scheduled.audit", {}, self._audited)
            world.run(until=world.now + _MINUTE)
            self._end_orders()
            world.jump(DAY)
            self.aws.invoke("scheduled.audit", {}, self._audited)
            world.run(until=world.now + _MINUTE)
            if wrong := wrong_day(self.checker.items, world.now):
                world.broken("I32", wrong)
            world.jump(RETENTION)
            for key in self.aws.database.expired():
                self.aws.database.expire(key)
            world.run(until=world.now + _MINUTE)

    def _end_orders(self) -> int:
        """Let more than an hour pass with some sweeps; return the time of the last one."""
        swept = 0
        for _ in range(5):
            swept = self.world.now + 15 * _MINUTE
            self.world.run(until=swept)
            self.aws.sweep()
            self.payments.check()
        self.world.run(until=swept + _MINUTE)
        return swept

    def _days_later(self) -> int:
        """Let the days pass after which a payment is polled for the last time; return the time of the last sweep."""
        for _ in range(3):
            self.world.jump(DAY)
            swept = self._end_orders()
        return swept

    def _audited(self, task: Task) -> None:
        if task.result != []:
            self.world.broken("audit", f"it found {task.result} {task.error}")

    # ------------------------------------------------------------ seams

    @contextlib.contextmanager
    def in_place_of_what_is_real(self) -> Iterator[None]:
        """Replace the code's clock, random numbers, secrets and clients by the simulation's; capture stdout."""
        dice, world = self.world.random, self.world
        time = types.SimpleNamespace(
            sleep=lambda seconds: world.pause(int(seconds * 1000) + 1), monotonic=lambda: world.now / 1000
        )
        tokens = types.SimpleNamespace(
            token_urlsafe=lambda size: f"{dice.getrandbits(48):012x}", randbits=dice.getrandbits
        )
        if self.whole_way:
            random.seed(world.seed)  # botocore's jitter
            dynamodb = table.client.__wrapped__()
            sdk.over_the_wire(dynamodb, self.aws.call_dynamodb)
        else:
            dynamodb = _bare_client("dynamodb")
            sdk.below_the_client(dynamodb, self.aws.call_dynamodb, sleep=time.sleep, random=dice.random)
        scheduler = _bare_client("scheduler")
        sdk.below_the_client(scheduler, self.aws.call_scheduler, sleep=time.sleep, random=dice.random)
        sqs = _bare_client("sqs")
        sdk.below_the_client(sqs, self.aws.call_sqs, sleep=time.sleep, random=dice.random)
        hurried_sqs = _bare_client("hurried sqs")
        sdk.below_the_client(hurried_sqs, self.aws.call_sqs_hurried, sleep=time.sleep, random=dice.random)
        cloudwatch = _bare_client("cloudwatch")
        sdk.below_the_client(cloudwatch, self.aws.call_cloudwatch, sleep=time.sleep, random=dice.random)
        feeds._totals.clear()
        send_rate._guess["bot_is_busy"] = False
        per_hour: dict[str, Any] = {
            f"{name}_per_hour": limit for name, limit in self.checker.audit_log.per_hour.items()
        }
        limited = replace(settings(), **per_hour)
        fiscal = replace(payment_settings(), yookassa_vat_code=1)
        replaced: list[tuple[Any, str, Any]] = [
            (clock, "now_ms", world.clock),
            (clock, "sleep", time.sleep),
            (ids, "secrets", tokens),
            (logins, "secrets", types.SimpleNamespace(token_urlsafe=lambda size: f"{dice.getrandbits(88):022x}")),
            *((module, "settings", lambda: limited) for module in (order_commands, payment_commands, user_commands)),
            (payment_commands, "time", time),
            (ban_user, "time", time),
            *(
                (module, "operator_refunds_per_day", lambda: self.checker.audit_log.refunds_per_day)
                for module in (refund_commands, refund_payments)
            ),
            (erasure, "time", time),
            (delete_me, "time", time),
            (erase_user, "time", time),
            (http, "request", self._request),
            (http, "download", self.threads.download),
            (http, "time", time),
            (socket_commands, "ThreadPoolExecutor", OneByOne),
            *([] if self.whole_way else [(clients, "signed_headers", lambda *request, service: {})]),
            (http, "random", self.payments.dice),
            (secrets, "_provider", lambda: self),
            # The shop sends receipts. The bot's question for a contact is not simulated.
            (yookassa, "payment_settings", lambda: fiscal),
            (receipts, "ask", lambda user_id, amount: None),
            *((module, "time", time) for module in (table, retry_loop)),
            *((module, "random", dice) for module in (table, retry_loop)),
            (masking, "mask", _mask),
            (table, "uuid", types.SimpleNamespace(uuid4=lambda: f"{dice.getrandbits(64):016x}")),
            (table, "client", lambda: dynamodb),
            (schedules, "client", lambda: scheduler),
            (queues, "client", lambda *, hurried=False: hurried_sqs if hurried else sqs),
            (health, "_cloudwatch", lambda: cloudwatch),
            (sys.modules["botocore.endpoint"], "time", time),
            (sys, "stdout", self._log),
            (logger.registered_handler, "stream", self._log),
            # Writing the log would cost as much as a call.
            (logging.getLogger(logger.service), "disabled", not self.whole_way),
            (metrics, "flush_metrics", metrics.flush_metrics if self.whole_way else metrics.clear_metrics),
        ]
        real = [(target, name, getattr(target, name)) for target, name, _ in replaced]
        try:
            for target, name, simulated in replaced:
                setattr(target, name, simulated)
            yield
        finally:
            for target, name, original in real:
                setattr(target, name, original)
            self._through_http.close()

    def _request(self, method: str, url: str, **more: Any) -> Reply:
        """Replace `outbound.http.request`: a message of the bot, or a call to a provider."""
        if "/@connections/" in url:
            return self.sockets.request(method, url, more.get("body"))
        if url.endswith("/getFile"):
            return self.threads.get_file()
        if url.endswith("/sendMessage"):
            return self.notices.request(more["body"], more["read_timeout"])
        return self.payments.request(method, url, **more)

    def get(self, path: str) -> str:
        """Return a secret like the parameter store. Raises its errors (F25)."""
        if self.faults.happens("F25 parameter store down", 0.05, path.rpartition("/")[2]):
            raise EndpointConnectionError(endpoint_url="https://ssm")
        return SECRETS[path.rpartition("/")[2]]


@cache
def _bare_client(service: str) -> Any:
    make: dict[str, Callable[[], Any]] = {
        "dynamodb": table.client.__wrapped__,
        "scheduler": schedules.client.__wrapped__,
        "sqs": queues.client.__wrapped__,
        "hurried sqs": partial(queues.client.__wrapped__, hurried=True),
        "cloudwatch": health._cloudwatch.__wrapped__,
    }
    return make[service]()


def run_seeds(seeds: Iterable[int], *, until_violation: bool = False) -> Result:
    """Run seeds one after another; return their result with violations."""
    result = Result()
    for seed in seeds:
        try:
            Simulation(seed, result).run()
        except Violation as violation:
            result.violations[seed] = str(violation)
            if until_violation:
                break
    return result


def run_many(seeds: range, *, processes: int) -> Iterator[Result]:
    """Run seeds in several processes; yield partial results."""
    shares = [seeds[start : start + _SHARE] for start in range(0, len(seeds), _SHARE)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_collect_seldom) as pool:
        yield from pool.map(run_seeds, shares)


def _collect_seldom() -> None:
    """Let Python look for garbage less often: a seed makes little, and the looking takes 4 % of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
