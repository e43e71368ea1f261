"""The queue of notices: a client hears of takes, executors of the answer, the end and the refund, both of a removal."""

from typing import Any

from shared import clock
from shared.aws.queues import Queue
from shared.bot import buttons, texts
from shared.bot.sending import Said, app_button, dropped, send
from shared.domain import delivery as deliveries
from shared.domain import notice as rules
from shared.domain.delivery import Outcome
from shared.domain.notice import Notice
from shared.domain.order import Order
from shared.handlers.background import queue_handler
from shared.service_errors import RetryLater
from shared.store import notices


def send_notice(notice: Notice, context: Any) -> None:
    """Send a notice while it is news.

    One consistent BatchGetItem; one PutItem to claim the notice and one to record the outcome; `sending.send`.
    """
    now = clock.now_ms()
    if now < notice.due_at:
        raise RetryLater((notice.due_at - now) / 1000)
    before, is_over, user, order = notices.read(notice)
    if is_over:
        return
    if before is not None and deliveries.is_held(before, now):
        raise RetryLater((before.held_until - now) / 1000)
    reason = rules.drop_reason(notice, order, now)
    if reason is None and user.chat_open is False:
        reason = Outcome.UNREACHABLE
    if reason is None and deliveries.is_spent(before):
        reason = Outcome.IN_DOUBT
    if reason is not None or order is None:
        dropped(reason or Outcome.ENDED, notice.user_id, [notice.order_id])
        return

    claim = deliveries.claimed(before, now)
    if not notices.write(notice, before, claim, now):
        raise RetryLater(1)
    outcome, seconds = send(notice.user_id, lambda now: _say(notice, order, now))
    # If another sender holds the claim by now, that sender records the outcome.
    notices.write(notice, claim, deliveries.after(claim, outcome), now)
    if outcome in (Outcome.MISSED, Outcome.IN_DOUBT):
        raise RetryLater(seconds)
    if outcome is not Outcome.ARRIVED:
        dropped(outcome, notice.user_id, [notice.order_id])


def _say(notice: Notice, order: Order, now: int) -> Said | None:
    if rules.drop_reason(notice, order, now) is not None:
        return None
    asks = notice.kind in ("taken", "asked") and rules.can_be_answered(order, now)
    return Said(
        texts.notice(notice, order, now),
        buttons.of(order, now) if asks else [[app_button(texts.OPEN_ORDER, order)]],
    )


handler = queue_handler(Queue.NOTICES, Notice, send_notice)
