"""YooKassa: allowed senders of a notification, and its confirmation by a GET of the payment."""

from typing import Any

import pytest

from infra.local.fakes.yookassa import FakeYookassa
from tests.in_process import Api, Change
from tests.payments.shops import YOOKASSA, CardShop, balance, check, create, ledger, refund, right_books, status


def test_retried_request_has_the_same_idempotency_key(service: Api, yookassa: FakeYookassa) -> None:
    """The request was executed and its response was lost: the retry does not execute it again."""
    yookassa.fail("create", status=500, applied=True)
    invoice = create(service, "yookassa")
    assert len(yookassa.payments) == 1
    CardShop(service, yookassa).take_money(invoice)()
    yookassa.fail("refund", status=500, applied=True)
    assert refund(invoice["payment_id"])["status"] == "refunded"
    assert len(yookassa.refunds) == 1


def test_canceled_refund_is_refused_and_can_be_repeated(service: Api, yookassa: FakeYookassa) -> None:
    """YooKassa repeats its answer to an idempotency key for a day, so the next attempt has another key."""
    invoice = create(service, "yookassa")
    CardShop(service, yookassa).take_money(invoice)()
    yookassa.refunds_become = "canceled"
    for attempts in (1, 2):
        done = refund(invoice["payment_id"])
        assert (done["status"], done["refund"], done["reason"]) == ("paid", "refused", "insufficient_funds")
        assert (balance(service), len(yookassa.refunds)) == (100, attempts)
    yookassa.refunds_become = "succeeded"
    assert refund(invoice["payment_id"])["refund"] == "succeeded"
    assert balance(service) == 0
    right_books()


def test_pending_refund_is_not_asked_for_again(service: Api, yookassa: FakeYookassa) -> None:
    invoice = create(service, "yookassa")
    CardShop(service, yookassa).take_money(invoice)()
    yookassa.refunds_become = "pending"
    for _ in range(2):
        done = refund(invoice["payment_id"])
        assert (done["status"], done["refund"]) == ("paid", "pending")
    assert (balance(service), len(yookassa.refunds)) == (100, 1)
    yookassa.decide_refunds("succeeded")
    assert refund(invoice["payment_id"])["refund"] == "succeeded"
    assert (balance(service), len(yookassa.refunds)) == (0, 1)
    right_books()


def test_pending_refund_that_is_canceled_is_repeated(service: Api, yookassa: FakeYookassa) -> None:
    invoice = create(service, "yookassa")
    CardShop(service, yookassa).take_money(invoice)()
    yookassa.refunds_become = "pending"
    refund(invoice["payment_id"])
    yookassa.decide_refunds("canceled")
    yookassa.refunds_become = "succeeded"
    assert refund(invoice["payment_id"])["refund"] == "succeeded"
    assert [made["status"] for made in yookassa.refunds] == ["canceled", "succeeded"]


@pytest.mark.parametrize("source_ip", ["192.0.2.16", "10.0.0.1", "2001:db9::1", "", "nonsense"])
def test_notification_from_a_foreign_address_is_refused(service: Api, yookassa: FakeYookassa, source_ip: str) -> None:
    """F24: forged. The sender controls every header."""
    invoice = create(service, "yookassa")
    id = invoice["pay_url"].rpartition("/")[2]
    yookassa.pay(id)
    answer = service.call(
        YOOKASSA, raw=yookassa.webhook(id).decode(), source_ip=source_ip, headers={"x-forwarded-for": "192.0.2.1"}
    )
    assert answer.status == 401
    assert balance(service) == 0


def test_notification_over_ipv6_is_accepted(service: Api, yookassa: FakeYookassa) -> None:
    invoice = create(service, "yookassa")
    id = invoice["pay_url"].rpartition("/")[2]
    yookassa.pay(id)
    assert service.call(YOOKASSA, raw=yookassa.webhook(id).decode(), source_ip="2001:db8::7").status == 200
    assert balance(service) == 100


def test_a_network_may_be_given_by_an_address_in_it(service: Api, yookassa: FakeYookassa, change: Change) -> None:
    change(YOOKASSA_NETWORKS="198.51.100.77/28")
    invoice = create(service, "yookassa")
    id = invoice["pay_url"].rpartition("/")[2]
    yookassa.pay(id)
    notification = yookassa.webhook(id).decode()
    assert service.call(YOOKASSA, raw=notification, source_ip="198.51.100.80").status == 401
    assert service.call(YOOKASSA, raw=notification, source_ip="198.51.100.64").status == 200
    assert balance(service) == 100


def test_notification_is_not_believed_without_the_payment(service: Api, yookassa: FakeYookassa) -> None:
    """F24: forged, from an allowed address: the result of GET on the payment decides."""
    invoice = create(service, "yookassa")
    id = invoice["pay_url"].rpartition("/")[2]
    claim = {"event": "payment.succeeded", "object": {"id": id, "status": "succeeded", "amount": {"value": "100.00"}}}
    assert service.call(YOOKASSA, body=claim).status == 200
    assert status(service, invoice["payment_id"]) == ("pending", None)


