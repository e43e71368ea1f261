"""The service as a user runs it, in a separate process, and its callers over HTTP.

Every response is kept, so that the last test can check who saw which contact (I17, I18).
"""

import itertools
import json
import os
import random
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx

from infra.local.aws import client_at
from tests import api
from tests.api import ROOT, Answer
from tests.conftest import BOT_TOKEN

Result = TypeVar("Result")

RUN = (sys.executable, "-m", "infra.local")
"""The command of `make run`."""

EMBEDDED = Path(__file__).parent / "embedded"
"""Python's start-up code of the embedded AWS: it checks every request to DynamoDB."""

MANY = (
    "ORDERS_PER_HOUR",
    "CONTACTS_PER_HOUR",
    "TAKES_PER_HOUR",
    "SETTINGS_PER_HOUR",
    "INVOICES_PER_HOUR",
    "READS_PER_HOUR",
)
"""Rate limits for a person, raised because a test sends more."""

UP = 60.0
"""Seconds that a start or a stop may take. An idle machine needs four."""

READ_EVERY = 1.0
"""Seconds between the reads of a waiting user, where the service runs with a low limit of reads."""

_USERNAME = re.compile(r"canary_[0-9a-f]{12}", re.IGNORECASE)
_PHONE = re.compile(r"900[0-9]{7}")
_INIT_DATA = re.compile(r"[0-9a-f]{64}|query_id|auth_date")


