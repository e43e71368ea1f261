"""Operators refund payments: alone up to a sum a day, beyond it with a second operator."""

from dataclasses import replace
from typing import Any

import pytest

from functions.balance import refund_payment
from infra.local.fakes.crypto_pay import FakeCryptoPay
from shared.domain.operators import Action
from shared.domain.refunds import Refund
from shared.store import refunds, table
from shared.store.table import WriteConflict
from tests import api
from tests.conftest import OPERATOR
from tests.functions.test_admin import WHY, books_are_right
from tests.in_process import Api, Change

PAYER, SECOND = 30, 901


def paid(service: Api, crypto_pay: FakeCryptoPay, amount: int = 900, user: int = PAYER) -> int:
    """A payment that was paid and credited; its id."""
    body = {"amount": amount, "provider": "crypto_pay"}
    made = service.call("POST /api/balance/create-invoice", user=user, body=body).json
    invoice = int(made["pay_url"].rpartition("/")[2])
    crypto_pay.pay(invoice)
    text, headers = crypto_pay.webhook(invoice)
    assert service.call("POST /api/balance/webhook/crypto-bot", raw=text, headers=headers).status == 200
    payment: int = made["payment_id"]
    return payment


def act(service: Api, what: str, payment: int, operator: int = OPERATOR) -> api.Answer:
    return service.call(f"POST /api/admin/{what}", user=operator, id=str(payment), body=WHY)


def refund(service: Api, payment: int, operator: int = OPERATOR) -> api.Answer:
    return act(service, "payments/{id}/refund", payment, operator)


def shown(service: Api, payment: int) -> Any:
    return service.call("GET /api/admin/payments/{id}", user=OPERATOR, id=str(payment)).json


def waiting(service: Api) -> Any:
    return service.call("GET /api/admin/refunds", user=OPERATOR).json


def actions(service: Api) -> list[tuple[str, int | None, int | None]]:
    page = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    return sorted((each["kind"], each["user_id"], each["payment_id"]) for each in page)


def balance(service: Api, user: int = PAYER) -> int:
    return int(service.call("GET /api/balance", user=user).json["balance"])


def test_refund_within_the_sum_happens_at_once(service: Api, crypto_pay: FakeCryptoPay) -> None:
    payment = paid(service, crypto_pay)
    assert (shown(service, payment)["status"], shown(service, payment)["request"]) == ("paid", None)
    for _ in range(2):
        answer = refund(service, payment)
        assert (answer.json["refund"], answer.json["payment"]["status"]) == ("succeeded", "refunded")
    assert (balance(service), waiting(service)["spent_today"]) == (0, 900)
    assert actions(service) == [("payment_refunded", PAYER, payment)]
    person = service.call("GET /api/admin/users/{id}", user=OPERATOR, id=str(PAYER), query=WHY).json
    assert [each["payment_id"] for each in person["payments"]] == [payment]
    assert books_are_right()


def test_refund_above_the_sum_waits_for_a_second(service: Api, crypto_pay: FakeCryptoPay, change: Change) -> None:
    change(OPERATOR_REFUNDS_PER_DAY="1000")
    first, second = paid(service, crypto_pay), paid(service, crypto_pay, 101)
    assert refund(service, first).json["refund"] == "succeeded"
    for _ in range(2):
        answer = refund(service, second).json
        assert (answer["refund"], answer["payment"]["status"], balance(service)) == ("waiting", "paid", 101)
    [request] = waiting(service)["refunds"]
    assert request == answer["request"] == shown(service, second)["request"]
    assert (request["operator_id"], request["amount"], request["may_approve_at"]) == (OPERATOR, 101, None)

    own = act(service, "refunds/{id}/approve", second)
    assert (own.status, own.json["code"]) == (403, "second_operator_needed")
    for _ in range(2):
        assert act(service, "refunds/{id}/approve", second, SECOND).json["refund"] == "succeeded"
    assert (balance(service), waiting(service)["refunds"], shown(service, second)["request"]) == (0, [], None)
    assert actions(service) == [
        ("payment_refunded", PAYER, first),
        ("refund_approved", PAYER, second),
        ("refund_requested", PAYER, second),
    ]
    assert books_are_right()


def test_sum_is_of_an_operator_and_a_day(service: Api, crypto_pay: FakeCryptoPay, change: Change) -> None:
    change(OPERATOR_REFUNDS_PER_DAY="900")
    payments = [paid(service, crypto_pay) for _ in range(4)]
    assert refund(service, payments[0]).json["refund"] == "succeeded"
    assert refund(service, payments[1], SECOND).json["refund"] == "succeeded"
    assert refund(service, payments[2]).json["refund"] == "waiting"
    service.later(minutes=24 * 60)
    assert waiting(service)["spent_today"] == 0
    assert refund(service, payments[3]).json["refund"] == "succeeded"


