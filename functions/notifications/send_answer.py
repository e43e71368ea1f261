"""The queue of operators' answers: send each to its person. Once a minute: find what waits, and tell operators."""

from dataclasses import replace
from typing import Any

from shared import clock
from shared.aws import queues
from shared.aws.queues import Queue
from shared.bot import texts
from shared.bot.sending import BotMessage, dropped, send
from shared.domain import delivery as deliveries
from shared.domain import support as rules
from shared.domain.delivery import Outcome
from shared.domain.durations import HOUR_MS
from shared.domain.support import Answer, Message, Thread, Watch
from shared.handlers.background import background_handler, queue_handler
from shared.observability import best_effort, metrics
from shared.service_errors import RetryLater
from shared.settings import operators, operators_chat_id, support_answer_hours
from shared.store import threads

# Of these, the metrics and the notices take the longest waits.
_MOST_WAITING = 50


def send_answer(message: Answer, context: Any) -> None:
    """Send an answer, and record what became of it.

    One consistent BatchGetItem; one UpdateItem to claim the answer and one to record the outcome; the calls of
    `sending.send`. Raises RetryLater when another sender has the claim, or the answer is not sent yet; Unavailable.
    """
    user, _, before = threads.read(message.user_id, message.key)
    now = clock.now_ms()
    if before is None or before.delivery is None or before.outcome is not None:
        return  # sent, or its person was erased
    if deliveries.is_held(before.delivery, now):
        raise RetryLater((before.delivery.held_until - now) / 1000)
    reason = rules.drop_reason(before, now)
    if reason is None and user.chat_open is False:
        reason = Outcome.UNREACHABLE
    if reason is None and deliveries.is_spent(before.delivery):
        reason = Outcome.IN_DOUBT
    if reason is not None:
        _end(before, reason)
        return

    claim = deliveries.claimed(before.delivery, now)
    claimed = rules.tried(before, claim, now)
    if not threads.write_delivery(before, claimed):
        raise RetryLater(1)
    outcome, seconds = send(message.user_id, lambda now: BotMessage(texts.answer(before.content.text)))
    now = clock.now_ms()
    outcome = deliveries.in_time(outcome, now + seconds * 1000, rules.useful_until(before))
    after = deliveries.after(claim, outcome, now)
    if after is not None:
        # If another sender holds the claim by now, that sender records the outcome.
        threads.write_delivery(claimed, rules.tried(claimed, after, now))
        raise RetryLater(max(seconds, deliveries.rest_ms(after, now) / 1000))
    _end(claimed, outcome)


def _end(answer: Message, outcome: Outcome) -> None:
    threads.write_delivery(answer, replace(answer, outcome=rules.OUTCOMES[outcome]))
    if outcome is not Outcome.ARRIVED:
        dropped(outcome, answer.user_id, [])


def look(event: dict[str, Any], context: Any) -> None:
    """Queue answers that may be lost, measure the waits, and tell the operators who want to be told.

    One Query of answers that are due, and one SendMessageBatch per ten of them. One Query and one BatchGetItem of the
    threads that wait the longest, and two COUNT Queries. If threads wait that nobody took over: one consistent
    BatchGetItem, and for each chat that is due one UpdateItem and the calls of `sending.send`. Raises Unavailable,
    NotQueued.
    """
    now = clock.now_ms()
    lost = [Answer(user_id, key, due_at=now) for user_id, key in threads.due_answers(now)]
    queues.send(Queue.ANSWERS, lost, now)
    waiting = [thread for thread, _ in threads.page("waiting", limit=_MOST_WAITING, beyond=None)]
    _measure(waiting, now)
    untaken = [thread for thread in waiting if thread.operator_id is None]
    if untaken:
        for watch in _watches():
            if rules.is_due(watch, now):
                with best_effort():
                    _tell(watch, untaken, now)


def _measure(waiting: list[Thread], now: int) -> None:
    longest = max((_wait_ms(thread, now) for thread in waiting), default=0)
    promised_ms = support_answer_hours() * HOUR_MS
    metrics.add_metric("ThreadsWaiting", "Count", threads.count("waiting"))
    metrics.add_metric("ThreadsAnswered", "Count", threads.count("answered"))
    metrics.add_metric("LongestThreadWait", "Milliseconds", longest)
    metrics.add_metric("ThreadsOverdue", "Count", sum(_wait_ms(thread, now) > promised_ms for thread in waiting))


def _wait_ms(thread: Thread, now: int) -> int:
    return now - thread.waiting_since if thread.waiting_since is not None else 0


def _watches() -> list[Watch]:
    """Return the watches of the operators and of their group. The group has one before anybody sets it."""
    group = operators_chat_id()
    found = threads.watches(sorted({*operators(), *([group] if group else [])}))
    if group is not None and group not in found:
        found[group] = Watch(group, rules.GROUP_WATCH_MINUTES)
        threads.set_watch(found[group])
    return list(found.values())


def _tell(watch: Watch, untaken: list[Thread], now: int) -> None:
    """Tell a chat, after a claim: of two runs, one tells it. A notice that was not sent comes with the next run."""
    if not threads.claim_watch(watch, now):
        return
    text = texts.threads_wait(len(untaken), _wait_ms(untaken[0], now))
    outcome, _ = send(watch.chat_id, lambda now: BotMessage(text))
    if outcome is Outcome.MISSED:
        threads.claim_watch(replace(watch, told_at=now), watch.told_at)


_on_queue = queue_handler(Queue.ANSWERS, Answer, send_answer)
_every_minute = background_handler(look)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Handle messages of the queue, or the event of the schedule."""
    return _on_queue(event, context) if "Records" in event else _every_minute(event, context)
