"""G9: each function has exactly the permissions that it needs; the embedded AWS enforces the roles of template.yaml.

`tests/contract/test_policies.py` compares grants with calls; here a policy engine evaluates them.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import api
from tests.api import Answer
from tests.conftest import OPERATOR, WEBHOOK_SECRET
from tests.contract.test_policies import (
    ONE_A_MINUTE,
    WHY,
    Calls,
    forget_people,
    keep_order,
    read_often,
    refund_as_operators,
    take_every_path,
)
from tests.integration import test_live
from tests.integration.service import READ_EVERY, Service, now_ms, running, wait_until
from tests.integration.test_notifications import (
    a_chat_is_closed_and_opened,
    an_order_is_offered,
    heard,
    photo_is_sent,
)
from tests.integration.test_payments import ask_for_a_receipt_contact, invoice, pay_every_way, press

WINDOW = 10  # seconds until an answer


class OverHttp(Calls):
    """Makes the calls of every path to the running service."""

    def __init__(self, service: Service) -> None:
        self.routes: set[str] = set()
        self._running = service

    def of(self, route: str, **request: Any) -> Answer:
        """Send a request; a function that was denied a call answers 500 or 503."""
        self.routes.add(route)
        answer = self._running.call(route, **request)
        assert answer.status < 500, f"{route}: {answer.text}"
        return answer


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that denies every call that no policy of the caller's role allows."""
    settings = {
        "LOCAL_AUTH": "1",
        "NO_RESPONSE_CLOSE_MINUTES": str(WINDOW / 60),
        "TELEGRAM_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "OPERATOR_IDS": f"{OPERATOR},{OPERATOR + 1}",
        "READS_PER_HOUR": ONE_A_MINUTE,
        "YOOKASSA_VAT_CODE": "1",
    }
    with running(tmp_path_factory.mktemp("roles"), **settings) as service:
        yield service


