"""Contacts in descriptions, comments and names: who reads a text whole, and who reads it masked (I23)."""

from typing import Any

import pytest

from shared.bot import texts
from shared.domain.masking import MASK, mask
from shared.domain.order import Order
from shared.domain.review import COMPLAINTS
from shared.store import attributes, keys, orders, table
from tests.conftest import OPERATOR, TABLE
from tests.in_process import Api

CLIENT, EXECUTOR, STRANGER = 1, 2, 3
WHOLE = "Прорвало трубу, звоните +7 999 000-00-00, @plumber, t.me/plumber"
MASKED = "Прорвало трубу, звоните •••, •••, •••"
PLAIN = "Прорвало трубу на кухне, вода на полу"
SHORT = "Пишите: https://t.me/plumber"


@pytest.fixture
def order_id(service: Api) -> str:
    """An order whose description has contacts, taken by the executor."""
    service.recharge(EXECUTOR)
    created = service.order(CLIENT, description=WHOLE)["id"]
    assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=created).status == 200
    return str(created)


def shown(service: Api, order_id: str, user: int | None) -> tuple[str, bool]:
    """The description of an order to a user, and whether it is said to be masked."""
    order = service.call("GET /api/orders/{id}", user=user, id=order_id).json
    return order["description"], order["description_masked"]


def put(service: Api, order_id: str, description: str) -> tuple[int, str]:
    """Edit the description; return the status and the description in the answer, or the type of its error."""
    answer = service.call("PUT /api/orders/{id}", user=CLIENT, id=order_id, body={"description": description})
    return answer.status, answer.json["description"] if answer.status == 200 else answer.json["detail"][0]["type"]


def stored(order_id: str) -> Order:
    """The order as the table has it."""
    order = orders.get(order_id)
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("user", "description"),
    [(CLIENT, WHOLE), (EXECUTOR, WHOLE), (STRANGER, MASKED), (None, MASKED), (OPERATOR, MASKED)],
    ids=["client", "executor", "stranger", "anonymous", "operator"],
)
def test_only_who_paid_and_the_client_read_it_whole(
    service: Api, order_id: str, user: int | None, description: str
) -> None:
    assert shown(service, order_id, user) == (description, True)


@pytest.mark.parametrize(
    ("user", "query"),
    [(None, {}), (STRANGER, {}), (CLIENT, {"mine": True}), (CLIENT, {}), (EXECUTOR, {"taken_by_me": True})],
    ids=["anonymous", "stranger", "mine", "client", "taken_by_me"],
)
def test_every_list_shows_it_masked(service: Api, order_id: str, user: int | None, query: dict[str, bool]) -> None:
    [order] = service.call("GET /api/orders", user=user, query=query).json["orders"]
    assert (order["description"], order["description_masked"]) == (MASKED, True)


def test_the_client_reads_it_whole_in_every_answer(service: Api) -> None:
    service.recharge(EXECUTOR)
    order = service.order(CLIENT, description=WHOLE)
    told = [order, service.call("PUT /api/orders/{id}", user=CLIENT, id=order["id"], body={"category": "Другое"}).json]
    service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order["id"])
    for command in ("respond", "complete"):
        told.append(service.call(f"POST /api/orders/{{id}}/{command}", user=CLIENT, id=order["id"]).json)
    assert [(each["description"], each["description_masked"]) for each in told] == [(WHOLE, True)] * 4


def test_an_operator_who_removes_an_order_reads_it_masked(service: Api, order_id: str) -> None:
    removed = service.call("POST /api/admin/orders/{id}/remove", user=OPERATOR, id=order_id, body={"reason": "Реклама"})
    assert (removed.json["description"], removed.json["description_masked"]) == (MASKED, True)


# The order's own contact, without a sign that it is one.
NAMED = "Течёт кран на кухне, пишите leaky_client вечером"
LOCAL = "Течёт кран на кухне, звоните 123-45-67 вечером"


def test_the_own_contact_is_masked_without_its_sign(service: Api) -> None:
    named = service.order(CLIENT, description=NAMED, contact="https://t.me/Leaky_Client")["id"]
    assert shown(service, named, None) == (NAMED.replace("leaky_client", MASK), True)
    assert shown(service, named, CLIENT) == (NAMED, True)
    local = service.order(CLIENT, description=LOCAL, contact="8 (916) 123 45 67")["id"]
    assert shown(service, local, None) == (LOCAL.replace("123-45-67", MASK), True)
    [listed] = [each for each in service.call("GET /api/orders").json["orders"] if each["id"] == named]
    assert "leaky" not in str(listed)


