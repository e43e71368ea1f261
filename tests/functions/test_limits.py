"""What one user may do in an hour, what a request may be, and what every answer carries."""

from functools import partial
from typing import Any

import pytest

from infra.local.settings import LocalSettings
from shared import settings
from shared.commands import orders as commands
from shared.handlers.http import MAX_BODY
from shared.store import orders, table
from tests import api
from tests.contract.endpoints import ENDPOINTS
from tests.in_process import Api, Change, wake_another_instance

LIMITS = {
    "ORDERS_PER_HOUR": 10,
    "TAKES_PER_HOUR": 60,
    "SETTINGS_PER_HOUR": 60,
    "INVOICES_PER_HOUR": 30,
    "READS_PER_HOUR": 3600,
}


@pytest.fixture(autouse=True)
def limits(change: Change) -> None:
    """Those of template.yaml."""
    parameters = api.template()["Parameters"]
    change(**{name: str(parameters[name.title().replace("_", "")]["Default"]) for name in LIMITS})


def test_what_is_allowed_here_is_what_is_allowed_in_aws() -> None:
    local = LocalSettings.read({})
    assert {name: getattr(local, name.lower()) for name in LIMITS} == LIMITS
    assert {name: getattr(settings.settings(), name.lower()) for name in LIMITS} == LIMITS


def post(service: Api, user: int, number: int) -> api.Answer:
    body = {"category": "Клининг", "city": "Казань", "description": "Потоп: убрать воду, просушить полы"}
    return service.call("POST /api/orders", user=user, body={**body, "contact": f"@client{user}_{number}"})


def test_ten_orders_an_hour(service: Api) -> None:
    assert [post(service, 1, number).status for number in range(10)] == [201] * 10
    refused = post(service, 1, 10)
    assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (429, "too_often", "360")
    assert service.call("GET /api/users/me", user=1).json["active_orders"] == 10
    assert post(service, 2, 0).status == 201
    service.later(minutes=6)
    assert [post(service, 1, number).status for number in (10, 11)] == [201, 429]


def test_a_refused_order_costs_no_token(service: Api) -> None:
    """I15: a contact that is busy is no order."""
    assert post(service, 1, 0).status == 201
    assert [post(service, 1, 0).status for _ in range(12)] == [409] * 12
    assert [post(service, 1, number).status for number in range(1, 11)] == [201] * 9 + [429]


