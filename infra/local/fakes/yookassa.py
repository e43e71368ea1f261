"""A fake of the parts of YooKassa that we use: https://yookassa.ru/developers/api

/payments, /payments/<id>, /refunds    the API; GET /refunds lists those of a payment
/                                      page: the payments
/pay/<id>                              GET: page of a payment; POST {"how"}: pay or decline it, see HOW
/script                                POST: add a fault, see script.py; DELETE: remove every fault
"""

import asyncio
import base64
import json
import re
import uuid
from decimal import Decimal
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.local.fakes.http import base_of, parameters, post
from infra.local.fakes.page import button, page
from infra.local.fakes.script import Fault, Script

# What can happen to a payment: the value of `how` and the label of its button.
HOW = {
    "paid": "Оплатить",
    "twice": "Оплатить, уведомить дважды",
    "lost": "Оплатить, уведомление потеряется",
    "delayed": "Оплатить, уведомить через 10 секунд",
    "forged": "Не платить, прислать поддельное уведомление",
    "declined": "Не платить, банк откажет",
}
_DELAY_SECONDS = 10.0
_PRICE = re.compile(r"[0-9]{1,9}\.[0-9]{2}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+", re.ASCII)
_PHONE = re.compile(r"[0-9]{11,15}", re.ASCII)  # ITU-T E.164, without the plus
_PAYMENT_MODES = ("full_prepayment", "partial_prepayment", "advance", "full_payment")


