"""The naive function, as in tutorials: a boto3 resource, a logger, metrics. Measured without compiled code.

Powertools' Tracer would add to it (aws-xray-sdk is not a dependency here).
"""

import boto3
from aws_lambda_powertools import Logger, Metrics
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel


class Order(BaseModel):
    """Some model."""

    id: str
    city: str


logger = Logger()
metrics = Metrics()
table = boto3.resource("dynamodb").Table("orders")
app = FastAPI()


@app.get("/api/orders/{id}")
def get_order(id: str) -> Order:
    """Some route."""
    return Order(id=id, city="Москва")


handler = Mangum(app)
