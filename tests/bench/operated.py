"""The requests of operators, and the work on support threads, of which the calls are counted.

The health of the background work and its redrive are missing: they read queues and CloudWatch, not the table.
"""

from collections.abc import Callable
from typing import Any

from functions.notifications import send_answer
from shared.aws.queues import Queue
from shared.commands import logins
from shared.domain.support import answer_key
from tests import api
from tests.bench.cases import CLIENT, EXECUTOR, STRANGER, WEBHOOK, Service, message_event, succeeds, telegram_update
from tests.conftest import OPERATOR

Work = Callable[[Service], Callable[[], Any]]

_WHY = {"reason": "Клиент не открыл дверь"}
_KEY = "9b2f7a52-0a75"


def _operated(route: str, prepare: Callable[[Service], str | None], **given: Any) -> Work:
    """Return a case of an operator's request about what `prepare` names."""

    def prepared(made: Service) -> Callable[[], Any]:
        about = prepare(made)
        return lambda: succeeds(made.call(route, user=OPERATOR, id=about, **given))

    return prepared


# ---------------------------------------------------------------- orders, people and reviews


def _complained(made: Service) -> str:
    """Make an order with three takes, an answer and a complaint; return its id."""
    order_id = made.taken(EXECUTOR, STRANGER, STRANGER + 1)
    assert made.call("POST /api/orders/{id}/respond", user=CLIENT, id=order_id).status == 200
    body = {"order_id": order_id, "complaint": "Не отвечал"}
    assert made.call("POST /api/reviews/executor", user=EXECUTOR, body=body).status == 200
    return order_id


def _client_of_complaint(made: Service) -> str:
    _complained(made)
    return str(CLIENT)


def _banned(made: Service) -> str:
    assert made.call("POST /api/admin/users/{id}/ban", user=OPERATOR, id=str(CLIENT), body=_WHY).status == 200
    return str(CLIENT)


def _handles(made: Service) -> Callable[[], Any]:
    body = {**_WHY, "order_id": _complained(made), "executor_id": EXECUTOR}
    return lambda: succeeds(made.call("POST /api/admin/complaints/handle", user=OPERATOR, body=body))


def _moderates(what: str) -> Work:
    def prepared(made: Service) -> Callable[[], Any]:
        order_id = made.completed()
        body: dict[str, Any] = {"order_id": order_id, "rating": 1, "executor_id": EXECUTOR}
        assert made.call("POST /api/reviews/client", user=CLIENT, body=body).status == 200
        body = {**_WHY, "order_id": order_id, "author_id": CLIENT}
        if what == "restore":
            assert made.call("POST /api/admin/reviews/hide", user=OPERATOR, body=body).status == 200
        return lambda: succeeds(made.call(f"POST /api/admin/reviews/{what}", user=OPERATOR, body=body))

    return prepared


def _opens_a_session(made: Service) -> Callable[[], Any]:
    code = logins.issue(OPERATOR)
    return lambda: succeeds(made.call("POST /api/admin/session", body={"code": code}))


# ---------------------------------------------------------------- payments


def _paid(made: Service, amount: int = 100) -> str:
    """Let the client pay in Stars; return the payment's id."""
    telegram = made.telegram
    invoice = made.invoice("telegram_stars", amount)
    succeeds(made.call(WEBHOOK, **telegram_update(message=telegram.pay_stars(invoice["pay_url"], CLIENT))))
    return str(invoice["payment_id"])


def _waiting_refund(made: Service) -> str:
    """Let the other operator ask for a refund above their sum; return the payment's id."""
    payment_id = _paid(made, 6_000)
    asked = made.call("POST /api/admin/payments/{id}/refund", user=OPERATOR + 1, id=payment_id, body=_WHY)
    assert asked.json["refund"] == "waiting", asked.text
    return payment_id


# ---------------------------------------------------------------- support threads


def _update(made: Service, message: dict[str, Any]) -> None:
    succeeds(made.call(WEBHOOK, **telegram_update(update_id=message["message_id"], message=message)))


def _said(number: int, text: str = "Мастер взял деньги и пропал") -> dict[str, Any]:
    sender = {"id": CLIENT, "is_bot": False, "first_name": "Анна"}
    return {"message_id": number, "from": sender, "chat": {"id": CLIENT, "type": "private"}, "text": text}


def _written(made: Service) -> str:
    """Let a client with an order and a complaint write ten messages; return their id."""
    assert made.telegram
    _complained(made)
    for number in range(1, 11):
        _update(made, _said(number))
        made.later(minutes=4)
    return str(CLIENT)


