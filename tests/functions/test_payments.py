"""Money in and money back, through the functions and the providers' fakes, over HTTP."""

import asyncio
import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from functions.balance import refund_payment
from functions.scheduled import audit, check_payments
from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared import ids
from shared.aws import secrets
from shared.domain.money import LedgerEntry
from shared.domain.payment import Status
from shared.handlers.background import HandlerFailed
from shared.payments.provider import kopecks
from shared.store import keys, payments, table, users
from tests import api
from tests.conftest import BOT_TOKEN, CRYPTO_PAY_TOKEN, YOOKASSA_KEY
from tests.functions.conftest import Api, Change

CREATE = "POST /api/balance/create-invoice"
STATUS = "GET /api/balance/payment/{id}/status"
CRYPTO = "POST /api/balance/webhook/crypto-bot"
YOOKASSA = "POST /api/balance/webhook/yookassa"


def create(service: Api, provider: str | None = None, *, user: int = 1, amount: int = 100) -> dict[str, Any]:
    answer = service.call(CREATE, user=user, body={"amount": amount, **({"provider": provider} if provider else {})})
    assert answer.status == 200, answer.text
    invoice: dict[str, Any] = answer.json
    return invoice


def status(service: Api, payment_id: int, *, user: int = 1) -> tuple[str, int | None]:
    answer = service.call(STATUS, user=user, id=str(payment_id)).json
    return answer["status"], answer["new_balance"]


def balance(service: Api, user: int = 1) -> int:
    found: int = service.call("GET /api/balance", user=user).json["balance"]
    return found


def ledger(service: Api, user: int = 1) -> list[tuple[str, int, str]]:
    rows = service.call("GET /api/balance/transactions", user=user).json["transactions"]
    return [(row["type"], row["amount"], row["payment_method"]) for row in rows]


def check(service: Api, minutes: float = 0) -> None:
    """The scheduled check, `minutes` from now."""
    service.later(minutes=minutes)
    check_payments.handler({}, api.Context())


def refund(payment_id: int) -> dict[str, Any]:
    done: dict[str, Any] = refund_payment.handler({"payment_id": payment_id}, api.Context())
    return done


def right_books() -> None:
    assert audit.handler({}, api.Context()) == []


def elsewhere(call: Callable[[], api.Answer]) -> api.Answer:
    """The answer of another instance, while this one waits."""
    answers: list[api.Answer] = []

    def run() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        answers.append(call())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return answers[0]


class Shop:
    """One provider, seen as a payer and as an onlooker: the same story is told of each."""

    name: str

    def __init__(self, service: Api) -> None:
        self.service = service

    def take_money(self, invoice: dict[str, Any]) -> Callable[[], api.Answer]:
        """The payer pays; what is returned tells the service of it, each time it is called."""
        raise NotImplementedError

    def decline(self, invoice: dict[str, Any]) -> None:
        """It will never be paid."""
        raise NotImplementedError

    def give_back(self, invoice: dict[str, Any]) -> Callable[[], api.Answer]:
        """The provider gives it back; what is returned tells the service of it, each time it is called."""
        raise NotImplementedError

    def break_down(self, **fault: Any) -> None:
        """Whatever it is asked next goes wrong."""
        raise NotImplementedError


class CryptoShop(Shop):
    name = "crypto_pay"

    def __init__(self, service: Api, fake: FakeCryptoPay) -> None:
        super().__init__(service)
        self.fake = fake

    def take_money(self, invoice: dict[str, Any]) -> Callable[[], api.Answer]:
        id = int(invoice["pay_url"].rpartition("/")[2])
        self.fake.pay(id)
        body, headers = self.fake.webhook(id)
        return lambda: self.service.call(CRYPTO, raw=body, headers=headers)

    def decline(self, invoice: dict[str, Any]) -> None:
        self.fake.expire(int(invoice["pay_url"].rpartition("/")[2]))

    def break_down(self, **fault: Any) -> None:
        self.fake.fail("*", **fault)


