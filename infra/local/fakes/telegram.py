"""A fake of the parts of Telegram's Bot API that the bot uses: https://core.telegram.org/bots/api

    /bot<token>/<method>   the Bot API
    /file/bot<token>/<…>   a file that getFile found
    /                      page: the chats with the bot's messages and buttons, and a form to write to the bot
    /chats/<id>            GET: the messages of one chat, JSON
    /calls                 GET: every call with its time and result, JSON (?method=); DELETE: forget calls and faults
    /script                POST {"method", "status", "times", "match", "hang", "applied", "more"}: add a fault, see
                           script.py; DELETE: remove every fault
    /stars, /pay/<…>       pages: the invoices in Stars, and the payment of one
    /update                POST {"message": {…}}: send an update to the bot's webhook

It enforces Telegram's rate limits: 30 messages per second, one message per second to a chat, and 20 per minute to a
group. It answers a call over a limit with 429, as Telegram does, and records it in `violations`. A call of a wrong form
is refused, and recorded in `mistakes`: telegram_form.py.
"""

import asyncio
import base64
import json
import math
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.local.fakes.http import ANY_METHOD, Mistakes, base_of, json_object, parameters, post
from infra.local.fakes.page import button, page
from infra.local.fakes.schemas import Mistake
from infra.local.fakes.script import Fault, Script
from infra.local.fakes.telegram_form import FormRefused, check

MESSAGES_A_SECOND = 30
MESSAGES_A_MINUTE_TO_A_GROUP = 20
_DESCRIPTIONS = {
    400: "Bad Request: chat not found",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests: retry after {retry_after}",
}
_NANOSTARS = 1_000_000_000
_SENDING = frozenset({"sendMessage", "editMessageText"})
# A grey pixel.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////"
    "////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)
# How long Telegram waits for the answer to a pre_checkout_query: https://core.telegram.org/bots/api#precheckoutquery
PRE_CHECKOUT_SECONDS = 10


class Refused(Exception):
    """The method answers with an error."""

    def __init__(self, status: int, description: str | None = None, **parameters: Any) -> None:
        super().__init__(status)
        self.status = status
        self.description = description
        self.parameters = parameters


@dataclass
class Call:
    """One call of a method: its parameters, its time in seconds of the clock, its status and result."""

    method: str
    parameters: dict[str, Any]
    at: float
    status: int = 0
    result: Any = None


@dataclass
class Webhook:
    """The URL that updates go to, the secret sent with them, and the statuses of the responses."""

    url: str
    secret: str
    statuses: list[int] = field(default_factory=list)


