"""Start every function built by `sam build` as Lambda does, and invoke it once: `python -m infra.build.start`.

Each package runs in its own process and folder, outside the source tree. It sees the layer, built by the same recipe
for this machine, and no other Python package. Lambda's runtime client and the runtime interface emulator of SAM CLI
run it. Its AWS is the embedded AWS with the stack deployed. Linux only.

Exit code 0: every function answered; 1: a function failed.
"""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from infra.build.check import BUILT, LAYER
from infra.local.aws import ACCOUNT, REGION, STACK, EmbeddedAws, free_port
from infra.local.initdata import signed_init_data
from infra.local.run import forget_real_aws
from infra.local.settings import ROOT, LocalSettings
from shared.handlers.background import HandlerFailed

# The events of functions without a trigger in the template.
EVENTS: dict[str, Any] = {
    "LiveSocket": {
        "requestContext": {"routeKey": "$disconnect", "eventType": "DISCONNECT", "connectionId": "AAAAAAAAAAAAAAA="}
    },
    "EndDueOrder": {"order_id": "AAAAAAAAAAAA", "due_at": 0},
    "RefundPayment": {"payment_id": 1},
    "ExportUser": {"user_id": 1, "operator_id": 1, "reason": "build"},
    "EraseUser": {"user_id": 2, "operator_id": 1, "reason": "build"},
}
# These functions raise HandlerFailed for their event: there is no such payment.
FAILING = {"RefundPayment"}

# Valid bodies by path. A write without one here gets an empty object and answers 4xx.
BODIES = {
    "/api/orders": {
        "category": "Сантехника",
        "description": "Прорвало трубу под раковиной",
        "city": "Москва",
        "contact": "@built",
    },
    "/api/balance/recharge": {"amount": 5, "method": "card"},
    "/api/users/me/preferences": {"categories": [], "cities": []},
    "/api/users/me/notification-settings": {"enabled": True, "frequency": 15},
}


class Broken(Exception):
    """A package does not start or does not answer. The message: one sentence and the function's output."""


def functions() -> dict[str, dict[str, Any]]:
    """The properties of the template's functions, by logical name."""

    class Template(yaml.SafeLoader):
        """A YAML loader that ignores CloudFormation's short tags."""

    Template.add_multi_constructor("!", lambda loader, suffix, node: None)
    resources = yaml.load((ROOT / "template.yaml").read_text(), Template)["Resources"]  # noqa: S506 - a SafeLoader
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def event_of(name: str, properties: dict[str, Any], settings: LocalSettings) -> Any:
    """The event that the function is invoked with."""
    if name in EVENTS:
        return EVENTS[name]
    [trigger, *_] = properties["Events"].values()
    match trigger["Type"]:
        case "HttpApi":
            return _request(trigger.get("Properties") or {}, settings)
        # Malformed records: the function reports them as failed and returns.
        case "DynamoDB":
            return {"Records": [{"eventName": "INSERT", "dynamodb": {"SequenceNumber": "1", "NewImage": {}}}]}
        case "SQS":
            return {"Records": [{"messageId": "1", "body": "{}", "attributes": {}, "messageAttributes": {}}]}
        case _:
            return {}


def _request(route: dict[str, Any], settings: LocalSettings) -> dict[str, Any]:
    """The event of an HTTP API request with valid initData."""
    key, template = route.get("Method", "ANY"), route.get("Path", "/nowhere")
    method = "GET" if key == "ANY" else key
    ids = dict.fromkeys(re.findall(r"{(\w+)}", template), "1" if "payment" in template else "AAAAAAAAAAAA")
    path = template.format_map(ids)
    user = {"id": 1, "first_name": "Built"}
    return {
        "version": "2.0",
        "routeKey": f"{key} {template}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "host": "built.invalid",
            "content-type": "application/json",
            "authorization": f"tma {signed_init_data(user, settings.bot_token, int(time.time()))}",
        },
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": "request",
            "stage": "$default",
        },
        "pathParameters": ids,
        "body": json.dumps(BODIES.get(template, {})) if method in ("POST", "PUT") else None,
        "isBase64Encoded": False,
    }


