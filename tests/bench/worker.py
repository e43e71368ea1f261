"""The measured process runs one function, starting with its import. `python worker.py MODULE REQUESTS < events.json`.

It imports no tests: the function and its dependencies come from PYTHONPATH, its settings from the environment. Modules
under UNCOMPILED_PATH are compiled anew.
Prints a line of JSON to stderr, in milliseconds: CPU and wall time of the import, CPU of the first request, and
medians of CPU of a warm request, of its parts, and of a request to the handler of boto3 alone.
"""

import importlib
import os
import sys
import time


def _compile_anew(folder: str) -> None:
    """Ignore the compiled code of modules under `folder`."""
    loader: Any = importlib._bootstrap_external
    cached = loader.cache_from_source

    def compiled_path(path: str, *given: object, **named: object) -> object:
        if path.startswith(folder):
            raise NotImplementedError  # the import system then reads the source
        return cached(path, *given, **named)

    loader.cache_from_source = compiled_path


if "UNCOMPILED_PATH" in os.environ:
    _compile_anew(os.environ["UNCOMPILED_PATH"])
_started = time.perf_counter_ns(), time.process_time_ns()

module = importlib.import_module(sys.argv[1])
for name, make in (("shared.store.table", "client"), ("shared.aws.secrets", "_provider")):
    if name in sys.modules:
        getattr(sys.modules[name], make)()  # cached; Lambda creates it during init
_wall, _cpu = time.perf_counter_ns() - _started[0], time.process_time_ns() - _started[1]

import json  # noqa: E402
import statistics  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

WARMING_UP = 30


class Context:
    """The Lambda context of an invocation."""

    aws_request_id = "11111111-2222-3333-4444-555555555555"
    function_name = "measured"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:measured"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until the deadline."""
        return 25_000


def cpu_of(do: Callable[[], Any]) -> float:
    """Call `do` and return its CPU milliseconds."""
    before = time.process_time_ns()
    do()
    return (time.process_time_ns() - before) / 1e6


class Timed:
    """Add up the CPU milliseconds of wrapped calls."""

    def __init__(self) -> None:
        self.spent = 0.0

    def call(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function."""

        def timed(*given: Any, **named: Any) -> Any:
            before = time.process_time_ns()
            try:
                return inner(*given, **named)
            finally:
                self.spent += (time.process_time_ns() - before) / 1e6

        return timed

    def coroutine(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a coroutine function. Our coroutines never wait, so no other code runs meanwhile."""

        async def timed(*given: Any, **named: Any) -> Any:
            before = time.process_time_ns()
            try:
                return await inner(*given, **named)
            finally:
                self.spent += (time.process_time_ns() - before) / 1e6

        return timed

    def taken(self) -> float:
        """Return the sum and reset it."""
        spent, self.spent = self.spent, 0.0
        return spent


def split(request: Callable[[], Any], requests: int) -> dict[str, float]:
    """Split the CPU time of a request into boto3, FastAPI with Mangum, and our own code."""
    import botocore.client  # noqa: PLC0415
    import fastapi.routing  # noqa: PLC0415
    import mangum  # noqa: PLC0415

    boto3, asgi, endpoint, auth = Timed(), Timed(), Timed(), Timed()
    base: Any = botocore.client.BaseClient
    base._make_api_call = boto3.call(base._make_api_call)
    frameworks: Any = mangum.Mangum
    frameworks.__call__ = asgi.call(frameworks.__call__)
    routing: Any = fastapi.routing
    routing.run_endpoint_function = endpoint.coroutine(routing.run_endpoint_function)
    if "shared.http.auth" in sys.modules:
        checks: Any = sys.modules["shared.http.auth"].InitData
        checks.__call__ = auth.coroutine(checks.__call__)
    seen: dict[str, list[float]] = {"ours": [], "frameworks": [], "boto3": []}
    for _ in range(requests):
        whole = cpu_of(request)
        in_boto3, in_asgi, in_ours = boto3.taken(), asgi.taken(), endpoint.taken() + auth.taken()
        seen["boto3"].append(in_boto3)
        seen["frameworks"].append(in_asgi - in_ours)
        seen["ours"].append(whole - in_asgi + in_ours - in_boto3)
    return {name: statistics.median(values) for name, values in seen.items()}


def main() -> None:
    """Measure and print the results."""
    result: dict[str, Any] = {"init_wall": _wall / 1e6, "init_cpu": _cpu / 1e6}
    requests, given = int(sys.argv[2]), json.loads(sys.stdin.read() or "{}")
    if given:
        context = Context()
        feeds: Any = sys.modules.get("shared.store.feeds")
        offers: Any = sys.modules.get("functions.notifications.send_offer")

        def request() -> Any:
            if feeds is not None and given["forget"]:
                feeds._totals.clear()
            if offers is not None and given["forget"]:
                offers._told.clear()
            return module.handler(given["event"], context)

        result["first"] = cpu_of(request)
        if requests:
            result["status"] = (request() or {}).get("statusCode")  # background work has none
            bare = importlib.import_module("tests.bench.bare.boto3_only")
            seen: dict[str, list[float]] = {"warm": [], "bare": []}
            for number in range(WARMING_UP + requests):
                # Alternate the two, so that other load on the machine affects both equally.
                warm, of_bare = cpu_of(request), cpu_of(lambda: bare.handler(given["bare"], context))
                if number >= WARMING_UP:
                    seen["warm"].append(warm)
                    seen["bare"].append(of_bare)
            result |= {name: statistics.median(values) for name, values in seen.items()}
            result |= split(request, requests // 2)
    print(json.dumps(result), file=sys.stderr)


main()
