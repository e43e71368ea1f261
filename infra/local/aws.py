"""The embedded AWS: ministack as a child process, with our stack deployed to it."""

import compileall
import contextlib
import ctypes
import hashlib
import io
import json
import os
import py_compile
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.settings import ROOT, LocalSettings
from infra.local.translate import cloudformation
from infra.operate.derived_keys import DERIVED_KEYS

ACCOUNT = "123456789012"
REGION = "eu-central-1"
STACK = "urgent-services-local"
SECRETS = "/urgent-services/local"
LOG_GROUP = "/urgent-services/local"
CODE_BUCKET = "urgent-services-local-code"
# The stage of the WebSocket API, and its path at the front server.
LIVE_STAGE = "live"
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1  # of prctl(2)


class CannotStart(Exception):
    """The embedded AWS does not start, or the stack cannot be deployed. The message is one sentence."""


class Stopped(Exception):
    """The process was told to stop during the start."""


class Apis(NamedTuple):
    """The ids of the stack's APIs: of the routes, and of the sockets."""

    http: str
    live: str


class EmbeddedAws:
    """A ministack process that keeps its state in the data directory."""

    def __init__(
        self,
        settings: LocalSettings,
        lock: IO[str] | None = None,
        is_told_to_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Find a free port. `lock` is the data directory's lock file: held while any process has it open."""
        self._is_told_to_stop = is_told_to_stop
        self._settings = settings
        self._lock = lock
        self._scratch = settings.data_dir / "tmp"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------ process

    def start(self) -> None:
        """Start ministack and wait up to 60 seconds until it is healthy. Raises CannotStart, Stopped."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        log = (self._settings.data_dir / "ministack.log").open("wb")
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._settings.data_dir / "state"),
            # More than the front server's limit, for functions invoked by schedules, streams and queues.
            "LAMBDA_ACCOUNT_CONCURRENCY": str(self._settings.concurrency + 32),
            "AUTH": "true" if self._settings.enforce_iam else "false",
            "TMPDIR": str(self._scratch),
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }
        # Lambda processes start faster with cached bytecode.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        # A signal between the start of the child and the assignment below would leave the child running.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)

        def before_exec() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            die_with_parent()

        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl-C in the terminal reaches only this process, which stops the child.
                start_new_session=True,
                # If this process is killed, the child still holds the lock until it has saved its state.
                pass_fds=[self._lock.fileno()] if self._lock else [],
                # Safe: this process has no other thread yet.
                preexec_fn=before_exec,  # noqa: PLW1509
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self._check_stop()
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1):
                    endpoint_file(self._settings).write_text(self.url)
                    return
            except OSError:
                time.sleep(0.05)
        raise CannotStart(f"The embedded AWS did not start: see its log {log.name}.")

    def _check_stop(self) -> None:
        if self._is_told_to_stop():
            raise Stopped

    @property
    def running(self) -> bool:
        """Whether ministack is running."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop ministack, which saves its state within 30 seconds, then kill every process it started."""
        if self._process is None:
            return
        endpoint_file(self._settings).unlink(missing_ok=True)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                print(
                    "The embedded AWS did not stop within 30 seconds and was killed. Changes of this run may be lost."
                )
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    # ------------------------------------------------------------ stack

    def client(self, service: str) -> Any:
        """Return a boto3 client of the embedded AWS."""
        return client_at(self.url, service)

    def deploy(self) -> Apis:
        """Store the secrets and the code, create or update the stack, and return the ids of its APIs.

        Keeps the data of earlier runs. Raises CannotStart, translate.BrokenTemplate, Stopped.
        """
        settings = self._settings
        parameters = {
            "Stage": "local",
            "CorsOrigins": ",".join(settings.cors_origins),
            "OrderLifetimeMinutes": str(settings.order_lifetime_minutes),
            "NoResponseCloseMinutes": str(settings.no_response_close_minutes),
            "ConsentVersion": settings.consent_version,
            "OrdersPerHour": str(settings.orders_per_hour),
            "ContactsPerHour": str(settings.contacts_per_hour),
            "TakesPerHour": str(settings.takes_per_hour),
            "SettingsPerHour": str(settings.settings_per_hour),
            "InvoicesPerHour": str(settings.invoices_per_hour),
            "ReadsPerHour": str(settings.reads_per_hour),
            "LiveWatchers": str(settings.live_watchers),
            "LiveFramesPerSecond": str(settings.live_frames_per_second),
            "OperatorIds": settings.operator_ids,
            "OperatorsChatId": settings.operators_chat_id,
            "SupportAnswerHours": str(settings.support_answer_hours),
            "TelegramApiUrl": settings.telegram_api_url,
            "PaymentProviders": ",".join(settings.payment_providers),
            "CryptoPayLimits": settings.crypto_pay_limits,
            "TelegramStarsLimits": settings.telegram_stars_limits,
            "YookassaLimits": settings.yookassa_limits,
            "StarRoubles": settings.star_roubles,
            "PaymentReturnUrl": f"http://localhost:{settings.port}/docs",
            "CryptoPayApiUrl": settings.crypto_pay_api_url,
            "YookassaApiUrl": settings.yookassa_api_url,
            "YookassaShopId": settings.yookassa_shop_id,
            # The embedded AWS sees every request come from the front server, on 127.0.0.1.
            "YookassaNetworks": "127.0.0.0/8",
            "YookassaVatCode": settings.yookassa_vat_code,
            "YookassaTaxSystemCode": settings.yookassa_tax_system_code,
            "WebappLink": settings.webapp_link,
        }
        self._check_stop()
        package = _package(self._scratch)
        key = f"{hashlib.sha256(package).hexdigest()}.zip"
        template = cloudformation(_template(), {"Bucket": CODE_BUCKET, "Key": key}, parameters)
        _fit_policies(template["Resources"])
        _fit_live_api(template["Resources"], self.url, settings.port)
        self._check_stop()
        self._put_secrets()
        s3 = self.client("s3")
        with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=CODE_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=package)
        s3.put_object(Bucket=CODE_BUCKET, Key="template.json", Body=json.dumps(template).encode())
        self._check_stop()
        return self._put_stack(parameters)

    def _put_secrets(self) -> None:
        ssm = self.client("ssm")
        # The contact key must be the same in every run: lock names in the kept table are hashes with it.
        contact_key = self._settings.data_dir / "contact-key"
        if not contact_key.exists():
            contact_key.write_text(secrets.token_hex(32))
        values = {
            "telegram-bot-token": self._settings.bot_token,
            "telegram-webhook-secret": self._settings.telegram_webhook_secret,
            "crypto-pay-token": self._settings.crypto_pay_api_token,
            "yookassa-secret-key": self._settings.yookassa_secret_key,
            "contact-key": contact_key.read_text(),
            "live-ticket-key": secrets.token_hex(32),
        }
        derived = {key.name: key.derive(values[key.source]) for key in DERIVED_KEYS}
        for name, value in (values | derived).items():
            ssm.put_parameter(Name=f"{SECRETS}/{name}", Value=value, Type="SecureString", Overwrite=True)

    def _put_stack(self, parameters: dict[str, str]) -> Apis:
        stacks = self.client("cloudformation")
        wanted = {
            "StackName": STACK,
            "TemplateURL": f"{self.url}/{CODE_BUCKET}/template.json",
            "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM"],
        }
        try:
            try:
                stacks.describe_stacks(StackName=STACK)
            except ClientError:
                stacks.create_stack(**wanted)
            else:
                stacks.update_stack(**wanted)
        except ClientError as error:
            message = error.response["Error"]["Message"]
            if "No updates" not in message:
                raise CannotStart(f"The stack cannot be deployed: {message.rstrip('.')}.") from error
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            self._check_stop()
            [stack] = stacks.describe_stacks(StackName=STACK)["Stacks"]
            if stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
                return Apis(outputs["ApiId"], outputs["LiveApiId"])
            if "FAILED" in stack["StackStatus"] or "ROLLBACK" in stack["StackStatus"]:
                raise CannotStart(
                    f"The stack cannot be deployed: {stack['StackStatus']}, {self._first_failure(stacks)}."
                )
            time.sleep(0.1)
        raise CannotStart(
            f"The stack was not deployed within two minutes: see {self._settings.data_dir}/ministack.log."
        )

    def _first_failure(self, stacks: Any) -> str:
        events = stacks.describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
        if not failed:
            return "no reason given"
        return f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason', 'no reason given')}"

    # ------------------------------------------------------------ logs

    def new_log_lines(self) -> list[str]:
        """Return the functions' log lines since the last call, oldest first, and delete them from the embedded AWS."""
        logs = self.client_of_logs
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=LOG_GROUP)
            events = [event for page in pages for event in page["events"]]
            # ministack keeps one stream per invocation. Without the deletion, each call would be slower than the last.
            for stream in {event["logStreamName"] for event in events}:
                logs.delete_log_stream(logGroupName=LOG_GROUP, logStreamName=stream)
        except (BotoCoreError, ClientError):
            return []  # nothing was logged yet, or the embedded AWS has stopped
        lines = [line for event in events for line in event["message"].splitlines()]
        return [line for line in lines if not line.startswith(("START RequestId", "END RequestId", "REPORT RequestId"))]

    @property
    def client_of_logs(self) -> Any:
        if not hasattr(self, "_logs"):
            self._logs = self.client("logs")
        return self._logs


