"""A handler of boto3 and one log line: the least that reading an order can cost."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger

logger = Logger()
client = boto3.client("dynamodb", endpoint_url=os.environ.get("BARE_ENDPOINT_URL"))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer GET /api/orders/{id} without authentication."""
    order_id = event["rawPath"].rpartition("/")[2]
    answer = client.get_item(
        TableName=os.environ["TABLE_NAME"],
        Key={"pk": {"S": f"ORDER#{order_id}"}, "sk": {"S": "ORDER"}},
        ConsistentRead=True,
    )
    order = {name: next(iter(value.values())) for name, value in answer["Item"].items()}
    logger.info("request", extra={"request_id": context.aws_request_id, "status": 200})
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(order, ensure_ascii=False),
    }
