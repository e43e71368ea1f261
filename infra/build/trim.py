"""Trim botocore's data to the operations that functions call: `python -m infra.build.trim SITE_PACKAGES`.

botocore contains descriptions of about 430 services. It lists them, and parses a megabyte of endpoints, for the first
client. The trimmed data folder keeps botocore's layout, so botocore needs no configuration. An operation missing from
OPERATIONS does not exist in a deployed function. A test compares OPERATIONS with the functions' IAM policies.
"""

import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPERATIONS = {
    "cloudwatch": {"DescribeAlarms", "GetMetricData"},
    "dynamodb": {"BatchGetItem", "GetItem", "PutItem", "Query", "Scan", "TransactWriteItems", "UpdateItem"},
    "scheduler": {"CreateSchedule"},
    "sqs": {"DeleteMessage", "GetQueueAttributes", "ReceiveMessage", "SendMessageBatch"},
    "ssm": {"GetParameter"},
}

# What no function imports: clients come from botocore (shared/aws/clients.py), models from pydantic 2, endpoints run on
# asyncio, and every host that is called has an ASCII name (idna). A test compares this list with the imports.
UNUSED = (
    "annotated_types/test_cases.py",
    "anyio/_backends/_trio.py",
    "anyio/_core/_fileio.py",
    "anyio/_core/_subprocesses.py",
    "anyio/_core/_tempfile.py",
    "anyio/from_thread.py",
    "anyio/functools.py",
    "anyio/itertools.py",
    "anyio/pytest_plugin.py",
    "anyio/streams/buffered.py",
    "anyio/streams/file.py",
    "anyio/streams/text.py",
    "anyio/streams/tls.py",
    "anyio/to_interpreter.py",
    "anyio/to_process.py",
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/metrics/provider/datadog",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/circuit_breaker",
    "aws_lambda_powertools/utilities/data_classes/active_mq_event.py",
    "aws_lambda_powertools/utilities/data_classes/api_gateway_authorizer_event.py",
    "aws_lambda_powertools/utilities/data_classes/appsync_authorizer_event.py",
    "aws_lambda_powertools/utilities/data_classes/cognito_user_pool_event.py",
    "aws_lambda_powertools/utilities/data_classes/iot_registry_event.py",
    "aws_lambda_powertools/utilities/data_classes/rabbit_mq_event.py",
    "aws_lambda_powertools/utilities/data_classes/s3_object_event.py",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/metadata",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser/envelopes",
    "aws_lambda_powertools/utilities/parser/models/apigw.py",
    "aws_lambda_powertools/utilities/parser/models/apigw_websocket.py",
    "aws_lambda_powertools/utilities/parser/models/apigwv2.py",
    "aws_lambda_powertools/utilities/parser/models/appsync.py",
    "aws_lambda_powertools/utilities/parser/models/appsync_events.py",
    "aws_lambda_powertools/utilities/parser/models/cognito.py",
    "aws_lambda_powertools/utilities/parser/models/event_bridge.py",
    "aws_lambda_powertools/utilities/parser/models/iot_registry_events.py",
    "aws_lambda_powertools/utilities/parser/models/kinesis_firehose.py",
    "aws_lambda_powertools/utilities/parser/models/kinesis_firehose_sqs.py",
    "aws_lambda_powertools/utilities/parser/models/s3.py",
    "aws_lambda_powertools/utilities/parser/models/ses.py",
    "aws_lambda_powertools/utilities/parser/models/sns.py",
    "aws_lambda_powertools/utilities/parser/models/vpc_latticev2.py",
    "aws_lambda_powertools/utilities/streaming",
    "aws_lambda_powertools/utilities/validation",
    "boto3",
    "botocore/stub.py",
    "dateutil/easter.py",
    "dateutil/rrule.py",
    "dateutil/tz/win.py",
    "dateutil/zoneinfo",
    "fastapi/.agents",
    "fastapi/middleware/cors.py",
    "idna",
    "pydantic/experimental",
    "pydantic/mypy.py",
    "pydantic/v1",
    "s3transfer",
    "starlette/config.py",
    "starlette/endpoints.py",
    "starlette/middleware/cors.py",
    "starlette/middleware/gzip.py",
    "starlette/middleware/sessions.py",
    "starlette/middleware/wsgi.py",
    "starlette/schemas.py",
    "starlette/templating.py",
    "starlette/testclient.py",
    "urllib3/contrib/emscripten",
    "urllib3/contrib/pyopenssl.py",
    "urllib3/contrib/socks.py",
    "urllib3/http2/connection.py",
)


def trim(site_packages: Path) -> None:
    """Trim botocore's data in this folder, and remove what no function imports."""
    data = site_packages / "botocore" / "data"
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in OPERATIONS:
            shutil.rmtree(folder)
    for service, operations in OPERATIONS.items():
        *older, newest = sorted((data / service).iterdir())
        for version in older:
            shutil.rmtree(version)
        _trim_service(newest, operations)
    _trim_endpoints(data / "endpoints.json")
    for unused in (site_packages / name for name in UNUSED):
        if unused.is_dir():
            shutil.rmtree(unused)
        else:
            unused.unlink()
    for folder in site_packages.glob("*.dist-info/sboms"):
        shutil.rmtree(folder)
    for record in site_packages.glob("*.dist-info/RECORD"):
        record.unlink()  # pip's list of installed files, no longer true


def _trim_service(version: Path, operations: set[str]) -> None:
    """Keep the operations, the shapes they use, and the rules that find an endpoint."""
    for path in version.iterdir():
        if not path.name.startswith(("service-2.", "endpoint-rule-set-1.")):
            path.unlink()
    packed = version / "service-2.json.gz"
    model = json.loads(gzip.decompress(packed.read_bytes()))
    missing = operations - model["operations"].keys()
    if missing:
        raise SystemExit(f"{version} does not describe {', '.join(sorted(missing))}: correct OPERATIONS in {__file__}.")
    model["operations"] = {name: model["operations"][name] for name in sorted(operations)}
    wanted = list(_shapes_in(model["operations"]))
    kept: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = model["shapes"][name]
            wanted += _shapes_in(kept[name])
    model["shapes"] = kept
    packed.unlink()
    # Not gzipped: the package is zipped anyway, and a cold start saves the second unpacking.
    (version / "service-2.json").write_text(json.dumps(_undocumented(model), separators=(",", ":")))


def _shapes_in(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("shape"), str):
            yield part["shape"]
        for value in part.values():
            yield from _shapes_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from _shapes_in(value)


def _undocumented(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            name: _undocumented(value)
            for name, value in part.items()
            if not (name == "documentation" and isinstance(value, str))
        }
    return [_undocumented(value) for value in part] if isinstance(part, list) else part


def _trim_endpoints(path: Path) -> None:
    endpoints = json.loads(path.read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: found for name, found in partition["services"].items() if name in OPERATIONS}
    path.write_text(json.dumps(endpoints, separators=(",", ":")))


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
