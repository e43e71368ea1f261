"""I29: a POST /api/orders that is sent again gets the order that it posted. It pays nothing and posts nothing."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock, get_ident
from typing import Any

import pytest

from shared.store import attributes, keys, table
from tests import api
from tests.conftest import OPERATOR, TABLE
from tests.in_process import Api, Change

CLIENT, STRANGER, EXECUTOR = 1, 2, 3
REQUEST = {
    "category": "Сантехника",
    "city": "Казань",
    "description": "Прорвало трубу на кухне, вода на полу",
    "contact": "+7 916 123-45-67",
}
MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def limits(change: Change) -> None:
    """Small buckets: the tests say when one is empty."""
    change(ORDERS_PER_HOUR="2", CONTACTS_PER_HOUR="3")


def post(service: Api, user: int = CLIENT, **other: Any) -> api.Answer:
    return service.call("POST /api/orders", user=user, body={**REQUEST, **other})


def put(service: Api, order: str, **body: str) -> None:
    answer = service.call("PUT /api/orders/{id}", user=CLIENT, id=order, body=body)
    assert answer.status == 200, answer.text


def with_a_loop(call: Callable[[], Any]) -> Any:
    """Call a function in a thread of its own."""
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        return call()


def refusals_left(service: Api, user: int = CLIENT) -> int:
    """Empty the user's bucket of contacts; return how many tokens it had."""
    answers = [post(service, user, description=f"{REQUEST['description']}, этаж {floor}") for floor in range(5)]
    return Counter(answer.status for answer in answers)[409]


def stored() -> list[Any]:
    """All items of the table."""
    return sorted(table.client().scan(TableName=TABLE)["Items"], key=str)


def test_repeat_gets_the_same_order(service: Api) -> None:
    first = post(service)
    before = stored()
    for _ in range(20):
        again = post(service)
        assert (again.status, again.json) == (201, first.json)
    assert stored() == before
    assert refusals_left(service) == 3


def test_repeat_shows_what_became_of_the_order(service: Api) -> None:
    first = post(service).json
    service.recharge(EXECUTOR)
    assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=first["id"]).status == 200
    again = post(service)
    assert (again.status, again.json["id"]) == (201, first["id"])
    assert [take["executor_id"] for take in again.json["taken_by"]] == [EXECUTOR]
    assert service.call("POST /api/orders/{id}/respond", user=CLIENT, id=first["id"]).status == 200
    assert post(service).json["customer_responded_at"]


def test_repeat_counts_for_a_minute_to_the_millisecond(service: Api) -> None:
    first = post(service).json
    service.later(ms=MINUTE_MS - 1)
    assert post(service).json["id"] == first["id"]
    service.later(ms=1)
    late = post(service)
    assert (late.status, late.json["code"]) == (409, "contact_busy")
    assert refusals_left(service) == 2


def test_clock_of_the_repeat_may_be_behind(service: Api) -> None:
    """Each instance has a clock of its own."""
    first = post(service).json
    service.later(ms=-1500)
    assert post(service).json == first


