"""`python -m tests.bench.live [SOCKETS]`: sockets on one list of the running service, and how late their frames are.

It starts the service like `make run`, opens the sockets, lets executors take orders, and measures from the response to
a take until the frame is at each client: the client's own frame, and those of the list. The first orders warm up. The
processor time of a frame says which process takes the time, whatever else the machine does.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection, connect

from tests.integration.service import Service, running
from tests.integration.sockets import ticket

CITY = "Казань"
AT_ONCE = 4
"""Handshakes at once: each is an invocation, and the machine has few processors."""
WARM_UP, ORDERS = 3, 10
PROCESSES = {
    "forks.py": "the functions",
    "_worker": "the functions",
    "-m ministack": "the embedded AWS",
    "-m infra.local": "the front server",
}
"""What a process is, by a part of its command line."""


class Measured(NamedTuple):
    """The ms of the personal frames and of the list's frames, how many are missing, and CPU ms of a frame by process.

    A frame of the list is one of two for each order: it appeared, and it changed.
    """

    personal: Sequence[float]
    lists: Sequence[float]
    missing: int
    cpu: Mapping[str, float]


def spent(service: Service) -> dict[str, float]:
    """Return the CPU ms of the service's processes and of this one."""
    mark, found = os.fsencode(service.data_dir), {"the clients": time.process_time() * 1000}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark not in (process / "environ").read_bytes():
                continue
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile, or belongs to another user
            continue
        ticks = int(fields[11]) + int(fields[12])
        name = next((name for part, name in PROCESSES.items() if part in command), command)
        found[name] = found.get(name, 0.0) + ticks * 1000 / os.sysconf("SC_CLK_TCK")
    return found


class Watcher:
    """A socket, and when the frame of each order and version arrived, by the machine's clock."""

    def __init__(self) -> None:
        self.arrived: dict[tuple[str, object], float] = {}

    async def listen(self, connection: ClientConnection) -> None:
        async for text in connection:
            now = time.monotonic()
            frame = json.loads(text)
            match frame["type"]:
                case "order":
                    self.arrived.setdefault((frame["order"]["id"], frame["version"]), now)
                case "mine":
                    self.arrived.setdefault((frame["order_id"], frame["event"]), now)


async def opened(
    service: Service, user: int, gate: asyncio.Semaphore, *, watches: bool
) -> tuple[Watcher, asyncio.Task[None]]:
    """Open a socket of a user, which watches the list or only listens."""
    async with gate:
        given = await asyncio.to_thread(ticket, service, user)
        url = f"{given['url']}?ticket={given['ticket']}"
        # No pings: each of a thousand clients would send one every 20 s, which browsers do not.
        connection = await connect(url, proxy=None, open_timeout=120, ping_interval=None)
        if watches:
            text: str | bytes = ""
            while "watching" not in str(text):  # a function may time out while many start
                await connection.send(json.dumps({"action": "watch", "city": CITY, "category": None}))
                text = await connection.recv()
    watcher = Watcher()
    return watcher, asyncio.create_task(watcher.listen(connection))


async def measure(service: Service, sockets: int) -> Measured:
    """Open the sockets, let orders be taken, and measure their frames."""
    gate = asyncio.Semaphore(AT_ONCE)
    client, executor = service.user(), service.user()
    await asyncio.to_thread(service.recharge, executor, 1000)
    own, _ = await opened(service, client, gate, watches=False)
    users = [service.user() for _ in range(sockets)]
    started = time.monotonic()
    watchers = [
        found for found, _ in await asyncio.gather(*(opened(service, user, gate, watches=True) for user in users))
    ]
    print(f"{sockets} sockets opened in {time.monotonic() - started:.0f} s", flush=True)
    personal, lists, missing, before = [], [], 0, spent(service)
    for number in range(WARM_UP + ORDERS):
        if number == WARM_UP:
            before = spent(service)
        order = await asyncio.to_thread(lambda: service.order(client, city=CITY)["id"])
        await until(lambda: all((order, 1) in each.arrived for each in watchers))  # noqa: B023 - called in this round
        assert (await asyncio.to_thread(service.take, executor, order)).status == 200
        taken = time.monotonic()
        await until(lambda: (order, "taken") in own.arrived)  # noqa: B023 - called in this round
        await until(lambda: all((order, 2) in each.arrived for each in watchers))  # noqa: B023 - called in this round
        if number >= WARM_UP:
            personal.append((own.arrived[order, "taken"] - taken) * 1000)
            late = [(each.arrived[order, 2] - taken) * 1000 for each in watchers if (order, 2) in each.arrived]
            missing += sockets - len(late)
            lists += late
    after = spent(service)
    cpu = {name: (after[name] - before[name]) / (2 * ORDERS * sockets) for name in after}
    return Measured(personal, lists, missing, cpu)


async def until(done: object, seconds: float = 60) -> None:
    """Wait until `done` returns true, or the time is over."""
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:  # type: ignore[operator]
        await asyncio.sleep(0.02)


def shown(name: str, ms: Sequence[float]) -> str:
    """Return the median, the 99th percentile and the maximum as a line."""
    p99 = statistics.quantiles(ms, n=100, method="inclusive")[98]
    return f"{name}: median {statistics.median(ms):.0f} ms, p99 {p99:.0f} ms, longest {max(ms):.0f} ms of {len(ms)}"


def main() -> int:
    sockets = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as home, running(Path(home)) as service:
        load = os.getloadavg()[0]
        found = asyncio.run(measure(service, sockets))
    print(f"load average {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end")
    print(shown("personal", found.personal))
    print(shown("list", found.lists))
    print(f"missing frames: {found.missing}")
    print("CPU ms of a list's frame:", ", ".join(f"{name} {ms:.2f}" for name, ms in found.cpu.items()))
    return 1 if found.missing else 0


if __name__ == "__main__":
    sys.exit(main())