class CardShop(Shop):
    name = "yookassa"

    def __init__(self, service: Api, fake: FakeYookassa) -> None:
        super().__init__(service)
        self.fake = fake

    def take_money(self, invoice: dict[str, Any]) -> Callable[[], api.Answer]:
        id = invoice["pay_url"].rpartition("/")[2]
        self.fake.pay(id)
        return lambda: self.service.call(YOOKASSA, raw=self.fake.webhook(id).decode())

    def decline(self, invoice: dict[str, Any]) -> None:
        self.fake.decline(invoice["pay_url"].rpartition("/")[2])

    def give_back(self, invoice: dict[str, Any]) -> Callable[[], api.Answer]:
        id = invoice["pay_url"].rpartition("/")[2]
        self.fake.give_back(id, self.fake.payments[id]["amount"]["value"])
        return lambda: self.service.call(YOOKASSA, raw=self.fake.webhook(id, "refund.succeeded").decode())

    def break_down(self, **fault: Any) -> None:
        self.fake.fail("*", **fault)


class StarShop(Shop):
    name = "telegram_stars"

    def __init__(self, service: Api, fake: FakeTelegram) -> None:
        super().__init__(service)
        self.fake = fake
        self.updates = 0
        self.charges: dict[int, str] = {}

    def tell(self, message: dict[str, Any]) -> Callable[[], api.Answer]:
        def told() -> api.Answer:
            # Another update id each time: it is not the dedupe of updates that makes a credit happen once.
            self.updates += 1
            return self.service.update(self.updates, message=message)

        return told

    def take_money(self, invoice: dict[str, Any]) -> Callable[[], api.Answer]:
        message = self.fake.pay_stars(invoice["pay_url"], 1)
        self.charges[invoice["payment_id"]] = message["successful_payment"]["telegram_payment_charge_id"]
        return self.tell(message)

    def decline(self, invoice: dict[str, Any]) -> None:
        """Nobody says so of an invoice in Stars: it is its time that ends it."""

    def give_back(self, invoice: dict[str, Any]) -> Callable[[], api.Answer]:
        return self.tell(self.fake.refund_stars(self.charges[invoice["payment_id"]]))

    def break_down(self, **fault: Any) -> None:
        self.fake.fail("*", **fault)


@pytest.fixture(params=["crypto_pay", "telegram_stars", "yookassa"])
def shop(
    request: pytest.FixtureRequest,
    service: Api,
    crypto_pay: FakeCryptoPay,
    telegram: FakeTelegram,
    yookassa: FakeYookassa,
) -> Shop:
    """Each provider in turn."""
    return {
        "crypto_pay": CryptoShop(service, crypto_pay),
        "telegram_stars": StarShop(service, telegram),
        "yookassa": CardShop(service, yookassa),
    }[request.param]


# ---------------------------------------------------------------- the story, for each provider


def test_a_payment_is_credited_once(service: Api, shop: Shop) -> None:
    """I3, I5, I8, F24: twice."""
    invoice = create(service, shop.name)
    assert 0 < invoice["payment_id"] < 2**53
    assert invoice["pay_url"].startswith("http")
    assert status(service, invoice["payment_id"]) == ("pending", None)
    tell = shop.take_money(invoice)
    for _ in range(3):
        assert tell().status == 200
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    assert ledger(service) == [("recharge", 100, shop.name)]
    check(service, minutes=60)
    assert balance(service) == 100
    right_books()


