"""A fake of the parts of YooKassa that we use: https://yookassa.ru/developers/api

A request of a wrong form is refused, and recorded in `mistakes`: schemas/yookassa.json.

/payments, /payments/<id>, /refunds    the API; GET /refunds lists those of a payment
/                                      page: the payments
/pay/<id>                              GET: page of a payment; POST {"how"}: pay or decline it, see HOW
/script                                POST: add a fault, see script.py; DELETE: remove every fault
"""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.local.fakes.http import ANY_METHOD, Mistakes, base_of, json_object, parameters, post
from infra.local.fakes.page import button, page
from infra.local.fakes.schemas import Mistake, schema
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
# How long an Idempotence-Key is valid: https://yookassa.ru/developers/using-api/interaction-format#idempotence
_KEY_SECONDS = 24 * 60 * 60
_LONGEST_KEY = 64


_METHODS = {
    ("POST", "/payments"): "create",
    ("GET", "/payments/{id}"): "get",
    ("POST", "/refunds"): "refund",
    ("GET", "/refunds"): "refunds",
}


@dataclass
class _Answered:
    """A request with an Idempotence-Key, when it came (seconds of the clock), and its answer."""

    method: str
    given: dict[str, Any]
    at: float
    response: Response


class FakeYookassa:
    """YooKassa for one shop. Sends notifications to `webhook_url`; with None it sends none.

    With `needs_receipts`, the shop sends its fiscal receipts (54-FZ) through YooKassa, which then refuses a payment and
    a partial refund without a receipt. The receipt of a full refund is that of the payment. `clock` returns seconds
    since the epoch; idempotence keys expire by it.
    """

    def __init__(
        self,
        shop_id: str,
        secret_key: str,
        webhook_url: str | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.webhook_url = webhook_url
        self.needs_receipts = False
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.refunds_become = "succeeded"  # or pending, or canceled
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.mistakes = Mistakes("YooKassa")
        self.script = Script()
        self._clock = clock
        self._credentials = f"Basic {base64.b64encode(f'{shop_id}:{secret_key}'.encode()).decode()}"
        self._by_idempotence_key: dict[str, _Answered] = {}
        self._not_captured: set[str] = set()  # payments that wait for a capture once they are paid
        self._later: set[asyncio.Task[int]] = set()
        self._base = ""
        self.app = Starlette(
            routes=[
                Route("/payments", self._api, methods=ANY_METHOD),
                Route("/payments/{id}", self._api, methods=ANY_METHOD),
                Route("/refunds", self._api, methods=ANY_METHOD),
                Route("/", self._list),
                Route("/pay/{id}", self._payment_page),
                Route("/pay/{id}", self._press, methods=["POST"]),
                Route("/script", self._script, methods=["POST", "DELETE"]),
                Route("/{path:path}", self.mistakes.unknown_path, methods=ANY_METHOD),
            ]
        )

    # ------------------------------------------------------------ for tests in this process

    def fail(self, method: str, **fault: Any) -> None:
        """Inject a fault into the next `create`, `get`, `refund` or `refunds`; see Fault."""
        self.script.add(Fault(method, **fault))

    def pay(self, payment_id: str) -> None:
        """Mark a payment as paid without sending a notification. Without `capture`, it then waits for one."""
        status = "waiting_for_capture" if payment_id in self._not_captured else "succeeded"
        self.payments[payment_id] |= {"status": status, "paid": True}

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
        method = _METHODS.get((request.method, request.scope["route"].path))
        found = {**request.path_params, **request.query_params}
        given = await json_object(request) if request.method == "POST" else found
        self._base = base_of(request)
        self.calls.append((method or request.method, given or {}))
        refusal = self._wrong_form(request, method, given)
        return refusal if refusal is not None else await self._answer(request, str(method), given or {})

    def _wrong_form(self, request: Request, method: str | None, given: dict[str, Any] | None) -> Response | None:
        """Return the refusal of a request that YooKassa would refuse whatever the state of its payments."""
        if request.headers.get("authorization") != self._credentials:
            self.mistakes.add(method or "?", "authorization")
            return _refusal(401, "invalid_credentials", parameter="Authorization")
        if method is None:
            self.mistakes.add(request.scope["route"].path, f"http method {request.method}")
            return _refusal(405, None)
        if given is None:
            self.mistakes.add(method, "a JSON object")
            return _refusal(415, None)
        key, mistake = request.headers.get("idempotence-key", ""), schema("yookassa").mistake(method, given)
        if request.method == "POST":
            if not 0 < len(key) <= _LONGEST_KEY:
                mistake = Mistake("Idempotence-Key", f"1 to {_LONGEST_KEY} characters")
            elif mistake is None and not _adds_up(given):
                mistake = Mistake("receipt.items", "add up to the amount")
            elif mistake is None and self._is_key_of_another(key, method, given):
                mistake = Mistake("Idempotence-Key", "used for another request")
        if mistake is None:
            return None
        self.mistakes.add(method, mistake)
        return _refusal(400, "invalid_request", parameter=mistake.path, description=f"Illegal value: {mistake}")

    async def _answer(self, request: Request, method: str, given: dict[str, Any]) -> Response:
        fault = self.script.next(method, given)
        if fault is not None and fault.hang:
            await asyncio.sleep(fault.hang)
        if fault is not None and fault.status is not None and not fault.applied:
            return _refusal(fault.status, **(fault.more or {}))
        if method == "refunds":
            response: Response = JSONResponse({"type": "list", "items": self._listed(given)})
        else:
            response = self._get(request.path_params["id"]) if method == "get" else self._post(request, method, given)
        if fault is not None and fault.status is not None:
            return _refusal(fault.status, **(fault.more or {}))
        return response

    def _get(self, payment_id: str) -> Response:
        payment = self.payments.get(payment_id)
        return JSONResponse(payment) if payment else _refusal(404, "not_found")

    def _post(self, request: Request, method: str, given: dict[str, Any]) -> Response:
        """Answer once for each key; the answer to a repeated request is the same, a refusal too."""
        key = request.headers["idempotence-key"]
        if key not in self._by_idempotence_key:
            self._by_idempotence_key[key] = _Answered(method, given, self._clock(), self._decide(method, given))
        return self._by_idempotence_key[key].response

    def _decide(self, method: str, given: dict[str, Any]) -> Response:
        if self._is_receipt_missing(given):
            return _refusal(400, "invalid_request", parameter="receipt", description="Receipt is missing or illegal")
        made = self._create(given) if method == "create" else self._refund(given)
        return _refusal(400, "invalid_request") if made is None else JSONResponse(made)

    def _is_key_of_another(self, key: str, method: str, given: dict[str, Any]) -> bool:
        """Whether the key is that of another request of the last 24 hours. An older one is forgotten."""
        before = self._by_idempotence_key.get(key)
        if before is not None and self._clock() - before.at >= _KEY_SECONDS:
            del self._by_idempotence_key[key]
            return False
        return before is not None and (before.method, before.given) != (method, given)

    def _is_receipt_missing(self, given: dict[str, Any]) -> bool:
        if not self.needs_receipts or "receipt" in given:
            return False
        # A full refund has the receipt of its payment.
        return "payment_id" not in given or self.payments.get(given["payment_id"], {}).get("amount") != given["amount"]

    def _listed(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        found = [
            refund
            for refund in self.refunds
            if all(refund[name] == given[name] for name in ("payment_id", "status") if name in given)
        ]
        return found[: int(given.get("limit", 10))]

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
        if not given.get("capture", False):
            self._not_captured.add(id)
        # As in the real API, the response has no return_url.
        return self.payments[id]

    def _refund(self, given: dict[str, Any]) -> dict[str, Any] | None:
        payment = self.payments.get(given["payment_id"])
        if payment is None or payment["status"] != "succeeded":
            return None
        if payment["amount"]["currency"] != given["amount"]["currency"]:
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


def _adds_up(given: Mapping[str, Any]) -> bool:
    """Whether the items of the receipt, if there is one, add up to the amount."""
    items = given.get("receipt", {}).get("items", ())
    total = sum(Decimal(item["quantity"]) * Decimal(item["amount"]["value"]) for item in items)
    return not items or total == Decimal(given["amount"]["value"])


def _refusal(status: int, code: str | None = "too_many_requests", *, text: str | None = None, **more: Any) -> Response:
    if text is not None or status >= 500 or code is None:
        return PlainTextResponse("Bad Gateway" if text is None and code is not None else text, status)
    return JSONResponse({"type": "error", "id": str(uuid.uuid4()), "code": code, **more}, status)
