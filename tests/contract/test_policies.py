"""G9: each function is granted in the template exactly the calls of AWS that it makes.

The calls are recorded over moto, while each function takes every path that leads to one. The integration tests repeat
them on the embedded AWS, whose policy engine enforces the roles.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from botocore.client import BaseClient

from functions.admin import ban_user, erase_user, export_user, remove_order, unban_user
from functions.balance import refund_payment
from functions.scheduled import audit, check_payments
from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared import settings
from shared.aws import queues, secrets
from shared.aws.queues import Queue
from shared.domain.days import day_at
from shared.domain.live import HANDSHAKE_MS
from shared.domain.messages import ListChange, PersonalEvent
from shared.domain.order import CATEGORIES
from shared.store import feeds, keys, logins, refunds
from tests import api
from tests.conftest import OPERATOR, WEBHOOK_SECRET
from tests.contract.endpoints import ENDPOINTS
from tests.contract.support_calls import keep_threads
from tests.fakes.sockets import FakeSockets
from tests.in_process import HANDLERS, Api, Change
from tests.live import TICKET, Sockets

RESOURCES: dict[str, Any] = api.template()["Resources"]
INDEXES = [value.name for value in vars(keys).values() if isinstance(value, keys.Index)]
ITEM_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


# Resources other than the table and secrets. iam:PassRole is granted for another call and is not a call itself.
ELSEWHERE = {
    "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${Timers}/*": "timers",
    "TimerRole.Arn": "",
    "NewOrders.Arn": "NEW_ORDERS",
    "Offers.Arn": "OFFERS",
    "Notices.Arn": "NOTICES",
    "PersonalFrames.Arn": "PERSONAL_FRAMES",
    "ListFrames.Arn": "LIST_FRAMES",
    "AllCitiesFrames.Arn": "ALL_CITIES_FRAMES",
    "NotificationDeadLetters.Arn": "NOTIFICATION_DEAD_LETTERS",
    "StreamDeadLetters.Arn": "STREAM_DEAD_LETTERS",
    "TimerDeadLetters.Arn": "TIMER_DEAD_LETTERS",
    "*": "CloudWatch",
    "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${LiveApi}/live/*/@connections/*": "sockets",
    "Answers.Arn": "ANSWERS",
}


class Grant(NamedTuple):
    """A call. `on` is the table, an index, a secret or a queue; `in_transaction`: in a transaction only.

    `keys` are the partition keys that the grant is limited to, such as `PAYMENT#*`; empty if it has no limit.
    """

    action: str
    on: str
    in_transaction: bool = False
    keys: str = ""


# ---------------------------------------------------------------- grants


def statements(function: str) -> Iterator[dict[str, Any]]:
    for policy in RESOURCES[function]["Properties"].get("Policies", []):
        document = RESOURCES[policy]["Properties"]["PolicyDocument"] if isinstance(policy, str) else policy
        yield from document["Statement"]


def granted(function: str) -> set[Grant]:
    grants = set()
    for statement in statements(function):
        assert statement["Effect"] == "Allow"
        condition = dict(statement.get("Condition", {}))
        narrowed = condition.pop("ForAllValues:StringLike", {"dynamodb:LeadingKeys": [""]})
        assert set(narrowed) == {"dynamodb:LeadingKeys"}
        condition.pop("Null", None)  # test_conditions.py requires it
        assert condition in (
            {},
            {"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}},
        )
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                grants |= {
                    Grant(action, on, bool(condition), leading)
                    for on in targets(resource)
                    if on
                    for leading in narrowed["dynamodb:LeadingKeys"]
                }
    return grants


def listed(one_or_more: Any) -> list[str]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def targets(resource: str) -> list[str]:
    """The targets that a resource of a policy names."""
    if resource == "Table.Arn":
        return ["table"]
    if resource == "${Table.Arn}/index/*":
        return INDEXES
    if resource.startswith("${Table.Arn}/index/"):
        return [resource.rpartition("/")[2]]
    if resource in ELSEWHERE:
        return [ELSEWHERE[resource]]
    prefix = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/urgent-services/${Stage}/"
    assert resource.startswith(prefix), resource
    return [resource.removeprefix(prefix)]


# ---------------------------------------------------------------- calls


class Calls:
    """The calls to AWS that each function makes."""

    def __init__(self, service: Api) -> None:
        self.made: dict[str, set[Grant]] = defaultdict(set)
        self._service = service
        self._function = ""

    def by(self, function: str) -> None:
        """Attribute the following calls to this function."""
        self._function = function

    def of(self, route: str, **request: Any) -> api.Answer:
        """Send a request as if to a new instance with empty caches; return the response."""
        secrets._provider.cache_clear()
        feeds._totals.clear()
        [self._function] = [name for name in FUNCTIONS if handler_of(name) == api.routes()[route]]
        answer = self._service.call(route, **request)
        assert answer.status < 500, answer.text
        return answer

    def note(self, operation: str, parameters: dict[str, Any]) -> None:
        made = self.made[self._function]
        if operation == "TransactWriteItems":
            for item in parameters["TransactItems"]:
                [(kind, write)] = item.items()
                done = Grant(f"dynamodb:{ITEM_ACTIONS[kind]}", "table", in_transaction=True)
                made.add(self._as_granted(done, write))
        elif operation == "CreateSchedule":
            made.add(Grant("scheduler:CreateSchedule", "timers"))
        elif "QueueUrl" in parameters:
            queue = parameters["QueueUrl"].rpartition("/")[2].upper().replace("-", "_")
            made.add(Grant(f"sqs:{operation.removesuffix('Batch')}", queue))
        elif operation in ("DescribeAlarms", "GetMetricData"):
            made.add(Grant(f"cloudwatch:{operation}", "CloudWatch"))
        elif operation == "GetParameter":
            made.add(Grant("ssm:GetParameter", parameters["Name"].rpartition("/")[2]))
        else:
            done = Grant(f"dynamodb:{operation}", parameters.get("IndexName", "table"))
            made.add(self._as_granted(done, parameters))

    def note_socket(self) -> None:
        """Note a call about a socket, which goes without a client of botocore."""
        self.made[self._function].add(Grant("execute-api:ManageConnections", "sockets"))

    def _as_granted(self, done: Grant, write: dict[str, Any]) -> Grant:
        """Limit the call to its partition if the function's own grant has such a limit."""
        key = write.get("Item") or write.get("Key") or {}
        if "KeyConditionExpression" in write and "IndexName" not in write:
            key = {"pk": write["ExpressionAttributeValues"][":partition"]}
        leading = key.get("pk", {}).get("S", "").partition("#")[0]
        narrow = done._replace(keys=f"{leading}#*")
        return narrow if self._function in FUNCTIONS and narrow in granted(self._function) else done


