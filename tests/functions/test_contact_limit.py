"""I26: nobody learns for free whether a contact has an active order. Refused and changed contacts have a bucket."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock, get_ident
from typing import Any

import pytest

from shared.store import table
from tests import api
from tests.in_process import Api, Change

OWNER, PROBER = 1, 2
BUSY = "@burst_pipe"
PER_HOUR = 5


@pytest.fixture(autouse=True)
def limits(change: Change) -> None:
    """A bucket of five; orders have their own limit."""
    change(CONTACTS_PER_HOUR=f"{PER_HOUR}", ORDERS_PER_HOUR="10")


@pytest.fixture
def mine(service: Api) -> str:
    """The prober's order. Somebody else's order has the contact BUSY."""
    service.order(OWNER, BUSY)
    order: str = service.order(PROBER, "@prober_own")["id"]
    return order


def post(service: Api, contact: str, user: int = PROBER) -> api.Answer:
    body = {"category": "Клининг", "city": "Казань", "description": "Потоп: убрать воду, просушить полы"}
    return service.call("POST /api/orders", user=user, body={**body, "contact": contact})


def put(service: Api, order: str, contact: str, user: int = PROBER, **more: str) -> api.Answer:
    return service.call("PUT /api/orders/{id}", user=user, id=order, body={"contact": contact, **more})


def test_sixth_probe_by_an_edit_is_a_429_busy_or_not(service: Api, mine: str) -> None:
    assert [put(service, mine, BUSY).status for _ in range(PER_HOUR)] == [409] * PER_HOUR
    for contact in (BUSY, "@nobody_has_it"):
        refused = put(service, mine, contact)
        assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (429, "too_often", "720")
    assert service.call("GET /api/orders/{id}", user=PROBER, id=mine).json["contact"] == "@prober_own"


def test_bucket_of_contacts_refills_by_the_clock(service: Api, mine: str) -> None:
    assert [put(service, mine, BUSY).status for _ in range(PER_HOUR)] == [409] * PER_HOUR
    service.later(minutes=12, ms=-1)
    assert put(service, mine, BUSY).status == 429
    service.later(ms=1)
    assert [put(service, mine, BUSY).status for _ in range(2)] == [409, 429]


def test_changed_and_refused_contacts_share_the_bucket(service: Api, mine: str) -> None:
    asked = [put(service, mine, f"@prober_{number}") for number in range(3)]
    asked += [put(service, mine, BUSY), post(service, BUSY), put(service, mine, "@prober_9")]
    assert [answer.status for answer in asked] == [200, 200, 200, 409, 409, 429]


def test_same_contact_in_another_notation_is_free(service: Api, mine: str) -> None:
    for _ in range(PER_HOUR):
        for spelling in ("https://t.me/Prober_Own", "@PROBER_OWN"):
            answer = put(service, mine, spelling)
            assert (answer.status, answer.json["contact"]) == (200, spelling)
    assert put(service, mine, "@another_one").status == 200


def test_edit_without_a_contact_is_free(service: Api, mine: str) -> None:
    for number in range(2 * PER_HOUR):
        body = {"description": f"Прорвало трубу на кухне, вода на полу, этаж {number}"}
        assert service.call("PUT /api/orders/{id}", user=PROBER, id=mine, body=body).status == 200
    assert [put(service, mine, BUSY).status for _ in range(PER_HOUR + 1)] == [409] * PER_HOUR + [429]
    # Nor does an empty bucket stand in its way.
    body = {"description": "Прорвало трубу на кухне, соседи снизу уже звонят", "contact": "t.me/prober_own"}
    assert service.call("PUT /api/orders/{id}", user=PROBER, id=mine, body=body).status == 200


def test_edit_refused_for_another_reason_is_free(service: Api, mine: str) -> None:
    others = service.order(OWNER, "@second_pipe")["id"]
    taken = service.order(PROBER, "@prober_taken")["id"]
    service.recharge(3)
    assert service.call("POST /api/orders/{id}/take", user=3, id=taken).status == 200
    for _ in range(PER_HOUR):
        assert [put(service, order, BUSY).status for order in (others, taken, "____________")] == [404, 403, 404]
    assert put(service, mine, BUSY).status == 409


def test_posted_orders_leave_the_bucket_of_contacts_full(service: Api, mine: str) -> None:
    assert [post(service, f"@posted_{number}").status for number in range(9)] == [201] * 9
    assert [put(service, mine, BUSY).status for _ in range(PER_HOUR + 1)] == [409] * PER_HOUR + [429]


def test_refused_post_is_charged_to_contacts_and_not_to_orders(service: Api, mine: str) -> None:
    assert [post(service, BUSY).status for _ in range(PER_HOUR)] == [409] * PER_HOUR
    service.later(minutes=59)
    assert [post(service, f"@posted_{number}").status for number in range(11)] == [201] * 10 + [429]


def test_post_without_a_token_tells_nothing(service: Api, mine: str) -> None:
    """With an empty bucket of contacts, a free contact gets the same 429 as a busy one, and no order."""
    assert [post(service, BUSY).status for _ in range(PER_HOUR)] == [409] * PER_HOUR
    service.later(minutes=6)  # the bucket of orders is full again, so that the first attempt reads nothing
    busy, free = post(service, BUSY), post(service, "@nobody_has_it")
    assert (busy.status, busy.json, busy.headers["retry-after"]) == (
        free.status,
        free.json,
        free.headers["retry-after"],
    )
    assert (free.status, free.json["code"]) == (429, "too_often")
    assert post(service, "@nobody_has_it", user=OWNER).status == 201
    service.later(minutes=6)
    assert post(service, "@prober_next").status == 201


def test_empty_bucket_of_orders_tells_nothing(service: Api, mine: str) -> None:
    """A client who may not post gets the same 429 for a busy contact and for a free one, and pays for neither."""
    assert [post(service, f"@posted_{number}").status for number in range(9)] == [201] * 9
    for _ in range(PER_HOUR):
        assert [post(service, contact).status for contact in (BUSY, "@nobody_has_it")] == [429, 429]
    assert put(service, mine, BUSY).status == 409


def test_own_contact_of_another_order_is_a_charged_refusal(service: Api, mine: str) -> None:
    assert [post(service, "@prober_own").status for _ in range(PER_HOUR + 1)] == [409] * PER_HOUR + [429]


def test_buckets_of_two_users_are_two(service: Api, mine: str) -> None:
    assert [post(service, BUSY).status for _ in range(PER_HOUR + 1)][-1] == 429
    assert [post(service, BUSY, user=3).status for _ in range(PER_HOUR + 1)] == [409] * PER_HOUR + [429]


def test_erasing_oneself_does_not_fill_the_bucket(service: Api, mine: str) -> None:
    assert [post(service, BUSY).status for _ in range(PER_HOUR)] == [409] * PER_HOUR
    assert service.call("DELETE /api/users/me", user=PROBER).status == 204
    assert post(service, BUSY).status == 429


@pytest.mark.usefixtures("served_at_once")
@pytest.mark.parametrize("by", ["edits", "posts"])
def test_forty_probes_at_once_get_five_outcomes(
    service: Api, mine: str, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """Each probe has decided on the full bucket and been refused the contact before any of them is charged."""
    probes = 40
    writes: Counter[int] = Counter()
    all_are_refused, one_call, transact = Barrier(probes), Lock(), table.transact

    def charge_after_all_are_refused(items: Any) -> None:
        writes[get_ident()] += 1
        if writes[get_ident()] == 2:
            all_are_refused.wait(60)
        with one_call:
            transact(items)

    monkeypatch.setattr(table, "transact", charge_after_all_are_refused)

    def probe(number: int) -> int:
        with asyncio.Runner() as runner:
            asyncio.set_event_loop(runner.get_loop())
            return put(service, mine, BUSY).status if by == "edits" else post(service, BUSY).status

    with ThreadPoolExecutor(probes) as threads:
        answers = Counter(threads.map(probe, range(probes)))
    assert answers == {409: PER_HOUR, 429: probes - PER_HOUR}
