"""`make run`: the service on this machine - the embedded AWS, our stack in it, a server on PORT, the logs."""

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

from infra.local import fakes
from infra.local.aws import REGION, STOPPING, CannotStart, EmbeddedAws, Stopped, die_with_parent
from infra.local.front import Front
from infra.local.settings import LocalSettings, SettingError
from infra.local.translate import BrokenTemplate

_LOG_EVERY = 0.5


class CannotRun(Exception):
    """Something outside is in the way; the message is one sentence."""


def main() -> int:
    """Run until Ctrl-C or SIGTERM; the exit code."""
    if "MAKELEVEL" in os.environ:
        die_with_parent()  # which is make
    forget_real_aws()
    try:
        settings = LocalSettings.read()
        check_port(settings.port)
        lock = lock_data_dir(settings)
    except (SettingError, CannotRun) as error:
        print(error, file=sys.stderr)
        return 1
    with lock:
        told: list[int] = []
        aws = EmbeddedAws(settings, lock, is_told_to_stop=lambda: bool(told))
        # From here on somebody has to stop what was started, also where the terminal says it before we serve. That is
        # noted, and looked at between the steps: an exception would come up anywhere, also where Python ignores it.
        for stopping in STOPPING:
            signal.signal(stopping, lambda number, _: told.append(number))
        try:
            say("Starting the embedded AWS")
            aws.start()
            say("Deploying template.yaml to it")
            api_id = aws.deploy()
            asyncio.run(run(settings, aws, api_id, told))
        except (CannotStart, BrokenTemplate, CannotRun) as error:
            print(error, file=sys.stderr)
            return 1
        except Stopped:
            pass
        finally:
            for stopping in STOPPING:
                signal.signal(stopping, signal.SIG_IGN)
            say(f"Stopping; the data stays in {settings.data_dir}")
            aws.stop()
    return 0


def forget_real_aws() -> None:
    """Whatever profile or credentials this shell has, nothing here may use them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_DEFAULT_REGION=REGION, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)


def say(text: str) -> None:
    """Progress, for the person who waits."""
    print(f"==> {text}", flush=True)


def check_port(port: int) -> None:
    """Raises CannotRun when `port` is not ours to listen on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise CannotRun(f"Port {port} is for the system alone: set PORT to one above 1023.") from None
        except OSError:
            raise CannotRun(f"Port {port} is taken: stop what listens there, or set PORT to another.") from None


def lock_data_dir(settings: LocalSettings) -> IO[str]:
    """The data directory, ours while the returned file is open, in a child of ours too. Raises CannotRun."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = (settings.data_dir / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotRun(
            f"{settings.data_dir} is in use by another run: stop it, or set LOCAL_DATA_DIR to another."
        ) from None
    except OSError as error:
        raise CannotRun(f"{settings.data_dir} cannot be used for data: {error.strerror}.") from None
    return lock


async def run(settings: LocalSettings, aws: EmbeddedAws, api_id: str, told: Sequence[int]) -> None:
    """Serve until told to stop, as we may have been already, printing the functions' logs.

    Raises CannotRun when the embedded AWS dies.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stopping in STOPPING:
        loop.add_signal_handler(stopping, stop.set)
    if told:
        stop.set()
    # Python 3.11 complains of every request that is cut off while we stop.
    loop.set_exception_handler(lambda loop, what: None if stop.is_set() else loop.default_exception_handler(what))
    config = Config()
    config.bind = [f"127.0.0.1:{settings.port}"]
    config.accesslog = None
    config.errorlog = None
    config.keep_alive_timeout = 75  # a client that keeps connections for less never finds one closed
    config.h11_max_incomplete_size = 1024 * 1024  # the front server says what is too much; this is no HTTP any more
    front = Front(aws.url, api_id, settings.cors_origins, settings.concurrency, fakes.app(settings))
    server = asyncio.create_task(serve(front, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
    url = f"http://localhost:{settings.port}"
    try:
        await asyncio.to_thread(wait_until_healthy, f"http://127.0.0.1:{settings.port}", stop)
        if not stop.is_set():
            introduce(url, fakes.pages(settings))
        await print_logs(aws, stop)
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await server


def wait_until_healthy(url: str, stop: asyncio.Event) -> None:
    """Returns once GET /health answers 200 through the whole path. Raises CannotRun after a minute."""
    deadline = time.monotonic() + 60
    reason = "nothing"
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
        raise CannotRun(f"The service was deployed but GET /health answers {reason}.")


def introduce(url: str, pages: Mapping[str, str]) -> None:
    """Say where the service is and how to talk to it, and where the fakes' `pages` are."""
    shown = "".join(f"  {name + ':':<11}{url}{path}\n" for name, path in pages.items())
    print(
        f"""
Ready: {url}
  API page:  {url}/docs
{shown}  Who am I:  curl -s {url}/api/users/me -H "Authorization: Bearer $(make -s initdata ID=1)"
  Stop:      Ctrl-C
""",
        flush=True,
    )


async def print_logs(aws: EmbeddedAws, stop: asyncio.Event) -> None:
    """Print what the functions log until `stop`. Raises CannotRun when the embedded AWS dies."""
    while not stop.is_set():
        if not aws.running:
            raise CannotRun("The embedded AWS stopped by itself; its log is in the data directory.")
        for line in await asyncio.to_thread(aws.new_log_lines):
            print(line, flush=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOG_EVERY)
    for line in aws.new_log_lines():
        print(line, flush=True)