FUNCTIONS = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function"]


def handler_of(function: str) -> str:
    return str(RESOURCES[function]["Properties"]["Handler"]).removesuffix(".handler")


@pytest.fixture
def calls(service: Api, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Record every call that botocore makes from here on."""
    calls = Calls(service)
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noting(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        calls.note(operation, parameters)
        return make(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noting)
    return calls


WHY = {"reason": "жалобы исполнителей"}
ONE_A_MINUTE = "119"
"""Reads an hour of which an instance lets a user have one a minute."""
NEW_ORDER = {"category": "Клининг", "city": "Казань", "description": "Потоп: убрать воду и просушить полы"}


def take_every_path(calls: Calls) -> None:
    """Run each function on every path that makes a different call."""
    order = calls.of("POST /api/orders", user=1, body={**NEW_ORDER, "contact": "@burst_pipe"}).json["id"]
    calls.of("POST /api/orders", user=2, body={**NEW_ORDER, "contact": "@burst_pipe"})
    calls.of("PUT /api/orders/{id}", user=1, id=order, body={"contact": "+7 916 123-45-67"})
    calls.of("PUT /api/orders/{id}", user=1, id=order, body={"description": NEW_ORDER["description"] + "!"})
    calls.of("POST /api/balance/recharge", user=2, body={"amount": 5})
    calls.of("POST /api/orders/{id}/take", user=2, id=order)
    calls.of("GET /api/orders/{id}", user=2, id=order)
    other = calls.of("POST /api/orders", user=1, body={**NEW_ORDER, "contact": "@another_pipe"}).json["id"]
    calls.of("DELETE /api/orders/{id}", user=1, id=other)
    for city in ({}, {"city": "Казань"}):
        for category in ({}, {"category": "Клининг"}):
            # A page that begins at a cursor needs a total.
            calls.of("GET /api/orders", query={"cursor": "9999999999999.AAAAAAAAAAAA", **city, **category})
    for whose in ("mine", "taken_by_me"):
        calls.of("GET /api/orders", user=2, query={whose: True})
    calls.of("GET /api/balance/transactions", user=2)
    calls.of("POST /api/orders/{id}/respond", user=1, id=order)
    calls.of("POST /api/orders/{id}/complete", user=1, id=order)
    calls.of("POST /api/reviews/client", user=1, body={"order_id": order, "rating": 5})
    calls.of("POST /api/reviews/client", user=1, body={"order_id": order, "rating": 5})
    calls.of("POST /api/reviews/executor", user=2, body={"order_id": order, "complaint": "Другое"})
    calls.of("POST /api/reviews/executor", user=2, body={"order_id": order, "complaint": "Другое"})
    calls.of("GET /api/reviews/check", user=2, query={"order_id": order})
    for which in ({}, {"rating": 5}, {"mine": True}, {"written": True}):
        calls.of("GET /api/reviews", user=1, query=which)
    closed = taken_order(calls, "@third_pipe")
    calls.of("POST /api/orders/{id}/close", user=1, id=closed)
    for newcomer, visit in enumerate(("", "/preferences", "/notification-settings"), start=10):
        calls.of(f"GET /api/users/me{visit}", user=newcomer)
    for wanted in ("Клининг", "Электрика"):
        for enabled in (True, False, True):
            calls.of("PUT /api/users/me/notification-settings", user=2, body={"enabled": enabled})
        calls.of("PUT /api/users/me/preferences", user=2, body={"categories": [wanted], "cities": ["Уфа"]})
        calls.of("PUT /api/users/me/preferences", user=2, body={"categories": [wanted], "cities": ["Казань"]})
    calls.of("GET /api/balance", user=20)
    calls.of(
        "POST /api/telegram/webhook",
        body={"update_id": 1, "message": {"chat": {"id": 1, "type": "private"}, "text": "/paysupport"}},
        headers={"x-telegram-bot-api-secret-token": WEBHOOK_SECRET},
    )
    calls.of("GET /api/cities", query={"search": "каз"})
    say_everything_to_the_bot(calls)
    for page in ("/health", "/admin", "/docs", "/openapi.json"):
        calls.of(f"GET {page}")


def read_often(calls: Calls) -> None:
    """Read more often than an instance allows without the user's bucket, which is once a minute here."""
    order = calls.of("POST /api/orders", user=1, body={**NEW_ORDER, "contact": "@watched_pipe"}).json["id"]
    for route, endpoint in ENDPOINTS.items():
        if route.startswith("GET") and 429 in endpoint.refused:
            for _ in range(2):
                answer = calls.of(route, user=2, id=order if "orders" in route else "1", query={"order_id": order})
                assert answer.status != 429


class Watchers:
    """Users whose sockets watch a list: the functions that close or tell them."""

    def __init__(self, calls: Calls, service: Api, fake: FakeSockets) -> None:
        self._calls = calls
        self._clients = Sockets(service, fake)
        fake.on_call = calls.note_socket

    def open(self, *users: int) -> None:
        for user in users:
            ticket = self._calls.of(TICKET, user=user).json["ticket"]
            self._calls.by("LiveSocket")
            secrets._provider.cache_clear()
            assert self._clients.connect(f"{user}=", ticket) == 200
            assert self._clients.watch(f"{user}=", "Казань")["type"] == "watching"

    def end(self, user: int) -> None:
        self._calls.by("LiveSocket")
        self._clients.event(f"{user}=", "DISCONNECT")

    def die(self, user: int) -> None:
        """Let a socket die unnoticed."""
        self._clients.fake.frames.pop(f"{user}=")


def follow_orders(calls: Calls, service: Api, watchers: Watchers, change: Change) -> None:
    """Tell sockets of an order, of which some died, and one list that is above the ceiling."""
    watchers.open(60, 61, 62, 63, 64)
    watchers.end(60)
    for user in (61, 62):
        watchers.die(user)
    order = taken_order(calls, "@told_pipe")
    change(LIVE_WATCHERS="2")

    def handled(function: str, queue: Queue, message: Any) -> None:
        calls.by("nobody: this is the test looking")
        event = service.received(queue, asdict(message))
        calls.by(function)
        HANDLERS[queue].handler(event, api.Context())

    for queue, of_city in ((Queue.LIST_FRAMES, True), (Queue.ALL_CITIES_FRAMES, False)):
        moved = ListChange(order, "Казань", None, "Клининг", 1, of_city, service.now)
        handled("SendListFrames", queue, moved)
    watchers.open(61)
    watchers.die(61)
    service.later(ms=HANDSHAKE_MS)
    for due_at in (service.now, service.now + 60_000):
        handled("SendPersonalFrames", Queue.PERSONAL_FRAMES, PersonalEvent(61, "respond_due", order, due_at))


def keep_order(calls: Calls, service: Api | None = None) -> None:
    """Run the operators' actions; `service` is given where time can pass."""
    if service is not None:
        calls.by("nobody: this is the bot")
        logins.put("A" * 22, OPERATOR, ends_at=service.now + 1)
        calls.of("POST /api/admin/session", body={"code": "A" * 22})
    today = day_at(service.now if service is not None else round(time.time() * 1000))
    period = {"from": today - timedelta(days=1), "to": today}
    assert calls.of("GET /api/admin/stats", user=OPERATOR, query=period).status == 200
    order = taken_order(calls, "@fourth_pipe")
    calls.of("POST /api/orders/{id}/respond", user=1, id=order)
    calls.of("POST /api/reviews/executor", user=2, body={"order_id": order, "complaint": "Не отвечал"})
    calls.of("GET /api/admin/complaints", user=OPERATOR)
    handled = {"order_id": order, "executor_id": 2, **WHY}
    calls.of("POST /api/admin/complaints/handle", user=OPERATOR, body=handled)
    refund = {"executor_id": 2, **WHY}
    calls.of("POST /api/admin/orders/{id}/refund", user=OPERATOR, id=order, body=refund)
    calls.of("GET /api/admin/orders/{id}", user=OPERATOR, id=order)
    calls.of("POST /api/admin/orders/{id}/remove", user=OPERATOR, id=taken_order(calls, "@fifth_pipe"), body=WHY)
    reviewed = taken_order(calls, "@ninth_pipe")
    calls.of("POST /api/orders/{id}/complete", user=1, id=reviewed)
    calls.of("POST /api/reviews/client", user=1, body={"order_id": reviewed, "rating": 5})
    for change in ("hide", "restore", "hide"):
        named = {"order_id": reviewed, "author_id": 1, **WHY}
        calls.of(f"POST /api/admin/reviews/{change}", user=OPERATOR, body=named)
    calls.of("GET /api/admin/reviews", user=OPERATOR, query={"hidden": True})
    calls.of("POST /api/admin/orders/{id}/remove", user=OPERATOR, id=reviewed, body=WHY)
    taken_order(calls, "@sixth_pipe")
    late = taken_order(calls, "@seventh_pipe")
    if service is not None:
        service.later(minutes=15)
        calls.of("POST /api/admin/orders/{id}/refund", user=OPERATOR, id=late, body=refund)
        taken_order(calls, "@eighth_pipe")
        by = {"operator_id": OPERATOR, **WHY}
        for function, module, on in (
            ("RemoveOrder", remove_order, {"order_id": taken_order(calls, "@tenth_pipe")}),
            ("BanUser", ban_user, {"user_id": 50}),
            ("UnbanUser", unban_user, {"user_id": 50}),
        ):
            calls.by(function)
            module.handler({**on, **by}, api.Context())
    for change in ("ban", "unban"):
        calls.of(f"POST /api/admin/users/{{id}}/{change}", user=OPERATOR, id="1", body=WHY)
    calls.of("GET /api/admin/users/{id}/ledger", user=OPERATOR, id="2", query=WHY)
    for found in ("2", "@nobody"):
        calls.of("GET /api/admin/users", user=OPERATOR, query={"query": found})
    calls.of("GET /api/admin/users/{id}", user=OPERATOR, id="2", query=WHY)
    for text in ("Звонила", "Звонила ещё раз"):
        calls.of("POST /api/admin/users/{id}/notes", user=OPERATOR, id="2", body={"text": text})
    calls.of("GET /api/admin/actions", user=OPERATOR)
    if service is not None:
        watch_health(calls)


def forget_people(calls: Calls, service: Api | None = None) -> None:
    """Export and erase a user's data; also as an operator if `service` is in process."""
    for user in (40, 41):
        sender = {"from": {"id": user}, "chat": {"id": user, "type": "private"}}
        calls.of(
            "POST /api/telegram/webhook",
            body={"update_id": user, "message": {"message_id": 1, "text": "Где деньги?", **sender}},
            headers={"x-telegram-bot-api-secret-token": WEBHOOK_SECRET},
        )
        order = calls.of("POST /api/orders", user=user, body={**NEW_ORDER, "contact": f"@pipe_of_{user}"}).json["id"]
        calls.of("POST /api/balance/recharge", user=42, body={"amount": 2})
        calls.of("POST /api/orders/{id}/take", user=42, id=order)
        done = calls.of("POST /api/orders", user=user, body={**NEW_ORDER, "contact": f"@tap_of_{user}"}).json["id"]
        calls.of("POST /api/balance/recharge", user=user + 3, body={"amount": 2})
        calls.of("POST /api/orders/{id}/take", user=user + 3, id=done)
        calls.of("POST /api/orders/{id}/complete", user=user, id=done)
        calls.of("POST /api/reviews/client", user=user, body={"order_id": done, "rating": 5, "comment": "Спасибо"})
        complaint = {"order_id": done, "complaint": "Другое", "comment": "Грубил"}
        calls.of("POST /api/reviews/executor", user=user + 3, body=complaint)
        for who in (user, user + 3):
            calls.of("PUT /api/users/me/preferences", user=who, body={"categories": [], "cities": ["Уфа"]})
            calls.of("PUT /api/users/me/notification-settings", user=who, body={"enabled": True})
    for user in (40, 43):
        calls.of("GET /api/users/me/export", user=user)
        calls.of("DELETE /api/users/me", user=user)
    if service is not None:
        for user in (41, 44):
            event = {"user_id": user, "operator_id": OPERATOR, **WHY}
            calls.by("ExportUser")
            export_user.handler(event, api.Context())
            calls.by("EraseUser")
            erase_user.handler(event, LongContext())


class LongContext(api.Context):
    """The Lambda context of a function with minutes left."""

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def taken_order(calls: Calls, contact: str) -> str:
    """Create an order of user 1 that user 2 takes; return its id."""
    order: str = calls.of("POST /api/orders", user=1, body={**NEW_ORDER, "contact": contact}).json["id"]
    calls.of("POST /api/balance/recharge", user=2, body={"amount": 2})
    calls.of("POST /api/orders/{id}/take", user=2, id=order)
    return order


def move_money(
    calls: Calls, service: Api, crypto_pay: FakeCryptoPay, telegram: FakeTelegram, yookassa: FakeYookassa
) -> None:
    """Pay, pay twice and refund a payment of every provider, by every way in which the service learns of it."""

    def invoice(provider: str) -> tuple[int, str]:
        made = calls.of("POST /api/balance/create-invoice", user=30, body={"amount": 900, "provider": provider}).json
        return made["payment_id"], made["pay_url"]

    coins, url = invoice("crypto_pay")
    first = int(url.rpartition("/")[2])
    second = first + 500
    crypto_pay.pay(first)
    crypto_pay.invoices[second] = {**crypto_pay.invoices[first], "invoice_id": second}
    for invoice_id in (first, second, second):
        body, headers = crypto_pay.webhook(invoice_id)
        calls.of("POST /api/balance/webhook/crypto-bot", raw=body, headers=headers)

    card, url = invoice("yookassa")
    paid = url.rpartition("/")[2]
    twin = f"{paid[:-4]}abcd"
    yookassa.pay(paid)
    yookassa.payments[twin] = {**yookassa.payments[paid], "id": twin}
    for payment in (paid, twin, twin):
        calls.of("POST /api/balance/webhook/yookassa", raw=yookassa.webhook(payment).decode())

    stars, link = invoice("telegram_stars")
    messages = [telegram.pay_stars(link, 30) for _ in range(2)]
    updates: list[dict[str, Any]] = [{"pre_checkout_query": telegram.pre_checkout_query(link, 30)}]
    updates += [{"message": message} for message in (*messages, messages[1])]
    for update_id, update in enumerate(updates, start=100):
        calls.of(
            "POST /api/telegram/webhook",
            body={"update_id": update_id, **update},
            headers={"x-telegram-bot-api-secret-token": WEBHOOK_SECRET},
        )
    calls.of("GET /api/balance/payment/{id}/status", user=30, id=str(stars))

    yookassa.fail("create", status=400)
    refused = {"amount": 900, "provider": "yookassa"}
    assert calls.of("POST /api/balance/create-invoice", user=30, body=refused).status == 422
    for provider in ("crypto_pay", "yookassa", "telegram_stars"):
        _, link = invoice(provider)
    for _ in range(2):
        telegram.pay_stars(link, 30)
    service.later(minutes=2)
    secrets._provider.cache_clear()
    calls.by("CheckPayments")
    check_payments.handler({}, api.Context())

    for provider, amount in (("crypto_pay", 900), ("yookassa", 900), ("telegram_stars", 900), ("yookassa", 5000)):
        wanted = {"amount": amount, "provider": provider}
        made = calls.of("POST /api/balance/create-invoice", user=30, body=wanted).json
        number = made["pay_url"].rpartition("/")[2]
        if provider == "crypto_pay":
            crypto_pay.pay(int(number))
            event, signed = crypto_pay.webhook(int(number))
            calls.of("POST /api/balance/webhook/crypto-bot", raw=event, headers=signed)
        elif provider == "yookassa":
            yookassa.pay(number)
            calls.of("POST /api/balance/webhook/yookassa", raw=yookassa.webhook(number).decode())
        else:
            calls.of(
                "POST /api/telegram/webhook",
                body={"update_id": 200, "message": telegram.pay_stars(made["pay_url"], 30)},
                headers={"x-telegram-bot-api-secret-token": WEBHOOK_SECRET},
            )
        yookassa.refunds_become = "pending" if amount == 5000 else "succeeded"
        refund_as_operators(calls, str(made["payment_id"]))
    continue_refund(calls, service, yookassa)

    secrets._provider.cache_clear()
    calls.by("RefundPayment")
    for payment_id in (coins, card, stars):
        assert refund_payment.handler({"payment_id": payment_id}, api.Context())["status"] == "refunded"


def watch_health(calls: Calls) -> None:
    """Look at the queues, and redrive a message of each. moto does not say from which queue a message came."""
    calls.by("nobody: this is SQS")
    sources = list(settings.watched_queues().values())

    def from_each(parsed: Any, **_: Any) -> None:
        for message in parsed.get("Messages", []):
            source = sources[int(message["Body"])].rpartition("/")[2]
            message["Attributes"] = {"DeadLetterQueueSourceArn": f"arn:aws:sqs:eu-central-1:123456789012:{source}"}

    queues.client().meta.events.register("after-call.sqs.ReceiveMessage", from_each)
    for number in range(len(sources)):
        dead = settings.dead_letter_queues()["NotificationDeadLetters"]
        queues.client().send_message(QueueUrl=dead, MessageBody=str(number))
    calls.of("GET /api/admin/health", user=OPERATOR)
    redriven = calls.of("POST /api/admin/redrive", user=OPERATOR, body={"queue": "NotificationDeadLetters", **WHY})
    assert redriven.json["redriven"] == len(sources)
    queues.client().meta.events.unregister("after-call.sqs.ReceiveMessage", from_each)


class JustBegun(api.Context):
    """The context of a scheduled check that has time for refunds."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def continue_refund(calls: Calls, service: Api, yookassa: FakeYookassa) -> None:
    """Let the check of payments end the refund that was open."""
    yookassa.decide_refunds("succeeded")
    yookassa.refunds_become = "succeeded"
    service.later(minutes=1)
    calls.by("CheckPayments")
    check_payments.handler({}, JustBegun())
    assert refunds.due(2**52) == []


def refund_as_operators(calls: Calls, payment: str) -> None:
    """Refund a payment in the panel, with a second operator where it is above the sum of the first."""
    calls.of("GET /api/admin/payments/{id}", user=OPERATOR, id=payment)
    refund = "POST /api/admin/payments/{id}/refund"
    if calls.of(refund, user=OPERATOR, id=payment, body=WHY).json["refund"] == "waiting":
        calls.of("GET /api/admin/refunds", user=OPERATOR)
        withdrawn = calls.of("POST /api/admin/refunds/{id}/withdraw", user=OPERATOR, id=payment, body=WHY)
        calls.of(refund, user=OPERATOR, id=payment, body=WHY)
        approved = calls.of("POST /api/admin/refunds/{id}/approve", user=OPERATOR + 1, id=payment, body=WHY)
        assert withdrawn.status == 200
        assert approved.json["refund"] in ("pending", "succeeded")


def let_time_pass(calls: Calls, service: Api) -> None:
    """Run the stream, the timers and the sweep over unanswered orders."""
    for number, function in enumerate(("EndDueOrder", "LockExpired", "Sweep")):
        order = taken_order(calls, f"@late_pipe{number}")
        calls.by("nobody: this is the test looking")
        image = service.image(order)
        calls.by("OrderChanged")
        service.order_changed(image)
        service.later(minutes=60)
        calls.by(function)
        if function == "EndDueOrder":
            service.timer(order, service.now)
        elif function == "LockExpired":
            service.lock_expired(order, service.now)
        else:
            service.sweep()


def take_over_contacts(calls: Calls, service: Api) -> None:
    """Create an order with the contact of an order that is over and whose timer is late."""
    taken_order(calls, "@free_pipe")
    taken_order(calls, "@free_too_pipe")
    service.later(minutes=15)
    order = calls.of("POST /api/orders", user=3, body={**NEW_ORDER, "contact": "@free_pipe"}).json["id"]
    calls.of("PUT /api/orders/{id}", user=3, id=order, body={"contact": "@free_too_pipe"})


def say_everything_to_the_bot(calls: Calls) -> None:
    """Send the webhook every update that changes something."""
    headers = {"x-telegram-bot-api-secret-token": WEBHOOK_SECRET}
    chat = {"id": 2, "type": "private"}
    kicked = {"chat": chat, "new_chat_member": {"status": "kicked"}}
    updates: list[dict[str, Any]] = [
        {"my_chat_member": kicked},
        {"message": {"chat": chat, "text": "/start"}},
        {"message": {"chat": chat, "from": {"id": OPERATOR}, "text": "/admin"}},
        {"my_chat_member": kicked},
    ]
    for contact, action in (("@pressed_pipe", "respond"), ("@closed_pipe", "close")):
        data = f"{action}:{taken_order(calls, contact)}"
        message = {"chat": {"id": 1}, "message_id": 1}
        updates.append({"callback_query": {"id": "1", "from": {"id": 1}, "data": data, "message": message}})
    for number, update in enumerate(updates, start=2):
        calls.of("POST /api/telegram/webhook", body={"update_id": number, **update}, headers=headers)


class Hurried(api.Context):
    """The Lambda context of an invocation with `left` ms left."""

    def __init__(self, left: int) -> None:
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return self._left


def notify(calls: Calls, service: Api, telegram: FakeTelegram) -> None:
    """Run the consumers of the queues."""
    for user in (1, 3, 4):
        calls.of("PUT /api/users/me/notification-settings", user=user, body={"enabled": True})
    untaken = {**NEW_ORDER, "contact": "@first_heard"}
    orders = [calls.of("POST /api/orders", user=1, body=untaken).json["id"], taken_order(calls, "@heard_pipe")]
    nobody = "nobody: this is the test looking"

    def handled(function: str, queue: Queue, context: api.Context, **message: Any) -> None:
        calls.by(nobody)
        event = service.received(queue, {**message, "due_at": service.now})
        secrets._provider.cache_clear()
        calls.by(function)
        HANDLERS[queue].handler(event, context)

    calls.by(nobody)
    images = [service.image(order) for order in orders]
    calls.by("OrderChanged")
    service.order_changed(images[1], {**images[1], "takes": {"M": {}}})
    for left in (20_000, 10_000):
        handled("FindAudience", Queue.NEW_ORDERS, Hurried(left), order_id=orders[0], start=[0, 0])
    for number, category in enumerate(CATEGORIES):
        body = {**NEW_ORDER, "category": category, "contact": f"@pipe_number{number}"}
        order = calls.of("POST /api/orders", user=1, body=body).json["id"]
        handled("FindAudience", Queue.NEW_ORDERS, api.Context(), order_id=order, start=[0, 0])
    for order in orders:
        handled("SendOffer", Queue.OFFERS, api.Context(), user_id=3, order_id=order)
    window = service.now + 600_000
    handled("SendOffer", Queue.OFFERS, Hurried(10_000), user_id=3, window_ends_at=window)
    telegram.fail("sendMessage", status=403, times=None)
    handled("SendOffer", Queue.OFFERS, api.Context(), user_id=4, order_id=orders[0])
    notice = {"kind": "taken", "order_id": orders[1], "user_id": 1, "number": 1}
    handled("SendNotice", Queue.NOTICES, Hurried(10_000), **notice)
    handled("SendNotice", Queue.NOTICES, api.Context(), **notice)


def ask_for_receipt_contacts(calls: Calls, telegram: FakeTelegram, change: Change) -> None:
    """Ask a payer who replies, and one who has blocked the bot and is unsubscribed."""
    change(YOOKASSA_VAT_CODE="1")
    top_up = {"amount": 9, "provider": "yookassa"}
    assert calls.of("POST /api/balance/create-invoice", user=31, body=top_up).status == 409
    sender = {"from": {"id": 31}, "chat": {"id": 31, "type": "private"}}
    calls.of(
        "POST /api/telegram/webhook",
        body={"update_id": 200, "message": {**sender, "text": "payer@example.ru", **telegram.replied_to(31)}},
        headers={"x-telegram-bot-api-secret-token": WEBHOOK_SECRET},
    )
    assert calls.of("POST /api/balance/create-invoice", user=31, body=top_up).status == 200
    calls.of("PUT /api/users/me/notification-settings", user=32, body={"enabled": True})
    telegram.fail("sendMessage", status=403)
    assert calls.of("POST /api/balance/create-invoice", user=32, body=top_up).status == 409
    change(YOOKASSA_VAT_CODE="")


def look_into_the_books(calls: Calls, service: Api) -> None:
    """Run the audit, in the night after the orders."""
    service.later(minutes=24 * 60)
    calls.by("Audit")
    audit.handler({}, api.Context())


def test_each_function_is_granted_exactly_its_calls(
    calls: Calls,
    service: Api,
    crypto_pay: FakeCryptoPay,
    telegram: FakeTelegram,
    yookassa: FakeYookassa,
    sockets: FakeSockets,
    change: Change,
) -> None:
    """Also P1 and P7: a function that writes in transactions never writes outside one."""
    change(READS_PER_HOUR=ONE_A_MINUTE)
    take_every_path(calls)
    read_often(calls)
    move_money(calls, service, crypto_pay, telegram, yookassa)
    ask_for_receipt_contacts(calls, telegram, change)
    let_time_pass(calls, service)
    take_over_contacts(calls, service)
    notify(calls, service, telegram)
    watchers = Watchers(calls, service, sockets)
    follow_orders(calls, service, watchers, change)
    watchers.open(1, 40, 41, 43, 44, 50)
    keep_order(calls, service)
    keep_threads(calls, service, telegram, [Hurried(10_000), api.Context()])
    forget_people(calls, service)
    look_into_the_books(calls, service)
    called = {function: sorted(calls.made[function]) for function in FUNCTIONS}
    assert called == {function: sorted(granted(function)) for function in FUNCTIONS}
