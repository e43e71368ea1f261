"""G1: stateful test of the real handlers, from API Gateway's event to the table, against the model.

For any sequence of requests, times and timers, every response must be the one that the model predicts.
"""

import itertools
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from functions.scheduled import audit, end_due_order, sweep
from shared import clock, ids
from shared.aws import secrets
from shared.commands.settle import settle
from shared.domain.payment import Charge, Currency, Provider
from shared.handlers.background import HandlerFailed
from shared.store import feeds, table
from tests import api
from tests.conftest import OPERATOR, TABLE, ParameterStore
from tests.fakes import sdk
from tests.fakes.dynamodb import Database
from tests.in_process import changed_settings
from tests.payments.shops import asked_for_stars
from tests.stateful.model import BANNED, CONTACTS_PER_HOUR, HOUR, MASKED, WINDOW, Model, Says

START = 1_790_000_000_000
MINUTE = 60_000

USERS = st.integers(1, 6)
CONTACTS = st.sampled_from(
    [
        ("@burst_pipe", "@burst_pipe"),
        ("https://t.me/Burst_Pipe", "@burst_pipe"),
        ("+7 916 123-45-67", "+79161234567"),
        ("8 (916) 123 45 67", "+79161234567"),
        ("@third_pipe", "@third_pipe"),
    ]
)
CATEGORIES = st.sampled_from(["Сантехника", "Клининг"])
CITIES = st.sampled_from(["Москва", "Казань"])
DESCRIPTIONS = st.sampled_from(
    ["Прорвало трубу на кухне, вода на полу", "Потоп: убрать воду и просушить полы 🙏", *MASKED]
)
STATUSES = st.sampled_from([None, "active", "expired", "deleted", "closed_no_response", "completed"])
# Steps of time around every deadline, and between them.
TIMES = st.sampled_from(
    [1, 1_000, MINUTE - 1_001, MINUTE, 5 * MINUTE, WINDOW - 1, WINDOW, HOUR - WINDOW, HOUR - 1, HOUR]
)
NOT_AN_ORDER = "____________"


@contextmanager
def plugged_in(database: Database, now: Any) -> Iterator[None]:
    """Replace the functions' clock, table and secrets; the bucket of contacts is as large as the model's."""
    client = table.client.__wrapped__()
    sdk.below_the_client(client, database.execute, sleep=lambda _: None, random=lambda: 0.0)
    with changed_settings() as change, pytest.MonkeyPatch.context() as patch:
        change(CONTACTS_PER_HOUR=f"{CONTACTS_PER_HOUR}")
        patch.setattr(clock, "now_ms", now)
        patch.setattr(table, "client", lambda: client)
        patch.setattr(secrets, "_provider", ParameterStore)
        # Many ids are made in one millisecond here, so random bits would collide sometimes.
        numbers = itertools.count()
        drawn = types.SimpleNamespace(randbits=lambda bits: next(numbers) % 2**bits, token_urlsafe=token_urlsafe)
        patch.setattr(ids, "secrets", drawn)
        yield


def ms(iso: str | None) -> int | None:
    return None if iso is None else round(datetime.fromisoformat(iso).timestamp() * 1000)


def order_as_told(order: dict[str, Any]) -> dict[str, Any]:
    """Return an order of a response with its times as numbers. The model has no versions: timers write too."""
    return {
        **{name: value for name, value in order.items() if name != "version"},
        "created_at": ms(order["created_at"]),
        "customer_responded_at": ms(order["customer_responded_at"]),
        "taken_by": [(take["executor_id"], ms(take["taken_at"])) for take in order["taken_by"]],
    }


