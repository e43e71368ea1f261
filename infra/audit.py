"""`make audit`: have a stage's books checked by its audit function, and print what it finds.

STAGE is `local`, a running `make run` (LOCAL_DATA_DIR says which), or one that is deployed with the AWS credentials of
this shell. Exit code 0: every invariant holds; 1: there are breaches; 2: it could not be checked.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.aws import client_at, endpoint_file
from infra.local.settings import LocalSettings


def main() -> int:
    """Check and print; the exit code."""
    stage = os.environ.get("STAGE") or "local"
    try:
        breaches = invoke(stage, "Audit")
    except (BotoCoreError, ClientError, CannotInvoke) as error:
        print(f"The books of stage {stage} could not be checked: {error}", file=sys.stderr)
        return 2
    for breach in breaches:
        print(f"{breach['invariant']}: {breach['subject']}: {breach['found']}")
    print(f"{len(breaches)} breaches" if breaches else "Every invariant holds.")
    return 1 if breaches else 0


class CannotInvoke(Exception):
    """The function could not be called, or failed; the message is one sentence."""


def invoke(stage: str, function: str) -> Any:
    """What a function of the stage's stack, by its logical name, answers to an empty event. Raises CannotInvoke."""
    stack = f"urgent-services-{stage}"
    client = aws_client(stage)
    name = client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=function)[
        "StackResourceDetail"
    ]["PhysicalResourceId"]
    answer = client("lambda").invoke(FunctionName=name, Payload=b"{}")
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise CannotInvoke(f"{function} failed; its log says why.")
    return payload


def aws_client(stage: str) -> Callable[[str], Any]:
    """What makes boto3 clients of the stage's AWS."""
    if stage != "local":
        return lambda service: boto3.client(
            service,  # type: ignore[call-overload]
            config=Config(read_timeout=900, retries={"total_max_attempts": 1}),
        )
    try:
        url = endpoint_file(LocalSettings.read()).read_text()
    except FileNotFoundError:
        raise CannotInvoke("nothing runs here; start it by make run, or set STAGE.") from None
    return partial(client_at, url)


if __name__ == "__main__":
    sys.exit(main())
