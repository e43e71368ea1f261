"""Start the functions' processes by fork, from a process that has done what every start does alike.

It has imported their dependencies, read the SDK's descriptions of services, and imported the domain from the package.
That is nine tenths of the processor time of a start, and a run starts hundreds of processes. The code that reads
settings is still imported by each process, from its package. `make build` starts every function from nothing.

Needs Linux, because `Forked` waits for a process that is not its child.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

DEPENDENCIES = (
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event",
    "aws_lambda_powertools.utilities.data_classes.sqs_event",
    "botocore.client",
    "botocore.session",
    "fastapi",
    "mangum",
    "pydantic",
    "pydantic.v1.dataclasses",  # FastAPI imports it at the first route
    "urllib3",
)
SERVICES = ("dynamodb", "scheduler", "sqs", "ssm")
"""The services that functions have clients of."""

_MOST_BYTES = 128 * 1024


class Forked:
    """A started process, with what ministack uses of `subprocess.Popen`. Its exit code is not known."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = os.fdopen(stdin, "w", 1), os.fdopen(stdout), os.fdopen(stderr)
        self.returncode: int | None = None
        self._handle: int | None = None
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return 0 if the process has ended, None if it runs."""
        return self._ended_within(0)

    def wait(self, timeout: float) -> int:
        """Wait for its end, at most `timeout` seconds. Raises subprocess.TimeoutExpired."""
        code = self._ended_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("function", timeout)
        return code

    def _ended_within(self, seconds: float) -> int | None:
        if self.returncode is None:
            if self._handle is not None:
                waiting = select.poll()
                waiting.register(self._handle, select.POLLIN)
                if not waiting.poll(seconds * 1000):
                    return None
                os.close(self._handle)
                self._handle = None
            self.returncode = 0
        return self.returncode

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)


class Forks:
    """The process that forks, and `Popen` in place of that of `subprocess`."""

    PIPE = subprocess.PIPE

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()
        atexit.register(self.close)

    def close(self) -> None:
        """End the process that forks."""
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def Popen(self, command: list[str], *, cwd: str, env: dict[str, str], **_: Any) -> Forked:
        """Start a Python script with pipes for its input, output and errors."""
        stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
        wanted = json.dumps({"script": command[1], "cwd": cwd, "env": env}).encode()
        with self._lock:
            socket.send_fds(self._socket, [wanted], [stdin[0], stdout[1], stderr[1]])
            pid = int(self._socket.recv(_MOST_BYTES))
        for theirs in (stdin[0], stdout[1], stderr[1]):
            os.close(theirs)
        return Forked(pid, stdin[1], stdout[0], stderr[0])


def import_dependencies() -> None:
    """Import what the functions import besides our code, and read the SDK's descriptions of `SERVICES`."""
    for name in DEPENDENCIES:
        importlib.import_module(name)
    sdk: Any = importlib.import_module("botocore.session")
    # A session reads the descriptions with a loader of its own. This one keeps what it has read.
    sdk.create_loader = cache(sdk.create_loader)
    session = sdk.Session()
    for service in SERVICES:
        session.create_client(service, region_name="local", aws_access_key_id="none", aws_secret_access_key="none")
    gc.collect()
    gc.freeze()  # so that no garbage collection of a process walks through all this, which would copy its memory


def import_domain(package: str) -> None:
    """Import the domain from a function's package: it reads no settings. Forget that of another package."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "shared"]:
        del sys.modules[name]
    sys.path.insert(0, package)
    importlib.invalidate_caches()
    domain = importlib.import_module("shared.domain")
    for module in pkgutil.iter_modules(domain.__path__):
        importlib.import_module(f"shared.domain.{module.name}")
    sys.path.remove(package)
    gc.freeze()


def fork_on_demand(requests: socket.socket) -> None:
    """Import the dependencies. Then fork for each request, until the other end is closed."""
    import_dependencies()
    imported = ""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks for exit codes
    while True:
        wanted, pipes, _, _ = socket.recv_fds(requests, _MOST_BYTES, 3)
        if not wanted:
            return
        process = json.loads(wanted)
        # The first file of a package has a digest of its code.
        digest = (Path(process["cwd"]) / "shared" / "__init__.py").read_text()
        if digest != imported:
            import_domain(process["cwd"])
            imported = digest
        pid = os.fork()
        if pid == 0:
            requests.close()
            run(process, pipes)
        for pipe in pipes:
            os.close(pipe)
        requests.send(str(pid).encode())


def run(wanted: dict[str, Any], pipes: list[int]) -> None:
    """Become the process that was asked for. Does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for place, pipe in enumerate(pipes):
        os.dup2(pipe, place)
        os.close(pipe)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    sys.argv = [wanted["script"]]
    sys.path[0] = str(Path(wanted["script"]).parent)
    try:
        runpy.run_path(wanted["script"], run_name="__main__")
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    fork_on_demand(socket.socket(fileno=int(sys.argv[1])))
