"""Who saw what: runs last, over every answer and every log line of the session's service (I17, I18)."""

from tests.integration.service import Service


def test_contacts_are_hidden_until_paid_for(service: Service) -> None:
    """The ways in which an order is read, by everybody there is."""
    client, executor, broke, stranger = (service.user() for _ in range(4))
    service.recharge(executor)
    orders = [service.order(client), service.order(client, f"+7 {service.phone()}")]
    for order in orders:
        everybody = (client, executor, broke, stranger, None)

        def contacts(order_id: str = order["id"], everybody: tuple[int | None, ...] = everybody) -> list[str | None]:
            get = "GET /api/orders/{id}"
            return [service.call(get, user=user, id=order_id).json["contact"] for user in everybody]

        assert contacts() == [order["contact"], None, None, None, None]
        assert service.take(broke, order["id"]).status == 402
        assert service.take(client, order["id"]).status == 403
        assert service.take(executor, order["id"]).json["contact"] == order["contact"]
        assert contacts() == [order["contact"], order["contact"], None, None, None]
    for user, query in (
        (None, {}),
        (client, {"mine": True}),
        (executor, {"taken_by_me": True}),
        (executor, {"city": "Москва", "category": "Сантехника"}),
    ):
        listed = service.call("GET /api/orders", user=user, query=query).json["orders"]
        assert {order["id"] for order in orders} <= {each["id"] for each in listed}
        assert {each["contact"] for each in listed} == {None}
    # What is refused repeats nothing of what was sent.
    busy = service.call("POST /api/orders", user=stranger, body=service.order_body(orders[0]["contact"]))
    assert busy.status == 409
    wrong = service.order_body(f"{service.contact()} и {service.phone()}")
    assert service.call("POST /api/orders", user=stranger, body=wrong).status == 422
    wrong = service.order_body(service.contact(), city="Нигде")
    assert service.call("POST /api/orders", user=stranger, body=wrong).status == 422


def test_nobody_saw_what_was_not_his(service: Service) -> None:
    """In no list, error, log line or other user's answer stands a contact; in none at all credentials."""
    assert len([e for e in service.exchanges if e.route == "POST /api/orders" and e.answer.status == 201]) >= 2
    assert len(service.log) >= 20
    assert service.disclosed() == []


def test_nothing_went_wrong_that_we_did_not_mean(service: Service) -> None:
    """Everything that the session sent was answered by a function that knew what to say."""
    assert service.mistakes() == []
