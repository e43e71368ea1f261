"""`make run`: run the service on this machine: the embedded AWS with our stack, the front server on PORT, the logs."""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import IO

from hypercorn.asyncio import serve
from hypercorn.config import Config

from infra.local import fakes, panel, sandbox
from infra.local.aws import REGION, STOPPING, Apis, CannotStart, EmbeddedAws, Stopped, die_with_parent
from infra.local.front import MAX_MESSAGE, Front
from infra.local.settings import LocalSettings, SettingError
from infra.local.translate import BrokenTemplate

_LOG_INTERVAL_SECONDS = 0.5


class CannotRun(Exception):
    """The environment prevents the run: a port, a directory, a process. The message is one sentence."""


def main() -> int:
    """Run until Ctrl-C, SIGTERM or SIGHUP; return the exit code."""
    if "MAKELEVEL" in os.environ:
        die_with_parent()  # the parent is make
    forget_real_aws()
    try:
        settings = LocalSettings.read()
        check_port(settings.port)
        lock = lock_data_dir(settings)
    except (SettingError, CannotRun) as error:
        print(error, file=sys.stderr)
        return 1
    with lock:
        signals: list[int] = []
        aws = EmbeddedAws(settings, lock, is_told_to_stop=lambda: bool(signals))
        # A signal during the start must still stop the child process. Each signal is recorded and checked between the
        # steps of the start. An exception could be raised at any line, also where Python ignores exceptions.
        for stopping in STOPPING:
            signal.signal(stopping, lambda number, _: signals.append(number))
        try:
            say("Starting the embedded AWS")
            aws.start()
            say("Deploying template.yaml to the embedded AWS")
            apis = aws.deploy()
            sandbox.Clock(aws, settings).set(is_short=False)  # an earlier run may have left it on
            asyncio.run(run(settings, aws, apis, signals))
        except (CannotStart, BrokenTemplate, CannotRun) as error:
            print(error, file=sys.stderr)
            return 1
        except Stopped:
            pass
        finally:
            for stopping in STOPPING:
                signal.signal(stopping, signal.SIG_IGN)
            say(f"Stopping; the data is kept in {settings.data_dir}")
            aws.stop()
    return 0


def forget_real_aws() -> None:
    """Remove the shell's AWS profile and credentials from the environment, so that no local code can use them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_DEFAULT_REGION=REGION, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"==> {text}", flush=True)


def check_port(port: int) -> None:
    """Check that this process can listen on `port`. Raises CannotRun."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise CannotRun(f"Port {port} is reserved for the system: set PORT to a port above 1023.") from None
        except OSError:
            raise CannotRun(
                f"Port {port} is taken: stop the process that listens on it, or set PORT to another port."
            ) from None


def lock_data_dir(settings: LocalSettings) -> IO[str]:
    """Lock the data directory while the returned file is open in this process or a child. Raises CannotRun."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = (settings.data_dir / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotRun(
            f"{settings.data_dir} is in use by another run: stop that run, or set LOCAL_DATA_DIR to another directory."
        ) from None
    except OSError as error:
        raise CannotRun(
            f"{settings.data_dir} cannot be used as the data directory: {error.strerror}. "
            "Set LOCAL_DATA_DIR to another directory."
        ) from None
    return lock


async def run(settings: LocalSettings, aws: EmbeddedAws, apis: Apis, signals: Sequence[int]) -> None:
    """Serve and print the functions' logs until a signal; `signals` holds those already received.

    Raises CannotRun if the service does not become healthy or the embedded AWS dies.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stopping in STOPPING:
        loop.add_signal_handler(stopping, stop.set)
    if signals:
        stop.set()
    # Python 3.11 reports an error for every request that is cut off by the stop.
    loop.set_exception_handler(lambda loop, what: None if stop.is_set() else loop.default_exception_handler(what))
    config = Config()
    config.bind = [f"127.0.0.1:{settings.port}"]
    config.accesslog = None
    config.errorlog = None
    config.websocket_max_message_size = MAX_MESSAGE
    config.keep_alive_timeout = 75  # seconds; a client with a shorter one never finds a connection closed
    config.h11_max_incomplete_size = 1024 * 1024  # bytes; the front server refuses a large head before this limit
    front = Front(
        aws.url,
        apis,
        settings.cors_origins,
        settings.concurrency,
        fakes.app(settings),
        sandbox.app(settings, aws),
        panel.sign_in(settings),
    )
    server = asyncio.create_task(serve(front, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
    url = f"http://localhost:{settings.port}"
    try:
        await asyncio.to_thread(wait_until_healthy, f"http://127.0.0.1:{settings.port}", stop)
        if not stop.is_set():
            own = {"API page": "/docs", "Panel": panel.PAGE}
            introduce(url, {**sandbox.pages(settings), **own, **fakes.pages(settings)})
        await print_logs(aws, stop)
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await server


def wait_until_healthy(url: str, stop: asyncio.Event) -> None:
    """Wait until GET /health answers 200 through the whole path. Raises CannotRun after 60 seconds."""
    deadline = time.monotonic() + 60
    reason = "no response"
    while time.monotonic() < deadline and not stop.is_set():
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=30):
                return
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.read(200)!r}"
        except OSError as error:
            reason = str(error)
        time.sleep(0.2)
    if not stop.is_set():
        raise CannotRun(f"The service was deployed, but GET /health does not answer 200: {reason}.")


def introduce(url: str, pages: Mapping[str, str]) -> None:
    """Print the addresses of the service and of its `pages`, by title, and a first request."""
    shown = "".join(f"  {name + ':':<12}{url}{path}\n" for name, path in pages.items())
    print(
        f"""
Ready: {url}
{shown}  Try it:     curl -s {url}/api/users/me -H "Authorization: Bearer $(make -s initdata ID=1)"
  Stop:       Ctrl-C
""",
        flush=True,
    )


async def print_logs(aws: EmbeddedAws, stop: asyncio.Event) -> None:
    """Print the functions' log lines until `stop`. Raises CannotRun if the embedded AWS dies."""
    while not stop.is_set():
        if not aws.running:
            raise CannotRun("The embedded AWS stopped unexpectedly: see ministack.log in the data directory.")
        for line in await asyncio.to_thread(aws.new_log_lines):
            print(line, flush=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOG_INTERVAL_SECONDS)
    for line in aws.new_log_lines():
        print(line, flush=True)