def test_an_order_that_landed_unheard_is_no_refusal(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """F2, F4, P3: the last token went into the try that had landed; nobody is told that it did not."""
    for number in range(9):
        assert post(service, 1, number).status == 201
    transact, check = table.transact, commands._check_contact
    lost, late = [True], [True]

    def and_lose_the_answer(items: Any) -> None:
        transact(items)
        if lost and lost.pop():
            raise table.WriteConflict

    def too_early_to_see(*given: Any) -> bool:
        return False if late and late.pop() else check(*given)

    monkeypatch.setattr(table, "transact", and_lose_the_answer)
    monkeypatch.setattr(commands, "_check_contact", too_early_to_see)
    assert post(service, 1, 9).status == 201
    assert service.call("GET /api/users/me", user=1).json["active_orders"] == 10


def test_takes_that_are_paid_count_and_no_others(service: Api, change: Change) -> None:
    """I19: a repeated take is free, also of tokens."""
    change(TAKES_PER_HOUR="2")
    service.recharge(9, 10)
    found = [post(service, client, 0).json["id"] for client in (1, 2, 3)]
    take = partial(service.call, "POST /api/orders/{id}/take", user=9)
    assert [take(id=found[0]).status for _ in range(5)] == [200] * 5
    assert take(id=found[1]).status == 200
    refused = take(id=found[2])
    assert (refused.status, refused.headers["retry-after"]) == (429, "1800")
    assert take(id=found[0]).status == 200
    assert service.call("GET /api/balance", user=9).json == {"balance": 6}
    service.later(minutes=30)
    assert take(id=found[2]).status == 200


def test_settings_and_invoices_have_limits(service: Api, telegram: Any) -> None:
    frequency = {"enabled": True}
    for user, route, body, most in (
        (1, "PUT /api/users/me/notification-settings", frequency, 60),
        (2, "POST /api/balance/create-invoice", {"amount": 1, "provider": "telegram_stars"}, 30),
    ):
        assert {service.call(route, user=user, body=body).status for _ in range(most)} == {200}
        refused = service.call(route, user=user, body=body)
        assert (refused.status, refused.json["code"]) == (429, "too_often")
    # One bucket for both kinds of settings.
    put = service.call("PUT /api/users/me/preferences", user=1, body={"categories": [], "cities": []})
    assert put.status == 429


class Instance:
    """Counts what a function's instance asks of the table."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        table.client().meta.events.register("before-call.dynamodb", self._note)

    def _note(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)

    def asked(self) -> list[str]:
        """What since the last time."""
        calls, self.calls = self.calls, []
        return calls


def test_a_person_reads_without_a_token_and_a_flood_does_not(service: Api, change: Change) -> None:
    """Of 240 an hour, an instance gives 4 a minute; what is beyond comes out of the bucket of 240, 4 at a time."""
    change(READS_PER_HOUR="240")
    look = partial(service.call, "GET /api/balance", user=1)
    assert look().status == 200  # the first visit, which makes him a user
    instance = Instance()
    assert {look().status for _ in range(3)} == {200}
    assert instance.asked() == ["GetItem"] * 3
    assert {look().status for _ in range(4)} == {200}
    assert instance.asked() == ["UpdateItem"] + ["GetItem"] * 4
    assert {look().status for _ in range(236)} == {200}
    instance.asked()

    refused = look()
    assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (429, "too_often", "60")
    assert instance.asked() == ["UpdateItem"]
    assert look().status == 429
    assert instance.asked() == []  # who has to wait costs nothing meanwhile
    # Everybody else reads on, and who says nothing of himself.
    assert service.call("GET /api/balance", user=2).status == 200
    assert service.call("GET /api/orders").status == 200
    # The bucket is one for all instances.
    wake_another_instance()
    assert [look().status for _ in range(5)] == [200] * 4 + [429]

    service.later(minutes=1)
    assert [look().status for _ in range(9)] == [200] * 8 + [429]


def test_every_read_counts_and_no_write_does(service: Api, change: Change) -> None:
    change(READS_PER_HOUR="1")
    order = post(service, 1, 0).json["id"]
    service.recharge(2, 10)
    counted = [
        route
        for route, endpoint in ENDPOINTS.items()
        if route.startswith("GET") and endpoint.who in ("user", "anyone, known if he says who he is")
    ]
    assert len(counted) == 11
    for route in counted:
        wake_another_instance()
        service.later(minutes=60)
        read = partial(service.call, route, user=2, id=order if "orders" in route else "1", query={"order_id": order})
        assert [read().status == 429 for _ in range(3)] == [False, False, True], route
        if ENDPOINTS[route].who != "user":
            assert service.call(route, id=order).status == 200
    assert service.call("POST /api/orders/{id}/take", user=2, id=post(service, 1, 1).json["id"]).status == 200


def test_a_body_has_a_limit(service: Api) -> None:
    for size, status in ((MAX_BODY, 422), (MAX_BODY + 1, 413)):
        answer = service.call("POST /api/orders", user=1, raw='"' + "a" * (size - 2) + '"')
        assert answer.status == status


@pytest.mark.parametrize(
    "route",
    ["GET /api/orders", "GET /api/reviews", "GET /api/balance/transactions", "GET /api/admin/actions"],
)
def test_a_page_has_a_limit(service: Api, route: str) -> None:
    for limit, status in ((100, 200), (101, 422), (0, 422)):
        assert service.call(route, user=900, query={"limit": limit}).status == status


@pytest.mark.parametrize("status", ["deleted", "closed_no_response"])
def test_a_status_that_strangers_do_not_list_is_a_field_that_is_wrong(service: Api, status: str) -> None:
    answer = service.call("GET /api/orders", user=1, query={"status": status})
    [field] = answer.json["detail"]
    assert (answer.status, field["loc"], field["type"]) == (422, ["query", "status"], "status_not_listed")
    assert service.call("GET /api/orders", user=1, query={"status": status, "mine": True}).status == 200


SECURITY = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def test_every_answer_says_what_it_is_not(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals as well: by a rule, by the framework, by the limit of a body, and where nobody knows."""
    answers = [
        service.call("GET /api/users/me", user=1),
        service.call("GET /api/users/me"),
        service.call("GET /api/orders", query={"limit": 0}),
        service.call("POST /api/orders", user=1, raw="a" * (MAX_BODY + 1)),
        api.invoke("$default", api.event("GET", "/x", route="$default")),
    ]
    monkeypatch.setattr(orders, "get", lambda order_id: 1 / 0)
    answers.append(service.call("GET /api/orders/{id}", id="AAAAAAAAAAAA"))
    assert [answer.status for answer in answers] == [200, 401, 422, 413, 404, 500]
    for answer in answers:
        assert SECURITY.items() <= answer.headers.items()
    page = service.call("GET /docs")
    assert SECURITY.keys() <= page.headers.keys()
    assert "https://cdn.jsdelivr.net" in page.headers["content-security-policy"]


def test_a_cdn_keeps_what_anybody_gets_and_nothing_that_ends_meanwhile(service: Api, change: Change) -> None:
    """I12: a page is kept for two seconds, and never beyond the moment at which an order on it ends."""
    change(FEED_CACHE_SECONDS="2")
    kept = "public, max-age=0, s-maxage=%d"
    feed = partial(service.call, "GET /api/orders")
    assert feed().headers["cache-control"] == kept % 2
    post(service, 1, 0)
    assert feed().headers["cache-control"] == kept % 2
    for more in ({"user": 1}, {"user": 1, "query": {"mine": True}}, {"query": {"limit": 0}}):
        assert feed(**more).headers["cache-control"] == "no-store"
    service.later(minutes=60, ms=-2999)
    assert feed().headers["cache-control"] == kept % 1, "a second is left for the way to the CDN"
    service.later(ms=1000)
    assert feed().headers["cache-control"] == "no-store"
    service.later(ms=1999)
    assert feed().headers["cache-control"] == kept % 2
