"""An export comes in pages that fit into a response of Lambda and together have everything once."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.admin import export_user
from infra.operate.actions import joined
from shared.domain.money import LedgerEntry, take_cause
from shared.domain.order import MAX_DESCRIPTION, Order
from shared.domain.review import COMPLAINTS, MAX_COMMENT, Complaint, Review
from shared.store import keys, ledger, orders, reviews, table
from shared.store.attributes import item_to_dynamodb
from tests.api import Context
from tests.conftest import OPERATOR, TABLE
from tests.in_process import START, Api, Change, wake_another_instance

ANNA, OTHER = 1, 2
LAMBDA_RESPONSE = 6 * 1024 * 1024
LISTS = ("orders", "taken_orders", "reviews_written", "reviews_received", "transactions")


def put(item: dict[str, Any]) -> None:
    table.client().put_item(TableName=TABLE, Item=item_to_dynamodb(item))


def written(write: Any) -> None:
    table.client().transact_write_items(TransactItems=[write])


def post(number: int, client: int, text: str = "Прорвало трубу на кухне") -> str:
    """Store an order with this number and return its id."""
    order = Order(
        id=f"{client:02d}{number:010d}",
        client_id=client,
        category="Сантехника",
        city="Казань",
        description=text,
        contact="@pipe",
        contact_key="0" * 64,
        created_at=START + number,
        expires_at=START + number + 3_600_000,
        review_comment=text[:MAX_COMMENT],
    )
    put(orders._item(order) | {"review_comment": order.review_comment, "rating": 5})
    return order.id


def take(number: int, *, complain: bool) -> str:
    """Store that Anna took an order of another client, perhaps with a complaint, and return the order's id."""
    order_id = post(number, OTHER)
    entry = LedgerEntry(
        id=number + 1,
        previous_id=number,
        user_id=ANNA,
        type="order_take",
        cause=take_cause(order_id),
        amount=-2,
        balance_after=0,
        created_at=START,
        order_id=order_id,
    )
    lists = {keys.LIST1.pk: keys.taken_by(ANNA), keys.LIST1.sk: f"{START + number:013d}#{order_id}"}
    written(ledger.entry_write(entry, beside=lists))
    if complain:
        reviews.put_complaint(Complaint(number + 1, order_id, OTHER, ANNA, COMPLAINTS[0], "Грубил", START))
    return order_id


def review(number: int, client: int, executor: int) -> None:
    order_id = f"{client:02d}{number:010d}"
    index_of, received = keys.reviews_of(executor)
    index_by, by = keys.reviews_by(client)
    put(
        {
            **keys.review(order_id, client),
            **{
                name: getattr(
                    Review(number + 1, order_id, client, executor, "А", 5, None, "Клининг", "Уфа", START), name
                )
                for name in Review.__slots__
            },
            index_of.pk: received,
            index_by.pk: by,
            keys.LIST1.sk: keys.review_sk(START, number + 1),
        }
    )


def pages(service: Api, limit: int) -> list[dict[str, Any]]:
    """All pages of Anna's export."""
    found: list[dict[str, Any]] = []
    cursor = None
    while not found or cursor is not None:
        query = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        answer = service.call("GET /api/users/me/export", user=ANNA, query=query)
        assert answer.status == 200, answer.text
        found.append(answer.json)
        cursor = answer.json["next_cursor"]
    return found


