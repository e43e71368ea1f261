"""Measure, print, and write the tables of docs/performance.md: `make bench`. Takes ten minutes on an idle machine.

`--only cold,warm,calls,package,end-to-end,growth,late,behind,frames` measures the listed parts. It writes those that
are counted: calls, package, growth and late; and frames, which names its own run. Other times of different runs do not
belong on one page. The bills and docs/performance.svg follow from what the page then has.
"""

import argparse
import os
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"

import tests.conftest  # noqa: F401 - the functions' environment, before anything of ours is imported
from tests.api import ROOT
from tests.bench import behind, calls, cold, end_to_end, frames, growth, live_bill, package, warm
from tests.bench.bill import COMPUTED, bills
from tests.bench.chart import CHART, draw, figures
from tests.bench.page import MEASURED, PAGE, replace_between, replace_section, table
from tests.bench.peers import PEERS


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
    ratios = {name: of.get("of_reference", 1.0) for name, of in found.items()}
    return "### Cold start\n\n" + table(
        "function | CPU, ms | relative to the reference | relative to the naive | first request, ms",
        (
            [
                name,
                f"{of['init_cpu']:.0f}",
                f"{ratios[name]:.2f}",
                f"{ratios[name] / ratios[cold.NAIVE]:.2f}",
                f"{of['first']:.1f}" if "first" in of else "",
            ]
            for name, of in found.items()
        ),
    )


def warm_requests() -> str:
    """(b) Warm request."""
    of_peers = {warm.peer_row(peer) for peer in PEERS}
    return "### Warm request\n\n" + table(
        "request | relative to boto3 alone | CPU, ms | our code, ms | FastAPI and Mangum, ms | boto3, ms",
        (
            [
                name,
                f"{of['ratio']:.2f}",
                f"{of['warm']:.2f}",
                *("" if name in of_peers else f"{of[part]:.2f}" for part in ("ours", "frameworks")),
                f"{of['boto3']:.2f}",
            ]
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


def behind_the_api() -> str:
    """(g) Cost of an order behind the API."""
    each, times = behind.costs(), behind.measure(rounds=3, requests=60)
    cpu = sum(step.times * times[step.name]["warm"] for step in behind.STEPS)
    legend = f"""An order is told to {behind.TOLD} executors, taken by {behind.TAKES:g}, answered, and ended by a timer.
The columns from `table` on are of one invocation. The last line has the sums over an order."""
    kinds = ("table", "queues", "schedules", "Telegram")
    rows = [
        [
            f"`{step.function}`: {step.name}",
            f"{step.times:g}",
            *each[step.name][1:],
            f"{times[step.name]['warm']:.1f}",
            f"{times[step.name]['ratio']:.1f}",
        ]
        for step in behind.STEPS
    ]
    total = ["**an order**", *(f"**{count:g}**" for count in behind.of_an_order(each)), f"**{cpu:.0f}**", ""]
    head = " | ".join(["invocation", "per order", *kinds, "CPU, ms", "relative to boto3 alone"])
    return f"### One order behind the API\n\n{legend}\n\n" + table(head, [*rows, total])


def as_timers_are_late() -> str:
    """(h) Cost of a page by the number of orders whose timer is late."""
    legend = (
        "Each cell: calls / read units of a request. Columns: orders whose deadline has passed without their timer."
    )
    return f"### As timers are late\n\n{legend}\n\n" + table(
        " | ".join(["request", *(f"{number:,}".replace(",", " ") for number in growth.LATE)]),
        (
            [name, *(f"{cost.calls} / {cost.read_units:g}" for cost in by_number.values())]
            for name, by_number in growth.measure_late().items()
        ),
    )


def of_frames() -> str:
    """(i) Cost of sockets and frames."""
    machine_of_run = machine()
    found = frames.measure(rounds=3, requests=20)
    legend = f"""Measured apart from the rest: {machine_of_run} boto3 alone took {found[frames.MANY]["bare"]:.1f} ms.
A frame to a socket is one call. A list's frame takes {frames.of_a_frame(found, "warm"):.2f} ms of processor time, or
{frames.of_a_frame(found, "ratio"):.2f} of boto3 alone: what each of {frames.WATCHERS} watchers adds."""
    return f"### Sockets and frames\n\n{legend}\n\n" + table(
        "invocation | calls of sockets | CPU, ms | relative to boto3 alone",
        ([name, frames.STEPS[name].frames, f"{of['warm']:.1f}", f"{of['ratio']:.1f}"] for name, of in found.items()),
    )


PARTS: dict[str, Callable[[], str]] = {
    "cold": cold_starts,
    "warm": warm_requests,
    "calls": table_calls,
    "package": packages,
    "end-to-end": through_make_run,
    "growth": as_it_grows,
    "behind": behind_the_api,
    "late": as_timers_are_late,
    "frames": of_frames,
}


ALONE = ("calls", "package", "growth", "late", "frames")
"""The parts that may be written alone: their figures do not depend on the load of the machine, or name their run."""


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    only = parser.parse_args().only
    if not only or {"cold", "warm", "package", "behind", "frames"}.intersection(only):
        package.build()
    start = machine()
    sections = {}
    for name, measure in PARTS.items():
        if not only or name in only:
            sections[name] = measure()
            print(f"\n{sections[name]}", flush=True)
    page = PAGE.read_text()
    if not only:
        page = replace_between(page, MEASURED, "\n\n".join([start, *sections.values()]))
    for name in ALONE:
        if name in only:
            page = replace_section(page, sections[name])
    page = replace_between(page, COMPUTED, bills(page))
    page = replace_between(page, live_bill.COMPUTED, live_bill.bill(page))
    PAGE.write_text(page)
    CHART.write_text(draw(figures(page)))
    print(f"\nwrote {PAGE.relative_to(ROOT)} and {CHART.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