class Service(RuleBasedStateMachine):
    """Requests of six users, who are both clients and executors, and the timers."""

    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(START)
        database = Database(api.table_definition(), name=TABLE, now=lambda: self.model.now)
        self._charges: dict[int, list[Charge]] = {user: [] for user in range(1, 7)}
        self._charge_ids = itertools.count()
        self._plug = plugged_in(database, lambda: self.model.now)
        self._plug.__enter__()

    def teardown(self) -> None:
        self._plug.__exit__(None, None, None)

    def ask(self, route: str, user: int | None = None, **more: Any) -> api.Answer:
        feeds._totals.clear()  # a new environment has no cached totals
        method, path = route.split(" ")
        headers = {"authorization": f"Bearer {api.init_data(user, self.model.now)}"} if user else {}
        order_id = more.pop("id", "")
        request = api.event(method, path.replace("{id}", order_id), headers=headers, route=route, **more)
        return api.invoke(route, request)

    def expect(self, says: Says, answer: api.Answer, told: Any = None) -> None:
        """Check that the response matches the model. `told` replaces a content that must be parsed first."""
        assert answer.status == says.status, (says, answer.text)
        if says.status >= 400:
            assert answer.json["code"] == says.body
        elif says.body is not None:
            assert (answer.json if told is None else told) == says.body

    # ------------------------------------------------------------ orders

    @rule(
        target=orders,
        user=USERS,
        contact=CONTACTS,
        category=CATEGORIES,
        city=CITIES,
        description=DESCRIPTIONS,
    )
    def create(self, user: int, contact: tuple[str, str], category: str, city: str, description: str) -> Any:
        shown, normal = contact
        given = {"category": category, "city": city, "description": description, "contact": shown}
        answer = self.ask("POST /api/orders", user, body=given)
        order_id = answer.json.get("id")
        says = self.model.create(user, order_id, given, normal)
        self.expect(says, answer, told=order_as_told(answer.json) if answer.status == 201 else None)
        return order_id if order_id else multiple()

    @rule(order_id=orders, own=st.booleans(), user=USERS, passes=st.sampled_from([0, 0, 1_000, MINUTE - 1, MINUTE]))
    def create_again(self, order_id: str, own: bool, user: int, passes: int) -> None:
        """Send the request of an order again, by its client or by another user, with the order's texts of now."""
        order = self.model.orders[order_id]
        if order.erased:
            return
        self.model.now = max(self.model.now, order.created_at + passes)
        given = {name: getattr(order, name) for name in ("category", "city", "description", "contact")}
        answer = self.ask("POST /api/orders", self._client(order_id, user, own), body=given)
        says = self.model.create(self._client(order_id, user, own), answer.json.get("id"), given, order.normal)
        self.expect(says, answer, told=order_as_told(answer.json) if answer.status == 201 else None)

    @initialize(target=orders, contact=CONTACTS)
    def begin(self, contact: tuple[str, str]) -> Any:
        """Create an order."""
        return self.create(1, contact, "Сантехника", "Москва", "Прорвало трубу на кухне, вода на полу")

    @initialize()
    def pay_in(self) -> None:
        """Give all users money for a few takes, which the provider may take back."""
        for user in range(1, 7):
            # A second charge for an invoice becomes a payment of its own, so one invoice is enough.
            asked_for_stars(user, user, self.model.now)
        for user in range(2, 7):
            self.pay(user)

    @rule(order_id=orders, user=st.one_of(st.none(), USERS))
    def get(self, order_id: str, user: int | None) -> None:
        answer = self.ask("GET /api/orders/{id}", user, id=order_id)
        says = self.model.get(order_id, user)
        self.expect(says, answer, told=order_as_told(answer.json) if answer.status == 200 else None)

    @rule(
        order_id=orders,
        own=st.booleans(),
        user=USERS,
        contact=st.one_of(st.none(), CONTACTS),
        category=st.one_of(st.none(), CATEGORIES),
        description=st.one_of(st.none(), DESCRIPTIONS, st.sampled_from([*MASKED.values()])),
    )
    def update(
        self,
        order_id: str,
        own: bool,
        user: int,
        contact: tuple[str, str] | None,
        category: str | None,
        description: str | None,
    ) -> None:
        user = self._client(order_id, user, own)
        shown, normal = contact or (None, None)
        changes = (("contact", shown), ("category", category), ("description", description))
        given = {name: value for name, value in changes if value is not None}
        answer = self.ask("PUT /api/orders/{id}", user, id=order_id, body={**given, "city": "Омск"})
        says = self.model.update(order_id, user, given, normal)
        self.expect(says, answer, told=order_as_told(answer.json) if answer.status == 200 else None)

    @rule(order_id=orders, own=st.booleans(), user=USERS)
    def delete(self, order_id: str, own: bool, user: int) -> None:
        user = self._client(order_id, user, own)
        answer = self.ask("DELETE /api/orders/{id}", user, id=order_id)
        self.expect(self.model.delete(order_id, user), answer)

    @rule(order_id=orders, user=USERS)
    def take(self, order_id: str, user: int) -> None:
        answer = self.ask("POST /api/orders/{id}/take", user, id=order_id)
        self.expect(self.model.take(order_id, user), answer)

    @rule(order_id=orders, users=st.permutations([2, 3, 4, 5, 6]))
    def take_all(self, order_id: str, users: list[int]) -> None:
        for user in users[:3]:
            self.take(order_id, user)

    @rule(order_id=orders, own=st.booleans(), user=USERS)
    def respond(self, order_id: str, own: bool, user: int) -> None:
        user = self._client(order_id, user, own)
        answer = self.ask("POST /api/orders/{id}/respond", user, id=order_id)
        says = self.model.respond(order_id, user)
        self.expect(says, answer, told=order_as_told(answer.json) if answer.status == 200 else None)

    @rule(order_id=orders, own=st.booleans(), user=USERS)
    def close(self, order_id: str, own: bool, user: int) -> None:
        user = self._client(order_id, user, own)
        answer = self.ask("POST /api/orders/{id}/close", user, id=order_id)
        self.expect(self.model.close(order_id, user), answer)

    @rule(order_id=orders, own=st.booleans(), user=USERS)
    def complete(self, order_id: str, own: bool, user: int) -> None:
        user = self._client(order_id, user, own)
        answer = self.ask("POST /api/orders/{id}/complete", user, id=order_id)
        says = self.model.complete(order_id, user)
        self.expect(says, answer, told=order_as_told(answer.json) if answer.status == 200 else None)

    @rule(user=USERS, what=st.sampled_from(["take", "respond", "close", "complete"]))
    def ask_of_no_order(self, user: int, what: str) -> None:
        answer = self.ask(f"POST /api/orders/{{id}}/{what}", user, id=NOT_AN_ORDER)
        is_banned = self.model.account(user).banned_at is not None
        self.expect(BANNED if is_banned and what != "take" else Says(404, "order_not_found"), answer)

    def _client(self, order_id: str, user: int, own: bool) -> int:
        return self.model.orders[order_id].client if own else user

    # ------------------------------------------------------------ lists

    @rule(
        status=STATUSES,
        city=st.one_of(st.none(), CITIES),
        category=st.one_of(st.none(), CATEGORIES),
        limit=st.integers(1, 3),
        offset=st.integers(0, 3),
    )
    def list(self, status: str | None, city: str | None, category: str | None, limit: int, offset: int) -> None:
        given = {"status": status, "city": city, "category": category, "limit": limit, "offset": offset}
        answer = self._list(given, None)
        says = self.model.feed(status=status, city=city, category=category, limit=limit, offset=offset)
        self.expect(says, answer, told=self._page(answer))

    @rule(
        user=USERS,
        whose=st.sampled_from(["mine", "taken_by_me"]),
        status=STATUSES,
        city=st.one_of(st.none(), CITIES),
        limit=st.integers(1, 3),
        offset=st.integers(0, 3),
    )
    def list_own(self, user: int, whose: str, status: str | None, city: str | None, limit: int, offset: int) -> None:
        narrowed = {"status": status, "city": city, "limit": limit, "offset": offset}
        answer = self._list({**narrowed, whose: True}, user)
        model = self.model.mine if whose == "mine" else self.model.taken_by_me
        self.expect(model(user, **narrowed), answer, told=self._page(answer))  # type: ignore[arg-type]

    def _list(self, given: dict[str, Any], user: int | None) -> api.Answer:
        query = {name: value for name, value in given.items() if value is not None}
        return self.ask("GET /api/orders", user, query=query)

    def _page(self, answer: api.Answer) -> Any:
        if answer.status != 200:
            return None
        page = answer.json
        has_more = page.pop("next_cursor") is not None
        return {**page, "orders": [order_as_told(order) for order in page["orders"]], "has_more": has_more}

    # ------------------------------------------------------------ money and people

    @rule(user=USERS, amount=st.integers(1, 9))
    def recharge(self, user: int, amount: int) -> None:
        answer = self.ask("POST /api/balance/recharge", user, body={"amount": amount})
        account = self.model.account(user)
        if account.banned_at is not None:
            self.expect(BANNED, answer)
            return
        account.pay(amount)
        assert (answer.status, answer.json["new_balance"]) == (200, account.balance)

    @rule(user=USERS)
    def me(self, user: int) -> None:
        answer = self.ask("GET /api/users/me", user)
        told = answer.json
        self.expect(
            self.model.me(user),
            answer,
            told=(told["balance"], told["active_orders"], told["completed_orders"], told["rating"]),
        )
        debt = self.model.account(user).debt
        assert self.ask("GET /api/balance", user).json == {
            "balance": told["balance"],
            **({"debt": debt} if debt else {}),
        }

    @rule(user=USERS)
    def pay(self, user: int) -> None:
        """The provider takes a user's Stars, as many as their invoice says."""
        charge = Charge(Provider.TELEGRAM_STARS, f"stx{next(self._charge_ids)}", user, user, user, Currency.XTR)
        for _ in range(2):
            settle(charge)
        self._charges[user].append(charge)
        self.model.account(user).pay(user)

    @rule(user=USERS)
    def take_back(self, user: int) -> None:
        """The provider gives all of a user's Stars back, however they were spent."""
        for charge in self._charges[user]:
            for _ in range(2):
                settle(replace(charge, refunded=user))
            self.model.account(user).take_back(user)
        self._charges[user].clear()

    @rule(order_id=orders, user=USERS, again=st.booleans())
    def take_with_money_that_goes_back(self, order_id: str, user: int, again: bool) -> None:
        self.take(order_id, user)
        self.take_back(user)
        self.me(user)
        if again:
            self.pay(user)
            self.me(user)

    @rule(user=USERS, limit=st.integers(1, 4))
    def transactions(self, user: int, limit: int) -> None:
        """Check all pages, newest first."""
        told, query = [], {"limit": limit}
        while True:
            page = self.ask("GET /api/balance/transactions", user, query=query).json
            told += [
                (entry["type"], entry["amount"], entry["balance_after"], entry["order_id"])
                for entry in page["transactions"]
            ]
            if page["next_cursor"] is None:
                break
            query = {"limit": limit, "cursor": page["next_cursor"]}
        assert told[::-1] == self.model.account(user).ledger

    # ------------------------------------------------------------ reviews

    @rule(
        order_id=orders,
        own=st.booleans(),
        user=USERS,
        rating=st.integers(1, 5),
        comment=st.sampled_from([None, "Быстро", *MASKED]),
        executor=st.one_of(st.none(), USERS),
    )
    def review(
        self, order_id: str, own: bool, user: int, rating: int, comment: str | None, executor: int | None
    ) -> None:
        user = self._client(order_id, user, own)
        body = {"order_id": order_id, "rating": rating, "comment": comment, "executor_id": executor}
        answer = self.ask("POST /api/reviews/client", user, body=body)
        self.expect(self.model.review(order_id, user, rating, comment, executor), answer)

    @rule(order_id=orders, user=USERS)
    def complain(self, order_id: str, user: int) -> None:
        answer = self.ask("POST /api/reviews/executor", user, body={"order_id": order_id, "complaint": "Не отвечал"})
        self.expect(self.model.complain(order_id, user), answer)

    @rule(order_id=orders, user=USERS)
    def check(self, order_id: str, user: int) -> None:
        answer = self.ask("GET /api/reviews/check", user, query={"order_id": order_id})
        self.expect(self.model.check(order_id, user), answer)

    @rule(
        user=USERS,
        which=st.sampled_from(["all", "mine", "written"]),
        rating=st.one_of(st.none(), st.integers(1, 5)),
        limit=st.integers(1, 3),
    )
    def list_reviews(self, user: int, which: str, rating: int | None, limit: int) -> None:
        moments = [review.created_at for review in self.model.reviews]
        if len(set(moments)) < len(moments):
            return  # entries of one millisecond have no defined order
        query = {"limit": limit, **({"rating": rating} if rating else {}), **({which: True} if which != "all" else {})}
        answer = self.ask("GET /api/reviews", user, query=query)
        told = [
            (review["order_id"], review["rating"], review["comment"], review["author_name"]) for review in answer.json
        ]
        self.expect(self.model.list_reviews(user, which=which, rating=rating, limit=limit), answer, told=told)

    # ------------------------------------------------------------ operators and erasure

    def act(self, what: str, id: object, **body: Any) -> api.Answer:
        """Send an operator's request, for example `orders/{id}/remove`."""
        return self.ask(f"POST /api/admin/{what}", OPERATOR, id=str(id), body={"reason": "жалоба", **body})

    @rule(order_id=orders)
    def remove(self, order_id: str) -> None:
        answer = self.act("orders/{id}/remove", order_id)
        says = self.model.remove(order_id)
        self.expect(says, answer, told=self._operators_order_as_told(answer.json))

    def _operators_order_as_told(self, order: dict[str, Any]) -> dict[str, Any]:
        takes = [
            (take["executor_id"], ms(take["taken_at"]), take["price"], take["refunded"]) for take in order["takes"]
        ]
        times = {name: ms(order[name]) for name in ("ended_at", "removed_at")}
        return {**order_as_told(order), "takes": takes, **times}

    @rule(order_id=orders, user=USERS, took=st.booleans())
    def refund(self, order_id: str, user: int, took: bool) -> None:
        executors = self.model.orders[order_id].executors
        executor = executors[user % len(executors)] if took and executors else user
        answer = self.act("orders/{id}/refund", order_id, executor_id=executor)
        self.expect(self.model.refund(order_id, executor), answer)

    @rule(user=USERS)
    def ban(self, user: int) -> None:
        answer = self.act("users/{id}/ban", user)
        self.expect(self.model.ban(user), answer, told=self._ban_as_told(answer))

    @rule(user=USERS, more=USERS)
    def unban(self, user: int, more: int) -> None:
        """Unban. Runs twice as often as bans, so that users stay active."""
        for whom in {user, more}:
            answer = self.act("users/{id}/unban", whom)
            self.expect(self.model.unban(whom), answer, told=self._ban_as_told(answer))

    def _ban_as_told(self, answer: api.Answer) -> Any:
        told = answer.json
        return told["user_id"], ms(told["banned_at"]), set(told["removed_orders"])

    @rule(order_id=orders, user=USERS)
    def complain_and_handle(self, order_id: str, user: int) -> None:
        self.complain(order_id, user)
        for _ in range(user % 2 + 1):
            answer = self.act("complaints/handle", "", order_id=order_id, executor_id=user)
            self.expect(self.model.handle(order_id, user), answer)

    @rule(handled=st.booleans())
    def complaints(self, handled: bool) -> None:
        answer = self.ask("GET /api/admin/complaints", OPERATOR, query={"handled": handled})
        told = {(complaint["order_id"], complaint["executor_id"]) for complaint in answer.json["complaints"]}
        self.expect(self.model.queue(handled=handled), answer, told=told)

    @rule(user=USERS)
    def leave(self, user: int) -> None:
        """Erase the user, who may return afterwards."""
        answer = self.ask("DELETE /api/users/me", user)
        self.expect(self.model.forget(user), answer)

    @rule(limit=st.integers(1, 4))
    def audit_log(self, limit: int) -> None:
        """Check all pages; entries of one millisecond have no defined order."""
        told, query = [], {"limit": limit}
        while True:
            page = self.ask("GET /api/admin/actions", OPERATOR, query=query).json
            told += [(action["kind"], action["user_id"], action["order_id"]) for action in page["actions"]]
            if page["next_cursor"] is None:
                break
            query = {"limit": limit, "cursor": page["next_cursor"]}
        assert sorted(told, key=str) == sorted(self.model.audit_log, key=str)

    # ------------------------------------------------------------ time

    @rule(passes=TIMES)
    def wait(self, passes: int) -> None:
        self.model.now += passes

    @rule(order_id=orders, which=st.sampled_from(["hour", "window"]), early=st.sampled_from([0, 0, 1]))
    def wait_for_a_deadline(self, order_id: str, which: str, early: int) -> None:
        """Advance the clock to a deadline, or to one millisecond before it."""
        order = self.model.orders[order_id]
        at = order.takes[0][1] + WINDOW if which == "window" and order.takes else order.created_at + HOUR
        self.model.now = max(self.model.now, at - early)
        self.get(order_id, None)

    @rule(order_id=orders, ahead=st.sampled_from([0, 0, 0, 1, 5_000]))
    def timer(self, order_id: str, ahead: int) -> None:
        """Fire a schedule on time, late or again. An early one fails and changes nothing (L6)."""
        event = {"order_id": order_id, "due_at": self.model.now + ahead}
        if ahead:
            with pytest.raises(HandlerFailed):
                end_due_order.handler(event, api.Context())
        else:
            end_due_order.handler(event, api.Context())
            self.model.settle(self.model.orders[order_id])

    @rule()
    def sweep(self) -> None:
        sweep.handler({}, api.Context())
        for order in self.model.due():
            self.model.settle(order)

    @precondition(lambda self: len(self.model.orders) > 1)
    @rule()
    def audit(self) -> None:
        """Check I1 to I8, I15, I21 and I27 at any moment."""
        assert audit.handler({}, api.Context()) == []

    @rule(order_id=consumes(orders))
    def forget(self, order_id: str) -> None:
        """Forget old orders, so that newer ones are chosen too."""

    @invariant()
    def money_is_neither_made_nor_lost(self) -> None:
        """Check I3 of the model: balances plus the cost of takes, less debts, equal what providers hold."""
        for account in self.model.accounts.values():
            spent = -sum(amount for type, amount, _, _ in account.ledger if type in ("order_take", "refund"))
            assert account.balance + spent - account.debt == account.paid
            assert 0 in (account.balance, account.debt)


QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_service_matches_model() -> None:
    run_state_machine_as_test(Service, settings=settings(max_examples=50, stateful_step_count=40, **QUIET))  # type: ignore[arg-type]


@pytest.mark.proof
def test_service_matches_model_in_long_runs() -> None:
    run_state_machine_as_test(Service, settings=settings(max_examples=500, stateful_step_count=60, **QUIET))  # type: ignore[arg-type]
