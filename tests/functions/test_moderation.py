"""What operators do to reviews: hidden from everybody but their author, out of the rating, and restored whole."""

from typing import Any

import pytest

from functions.admin import remove_order
from shared.store import keys, orders, table, users
from tests import api
from tests.conftest import OPERATOR
from tests.functions.test_admin import WHY, act, books_are_right, logged_actions, taken
from tests.in_process import Api

CLIENT, EXECUTOR, OTHER = 1, 2, 3


@pytest.fixture
def reviewed(service: Api) -> str:
    """An order whose client gave 5 to the executor, who has a 2 of another client as well."""
    for client, contact, rating in ((OTHER, "@another_pipe", 2), (CLIENT, "@burst_pipe", 5)):
        order: str = service.order(client, contact)["id"]
        service.recharge(EXECUTOR, 10)
        assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order).status == 200
        assert service.call("POST /api/orders/{id}/complete", user=client, id=order).status == 200
        review = {"order_id": order, "rating": rating, "comment": "Мастер, звоните @burst_pipe"}
        assert service.call("POST /api/reviews/client", user=client, body=review).status == 200
        service.later(ms=1)
    return order


def change(service: Api, what: str, order: str, *, user: int = OPERATOR, author: int = CLIENT) -> api.Answer:
    body = {**WHY, "order_id": order, "author_id": author}
    return service.call(f"POST /api/admin/reviews/{what}", user=user, body=body)


def shown(service: Api, user: int | None = None, **query: Any) -> list[str]:
    """The orders of the reviews that `GET /api/reviews` lists."""
    return [review["order_id"] for review in service.call("GET /api/reviews", user=user, query=query).json]


def moderated(service: Api, **query: Any) -> list[str]:
    page = service.call("GET /api/admin/reviews", user=OPERATOR, query=query).json
    return [review["order_id"] for review in page["reviews"]]


def state(service: Api, order: str) -> tuple[Any, ...]:
    """Everything that a hidden review leaves."""
    view = service.call("GET /api/orders/{id}", user=CLIENT, id=order).json
    executor = service.call("GET /api/users/me", user=EXECUTOR).json
    lists = [shown(service), shown(service, rating=5), shown(service, EXECUTOR, mine=True)]
    return (view["rating"], view["review_comment"], executor["rating"], *[order in each for each in lists])


def test_hidden_review_leaves_all_but_its_author(service: Api, reviewed: str) -> None:
    before = state(service, reviewed)
    assert before == (5, "Мастер, звоните @burst_pipe", 3.5, True, True, True)
    answer = change(service, "hide", reviewed)
    assert answer.status == 200
    assert (answer.json["hidden"], answer.json["comment"]) == (True, "Мастер, звоните •••")
    assert (answer.json["author_id"], answer.json["executor_id"]) == (CLIENT, EXECUTOR)
    assert state(service, reviewed) == (None, None, 2, False, False, False)
    [mine] = service.call("GET /api/reviews", user=CLIENT, query={"written": True}).json
    assert (mine["hidden"], mine["comment"]) == (True, "Мастер, звоните @burst_pipe")
    again = {"order_id": reviewed, "rating": 1}
    assert service.call("POST /api/reviews/client", user=CLIENT, body=again).status == 409
    assert moderated(service, hidden=True) == [reviewed]
    assert reviewed not in moderated(service)
    assert books_are_right()

    restored = change(service, "restore", reviewed)
    assert (restored.status, restored.json["hidden"], restored.json["hidden_at"]) == (200, False, None)
    assert state(service, reviewed) == before
    assert moderated(service, hidden=True) == []
    assert books_are_right()


def test_hiding_and_restoring_are_idempotent(service: Api, reviewed: str) -> None:
    assert change(service, "restore", reviewed).status == 200
    assert logged_actions(service) == []
    for what in ("hide", "hide", "restore", "restore"):
        assert change(service, what, reviewed).status == 200
    assert logged_actions(service) == [("review_hidden", CLIENT, reviewed), ("review_restored", CLIENT, reviewed)]
    assert (users.get(EXECUTOR).rating_sum, users.get(EXECUTOR).rating_count) == (7, 2)


def test_unknown_review_is_not_found(service: Api, reviewed: str) -> None:
    for what in ("hide", "restore"):
        for order, author in ((reviewed, OTHER), ("A" * 12, CLIENT)):
            answer = change(service, what, order, author=author)
            assert (answer.status, answer.json["code"]) == (404, "review_not_found")
    assert logged_actions(service) == []


@pytest.mark.parametrize("what", ["hide", "restore"])
def test_operator_does_not_judge_an_own_review(service: Api, what: str) -> None:
    """Neither one that they wrote nor one about them."""
    for client, executor in ((OPERATOR, EXECUTOR), (CLIENT, OPERATOR)):
        order = service.order(client, f"@pipe_of_{client}")["id"]
        service.recharge(executor, 10)
        service.call("POST /api/orders/{id}/take", user=executor, id=order)
        service.call("POST /api/orders/{id}/complete", user=client, id=order)
        service.call("POST /api/reviews/client", user=client, body={"order_id": order, "rating": 1})
        answer = change(service, what, order, author=client)
        assert (answer.status, answer.json["code"]) == (403, "own_case")
    assert logged_actions(service) == []


