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
    "dynamodb": {"BatchGetItem", "GetItem", "PutItem", "Query", "Scan", "TransactWriteItems", "UpdateItem"},
    "scheduler": {"CreateSchedule"},
    "sqs": {"SendMessageBatch"},
    "ssm": {"GetParameter"},
}

# Packages that no function imports: clients come from botocore (shared/aws/clients.py) and models from pydantic 2.
# A test compares this list with the functions' imports.
UNUSED = (
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/circuit_breaker",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/streaming",
    "aws_lambda_powertools/utilities/validation",
    "boto3",
    "dateutil/zoneinfo",
    "pydantic/v1",
    "s3transfer",
)


def trim(site_packages: Path) -> None:
    """Trim botocore's data in this folder, and remove the packages that no function imports."""
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
    for package in UNUSED:
        shutil.rmtree(site_packages / package)
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
