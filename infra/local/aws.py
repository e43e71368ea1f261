"""The embedded AWS: ministack as a child process, and our stack in it."""

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
from typing import IO, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.settings import ROOT, LocalSettings
from infra.local.translate import cloudformation

ACCOUNT = "123456789012"
REGION = "eu-central-1"
STACK = "urgent-services-local"
SECRETS = "/urgent-services/local"
LOG_GROUP = "/urgent-services/local"
CODE_BUCKET = "urgent-services-local-code"
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DIES_WITH_ITS_PARENT = 1  # PR_SET_PDEATHSIG


class CannotStart(Exception):
    """The embedded AWS or our stack in it does not come up; the message is one sentence."""


class Stopped(Exception):
    """Told to stop before it was up."""


class EmbeddedAws:
    """ministack, its state under the data directory."""

    def __init__(
        self,
        settings: LocalSettings,
        lock: IO[str] | None = None,
        is_told_to_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`lock` keeps others out of the data directory for as long as any process has it open."""
        self._is_told_to_stop = is_told_to_stop
        self._settings = settings
        self._lock = lock
        self._scratch = settings.data_dir / "tmp"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------ process

    def start(self) -> None:
        """Start ministack and wait until it answers. Raises CannotStart, Stopped."""
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
            # Room above what the front lets through, for timers, streams and queues.
            "LAMBDA_ACCOUNT_CONCURRENCY": str(self._settings.concurrency + 32),
            "AUTH": "true" if self._settings.enforce_iam else "false",
            "TMPDIR": str(self._scratch),
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }
        # Lambda processes start faster with what was compiled before.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        # Told to stop right here, we would not know yet what to stop.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)

        def before_it_runs() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            die_with_parent()

        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl-C in the terminal is for us, and we stop it in order.
                start_new_session=True,
                # Where we are killed, it saves the state before another run may read it.
                pass_fds=[self._lock.fileno()] if self._lock else [],
                # No thread runs in this process yet.
                preexec_fn=before_it_runs,  # noqa: PLW1509
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self._go_on()
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1):
                    endpoint_file(self._settings).write_text(self.url)
                    return
            except OSError:
                time.sleep(0.05)
        raise CannotStart(f"The embedded AWS did not start; its log is {log.name}.")

    def _go_on(self) -> None:
        if self._is_told_to_stop():
            raise Stopped

    @property
    def running(self) -> bool:
        """Whether ministack still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop ministack and everything it started, its state saved."""
        if self._process is None:
            return
        endpoint_file(self._settings).unlink(missing_ok=True)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                print("The embedded AWS did not stop by itself; what changed in this run may be lost.")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    # ------------------------------------------------------------ stack

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded AWS."""
        return client_at(self.url, service)

    def deploy(self) -> str:
        """Put secrets, code and stack in place, over what an earlier run left; the id of the API.

        Raises CannotStart, translate.BrokenTemplate, Stopped.
        """
        settings = self._settings
        parameters = {
            "Stage": "local",
            "CorsOrigins": ",".join(settings.cors_origins),
            "OrderLifetimeMinutes": str(settings.order_lifetime_minutes),
            "NoResponseCloseMinutes": str(settings.no_response_close_minutes),
            "ConsentVersion": settings.consent_version,
            "OrdersPerHour": str(settings.orders_per_hour),
            "TakesPerHour": str(settings.takes_per_hour),
            "SettingsPerHour": str(settings.settings_per_hour),
            "InvoicesPerHour": str(settings.invoices_per_hour),
            "ReadsPerHour": str(settings.reads_per_hour),
            "OperatorIds": settings.operator_ids,
            "TelegramApiUrl": settings.telegram_api_url,
            "PaymentProviders": ",".join(settings.payment_providers),
            "StarRoubles": settings.star_roubles,
            "PaymentReturnUrl": f"http://localhost:{settings.port}/docs",
            "CryptoPayApiUrl": settings.crypto_pay_api_url,
            "YookassaApiUrl": settings.yookassa_api_url,
            "YookassaShopId": settings.yookassa_shop_id,
            # Whoever it is, the front is who the embedded AWS sees.
            "YookassaNetworks": "127.0.0.0/8",
            "WebappLink": "https://t.me/urgent_services_local_bot",
        }
        self._go_on()
        package = _package(self._scratch)
        key = f"{hashlib.sha256(package).hexdigest()}.zip"
        template = cloudformation(_template(), {"Bucket": CODE_BUCKET, "Key": key}, parameters)
        _fit_policies(template["Resources"])
        self._go_on()
        self._put_secrets()
        s3 = self.client("s3")
        with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=CODE_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=package)
        s3.put_object(Bucket=CODE_BUCKET, Key="template.json", Body=json.dumps(template).encode())
        self._go_on()
        return self._put_stack(parameters)

    def _put_secrets(self) -> None:
        ssm = self.client("ssm")
        # The contact key names the locks in the kept table, so it has to be the same in every run.
        contact_key = self._settings.data_dir / "contact-key"
        if not contact_key.exists():
            contact_key.write_text(secrets.token_hex(32))
        for name, value in (
            ("telegram-bot-token", self._settings.bot_token),
            ("telegram-webhook-secret", self._settings.telegram_webhook_secret),
            ("crypto-pay-token", self._settings.crypto_pay_api_token),
            ("yookassa-secret-key", self._settings.yookassa_secret_key),
            ("contact-key", contact_key.read_text()),
        ):
            ssm.put_parameter(Name=f"{SECRETS}/{name}", Value=value, Type="SecureString", Overwrite=True)

    def _put_stack(self, parameters: dict[str, str]) -> str:
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
            self._go_on()
            [stack] = stacks.describe_stacks(StackName=STACK)["Stacks"]
            if stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
                return str(outputs["ApiId"])
            if "FAILED" in stack["StackStatus"] or "ROLLBACK" in stack["StackStatus"]:
                raise CannotStart(f"The stack was not deployed, {stack['StackStatus']}: {self._first_failure(stacks)}.")
            time.sleep(0.1)
        raise CannotStart("The stack was not deployed within two minutes.")

    def _first_failure(self, stacks: Any) -> str:
        events = stacks.describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
        if not failed:
            return "no reason given"
        return f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason', 'no reason given')}"

    # ------------------------------------------------------------ logs

    def new_log_lines(self) -> list[str]:
        """What the functions logged since the last call, oldest first; taken out of the embedded AWS."""
        logs = self.client_of_logs
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=LOG_GROUP)
            events = [event for page in pages for event in page["events"]]
            # A stream holds one invocation there. Kept, they would make each look slower than the one before.
            for stream in {event["logStreamName"] for event in events}:
                logs.delete_log_stream(logGroupName=LOG_GROUP, logStreamName=stream)
        except (BotoCoreError, ClientError):
            return []  # nothing was logged yet, or nobody is there any more
        lines = [line for event in events for line in event["message"].splitlines()]
        return [line for line in lines if not line.startswith(("START RequestId", "END RequestId", "REPORT RequestId"))]

    @property
    def client_of_logs(self) -> Any:
        if not hasattr(self, "_logs"):
            self._logs = self.client("logs")
        return self._logs


