"""(e) Measure requests through `make run`: front server, API Gateway, Lambda processes and table on this machine.

Each client sends its next request when the last is answered. The embedded AWS costs more than the functions do. The CPU
time of the Lambda processes is therefore the figure that describes the functions.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.api import Answer
from tests.integration.service import Service, running

_MARK = b"AWS_LAMBDA_FUNCTION_NAME="
_TICK = os.sysconf("SC_CLK_TCK")


class Load(NamedTuple):
    """Measurements of one kind of request: requests per second, p50 and p99 in ms.

    `cpu` is the CPU time of the Lambda processes per request, in ms.
    """

    a_second: float
    p50: float
    p99: float
    cpu: float


def _cpu_of_functions(service: Service) -> float:
    """Return the CPU seconds of all processes that run functions of this service."""
    mark, total = os.fsencode(service.data_dir), 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            if mark in environment and _MARK in environment:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                total += (int(fields[11]) + int(fields[12])) / _TICK
        except OSError:  # it ended meanwhile, or belongs to another user
            continue
    return total


def _load(service: Service, requests: int, clients: int, send: Callable[[int], Answer], wanted: int) -> Load:
    for number in range(2 * clients):
        send(-1 - number)  # start every process
    before, started = _cpu_of_functions(service), time.monotonic()

    def timed(number: int) -> float:
        sent = time.monotonic()
        answer = send(number)
        assert answer.status == wanted, answer.text
        return (time.monotonic() - sent) * 1000

    with ThreadPoolExecutor(clients) as threads:
        times = sorted(threads.map(timed, range(requests)))
    seconds = time.monotonic() - started
    cpu = (_cpu_of_functions(service) - before) * 1000 / requests
    return Load(requests / seconds, statistics.median(times), times[int(len(times) * 0.99)], cpu)


def measure(requests: int, clients: int = 2) -> dict[str, Load]:
    """Return the measurements by kind of request."""
    with tempfile.TemporaryDirectory() as home, running(Path(home)) as service:
        client, executor = service.user(), service.user()
        orders = [service.order(client)["id"] for _ in range(60)]
        executors = {number: service.user() for number in range(-4 * clients, requests)}
        for user in executors.values():
            service.recharge(user, 10)
        # An order allows three takes, so every third take needs a new order.
        to_take = dict.fromkeys(executors, "")
        for at, number in enumerate(executors):
            to_take[number] = service.order(client)["id"] if at % 3 == 0 else to_take[number - 1]
        kinds: dict[str, tuple[int, Callable[[int], Answer]]] = {
            "health": (200, lambda number: service.call("GET /health")),
            "get order": (200, lambda number: service.call("GET /api/orders/{id}", id=orders[0])),
            "me": (200, lambda number: service.call("GET /api/users/me", user=executor)),
            "feed, 50": (200, lambda number: service.call("GET /api/orders")),
            "new order": (201, lambda number: service.call("POST /api/orders", user=client, body=service.order_body())),
            "take": (200, lambda number: service.take(executors[number], to_take[number])),
        }
        return {name: _load(service, requests, clients, send, wanted) for name, (wanted, send) in kinds.items()}
