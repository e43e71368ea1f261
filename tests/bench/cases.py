"""The measured requests: the ordinary cases of each function, over a table that is filled through the API."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.admin import get_stats
from functions.balance import refund_payment
from functions.notifications import find_audience, send_notice, send_offer
from functions.scheduled import audit, check_payments
from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared import clock, settings
from shared.aws import queues, schedules, secrets
from shared.aws.queues import Queue
from shared.domain.days import day_at
from shared.domain.notice import Notice
from shared.domain.stats import Cell, Figures
from shared.outbound import http
from shared.store import feeds, send_rate, stats, table
from shared.store.attributes import item_to_dynamodb
from tests import api
from tests.bench.meter import Call, MeteredTable
from tests.conftest import BOT_TOKEN, CRYPTO_PAY_TOKEN, OPERATOR, WEBHOOK_SECRET, YOOKASSA_KEY, ParameterStore
from tests.fakes import sdk
from tests.fakes.sockets import FakeSockets
from tests.in_process import Api, Change, changed_settings, queue_record
from tests.serving import serving_fake

WEBHOOK = "POST /api/telegram/webhook"
CLIENT, EXECUTOR, STRANGER = 7_000_000_001, 7_000_000_002, 7_000_000_003


class Service(Api):
    """The API over a metered table, with a fixed clock."""

    def __init__(self, now: int, change: Change, servers: ExitStack) -> None:
        super().__init__()
        self.now = now
        self.table = MeteredTable(lambda: self.now)
        self.replies: list[Reply] = []
        self.elsewhere: list[tuple[str, dict[str, Any]]] = []
        """The calls to SQS and EventBridge Scheduler: the operation and its request."""
        self._change = change
        self._servers = servers
        self._contacts = 0

    # external services, started when a case needs them

    @cached_property
    def telegram(self) -> FakeTelegram:
        """The fake Telegram with the bot's token."""
        fake = FakeTelegram(BOT_TOKEN, limits=False)
        self._change(TELEGRAM_API_URL=self._servers.enter_context(serving_fake(fake)))
        return fake

    @cached_property
    def crypto_pay(self) -> FakeCryptoPay:
        """The fake Crypto Pay, which sends no webhooks by itself."""
        fake = FakeCryptoPay(CRYPTO_PAY_TOKEN, clock=lambda: clock.now_ms() / 1000)
        self._change(CRYPTO_PAY_API_URL=self._servers.enter_context(serving_fake(fake)))
        return fake

    @cached_property
    def yookassa(self) -> FakeYookassa:
        """The fake YooKassa, which sends no webhooks by itself."""
        fake = FakeYookassa(settings.payment_settings().yookassa_shop_id, YOOKASSA_KEY)
        self._change(YOOKASSA_API_URL=self._servers.enter_context(serving_fake(fake)))
        return fake

    @cached_property
    def sockets(self) -> FakeSockets:
        """API Gateway's open sockets."""
        fake = FakeSockets()
        self._change(LIVE_API_URL=f"{self._servers.enter_context(serving_fake(fake))}/live")
        return fake

    def note(self, method: str, url: str, **request: Any) -> http.Reply:
        """Send an HTTP request to an external service and record the reply."""
        reply = _request(method, url, **request)
        self.replies.append(Reply(method, urlsplit(url).path, reply.status, reply.body))
        return reply

    # shared by many cases

    def contact(self) -> str:
        """Return an unused contact."""
        self._contacts += 1
        return f"@burst_pipe_{self._contacts}"

    def new_order(self, user: int = CLIENT, text: str | None = None) -> str:
        """Create an order, with a description of typical length without `text`; return its id. The clock advances."""
        self.now += 1
        text = (
            text or "Прорвало трубу на кухне под раковиной, вода на полу, кран на стояке не закрывается. Нужно срочно."
        )
        order_id: str = self.order(user, self.contact(), description=text)["id"]
        return order_id

    def taken(self, *executors: int, user: int = CLIENT, text: str | None = None) -> str:
        """Create an order that `executors` take; return its id."""
        order_id = self.new_order(user, text)
        for executor in executors:
            self.recharge(executor, 10)
            answer = self.call("POST /api/orders/{id}/take", user=executor, id=order_id)
            assert answer.status == 200, answer.text
        return order_id

    def completed(self) -> str:
        """Create an order that the executor takes and the client completes; return its id."""
        order_id = self.taken(EXECUTOR)
        assert self.call("POST /api/orders/{id}/complete", user=CLIENT, id=order_id).status == 200
        return order_id

    def invoice(self, provider: str, amount: int = 100) -> dict[str, Any]:
        """Create an invoice of the client for so many roubles."""
        _known(self)
        body = {"amount": amount, "provider": provider}
        answer = self.call("POST /api/balance/create-invoice", user=CLIENT, body=body)
        assert answer.status == 200, answer.text
        made: dict[str, Any] = answer.json
        return made

    def listening(self, *users: int) -> None:
        """Subscribe these users to every order and open their chats in Telegram."""
        for user in users:
            _known(self, user)
            body = {"enabled": True}
            assert self.call("PUT /api/users/me/notification-settings", user=user, body=body).status == 200


