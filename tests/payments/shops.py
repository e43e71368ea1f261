"""Each payment provider from the payer's side, and the service's view of a payment."""

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from functions.balance import refund_payment
from functions.scheduled import audit, check_payments
from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.domain.init_data import TelegramUser
from shared.domain.limits import take_token
from shared.domain.payment import Charge, Provider, new_payment
from shared.store import payments
from tests import api
from tests.in_process import Api

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
    """Run the scheduled check `minutes` from now."""
    service.later(minutes=minutes)
    check_payments.handler({}, api.Context())


def refund(payment_id: int) -> dict[str, Any]:
    done: dict[str, Any] = refund_payment.handler({"payment_id": payment_id}, api.Context())
    return done


def asked_for_stars(user: int, amount: int, now: int) -> Charge:
    """Store a pending payment whose id is the user's, without a provider. Return the charge that would settle it."""
    payment = new_payment(
        id=user, user_id=user, provider=Provider.TELEGRAM_STARS, amount=amount, star_roubles=Decimal(1), now=now
    )
    token = take_token({}, "invoices", per_hour=10, now=now)
    payments.create(payment, TelegramUser(user, "", "", None), token, receipt_contact=None)
    return Charge(payment.provider, "stx", payment.id, user, payment.price, payment.currency)


def right_books() -> None:
    assert audit.handler({}, api.Context()) == []


def elsewhere(call: Callable[[], api.Answer]) -> api.Answer:
    """The response of another instance, while this one waits."""
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
    """One provider with the same interface for all: pay, decline, refund, fail."""

    name: str

    def __init__(self, service: Api) -> None:
        self.service = service

    def take_money(self, invoice: dict[str, Any], *, late: bool = False) -> Callable[[], api.Answer]:
        """Pay the invoice; return a function that notifies the service each time it is called.

        `late`: the provider takes the money after the end of the invoice.
        """
        raise NotImplementedError

    def decline(self, invoice: dict[str, Any]) -> None:
        """Decline the payment, so that it will never be paid."""
        raise NotImplementedError

    def give_back(self, invoice: dict[str, Any]) -> Callable[[], api.Answer]:
        """Refund at the provider; return a function that notifies the service each time it is called."""
        raise NotImplementedError

    def break_down(self, **fault: Any) -> None:
        """Make the provider's next request fail."""
        raise NotImplementedError


class CryptoShop(Shop):
    name = "crypto_pay"

    def __init__(self, service: Api, fake: FakeCryptoPay) -> None:
        super().__init__(service)
        self.fake = fake

    def take_money(self, invoice: dict[str, Any], *, late: bool = False) -> Callable[[], api.Answer]:
        id = int(invoice["pay_url"].rpartition("/")[2])
        self.fake.pay(id, late=late)
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

    def take_money(self, invoice: dict[str, Any], *, late: bool = False) -> Callable[[], api.Answer]:
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
            # Another update id each time, so that the deduplication of updates is not what prevents a second credit.
            self.updates += 1
            return self.service.update(self.updates, message=message)

        return told

    def take_money(self, invoice: dict[str, Any], *, late: bool = False) -> Callable[[], api.Answer]:
        message = self.fake.pay_stars(invoice["pay_url"], 1)
        self.charges[invoice["payment_id"]] = message["successful_payment"]["telegram_payment_charge_id"]
        return self.tell(message)

    def decline(self, invoice: dict[str, Any]) -> None:
        """Do nothing: an invoice in Stars cannot be declined, it only expires."""

    def give_back(self, invoice: dict[str, Any]) -> Callable[[], api.Answer]:
        return self.tell(self.fake.refund_stars(self.charges[invoice["payment_id"]]))

    def break_down(self, **fault: Any) -> None:
        self.fake.fail("*", **fault)
