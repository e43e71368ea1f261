"""Traces for X-Ray: the duration of each call to AWS, as the X-Ray SDK reports it, but without importing the SDK.

Lambda traces invocations by itself (`Tracing` in template.yaml) and runs X-Ray's daemon beside each function. In a
traced invocation, each call sends a datagram to the daemon without waiting. It names the operation, not its parameters.
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
# The trace header of a sampled invocation. Any other header means that the invocation is not traced.
_SAMPLED = re.compile("Root=([^;]+);Parent=([^;]+);Sampled=1")


def hook_into(client: Any, *, daemon: str) -> None:
    """Report the client's calls in traced invocations to the daemon at `daemon`, host:port. UDP, non-blocking."""
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
            with contextlib.suppress(OSError):  # a lost trace must not fail the request
                out.sendto((_HEADER + json.dumps(document)).encode(), (host, int(port)))

    client.meta.events.register("before-call", start)
    client.meta.events.register("after-call", end)
    client.meta.events.register("after-call-error", end)


def _subsegment(service: str, operation: str, trace: re.Match[str], started: float, response: Any) -> dict[str, Any]:
    """Return the X-Ray document of a call. `response` is None if no response arrived."""
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