_request = http.request


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP request to an external service, and its reply."""

    method: str
    path: str
    status: int
    body: Any


class _Accepting:
    """A queue or scheduler client that accepts every call and records it."""

    def __init__(self, calls: list[tuple[str, dict[str, Any]]]) -> None:
        self._calls = calls

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**request: Any) -> dict[str, Any]:
            self._calls.append((operation, request))
            return {}

        return call


@contextmanager
def service(now: int) -> Iterator[Service]:
    """Run the service in this process over an empty table. botocore is real, down to its HTTP request."""
    feeds._totals.clear()
    send_rate._guess["bot_is_busy"] = False
    with ExitStack() as servers, changed_settings() as change, pytest.MonkeyPatch.context() as patch:
        made = Service(now, change, servers)
        client = table.client.__wrapped__()
        sdk.over_the_wire(client, made.table.send)
        patch.setattr(clock, "now_ms", lambda: made.now)
        patch.setattr(clock, "sleep", lambda seconds: made.later(ms=round(seconds * 1000)))
        patch.setattr(table, "client", lambda: client)
        patch.setattr(queues, "client", lambda *, hurried=False: _Accepting(made.elsewhere))
        patch.setattr(schedules, "client", lambda: _Accepting(made.elsewhere))
        patch.setattr(secrets, "_provider", ParameterStore)
        patch.setattr(http, "request", made.note)
        yield made
    feeds._totals.clear()


FUNCTIONS = {
    resource["Properties"]["Handler"].removeprefix("functions.").removesuffix(".handler")
    for resource in api.template()["Resources"].values()
    if resource["Type"] == "AWS::Serverless::Function"
}
"""The modules of all functions, for example `orders.take`."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request to a route. `prepare` fills the table and returns the arguments of `Api.call`.

    With `forget`, the instance has no cached totals. Without it, the instance has just answered the same request.
    """

    name: str
    route: str
    prepare: Callable[[Service], dict[str, Any]]
    status: int = 200
    forget: bool = True

    @property
    def function(self) -> str:
        """The module of the function, for example `orders.take`."""
        return api.routes()[self.route].removeprefix("functions.")


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event of a case, the calls that it makes to the table, and the replies of external services.

    `first_calls` are the calls of an instance without cached totals.
    """

    event: dict[str, Any]
    calls: list[Call]
    first_calls: list[Call]
    replies: list[Reply]


def record(case: Case, now: int) -> Recorded:
    """Run the case once."""
    with service(now) as made:
        event = made.event_of(case.route, **case.prepare(made))
        made.table.calls.clear()
        made.replies.clear()
        feeds._totals.clear()
        answer = api.invoke(case.route, event)
        calls = first_calls = list(made.table.calls)
        if not case.forget:
            answer = api.invoke(case.route, event)
            calls = made.table.calls[len(first_calls) :]
        assert answer.status == case.status, f"{case.name}: {answer.status} {answer.text}"
        return Recorded(event, calls, first_calls, made.replies)


