"""Money, slots and contacts under concurrent requests. First with cold functions, then with warm ones, which get all
requests at the same moment."""

from functools import partial

import pytest

from tests.integration.service import Service, at_once, statuses

ROUNDS = range(4)


def test_twelve_creates_with_one_contact_make_one_order(service: Service) -> None:
    """I15, F23."""
    for _ in ROUNDS:
        name, digits = service.contact()[1:], service.phone()
        usernames = [f"@{name}", f"@{name.upper()}", f"https://t.me/{name}", f"t.me/{name.title()}"]
        phones = [f"+7{digits}", f"8{digits}", digits, f"8 ({digits[:3]}) {digits[3:6]}-{digits[6:8]}-{digits[8:]}"]
        for spellings in (usernames, phones):
            answers = at_once(
                [
                    partial(
                        service.call,
                        "POST /api/orders",
                        user=service.user(),
                        body=service.order_body(spellings[i % len(spellings)]),
                    )
                    for i in range(12)
                ]
            )
            assert statuses(answers) == {201: 1, 409: 11}
            assert {answer.json["code"] for answer in answers if answer.status == 409} == {"contact_busy"}


def test_three_of_24_concurrent_executors_take_and_pay(service: Service) -> None:
    """I6, I9, F21."""
    for _ in ROUNDS:
        client, executors = service.user(), [service.user() for _ in range(24)]
        for executor in executors:
            service.recharge(executor, 2)
        order = service.order(client)
        answers = at_once([partial(service.take, executor, order["id"]) for executor in executors])
        assert statuses(answers) == {200: 3, 409: 21}
        took = {executor for executor, answer in zip(executors, answers, strict=True) if answer.status == 200}
        assert sorted(a.json["executor_count"] for a in answers if a.status == 200) == [1, 2, 3]
        for executor in executors:
            debits = [entry for entry in service.ledger(executor) if entry["type"] == "order_take"]
            expected = [(-2, 0, order["id"])] if executor in took else []
            assert [(entry["amount"], entry["balance_after"], entry["order_id"]) for entry in debits] == expected
        seen = service.call("GET /api/orders/{id}", id=order["id"]).json
        assert {take["executor_id"] for take in seen["taken_by"]} == took


def test_twelve_concurrent_takes_of_one_executor_charge_once(service: Service) -> None:
    """I6, I19, F11."""
    for _ in ROUNDS:
        client, executor = service.user(), service.user()
        service.recharge(executor, 7)
        order = service.order(client)
        answers = at_once([partial(service.take, executor, order["id"])] * 12)
        assert [(answer.status, answer.json) for answer in answers] == [
            (200, {"success": True, "contact": order["contact"], "executor_count": 1, "new_balance": 5})
        ] * 12
        assert [entry["amount"] for entry in service.ledger(executor)] == [7, -2]


def test_seven_roubles_buy_three_of_eight_orders(service: Service) -> None:
    """I2, I6."""
    for _ in ROUNDS:
        executor = service.user()
        service.recharge(executor, 7)
        orders = [service.order(service.user()) for _ in range(8)]
        answers = at_once([partial(service.take, executor, order["id"]) for order in orders])
        assert statuses(answers) == {200: 3, 402: 5}
        assert [entry["balance_after"] for entry in service.ledger(executor)] == [7, 5, 3, 1]
        paid = {entry["order_id"] for entry in service.ledger(executor) if entry["type"] == "order_take"}
        assert paid == {order["id"] for order, answer in zip(orders, answers, strict=True) if answer.status == 200}
        mine = service.call("GET /api/orders", user=executor, query={"taken_by_me": True}).json
        assert {order["id"] for order in mine["orders"]} == paid
        assert service.call("GET /api/users/me", user=executor).json["active_orders"] == 3


def test_no_recharge_of_32_concurrent_ones_is_lost(service: Service) -> None:
    """I1, I3."""
    user = service.user()
    amounts = range(1, 33)
    answers = at_once(
        [partial(service.call, "POST /api/balance/recharge", user=user, body={"amount": n}) for n in amounts]
    )
    assert statuses(answers) == {200: 32}
    assert sorted(entry["amount"] for entry in service.ledger(user)) == list(amounts)
    assert len({answer.json["transaction_id"] for answer in answers}) == 32
    assert service.balance(user) == sum(amounts)


def test_one_of_many_orders_edited_to_one_contact_gets_it(service: Service) -> None:
    """I15, F23."""
    for _ in ROUNDS:
        orders = [(user := service.user(), service.order(user)) for _ in range(8)]
        wanted = service.contact()
        answers = at_once(
            [
                partial(service.call, "PUT /api/orders/{id}", user=user, id=order["id"], body={"contact": wanted})
                for user, order in orders
            ]
        )
        assert statuses(answers) == {200: 1, 409: 7}
        # The loser keeps their old contact; the winner's old contact is free.
        for (user, order), answer in zip(orders, answers, strict=True):
            shown = service.call("GET /api/orders/{id}", user=user, id=order["id"]).json["contact"]
            assert shown == (wanted if answer.status == 200 else order["contact"])
            again = service.call(
                "POST /api/orders", user=service.user(), body=service.order_body(order["contact"].upper())
            )
            assert again.status == (201 if answer.status == 200 else 409)


@pytest.mark.parametrize("rival", ["PUT /api/orders/{id}", "DELETE /api/orders/{id}"])
def test_a_take_and_an_edit_or_delete_exclude_each_other(service: Service, rival: str) -> None:
    """I14, F22: an edit or delete either precedes every take, or is refused because an executor paid."""
    for _ in ROUNDS:
        client, executors = service.user(), [service.user() for _ in range(3)]
        for executor in executors:
            service.recharge(executor, 2)
        order = service.order(client)
        body = {"contact": service.contact()} if rival.startswith("PUT") else None
        calls = [partial(service.take, executor, order["id"]) for executor in executors]
        calls.insert(1, partial(service.call, rival, user=client, id=order["id"], body=body))
        takes = at_once(calls)
        won = takes.pop(1)
        paid = sum(answer.status == 200 for answer in takes)
        if rival.startswith("DELETE"):
            assert (won.status, statuses(takes)) in [(204, {404: 3}), (403, {200: 3})]
        else:
            assert (won.status, statuses(takes)) in [(200, {200: 3}), (403, {200: 3})]
            # No executor paid for a contact that the order no longer had.
            now = service.call("GET /api/orders/{id}", user=client, id=order["id"]).json["contact"]
            assert {answer.json["contact"] for answer in takes} == {now}
        assert sum(service.balance(executor) for executor in executors) == 6 - 2 * paid