@contextmanager
def without(service: Service, function: str, action: str) -> Iterator[None]:
    """Remove an action from a function's policy for a while."""
    iam, role = service.aws("iam"), service.name(f"{function}Role")
    [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    poorer = json.loads(json.dumps(document))
    for statement in poorer["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        statement["Action"] = [each for each in actions if each != action] or ["sts:GetCallerIdentity"]
    assert poorer != document
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(poorer))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def test_function_without_the_init_data_key_is_a_503(service: Service) -> None:
    """F25: it cannot check credentials, so it refuses."""
    iam = service.aws("iam")
    attached = {"RoleName": service.name("GetBalanceRole"), "PolicyArn": service.name("ReadInitDataKeyPolicy")}
    iam.detach_role_policy(**attached)
    user = service.user()
    refused = service.call("GET /api/balance", user=user)
    assert (refused.status, refused.json["code"]) == (503, "unavailable")
    iam.attach_role_policy(**attached)
    assert service.call("GET /api/balance", user=user).json == {"balance": 0}


def test_sockets_have_their_permissions(service: Service) -> None:
    """They open, watch, are told, and are closed."""
    test_live.test_watchers_and_the_client_hear_of_a_take(service)
    test_live.test_a_sixth_socket_closes_the_oldest(service)
    test_live.test_a_ban_closes_a_socket(service)
    test_live.test_an_erasure_closes_a_socket(service)


def test_every_route_has_its_permissions(service: Service) -> None:
    """Every path of every function that makes a different call."""
    calls = OverHttp(service)
    take_every_path(calls)
    read_often(calls)
    keep_order(calls)
    forget_people(calls)
    pay_every_way(service)
    ask_for_a_receipt_contact(service)
    work_as_operators(calls, service)
    answer_a_thread(calls, service)
    for route, file in (("GET /admin/{file}", "panel.css"), ("GET /docs/{file}", "docs.js")):
        assert calls.of(route, file=file).status == 200
    assert calls.of("POST /api/live/ticket", user=service.user()).status == 200
    calls.routes |= {exchange.route for exchange in service.exchanges}
    calls.routes |= {
        "POST /api/balance/webhook/crypto-bot",
        "POST /api/balance/webhook/yookassa",
    }  # called by the fakes
    calls.routes.add("$default")
    assert service.call("GET /nowhere").status == 404
    assert calls.routes == set(api.routes())


def answer_a_thread(calls: OverHttp, service: Service) -> None:
    """Read a support thread and its photo, take it over, and answer; the person gets the answer."""
    user, message_id = photo_is_sent(service)
    thread = {"user": OPERATOR, "id": str(user)}
    assert calls.of("GET /api/admin/threads", user=OPERATOR).status == 200
    newest = calls.of("GET /api/admin/threads/{id}", **thread).json["messages"][0]["id"]
    photo = "GET /api/admin/threads/{id}/photos/{message_id}"
    assert calls.of(photo, **thread, message_id=message_id).status == 200
    answer = {"action": "answer", "text": "Вернём сегодня", "key": "a-key-of-8", "seen": newest}
    for act in ({"action": "take"}, answer, {"action": "close", "seen": newest}):
        assert calls.of("POST /api/admin/threads/{id}", **thread, body=act).status == 200
    heard(service, user, "Вернём сегодня")


def work_as_operators(calls: OverHttp, service: Service) -> None:
    """Log in by the bot's link, refund payments of every provider and one that waits, redrive."""
    said = json.dumps(service.bot_calls())
    code = re.findall(r"/admin#code=([A-Za-z0-9_-]{22})", said)[-1]
    assert calls.of("POST /api/admin/session", body={"code": code}).status == 200
    for provider, amount in (("crypto_pay", 100), ("telegram_stars", 100), ("yookassa", 100), ("yookassa", 6000)):
        user = service.user()
        made = invoice(service, user, provider, amount)
        press(made, "twice", user)
        refund_as_operators(calls, str(made["payment_id"]))
    assert calls.of("GET /api/admin/health", user=OPERATOR).status == 200
    assert (
        calls.of("POST /api/admin/redrive", user=OPERATOR, body={"queue": "NotificationDeadLetters", **WHY}).status
        == 200
    )


def test_timers_and_streams_have_their_permissions(service: Service) -> None:
    """Each ends an unanswered order and refunds its executor, by itself or invoked."""
    executor = service.user()
    service.recharge(executor, 8)
    orders = [service.order(service.user())["id"] for _ in range(4)]
    for order_id in orders:
        assert service.take(executor, order_id).status == 200
    due_at = now_ms() + WINDOW * 1000
    while now_ms() < due_at:
        time.sleep(0.1)

    def refunded() -> set[str]:
        entries = service.call("GET /api/balance/transactions", user=executor).json["transactions"]
        return {entry["order_id"] for entry in entries if entry["type"] == "refund"}

    service.invoke("EndDueOrder", {"order_id": orders[0], "due_at": due_at})
    assert orders[0] in refunded()
    image = {"order_id": {"S": orders[1]}, "expires_at": {"N": str(due_at)}}
    record = {"eventName": "REMOVE", "dynamodb": {"OldImage": image, "SequenceNumber": "1"}}
    assert service.invoke("LockExpired", {"Records": [record]}) == {"batchItemFailures": []}
    assert orders[1] in refunded()
    service.invoke("Sweep", {})
    assert refunded() == set(orders)
    assert service.invoke("Audit", {}) == []

    # The stream creates a schedule, which calls the function with its own role. The sweep runs once a minute.
    order_id = service.order(service.user())["id"]
    service.recharge(executor, 2)
    assert service.take(executor, order_id).status == 200
    wait_until(lambda: order_id in refunded(), every=READ_EVERY)


def test_senders_have_their_permissions(service: Service) -> None:
    """Offers, digests and refund notices, also to a user who blocked the bot."""
    _, executor, order = an_order_is_offered(service, "Тверь")
    service.order(service.user(), city="Тверь")
    sqs = service.aws("sqs")
    delayed = {"QueueUrl": service.name("Offers"), "AttributeNames": ["ApproximateNumberOfMessagesDelayed"]}
    wait_until(lambda: sqs.get_queue_attributes(**delayed)["Attributes"] != {"ApproximateNumberOfMessagesDelayed": "0"})
    service.recharge(executor, 2)
    assert service.take(executor, order["id"]).status == 200
    heard(service, executor, "2 ₽ вернулись")
    a_chat_is_closed_and_opened(service, "Рязань")


def test_no_call_was_denied(service: Service) -> None:
    """So far no function was denied anything except the actions that a test removed."""
    errors = [line for line in service.log if '"level":"ERROR"' in line]
    assert errors == []


@pytest.mark.parametrize("action", ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"])
def test_a_function_without_a_permission_changes_nothing(service: Service, action: str) -> None:
    """Every missing permission is denied; a transaction that may not write one item writes none."""
    executor, order = service.user(), service.order(service.user())
    service.recharge(executor, 2)
    with without(service, "TakeOrder", action):
        refused = service.take(executor, order["id"])
        assert (refused.status, refused.json["code"]) == (500, "internal_error")
        assert set(refused.json) == {"detail", "code", "request_id"}
    assert service.balance(executor) == 2
    assert service.call("GET /api/orders/{id}", id=order["id"]).json["taken_by"] == []
    assert service.take(executor, order["id"]).status == 200