def record_work(work: Callable[[Service], Callable[[], Any]], now: int) -> list[Call]:
    """Prepare `work`, run it once and return its calls to the table."""
    with service(now) as made:
        do = work(made)
        made.table.calls.clear()
        done = do()
        assert not (done or {}).get("batchItemFailures"), done
        return made.table.calls


# ---------------------------------------------------------------- preparation


def _known(made: Service, user: int = CLIENT) -> None:
    assert made.call("GET /api/users/me", user=user).status == 200


def _order(made: Service) -> dict[str, Any]:
    return {"id": made.new_order()}


def _own_order(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "id": made.new_order()}


def _own_taken_order(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "id": made.taken(EXECUTOR)}


def _own_order_with_three_takes(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "id": made.taken(EXECUTOR, STRANGER, STRANGER + 1)}


def _me(made: Service) -> dict[str, Any]:
    _known(made)
    return {"user": CLIENT}


def _may_take(made: Service) -> dict[str, Any]:
    order_id = made.new_order()
    made.recharge(EXECUTOR, 10)
    return {"user": EXECUTOR, "id": order_id}


def _has_taken(made: Service) -> dict[str, Any]:
    return {"user": EXECUTOR, "id": made.taken(EXECUTOR)}


def _has_no_money(made: Service) -> dict[str, Any]:
    return {"user": EXECUTOR, "id": made.new_order()}


def _new_order(made: Service) -> dict[str, Any]:
    _known(made)
    text = "Прорвало трубу на кухне под раковиной, вода на полу, кран на стояке не закрывается. Нужно срочно."
    body = {"category": "Сантехника", "city": "Москва", "description": text, "contact": made.contact()}
    return {"user": CLIENT, "body": body}


def _repeated_order(made: Service) -> dict[str, Any]:
    request = _new_order(made)
    assert made.call("POST /api/orders", **request).status == 201
    return request


def _busy_contact(made: Service) -> dict[str, Any]:
    return {**_repeated_order(made), "user": STRANGER}


def _edit(made: Service) -> dict[str, Any]:
    body = {"description": "Прорвало трубу в ванной, вода на полу, соседи снизу уже звонят"}
    return {"user": CLIENT, "id": made.new_order(), "body": body}


def _move_contact(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "id": made.new_order(), "body": {"contact": made.contact()}}


def _move_to_busy_contact(made: Service) -> dict[str, Any]:
    busy = made.contact()
    made.order(STRANGER, busy)
    return {"user": CLIENT, "id": made.new_order(), "body": {"contact": busy}}


def _feed(orders: int) -> Callable[[Service], dict[str, Any]]:
    def prepare(made: Service) -> dict[str, Any]:
        for number in range(orders):
            made.new_order(CLIENT + number)
        return {"query": {"limit": 50}}

    return prepare


def _mine(made: Service) -> dict[str, Any]:
    for _ in range(10):
        made.new_order()
    return {"user": CLIENT, "query": {"mine": True}}


def _taken_by_me(made: Service) -> dict[str, Any]:
    for _ in range(5):
        made.taken(EXECUTOR)
    return {"user": EXECUTOR, "query": {"taken_by_me": True}}


def _ledger(made: Service) -> dict[str, Any]:
    for _ in range(10):
        made.recharge(CLIENT, 5)
    return {"user": CLIENT}


def _review(made: Service) -> dict[str, Any]:
    body = {"order_id": made.completed(), "rating": 5, "comment": "Приехал за двадцать минут"}
    return {"user": CLIENT, "body": body}


def _complaint(made: Service) -> dict[str, Any]:
    return {"user": EXECUTOR, "body": {"order_id": made.completed(), "complaint": "Не отвечал"}}


def _reviews(made: Service) -> dict[str, Any]:
    for _ in range(10):
        assert made.call("POST /api/reviews/client", **_review(made)).status == 200
    return {}


def _review_state(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "query": {"order_id": made.completed()}}


def _preferences(made: Service) -> dict[str, Any]:
    _known(made)
    return {"user": CLIENT, "body": {"categories": ["Сантехника", "Электрика"], "cities": ["Москва", "Химки"]}}


