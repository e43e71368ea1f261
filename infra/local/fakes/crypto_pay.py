"""A fake of the parts of Crypto Pay that we use: https://help.send.tg/en/articles/10279948-crypto-pay-api

A call of a wrong form is refused, and recorded in `mistakes`: schemas/crypto_pay.json. The documentation has no list of
error names; those of wrong parameters follow the known EXPIRES_IN_INVALID.

/api/<method>    the API
/                page: the invoices
/pay/<id>        GET: page of an invoice; POST {"how"}: pay or refuse it, see HOW
/script          POST: add a fault, see script.py; DELETE: remove every fault
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
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

# What can happen to an invoice: the value of `how` and the label of its button.
HOW = {
    "paid": "Оплатить",
    "twice": "Оплатить, уведомить дважды",
    "lost": "Оплатить, уведомление потеряется",
    "delayed": "Оплатить, уведомить через 10 секунд",
    "forged": "Не платить, прислать поддельное уведомление",
    "declined": "Не платить, завершить срок счёта",
}
_DELAY_SECONDS = 10.0
_ROUBLES_A_COIN = 100
# Limits of a transfer, USD.
_LEAST_TRANSFER, _LARGEST_TRANSFER = 1, 25_000


class FakeCryptoPay:
    """Crypto Pay for one app. Sends webhooks to `webhook_url`; with None it sends none.

    `clock` returns seconds since the epoch; invoices expire by it.
    """

    def __init__(self, token: str, webhook_url: str | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.token = token
        self.webhook_url = webhook_url
        self.invoices: dict[int, dict[str, Any]] = {}
        self.transfers: list[dict[str, Any]] = []
        self.without_wallet: set[int] = set()  # Telegram ids
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.mistakes = Mistakes("Crypto Pay")
        self.script = Script()
        self._last_id = int(time.time())  # above the ids of earlier runs, which the service still stores
        self._clock = clock
        self._later: set[asyncio.Task[int]] = set()
        self._base = ""
        self._methods: dict[str, Callable[[dict[str, Any]], Any]] = {
            "createInvoice": self._create_invoice,
            "getInvoices": self._get_invoices,
            "getMe": lambda _: {"app_id": 1, "name": "Urgent services", "payment_processing_bot_username": "fake"},
            "getTransfers": lambda given: {
                "items": [transfer for transfer in self.transfers if transfer["spend_id"] == given["spend_id"]]
            },
            "transfer": self._transfer,
        }
        self.app = Starlette(
            routes=[
                Route("/api/{method}", self._api, methods=ANY_METHOD),
                Route("/", self._list),
                Route("/pay/{id:int}", self._invoice_page),
                Route("/pay/{id:int}", self._press, methods=["POST"]),
                Route("/script", self._script, methods=["POST", "DELETE"]),
                Route("/{path:path}", self.mistakes.unknown_path, methods=ANY_METHOD),
            ]
        )

    # ------------------------------------------------------------ for tests in this process

    def fail(self, method: str, **fault: Any) -> None:
        """Inject a fault into the next call of the method; see Fault."""
        self.script.add(Fault(method, **fault))

    def pay(self, invoice_id: int, *, late: bool = False) -> None:
        """Mark an invoice as paid without sending a webhook. Only with `late` may its time be over."""
        self._expire_due()
        invoice = self.invoices[invoice_id]
        if invoice["status"] != "active" and not late:
            raise ValueError(f"Crypto Pay takes no money for an invoice that is {invoice['status']}")
        coins = format((Decimal(invoice["amount"]) / _ROUBLES_A_COIN).normalize(), "f")
        invoice |= {"status": "paid", "paid_at": self._iso(), "paid_asset": "USDT", "paid_amount": coins}

    def expire(self, invoice_id: int) -> None:
        """Mark an invoice as expired."""
        self.invoices[invoice_id]["status"] = "expired"

    def webhook(
        self, invoice_id: int, *, token: str | None = None, update_type: str = "invoice_paid", **changed: Any
    ) -> tuple[bytes, dict[str, str]]:
        """Build the body and headers of a webhook about an invoice, signed with `token`, with `changed` fields."""
        self._last_id += 1
        body = json.dumps(
            {
                "update_id": self._last_id,
                "update_type": update_type,
                "request_date": self._iso(),
                "payload": {**self.invoices[invoice_id], **changed},
            },
            ensure_ascii=False,
        ).encode()
        key = hashlib.sha256((token or self.token).encode()).digest()
        return body, {"crypto-pay-api-signature": hmac.new(key, body, hashlib.sha256).hexdigest()}

    # ------------------------------------------------------------ the API

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]
        found = dict(request.query_params) if request.method == "GET" else await json_object(request)
        given = found or {}
        self._base = base_of(request)
        self.calls.append((method, given))
        refusal = self._wrong_form(request, method, found)
        return refusal if refusal is not None else await self._answer(method, given)

    def _wrong_form(self, request: Request, method: str, given: dict[str, Any] | None) -> Response | None:
        """Return the refusal of a call that Crypto Pay would refuse whatever the state of its invoices."""
        if request.headers.get("crypto-pay-api-token") != self.token:
            self.mistakes.add(method, "crypto-pay-api-token")
            return _refusal(401, "UNAUTHORIZED")
        if method not in self._methods or request.method not in ("GET", "POST"):
            self.mistakes.add(method, "method not found")
            return _refusal(405, "METHOD_NOT_FOUND")
        mistake = Mistake("", "a JSON object") if given is None else schema("crypto_pay").mistake(method, given)
        if mistake is None:
            return None
        self.mistakes.add(method, mistake)
        return _refusal(400, f"{mistake.path.rpartition('.')[2].upper() or 'REQUEST'}_INVALID")

    async def _answer(self, method: str, given: dict[str, Any]) -> Response:
        fault = self.script.next(method, given)
        if fault is not None and fault.hang:
            await asyncio.sleep(fault.hang)
        if fault is not None and fault.status is not None and not fault.applied:
            return _refusal(fault.status, **(fault.more or {}))
        self._expire_due()
        result = self._methods[method](given)
        if fault is not None and fault.status is not None:
            return _refusal(fault.status, **(fault.more or {}))
        if result is None or isinstance(result, str):
            return _refusal(400, result or "INVALID_PARAMETER")
        return JSONResponse({"ok": True, "result": result})

    def _create_invoice(self, given: dict[str, Any]) -> dict[str, Any] | str:
        if given.get("currency_type") != "fiat":
            return "CURRENCY_TYPE_INVALID"  # we create no other invoice
        self._last_id += 1
        url = f"{self._base}pay/{self._last_id}"
        self.invoices[self._last_id] = {
            "invoice_id": self._last_id,
            "status": "active",
            "hash": f"IV{self._last_id}",
            "currency_type": "fiat",
            "fiat": given["fiat"],
            "amount": given["amount"],
            "bot_invoice_url": url,
            "mini_app_invoice_url": url,
            "web_app_invoice_url": url,
            "description": given.get("description"),
            "payload": given.get("payload"),
            "created_at": self._iso(),
        }
        if "expires_in" in given:
            self.invoices[self._last_id]["expiration_date"] = self._iso(given["expires_in"])
        return self.invoices[self._last_id]

    def _get_invoices(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = [int(text) for text in given.get("invoice_ids", "").split(",") if text]
        found = [self.invoices[id] for id in wanted if id in self.invoices] if wanted else [*self.invoices.values()]
        return {"items": found[: given.get("count", 100)]}

    def _expire_due(self) -> None:
        """Expire the active invoices whose time is over."""
        now = self._iso()
        for invoice in self.invoices.values():
            if invoice["status"] == "active" and invoice.get("expiration_date", "~") <= now:
                invoice["status"] = "expired"

    def _iso(self, seconds: float = 0) -> str:
        """Return the time, `seconds` from now, in ISO 8601."""
        return datetime.fromtimestamp(self._clock() + seconds, UTC).isoformat(timespec="milliseconds")

    def _transfer(self, given: dict[str, Any]) -> dict[str, Any] | str | None:
        """The transfer, or the name of an error. One USDT is one USD."""
        if any(transfer["spend_id"] == given["spend_id"] for transfer in self.transfers):
            return None
        if given["user_id"] in self.without_wallet:
            return "USER_NOT_FOUND"
        if not _LEAST_TRANSFER <= Decimal(given["amount"]) <= _LARGEST_TRANSFER:
            return "AMOUNT_TOO_SMALL" if Decimal(given["amount"]) < _LEAST_TRANSFER else "AMOUNT_TOO_BIG"
        self._last_id += 1
        self.transfers.append({"transfer_id": self._last_id, "status": "completed", **given})
        return self.transfers[-1]

    async def _script(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.script.clear()
        else:
            self.script.add(Fault(**await request.json()))
        return Response(status_code=204)

    # ------------------------------------------------------------ pages

    async def _list(self, _: Request) -> Response:
        return page(
            "Crypto Pay (имитация)",
            "<p>Счета, которые создал сервис.</p>" if self.invoices else "<p>Счетов ещё нет.</p>",
            *(
                f'<p><a href="pay/{id}">{escape(invoice["amount"])} ₽</a>'
                f' <span class="quiet">{escape(invoice["status"])}</span></p>'
                for id, invoice in reversed(self.invoices.items())
            ),
        )

    async def _invoice_page(self, request: Request) -> Response:
        id = request.path_params["id"]
        invoice = self.invoices.get(id)
        if invoice is None:
            return page("Счёт не найден", "<p>Имитация не хранит счета после перезапуска. Создайте новый счёт.</p>")
        buttons = [button(label, str(id), how=how) for how, label in HOW.items()]
        return page(
            f"{invoice['amount']} ₽",
            f"<p>{escape(str(invoice['description']))}</p>",
            *(buttons if invoice["status"] == "active" else [f"<p>{_STATUSES[invoice['status']]}</p>"]),
        )

    async def _press(self, request: Request) -> Response:
        id, how = request.path_params["id"], (await parameters(request))["how"]
        if self.invoices[id]["status"] == "active":
            await self._settle(id, how)
        return RedirectResponse(str(id), 303)

    async def _settle(self, id: int, how: str) -> None:
        if how == "declined":
            self.expire(id)
            return
        if how == "forged":
            await self._send_webhook(*self.webhook(id, token="0:somebody-else", status="paid"))
            return
        self.pay(id)
        webhook = self.webhook(id)
        if how == "delayed":
            task = asyncio.ensure_future(self._send_webhook_later(*webhook))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        elif how != "lost":
            for _ in range(2 if how == "twice" else 1):
                await self._send_webhook(*webhook)

    async def _send_webhook_later(self, body: bytes, headers: dict[str, str]) -> int:
        await asyncio.sleep(_DELAY_SECONDS)
        return await self._send_webhook(body, headers)

    async def _send_webhook(self, body: bytes, headers: dict[str, str]) -> int:
        return await post(self.webhook_url, body, headers) if self.webhook_url else 0


_STATUSES = {"paid": "Оплачено. Вернитесь в приложение.", "expired": "Срок счёта истёк."}


def _refusal(status: int, name: str = "TOO_MANY_REQUESTS", *, text: str | None = None, **_: Any) -> Response:
    if text is not None or status >= 500:
        return PlainTextResponse("Bad Gateway" if text is None else text, status)
    return JSONResponse({"ok": False, "error": {"code": status, "name": name}}, status)