def test_a_new_contact_masks_the_same_description(service: Api) -> None:
    order = service.order(CLIENT, description=NAMED, contact="@pipe_owner")["id"]
    assert shown(service, order, None) == (NAMED, False)
    change = {"contact": "@leaky_client"}
    assert service.call("PUT /api/orders/{id}", user=CLIENT, id=order, body=change).status == 200
    assert shown(service, order, None) == (NAMED.replace("leaky_client", MASK), True)


def test_words_about_an_order_hide_its_contact(service: Api) -> None:
    service.recharge(EXECUTOR)
    order = service.order(CLIENT, contact="@leaky_client")["id"]
    service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order)
    service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order)
    said = "Это был leaky_client"
    review = {"order_id": order, "rating": 5, "comment": said}
    complaint = {"order_id": order, "complaint": COMPLAINTS[0], "comment": said}
    assert service.call("POST /api/reviews/client", user=CLIENT, body=review).status == 200
    assert service.call("POST /api/reviews/executor", user=EXECUTOR, body=complaint).status == 200
    assert [each["comment"] for each in service.call("GET /api/reviews").json] == [f"Это был {MASK}"]
    [told] = service.call("GET /api/admin/complaints", user=OPERATOR).json["complaints"]
    assert told["comment"] == f"Это был {MASK}"


def test_a_description_without_a_contact_is_not_masked(service: Api) -> None:
    order = service.order(CLIENT, description=PLAIN)["id"]
    assert shown(service, order, None) == (PLAIN, False)
    assert shown(service, order, CLIENT) == (PLAIN, False)


def test_an_edit_masks_the_new_description(service: Api) -> None:
    order = service.order(CLIENT, description=PLAIN)["id"]
    assert put(service, order, WHOLE) == (200, WHOLE)
    assert shown(service, order, None) == (MASKED, True)
    assert put(service, order, PLAIN) == (200, PLAIN)
    assert shown(service, order, None) == (PLAIN, False)


def test_the_masked_description_sent_back_is_no_edit(service: Api) -> None:
    """A WebApp may edit what a list gave it. The masked text may be shorter than a description may be."""
    for description in (WHOLE, SHORT):
        order = service.order(CLIENT, description=description, contact=f"@pipe_{len(description)}")["id"]
        before = stored(order)
        assert put(service, order, f" {mask(description)} ") == (200, description)
        assert stored(order) == before
        assert shown(service, order, None) == (mask(description), True)


@pytest.mark.parametrize("text", ["", "Коротко", "Пишите: •••", "•••"])
def test_a_short_description_is_refused_in_an_edit(service: Api, text: str) -> None:
    order = service.order(CLIENT, description=WHOLE)["id"]
    assert put(service, order, text) == (422, "string_too_short")
    assert stored(order).description == WHOLE


def test_a_short_masked_text_is_refused_in_a_new_order(service: Api) -> None:
    body = {"category": "Другое", "city": "Москва", "contact": "@pipe_1", "description": "Пишите: •••"}
    assert service.call("POST /api/orders", user=CLIENT, body=body).status == 422


def test_an_order_from_before_the_masks_is_masked_when_read(service: Api, order_id: str) -> None:
    update(keys.order(order_id), "REMOVE masked_description")
    assert shown(service, order_id, None) == (MASKED, True)
    assert shown(service, order_id, CLIENT) == (WHOLE, True)
    [listed] = service.call("GET /api/orders").json["orders"]
    assert listed["description"] == MASKED


def test_the_bot_offers_an_order_masked(service: Api) -> None:
    """Masked before it is cut: half a phone would be no phone any more."""
    long = f"{'Прорвало трубу. ' * 18}Тел. +7 999 000-00-00"
    for description in (WHOLE, long):
        order = stored(service.order(CLIENT, description=description, contact=f"@pipe_{len(description)}")["id"])
        for text in (texts.offer(order, service.now), texts.digest([order, order], service.now)):
            assert "999" not in text
            assert "plumber" not in text


def test_the_export_has_the_whole_description(service: Api, order_id: str) -> None:
    [order] = service.call("GET /api/users/me/export", user=CLIENT).json["orders"]
    assert (order["description"], order["description_masked"]) == (WHOLE, True)


def test_an_erasure_removes_the_whole_and_the_masked_text(service: Api, order_id: str) -> None:
    assert service.call("DELETE /api/users/me", user=CLIENT).status == 204
    item = str(service.image(order_id))
    assert "Прорвало" not in item
    assert shown(service, order_id, EXECUTOR) == ("Удалено по просьбе автора", False)


# ---------------------------------------------------------------- reviews and complaints

SAID = "Звоните лучше мне: 8 999 000-00-00"
SAID_MASKED = "Звоните лучше мне: •••"
NAMES = {"first_name": "Анна t.me/anna_p"}


