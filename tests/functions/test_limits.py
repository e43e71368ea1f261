"""Rate limits per user and hour, and the maximum length of a page."""

from functools import partial
from typing import Any

import pytest

from infra.local.settings import LocalSettings
from shared import settings
from shared.store import table
from tests import api
from tests.contract.endpoints import ENDPOINTS
from tests.in_process import Api, Change, wake_another_instance

LIMITS = {
    "ORDERS_PER_HOUR": 10,
    "CONTACTS_PER_HOUR": 5,
    "TAKES_PER_HOUR": 60,
    "SETTINGS_PER_HOUR": 60,
    "INVOICES_PER_HOUR": 30,
    "READS_PER_HOUR": 3600,
}


@pytest.fixture(autouse=True)
def limits(change: Change) -> None:
    """The limits of template.yaml."""
    parameters = api.template()["Parameters"]
    change(**{name: str(parameters[name.title().replace("_", "")]["Default"]) for name in LIMITS})


def test_local_limits_equal_those_of_the_template() -> None:
    local = LocalSettings.read({})
    assert {name: getattr(local, name.lower()) for name in LIMITS} == LIMITS
    assert {name: getattr(settings.settings(), name.lower()) for name in LIMITS} == LIMITS


def post(service: Api, user: int, number: int, description: str = "Потоп: убрать воду, просушить полы") -> api.Answer:
    body = {"category": "Клининг", "city": "Казань", "description": description}
    return service.call("POST /api/orders", user=user, body={**body, "contact": f"@client{user}_{number}"})


def test_the_eleventh_order_of_an_hour_is_a_429(service: Api) -> None:
    assert [post(service, 1, number).status for number in range(10)] == [201] * 10
    refused = post(service, 1, 10)
    assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (429, "too_often", "360")
    assert service.call("GET /api/users/me", user=1).json["active_orders"] == 10
    assert post(service, 2, 0).status == 201
    service.later(minutes=6)
    assert [post(service, 1, number).status for number in (10, 11)] == [201, 429]


def test_a_refused_order_costs_no_token_of_orders(service: Api, change: Change) -> None:
    """I15: an order whose contact is busy is refused, and costs a token of contacts only."""
    change(CONTACTS_PER_HOUR="13")
    assert post(service, 1, 0).status == 201
    another = "Ещё один заказ с тем же контактом"  # the same order again would be a repeated request
    assert [post(service, 1, 0, another).status for _ in range(12)] == [409] * 12
    assert [post(service, 1, number).status for number in range(1, 11)] == [201] * 9 + [429]


@pytest.mark.parametrize("lands", ["at once", "before the next attempt's write"])
def test_order_written_before_a_lost_response_is_a_201(
    service: Api, monkeypatch: pytest.MonkeyPatch, lands: str
) -> None:
    """F2, F4, P3: the write that succeeded used the last token, and the caller gets 201, not 429."""
    for number in range(9):
        assert post(service, 1, number).status == 201
    transact, tries = table.transact, 0
    late: list[Any] = []

    def and_lose_the_answer(items: Any) -> None:
        nonlocal tries
        tries += 1
        if tries != 2:  # the first try believes in a full bucket, and is refused
            if late:
                transact(late.pop())
            transact(items)
            return
        if lands == "at once":
            transact(items)
        else:
            late.append(items)
        raise table.WriteConflict

    monkeypatch.setattr(table, "transact", and_lose_the_answer)
    assert post(service, 1, 9).status == 201
    assert service.call("GET /api/users/me", user=1).json["active_orders"] == 10


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
    """Records the calls of a function's instance to the table."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        table.client().meta.events.register("before-call.dynamodb", self._note)

    def _note(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)

    def asked(self) -> list[str]:
        """The calls since the last check."""
        calls, self.calls = self.calls, []
        return calls


def test_only_frequent_reads_take_tokens(service: Api, change: Change) -> None:
    """With 240 reads an hour, an instance admits 4 a minute; further reads take 4 tokens at a time from the bucket."""
    change(READS_PER_HOUR="240")
    look = partial(service.call, "GET /api/balance", user=1)
    assert look().status == 200  # the first visit, which creates the user
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
    assert instance.asked() == []  # a refused caller causes no further call
    # Other users and anonymous callers can still read.
    assert service.call("GET /api/balance", user=2).status == 200
    assert service.call("GET /api/orders").status == 200
    # All instances share one bucket.
    wake_another_instance()
    assert [look().status for _ in range(5)] == [200] * 4 + [429]

    service.later(minutes=1)
    assert [look().status for _ in range(9)] == [200] * 8 + [429]


def test_every_read_and_no_write_counts_as_a_read(service: Api, change: Change) -> None:
    change(READS_PER_HOUR="1")
    order = post(service, 1, 0).json["id"]
    service.recharge(2, 10)
    counted = [
        route
        for route, endpoint in ENDPOINTS.items()
        if route.startswith("GET") and endpoint.who in ("user", "anyone, known if they send credentials")
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


@pytest.mark.parametrize(
    "route",
    ["GET /api/orders", "GET /api/reviews", "GET /api/balance/transactions", "GET /api/admin/actions"],
)
def test_a_page_has_a_limit(service: Api, route: str) -> None:
    for limit, status in ((100, 200), (101, 422), (0, 422)):
        assert service.call(route, user=900, query={"limit": limit}).status == status