def _notifications(made: Service) -> dict[str, Any]:
    _known(made)
    return {"user": CLIENT, "body": {"enabled": True}}


def _recharge(made: Service) -> dict[str, Any]:
    _known(made)
    return {"user": CLIENT, "body": {"amount": 100}}


def _new_invoice(made: Service) -> dict[str, Any]:
    assert made.telegram
    _known(made)
    return {"user": CLIENT, "body": {"amount": 100, "provider": "telegram_stars"}}


def _payment(made: Service) -> dict[str, Any]:
    assert made.telegram
    return {"user": CLIENT, "id": str(made.invoice("telegram_stars")["payment_id"])}


def _paid_in_coins(made: Service) -> dict[str, Any]:
    crypto_pay = made.crypto_pay
    invoice_id = int(made.invoice("crypto_pay")["pay_url"].rpartition("/")[2])
    crypto_pay.pay(invoice_id)
    body, headers = crypto_pay.webhook(invoice_id)
    return {"raw": body, "headers": headers}


def _paid_by_card(made: Service) -> dict[str, Any]:
    yookassa = made.yookassa
    payment_id = made.invoice("yookassa")["pay_url"].rpartition("/")[2]
    yookassa.pay(payment_id)
    return {"raw": yookassa.webhook(payment_id).decode()}


def telegram_update(**update: Any) -> dict[str, Any]:
    return {"body": {"update_id": 1, **update}, "headers": {"x-telegram-bot-api-secret-token": WEBHOOK_SECRET}}


def _pre_checkout(made: Service) -> dict[str, Any]:
    telegram = made.telegram
    return telegram_update(
        pre_checkout_query=telegram.pre_checkout_query(made.invoice("telegram_stars")["pay_url"], CLIENT)
    )


def _paid_in_stars(made: Service) -> dict[str, Any]:
    telegram = made.telegram
    return telegram_update(message=telegram.pay_stars(made.invoice("telegram_stars")["pay_url"], CLIENT))


def _start_command(made: Service) -> dict[str, Any]:
    assert made.telegram
    _known(made)
    return telegram_update(message={"chat": {"id": CLIENT, "type": "private"}, "text": "/start"})


def _presses_respond(made: Service) -> dict[str, Any]:
    assert made.telegram
    pressed = {
        "id": "1",
        "from": {"id": CLIENT},
        "data": f"respond:{made.taken(EXECUTOR)}",
        "message": {"chat": {"id": CLIENT}, "message_id": 1},
    }
    return telegram_update(callback_query=pressed)


READ_ORDER = Case("get order", "GET /api/orders/{id}", _order)
"""The case that the others, and the handlers of others, are compared with."""