def test_two_payments_of_a_millisecond_get_an_id_each(
    service: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The random part of an id has 4096 values. The simulation found it (its seed 4302 of then)."""
    dice = iter((5, 5, 5, 6))
    monkeypatch.setattr("shared.ids.secrets.randbits", lambda bits: next(dice))
    first, second = create(service, shop.name), create(service, shop.name, user=2)
    assert second["payment_id"] == first["payment_id"] + 1


def test_a_webhook_that_is_lost_for_ever_is_made_good(service: Api, shop: Shop) -> None:
    invoice = create(service, shop.name)
    tell = shop.take_money(invoice)
    check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    assert tell().status == 200  # it was only late
    assert ledger(service) == [("recharge", 100, shop.name)]
    right_books()


def test_what_nobody_pays_expires(service: Api, shop: Shop) -> None:
    invoice = create(service, shop.name)
    for _ in range(62):
        check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("expired", None)
    assert payments.due(2**52) == []
    assert balance(service) == 0


def test_what_will_never_be_paid_expires_when_the_provider_says_so(service: Api, shop: Shop) -> None:
    if shop.name == "telegram_stars":
        pytest.skip("nobody says so of Stars")
    invoice = create(service, shop.name)
    shop.decline(invoice)
    check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("expired", None)


def test_what_was_paid_at_the_last_moment_is_credited_after_the_end(service: Api, shop: Shop) -> None:
    """F24: for an expired payment."""
    invoice = create(service, shop.name)
    for _ in range(62):
        check(service, minutes=1)
    tell = shop.take_money(invoice)
    assert tell().status == 200
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    right_books()


def test_money_that_comes_before_we_know_the_invoice_is_credited(
    service: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F24: before our own create has returned, and where it never returns: we crashed."""
    tells = []

    def crash(payment_id: int, invoice_id: str) -> None:
        url = invoice_id if shop.name == "telegram_stars" else f"x/{invoice_id}"
        tells.append(shop.take_money({"payment_id": payment_id, "pay_url": url}))
        assert elsewhere(tells[0]).status == 200
        raise table.WriteConflict

    monkeypatch.setattr(payments, "set_invoice", crash)
    assert service.call(CREATE, user=1, body={"amount": 100, "provider": shop.name}).status == 503
    assert tells[0]().status == 200
    assert ledger(service) == [("recharge", 100, shop.name)]
    right_books()


def test_what_is_given_back_is_taken_back(service: Api, shop: Shop) -> None:
    """F24: refunded by the provider; twice."""
    if shop.name == "crypto_pay":
        pytest.skip("Crypto Pay gives nothing back by itself")
    invoice = create(service, shop.name)
    shop.take_money(invoice)()
    tell = shop.give_back(invoice)
    for _ in range(2):
        assert tell().status == 200
    assert ledger(service) == [("recharge", -100, shop.name), ("recharge", 100, shop.name)]
    assert status(service, invoice["payment_id"]) == ("paid", 0)
    right_books()


def test_a_refund_that_is_heard_of_first_credits_nothing(service: Api, shop: Shop) -> None:
    """F24: reordered."""
    if shop.name == "crypto_pay":
        pytest.skip("Crypto Pay gives nothing back by itself")
    invoice = create(service, shop.name)
    paid = shop.take_money(invoice)
    assert shop.give_back(invoice)().status == 200
    assert paid().status == 200
    assert ledger(service) == []
    assert status(service, invoice["payment_id"]) == ("expired", None)
    right_books()


def test_an_operator_gives_a_payment_back(service: Api, shop: Shop) -> None:
    invoice = create(service, shop.name)
    shop.take_money(invoice)()
    first = refund(invoice["payment_id"])
    assert (first["status"], first["taken_back"], first["debt"]) == ("refunded", 100, 0)
    assert refund(invoice["payment_id"]) == first
    assert balance(service) == 0
    right_books()


def test_a_refund_that_was_cut_off_goes_on_where_it_was(
    service: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F2: the provider gave it back, and we died before we wrote it down."""
    invoice = create(service, shop.name)
    shop.take_money(invoice)()
    with monkeypatch.context() as patch:
        patch.setattr(refund_payment, "settle", lambda charge: 1 / 0)
        with pytest.raises(HandlerFailed):
            refund(invoice["payment_id"])
    assert balance(service) == 100
    assert refund(invoice["payment_id"])["status"] == "refunded"
    assert balance(service) == 0
    right_books()


def test_what_was_spent_already_becomes_a_debt_and_an_alarm(
    service: Api, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """I2."""
    invoice = create(service, shop.name, amount=3)
    shop.take_money(invoice)()
    order = service.order(2)["id"]
    assert service.call("POST /api/orders/{id}/take", user=1, id=order).status == 200
    capsys.readouterr()
    done = refund(invoice["payment_id"])
    assert (done["taken_back"], done["debt"]) == (1, 2)
    assert balance(service) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["Debts"] for line in said if "Debts" in line] == [[1.0]]
    right_books()


def test_what_was_not_paid_is_not_given_back(service: Api, shop: Shop) -> None:
    invoice = create(service, shop.name)
    assert refund(invoice["payment_id"])["status"] == "pending"
    with pytest.raises(HandlerFailed, match="PaymentNotFound"):
        refund(1)


# ---------------------------------------------------------------- a provider in trouble


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 429}, {"status": 400}, {"status": 401}],
    ids=lambda fault: str(fault["status"]),
)
def test_a_provider_in_trouble_is_a_503_and_nothing_half_done(service: Api, shop: Shop, fault: dict[str, Any]) -> None:
    more = {"retry_after": 1} if shop.name == "telegram_stars" and fault["status"] == 429 else None
    shop.break_down(times=None, more=more, **fault)
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": shop.name})
    assert (answer.status, answer.json["code"]) == (503, "provider_unavailable")
    assert balance(service) == 0
    right_books()


@pytest.mark.parametrize("setting", ["CRYPTO_PAY_API_URL", "TELEGRAM_API_URL", "YOOKASSA_API_URL"])
def test_a_provider_that_is_not_there_is_a_503(
    service: Api, setting: str, change: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    """And takes no deployment back: it is counted apart from what we need ourselves."""
    change(**{setting: "http://127.0.0.1:9"})
    name = {"C": "crypto_pay", "T": "telegram_stars", "Y": "yookassa"}[setting[0]]
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": name})
    assert (answer.status, answer.json["detail"]) == (503, "Платёжная система не отвечает, попробуйте позже")
    said = capsys.readouterr().out
    assert '"ProviderErrors":[1.0]' in said
    assert '"Unavailable"' not in said


def test_one_provider_in_trouble_stops_no_check_of_another(
    service: Api,
    crypto_pay: FakeCryptoPay,
    telegram: FakeTelegram,
    yookassa: FakeYookassa,
    capsys: pytest.CaptureFixture[str],
) -> None:
    coins, card = create(service, "crypto_pay"), create(service, "yookassa")
    crypto_pay.fail("getInvoices", status=500, times=None)
    CryptoShop(service, crypto_pay).take_money(coins)
    CardShop(service, yookassa).take_money(card)
    check(service, minutes=1)
    assert status(service, coins["payment_id"])[0] == "pending"
    assert status(service, card["payment_id"]) == ("paid", 100)
    failures = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "PaymentCheckFailures" in line]
    assert failures[-1]["PaymentCheckFailures"] == [1.0]
    crypto_pay.script.clear()
    check(service)
    assert status(service, coins["payment_id"]) == ("paid", 200)


def test_yookassa_is_asked_again_under_the_same_key(service: Api, yookassa: FakeYookassa) -> None:
    """It did what it was asked and its answer was lost: it is not done twice."""
    yookassa.fail("create", status=500, applied=True)
    invoice = create(service, "yookassa")
    assert len(yookassa.payments) == 1
    CardShop(service, yookassa).take_money(invoice)()
    yookassa.fail("refund", status=500, applied=True)
    assert refund(invoice["payment_id"])["status"] == "refunded"
    assert len(yookassa.refunds) == 1


def test_an_invoice_in_coins_is_asked_for_once(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """Crypto Pay has no key that would make a second request the same one."""
    crypto_pay.fail("createInvoice", status=500, applied=True)
    assert service.call(CREATE, user=1, body={"amount": 100, "provider": "crypto_pay"}).status == 503
    assert [method for method, _ in crypto_pay.calls] == ["createInvoice"]


def test_coins_are_sent_back_once(service: Api, crypto_pay: FakeCryptoPay) -> None:
    invoice = create(service, "crypto_pay")
    CryptoShop(service, crypto_pay).take_money(invoice)()
    crypto_pay.fail("transfer", status=500, applied=True)
    with pytest.raises(HandlerFailed, match="ProviderUnavailable"):
        refund(invoice["payment_id"])
    assert refund(invoice["payment_id"])["status"] == "refunded"
    [transfer] = crypto_pay.transfers
    assert (transfer["user_id"], transfer["asset"], transfer["amount"]) == (1, "USDT", "1")


# ---------------------------------------------------------------- who is believed


@pytest.mark.parametrize(
    "signature", ["", "0" * 64, "секрет", None], ids=["empty", "wrong", "not ascii", "of another app"]
)
def test_a_forged_update_credits_nothing(service: Api, crypto_pay: FakeCryptoPay, signature: str | None) -> None:
    """F24: forged."""
    invoice = create(service, "crypto_pay")
    id = int(invoice["pay_url"].rpartition("/")[2])
    body, headers = crypto_pay.webhook(id, token="8:another", status="paid")
    if signature is not None:
        headers = {"crypto-pay-api-signature": signature}
    answer = service.call(CRYPTO, raw=body, headers=headers)
    assert (answer.status, answer.json["code"]) == (401, "unverified_sender")
    assert status(service, invoice["payment_id"]) == ("pending", None)


def test_a_changed_body_is_forged(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """F24: any byte."""
    invoice = create(service, "crypto_pay")
    id = int(invoice["pay_url"].rpartition("/")[2])
    crypto_pay.pay(id)
    body, headers = crypto_pay.webhook(id)
    for changed in (body.replace(b'"100"', b'"999"'), body + b" ", body[:-1]):
        assert service.call(CRYPTO, raw=changed, headers=headers).status == 401
    assert service.call(CRYPTO, raw=body, headers={}).status == 401
    assert balance(service) == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"amount": "1"}, "another_amount"),
        ({"amount": "100.001"}, "another_amount"),
        ({"amount": "Infinity"}, "another_amount"),
        ({"fiat": "USD"}, "another_currency"),
        ({"fiat": None}, "another_currency"),
        ({"payload": "1.1"}, "unknown_payment"),
        ({"payload": "somebody else's"}, "unknown_payment"),
        ({"payload": None}, "unknown_payment"),
    ],
)
def test_a_signed_update_that_is_not_what_we_asked_for_is_refused(
    service: Api,
    crypto_pay: FakeCryptoPay,
    changed: dict[str, Any],
    reason: str,
    log: StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """I8, F24: wrong amount or currency, unknown. To send it again helps nobody, so it is a 200."""
    invoice = create(service, "crypto_pay")
    body, headers = crypto_pay.webhook(int(invoice["pay_url"].rpartition("/")[2]), status="paid", **changed)
    capsys.readouterr()
    assert service.call(CRYPTO, raw=body, headers=headers).status == 200
    assert '"ChargesRefused":[1.0]' in capsys.readouterr().out
    logged = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["reason"] for line in logged if line["message"] == "charge refused"] == [reason]
    assert status(service, invoice["payment_id"]) == ("pending", None)
    assert balance(service) == 0


def test_whatever_else_crypto_pay_says_is_fine(service: Api, crypto_pay: FakeCryptoPay) -> None:
    invoice = create(service, "crypto_pay")
    id = int(invoice["pay_url"].rpartition("/")[2])
    crypto_pay.pay(id)
    body, headers = crypto_pay.webhook(id, update_type="invoice_noticed")
    assert service.call(CRYPTO, raw=body, headers=headers).status == 200
    assert balance(service) == 0


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "{",
        "null",
        "[]",
        "1",
        "[" * 60_000,
        '{"update_type": "invoice_paid"}',
        '{"update_type": "invoice_paid", "payload": null}',
        '{"update_type": "invoice_paid", "payload": {}}',
        '{"update_type": "invoice_paid", "payload": {"invoice_id": 1}}',
    ],
    ids=lambda sent: sent[:60],
)
def test_what_crypto_pay_signed_and_nobody_can_read_is_no_defect(service: Api, sent: str) -> None:
    """Whoever has the token can send anything."""
    key = hashlib.sha256(CRYPTO_PAY_TOKEN.encode()).digest()
    headers = {"crypto-pay-api-signature": hmac.new(key, sent.encode(), hashlib.sha256).hexdigest()}
    answer = service.call(CRYPTO, raw=sent, headers=headers)
    assert (answer.status, answer.json["code"]) == (400, "unreadable")


@pytest.mark.parametrize("amount", ["1e999999", "1e9999999999999999999", "NaN", "Infinity", "", None, [], "1.005"])
def test_an_amount_that_is_none_is_no_price(amount: object) -> None:
    assert kopecks(amount) == -1


@pytest.mark.parametrize("source_ip", ["192.0.2.16", "10.0.0.1", "2001:db9::1", "", "nonsense"])
def test_a_stranger_is_not_yookassa(service: Api, yookassa: FakeYookassa, source_ip: str) -> None:
    """F24: forged. A header says what its sender likes."""
    invoice = create(service, "yookassa")
    id = invoice["pay_url"].rpartition("/")[2]
    yookassa.pay(id)
    answer = service.call(
        YOOKASSA, raw=yookassa.webhook(id).decode(), source_ip=source_ip, headers={"x-forwarded-for": "192.0.2.1"}
    )
    assert answer.status == 401
    assert balance(service) == 0


def test_yookassa_may_call_by_ipv6(service: Api, yookassa: FakeYookassa) -> None:
    invoice = create(service, "yookassa")
    id = invoice["pay_url"].rpartition("/")[2]
    yookassa.pay(id)
    assert service.call(YOOKASSA, raw=yookassa.webhook(id).decode(), source_ip="2001:db8::7").status == 200
    assert balance(service) == 100


def test_what_a_notification_claims_is_not_believed(service: Api, yookassa: FakeYookassa) -> None:
    """F24: forged, from the right address: what the payment's own GET says decides."""
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
def test_a_notification_about_nothing_is_fine(service: Api, yookassa: FakeYookassa, raw: str) -> None:
    assert service.call(YOOKASSA, raw=raw).status == 200
    assert {method for method, _ in yookassa.calls} <= {"get"}


@pytest.mark.parametrize("raw", ["", "[]", "{", "{}", '{"object": null}', '{"object": {}}', "[" * 60_000])
def test_what_is_no_notification(service: Api, yookassa: FakeYookassa, raw: str) -> None:
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
def test_a_payment_that_is_not_what_we_asked_for_is_refused(
    service: Api, yookassa: FakeYookassa, changed: dict[str, Any]
) -> None:
    """I8, F24."""
    invoice = create(service, "yookassa")
    tell = CardShop(service, yookassa).take_money(invoice)
    yookassa.payments[invoice["pay_url"].rpartition("/")[2]] |= changed
    assert tell().status == 200
    assert balance(service) == 0


def test_yookassa_sends_again_what_we_could_not_ask_about(service: Api, yookassa: FakeYookassa) -> None:
    invoice = create(service, "yookassa")
    tell = CardShop(service, yookassa).take_money(invoice)
    yookassa.fail("get", status=500, times=None)
    assert tell().status == 503
    yookassa.script.clear()
    assert tell().status == 200
    assert balance(service) == 100


def test_a_part_that_a_card_gives_back(service: Api, yookassa: FakeYookassa) -> None:
    shop = CardShop(service, yookassa)
    invoice = create(service, "yookassa")
    tell = shop.take_money(invoice)
    yookassa.give_back(invoice["pay_url"].rpartition("/")[2], "30.50")
    assert tell().status == 200  # both at once: it is credited, and the part is taken back
    assert ledger(service) == [("recharge", -30, "yookassa"), ("recharge", 100, "yookassa")]
    done = refund(invoice["payment_id"])
    assert (done["status"], done["taken_back"]) == ("refunded", 100)
    right_books()


# ---------------------------------------------------------------- Stars


def test_telegram_is_told_at_once_who_may_pay(service: Api, telegram: FakeTelegram) -> None:
    invoice = create(service, "telegram_stars")
    link = invoice["pay_url"]
    assert invoice["mini_app_invoice_url"] == link
    [asked] = telegram.invoices.values()
    assert (asked["currency"], asked["provider_token"], asked["prices"][0]["amount"]) == ("XTR", "", 67)

    def may(payer: int, **changed: Any) -> bool:
        query = telegram.pre_checkout_query(link, payer, **changed)
        assert service.update(int(query["id"]), pre_checkout_query=query).status == 200
        answer: dict[str, Any] = telegram.pre_checkout_answers[query["id"]]
        assert answer["ok"] is True or answer["error_message"]
        return bool(answer["ok"])

    assert may(1)
    assert not may(2)
    assert not may(1, total_amount=66)
    assert not may(1, currency="RUB")
    assert not may(1, invoice_payload="1.1")
    assert not may(1, invoice_payload="nonsense")
    StarShop(service, telegram).take_money(invoice)()
    assert not may(1)
    late = create(service, "telegram_stars")
    service.later(minutes=30)
    link = late["pay_url"]
    assert not may(1)


def test_two_charges_for_one_invoice_are_both_credited(service: Api, telegram: FakeTelegram) -> None:
    """A link can be paid on two devices at once; refunds go by charge."""
    shop = StarShop(service, telegram)
    invoice = create(service, "telegram_stars")
    first, second = shop.take_money(invoice), shop.take_money(invoice)
    for tell in (second, first, second, first):
        assert tell().status == 200
    assert balance(service) == 200
    assert shop.give_back(invoice)().status == 200  # of the later of the two, which is told of first
    assert balance(service) == 100
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    right_books()


def test_another_ones_stars_are_not_credited(service: Api, telegram: FakeTelegram) -> None:
    """I8. Telegram asks us first, so it cannot be; if it is, nobody is credited and an operator hears of it."""
    invoice = create(service, "telegram_stars")
    message = telegram.pay_stars(invoice["pay_url"], 2)
    assert service.update(1, message=message).status == 200
    assert (balance(service, 1), balance(service, 2)) == (0, 0)


def test_the_list_of_stars_is_read_on_from_where_we_were(service: Api, telegram: FakeTelegram) -> None:
    shop = StarShop(service, telegram)
    for _ in range(101):
        telegram.transactions.append({"id": "gift", "amount": 1, "date": 1, "source": {"type": "fragment"}})
    invoice = create(service, "telegram_stars")
    shop.take_money(invoice)
    check(service, minutes=1)
    assert balance(service) == 100
    create(service, "telegram_stars")
    check(service, minutes=1)
    offsets = [call.parameters["offset"] for call in telegram.calls if call.method == "getStarTransactions"]
    assert offsets == [0, 100, 102]
    # A refund that nobody told us of, while nobody waits to pay.
    telegram.refund_stars(shop.charges[invoice["payment_id"]])
    check(service, minutes=60)
    assert balance(service) == 0


# ---------------------------------------------------------------- what a caller sees


def test_the_first_provider_that_is_on_is_the_default(service: Api, crypto_pay: FakeCryptoPay, change: Change) -> None:
    create(service)
    assert len(crypto_pay.invoices) == 1
    change(PAYMENT_PROVIDERS="yookassa")
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": "crypto_pay"})
    assert (answer.status, answer.json["code"]) == (503, "provider_not_configured")
    change(PAYMENT_PROVIDERS="")
    assert service.call(CREATE, user=1, body={"amount": 100}).json["code"] == "provider_not_configured"


@pytest.mark.parametrize("amount", [0, -1, 100_001, "100", 1.5, 1.0, True, None])
def test_amounts(service: Api, amount: Any) -> None:
    assert service.call(CREATE, user=1, body={"amount": amount}).status == 422


def test_an_unknown_provider_is_a_422(service: Api) -> None:
    assert service.call(CREATE, user=1, body={"amount": 100, "provider": "paypal"}).status == 422


@pytest.mark.parametrize("id", ["1", "0", "-1", "x", "1" * 17, "9" * 400, "٣", "1.0"])
def test_no_payment(service: Api, id: str) -> None:
    answer = service.call(STATUS, user=1, id=id)
    assert (answer.status, answer.json["code"]) == (404, "payment_not_found")


def test_a_payment_is_its_payers_alone(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """I17: not even that it is there."""
    invoice = create(service, "crypto_pay")
    answer = service.call(STATUS, user=2, id=str(invoice["payment_id"]))
    assert answer.text == service.call(STATUS, user=2, id="1").text
    assert service.call(STATUS, id=str(invoice["payment_id"])).status == 401


def test_only_what_was_never_paid_is_ever_removed(service: Api, crypto_pay: FakeCryptoPay) -> None:
    first, second = create(service, "crypto_pay"), create(service, "crypto_pay")
    CryptoShop(service, crypto_pay).take_money(first)()
    kept, removed = (table.get(keys.payment(it["payment_id"])) or {} for it in (first, second))
    assert "ttl" not in kept
    assert removed["ttl"] > service.now // 1000 + 29 * 24 * 3600


# ---------------------------------------------------------------- secrets


@pytest.mark.parametrize("route", [CRYPTO, YOOKASSA])
def test_without_secrets_nobody_is_believed(
    service: Api,
    crypto_pay: FakeCryptoPay,
    yookassa: FakeYookassa,
    route: str,
    change: Change,
) -> None:
    """F25."""
    invoice = create(service, "crypto_pay" if route == CRYPTO else "yookassa")
    id = invoice["pay_url"].rpartition("/")[2]
    change(SECRETS_PREFIX="/nowhere")
    if route == CRYPTO:
        crypto_pay.pay(int(id))
        body, headers = crypto_pay.webhook(int(id))
        answer = service.call(CRYPTO, raw=body, headers=headers)
    else:
        yookassa.pay(id)
        answer = service.call(YOOKASSA, raw=yookassa.webhook(id).decode())
    # Without a token of ours nobody can have signed; YooKassa has to be asked.
    assert answer.status == (401 if route == CRYPTO else 503)
    change(SECRETS_PREFIX="/urgent-services/test")
    assert balance(service) == 0


@pytest.mark.parametrize("signature", [None, "", "0", "секрет", "0" * 63, "G" * 64])
def test_what_is_no_signature_costs_no_read_of_a_secret(
    service: Api, monkeypatch: pytest.MonkeyPatch, signature: str | None
) -> None:
    monkeypatch.setattr(secrets, "_provider", lambda: pytest.fail("asked SSM"))
    headers = {} if signature is None else {"crypto-pay-api-signature": signature}
    assert service.call(CRYPTO, raw="{}", headers=headers).status == 401
    assert service.call("POST /api/telegram/webhook", raw="{}").status == 401


def test_no_secret_and_no_payload_in_the_log(
    service: Api,
    shop: Shop,
    log: StringIO,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """I18."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, logger="urllib3")
    invoice = create(service, shop.name)
    tell = shop.take_money(invoice)
    shop.break_down(status=500, times=None)
    assert tell().status in (200, 503)
    assert service.call(CREATE, user=1, body={"amount": 100, "provider": shop.name}).status == 503
    check(service, minutes=1)
    with pytest.raises(HandlerFailed):
        refund(invoice["payment_id"] if balance(service) else 1)
    captured = capfd.readouterr()
    said = log.getvalue() + caplog.text + captured.out + captured.err
    payment = payments.get(invoice["payment_id"])
    assert payment is not None
    assert "provider_status" in said
    for secret in (BOT_TOKEN, CRYPTO_PAY_TOKEN, YOOKASSA_KEY, f"{payment.id}.{payment.user_id}", "Пополнение баланса"):
        assert secret not in said


# ---------------------------------------------------------------- the store under it


def test_two_webhooks_at_once_credit_once(
    service: Api, crypto_pay: FakeCryptoPay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I5, F4: another instance settles it between our read and our write."""
    shop = CryptoShop(service, crypto_pay)
    invoice = create(service, "crypto_pay")
    tell = shop.take_money(invoice)
    settle, calls = payments.settle, []

    def late(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            assert elsewhere(tell).status == 200
        settle(*args)

    monkeypatch.setattr(payments, "settle", late)
    assert tell().status == 200
    assert len(calls) == 2  # the first of them was refused: it read again and found nothing to do
    assert ledger(service) == [("recharge", 100, "crypto_pay")]


def test_two_charges_at_once_stay_two_payments(
    service: Api, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I5, F4: the other charge for the same invoice is settled between our read and our write."""
    shop = StarShop(service, telegram)
    invoice = create(service, "telegram_stars")
    first, second = shop.take_money(invoice), shop.take_money(invoice)
    settle, calls = payments.settle, []

    def late(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            assert elsewhere(second).status == 200
        settle(*args)

    monkeypatch.setattr(payments, "settle", late)
    # A user without a ledger would be guarded by that alone.
    monkeypatch.setattr(users, "user_write", change_unguarded)
    assert first().status == 200
    right = [it for it in (payments.get(invoice["payment_id"]),) if it is not None]
    assert [payment.charge_id for payment in right] == [shop.charges[invoice["payment_id"]]]


def change_unguarded(user_id: int, *, entry: LedgerEntry) -> Any:
    """`users.user_write` without its own condition on the ledger's end."""
    return table.update_write(
        keys.user(user_id),
        "SET balance = :balance, last_entry_id = :id",
        condition=None,
        values={":balance": entry.balance_after, ":id": entry.id},
    )


def test_a_lost_answer_of_the_write_credits_once_and_is_told(
    service: Api, crypto_pay: FakeCryptoPay, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """P3, F3."""
    shop = CryptoShop(service, crypto_pay)
    invoice = create(service, "crypto_pay")
    tell = shop.take_money(invoice)
    settle, calls = payments.settle, []

    def lost(*args: Any) -> None:
        settle(*args)
        calls.append(1)
        raise table.WriteConflict

    monkeypatch.setattr(payments, "settle", lost)
    capsys.readouterr()
    assert tell().status == 200
    assert len(calls) == 1
    assert ledger(service) == [("recharge", 100, "crypto_pay")]
    assert '"PaymentsCredited":[1.0]' in capsys.readouterr().out


def test_an_id_is_given_once(service: Api, crypto_pay: FakeCryptoPay, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2."""
    first = create(service, "crypto_pay")
    monkeypatch.setattr(ids, "new_integer_id", lambda now: first["payment_id"])
    assert service.call(CREATE, user=2, body={"amount": 5, "provider": "crypto_pay"}).status == 503
    payment = payments.get(first["payment_id"])
    assert payment is not None
    assert (payment.user_id, payment.amount, payment.status) == (1, 100, Status.PENDING)


def test_a_debt_is_counted_per_payment(service: Api, yookassa: FakeYookassa) -> None:
    shop = CardShop(service, yookassa)
    first, second = create(service, "yookassa", amount=10), create(service, "yookassa", amount=10)
    for invoice in (first, second):
        shop.take_money(invoice)()
    order = service.order(2)["id"]
    service.call("POST /api/orders/{id}/take", user=1, id=order)
    assert refund(first["payment_id"])["debt"] == 0
    assert refund(second["payment_id"])["debt"] == 2
    right_books()
