"""The reference of every cold start: the imports and the client that such a function usually has."""

import boto3
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel


class Order(BaseModel):
    """Some model."""

    id: str
    city: str


client = boto3.client("dynamodb")
app = FastAPI()


@app.get("/api/orders/{id}")
def get_order(id: str) -> Order:
    """Some route."""
    return Order(id=id, city="Москва")


handler = Mangum(app)
