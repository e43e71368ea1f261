"""Simulate payments (F24): providers, payers, forged webhooks, refunds and the scheduled check.

The providers return errors, and send webhooks late, twice, reordered or never. Random numbers have a generator of
their own, so that the trace of a seed without payments does not change.
"""

import json
import random
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.balance import webhook_crypto_pay, webhook_yookassa
from functions.telegram import webhook as webhook_telegram
from infra.local.fakes.crypto_pay import FakeCryptoPay
from shared.domain.errors import DomainError
from shared.error_responses import ERROR_RESPONSES
from shared.outbound.http import Reply, Unreachable
from shared.service_errors import ServiceError
from tests import api
from tests.conftest import CRYPTO_PAY_TOKEN, WEBHOOK_SECRET
from tests.simulation.actors import Actors
from tests.simulation.aws import Aws
from tests.simulation.entry import ThroughHttp
from tests.simulation.faults import PAYMENT_FAULTS, Faults
from tests.simulation.invariants import Checker
from tests.simulation.records import CANARY, Money, receipt_contact_of
from tests.simulation.world import Task, World

_MINUTE = 60_000
_LIFETIME = 30 * _MINUTE
_DAY = 24 * 60 * _MINUTE
_MONTH = 30 * _DAY
_CRYPTO = "POST /api/balance/webhook/crypto-bot"
_YOOKASSA = "POST /api/balance/webhook/yookassa"
_TELEGRAM = "POST /api/telegram/webhook"
_CREATE = "POST /api/balance/create-invoice"
_STATUS = "GET /api/balance/payment/{id}/status"
_ENDPOINTS = {
    _CRYPTO: webhook_crypto_pay.crypto_pay_webhook,
    _YOOKASSA: webhook_yookassa.yookassa_webhook,
    _TELEGRAM: webhook_telegram.telegram_webhook,
}
# Where YooKassa's notifications come from: without HTTP, the part of the request that the endpoint reads.
_FROM_YOOKASSA = {"aws.event": {"requestContext": {"http": {"sourceIp": "192.0.2.1"}}}}
# In the other seeds there are no payments, and this module has no effect.
ONE_SEED_IN = 3
# Faults of a call to a provider. With "done", the call had its effect all the same.
_TROUBLE = ("not there", "silence", "silence, done", "500", "500, done", "429", "crash", "crash, done")


@dataclass(slots=True)
class Invoice:
    """An invoice of a provider. `name` is our payload, `until` the end of its lifetime (ms)."""

    provider: str
    id: str
    name: str
    price: int
    until: int
    charge: Money | None = None
    listed_at: int = 0