@pytest.mark.parametrize(
    "other",
    [
        {"category": "Электрика"},
        {"city": "Москва"},
        {"description": "Прорвало трубу на кухне, вода на полу!"},
        {"contact": "8 916 123-45-67"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_text_is_another_request(service: Api, other: dict[str, Any]) -> None:
    """Texts are compared as they are stored and shown, the contact as well."""
    post(service)
    answer = post(service, **other)
    assert (answer.status, answer.json["code"]) == (409, "contact_busy")
    assert refusals_left(service) == 2


def test_texts_are_compared_after_cleaning(service: Api) -> None:
    first = post(service).json
    same: dict[str, Any] = {"description": f"  {REQUEST['description']}\u200b\n", "contact": f" {REQUEST['contact']} "}
    assert post(service, **same).json == first


def test_request_of_another_user_is_no_repeat(service: Api) -> None:
    first = post(service)
    answer = post(service, STRANGER)
    assert (answer.status, answer.json["code"]) == (409, "contact_busy")
    assert first.json["id"] not in answer.text
    assert refusals_left(service, STRANGER) == 2


def test_masked_description_is_not_the_description(service: Api) -> None:
    first = post(service, description="Звоните 8 999 765-43-21, прорвало трубу на кухне")
    public = service.call("GET /api/orders/{id}", id=first.json["id"]).json["description"]
    assert "•••" in public
    assert post(service, description=public).status == 409


def test_edited_order_is_not_repeated(service: Api) -> None:
    first = post(service).json["id"]
    put(service, first, description="Прорвало трубу в ванной, вода на полу")
    assert post(service).status == 409
    put(service, first, description=REQUEST["description"])
    assert post(service).status == 409  # back again: it was edited all the same


def test_edit_that_changes_nothing_is_no_edit(service: Api) -> None:
    first = post(service).json
    put(service, first["id"], description=REQUEST["description"])
    assert post(service).json == first


def test_edit_into_a_twin_is_no_repeat(service: Api) -> None:
    post(service)
    other = post(service, contact="@burst_pipe").json["id"]
    answer = service.call("PUT /api/orders/{id}", user=CLIENT, id=other, body={"contact": REQUEST["contact"]})
    assert (answer.status, answer.json["code"]) == (409, "contact_busy")


@pytest.mark.parametrize("user", [CLIENT, STRANGER])
def test_contact_moved_away_meanwhile_is_free(service: Api, monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    """An edit moves the contact between the reads of the lock and of its order. Then no moment had a busy contact."""
    first = post(service).json["id"]
    get = table.get
    locks: list[table.Item] = []

    def get_and_edit(key: keys.Key) -> table.Item | None:
        item = get(key)
        if item is not None and item["pk"].startswith("CONTACT#") and not locks:
            locks.append(item)
            with ThreadPoolExecutor(1) as threads:
                threads.submit(with_a_loop, lambda: put(service, first, contact="@burst_pipe")).result()
        return item

    monkeypatch.setattr(table, "get", get_and_edit)
    second = post(service, user)
    assert (second.status, len(locks)) == (201, 1)
    assert second.json["id"] != first


def delete(service: Api, order: str) -> None:
    assert service.call("DELETE /api/orders/{id}", user=CLIENT, id=order).status == 204


def remove(service: Api, order: str) -> None:
    body = {"reason": "жалоба"}
    assert service.call("POST /api/admin/orders/{id}/remove", user=OPERATOR, id=order, body=body).status == 200


def complete(service: Api, order: str) -> None:
    service.recharge(EXECUTOR)
    assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order).status == 200
    assert service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order).status == 200


@pytest.mark.parametrize("end", [delete, remove, complete])
def test_request_after_the_end_posts_another_order(service: Api, end: Callable[[Api, str], None]) -> None:
    first = post(service).json["id"]
    end(service, first)
    second = post(service)
    assert second.status == 201
    assert second.json["id"] != first
    assert post(service).json == second.json


def test_repeat_needs_no_token(service: Api) -> None:
    first = post(service).json
    second = post(service, contact="@burst_pipe").json
    assert post(service, contact="@another_pipe").status == 429  # the bucket of orders is empty
    before = stored()
    assert (post(service).json, post(service, contact="@burst_pipe").json) == (first, second)
    assert stored() == before


def test_repeat_needs_no_token_of_contacts(service: Api) -> None:
    first = post(service).json
    assert refusals_left(service) == 3
    assert post(service).json == first
    assert [post(service, STRANGER).status for _ in range(4)] == [409, 409, 409, 429]


def test_banned_client_still_learns_of_the_order(service: Api) -> None:
    """As with a repeated take: it was posted before the ban. A ban ends orders, but may take a moment."""
    first = post(service).json
    user = attributes.item_to_dynamodb(keys.user(CLIENT))
    values = attributes.item_to_dynamodb({":now": service.now})
    table.client().update_item(
        TableName=TABLE, Key=user, UpdateExpression="SET banned_at = :now", ExpressionAttributeValues=values
    )
    assert post(service).json == first
    assert post(service, contact="@burst_pipe").json["code"] == "banned"


def test_refusal_without_a_token_reads_the_same(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller without a token cannot tell a busy contact from a free one, not even by the number of calls (I26)."""
    post(service)
    assert [post(service, STRANGER).status for _ in range(4)] == [409, 409, 409, 429]
    calls: list[str] = []
    client = table.client()
    monkeypatch.setattr(client.meta.events, "emit_until_response", counting(client, calls))
    seen = []
    for contact in (REQUEST["contact"], "@nobody_has_it"):
        calls.clear()
        answer = post(service, STRANGER, contact=contact)
        seen.append((answer.status, answer.text, [*calls]))
    assert seen[0] == seen[1]
    assert seen[0][2] == ["TransactWriteItems", "GetItem", "GetItem", "GetItem"]


def counting(client: Any, calls: list[str]) -> Callable[..., Any]:
    """Wrap the client's events: put the operation of each request into `calls`."""
    emit = client.meta.events.emit_until_response

    def counted(name: str, **more: Any) -> Any:
        if name.startswith("before-call"):
            calls.append(more["model"].name)
        return emit(name, **more)

    return counted


@pytest.mark.usefixtures("served_at_once")
def test_two_at_once_get_one_order(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """All write before one of them has written; then one order is new, and everybody gets it."""
    requests = 8
    writes: Counter[int] = Counter()
    all_are_there, one_call, transact = Barrier(requests), Lock(), table.transact

    def write_at_once(items: Any) -> None:
        writes[get_ident()] += 1
        if writes[get_ident()] == 1:
            all_are_there.wait(60)
        with one_call:
            transact(items)

    with monkeypatch.context() as patched, ThreadPoolExecutor(requests) as threads:
        patched.setattr(table, "transact", write_at_once)
        answers = [*threads.map(lambda _: with_a_loop(lambda: post(service)), range(requests))]
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert service.call("GET /api/orders", user=CLIENT, query={"mine": "true"}).json["total"] == 1
    assert service.call("GET /api/users/me", user=CLIENT).json["active_orders"] == 1
    assert refusals_left(service) == 3