def _writes(made: Service) -> Callable[[], Any]:
    _written(made)
    return lambda: _update(made, _said(11))


def _writes_too_much(made: Service) -> Callable[[], Any]:
    _written(made)
    for number in range(11, 50):
        _update(made, _said(number))
    return lambda: _update(made, _said(50))


def _shows_a_photo(made: Service) -> Callable[[], Any]:
    photo = {name: value for name, value in _said(1).items() if name != "text"} | {"photo": made.telegram.photo()}
    _update(made, photo)
    route = "GET /api/admin/threads/{id}/photos/{message_id}"
    return lambda: succeeds(made.call(route, user=OPERATOR, id=str(CLIENT), message_id=1))


_ANSWER = {"action": "answer", "text": "Вернём сегодня", "key": _KEY, "seen": 2**52}


def _answered(made: Service) -> str:
    user = _written(made)
    succeeds(made.call("POST /api/admin/threads/{id}", user=OPERATOR, id=user, body=_ANSWER))
    return user


def _delivers(made: Service) -> Callable[[], Any]:
    _answered(made)
    event = message_event(made, Queue.ANSWERS, user_id=CLIENT, key=answer_key(_KEY))
    return lambda: send_answer.handler(event, api.Context())


def _looks(prepare: Callable[[Service], Any]) -> Work:
    def prepared(made: Service) -> Callable[[], Any]:
        prepare(made)
        return lambda: send_answer.handler({}, api.Context())

    return prepared


_ACT = "POST /api/admin/threads/{id}"

OPERATED: dict[str, Work] = {
    "operator's complaints": _operated("GET /api/admin/complaints", _complained),
    "operator's order": _operated("GET /api/admin/orders/{id}", _complained),
    "operator's person": _operated("GET /api/admin/users/{id}", _client_of_complaint, query=_WHY),
    "operator's person, found": _operated("GET /api/admin/users", _client_of_complaint, query={"query": f"{CLIENT}"}),
    "operator's ledger of a person": _operated("GET /api/admin/users/{id}/ledger", _client_of_complaint, query=_WHY),
    "operator's reviews": _operated("GET /api/admin/reviews", _complained),
    "operator's log": _operated("GET /api/admin/actions", _complained),
    "operator's refund of a take": _operated(
        "POST /api/admin/orders/{id}/refund", _complained, body={**_WHY, "executor_id": EXECUTOR}
    ),
    "operator's removal": _operated("POST /api/admin/orders/{id}/remove", _complained, body=_WHY),
    "operator's ban, an answered order": _operated("POST /api/admin/users/{id}/ban", _client_of_complaint, body=_WHY),
    "operator's end of a ban": _operated("POST /api/admin/users/{id}/unban", _banned, body=_WHY),
    "operator's note": _operated("POST /api/admin/users/{id}/notes", _client_of_complaint, body={"text": "Заметка"}),
    "operator handles a complaint": _handles,
    "operator hides a review": _moderates("hide"),
    "operator restores a review": _moderates("restore"),
    "operator's session": _opens_a_session,
    "operator's payment": _operated("GET /api/admin/payments/{id}", _paid),
    "operator's refund of a payment": _operated("POST /api/admin/payments/{id}/refund", _paid, body=_WHY),
    "operator's refunds that wait": _operated("GET /api/admin/refunds", _waiting_refund),
    "operator's approval of a refund": _operated("POST /api/admin/refunds/{id}/approve", _waiting_refund, body=_WHY),
    "operator's withdrawal of a refund": _operated("POST /api/admin/refunds/{id}/withdraw", _waiting_refund, body=_WHY),
    "message to the operators, the eleventh": _writes,
    "message to the operators, one too many": _writes_too_much,
    "operator's threads": _operated("GET /api/admin/threads", _written),
    "operator's thread, 10 messages": _operated("GET /api/admin/threads/{id}", _written),
    "operator's photo of a thread": _shows_a_photo,
    "operator answers a thread": _operated(_ACT, _written, body=_ANSWER),
    "operator takes a thread over": _operated(_ACT, _written, body={"action": "take"}),
    "operator closes a thread": _operated(_ACT, _written, body={"action": "close", "seen": 2**52}),
    "answer, sent": _delivers,
    "look at threads, none": _looks(lambda made: made.telegram),
    "look at threads, one waits": _looks(_written),
}
