"""Measure, print, and write the tables of docs/performance.md: `make bench`. Takes ten minutes on an idle machine.

`--only cold,warm,calls,package,end-to-end,growth` measures the listed parts and writes no file.
"""

import argparse
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"

import tests.conftest  # noqa: F401 - the functions' environment, before anything of ours is imported
from tests.api import ROOT
from tests.bench import calls, cold, end_to_end, growth, package, warm

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: make bench writes what is between these lines -->", "<!-- end of what is measured -->"


def table(head: str, rows: Iterable[Iterable[object]]) -> str:
    """Format a Markdown table; `head` is its first line without the outer bars."""
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|---" + "|---:" * (columns - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)])


def machine() -> str:
    """Describe this machine."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"model name\s*: (.+)", info.read_text())):
        model = found[1]
    load = f", load average {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} processors ({model}), {platform.system()}, Python {platform.python_version()}{load}."


def cold_starts() -> str:
    """(a) Cold start."""
    found = cold.measure(rounds=3)
    reference, naive = (found[name]["init_cpu"] for name in (cold.REFERENCE, cold.NAIVE))
    return "### Cold start\n\n" + table(
        "function | CPU, ms | relative to the reference | relative to the naive | first request, ms",
        (
            [
                name,
                f"{of['init_cpu']:.0f}",
                f"{of.get('of_reference', of['init_cpu'] / reference):.2f}",
                f"{of['init_cpu'] / naive:.2f}",
                f"{of['first']:.1f}" if "first" in of else "",
            ]
            for name, of in found.items()
        ),
    )


def warm_requests() -> str:
    """(b) Warm request."""
    return "### Warm request\n\n" + table(
        "request | relative to boto3 alone | CPU, ms | our code, ms | FastAPI and Mangum, ms | boto3, ms",
        (
            [name, f"{of['ratio']:.2f}", *(f"{of[part]:.2f}" for part in ("warm", "ours", "frameworks", "boto3"))]
            for name, of in warm.measure(rounds=3, requests=80).items()
        ),
    )


def table_calls() -> str:
    """(c) Calls to the table."""
    return "### Calls to the table\n\n" + table(
        "request | calls | items | read units | write units",
        (
            [name, cost.calls, cost.items, f"{cost.read_units:g}", cost.write_units]
            for name, cost in calls.costs().items()
        ),
    )


def packages() -> str:
    """(d) Package size."""
    sizes = package.sizes()
    return "### Package\n\n" + table(
        "zipped | MB", ([name, f"{size / 1e6:.2f}"] for name, size in {**sizes, "both": sum(sizes.values())}.items())
    )


def through_make_run() -> str:
    """(e) Load through `make run`."""
    return "### Through make run\n\n" + table(
        "request | requests per second | p50, ms | p99, ms | CPU of the Lambda processes, ms",
        (
            [name, f"{load.a_second:.0f}", f"{load.p50:.0f}", f"{load.p99:.0f}", f"{load.cpu:.1f}"]
            for name, load in end_to_end.measure(requests=300).items()
        ),
    )


def as_it_grows() -> str:
    """(f) Cost by size of the table."""
    legend = "Each cell: calls / read units / write units of a request. Columns: orders in the table."
    return f"### As the table grows\n\n{legend}\n\n" + table(
        " | ".join(["request", *(f"{size:,}".replace(",", " ") for size in growth.SIZES)]),
        (
            [name, *(f"{cost.calls} / {cost.read_units:g} / {cost.write_units}" for cost in by_size.values())]
            for name, by_size in growth.measure().items()
        ),
    )


PARTS: dict[str, Callable[[], str]] = {
    "cold": cold_starts,
    "warm": warm_requests,
    "calls": table_calls,
    "package": packages,
    "end-to-end": through_make_run,
    "growth": as_it_grows,
}


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    only = parser.parse_args().only
    package.build()
    sections = [machine()]
    for name, measure in PARTS.items():
        if not only or name in only:
            sections.append(measure())
            print(f"\n{sections[-1]}", flush=True)
    if not only:
        text = PAGE.read_text()
        before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
        PAGE.write_text("\n\n".join([before, *sections, after]))
        print(f"\nwrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