class FakeYookassa:
    """YooKassa for one shop. Sends notifications to `webhook_url`; with None it sends none.

    With `needs_receipts`, the shop sends its fiscal receipts (54-FZ) through YooKassa, which then refuses a payment and
    a partial refund without a valid receipt. The receipt of a full refund is that of the payment.
    """

    def __init__(self, shop_id: str, secret_key: str, webhook_url: str | None = None) -> None:
        self.webhook_url = webhook_url
        self.needs_receipts = False
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.refunds_become = "succeeded"  # or pending, or canceled
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.script = Script()
        self._credentials = f"Basic {base64.b64encode(f'{shop_id}:{secret_key}'.encode()).decode()}"
        self._by_idempotence_key: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}  # request and response
        self._later: set[asyncio.Task[int]] = set()
        self._base = ""
        self.app = Starlette(
            routes=[
                Route("/payments", self._api, methods=["POST"], name="create"),
                Route("/payments/{id}", self._api, name="get"),
                Route("/refunds", self._api, methods=["GET", "POST"], name="refund"),
                Route("/", self._list),
                Route("/pay/{id}", self._payment_page),
                Route("/pay/{id}", self._press, methods=["POST"]),
                Route("/script", self._script, methods=["POST", "DELETE"]),
            ]
        )

    # ------------------------------------------------------------ for tests in this process

    def fail(self, method: str, **fault: Any) -> None:
        """Inject a fault into the next `create`, `get`, `refund` or `refunds`; see Fault."""
        self.script.add(Fault(method, **fault))

    def pay(self, payment_id: str) -> None:
        """Mark a payment as paid without sending a notification."""
        self.payments[payment_id] |= {"status": "succeeded", "paid": True}

    def decline(self, payment_id: str) -> None:
        """Mark a payment as declined by the payer's bank."""
        self.payments[payment_id] |= {"status": "canceled", "cancellation_details": {"reason": "general_decline"}}

    def give_back(self, payment_id: str, roubles: str) -> None:
        """Refund in the shop's account or by the payer's bank, without sending a notification."""
        payment = self.payments[payment_id]
        before = Decimal(payment.get("refunded_amount", {}).get("value", "0"))
        payment["refunded_amount"] = {"value": f"{before + Decimal(roubles):.2f}", "currency": "RUB"}

    def decide_refunds(self, status: str) -> None:
        """Let every pending refund be `succeeded` or `canceled`, without sending a notification."""
        for refund in self.refunds:
            if refund["status"] == "pending":
                refund["status"] = status
                if status == "succeeded":
                    self.give_back(refund["payment_id"], refund["amount"]["value"])
                else:
                    refund["cancellation_details"] = {"party": "yoo_money", "reason": "insufficient_funds"}

    def webhook(self, payment_id: str, event: str = "payment.succeeded") -> bytes:
        """Build the body of a notification about a payment or its refund."""
        about = self.payments[payment_id]
        if event.startswith("refund."):
            about = {"id": str(uuid.uuid4()), "payment_id": payment_id, "status": "succeeded"}
        return json.dumps({"type": "notification", "event": event, "object": about}, ensure_ascii=False).encode()

    # ------------------------------------------------------------ the API

    async def _api(self, request: Request) -> Response:
        paths = {"/payments": "create", "/refunds": "refund" if request.method == "POST" else "refunds"}
        method = paths.get(request.scope["route"].path, "get")
        given = {**request.path_params, **await parameters(request)}
        self._base = base_of(request)
        self.calls.append((method, given))
        if request.headers.get("authorization") != self._credentials:
            return _refusal(401, "invalid_credentials")
        fault = self.script.next(method, given)
        if fault is not None and fault.hang:
            await asyncio.sleep(fault.hang)
        if fault is not None and fault.status is not None and not fault.applied:
            return _refusal(fault.status, **(fault.more or {}))
        if method == "refunds":
            of_payment = [each for each in self.refunds if each["payment_id"] == given["payment_id"]]
            response: Response = JSONResponse({"type": "list", "items": of_payment})
        else:
            response = self._get(request.path_params["id"]) if method == "get" else self._post(request, method, given)
        if fault is not None and fault.status is not None:
            return _refusal(fault.status, **(fault.more or {}))
        return response

    def _get(self, payment_id: str) -> Response:
        payment = self.payments.get(payment_id)
        return JSONResponse(payment) if payment else _refusal(404, "not_found")

    def _post(self, request: Request, method: str, given: dict[str, Any]) -> Response:
        key = request.headers.get("idempotence-key", "")
        if not 0 < len(key) <= 64:
            return _refusal(400, "invalid_request")
        if self._is_receipt_missing(given):
            return _refusal(400, "invalid_request", parameter="receipt", description="Receipt is missing or illegal")
        if key not in self._by_idempotence_key:
            made = self._create(given) if method == "create" else self._refund(given)
            if made is None:
                return _refusal(400, "invalid_request")
            self._by_idempotence_key[key] = given, dict(made)
        before, made = self._by_idempotence_key[key]
        return JSONResponse(made) if before == given else _refusal(400, "invalid_request")

    def _is_receipt_missing(self, given: dict[str, Any]) -> bool:
        if not self.needs_receipts:
            return False
        if "receipt" not in given and "payment_id" in given:
            payment = self.payments.get(given["payment_id"], {})
            return bool(payment.get("amount") != given["amount"])
        return not _is_receipt(given.get("receipt"), given["amount"])

    def _create(self, given: dict[str, Any]) -> dict[str, Any]:
        id = str(uuid.uuid4())
        self.payments[id] = {
            "id": id,
            "status": "pending",
            "paid": False,
            "amount": given["amount"],
            "confirmation": {"type": "redirect", "confirmation_url": f"{self._base}pay/{id}"},
            "description": given.get("description"),
            "metadata": given.get("metadata", {}),
            "test": True,
        }
        # As in the real API, the response has no return_url.
        return self.payments[id]

    def _refund(self, given: dict[str, Any]) -> dict[str, Any] | None:
        payment = self.payments.get(given["payment_id"])
        if payment is None or payment["status"] != "succeeded":
            return None
        left = Decimal(payment["amount"]["value"]) - Decimal(payment.get("refunded_amount", {}).get("value", "0"))
        if not 0 < Decimal(given["amount"]["value"]) <= left:
            return None
        self.refunds.append({"id": str(uuid.uuid4()), "status": "pending", **given})
        if self.refunds_become != "pending":
            self.decide_refunds(self.refunds_become)
        return self.refunds[-1]

    async def _script(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.script.clear()
        else:
            self.script.add(Fault(**await request.json()))
        return Response(status_code=204)

    # ------------------------------------------------------------ pages

    async def _list(self, _: Request) -> Response:
        return page(
            "ЮKassa (имитация)",
            "<p>Платежи, которые создал сервис.</p>" if self.payments else "<p>Платежей ещё нет.</p>",
            *(
                f'<p><a href="pay/{id}">{escape(payment["amount"]["value"])} ₽</a>'
                f' <span class="quiet">{escape(payment["status"])}</span></p>'
                for id, payment in reversed(self.payments.items())
            ),
        )

    async def _payment_page(self, request: Request) -> Response:
        id = request.path_params["id"]
        payment = self.payments.get(id)
        if payment is None:
            return page(
                "Платёж не найден", "<p>Имитация не хранит платежи после перезапуска. Создайте новый платёж.</p>"
            )
        buttons = [button(label, id, how=how) for how, label in HOW.items()]
        return page(
            f"{payment['amount']['value']} ₽",
            f"<p>{escape(str(payment['description']))}</p>",
            *(buttons if payment["status"] == "pending" else [f"<p>{_STATUSES[payment['status']]}</p>"]),
        )

    async def _press(self, request: Request) -> Response:
        id, how = request.path_params["id"], (await parameters(request))["how"]
        if self.payments[id]["status"] == "pending":
            await self._settle(id, how)
        return RedirectResponse(id, 303)

    async def _settle(self, id: str, how: str) -> None:
        if how == "forged":
            await self._send_webhook(self.webhook(id))
            return
        if how == "declined":
            self.decline(id)
            await self._send_webhook(self.webhook(id, "payment.canceled"))
            return
        self.pay(id)
        if how == "delayed":
            task = asyncio.ensure_future(self._send_webhook_later(self.webhook(id)))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        elif how != "lost":
            for _ in range(2 if how == "twice" else 1):
                await self._send_webhook(self.webhook(id))

    async def _send_webhook_later(self, body: bytes) -> int:
        await asyncio.sleep(_DELAY_SECONDS)
        return await self._send_webhook(body)

    async def _send_webhook(self, body: bytes) -> int:
        return await post(self.webhook_url, body, {}) if self.webhook_url else 0


_STATUSES = {"succeeded": "Оплачено. Вернитесь в приложение.", "canceled": "Банк отказал."}


def _is_receipt(receipt: Any, amount: dict[str, str]) -> bool:
    """Whether `receipt` has a customer to send it to, and items that add up to `amount`."""
    try:
        customer, items = receipt["customer"], receipt["items"]
        is_reachable = bool(_EMAIL.fullmatch(customer.get("email", "")) or _PHONE.fullmatch(customer.get("phone", "")))
        total = sum(Decimal(item["quantity"]) * Decimal(item["amount"]["value"]) for item in items)
        return (
            is_reachable
            and receipt.get("tax_system_code", 1) in range(1, 7)
            and 0 < len(items) <= 100
            and total == Decimal(amount["value"])
            and all(
                1 <= len(item["description"]) <= 128
                and _PRICE.fullmatch(item["amount"]["value"])
                and item["amount"]["currency"] == amount["currency"]
                and item["vat_code"] in range(1, 13)
                and item["payment_mode"] in _PAYMENT_MODES
                and item["payment_subject"] in ("service", "payment", "commodity")
                for item in items
            )
        )
    except (KeyError, TypeError, AttributeError, ArithmeticError):
        return False


def _refusal(status: int, code: str = "too_many_requests", *, text: str | None = None, **more: Any) -> Response:
    if text is not None or status >= 500:
        return PlainTextResponse("Bad Gateway" if text is None else text, status)
    return JSONResponse({"type": "error", "code": code, **more}, status)