def client_at(url: str, service: str) -> Any:
    """A boto3 client of the embedded AWS at `url`."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
    )


def endpoint_file(settings: LocalSettings) -> Path:
    """Where a run says the URL of its embedded AWS, for the commands that look into it."""
    return settings.data_dir / "aws-url"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def die_with_parent() -> None:
    """Be told to stop, as by SIGTERM, when the parent process ends in whatever way. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_ITS_PARENT, signal.SIGTERM)


def _fit_policies(resources: dict[str, Any]) -> None:
    """ministack takes every schedule for one of the default group: who may make ours has to be allowed that."""
    for resource in resources.values():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for policy in resource["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Action"] == "scheduler:CreateSchedule":
                    arn = statement["Resource"]["Fn::Sub"]
                    statement["Resource"] = {"Fn::Sub": arn.replace("schedule/${Timers}/", "schedule/default/")}


def _template() -> str:
    try:
        return (ROOT / "template.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"template.yaml cannot be read: {error}.") from error


def _package(scratch: Path) -> bytes:
    """functions/ and shared/ zipped, with what this Python makes of them: a Lambda process compiles nothing."""
    staged = scratch / "package"
    for part in ("functions", "shared"):
        shutil.copytree(ROOT / part, staged / part, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    compileall.compile_dir(
        staged, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH, stripdir=str(staged)
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(staged.rglob("*")):
            if path.is_file():
                # A fixed date: the same sources are the same package.
                entry = zipfile.ZipInfo(str(path.relative_to(staged)), (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