@pytest.mark.parametrize(
    "raw",
    [
        '{"object": {"id": null}}',
        '{"object": {"id": "../refunds"}}',
        '{"object": {"id": "00000000-0000-0000-0000-00000000000/"}}',
        '{"object": {"id": "00000000-0000-0000-0000-000000000000"}}',
    ],
)
def test_notification_of_an_unknown_payment_is_accepted(service: Api, yookassa: FakeYookassa, raw: str) -> None:
    assert service.call(YOOKASSA, raw=raw).status == 200
    assert {method for method, _ in yookassa.calls} <= {"get"}


@pytest.mark.parametrize("raw", ["", "[]", "{", "{}", '{"object": null}', '{"object": {}}', "[" * 60_000])
def test_malformed_notification_is_a_400(service: Api, yookassa: FakeYookassa, raw: str) -> None:
    assert service.call(YOOKASSA, raw=raw).status == 400
    assert not yookassa.calls


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": {"value": "1.00", "currency": "RUB"}},
        {"amount": {"value": "100.00", "currency": "USD"}},
        {"metadata": {}},
        {"metadata": {"payment": "1.1"}},
    ],
)
def test_payment_with_other_terms_credits_nothing(
    service: Api, yookassa: FakeYookassa, changed: dict[str, Any]
) -> None:
    """I8, F24."""
    invoice = create(service, "yookassa")
    tell = CardShop(service, yookassa).take_money(invoice)
    yookassa.payments[invoice["pay_url"].rpartition("/")[2]] |= changed
    assert tell().status == 200
    assert balance(service) == 0


def test_notification_is_a_503_while_its_payment_is_unread(service: Api, yookassa: FakeYookassa) -> None:
    invoice = create(service, "yookassa")
    tell = CardShop(service, yookassa).take_money(invoice)
    yookassa.fail("get", status=500, times=None)
    assert tell().status == 503
    yookassa.script.clear()
    assert tell().status == 200
    assert balance(service) == 100


def test_partial_refund_debits_that_part(service: Api, yookassa: FakeYookassa) -> None:
    shop = CardShop(service, yookassa)
    invoice = create(service, "yookassa")
    tell = shop.take_money(invoice)
    yookassa.give_back(invoice["pay_url"].rpartition("/")[2], "30.50")
    assert tell().status == 200  # both at once: the payment is credited, and the refunded part is debited
    assert ledger(service) == [("recharge", -30, "yookassa"), ("recharge", 100, "yookassa")]
    done = refund(invoice["payment_id"])
    assert (done["status"], done["taken_back"]) == ("refunded", 100)
    right_books()


@pytest.mark.parametrize(
    "metadata",
    [None, {}, [], "1.1", {"payment": None}, {"payment": 5}, {"payment": "order 17"}, {"order": "1.1"}],
    ids=str,
)
def test_payment_of_another_seller_wakes_nobody(
    service: Api, yookassa: FakeYookassa, metadata: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shop may sell other things than top-ups; YooKassa notifies us of those too."""
    invoice = create(service, "yookassa")
    tell = CardShop(service, yookassa).take_money(invoice)
    yookassa.payments[invoice["pay_url"].rpartition("/")[2]]["metadata"] = metadata
    assert tell().status == 200
    check(service, minutes=1)
    assert "ChargesRefused" not in capsys.readouterr().out
    assert status(service, invoice["payment_id"]) == ("pending", None)


@pytest.mark.parametrize(
    "changed",
    [{"amount": None}, {"amount": []}, {"amount": {"value": None, "currency": None}}, {"amount": {}}],
    ids=str,
)
def test_unreadable_payment_of_ours_alerts_an_operator(
    service: Api, yookassa: FakeYookassa, changed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """I8: money was taken, and nobody can be credited."""
    invoice = create(service, "yookassa")
    tell = CardShop(service, yookassa).take_money(invoice)
    yookassa.payments[invoice["pay_url"].rpartition("/")[2]] |= changed
    assert tell().status == 200
    assert balance(service) == 0
    assert '"ChargesRefused":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize("id", [None, 5, "00000000-0000-0000-0000-000000000000"])
def test_answer_about_another_payment_credits_nothing(service: Api, yookassa: FakeYookassa, id: Any) -> None:
    """I5: the id of a charge is the key of its credit."""
    invoice = create(service, "yookassa")
    asked = invoice["pay_url"].rpartition("/")[2]
    yookassa.pay(asked)
    sent = yookassa.webhook(asked).decode()
    yookassa.payments[asked]["id"] = id
    assert service.call(YOOKASSA, raw=sent).status == 503
    assert balance(service) == 0
