"""The naive handler, as in tutorials: FastAPI behind Mangum, a boto3 resource and a logger."""

import os

import boto3
from aws_lambda_powertools import Logger
from fastapi import FastAPI, HTTPException
from mangum import Mangum
from pydantic import BaseModel


class Order(BaseModel):
    """An order in a response."""

    id: str
    category: str
    city: str
    description: str
    status: str
    created_at: int
    expires_at: int


logger = Logger()
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
app = FastAPI()


@app.get("/api/orders/{order_id}")
def get_order(order_id: str) -> Order:
    """Return an order."""
    found = table.get_item(Key={"pk": f"ORDER#{order_id}", "sk": "ORDER"})
    if "Item" not in found:
        raise HTTPException(404, "Order not found")
    logger.info("Order read", extra={"order_id": order_id})
    return Order.model_validate({"id": order_id, **found["Item"]})


handler = Mangum(app)