CASES = [
    READ_ORDER,
    Case("me", "GET /api/users/me", _me),
    Case("balance", "GET /api/balance", _me),
    Case("new order", "POST /api/orders", _new_order, 201),
    Case("new order, repeated", "POST /api/orders", _repeated_order, 201),
    Case("new order, contact busy", "POST /api/orders", _busy_contact, 409),
    Case("take", "POST /api/orders/{id}/take", _may_take),
    Case("take, repeated", "POST /api/orders/{id}/take", _has_taken),
    Case("take, refused", "POST /api/orders/{id}/take", _has_no_money, 402),
    Case("feed, all of 50", "GET /api/orders", _feed(50)),
    Case("feed, 50 of 60, counted", "GET /api/orders", _feed(60)),
    Case("feed, 50 of 60, count known", "GET /api/orders", _feed(60), forget=False),
    Case("my orders, 10", "GET /api/orders", _mine),
    Case("my takes, 5", "GET /api/orders", _taken_by_me),
    Case("edit", "PUT /api/orders/{id}", _edit),
    Case("edit, contact", "PUT /api/orders/{id}", _move_contact),
    Case("edit, contact busy", "PUT /api/orders/{id}", _move_to_busy_contact, 409),
    Case("delete", "DELETE /api/orders/{id}", _own_order, 204),
    Case("respond", "POST /api/orders/{id}/respond", _own_taken_order),
    Case("close, three refunds", "POST /api/orders/{id}/close", _own_order_with_three_takes, 204),
    Case("complete, three executors", "POST /api/orders/{id}/complete", _own_order_with_three_takes),
    Case("ledger, 10", "GET /api/balance/transactions", _ledger),
    Case("recharge (local)", "POST /api/balance/recharge", _recharge),
    Case("review", "POST /api/reviews/client", _review),
    Case("complaint", "POST /api/reviews/executor", _complaint),
    Case("reviews, 10", "GET /api/reviews", _reviews),
    Case("review state", "GET /api/reviews/check", _review_state),
    Case("preferences", "GET /api/users/me/preferences", _me),
    Case("save preferences", "PUT /api/users/me/preferences", _preferences),
    Case("notifications", "GET /api/users/me/notification-settings", _me),
    Case("save notifications", "PUT /api/users/me/notification-settings", _notifications),
    Case("cities", "GET /api/cities", lambda made: {}),
    Case("cities, searched", "GET /api/cities", lambda made: {"query": {"search": "каз"}}),
    Case("health", "GET /health", lambda made: {}),
    Case("docs", "GET /docs", lambda made: {}),
    Case("openapi", "GET /openapi.json", lambda made: {}),
    Case("new invoice in Stars", "POST /api/balance/create-invoice", _new_invoice),
    Case("payment status", "GET /api/balance/payment/{id}/status", _payment),
    Case("payment webhook, Crypto Pay", "POST /api/balance/webhook/crypto-bot", _paid_in_coins),
    Case("payment webhook, YooKassa", "POST /api/balance/webhook/yookassa", _paid_by_card),
    Case("pre-checkout, Telegram", WEBHOOK, _pre_checkout),
    Case("payment update, Telegram", WEBHOOK, _paid_in_stars),
    Case("/start in the bot", WEBHOOK, _start_command),
    Case("respond, bot button", WEBHOOK, _presses_respond),
]


def _order_ends(made: Service) -> Callable[[], Any]:
    order_id = made.taken(EXECUTOR, STRANGER, STRANGER + 1)
    made.later(minutes=16)
    return lambda: made.timer(order_id, made.now - 1)


def _nothing_due(made: Service) -> Callable[[], Any]:
    made.new_order()
    return made.sweep


def _lock_expires(made: Service) -> Callable[[], Any]:
    order_id = made.taken(EXECUTOR, STRANGER, STRANGER + 1)
    made.later(minutes=61)
    return lambda: made.lock_expired(order_id, made.now - 60_000)


def _order_is_new(made: Service) -> Callable[[], Any]:
    image = made.image(made.new_order())
    return lambda: made.order_changed(image)


def message_event(made: Service, queue: Queue, **message: Any) -> dict[str, Any]:
    """Return the event of a queue with one message, due now."""
    return {"Records": [queue_record(queue, "1", json.dumps({**message, "due_at": made.now}), receipt_handle="1")]}


def new_order_event(made: Service, subscribers: int) -> dict[str, Any]:
    """Return the event of a new order with so many subscribers."""
    made.listening(*range(EXECUTOR, EXECUTOR + subscribers))
    return message_event(made, Queue.NEW_ORDERS, order_id=made.new_order(), start=[0, 0])


def _audience_of_ten(made: Service) -> Callable[[], Any]:
    event = new_order_event(made, 10)
    return lambda: find_audience.handler(event, api.Context())


def offer_event(made: Service, *, is_first: bool) -> dict[str, Any]:
    """Return the event of an offer. `is_first`: the process has told nobody else of the order."""
    assert made.telegram
    made.listening(EXECUTOR)
    order_id = made.new_order()
    send_offer._told.clear()
    if not is_first:
        send_offer._told.add(order_id)
    return message_event(made, Queue.OFFERS, user_id=EXECUTOR, order_id=order_id)


def _offered(*, is_first: bool) -> Callable[[Service], Callable[[], Any]]:
    def prepare(made: Service) -> Callable[[], Any]:
        event = offer_event(made, is_first=is_first)
        return lambda: send_offer.handler(event, api.Context())

    return prepare