def start(name: str, properties: dict[str, Any], event: Any, env: dict[str, str], scratch: Path) -> str:
    """Start a function, invoke it once and return its status code, or "done". Raises Broken."""
    task = scratch / name
    shutil.copytree(BUILT / name, task)
    emulator = next((ROOT / ".venv-sam").glob(f"lib/*/site-packages/samcli/local/rapid/aws-lambda-rie-{_machine()}"))
    port = free_port()
    output = (scratch / f"{name}.log").open("wb")
    process = subprocess.Popen(
        [
            emulator,
            *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
            # -S: no site-packages, so that only the package and the layer can be imported.
            *(sys.executable, "-S", "-m", "awslambdaric", properties["Handler"]),
        ],
        cwd=task,
        env=env | {"LAMBDA_TASK_ROOT": str(task), "AWS_LAMBDA_FUNCTION_NAME": name},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        answer = _call(port, event)
    except OSError as error:
        raise Broken(f"{name} did not answer ({error}). Its output:\n{_printed(output.name)}") from None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        output.close()
        shutil.rmtree(task)
    error_type = answer.get("errorType") if isinstance(answer, dict) else None
    if error_type is not None and not (error_type == HandlerFailed.__name__ and name in FAILING):
        raise Broken(f"{name} failed with {error_type}. Its output:\n{_printed(output.name)}")
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if status is not None and status >= 500:
        raise Broken(f"{name} answered {status}. Its output:\n{_printed(output.name)}")
    return str(status or "done")


def _call(port: int, event: Any) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", json.dumps(event).encode()
    )
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.loads(response.read())
        except urllib.error.URLError as error:
            # The emulator may not listen yet.
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _printed(log: str) -> str:
    return Path(log).read_text(errors="replace")[-4000:]


def _machine() -> str:
    return {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


def _layer(scratch: Path) -> Path:
    """Build the layer by the deployed layer's recipe, for this machine's Python and processor; return its path."""
    subprocess.run(
        [
            *("make", "--silent", "--no-print-directory", f"build-{LAYER}", f"ARTIFACTS_DIR={scratch / 'layer'}"),
            f"PYTHON={sys.executable}",
            f"PACKAGE_PYTHON={sys.version_info.major}.{sys.version_info.minor}",
            f"PACKAGE_PLATFORM=manylinux2014_{platform.machine()}",
        ],
        cwd=ROOT,
        check=True,
    )
    return scratch / "layer" / "python"


def main() -> int:
    """Start and invoke every function; return the exit code."""
    if sys.platform != "linux":
        print("No function was started: Lambda's runtime client runs on Linux only.")
        return 0
    forget_real_aws()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="built-") as temporary:
        scratch = Path(temporary)
        layer = _layer(scratch)
        settings = replace(LocalSettings.read({"PORT": str(free_port())}), data_dir=scratch / "data")
        settings.data_dir.mkdir()
        aws = EmbeddedAws(settings)
        try:
            aws.start()
            aws.deploy()
            failures = _start_all(aws, settings, layer, scratch)
        finally:
            aws.stop()
    for failure in failures:
        print(failure, file=sys.stderr)
    if not failures:
        print(f"Every function started and answered under Lambda's runtime client ({time.monotonic() - began:.0f} s).")
    return len(failures) > 0


def _start_all(aws: EmbeddedAws, settings: LocalSettings, layer: Path, scratch: Path) -> list[Broken]:
    found = functions()
    client = aws.client("lambda")
    stacks = aws.client("cloudformation")

    def failure(name: str) -> Broken | None:
        resource = stacks.describe_stack_resource(StackName=STACK, LogicalResourceId=name)
        deployed = resource["StackResourceDetail"]["PhysicalResourceId"]
        configuration = client.get_function_configuration(FunctionName=deployed)
        env = configuration["Environment"]["Variables"] | {
            "PATH": os.defpath,
            "PYTHONPATH": f"{layer}{os.pathsep}{ROOT / '.venv-sam' / 'runtime'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": ACCOUNT,  # the embedded AWS accepts any key
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(configuration["Timeout"]),
        }
        try:
            result = start(name, found[name], event_of(name, found[name], settings), env, scratch)
        except Broken as broken:
            return broken
        print(f"{name}: {result}", flush=True)
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [broken for broken in pool.map(failure, found) if broken]


if __name__ == "__main__":
    sys.exit(main())