class FakeTelegram:
    """Telegram for one bot. `clock` returns seconds; a test may pass its own."""

    def __init__(self, token: str, *, limits: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self.token = token
        self.limits = limits
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.mistakes = Mistakes("Telegram")
        self.script = Script()
        self.webhook: Webhook | None = None
        # What getMe returns besides the id; a test may change it.
        self.bot: dict[str, Any] = {
            "is_bot": True,
            "first_name": "Срочные услуги",
            "username": "urgent_services_local_bot",
            "has_main_web_app": True,
        }
        self._clock = clock
        self._sent_at: deque[float] = deque()
        self._sent_to: dict[Any, float] = {}
        self._sent_to_group: defaultdict[Any, deque[float]] = defaultdict(
            lambda: deque(maxlen=MESSAGES_A_MINUTE_TO_A_GROUP)
        )
        self._shown: dict[int, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}  # what people sent, by file id
        self._last_id = int(time.time())  # above the ids of earlier runs, which the bot still stores
        self._base = ""
        # Stars: invoices by the last part of their link, payments and refunds, answers by pre_checkout_query id.
        self.invoices: dict[str, dict[str, Any]] = {}
        self.transactions: list[dict[str, Any]] = []
        self.pre_checkout_answers: dict[str, dict[str, Any]] = {}
        self.pre_checkout_seconds: float = PRE_CHECKOUT_SECONDS
        self._asked_at: dict[str, float] = {}  # by pre_checkout_query id
        self._prices: dict[str, int] = {}  # by charge id
        self.app = Starlette(
            routes=[
                Route("/bot{token}/{method}", self._bot, methods=ANY_METHOD),
                Route("/file/bot{token}/photos/{file_id}.jpg", self._file),
                Route("/", self._page),
                Route("/chats/{chat_id:int}", self._chat),
                Route("/calls", self._calls, methods=["GET", "DELETE"]),
                Route("/script", self._script, methods=["POST", "DELETE"]),
                Route("/update", self._update, methods=["POST"]),
                Route("/say", self._say, methods=["POST"]),
                Route("/press", self._press, methods=["POST"]),
                Route("/stars", self._stars_page),
                Route("/pay/{slug}", self._invoice_page),
                Route("/pay/{slug}", self._pay, methods=["POST"]),
                Route("/{path:path}", self.mistakes.unknown_path, methods=ANY_METHOD),
            ]
        )
        self._methods: dict[str, Callable[[dict[str, Any]], Any]] = {
            "getMe": self._get_me,
            "sendMessage": self._send_message,
            "getFile": self._get_file,
            "editMessageText": self._edit_message_text,
            "answerCallbackQuery": lambda _: True,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": lambda _: {"url": self.webhook.url if self.webhook else "", "pending_update_count": 0},
            "setMyCommands": lambda _: True,
            "createInvoiceLink": self._create_invoice_link,
            "answerPreCheckoutQuery": self._answer_pre_checkout_query,
            "getStarTransactions": self._get_star_transactions,
            "refundStarPayment": self._refund_star_payment,
        }

    # ------------------------------------------------------------ for tests in this process

    def sent(self, chat_id: int | None = None) -> list[dict[str, Any]]:
        """Return the messages sent to a chat, or to any chat, oldest first."""
        return [
            call.parameters
            for call in self.calls
            if call.method == "sendMessage" and call.status == 200 and chat_id in (None, call.parameters["chat_id"])
        ]

    def replied_to(self, chat_id: int) -> dict[str, Any]:
        """Return the field of a message that replies to the bot's last one, if that is a question (ForceReply)."""
        said = self.sent(chat_id)
        if not said or "force_reply" not in said[-1].get("reply_markup", {}):
            return {}
        bot = {"id": int(self.token.partition(":")[0]), "is_bot": True}
        return {"reply_to_message": {"from": bot, "text": said[-1]["text"]}}

    def photo(self) -> list[dict[str, Any]]:
        """Return the sizes of a new photo, as in a message: https://core.telegram.org/bots/api#photosize"""
        file_id = secrets.token_urlsafe(24)
        self.files[file_id] = JPEG
        return [{"file_id": file_id, "file_unique_id": file_id, "width": 1, "height": 1, "file_size": len(JPEG)}]

    def fail(self, method: str, **fault: Any) -> None:
        """Inject a fault into the next call of the method; see Fault."""
        self.script.add(Fault(method, **fault))

    def forget(self) -> None:
        """Reset: no calls, no violations, no faults, no rate limit reached. Mistakes are not forgotten."""
        self.calls.clear()
        self.violations.clear()
        self.script.clear()
        self._sent_at.clear()
        self._sent_to.clear()
        self._sent_to_group.clear()

    async def deliver(self, update: dict[str, Any]) -> int | None:
        """Send an update to the webhook, with a new id if it has none.

        Returns the status of the response, or None without a webhook.
        """
        if self.webhook is None:
            return None
        body = json.dumps({"update_id": self._next_id(), **update}).encode()
        status = await post(self.webhook.url, body, {"x-telegram-bot-api-secret-token": self.webhook.secret})
        self.webhook.statuses.append(status)
        return status

    def pre_checkout_query(self, link: str, payer_id: int, **changed: Any) -> dict[str, Any]:
        """Build the query that Telegram sends before it charges the Stars of an invoice."""
        invoice = self.invoices[link.rpartition("/")[2]]
        query_id = str(self._next_id())
        self._asked_at[query_id] = self._clock()
        return {
            "id": query_id,
            "from": _from(payer_id)["from"],
            "currency": invoice["currency"],
            "total_amount": invoice["prices"][0]["amount"],
            "invoice_payload": invoice["payload"],
            **changed,
        }

    def pay_stars(self, link: str, payer_id: int, *, commission: int = 0, **changed: Any) -> dict[str, Any]:
        """Pay an invoice and return the message about it, which is not sent to the bot yet.

        `commission`: what an affiliate gets of 1000 Stars. The list of transactions shows what is left for the bot.
        """
        query = self.pre_checkout_query(link, payer_id)
        charge_id = f"stx{secrets.token_urlsafe(24)}"
        payer = {"type": "user", "transaction_type": "invoice_payment", "user": query["from"]}
        payer["invoice_payload"] = query["invoice_payload"]
        at = int(time.time())
        share = query["total_amount"] * commission * _NANOSTARS // 1000
        left = _stars(query["total_amount"] * _NANOSTARS - share)
        if commission:
            payer["affiliate"] = {"affiliate_user": _from(99)["from"], "commission_per_mille": commission}
            payer["affiliate"] |= _stars(share)
        self.transactions.append({"id": charge_id, **left, "date": at, "source": payer})
        self._prices[charge_id] = query["total_amount"]
        paid = {name: query[name] for name in ("currency", "total_amount", "invoice_payload")}
        paid |= {"telegram_payment_charge_id": charge_id, "provider_payment_charge_id": "", **changed}
        return {**_from(payer_id), "message_id": self._next_id(), "date": at, "successful_payment": paid}

    def refund_stars(self, charge_id: str) -> dict[str, Any]:
        """Refund the Stars of a payment and return the message about it, which is not sent to the bot yet."""
        [paid] = [entry for entry in self.transactions if entry["id"] == charge_id and "source" in entry]
        at = int(time.time())
        refund = {name: value for name, value in paid.items() if name != "source"}
        self.transactions.append({**refund, "date": at, "receiver": paid["source"]})
        refunded = {
            "currency": "XTR",
            "total_amount": self._prices[charge_id],
            "invoice_payload": paid["source"]["invoice_payload"],
            "telegram_payment_charge_id": charge_id,
        }
        sender = _from(paid["source"]["user"]["id"])
        return {**sender, "message_id": self._next_id(), "date": at, "refunded_payment": refunded}

    # ------------------------------------------------------------ the Bot API

    async def _bot(self, request: Request) -> Response:
        method = request.path_params["method"]
        if request.path_params["token"] != self.token:
            self.mistakes.add(method, "token")
            return _refusal(Refused(401))
        given = dict(request.query_params) if request.method == "GET" else await json_object(request)
        self._base = base_of(request)
        call = Call(method, given or {}, self._clock())
        self.calls.append(call)
        try:
            self._check_form(request, method, given)
        except Refused as refused:
            call.status = refused.status
            return _refusal(refused)
        return await self._answer(call)

    def _check_form(self, request: Request, method: str, given: dict[str, Any] | None) -> None:
        """Refuse a call that Telegram would refuse whatever the state of its chats."""
        if request.method not in ("GET", "POST"):
            self.mistakes.add(method, f"http method {request.method}")
            raise Refused(405, "Method Not Allowed")
        if method not in self._methods:
            self.mistakes.add(method, "method not found")
            raise Refused(404, "Not Found: method not found")
        if given is None:
            wrong: FormRefused | None = FormRefused(Mistake("", "a JSON object"), "can't parse JSON object")
        else:
            wrong = check(method, given)
        if wrong is not None:
            self.mistakes.add(method, wrong.mistake)
            raise Refused(400, f"Bad Request: {wrong.description}")

    async def _file(self, request: Request) -> Response:
        content = self.files.get(request.path_params["file_id"])
        if request.path_params["token"] != self.token or content is None:
            return _refusal(Refused(404))
        return Response(content, media_type="application/octet-stream")

    async def _answer(self, call: Call) -> Response:
        method, given = call.method, call.parameters
        fault = self.script.next(method, given)
        if fault is not None and fault.hang:
            await asyncio.sleep(fault.hang)
        try:
            if fault is not None and fault.status is not None and not fault.applied:
                raise Refused(fault.status, **(fault.more or {}))
            self._check_rate(method, given)
            call.result = await self._apply(method, given)
            if fault is not None and fault.status is not None:
                raise Refused(fault.status, **(fault.more or {}))
        except Refused as refused:
            call.status = refused.status
            return _refusal(refused)
        call.status = 200
        return JSONResponse({"ok": True, "result": call.result})

    async def _apply(self, method: str, parameters: dict[str, Any]) -> Any:
        result = self._methods[method](parameters)
        return await result if isinstance(result, Awaitable) else result

    def _check_rate(self, method: str, parameters: dict[str, Any]) -> None:
        if not self.limits or method not in _SENDING:
            return
        now, chat = self._clock(), parameters.get("chat_id")
        while self._sent_at and now - self._sent_at[0] >= 1:
            self._sent_at.popleft()
        if len(self._sent_at) >= MESSAGES_A_SECOND:
            self.violations.append("more than 30 messages in one second")
            raise Refused(429, retry_after=1)
        if method == "sendMessage" and now - self._sent_to.get(chat, float("-inf")) < 1:
            self.violations.append("more than one message in one second to a chat")
            raise Refused(429, retry_after=1)
        is_new_in_group = method == "sendMessage" and isinstance(chat, int) and chat < 0
        last = self._sent_to_group[chat] if is_new_in_group else deque[float]()
        if len(last) == last.maxlen and now - last[0] < 60:
            self.violations.append("more than 20 messages in one minute to a group")
            raise Refused(429, retry_after=math.ceil(60 - (now - last[0])))
        last.append(now)
        self._sent_at.append(now)
        if method == "sendMessage":
            self._sent_to[chat] = now

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _get_me(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"id": int(self.token.partition(":")[0]), **self.bot}

    def _send_message(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {
            "message_id": self._next_id(),
            "date": int(time.time()),
            "chat": {"id": parameters["chat_id"], "type": _chat_type(parameters["chat_id"])},
            "text": parameters["text"],
        }

    def _get_file(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """https://core.telegram.org/bots/api#getfile"""
        file_id = parameters["file_id"]
        if file_id not in self.files:
            raise Refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        size = len(self.files[file_id])
        return {
            "file_id": file_id,
            "file_unique_id": file_id,
            "file_size": size,
            "file_path": f"photos/{file_id}.jpg",
        }

    def _edit_message_text(self, parameters: dict[str, Any]) -> dict[str, Any]:
        sent = [call for call in self.calls if call.status == 200 and call.method == "sendMessage"]
        for call in sent:
            if call.result["message_id"] == parameters.get("message_id"):
                # The page shows the edited text; the recorded call stays unchanged.
                shown = self._shown.get(call.result["message_id"], call.parameters)
                if all(shown.get(name) == parameters.get(name) for name in ("text", "reply_markup")):
                    raise Refused(400, "Bad Request: message is not modified")
                self._shown[call.result["message_id"]] = parameters
                return {**call.result, "text": parameters["text"]}
        raise Refused(400, "Bad Request: message to edit not found")

    def _set_webhook(self, parameters: dict[str, Any]) -> bool:
        self.webhook = Webhook(parameters["url"], parameters.get("secret_token", ""))
        return True

    def _delete_webhook(self, _: dict[str, Any]) -> bool:
        self.webhook = None
        return True

    def _create_invoice_link(self, parameters: dict[str, Any]) -> str:
        slug = secrets.token_urlsafe(12)
        self.invoices[slug] = parameters
        return f"{self._base}pay/{slug}"

    def _answer_pre_checkout_query(self, parameters: dict[str, Any]) -> bool:
        query_id = parameters["pre_checkout_query_id"]
        if self._clock() - self._asked_at.get(query_id, float("-inf")) > self.pre_checkout_seconds:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.pre_checkout_answers[query_id] = parameters
        return True

    def _get_star_transactions(self, parameters: dict[str, Any]) -> dict[str, Any]:
        first = int(parameters.get("offset", 0))
        return {"transactions": self.transactions[first : first + int(parameters.get("limit", 100))]}

    def _refund_star_payment(self, parameters: dict[str, Any]) -> bool:
        charge_id = parameters["telegram_payment_charge_id"]
        of_charge = [entry for entry in self.transactions if entry["id"] == charge_id]
        if not of_charge or of_charge[0]["source"]["user"]["id"] != parameters["user_id"]:
            raise Refused(400, "Bad Request: CHARGE_NOT_FOUND")
        if len(of_charge) > 1:
            raise Refused(400, "Bad Request: CHARGE_ALREADY_REFUNDED")
        self.refund_stars(charge_id)
        return True

    # ------------------------------------------------------------ for tests in other processes

    async def _calls(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.forget()
            return Response(status_code=204)
        wanted = request.query_params.get("method")
        return JSONResponse(
            {
                "calls": [vars(call) for call in self.calls if wanted in (None, call.method)],
                "violations": self.violations,
            }
        )

    async def _script(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.script.clear()
        else:
            self.script.add(Fault(**await request.json()))
        return Response(status_code=204)

    async def _update(self, request: Request) -> Response:
        return JSONResponse({"status": await self.deliver(await request.json())})

    # ------------------------------------------------------------ pages

    def _messages(self) -> dict[Any, list[dict[str, Any]]]:
        """Return the messages that each chat shows: `id` (None for a person's), `text` and `buttons`."""
        chats: dict[Any, list[dict[str, Any]]] = {}
        for call in self.calls:
            if call.method == "sendMessage" and call.status == 200:
                message_id = call.result["message_id"]
                shown = self._shown.get(message_id, call.parameters)
                rows = (shown.get("reply_markup") or {}).get("inline_keyboard", [])
                message = {"id": message_id, "text": shown["text"], "buttons": [key for row in rows for key in row]}
            elif call.method == "(typed)":
                message = {"id": None, "text": call.parameters["text"], "buttons": []}
            else:
                continue
            chats.setdefault(call.parameters["chat_id"], []).append(message)
        return chats

    async def _chat(self, request: Request) -> Response:
        return JSONResponse({"messages": self._messages().get(request.path_params["chat_id"], [])})

    async def _page(self, _: Request) -> Response:
        return page(
            "Telegram (имитация)",
            '<p class="quiet">Сообщения бота. Чтобы увидеть новые, обновите страницу. '
            '<a href="stars">Счета в звёздах</a></p>',
            '<form method="post" action="say"><input name="chat_id" value="1" size="10" title="Telegram id">'
            '<input name="text" value="/start" size="30"><button>Написать боту</button>'
            '<button name="photo" value="1">Прислать фото с подписью</button></form>',
            *(
                f"<h2>Чат {escape(str(chat))}</h2>{''.join(_message(chat, message) for message in messages)}"
                for chat, messages in self._messages().items()
            ),
        )

    async def _say(self, request: Request) -> Response:
        form = await parameters(request)
        chat_id, text, has_photo = int(form["chat_id"]), str(form["text"]), "photo" in form
        shown = f"[фото] {text}" if has_photo else text
        self.calls.append(Call("(typed)", {"chat_id": chat_id, "text": shown}, self._clock(), 200))
        message = {**_from(chat_id), "message_id": self._next_id(), "date": int(time.time())}
        message |= {"photo": self.photo(), "caption": text} if has_photo else {"text": text}
        await self.deliver({"message": message | self.replied_to(chat_id)})
        return RedirectResponse("./", 303)

    async def _press(self, request: Request) -> Response:
        form = await parameters(request)
        sender = _from(int(form["chat_id"]))
        await self.deliver(
            {
                "callback_query": {
                    "id": str(self._next_id()),
                    "from": sender["from"],
                    "message": {
                        "message_id": int(form["message_id"]),
                        "chat": sender["chat"],
                        "date": int(time.time()),
                    },
                    "data": form["data"],
                }
            }
        )
        return RedirectResponse("./", 303)

    async def _stars_page(self, _: Request) -> Response:
        return page(
            "Счета в звёздах (имитация)",
            "" if self.invoices else "<p>Счетов ещё нет.</p>",
            *(
                f'<p><a href="pay/{slug}">{invoice["prices"][0]["amount"]} ⭐</a></p>'
                for slug, invoice in reversed(self.invoices.items())
            ),
        )

    async def _invoice_page(self, request: Request) -> Response:
        slug = request.path_params["slug"]
        invoice = self.invoices.get(slug)
        if invoice is None:
            return page("Счёт не найден", "<p>Имитация не хранит счета после перезапуска. Создайте новый счёт.</p>")
        # Our payload ends with the payer's id. The real Telegram knows who opened the page.
        payer = escape(invoice["payload"].rpartition(".")[2])
        options = "".join(f'<option value="{how}">{label}</option>' for how, label in HOW.items())
        return page(
            f"{invoice['prices'][0]['amount']} ⭐",
            f"<p>{escape(invoice['description'])}</p>",
            f'<form method="post" action="{slug}">Плательщик (Telegram id): '
            f'<input name="payer" value="{payer}" size="12">'
            f'<select name="how">{options}</select><button>Дальше</button></form>',
            f"<p>{escape(request.query_params.get('result', ''))}</p>",
        )

    async def _pay(self, request: Request) -> Response:
        slug, form = request.path_params["slug"], await parameters(request)
        result = await self._settle(slug, int(form["payer"]), form["how"])
        return RedirectResponse(f"{slug}?{urlencode({'result': result})}", 303)

    async def _settle(self, slug: str, payer_id: int, how: str) -> str:
        query = self.pre_checkout_query(slug, payer_id)
        await self.deliver({"pre_checkout_query": query})
        answer = self.pre_checkout_answers.get(query["id"])
        if answer is None:
            return "Бот не ответил. Звёзды не списаны."
        if answer["ok"] is not True:
            return answer["error_message"] or ""
        message = self.pay_stars(slug, payer_id)
        if how == "refunded":
            await self.deliver({"message": message})
            message = self.refund_stars(message["successful_payment"]["telegram_payment_charge_id"])
        update = {"update_id": self._next_id(), "message": message}
        for _ in range({"lost": 0, "twice": 2}.get(how, 1)):
            await self.deliver(update)
        return "Звёзды возвращены." if how == "refunded" else "Оплачено. Вернитесь в приложение."


# What can happen to an invoice: the value of `how` and the label of its option.
HOW = {
    "paid": "оплатить",
    "twice": "оплатить, уведомить дважды",
    "lost": "оплатить, уведомление потеряется",
    "refunded": "оплатить и сразу вернуть",
}


def _chat_type(chat_id: int | str) -> str:
    return "private" if isinstance(chat_id, int) and chat_id > 0 else "supergroup"


def _stars(nanostars: int) -> dict[str, int]:
    """An amount as in a StarTransaction: whole Stars, and billionths where there are any."""
    whole, rest = divmod(nanostars, _NANOSTARS)
    return {"amount": whole, **({"nanostar_amount": rest} if rest else {})}


def _from(user_id: int) -> dict[str, Any]:
    return {
        "from": {"id": user_id, "is_bot": False, "first_name": f"User {user_id}", "language_code": "ru"},
        "chat": {"id": user_id, "type": "private", "first_name": f"User {user_id}"},
    }


def _refusal(refused: Refused) -> Response:
    text = refused.parameters.get("text")
    if text is not None or refused.status >= 500:
        return PlainTextResponse("Bad Gateway" if text is None else text, refused.status)
    description = refused.description or _DESCRIPTIONS.get(refused.status, "Error").format_map(refused.parameters)
    body: dict[str, Any] = {"ok": False, "error_code": refused.status, "description": description}
    if refused.parameters:
        body["parameters"] = refused.parameters
    return JSONResponse(body, refused.status)


def _message(chat_id: int | str, message: dict[str, Any]) -> str:
    """Build the HTML of a message and its buttons."""
    if message["id"] is None:
        return f'<div class="message from">{escape(message["text"])}</div>'
    buttons = ""
    for key in message["buttons"]:
        link = key.get("url") or key.get("web_app", {}).get("url")
        if link:
            buttons += f'<a href="{escape(link)}">{escape(key["text"])}</a> '
        else:
            data = {"chat_id": chat_id, "message_id": message["id"], "data": key.get("callback_data")}
            buttons += button(key["text"], "press", **data)
    return f'<div class="message">{escape(message["text"])}</div>{buttons}'
