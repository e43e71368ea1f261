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
    stack = f"urgent-services-{stage}"
    client = aws_client(stage)
    name = client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=function)[
        "StackResourceDetail"
    ]["PhysicalResourceId"]
    # In a deployed stage the alias points to the version that was not rolled back. A local stage has no aliases.
    qualifier = {} if stage == "local" else {"Qualifier": "live"}
    response = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode(), **qualifier)
    payload = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        raise CannotInvoke(f"{function} failed: see its log for the cause.")
    return payload


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
