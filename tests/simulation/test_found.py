"""Defects that the simulation found in our code: the shortest story that shows each, with its seed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from functions.scheduled import sweep
from shared.domain.order import Status
from tests.conftest import OPERATOR
from tests.simulation.aws import Context
from tests.simulation.records import Answer, Request
from tests.simulation.simulation import Simulation
from tests.simulation.world import HOUR, MAX_SKEW, Task

CLIENT, EXECUTOR = 1, 2


class Story:
    """Requests one after another in a simulation without faults, and others in the middle of their calls."""

    def __init__(self) -> None:
        self.simulation = Simulation(1)
        self.simulation.faults.stop()
        self.call = self.simulation.aws.call_dynamodb
        self.simulation.aws.call_dynamodb = self._watched  # type: ignore[method-assign]
        self.simulation.aws.database.lag = lambda index: self.lags.get(index, 0)
        self.lags: dict[str | None, int] = {}
        self.query: dict[str, Any] = {}
        self.recharged = 0
        self._planned: dict[tuple[str, str], Callable[[], object]] = {}

    def before(self, function: str, operation: str, request: Request) -> None:
        """Have `request` answered just before the function's first such call is sent."""
        self._planned[function, operation] = lambda: self.simulation.actors.send(request)

    def _watched(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        world = self.simulation.world
        planned = world.task and self._planned.pop((world.task.function, operation), None)
        if planned:
            world.later(0, planned)  # type: ignore[arg-type]
            world.pause(1_000)
        return self.call(operation, request)

    def ask(self, route: str, user: int, id: str | None = None, **body: Any) -> Answer:
        """Send a request, let five seconds pass, and return the answer. Raises Violation."""
        answers: list[Answer] = []
        request = self.request(route, user, id, **body)

        def keep(request: Request, answer: Answer, task: Task) -> None:
            if request is asked:
                answers.append(answer)
            check(request, answer, task)

        asked, check = request, self.simulation.checker.on_answer
        self.simulation.checker.on_answer = keep  # type: ignore[method-assign]
        self.simulation.actors.send(request)
        self.simulation.world.run(until=self.simulation.world.now + 5_000)
        self.simulation.checker.on_answer = check  # type: ignore[method-assign]
        [answer] = answers
        return answer

    def request(self, route: str, user: int, id: str | None = None, **body: Any) -> Request:
        """A request."""
        return self.simulation.actors.request(route, user, id, body=body or None, query=self.query)

    def order(self, contact: str = "@canary_old") -> str:
        """A new order of CLIENT's; EXECUTOR has money."""
        self.recharged += 10
        self.ask("POST /api/balance/recharge", EXECUTOR, amount=self.recharged)
        answer = self.ask(
            "POST /api/orders",
            CLIENT,
            category="Другое",
            city="Москва",
            description="Прорвало трубу на кухне, вода на полу",
            contact=contact,
        )
        created: str = answer.json["id"]
        return created


@pytest.fixture
def story() -> Iterator[Story]:
    """A story, at whose end everything happens that has to."""
    story = Story()
    with story.simulation.in_place_of_what_is_real():
        yield story
        story.simulation.let_everything_happen()


def test_take_returns_contact_that_was_paid_for(story: Story) -> None:
    """I17, I19 (seed 30): the client changed the contact between the take's read and its write."""
    order = story.order()
    story.before(
        "orders.take",
        "TransactWriteItems",
        story.request("PUT /api/orders/{id}", CLIENT, order, contact="@canary_new"),
    )
    first = story.ask("POST /api/orders/{id}/take", EXECUTOR, order)
    assert (first.status, first.json["contact"]) == (200, "@canary_new")
    assert story.ask("POST /api/orders/{id}/take", EXECUTOR, order) == first


def test_ended_order_keeps_no_lock_taken_by_an_edit(story: Story) -> None:
    """I15, L3 (seed 330): the client changed the contact between the deletion's reads of the order and of the lock."""
    order = story.order()
    story.before(
        "orders.delete",
        "BatchGetItem",
        story.request("PUT /api/orders/{id}", CLIENT, order, contact="@canary_new"),
    )
    assert story.ask("DELETE /api/orders/{id}", CLIENT, order).status == 200
    assert not [key for key in story.simulation.checker.items if key[1] == "CONTACT"]


def test_ended_order_keeps_no_lock_restored_by_an_edit(story: Story) -> None:
    """I15, L3 (found by the specification): the contact moved away before the lock was read, and back after it."""
    order = story.order()
    for operation, contact in (("BatchGetItem", "@canary_new"), ("TransactWriteItems", "@canary_old")):
        story.before("orders.delete", operation, story.request("PUT /api/orders/{id}", CLIENT, order, contact=contact))
    assert story.ask("DELETE /api/orders/{id}", CLIENT, order).status == 200
    assert not [key for key in story.simulation.checker.items if key[1] == "CONTACT"]


def test_ended_order_is_listed_under_its_edited_category(story: Story) -> None:
    """The client changed the category between the read and the write of the sweep, whose clock is ahead."""
    order = story.order()
    world, items = story.simulation.world, story.simulation.checker.items
    world.run(until=items[f"ORDER#{order}", "ORDER"]["expires_at"] - 500)
    edit = story.request("PUT /api/orders/{id}", CLIENT, order, category="Электрика")
    story.before("scheduled.sweep", "TransactWriteItems", edit)
    ahead = {"timeout": 60_000, "skew": MAX_SKEW}
    world.start("scheduled.sweep", lambda: sweep.handler({}, Context(world)), lambda task: None, **ahead)
    world.run(until=world.now + 5_000)
    item = items[f"ORDER#{order}", "ORDER"]
    assert (item["category"], item["list3_pk"]) == ("Электрика", "ORDERS#expired#Электрика")


def test_take_landing_while_read_for_a_repeat_is_answered(story: Story) -> None:
    """I19, 500 (seed 695): a batch reads its items one by one, here the order before the take, the debit after it."""
    order = story.order()
    take = story.request("POST /api/orders/{id}/take", EXECUTOR, order)
    read = story.call

    def torn(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if operation != "BatchGetItem" or "torn" in done:
            return read(operation, request)
        done.append("torn")
        [(table, wanted)] = request["RequestItems"].items()
        old = read(operation, {"RequestItems": {table: {**wanted, "Keys": wanted["Keys"][:1]}}})
        story.simulation.world.later(0, lambda: story.simulation.actors.send(take))
        story.simulation.world.pause(1_000)
        new = read(operation, {"RequestItems": {table: {**wanted, "Keys": wanted["Keys"][1:]}}})
        return {"Responses": {table: old["Responses"][table] + new["Responses"][table]}, "UnprocessedKeys": {}}

    done: list[str] = []
    story.call = torn
    answer = story.ask("POST /api/orders/{id}/take", EXECUTOR, order)
    assert (answer.status, answer.json["new_balance"], answer.json["executor_count"]) == (200, 8, 1)


def test_list_shows_order_once_while_indexes_lag(story: Story) -> None:
    """F16, 500 (seed 67): it has expired, the list says so, the due index and an eventual read of it not yet."""
    story.order()
    story.lags |= {None: 60_000, "due": 60_000}
    story.simulation.world.run(until=story.simulation.world.now + HOUR)
    story.simulation.aws.sweep()
    story.simulation.world.run(until=story.simulation.world.now + 1_000)
    story.query = {"status": Status.EXPIRED}
    answer = story.ask("GET /api/orders", EXECUTOR)
    assert (answer.status, answer.json["total"], len(answer.json["orders"])) == (200, 1, 1)


def test_returned_user_with_a_new_review_is_erased_again(story: Story) -> None:
    """Erasure (seed 111): the client of an erased order reviewed it later; the review stayed readable."""
    order = story.order()
    story.ask("POST /api/orders/{id}/take", EXECUTOR, order)
    story.ask("POST /api/orders/{id}/complete", CLIENT, order)
    story.simulation.checker.audit_log.forgotten.add(CLIENT)
    assert story.ask("DELETE /api/users/me", CLIENT).status == 200
    review = story.ask("POST /api/reviews/client", CLIENT, order_id=order, rating=5, comment="Спасибо")
    assert review.status == 200
    assert story.simulation.checker.items[f"ORDER#{order}", "ORDER"]["review_comment"] == "Спасибо"
    assert story.ask("DELETE /api/users/me", CLIENT).status == 200
    assert "review_comment" not in story.simulation.checker.items[f"ORDER#{order}", "ORDER"]


def test_ban_with_many_orders_reports_rest_in_time(story: Story) -> None:
    """P4: each call to a slow table took 2.9 s, and the function's time ran out among the removals."""
    for number in range(4):
        story.order(f"@canary_{number}")
    at_once, slow = story.call, story.simulation.world.pause

    def call(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        slow(2_900)
        return at_once(operation, request)

    story.call = call
    ban = story.request("POST /api/admin/users/{id}/ban", OPERATOR, f"{CLIENT}", reason="жалобы")
    story.simulation.actors.send(ban)
    story.simulation.world.run(until=story.simulation.world.now + 30_000)
    assert ban in story.simulation.actors.unanswered  # with a 503
    story.call = at_once
    assert story.ask(ban.route, OPERATOR, ban.id, reason="жалобы").status == 200