def test_single_operator_waits_a_day_or_withdraws(service: Api, crypto_pay: FakeCryptoPay, change: Change) -> None:
    change(OPERATOR_REFUNDS_PER_DAY="0", OPERATOR_IDS=str(OPERATOR))
    payment = paid(service, crypto_pay)
    assert refund(service, payment).json["request"]["may_approve_at"] is not None
    early = act(service, "refunds/{id}/approve", payment)
    assert (early.status, early.json["code"]) == (409, "refund_too_early")
    assert act(service, "refunds/{id}/withdraw", payment).json == {"withdrawn": True}
    again = act(service, "refunds/{id}/withdraw", payment)
    assert (again.status, again.json["code"]) == (404, "refund_not_found")
    assert refund(service, payment).json["refund"] == "waiting"
    service.later(minutes=24 * 60)
    assert act(service, "refunds/{id}/approve", payment).json["refund"] == "succeeded"
    assert act(service, "refunds/{id}/withdraw", payment).status == 404
    assert books_are_right()


def test_what_was_not_paid_is_not_refunded(service: Api, crypto_pay: FakeCryptoPay) -> None:
    body = {"amount": 900, "provider": "crypto_pay"}
    unpaid = service.call("POST /api/balance/create-invoice", user=PAYER, body=body).json["payment_id"]
    assert refund(service, unpaid).json["code"] == "payment_not_paid"
    for what in ("payments/{id}/refund", "refunds/{id}/approve", "refunds/{id}/withdraw"):
        assert act(service, what, 77).status == 404
    assert service.call("GET /api/admin/payments/{id}", user=OPERATOR, id="77").json["code"] == "payment_not_found"
    assert actions(service) == []


def test_operator_refunds_no_own_payment(service: Api, crypto_pay: FakeCryptoPay, change: Change) -> None:
    """Neither alone nor as the second operator."""
    change(OPERATOR_REFUNDS_PER_DAY="0")
    payment = paid(service, crypto_pay, user=OPERATOR)
    assert refund(service, payment).json["code"] == "own_case"
    assert refund(service, payment, SECOND).json["refund"] == "waiting"
    for what in ("refunds/{id}/approve", "refunds/{id}/withdraw"):
        assert act(service, what, payment).json["code"] == "own_case"


def test_refused_refund_can_be_repeated(service: Api, crypto_pay: FakeCryptoPay) -> None:
    payment = paid(service, crypto_pay)
    crypto_pay.without_wallet.add(PAYER)
    first = refund(service, payment).json
    assert (first["refund"], first["provider_reason"]) == ("refused", "USER_NOT_FOUND")
    crypto_pay.without_wallet.clear()
    assert refund(service, payment).json["refund"] == "succeeded"
    assert waiting(service)["spent_today"] == 900


def test_two_refunds_at_once_stay_within_the_sum(
    service: Api, crypto_pay: FakeCryptoPay, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is written between the read and the write of this one."""
    change(OPERATOR_REFUNDS_PER_DAY="900")
    one, other = (paid(service, crypto_pay) for _ in range(2))
    begin = refunds.begin

    def other_first(mine: Refund, spent: int, day: int, action: Action) -> None:
        monkeypatch.setattr(refunds, "begin", begin)
        begin(replace(mine, payment_id=other), spent, day, replace(action, token="another"))
        begin(mine, spent, day, action)

    monkeypatch.setattr(refunds, "begin", other_first)
    assert refund(service, one).json["refund"] == "waiting"
    assert balance(service) == 1800


def test_lost_response_of_a_decision_is_found(
    service: Api, crypto_pay: FakeCryptoPay, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: the write was applied, and its caller does not know."""
    change(OPERATOR_REFUNDS_PER_DAY="0")
    payment = paid(service, crypto_pay)
    transact = table.transact

    def lost(writes: Any) -> None:
        monkeypatch.setattr(table, "transact", transact)
        transact(writes)
        raise WriteConflict

    for what, operator in (
        ("payments/{id}/refund", OPERATOR),
        ("refunds/{id}/withdraw", OPERATOR),
        ("payments/{id}/refund", OPERATOR),
        ("refunds/{id}/approve", SECOND),
    ):
        monkeypatch.setattr(table, "transact", lost)
        assert act(service, what, payment, operator).status == 200
    assert (shown(service, payment)["status"], len(actions(service))) == ("refunded", 4)


def test_command_line_refunds_beside_the_panel(service: Api, crypto_pay: FakeCryptoPay) -> None:
    payment = paid(service, crypto_pay)
    assert refund_payment.handler({"payment_id": payment}, api.Context())["refund"] == "succeeded"
    assert refund(service, payment).json["refund"] == "succeeded"
    assert actions(service) == []
