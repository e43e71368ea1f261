"""Operators refund payments: alone up to a sum a day, beyond it with a second operator. What stopped is continued."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest

from functions.balance import refund_payment
from functions.scheduled import check_payments
from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.commands.refunds import continue_due
from shared.domain.operators import Action
from shared.domain.refunds import Refund
from shared.outbound import http
from shared.store import refunds, table
from shared.store.table import WriteConflict
from tests import api
from tests.conftest import OPERATOR
from tests.functions.test_admin import WHY, books_are_right
from tests.in_process import Api, Change
from tests.payments.shops import CardShop, create

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


# ---------------------------------------------------------------- refunds that stopped half-way


class Minute(api.Context):
    """The context of a scheduled check that has just begun."""

    left = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.left


def check(service: Api, minutes: float = 1) -> None:
    """Run the scheduled check `minutes` from now."""
    service.later(minutes=minutes)
    check_payments.handler({}, Minute())


def due() -> list[int]:
    """The payments of the refunds that have not ended."""
    return [refund.payment_id for refund in refunds.due(2**52)]


@contextmanager
def dying(module: Any, name: str, after: int) -> Iterator[None]:
    """Functions die at the call of this function that follows `after` others."""
    real, calls = getattr(module, name), iter(range(after))

    def call(*given: Any, **more: Any) -> Any:
        if next(calls, None) is None:
            raise RuntimeError
        return real(*given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, call)
        yield


STOPS = {
    "before the provider": (http, "request", 0),
    "after the provider": (table, "transact", 1),
    "after the settlement": (table, "transact", 2),
}


@pytest.mark.parametrize("what", ["payments/{id}/refund", "refunds/{id}/approve"])
@pytest.mark.parametrize("stop", STOPS)
def test_refund_that_stopped_ends_by_itself(
    service: Api, crypto_pay: FakeCryptoPay, change: Change, stop: str, what: str
) -> None:
    payment = paid(service, crypto_pay)
    if "approve" in what:
        change(OPERATOR_REFUNDS_PER_DAY="0")
        assert refund(service, payment, SECOND).json["refund"] == "waiting"
    with dying(*STOPS[stop]):
        assert act(service, what, payment).status == 500
    transfers = 0 if stop == "before the provider" else 1
    assert (len(crypto_pay.transfers), waiting(service)["refunds"], due()) == (transfers, [], [payment])
    before = len(crypto_pay.calls)
    check(service, minutes=0.99)
    assert (len(crypto_pay.calls), due()) == (before, [payment])
    check(service, minutes=0.01)
    assert (shown(service, payment)["status"], balance(service), len(crypto_pay.transfers)) == ("refunded", 0, 1)
    assert due() == []
    assert len(actions(service)) == (2 if "approve" in what else 1)
    assert books_are_right()


def test_refund_that_ended_is_not_due(service: Api, crypto_pay: FakeCryptoPay) -> None:
    good, bad = paid(service, crypto_pay), paid(service, crypto_pay, user=31)
    crypto_pay.without_wallet.add(31)
    assert [refund(service, payment).json["refund"] for payment in (good, bad)] == ["succeeded", "refused"]
    assert due() == []


def test_refund_is_continued_with_growing_gaps(
    service: Api,
    crypto_pay: FakeCryptoPay,
    telegram: FakeTelegram,
    capsys: pytest.CaptureFixture[str],
    log: StringIO,
) -> None:
    payment = paid(service, crypto_pay)
    crypto_pay.fail("getInvoices", status=401, times=None)
    assert refund(service, payment).status == 503
    tried = []
    for minute in range(1, 10):
        before = len(crypto_pay.calls)
        check(service)
        if len(crypto_pay.calls) > before:
            tried.append(minute)
    assert tried == [1, 2, 4, 8]
    assert capsys.readouterr().out.count('"PaymentCheckFailures":[1.0]') == 4
    failed = [json.loads(line) for line in log.getvalue().splitlines() if "refund not continued" in line]
    assert [line["payment_id"] for line in failed] == [payment] * 4
    crypto_pay.script.clear()
    check(service, minutes=7)
    assert (shown(service, payment)["status"], due()) == ("refunded", [])


def test_refund_that_is_refused_later_can_be_repeated(
    service: Api,
    crypto_pay: FakeCryptoPay,
    telegram: FakeTelegram,
    capsys: pytest.CaptureFixture[str],
    log: StringIO,
) -> None:
    """No operator hears of the refusal, so it is a failure of the check. A repeat that stops is continued, too."""
    payment = paid(service, crypto_pay)
    crypto_pay.without_wallet.add(PAYER)
    with dying(http, "request", 0):
        assert refund(service, payment).status == 500
    check(service)
    assert (shown(service, payment)["status"], balance(service), due()) == ("paid", 900, [])
    assert '"PaymentCheckFailures":[1.0]' in capsys.readouterr().out
    [said] = [json.loads(line) for line in log.getvalue().splitlines() if "refund refused" in line]
    assert (said["payment_id"], said["provider_reason"]) == (payment, "USER_NOT_FOUND")
    assert refund(service, payment).json["provider_reason"] == "USER_NOT_FOUND"
    crypto_pay.without_wallet.clear()
    service.later(minutes=24 * 60)
    with dying(table, "transact", 1):
        assert refund(service, payment).status == 500
    assert balance(service) == 900
    check(service)
    assert (shown(service, payment)["status"], balance(service), due()) == ("refunded", 0, [])
    assert len(crypto_pay.transfers) == 1


def test_refund_without_approval_is_left_alone(service: Api, crypto_pay: FakeCryptoPay, change: Change) -> None:
    change(OPERATOR_REFUNDS_PER_DAY="0")
    payment = paid(service, crypto_pay)
    assert refund(service, payment).json["refund"] == "waiting"
    before = len(crypto_pay.calls)
    for minutes in (1, 60, 2 * 24 * 60):
        check(service, minutes)
    assert (len(crypto_pay.calls), balance(service), due()) == (before, 900, [])
    assert len(waiting(service)["refunds"]) == 1


def test_two_checks_at_once_refund_once(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """The second one read the refund before the first one took it up."""
    payment = paid(service, crypto_pay)
    with dying(http, "request", 0):
        refund(service, payment)
    service.later(minutes=1)
    [found] = refunds.due(service.now)
    continued = continue_due(found)
    assert continued is not None
    assert continued.outcome == "succeeded"
    before = len(crypto_pay.calls)
    assert continue_due(found) is None
    assert (len(crypto_pay.calls), len(crypto_pay.transfers), due()) == (before, 1, [])


def test_refusal_of_a_check_ends_no_newer_attempt(
    service: Api, crypto_pay: FakeCryptoPay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the provider refuses, an operator repeats the refund, and that request dies."""
    payment = paid(service, crypto_pay)
    crypto_pay.without_wallet.add(PAYER)
    with dying(http, "request", 0):
        refund(service, payment)
    request = http.request

    def meanwhile(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(http, "request", request)
        with dying(http, "request", 0):
            assert refund(service, payment).status == 500
        return request(*given, **more)

    monkeypatch.setattr(http, "request", meanwhile)
    check(service)
    assert (balance(service), due()) == (900, [payment])
    crypto_pay.without_wallet.clear()
    check(service)
    assert (balance(service), due()) == (0, [])


def test_open_refund_stays_due(service: Api, yookassa: FakeYookassa) -> None:
    card = CardShop(service, yookassa)
    invoice = create(service, "yookassa", user=PAYER)
    card.take_money(invoice)()
    payment = invoice["payment_id"]
    yookassa.refunds_become = "pending"
    assert refund(service, payment).json["refund"] == "pending"
    check(service)
    assert (shown(service, payment)["status"], due()) == ("paid", [payment])
    yookassa.decide_refunds("succeeded")
    check(service)
    assert (shown(service, payment)["status"], due()) == ("refunded", [])
    assert len(yookassa.refunds) == 1


def test_failing_refund_stops_no_other(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """Neither a refund nor the check of a payment."""
    bad, good = paid(service, crypto_pay), paid(service, crypto_pay, user=31)
    with dying(http, "request", 0):
        for payment in (bad, good):
            refund(service, payment)
    made = service.call("POST /api/balance/create-invoice", user=32, body={"amount": 900, "provider": "crypto_pay"})
    crypto_pay.pay(int(made.json["pay_url"].rpartition("/")[2]))
    crypto_pay.fail("getTransfers", status=401, times=None, match={"spend_id": f"refund-{bad}"})
    check(service)
    assert [shown(service, payment)["status"] for payment in (bad, good)] == ["paid", "refunded"]
    assert (balance(service, 32), due()) == (900, [bad])


def test_refund_is_not_begun_without_time(service: Api, crypto_pay: FakeCryptoPay) -> None:
    payment = paid(service, crypto_pay)
    with dying(http, "request", 0):
        refund(service, payment)
    service.later(minutes=1)
    before = len(crypto_pay.calls)
    hurried = Minute()
    hurried.left = 39_999
    check_payments.handler({}, hurried)
    assert (len(crypto_pay.calls), due()) == (before, [payment])
    check(service, minutes=0)
    assert due() == []