def all_of(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The pages as one document."""
    left = iter(found)
    return joined(lambda cursor: dict(next(left)))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=st.tuples(*[st.integers(0, 4)] * 4), complains=st.sets(st.integers(0, 4)), limit=st.integers(1, 6))
def test_pages_together_have_everything_once(
    service: Api, counts: tuple[int, ...], complains: set[int], limit: int
) -> None:
    for item in list(table.scan()):
        table.transact([table.delete_write(keys.Key(pk=item["pk"], sk=item["sk"]), condition=None)])
    posted, took, wrote, received = counts
    mine = [post(number, ANNA) for number in range(posted)]
    theirs = [take(number, complain=number in complains) for number in range(took)]
    for number in range(wrote):
        review(number, ANNA, OTHER)
    for number in range(received):
        review(100 + number, OTHER, ANNA)
    found = pages(service, limit)
    assert all(sum(len(page[name]) for name in LISTS) == limit for page in found[:-1])
    whole = all_of(found)
    assert [order["id"] for order in whole["orders"]] == mine[::-1]
    assert whole["taken_orders"] == theirs[::-1]
    assert [row["id"] for row in whole["reviews_written"]] == [*range(wrote, 0, -1)]
    assert [row["id"] for row in whole["reviews_received"]] == [*range(100 + received, 100, -1)]
    assert [row["id"] for row in whole["transactions"]] == [*range(took, 0, -1)]
    assert [row["id"] for row in whole["complaints"]] == [
        number + 1 for number in range(took - 1, -1, -1) if number in complains
    ]


def test_what_stays_is_on_one_page_while_other_entries_change(service: Api) -> None:
    mine = [post(number, ANNA) for number in range(10, 30)]
    found = [service.call("GET /api/users/me/export", user=ANNA, query={"limit": 7}).json]
    while (cursor := found[-1]["next_cursor"]) is not None:
        page = len(found)
        post(100 + page, ANNA)
        # The next page begins with this entry.
        at = int(cursor.rpartition(".")[2][2:])
        table.transact([table.delete_write(keys.order(f"{ANNA:02d}{at:010d}"), condition=None)])
        mine.remove(f"{ANNA:02d}{at:010d}")
        found.append(service.call("GET /api/users/me/export", user=ANNA, query={"limit": 7, "cursor": cursor}).json)
    ids = [order["id"] for page in found for order in page["orders"]]
    assert len(ids) == len(set(ids))
    assert set(mine) <= set(ids)


@pytest.mark.parametrize("letter", ["Я", '"', "😀"])
def test_longest_texts_fit_into_a_response_of_lambda(service: Api, letter: str) -> None:
    """2 500 such orders were 500s: Lambda refuses a response of more than 6 MB."""
    for number in range(101):
        post(number, ANNA, letter * MAX_DESCRIPTION)
    found = pages(service, 100)
    assert [len(page["orders"]) for page in found] == [100, 1]
    # The body is a string inside of the response, which escapes it once more.
    assert max(len(json.dumps(json.dumps(page))) for page in found) < LAMBDA_RESPONSE // 2


def test_a_cursor_reads_only_the_callers_own_data(service: Api) -> None:
    for number in range(3):
        post(number, OTHER)
    stranger = service.call("GET /api/users/me/export", user=OTHER, query={"limit": 1}).json["next_cursor"]
    page = service.call("GET /api/users/me/export", user=ANNA, query={"cursor": stranger}).json
    assert [page[name] for name in LISTS] == [[]] * 5
    assert page["id"] == ANNA


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "orders",
        "orders.",
        "x.1790000000000",
        "orders.17",
        "orders.1790000000000#a",
        "orders.1790000000000.a.b",
        "7",
    ],
)
def test_a_malformed_cursor_is_refused(service: Api, cursor: str) -> None:
    answer = service.call("GET /api/users/me/export", user=ANNA, query={"cursor": cursor})
    assert answer.status == 422, answer.text


def test_each_page_counts_as_a_read(service: Api, change: Change) -> None:
    for number in range(9):
        post(number, ANNA)
    change(READS_PER_HOUR="3")
    wake_another_instance()
    cursor, statuses = None, []
    for _ in range(5):
        query = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        answer = service.call("GET /api/users/me/export", user=ANNA, query=query)
        statuses.append(answer.status)
        cursor = answer.json.get("next_cursor", cursor)
    assert statuses == [200, 200, 200, 200, 429]


def test_make_export_joins_the_recorded_pages(service: Api) -> None:
    mine = [post(number, ANNA) for number in range(101)]
    theirs = [take(number, complain=True) for number in range(60)]
    event = {"user_id": ANNA, "operator_id": OPERATOR, "reason": "письмо от 1 мая"}
    whole = joined(lambda cursor: export_user.handler({**event, "cursor": cursor}, Context()))
    assert [order["id"] for order in whole["orders"]] == mine[::-1]
    assert whole["taken_orders"] == theirs[::-1]
    assert len(whole["complaints"]) == len(whole["transactions"]) == 60
    assert whole["next_cursor"] is None
    actions = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    assert [(action["kind"], action["user_id"]) for action in actions] == [("data_exported", ANNA)] * 3