@pytest.mark.parametrize("first", ["hide", "remove"])
def test_removed_order_keeps_a_restored_review_private(service: Api, reviewed: str, first: str) -> None:
    """I25: whichever came first, the restored review is in its author's and its executor's lists only."""
    for step in (first, "remove" if first == "hide" else "hide"):
        done = change(service, "hide", reviewed) if step == "hide" else act(service, "orders/{id}/remove", reviewed)
        assert done.status == 200
    assert change(service, "restore", reviewed).status == 200
    assert state(service, reviewed)[3:] == (False, False, True)
    assert reviewed not in moderated(service)
    assert books_are_right()


@pytest.mark.parametrize("last", ["hide", "restore"])
def test_review_read_before_the_removal_stays_private(service: Api, reviewed: str, last: str) -> None:
    """I25: a batch read is not one moment. What is stored of the review must not return it once the order is gone."""
    if last == "restore":
        assert change(service, "hide", reviewed).status == 200
    [before] = table.get_many([keys.review(reviewed, CLIENT)], consistent=True)
    assert act(service, "orders/{id}/remove", reviewed).status == 200
    assert before is not None
    table.transact([table.put_write(before, condition=None)])
    assert change(service, last, reviewed).status == 200
    if last == "hide":
        table.transact([table.delete_write(keys.order(reviewed), condition=None)])
        assert change(service, "restore", reviewed).status == 200
    assert (reviewed in shown(service), reviewed in shown(service, rating=5)) == (False, False)
    assert shown(service, EXECUTOR, mine=True).count(reviewed) == 1


def test_review_outlives_its_order_and_is_hidden(service: Api, reviewed: str) -> None:
    """TTL removes an order after 30 days; its review counts on."""
    item = orders.get(reviewed)
    assert item is not None
    table.transact([table.delete_write(keys.order(reviewed), condition=None)])
    assert change(service, "hide", reviewed).status == 200
    assert users.get(EXECUTOR).rating == 2
    assert change(service, "restore", reviewed).status == 200
    assert shown(service, rating=5) == [reviewed]
    assert books_are_right()


def test_operators_list_pages_through_all_reviews(service: Api, reviewed: str) -> None:
    whole = moderated(service)
    first = service.call("GET /api/admin/reviews", user=OPERATOR, query={"limit": 1}).json
    rest = service.call("GET /api/admin/reviews", user=OPERATOR, query={"cursor": first["next_cursor"]}).json
    assert [review["order_id"] for review in first["reviews"] + rest["reviews"]] == whole == shown(service)
    assert rest["next_cursor"] is None


def test_erased_review_stays_erased_when_restored(service: Api, reviewed: str) -> None:
    assert change(service, "hide", reviewed).status == 200
    assert service.call("DELETE /api/users/me", user=CLIENT).status == 204
    assert change(service, "restore", reviewed).status == 200
    [review] = [one for one in service.call("GET /api/reviews").json if one["order_id"] == reviewed]
    assert (review["author_name"], review["comment"], review["rating"]) == ("Пользователь", None, 5)
    found = orders.get(reviewed)
    assert found is not None
    assert (found.rating, found.review_comment) == (5, None)


# ---------------------------------------------------------------- operators and their own affairs


def test_operator_decides_nothing_about_themselves(service: Api) -> None:
    """A ban leaves the order that the operator took, though it removes the user's others."""
    own = taken(service, "@burst_pipe", OPERATOR)
    service.call("POST /api/orders/{id}/respond", user=CLIENT, id=own)
    complaint = {"order_id": own, "complaint": "Другое"}
    assert service.call("POST /api/reviews/executor", user=OPERATOR, body=complaint).status == 200
    posted = service.order(OPERATOR, "@another_pipe")["id"]
    refused = [
        act(service, "orders/{id}/remove", own),
        act(service, "orders/{id}/remove", posted),
        act(service, "orders/{id}/refund", own, executor_id=OPERATOR),
        act(service, "complaints/handle", "", order_id=own, executor_id=OPERATOR),
        act(service, "users/{id}/ban", OPERATOR),
        act(service, "users/{id}/unban", OPERATOR),
    ]
    assert [(answer.status, answer.json["code"]) for answer in refused] == [(403, "own_case")] * len(refused)
    assert act(service, "users/{id}/ban", CLIENT).json["removed_orders"] == []
    assert service.call("GET /api/orders/{id}", user=OPERATOR, id=own).json["status"] == "active"
    assert act(service, "users/{id}/unban", CLIENT).status == 200
    assert remove_order.handler({"order_id": posted, "operator_id": OPERATOR, **WHY}, api.Context()) == {
        "code": "own_case"
    }
    assert logged_actions(service) == [("user_banned", CLIENT, None), ("user_unbanned", CLIENT, None)]
