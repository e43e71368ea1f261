"""Commands on support threads: what a person writes, and what operators do with it."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from shared import clock, ids
from shared.aws import queues
from shared.aws.queues import Queue
from shared.commands.retry import retry
from shared.commands.users import message_token
from shared.domain import support as rules
from shared.domain.durations import SECOND_MS
from shared.domain.errors import ThreadNotFound, TooOften
from shared.domain.init_data import TelegramUser
from shared.domain.operators import Action, ActionKind, check_not_own
from shared.domain.support import Answer, Content, Message, Thread
from shared.observability import best_effort, metrics
from shared.store import audit_log, threads


class Received(NamedTuple):
    """What became of a person's message, and what they are to be told.

    `owes_confirmation`: that it arrived. `has_opened`: also how soon answers come, once per thread that it opened.
    `refused_seconds`: that it is not kept, nor is anything else for so long; 0 if they are not to be told so.
    """

    owes_confirmation: bool = False
    has_opened: bool = False
    refused_seconds: int = 0


def receive(sender: TelegramUser, message_id: int, content: Content) -> Received:
    """Keep a person's message and their name, for a token of their bucket `messages`.

    Idempotent by `message_id`, the message's id in the chat.
    A banned person can write, too. Per attempt: one consistent BatchGetItem and one TransactWriteItems of three writes.
    Raises Busy, Unavailable.
    """
    key = rules.received_key(message_id)

    def receive_once() -> Received:
        user, before, stored = threads.read(sender.id, key)
        now = clock.now_ms()
        if stored is not None:
            # An earlier delivery of the update was stored, and may have ended before the person was told.
            return _told_by(before, stored)
        try:
            token = message_token(user)
        except TooOften as refusal:
            return _refuse(before, refusal, now)
        after = rules.received(before, sender.id, ids.new_integer_id(now), now)
        message = Message(sender.id, key, after.newest_id, content, created_at=now)
        threads.receive(before, after, message, token, sender)
        metrics.add_metric("ThreadMessages", "Count", 1)
        return _told_by(after, message)

    return retry(receive_once)


def _told_by(thread: Thread | None, message: Message) -> Received:
    if thread is None:
        return Received()  # erased since
    return Received(thread.confirmed_id == message.id, thread.opened_id == message.id)


def _refuse(before: Thread | None, refusal: TooOften, now: int) -> Received:
    """Refuse a message of a person who wrote too many. They are told the first time until they can write again.

    The thread notes that they were told. A person without a thread is told nothing, because nothing could note it. So
    a flood of messages costs a read each. At most one TransactWriteItems of one write. Raises table.WriteConflict.
    """
    metrics.add_metric("ThreadMessagesRefused", "Count", 1)
    if before is None or now < before.refused_until:
        return Received()
    threads.write(before, rules.refused(before, now + refusal.retry_after * SECOND_MS), None)
    return Received(refused_seconds=refusal.retry_after)


def edit(user_id: int, message_id: int, content: Content) -> None:
    """Replace what a kept message says by what the person made of it, for a token of the same bucket. Idempotent.

    Does nothing for a message that is not kept, and without a token. Per attempt: one consistent BatchGetItem and one
    TransactWriteItems of two writes. Raises Busy, Unavailable.
    """

    def edit_once() -> None:
        user, _, before = threads.read(user_id, rules.received_key(message_id))
        if before is None or before.content == content:
            return
        try:
            token = message_token(user)
        except TooOften:
            return
        threads.edit(before, replace(before, content=content, edited_at=clock.now_ms()), token)

    retry(edit_once)


def answer(user_id: int, operator_id: int, *, text: str, key: str, seen: int) -> Thread:
    """Store an operator's answer, which has seen the messages up to `seen`, and queue it. Idempotent by `key`.

    The stored answer is the outbox: if it does not reach the queue, a later look queues it again. Per attempt: one
    consistent BatchGetItem and one TransactWriteItems of three writes; then one SendMessageBatch. Raises OwnCase,
    ThreadNotFound, Busy, Unavailable.
    """
    check_not_own(operator_id, user_id)
    key = rules.answer_key(key)

    def answer_once() -> Thread:
        _, before, stored = threads.read(user_id, key)
        now = clock.now_ms()
        if before is None:
            raise ThreadNotFound
        if stored is not None:
            return before
        after = rules.answered(before, operator_id, ids.new_integer_id(now), seen=seen, now=now)
        message = rules.new_answer(after, key, text, operator_id, now)
        threads.answer(before, after, message, _action("thread_answered", operator_id, user_id))
        if before.answered_at is None:
            metrics.add_metric("FirstAnswerTime", "Milliseconds", now - before.opened_at)
        with best_effort():
            queues.send(Queue.ANSWERS, [Answer(user_id, key, due_at=now)], now)
        return after

    return retry(answer_once)


def take_over(user_id: int, operator_id: int) -> Thread:
    """Make the operator the one who answers the thread. The calls and errors of `_change`."""
    return _change(user_id, "thread_taken", operator_id, lambda thread, now: rules.taken_over(thread, operator_id))


def close(user_id: int, operator_id: int, *, seen: int) -> Thread:
    """Close the thread, having seen the messages up to `seen`. The calls of `_change`.

    Raises ThreadChanged, and the errors of `_change`.
    """
    return _change(
        user_id, "thread_closed", operator_id, lambda thread, now: rules.closed(thread, operator_id, seen=seen, now=now)
    )


def _change(user_id: int, kind: ActionKind, operator_id: int, rule: Callable[[Thread, int], Thread]) -> Thread:
    """Write what `rule` makes of the thread, with the action; nothing if that is the same. Returns the thread.

    Per attempt: one consistent BatchGetItem and one TransactWriteItems of two writes. Raises OwnCase, ThreadNotFound,
    Busy, Unavailable.
    """

    check_not_own(operator_id, user_id)

    def change_once() -> Thread:
        _, before, _ = threads.read(user_id)
        if before is None:
            raise ThreadNotFound
        after = rule(before, clock.now_ms())
        if after != before:
            threads.write(before, after, _action(kind, operator_id, user_id))
        return after

    return retry(change_once)


def _action(kind: ActionKind, operator_id: int, user_id: int) -> Action:
    return audit_log.new(operator_id, kind, rules.REASON, user_id=user_id)