class Payments:
    """The providers, payers and webhooks of one seed. `through_http` is None if functions are called below HTTP."""

    def __init__(
        self, world: World, aws: Aws, checker: Checker, actors: Actors, through_http: ThroughHttp | None
    ) -> None:
        self.dice = random.Random(f"payments {world.seed}")
        self.take_part = world.seed % ONE_SEED_IN == 0
        self._world = world
        self._aws = aws
        self._checker = checker
        self._actors = actors
        self._through_http = through_http
        chosen = frozenset(kind for kind in PAYMENT_FAULTS if self.dice.random() < 0.6)
        self._faults = Faults(self.dice, aws.faults.calls, aws.faults.hits, aws.faults.rate, chosen)
        self._invoices: dict[str, Invoice] = {}
        self._transactions: list[dict[str, Any]] = []
        self._transfers: set[str] = set()
        self._cards: dict[str, str] = {}  # YooKassa's payments and refunds, by idempotency key
        self._may_pay: dict[str, bool] = {}
        self._ids = 1_000
        self._goes_on = True

    # ------------------------------------------------------------ background

    def begin(self) -> None:
        """Plan payments of some users."""
        if not self.take_part:
            return
        for _ in range(self.dice.randint(2, 7)):
            self._world.later(self.dice.choice((0, 1_000, _MINUTE, 10 * _MINUTE, 25 * _MINUTE)), self._create)
        self._world.later(_MINUTE, self._every_minute)

    def stop(self) -> None:
        """Stop all background work and all faults."""
        self._goes_on = False
        self._faults.stop()

    def _every_minute(self) -> None:
        if not self._goes_on:
            return
        self._world.later(_MINUTE, self._every_minute)
        due = any(
            item.get("due_pk") in ("DUE_PAYMENTS", "DUE_REFUNDS") and item["due_at"] <= self._world.now
            for item in self._checker.items.values()
        )
        if (due or self.dice.random() < 0.02) and not self._faults.happens("F24 check lost", 0.5):
            self.check()

    def check(self) -> None:
        """Run one scheduled check."""
        if self.take_part:
            self._aws.invoke("scheduled.check_payments", {}, lambda task: None, timeout=60_000)

    def pay_late(self) -> bool:
        """Pay an invoice that is over by our clock and still open at its provider; its webhook is lost.

        Returns whether there was such an invoice. Without its id we gave its link to nobody.
        """
        for invoice in self._invoices.values():
            payment_id, _, user = invoice.name.partition(".")
            stored = self._checker.items.get((f"PAYMENT#{payment_id}", "PAYMENT"), {})
            is_open = invoice.charge is None and invoice.until - self._world.now > 3 * _DAY
            if is_open and stored.get("invoice_id") == invoice.id and stored["status"] == "expired":
                invoice.charge = Money(invoice.provider, invoice.id, int(payment_id), int(user), invoice.price)
                self._checker.money[invoice.provider, invoice.id] = invoice.charge
                self._world.note("somebody pays late", invoice.provider, invoice.id, "for", invoice.name)
                return True
        return False

    # ------------------------------------------------------------ payers

    def _create(self) -> None:
        provider = self.dice.choice(("crypto_pay", "telegram_stars", "yookassa"))
        user = self.dice.choice(self._actors.users)
        body = {"amount": self.dice.randint(1, 9), "provider": provider}
        if provider == "yookassa" and self.dice.random() < 0.8:
            body["receipt_contact"] = receipt_contact_of(user)
        self._actors.send(self._actors.request(_CREATE, user, body=body))

    def _somebody_pays(self, invoice: Invoice) -> None:
        """Plan a payment; sometimes two at once, because an invoice in Stars is a link that two devices can open."""
        if not self._goes_on:
            return
        payment_id, _, user = invoice.name.partition(".")
        for asker in (int(user), self.dice.choice(self._actors.users)):
            asks = self._actors.request(_STATUS, asker, payment_id)
            self._world.later(self.dice.choice((10, 3_000, _MINUTE)), lambda asks=asks: self._actors.send(asks))  # type: ignore[misc]
        delays = (0, 5_000, 2 * _MINUTE, _LIFETIME - 6 * _MINUTE, _LIFETIME - 10, _LIFETIME)
        pay = self._pay_stars if invoice.provider == "telegram_stars" else self._pay_by_invoice
        if self.dice.random() < 0.85:
            delay = self.dice.choice(delays)
            for _ in range(2 if self.dice.random() < 0.3 else 1):
                self._world.later(delay + self.dice.choice((0, 3)), lambda: pay(invoice))
        if self._faults.happens("F24 forged", 0.5) and invoice.provider == "crypto_pay":
            self._world.later(self.dice.choice(delays), lambda: self._forge(invoice))

    def _pay_by_invoice(self, invoice: Invoice) -> None:
        if invoice.charge is not None or self._world.now >= invoice.until:
            return
        invoice.charge = self._charged(invoice, invoice.id)
        # A notification of YooKassa is confirmed by its API, which knows the payment by then.
        lag = 0 if invoice.provider == "yookassa" else self._lag()
        invoice.listed_at = self._world.now + lag
        if invoice.provider == "yookassa":
            self._tell_of_card(invoice, lag)
        else:
            self._tell_of_coins(invoice, lag)

    def _pay_stars(self, invoice: Invoice) -> None:
        """Send the pre-checkout query. Telegram takes the Stars only if it is approved within ten seconds."""
        query_id, payer = self._new_id(), int(invoice.name.rpartition(".")[2])
        if self.dice.random() < 0.1:
            payer += 1
        query: dict[str, Any] = {"id": query_id, "from": {"id": payer}, "currency": "XTR"}
        query |= {"total_amount": invoice.price, "invoice_payload": invoice.name}
        asked = self._world.now

        def answered(status: int | None) -> None:
            if self._may_pay.get(query_id) and self._world.now - asked < 10_000:
                if payer != int(invoice.name.rpartition(".")[2]):
                    self._world.broken("I8", f"user {payer} may pay {invoice.name}")
                self._world.later(self.dice.choice((0, 1, 500, 3_000)), lambda: self._take_stars(invoice))

        self._deliver(_TELEGRAM, self._update({"pre_checkout_query": query}), answered)

    def _take_stars(self, invoice: Invoice) -> None:
        charge = self._charged(invoice, f"stx{self._new_id()}")
        listed = {"id": charge.id, "amount": charge.price, "source": self._partner(charge)}
        lag = self._lag()
        self._world.later(lag, lambda: self._transactions.append(listed))
        self._tell_of_stars(charge, "successful_payment", lag)

    def _lag(self) -> int:
        """Return for how many ms polling does not show a new charge. The webhook then follows, possibly late."""
        return self.dice.choice((2, 40)) * _MINUTE if self._faults.happens("F24 list lags", 0.3) else 0

    def _charged(self, invoice: Invoice, id: str) -> Money:
        payment_id, _, user = invoice.name.partition(".")
        charge = Money(invoice.provider, id, int(payment_id), int(user), invoice.price)
        self._checker.money[invoice.provider, id] = charge
        self._world.note("somebody pays", invoice.provider, id, "for", invoice.name)
        if self.dice.random() < 0.4:
            self._world.later(self.dice.choice((10, 1_000, 3 * _MINUTE, 20 * _MINUTE)), lambda: self._give_back(charge))
        else:
            most = self.dice.choice((1, 9))
            self._world.later(_MINUTE, lambda: self._give_back_when_spent(charge, most))
        return charge

    # ------------------------------------------------------------ money back

    def _give_back(self, charge: Money) -> None:
        if charge.provider == "telegram_stars" and self.dice.random() < 0.5:
            self._refund_stars(charge)
            return
        ids = [
            int(key[0].partition("#")[2])
            for key, item in self._checker.items.items()
            if key[1] == "PAYMENT" and item["charge_id"] == charge.id
        ]
        self._operator_refunds(ids[0] if ids else charge.payment_id)

    def _give_back_when_spent(self, charge: Money, most: int, tries: int = 60) -> None:
        """Give back all that a payer paid, once they spent some of it and have at most `most` roubles left (I27).

        The first reversal empties the balance, so the next ones only add to the debt. Some payers top up meanwhile. A
        payer who finds too few orders keeps the money after so many tries.
        """
        if not self._goes_on or tries == 0:
            return
        payment = self._checker.items.get((f"PAYMENT#{charge.payment_id}", "PAYMENT"), {})
        balance = self._checker.items.get((f"USER#{charge.user}", "USER"), {}).get("balance", 0)
        is_credited = payment.get("charge_id") == charge.id and payment["paid_at"] is not None
        if is_credited and balance < payment["amount"] and balance <= most:
            for paid in [money for money in self._checker.money.values() if money.user == charge.user]:
                self._world.later(self.dice.choice((0, 10, 40)), lambda paid=paid: self._give_back(paid))  # type: ignore[misc]
            for _ in range(self.dice.choice((0, 1, 2))):
                delay = self.dice.choice((20, 40, 60, 80, _MINUTE))
                self._world.later(delay, lambda: self._actors.send(self._actors.recharge(charge.user)))
            return
        if is_credited and (orders := self._orders_to_take(charge.user)):
            self._actors.send(self._actors.request("POST /api/orders/{id}/take", charge.user, self.dice.choice(orders)))
        delay = self.dice.choice((1_000, 20_000, _MINUTE))
        self._world.later(delay, lambda: self._give_back_when_spent(charge, most, tries - 1))

    def _orders_to_take(self, user: int) -> list[str]:
        found = (
            (order_id, self._checker.items.get((f"ORDER#{order_id}", "ORDER"))) for order_id in self._checker.orders
        )
        return [
            order_id
            for order_id, order in found
            if order and order["status"] == "active" and user != order["client_id"] and str(user) not in order["takes"]
        ]

    def _operator_refunds(self, payment_id: int) -> None:
        """Invoke the refund until it succeeds."""

        def on_end(task: Task) -> None:
            if not task.ended_well:
                self._world.later(_MINUTE, lambda: self._operator_refunds(payment_id))

        self._aws.invoke("balance.refund_payment", {"payment_id": payment_id}, on_end, timeout=60_000)

    def _refund_stars(self, charge: Money) -> None:
        if charge.refunded:
            return
        charge.refunded = True
        self._transactions.append({"id": charge.id, "amount": charge.price, "receiver": self._partner(charge)})
        self._tell_of_stars(charge, "refunded_payment")

    # ------------------------------------------------------------ webhooks

    def _tell_of_coins(self, invoice: Invoice, lag: int) -> None:
        fake = FakeCryptoPay(CRYPTO_PAY_TOKEN)
        fake.invoices[int(invoice.id)] = {**self._invoice_view(invoice), "status": "paid"}
        body, headers = fake.webhook(int(invoice.id))
        self._tell(_CRYPTO, (body, headers), lag, may_be_lost=self._is_stored(invoice))

    def _tell_of_card(self, invoice: Invoice, lag: int) -> None:
        body = json.dumps({"type": "notification", "object": {"id": invoice.id}}).encode()
        self._tell(_YOOKASSA, (body, {}), lag, may_be_lost=self._is_stored(invoice))

    def _is_stored(self, invoice: Invoice) -> bool:
        """Whether we stored the invoice. If not, polling cannot find the payment, and its webhook is never lost."""
        stored = self._checker.items.get((f"PAYMENT#{invoice.name.partition('.')[0]}", "PAYMENT"), {})
        return stored.get("invoice_id") is not None

    def _tell_of_stars(self, charge: Money, what: str, lag: int = 0) -> None:
        about = {"currency": "XTR", "total_amount": charge.price, "telegram_payment_charge_id": charge.id}
        about["invoice_payload"] = f"{charge.payment_id}.{charge.user}"
        message = {"from": {"id": charge.user}, "chat": {"id": charge.user}, what: about}
        self._tell(_TELEGRAM, self._update({"message": message}), lag, may_be_lost=True)

    def _forge(self, invoice: Invoice) -> None:
        """Send a webhook with a wrong signature, or a signed one that differs from what we asked for."""
        fake = FakeCryptoPay(CRYPTO_PAY_TOKEN)
        view = {**self._invoice_view(invoice), "status": "paid"}
        fake.invoices[int(invoice.id)] = view
        kind = self.dice.choice(("signature", "amount", "currency", "unknown"))
        changed: dict[str, Any] = {}
        if kind == "amount":
            changed["amount"] = str(int(view["amount"]) + 1)
        elif kind == "currency":
            changed["fiat"] = "USD"
        elif kind == "unknown":
            changed["payload"] = "1.1"
        told = fake.webhook(int(invoice.id), token="0:nobody" if kind == "signature" else None, **changed)

        def answered(status: int | None) -> None:
            if status not in (None, 503, 401 if kind == "signature" else 200):
                self._world.broken("I8", f"a forged {kind} was answered {status}")

        self._deliver(_CRYPTO, told, answered)

    def _tell(self, route: str, told: tuple[bytes, dict[str, str]], lag: int, *, may_be_lost: bool) -> None:
        """Send a webhook. Polling shows the same state after `lag` ms, so a webhook is lost only if `lag` is not 0."""
        happens = self._faults.happens
        if may_be_lost and not lag and happens("F24 webhook lost", 0.3):
            return
        delays = [self.dice.choice((0, 1, 100, lag))]
        if happens("F24 webhook late", 0.3):
            delays[0] += self.dice.choice((2_000, 5 * _MINUTE, 20 * _MINUTE))
        if happens("F24 webhook again", 0.4):
            delays.append(delays[0] + self.dice.choice((0, 1, 10, _MINUTE, 20 * _MINUTE)))
        for delay in delays:
            self._world.later(delay, lambda: self._until_heard(route, told))

    def hears(self, content: dict[str, Any], delays: Sequence[int], heard: Callable[[int | None], None]) -> None:
        """Deliver one update of the bot after each of these ms, and again until it is accepted.

        `heard` gets the status of each delivery, None of one without a response.
        """
        told = self._update(content)
        for delay in delays:
            self._world.later(delay, lambda: self._until_heard(_TELEGRAM, told, heard))

    def _until_heard(
        self, route: str, told: tuple[bytes, dict[str, str]], heard: Callable[[int | None], None] | None = None
    ) -> None:
        def answered(status: int | None) -> None:
            if heard is not None:
                heard(status)
            if status != 200:
                self._world.later(_MINUTE, lambda: self._until_heard(route, told, heard))

        self._deliver(route, told, answered, may_time_out=heard is not None)

    def _deliver(
        self,
        route: str,
        told: tuple[bytes, dict[str, str]],
        answered: Callable[[int | None], None],
        *,
        may_time_out: bool = False,
    ) -> None:
        def on_end(task: Task) -> None:
            if task.error is not None:
                self._world.broken("500", f"{route} raised {task.error!r}")
            answered(None if task.dead else task.result)

        def work() -> int:
            assert self._world.task is not None
            # A message is kept first. If each call waits, the confirmation may be cut short, and comes again.
            self._world.task.may_time_out = may_time_out
            return self._call(route, *told)

        self._world.start(
            api.routes()[route].removeprefix("functions."),
            work,
            on_end,
            timeout=29_000 if route == _TELEGRAM else 25_000,
            skew=self._aws.skew(),
        )

    def _call(self, route: str, body: bytes, headers: dict[str, str]) -> int:
        """Call a webhook's function and return the status of its response."""
        if self._through_http is not None:
            method, path = route.split(" ")
            return self._through_http.invoke(
                route, api.event(method, path, raw=body, headers=headers, route=route)
            ).status

        async def read() -> bytes:
            return body

        try:
            request: Any = types.SimpleNamespace(headers=headers, body=read, scope=_FROM_YOOKASSA)
            _ENDPOINTS[route](request).send(None)
        except StopIteration:
            return 200
        except (DomainError, ServiceError) as error:
            return next(ERROR_RESPONSES[kind] for kind in type(error).__mro__ if kind in ERROR_RESPONSES).status
        raise AssertionError("the endpoint awaits something other than its body")

    def _update(self, update: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        body = json.dumps({"update_id": int(self._new_id()), **update}).encode()
        return body, {"x-telegram-bot-api-secret-token": WEBHOOK_SECRET}

    def _new_id(self) -> str:
        self._ids += 1
        return str(self._ids)

    # ------------------------------------------------------------ the providers

    def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        read_timeout: float = 5.0,
        needs_body: bool = True,
    ) -> Reply:
        """Replace `outbound.request`. The reply to a provider's call always has its body."""
        world, called = self._world, url.rpartition("/")[2]
        world.pause(self.dice.choice((0, 1, 5, 20)))
        trouble = self.dice.choice(_TROUBLE) if self._faults.happens("F24 provider in trouble", 0.15, called) else ""
        world.note("calls", called, trouble)
        what, _, done = trouble.partition(",")
        if what == "not there":
            raise Unreachable(maybe_done=False)
        is_by_card = "idempotence-key" in (headers or {}) or method == "GET"
        if CANARY in json.dumps(body) and not is_by_card:
            world.broken("I28", f"{called} was sent a contact")
        reply = None
        if not what or done:
            answer = self._answer_by_card if is_by_card else self._answer
            reply = answer(called, body or {}, (headers or {}).get("idempotence-key", ""))
        match what:
            case "silence":
                world.pause(int(read_timeout * 1000))
                raise Unreachable(maybe_done=True)
            case "crash":
                world.crash()
            case "500" | "429":
                return Reply(int(what), None)
        world.pause(self.dice.choice((0, 1, 5, 20)))
        assert reply is not None
        return reply

    def _answer_by_card(self, called: str, body: Mapping[str, Any], key: str) -> Reply:
        """YooKassa, for a shop with receipts: a payment needs one, and it goes to the payer and to nobody else."""
        if called.startswith("refunds?"):
            return Reply(200, {"items": []})
        known = self._cards.get(key)
        if called == "payments" and known is None:
            name = body["metadata"]["payment"]
            self._goes_to_payer(name, body.get("receipt", {}))
            price = int(float(body["amount"]["value"]) * 100)
            known = f"{int(self._new_id()):036d}"
            self._invoices[known] = Invoice("yookassa", known, name, price, self._world.now + 2 * _LIFETIME)
            self._somebody_pays(self._invoices[known])
        elif called == "refunds" and known is None:
            known = body["payment_id"]
            if "receipt" in body:  # after an erasure there is no contact: then it is the receipt of the payment
                self._goes_to_payer(self._invoices[known].name, body["receipt"])
            self._checker.money["yookassa", known].refunded = True
        if key:
            self._cards[key] = known or ""
        invoice = self._invoices[known or called]
        view = self._invoice_view(invoice)
        status = {"paid": "succeeded", "expired": "canceled", "active": "pending"}[view["status"]]
        amount = {"value": f"{view['amount']}.00", "currency": "RUB"}
        is_refunded = invoice.charge is not None and invoice.charge.refunded
        return Reply(
            200,
            {
                "id": invoice.id,
                "status": status,
                "amount": amount,
                "metadata": {"payment": invoice.name},
                "confirmation": {"confirmation_url": f"https://yoomoney.ru/{invoice.id}"},
                **({"refunded_amount": amount} if is_refunded else {}),
            },
        )

    def _goes_to_payer(self, name: str, receipt: Mapping[str, Any]) -> None:
        if receipt.get("customer") != {"email": receipt_contact_of(int(name.rpartition(".")[2]))}:
            self._world.broken("I28", f"the receipt of {name} is {receipt}")

    def _answer(self, called: str, body: Mapping[str, Any], _: str) -> Reply:
        match called:
            case "createInvoice":
                invoice = Invoice(
                    "crypto_pay",
                    self._new_id(),
                    body["payload"],
                    int(body["amount"]) * 100,
                    # Some providers keep an invoice open for longer than we wait for it.
                    self._world.now + (_MONTH if self.dice.random() < 0.3 else _LIFETIME),
                )
                self._invoices[invoice.id] = invoice
                self._somebody_pays(invoice)
                result: Any = self._invoice_view(invoice)
            case "getInvoices":
                wanted = [self._invoices[id] for id in body["invoice_ids"].split(",")]
                result = {"items": [self._invoice_view(invoice) for invoice in wanted]}
            case "getTransfers":
                result = {"items": [{}] if body["spend_id"] in self._transfers else []}
            case "transfer":
                if body["spend_id"] in self._transfers:
                    return Reply(400, {"ok": False, "error": {"code": 400, "name": "INVALID_PARAMETER"}})
                self._transfer(body["spend_id"])
                result = {}
            case "createInvoiceLink":
                price = body["prices"][0]["amount"]
                invoice = Invoice("telegram_stars", self._new_id(), body["payload"], price, 0)
                self._somebody_pays(invoice)
                result = f"https://t.me/${invoice.id}"
            case "answerPreCheckoutQuery":
                self._may_pay[body["pre_checkout_query_id"]] = body["ok"]
                result = True
            case "getStarTransactions":
                offset = body["offset"]
                result = {"transactions": self._transactions[offset : offset + body["limit"]]}
            case "refundStarPayment":
                charge = self._checker.money["telegram_stars", body["telegram_payment_charge_id"]]
                if charge.refunded:
                    refusal = {"ok": False, "error_code": 400, "description": "Bad Request: CHARGE_ALREADY_REFUNDED"}
                    return Reply(400, refusal)
                self._refund_stars(charge)
                result = True
            case _:
                raise NotImplementedError(called)
        return Reply(200, {"ok": True, "result": result})

    def _transfer(self, spend_id: str) -> None:
        self._transfers.add(spend_id)
        payment = self._checker.items[f"PAYMENT#{spend_id.removeprefix('refund-')}", "PAYMENT"]
        charge = self._checker.money["crypto_pay", payment["charge_id"]]
        if charge.refunded:
            self._world.broken("F24", f"the charge of {spend_id} was refunded twice")
        charge.refunded = True

    def _invoice_view(self, invoice: Invoice) -> dict[str, Any]:
        expired = self._world.now >= invoice.until
        paid = invoice.charge is not None and self._world.now >= invoice.listed_at
        return {
            "invoice_id": int(invoice.id),
            "status": "paid" if paid else "expired" if expired else "active",
            "fiat": "RUB",
            "amount": str(invoice.price // 100),
            "payload": invoice.name,
            "bot_invoice_url": f"https://t.me/{invoice.id}",
            "paid_asset": "USDT",
            "paid_amount": "1",
        }

    def _partner(self, charge: Money) -> dict[str, Any]:
        name = f"{charge.payment_id}.{charge.user}"
        return {"type": "user", "user": {"id": charge.user}, "invoice_payload": name}