def _noticed(made: Service) -> Callable[[], Any]:
    assert made.telegram
    order_id = made.taken(EXECUTOR)
    notice = Notice(kind="taken", order_id=order_id, user_id=CLIENT, due_at=made.now, number=1)
    event = message_event(made, Queue.NOTICES, **asdict(notice))
    return lambda: send_notice.handler(event, api.Context())


def _no_payment_due(made: Service) -> Callable[[], Any]:
    assert made.telegram
    return lambda: check_payments.handler({}, api.Context())


def _payment_refund(made: Service) -> Callable[[], Any]:
    telegram = made.telegram
    invoice = made.invoice("telegram_stars")
    paid = telegram_update(message=telegram.pay_stars(invoice["pay_url"], CLIENT))
    assert made.call(WEBHOOK, **paid).status == 200
    payment_id = invoice["payment_id"]
    return lambda: refund_payment.handler({"payment_id": payment_id}, api.Context())


# The longest description: 1000 characters, of which most take two bytes.
LONGEST = "Прорвало трубу. " * 62 + "Срочно!!"


def succeeds(answer: api.Answer) -> None:
    assert answer.status == 200, answer.text


def _long_order_taken(made: Service) -> Callable[[], Any]:
    order_id = made.new_order(text=LONGEST)
    made.recharge(EXECUTOR, 10)
    return lambda: succeeds(made.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order_id))


def _long_order_answered(made: Service) -> Callable[[], Any]:
    order_id = made.taken(EXECUTOR, text=LONGEST)
    return lambda: succeeds(made.call("POST /api/orders/{id}/respond", user=CLIENT, id=order_id))


def _long_order_completed(made: Service) -> Callable[[], Any]:
    order_id = made.taken(EXECUTOR, text=LONGEST)
    return lambda: succeeds(made.call("POST /api/orders/{id}/complete", user=CLIENT, id=order_id))


def _feed_of_long_orders(made: Service) -> Callable[[], Any]:
    for number in range(50):
        made.new_order(CLIENT + number, LONGEST)
    return lambda: succeeds(made.call("GET /api/orders"))


def _metrics_of_a_year(made: Service) -> Callable[[], Any]:
    days = [date(2026, 9, 10) - timedelta(days=age) for age in range(366)]
    cells: dict[Cell, Figures] = {(city, None): Figures(posted=1) for city in (None, "Казань")}
    items = [item for day in days for item in stats._items(day, cells, settled_until=made.now, is_final=True)]
    made.table.fill(map(item_to_dynamodb, items))
    query = {"from": days[-1], "to": days[0], "city": "Казань"}
    return lambda: succeeds(made.call("GET /api/admin/stats", user=OPERATOR, query=query))


def _metrics_of_today(made: Service) -> Callable[[], Any]:
    """Ten completed orders of one client, all taken by one executor, who topped up before each."""
    get_stats._live.clear()
    for _ in range(10):
        made.completed()
    query = dict.fromkeys(("from", "to"), day_at(made.now))
    return lambda: succeeds(made.call("GET /api/admin/stats", user=OPERATOR, query=query))


def _metrics_of_a_night(made: Service) -> Callable[[], Any]:
    made.completed()
    made.later(minutes=24 * 60)
    return lambda: audit.handler({}, api.Context()) or None


WORK = {
    "metrics of a year of a city": _metrics_of_a_year,
    "metrics of today, 10 orders": _metrics_of_today,
    "audit and metrics of one order": _metrics_of_a_night,
    "take, longest description": _long_order_taken,
    "respond, longest description": _long_order_answered,
    "complete, longest description": _long_order_completed,
    "feed, all of 50, longest descriptions": _feed_of_long_orders,
    "timer, three refunds": _order_ends,
    "sweep, nothing due": _nothing_due,
    "lock expiry, three refunds": _lock_expires,
    "stream record of an order": _order_is_new,
    "audience of ten": _audience_of_ten,
    "offer, first of its order in a process": _offered(is_first=True),
    "offer, sent": _offered(is_first=False),
    "notice, sent": _noticed,
    "payments, none due": _no_payment_due,
    "refund of a payment": _payment_refund,
}
"""Background work by name, which no caller waits for, and requests of which only the calls are counted."""
