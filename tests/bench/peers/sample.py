"""A handler in the style of AWS's own samples: Powertools' resolver with validation, its logger and metrics, boto3.

Samples also have Powertools' Tracer, which would come on top (aws-xray-sdk is not a dependency here). Many have a boto3
resource; this handler has the cheaper client.
"""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.types import TypeDeserializer
from pydantic import BaseModel

logger = Logger()
metrics = Metrics(namespace="orders")
app = APIGatewayHttpResolver(enable_validation=True)
dynamodb = boto3.client("dynamodb")
deserializer = TypeDeserializer()


class Order(BaseModel):
    """An order in a response."""

    id: str
    category: str
    city: str
    description: str
    status: str
    created_at: int
    expires_at: int


@app.get("/api/orders/<order_id>")
def get_order(order_id: str) -> Order:
    """Return an order."""
    found = dynamodb.get_item(
        TableName=os.environ["TABLE_NAME"], Key={"pk": {"S": f"ORDER#{order_id}"}, "sk": {"S": "ORDER"}}
    )
    if "Item" not in found:
        raise NotFoundError(f"Order {order_id} not found")
    item = {name: deserializer.deserialize(value) for name, value in found["Item"].items()}
    logger.info("Order read", extra={"order_id": order_id})
    metrics.add_metric(name="OrderRead", unit=MetricUnit.Count, value=1)
    return Order(id=order_id, **item)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a request."""
    return app.resolve(event, context)