def now_ms() -> int:
    """The time of this machine and of the service, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def at_once(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Start all calls at the same moment; return their results in the order of the calls."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Result]) -> Result:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def statuses(answers: Sequence[Answer]) -> dict[int, int]:
    """The number of answers with each status."""
    return dict(Counter(answer.status for answer in answers))


@dataclass(frozen=True)
class Exchange:
    """A request of a user (None: anonymous) and its answer."""

    user: int | None
    route: str
    order_id: str | None
    answer: Answer


class Service:
    """A running service, its data and log under `home`."""

    def __init__(self, home: Path, *, root: Path = ROOT, command: Sequence[str] = RUN, **settings: str) -> None:
        """Start it; `settings` are environment variables."""
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.data_dir = home / "data"
        self.port = int(settings.get("PORT", free_port()))
        self.url = f"http://127.0.0.1:{self.port}"
        self.exchanges: list[Exchange] = []
        self._users = itertools.count(5_000_000_000)  # Telegram ids exceed 32 bits
        self._phones: set[str] = set()
        self._out, self._err = home / "stdout", home / "stderr"
        self._http = httpx.Client(
            base_url=self.url, timeout=120, limits=httpx.Limits(max_connections=None), trust_env=False
        )
        # A developer's environment: that of the tests contains a function's settings.
        env = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR") if name in os.environ}
        env |= dict.fromkeys(MANY, "100000")
        env |= {"TELEGRAM_BOT_TOKEN": BOT_TOKEN, "PORT": str(self.port), "LOCAL_DATA_DIR": str(self.data_dir)}
        env["PYTHONPATH"] = str(EMBEDDED)
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd=root,
                env={**env, **settings},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # so that a test can press Ctrl-C for it alone
            )

    # ------------------------------------------------------------ process

    def wait_until_ready(self) -> "Service":
        """Return when GET /health answers 200 and the service has printed that it is ready."""
        deadline = time.monotonic() + UP
        while "Ready:" not in self.stdout:
            assert self.process.poll() is None, f"it ended by itself: {self.stdout}{self.stderr}"
            assert time.monotonic() < deadline, f"it is not up: {self.stdout}{self.stderr}"
            time.sleep(0.05)
        assert self.call("GET /health").json == {"status": "healthy"}
        return self

    def ended(self) -> int:
        """Wait until the service has ended; return its exit code."""
        return self.process.wait(UP)

    def stop(self, by: int = signal.SIGTERM) -> None:
        """Stop the service as a person does. Only its data and its log may be left."""
        self.process.send_signal(by)
        assert self.ended() == 0, self.stderr
        assert self.processes() == []
        assert self.stderr == ""
        for line in self.log:
            if line.startswith("{"):
                json.loads(line)

    def kill(self) -> None:
        """Kill the service in any state, after a test that failed before it stopped the service."""
        self._http.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        wait_until(lambda: not self.processes())

    def processes(self) -> list[str]:
        """The command line of every process that was started for this service and still runs."""
        mark = os.fsencode(self.data_dir)
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # it ended meanwhile, or belongs to another user
                continue
        return found

    @property
    def stdout(self) -> str:
        """Return the standard output, with the functions' logs."""
        return self._out.read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        """Return the standard error."""
        return self._err.read_text(encoding="utf-8")

    @property
    def log(self) -> list[str]:
        """Return every line that the service and the embedded AWS wrote."""
        own = (self.data_dir / "ministack.log").read_text(encoding="utf-8")
        return f"{self.stdout}{self.stderr}{own}".splitlines()

    def aws(self, service: str) -> Any:
        """A boto3 client of the embedded AWS under the service."""
        return client_at((self.data_dir / "aws-url").read_text(), service)

    def name(self, resource: str) -> str:
        """The physical name of a resource of the template in the embedded AWS."""
        found = self.aws("cloudformation").describe_stack_resource(
            StackName="urgent-services-local", LogicalResourceId=resource
        )
        name: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Invoke a function of the template, also one without a route; a function error fails the test."""
        answer = self.aws("lambda").invoke(FunctionName=self.name(function), Payload=json.dumps(event).encode())
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    # ------------------------------------------------------------ HTTP

    def call(
        self,
        route: str,
        *,
        user: int | None = None,
        id: str | None = None,
        message_id: int | str = 1,
        file: str = "",
        query: Mapping[str, Any] | str | None = None,
        body: Any = None,
        raw: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to a route, as in `GET /api/orders/{id}`. With `user`, it is signed now.

        `raw` is a body that need not be JSON. A `query` that is a string is sent unchanged.
        """
        method, path = route.split(" ")
        given: dict[str, str] = {}
        if user is not None:
            given["authorization"] = f"Bearer {api.init_data(user, now_ms(), **(names or {}))}"
        content = raw if raw is not None else None if body is None else json.dumps(body)
        if content is not None:
            given["content-type"] = "application/json"
        if query is not None and not isinstance(query, str):
            query = urlencode({k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items()})
        path = path.replace("{id}", id or "").replace("{message_id}", f"{message_id}").replace("{file}", file)
        url = path + (f"?{query}" if query else "")
        sent = self._http.request(method, url, content=content, headers={**given, **(headers or {})})
        answer = Answer(sent.status_code, sent.text, dict(sent.headers))
        self.exchanges.append(Exchange(user, route, id, answer))
        return answer

    def send(self, request: bytes) -> Answer:
        """Send bytes that need not be HTTP; return the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            got = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, text = got.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Answer(int(first.split()[1]), text.decode(), headers)

    # ------------------------------------------------------------ preparations of many tests

    def user(self) -> int:
        """The id of a new user."""
        return next(self._users)

    def contact(self) -> str:
        """A username that no order has had."""
        return f"@canary_{secrets.token_hex(6)}"

    def email(self) -> str:
        """An e-mail for receipts that no user has given; it is found like a contact."""
        return f"canary_{secrets.token_hex(6)}@example.ru"

    def phone(self) -> str:
        """The ten digits of a phone that no order has had."""
        phone = f"900{random.randrange(10**7):07d}"
        self._phones.add(phone)
        return phone

    def order(self, user: int, contact: str | None = None, **given: Any) -> dict[str, Any]:
        """Create an order of `user`."""
        answer = self.call("POST /api/orders", user=user, body=self.order_body(contact, **given))
        assert answer.status == 201, answer.text
        created: dict[str, Any] = answer.json
        return created

    def order_body(self, contact: str | None = None, **given: Any) -> dict[str, Any]:
        """The request body of a new order."""
        return {
            "category": "Сантехника",
            "city": "Москва",
            "description": "Прорвало трубу на кухне, вода на полу",
            "contact": contact or self.contact(),
            **given,
        }

    def recharge(self, user: int, amount: int = 100) -> None:
        """Add roubles to the balance of `user`."""
        answer = self.call("POST /api/balance/recharge", user=user, body={"amount": amount})
        assert answer.status == 200, answer.text

    def take(self, user: int, order_id: str) -> Answer:
        """Take an order as `user`; return the answer."""
        return self.call("POST /api/orders/{id}/take", user=user, id=order_id)

    def balance(self, user: int) -> int:
        """The balance of `user`, in roubles."""
        found: int = self.call("GET /api/balance", user=user).json["balance"]
        return found

    def ledger(self, user: int) -> list[dict[str, Any]]:
        """The ledger of `user`, oldest first; each entry must follow from the one before (I1, I2)."""
        entries: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.call("GET /api/balance/transactions", user=user, query=cursor).json
            entries += page["transactions"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        entries.reverse()
        running = 0
        for entry in entries:
            running += entry["amount"]
            assert entry["balance_after"] == running >= 0
        assert self.balance(user) == running
        return entries

    # ------------------------------------------------------------ disclosure

    def mistakes(self) -> list[str]:
        """Return every logged error and every answer above 499."""
        logged = [line for line in self.log if '"level":"ERROR"' in line or "Traceback" in line]
        return logged + [f"{e.route}: {e.answer.status}" for e in self.exchanges if e.answer.status >= 500]

    def disclosed(self) -> list[str]:
        """Return every contact, credential or token in a forbidden place, with that place."""
        owners = {
            e.answer.json["id"]: e.user
            for e in self.exchanges
            if e.route == "POST /api/orders" and e.answer.status == 201
        }
        paid = {(e.order_id, e.user) for e in self.exchanges if e.route.endswith("/take") and e.answer.status == 200}
        found = []
        for exchange in self.exchanges:
            text = exchange.answer.text
            order_id = exchange.order_id
            if exchange.route == "POST /api/orders" and exchange.answer.status == 201:
                order_id = exchange.answer.json["id"]
            entitled = exchange.user is not None and (
                owners.get(order_id or "") == exchange.user or (order_id, exchange.user) in paid
            )
            shown = self._contacts_in(text)
            if shown and not (entitled and exchange.answer.status < 300):
                found.append(f"{shown} in {exchange.answer.status} of {exchange.route} to {exchange.user}")
            if BOT_TOKEN in text or _INIT_DATA.search(text):
                found.append(f"credentials in {exchange.answer.status} of {exchange.route}")
        calls = self.bot_calls()
        if shown := self._contacts_in(json.dumps([call for call in calls if call["method"] != "(typed)"])):
            found.append(f"{shown} in what the bot said")
        for line in self.log:
            if self._contacts_in(line) or BOT_TOKEN in line or _INIT_DATA.search(line):
                found.append(f"log: {line}")
        return found

    def bot_calls(self) -> list[dict[str, Any]]:
        """Every call that the bot made to the fake Telegram."""
        calls: list[dict[str, Any]] = self._http.get("/fakes/telegram/calls").json()["calls"]
        return calls

    def _contacts_in(self, text: str) -> list[str]:
        """Return the contacts of test orders in a text, in any spelling."""
        phones = _PHONE.findall(re.sub(r"[^0-9a-zA-Z]", "", text))
        return _USERNAME.findall(text) + [phone for phone in phones if phone in self._phones]


def wait_until(done: Callable[[], object], *, every: float = 0.25) -> None:
    """Call `done` at an interval (seconds) until it returns true."""
    deadline = time.monotonic() + UP
    while not done():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(every)


def pause_before(end: int) -> None:
    """Poll rarely while `end` (epoch milliseconds) is far, and without a pause around it."""
    time.sleep(0.02 if end - now_ms() < 1000 else 0.25)


@contextmanager
def running(home: Path, **settings: Any) -> Iterator[Service]:
    """Yield a ready service; stop it at the end."""
    service = Service(home, **settings)
    try:
        service.wait_until_ready()
        yield service
        service.stop()
    finally:
        service.kill()