@pytest.fixture
def reviewed(service: Api, order_id: str) -> str:
    """The order, completed, reviewed by its client and complained about by the executor."""
    assert service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order_id).status == 200
    review = {"order_id": order_id, "rating": 4, "comment": SAID}
    assert service.call("POST /api/reviews/client", user=CLIENT, names=NAMES, body=review).status == 200
    complaint = {"order_id": order_id, "complaint": "Другое", "comment": SAID}
    assert service.call("POST /api/reviews/executor", user=EXECUTOR, body=complaint).status == 200
    return order_id


def comments(service: Api, user: int | None, **query: bool) -> list[tuple[str, str]]:
    """The names and comments of the reviews in a list."""
    found = service.call("GET /api/reviews", user=user, query=query).json
    return [(review["author_name"], review["comment"]) for review in found]


def test_others_read_the_name_and_comment_of_a_review_masked(service: Api, reviewed: str) -> None:
    for user, query in ((None, {}), (CLIENT, {}), (EXECUTOR, {"mine": True}), (OPERATOR, {})):
        assert comments(service, user, **query) == [("Анна •••", SAID_MASKED)]


def test_the_author_reads_the_own_comment_whole(service: Api, reviewed: str) -> None:
    assert comments(service, CLIENT, written=True) == [("Анна •••", SAID)]


@pytest.mark.parametrize(
    ("user", "comment"),
    [(CLIENT, SAID), (EXECUTOR, SAID_MASKED), (STRANGER, SAID_MASKED), (None, SAID_MASKED)],
    ids=["client", "executor", "stranger", "anonymous"],
)
def test_an_order_shows_its_comment_whole_to_its_client(
    service: Api, reviewed: str, user: int | None, comment: str
) -> None:
    assert service.call("GET /api/orders/{id}", user=user, id=reviewed).json["review_comment"] == comment


def test_every_list_of_orders_shows_the_comment_masked(service: Api, reviewed: str) -> None:
    for user, query in ((None, {"status": "completed"}), (CLIENT, {"mine": True}), (EXECUTOR, {"taken_by_me": True})):
        [order] = service.call("GET /api/orders", user=user, query=query).json["orders"]
        assert order["review_comment"] == SAID_MASKED


def test_operators_read_a_complaint_masked(service: Api, reviewed: str) -> None:
    [complaint] = service.call("GET /api/admin/complaints", user=OPERATOR).json["complaints"]
    assert complaint["comment"] == SAID_MASKED
    handled = {"order_id": reviewed, "executor_id": EXECUTOR, "reason": "Клиент прав"}
    answer = service.call("POST /api/admin/complaints/handle", user=OPERATOR, body=handled)
    assert (answer.status, answer.json["comment"]) == (200, SAID_MASKED)


def test_an_export_has_the_own_words_whole_and_others_masked(service: Api, reviewed: str) -> None:
    client = service.call("GET /api/users/me/export", user=CLIENT).json
    assert (client["reviews_written"][0]["comment"], client["orders"][0]["review_comment"]) == (SAID, SAID)
    executor = service.call("GET /api/users/me/export", user=EXECUTOR).json
    assert (executor["reviews_received"][0]["comment"], executor["complaints"][0]["comment"]) == (SAID_MASKED, SAID)


def update(key: keys.Key, expression: str, **values: str) -> None:
    """Change an item of the table as an earlier version may have left it."""
    more: Any = {"ExpressionAttributeValues": attributes.item_to_dynamodb(values)} if values else {}
    key_there = attributes.item_to_dynamodb(key)
    table.client().update_item(TableName=TABLE, Key=key_there, UpdateExpression=expression, **more)


def test_a_review_from_before_the_masks_is_masked_when_read(service: Api, reviewed: str) -> None:
    review = keys.review(reviewed, CLIENT)
    update(review, "SET author_name = :name REMOVE masked_comment", **{":name": NAMES["first_name"]})
    update(keys.order(reviewed), "REMOVE masked_review_comment")
    assert comments(service, None) == [("Анна •••", SAID_MASKED)]
    assert service.call("GET /api/orders/{id}", id=reviewed).json["review_comment"] == SAID_MASKED
    assert comments(service, CLIENT, written=True) == [("Анна •••", SAID)]


def test_an_erasure_removes_both_forms_of_a_comment(service: Api, reviewed: str) -> None:
    for user in (CLIENT, EXECUTOR):
        assert service.call("DELETE /api/users/me", user=user).status == 204
    stored_items = str(table.client().scan(TableName=TABLE)["Items"])
    assert "Звоните" not in stored_items
    assert "Анна" not in stored_items
