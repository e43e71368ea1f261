"""Disclosure: runs last, over every answer and every log line of the session's service (I17, I18)."""

from tests.integration.service import Service


def test_contacts_are_hidden_until_paid_for(service: Service) -> None:
    """Read an order in every way, as every kind of caller."""
    client, executor, broke, stranger = (service.user() for _ in range(4))
    service.recharge(executor)
    in_text = f"Прорвало трубу, звоните +7 {service.phone()} или пишите {service.contact()}"
    orders = [service.order(client, description=in_text), service.order(client, f"+7 {service.phone()}")]
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
        [masked] = [each["description"] for each in listed if each["id"] == orders[0]["id"]]
        assert masked == "Прорвало трубу, звоните ••• или пишите •••"
        assert {order["id"] for order in orders} <= {each["id"] for each in listed}
        assert {each["contact"] for each in listed} == {None}
    for user, whole in ((client, True), (executor, True), (stranger, False), (None, False)):
        shown = service.call("GET /api/orders/{id}", user=user, id=orders[0]["id"]).json
        assert (shown["description"] == in_text) is whole
        assert shown["description_masked"] is True
    # A refusal repeats nothing of the request.
    busy = service.call("POST /api/orders", user=stranger, body=service.order_body(orders[0]["contact"]))
    assert busy.status == 409
    wrong = service.order_body(f"{service.contact()} и {service.phone()}")
    assert service.call("POST /api/orders", user=stranger, body=wrong).status == 422
    wrong = service.order_body(service.contact(), city="Нигде")
    assert service.call("POST /api/orders", user=stranger, body=wrong).status == 422


def test_no_contact_or_credential_was_disclosed(service: Service) -> None:
    """No list, error, log line or other user's answer contains a contact, and none contains credentials."""
    assert len([e for e in service.exchanges if e.route == "POST /api/orders" and e.answer.status == 201]) >= 2
    assert len(service.log) >= 20
    assert service.disclosed() == []


def test_no_unexpected_error_occurred(service: Service) -> None:
    """No request of the session caused an unexpected error."""
    assert service.mistakes() == []
