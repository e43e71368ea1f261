"""Invoke a function of a stage's stack as an operator.

Stage `local` is the running `make run` of LOCAL_DATA_DIR. Any other stage is a deployed stack, reached with the AWS
credentials of this shell.
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
    """The function could not be invoked, or it failed. The message says why and what to do."""


def invoke(stage: str, function: str, event: Mapping[str, object]) -> Any:
    """Invoke a function of the stage's stack by its logical name and return its result.

    Calls cloudformation:DescribeStackResource and lambda:Invoke. Raises CannotInvoke, and botocore's errors.
    """
    return invoke_by_name(stage, physical_id(stage, function), event)


def invoke_by_name(stage: str, name: str, event: Mapping[str, object]) -> Any:
    """Invoke a function by its physical name and return its result. Raises CannotInvoke, and botocore's errors."""
    response = aws_client(stage)("lambda").invoke(
        FunctionName=qualified(stage, name), Payload=json.dumps(event).encode()
    )
    payload = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        raise CannotInvoke(f"{name} failed: see its log for the cause.")
    return payload


def qualified(stage: str, name: str) -> str:
    """Return a function's name with the alias of a deployed stage, whose version was not rolled back."""
    return name if stage == "local" else f"{name}:live"


def physical_id(stage: str, resource: str) -> str:
    """Return the physical id of a resource of the stage's stack: a function's name, a queue's URL.

    Calls cloudformation:DescribeStackResource. Raises CannotInvoke, and botocore's errors.
    """
    found = aws_client(stage)("cloudformation").describe_stack_resource(
        StackName=f"urgent-services-{stage}", LogicalResourceId=resource
    )
    name: str = found["StackResourceDetail"]["PhysicalResourceId"]
    return name


def aws_client(stage: str) -> Callable[[str], Any]:
    """Return a factory of boto3 clients for the AWS of the stage, by service name. Raises CannotInvoke."""
    if stage != "local":
        return lambda service: boto3.client(
            service,  # type: ignore[call-overload]
            config=Config(read_timeout=900, retries={"total_max_attempts": 1}),
        )
    try:
        url = endpoint_file(LocalSettings.read()).read_text()
    except FileNotFoundError:
        raise CannotInvoke("no local service is running: start it with make run, or set STAGE.") from None
    return partial(client_at, url)
