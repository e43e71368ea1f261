"""Calling a function of a stage's stack as an operator.

A stage is `local`, a running `make run` (LOCAL_DATA_DIR says which), or one that is deployed with the AWS credentials
of this shell.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from infra.local.aws import client_at, endpoint_file
from infra.local.settings import LocalSettings


class CannotInvoke(Exception):
    """The function could not be called, or failed; the message is one sentence."""


def invoke(stage: str, function: str, event: Mapping[str, object]) -> Any:
    """What a function of the stage's stack, by its logical name, answers to the event. Raises CannotInvoke."""
    stack = f"urgent-services-{stage}"
    client = aws_client(stage)
    name = client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=function)[
        "StackResourceDetail"
    ]["PhysicalResourceId"]
    # Deployed, the alias is what has not been taken back; there are none here.
    qualifier = {} if stage == "local" else {"Qualifier": "live"}
    answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode(), **qualifier)
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
