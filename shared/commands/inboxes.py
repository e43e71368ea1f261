"""Commands on an executor's inbox: claim orders for sending, and record what became of them."""

from dataclasses import replace

from shared import clock
from shared.aws import queues
from shared.aws.queues import Queue
from shared.commands.retry import retry
from shared.domain import inbox as rules
from shared.domain.delivery import Outcome
from shared.domain.inbox import Inbox, Plan
from shared.domain.messages import Digest, Offer
from shared.observability import metrics
from shared.service_errors import RetryLater
from shared.store import inboxes, table


def claim(message: Offer | Digest) -> Plan:
    """Claim the orders that the message leads to for sending now, or collect them. Returns the plan as written.

    The claim takes the turn of the chat as well, unless the chat has a turn ahead. Per attempt: one consistent
    BatchGetItem, one more when orders besides the message's are to be sent, one UpdateItem when the inbox changes, and
    one SendMessageBatch for the first collected order of a window. Raises RetryLater, Busy, Unavailable, NotQueued.
    """

    def claim_once() -> Plan:
        read, user, order = inboxes.read(message.user_id, message.order_id if isinstance(message, Offer) else None)
        now = clock.now_ms()
        needed = rules.needed(read, user, message, order, now)
        found = [order] if order is not None and set(needed) == {order.id} else inboxes.load(needed)
        plan = rules.plan(read, user, message, order, found, now)
        if plan.retry_at is not None:
            raise RetryLater((plan.retry_at - now) / 1000)
        if plan.collects:
            metrics.add_metric("Collected", "Count", 1)
        if plan.digest is not None:
            queues.send(Queue.OFFERS, [plan.digest], now)
        if not plan.changed:
            return plan
        takes_turn = bool(plan.send) and read.next_turn_at < now
        inbox = inboxes.write(message.user_id, read, plan.inbox, takes_turn=takes_turn)
        return replace(plan, inbox=inbox, has_turn=takes_turn)

    return retry(claim_once)


def record(user_id: int, claimed: Inbox, outcome: Outcome, now: int) -> Inbox:
    """Record the outcome that sending what was claimed had at `now` (epoch ms). Returns the inbox as it is then.

    One UpdateItem; after a conflict, a consistent BatchGetItem and an UpdateItem per attempt. Raises Busy, Unavailable.
    """
    inbox = claimed

    def record_once() -> Inbox:
        nonlocal inbox
        after = rules.after(inbox, outcome, now)
        if after == inbox:
            return inbox  # another sender recorded it, or the user was erased
        try:
            return inboxes.write(user_id, inbox, after)
        except table.WriteConflict:
            inbox, _, _ = inboxes.read(user_id, None)
            raise

    return retry(record_once)
