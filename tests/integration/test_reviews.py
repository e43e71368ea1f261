"""Reviews and complaints after an order's end, and a whole story from creation to ratings."""

from functools import partial

from tests.integration.service import Service, at_once, statuses


def test_one_of_eight_concurrent_reviews_is_stored(service: Service) -> None:
    """I20: eight at once."""
    client, executor = service.user(), service.user()
    order_id = _completed(service, client, executor)
    review = {"order_id": order_id, "rating": 5, "comment": "Быстро и аккуратно"}
    answers = at_once([partial(service.call, "POST /api/reviews/client", user=client, body=review)] * 8)
    assert statuses(answers) == {200: 1, 409: 7}
    assert service.call("GET /api/users/me", user=executor).json["rating"] == 5
    received = service.call("GET /api/reviews", user=executor, query={"mine": True}).json
    assert [(found["order_id"], found["author_name"]) for found in received] == [(order_id, f"User{client}")]


def test_rating_is_the_mean_of_nine_concurrent_reviews(service: Service) -> None:
    """I21: no concurrent review is lost."""
    executor = service.user()
    service.recharge(executor, 20)
    ratings = [1, 2, 3, 4, 5, 5, 5, 4, 4]
    orders = []
    for _ in ratings:
        client = service.user()
        orders.append((client, _completed(service, client, executor)))
    answers = at_once(
        [
            partial(
                service.call, "POST /api/reviews/client", user=client, body={"order_id": order_id, "rating": rating}
            )
            for (client, order_id), rating in zip(orders, ratings, strict=True)
        ]
    )
    assert statuses(answers) == {200: 9}
    me = service.call("GET /api/users/me", user=executor).json
    assert (me["rating"], me["completed_orders"]) == (round(sum(ratings) / 9, 2), 9)


def test_a_whole_story_from_creation_to_ratings(service: Service) -> None:
    """Two clients and four executors, from creation to ratings; at the end all ledgers add up (I1, I3)."""
    anna, boris = service.user(), service.user()
    executors = [service.user() for _ in range(4)]
    for executor in executors:
        service.recharge(executor, 10)
    pipe, socket, mover = (service.order(client)["id"] for client in (anna, anna, boris))

    # Three take the burst pipe, the fourth is too late; each sees what they may.
    for executor in executors[:3]:
        assert service.take(executor, pipe).status == 200
    assert service.take(executors[3], pipe).status == 409
    assert service.call("PUT /api/orders/{id}", user=anna, id=pipe, body={"category": "Другое"}).status == 403
    assert service.call("POST /api/orders/{id}/respond", user=boris, id=pipe).status == 403
    assert service.call("POST /api/orders/{id}/respond", user=anna, id=pipe).json["customer_responded_at"]
    assert service.call("POST /api/orders/{id}/respond", user=anna, id=pipe).status == 409
    assert service.call("POST /api/orders/{id}/complete", user=anna, id=pipe).json["status"] == "completed"
    assert service.call("POST /api/orders/{id}/complete", user=anna, id=pipe).status == 410

    # She closes the socket order without an answer, so its executor is refunded. Nobody takes Boris's order.
    for executor in executors[2:]:
        assert service.take(executor, socket).status == 200
    assert service.call("POST /api/orders/{id}/close", user=anna, id=socket).status == 204
    assert service.call("POST /api/orders/{id}/close", user=boris, id=mover).status == 409
    assert service.call("DELETE /api/orders/{id}", user=boris, id=mover).status == 204

    # Reviews and complaints.
    review = {"order_id": pipe, "rating": 4, "executor_id": executors[1]}
    assert service.call("POST /api/reviews/client", user=boris, body=review).status == 404
    assert service.call("POST /api/reviews/client", user=anna, body={**review, "executor_id": boris}).status == 400
    assert service.call("POST /api/reviews/client", user=anna, body=review).status == 200
    assert service.call("POST /api/reviews/client", user=anna, body={**review, "order_id": socket}).status == 400
    complaint = {"order_id": socket, "complaint": "Отменил заказ"}
    assert service.call("POST /api/reviews/executor", user=executors[3], body=complaint).status == 200
    assert service.call("POST /api/reviews/executor", user=executors[0], body=complaint).status == 404
    checks = [
        service.call("GET /api/reviews/check", user=user, query={"order_id": order_id}).json
        for user, order_id in ((anna, pipe), (executors[3], socket), (boris, mover))
    ]
    assert [check["type"] for check in checks] == ["review", "complaint", None]

    # The ledgers.
    people = [anna, boris, *executors]
    mine = [service.call("GET /api/users/me", user=user).json for user in people]
    assert [me["balance"] for me in mine] == [0, 0, 8, 8, 8, 10]
    assert [me["active_orders"] for me in mine] == [0] * 6
    assert [me["completed_orders"] for me in mine] == [1, 0, 1, 1, 1, 0]
    assert [me["rating"] for me in mine] == [0, 0, 0, 4, 0, 0]
    entries = [entry for user in people for entry in service.ledger(user)]
    takes = -sum(entry["amount"] for entry in entries if entry["type"] == "order_take")
    refunds = sum(entry["amount"] for entry in entries if entry["type"] == "refund")
    assert (takes, refunds) == (10, 4)
    assert sum(me["balance"] for me in mine) + takes - refunds == 40
    assert service.invoke("Audit", {}) == []


def _completed(service: Service, client: int, executor: int) -> str:
    order_id: str = service.order(client)["id"]
    if service.balance(executor) < 2:
        service.recharge(executor, 2)
    assert service.take(executor, order_id).status == 200
    assert service.call("POST /api/orders/{id}/complete", user=client, id=order_id).status == 200
    return order_id