def client_at(url: str, service: str) -> Any:
    """Return a boto3 client of the embedded AWS at `url`."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
    )


def endpoint_file(settings: LocalSettings) -> Path:
    """The file in which a run publishes the URL of its embedded AWS, for the operator commands."""
    return settings.data_dir / "aws-url"


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def die_with_parent() -> None:
    """Make the kernel send SIGTERM to this process when its parent ends for any reason. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _fit_policies(resources: dict[str, Any]) -> None:
    """Allow schedules of the default group where a policy allows those of our group.

    ministack checks scheduler:CreateSchedule as if every schedule were in the default group.
    """
    for resource in resources.values():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for policy in resource["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Action"] == "scheduler:CreateSchedule":
                    arn = statement["Resource"]["Fn::Sub"]
                    statement["Resource"] = {"Fn::Sub": arn.replace("schedule/${Timers}/", "schedule/default/")}


def _fit_live_api(resources: dict[str, Any], url: str, port: int) -> None:
    """Let functions send frames to the embedded AWS at `url`, and callers open sockets at the front server.

    A ticket names the host and port that its caller used, so the address of sockets stays empty.
    """
    api = {"Fn::Sub": f"{url}/_aws/execute-api/${{LiveApi}}/{LIVE_STAGE}"}
    for resource in resources.values():
        variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        if "LIVE_URL" in variables:
            variables["LIVE_URL"] = ""
        if "LIVE_API_URL" in variables:
            variables["LIVE_API_URL"] = api
        if "LIVE_ORIGINS" in variables:
            [separator, [webapp, _]] = variables["LIVE_ORIGINS"]["Fn::Join"]
            own = [f"http://{host}:{port}" for host in ("localhost", "127.0.0.1")]
            variables["LIVE_ORIGINS"] = {"Fn::Join": [separator, [webapp, *own]]}


def _template() -> str:
    try:
        return (ROOT / "template.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"template.yaml cannot be read: {error}.") from error


def _package(scratch: Path) -> bytes:
    """Copy functions/, shared/ and the pages to `scratch`, compiled, and return a zip that points to the copies.

    The embedded AWS unpacks the zip for each process that it starts. With the code in it, that would be most of a
    start, and its removal most of a stop. The code's digest is in it, so that changed code is deployed. All functions
    share it; in AWS a page is only in its own function's package.
    """
    staged = scratch / "package"
    for part in ("functions", "shared", "static/admin", "static/docs"):
        shutil.copytree(ROOT / part, staged / part, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    digest = hashlib.sha256()
    for path in sorted(path for path in staged.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(staged)} {path.stat().st_size} ".encode() + path.read_bytes())
    compileall.compile_dir(
        staged, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH, stripdir=str(staged)
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for package in ("functions", "shared"):
            # A fixed date: the same sources give the same bytes.
            entry = zipfile.ZipInfo(f"{package}/__init__.py", (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, f"# {digest.hexdigest()}\n__path__ = [{str(staged / package)!r}]\n")
    return buffer.getvalue()
