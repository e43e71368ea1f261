"""A sender is killed before and after each of its calls: no message is lost, and only one in doubt is repeated."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient

from functions.notifications import send_offer
from infra.local.fakes.telegram import FakeTelegram
from shared.aws.queues import Queue
from shared.commands import threads as commands
from shared.domain.delivery import HELD_MS
from shared.domain.init_data import TelegramUser
from shared.domain.support import Content
from shared.outbound import bot_api
from tests import api
from tests.conftest import OPERATOR
from tests.in_process import HANDLERS, Api
from tests.messages import CLIENT, EXECUTOR, digest_of, listen, taken


class Killed(BaseException):
    """The sender's process was killed."""


Deadly = Callable[[Queue, dict[str, Any], int], list[str] | None]


@pytest.fixture(params=["before", "after"])
def dies(request: pytest.FixtureRequest, service: Api, monkeypatch: pytest.MonkeyPatch) -> Deadly:
    """Handle a message and die before or after the given call of AWS or Telegram, counted from 1.

    Returns the completed calls, or None if the handler made fewer calls and survived.
    """
    aws, telegram = BaseClient._make_api_call, bot_api.call  # type: ignore[attr-defined]

    def handle(queue: Queue, message: dict[str, Any], number: int) -> list[str] | None:
        event = service.received(queue, message)
        numbers, done = itertools.count(1), []

        def counted(name: str, call: Callable[[], Any]) -> Any:
            deadly = next(numbers) == number
            if deadly and request.param == "before":
                raise Killed
            try:
                return call()
            finally:
                done.append(name)
                if deadly:
                    raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(BaseClient, "_make_api_call", lambda *call: counted(call[1], lambda: aws(*call)))
            patch.setattr(bot_api, "call", lambda name, **given: counted(name, lambda: telegram(name, **given)))
            try:
                HANDLERS[queue].handler(event, api.Context())
            except Killed:
                send_offer._told.clear()
                return done
        return None

    return handle


def again(service: Api, queue: Queue, message: dict[str, Any]) -> None:
    """Deliver a message until it is handled, and once more."""
    for _ in range(3):
        service.later(ms=HELD_MS)
        left = service.handle(queue, message)
    assert left == []


def in_doubt(done: list[str]) -> bool:
    """Whether the sender died between Telegram's response and the write that records it."""
    return done[-1:] == ["sendMessage"]


def holds_claim(done: list[str]) -> bool:
    """Whether the sender died after its first write, which is the claim, and before the outcome was recorded."""
    has_claimed = any(name in ("PutItem", "UpdateItem") for name in done)
    return has_claimed and ("sendMessage" not in done or in_doubt(done))


def an_offer(service: Api, number: int) -> tuple[Queue, dict[str, Any], int]:
    listen(100 + number)
    order = service.order(CLIENT, f"@pipe_number{number}")
    return Queue.OFFERS, {"user_id": 100 + number, "order_id": order["id"], "due_at": service.now}, 100 + number


def a_digest(service: Api, number: int) -> tuple[Queue, dict[str, Any], int]:
    for what in (an_offer, collected):
        _, message, user = what(service, number)
        service.handle(Queue.OFFERS, message)
    digest = digest_of(service)
    service.later(minutes=5)
    return Queue.OFFERS, digest, user


def collected(service: Api, number: int) -> tuple[Queue, dict[str, Any], int]:
    order = service.order(CLIENT, f"@other_pipe{number}")
    return Queue.OFFERS, {"user_id": 100 + number, "order_id": order["id"], "due_at": service.now}, 100 + number


def a_notice(service: Api, number: int) -> tuple[Queue, dict[str, Any], int]:
    order = service.order(100 + number, f"@pipe_number{number}")
    return Queue.NOTICES, taken(service, order["id"], EXECUTOR)[0], 100 + number


def an_answer(service: Api, number: int) -> tuple[Queue, dict[str, Any], int]:
    """An operator's answer to a person who wrote to the bot."""
    user = 100 + number
    commands.receive(TelegramUser(user, "", "", None), 1, Content("Где деньги?"))
    commands.answer(user, OPERATOR, text="Вернём", key="a-key-of-8", seen=2**52)
    [message] = service.queued(Queue.ANSWERS)
    return Queue.ANSWERS, message, user


@pytest.mark.parametrize("what", [an_offer, a_digest, a_notice, an_answer])
def test_killed_sender_loses_nobody_and_repeats_only_in_doubt(
    service: Api, bot: FakeTelegram, dies: Deadly, what: Callable[[Api, int], tuple[Queue, dict[str, Any], int]]
) -> None:
    """A message is repeated only if the sender died after Telegram accepted it and before the outcome was written."""
    for number in itertools.count(1):
        queue, message, user = what(service, number)
        before = len(bot.sent(user))
        done = dies(queue, message, number)
        if done is None:
            break
        if holds_claim(done):
            assert service.handle(queue, message) == [message], "the sender with the claim may still be alive"
        again(service, queue, message)
        assert len(bot.sent(user)) - before == 1 + in_doubt(done), done
    assert number > 6, "each of its calls"


def test_killed_collector_keeps_the_order_in_the_digest(service: Api, bot: FakeTelegram, dies: Deadly) -> None:
    for number in itertools.count(1):
        _, message, user = an_offer(service, number)
        service.handle(Queue.OFFERS, message)
        _, message, _ = collected(service, number)
        done = dies(Queue.OFFERS, message, number)
        again(service, Queue.OFFERS, message)
        service.later(minutes=5)
        for digest in service.queued(Queue.OFFERS):
            again(service, Queue.OFFERS, digest)
        _, told = bot.sent(user)
        assert message["order_id"] in str(told), done
        if done is None:
            break
    assert number > 3, "each of its calls"


def test_killed_audience_search_still_finds_everybody(service: Api, dies: Deadly) -> None:
    audience = set(range(100, 112))
    for user in audience:
        listen(user)
    order = service.order(CLIENT)
    message = {"order_id": order["id"], "start": [0, 0], "due_at": service.now}
    for number in itertools.count(1):
        done = dies(Queue.NEW_ORDERS, message, number)
        assert service.handle(Queue.NEW_ORDERS, message) == []
        assert {offer["user_id"] for offer in service.queued(Queue.OFFERS)} == audience, done
        if done is None:
            break
    assert number > 6, "each of its calls"
