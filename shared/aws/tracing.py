"""Traces: how long each call to AWS took, told to X-Ray as its SDK would, but without the SDK's import.

Lambda traces invocations by itself (`Tracing` in template.yaml) and has X-Ray's daemon beside each function. Where an
invocation is traced, a datagram about each call goes there; nobody waits for it. It says which call, never of what.
"""

import contextlib
import json
import os
import re
import time
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Any

_HEADER = '{"format": "json", "version": 1}\n'
_TRACED = "traced"
# What Lambda says of an invocation that is traced; what is written otherwise is none.
_SAMPLED = re.compile("Root=([^;]+);Parent=([^;]+);Sampled=1")


def hook_into(client: Any, *, daemon: str) -> None:
    """Tell the daemon at `daemon`, host:port, of the client's calls in invocations that are traced."""
    host, _, port = daemon.rpartition(":")
    out = socket(AF_INET, SOCK_DGRAM)
    out.setblocking(False)

    def start(context: dict[str, Any], **_: Any) -> None:
        if trace := _SAMPLED.match(os.environ.get("_X_AMZN_TRACE_ID", "")):
            context[_TRACED] = trace, time.time()

    def end(context: dict[str, Any], event_name: str, **more: Any) -> None:
        traced = context.pop(_TRACED, None)
        if traced is not None:
            _, service, operation = event_name.split(".")
            trace, started = traced
            document = _subsegment(service, operation, trace, started, more.get("http_response"))
            with contextlib.suppress(OSError):  # a trace is worth no request
                out.sendto((_HEADER + json.dumps(document)).encode(), (host, int(port)))

    client.meta.events.register("before-call", start)
    client.meta.events.register("after-call", end)
    client.meta.events.register("after-call-error", end)


def _subsegment(service: str, operation: str, trace: re.Match[str], started: float, response: Any) -> dict[str, Any]:
    """X-Ray's document of a call; `response` is None where there was none."""
    status = getattr(response, "status_code", None)
    return {
        "type": "subsegment",
        "id": os.urandom(8).hex(),
        "trace_id": trace[1],
        "parent_id": trace[2],
        "name": service,
        "namespace": "aws",
        "start_time": started,
        "end_time": time.time(),
        "aws": {"operation": operation},
        "error": status is not None and 400 <= status < 500,
        "fault": status is None or status >= 500,
        **({"http": {"response": {"status": status}}} if status is not None else {}),
    }
