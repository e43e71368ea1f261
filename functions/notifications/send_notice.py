"""The queue of notices: tell clients of takes, executors of responses, ends and refunds, and both of a removal."""

from typing import Any

from shared import clock
from shared.aws.queues import Queue
from shared.bot import buttons, texts
from shared.bot.sending import BotMessage, app_button, dropped, send
from shared.domain import delivery as deliveries
from shared.domain import notice as rules
from shared.domain.delivery import Outcome
from shared.domain.notice import Notice
from shared.domain.order import Order
from shared.handlers.background import queue_handler
from shared.service_errors import RetryLater
from shared.store import notices


def send_notice(notice: Notice, context: Any) -> None:
    """Send a notice, unless it is outdated.

    One consistent BatchGetItem; one PutItem to claim the notice and one to record the outcome; the calls of
    `sending.send`. Raises RetryLater when the notice is early, claimed by another sender, or not sent yet; Busy,
    Unavailable.
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
    outcome, seconds = send(notice.user_id, lambda now: _compose(notice, order, now))
    now = clock.now_ms()
    outcome = deliveries.in_time(outcome, now + seconds * 1000, rules.useful_until(notice, order))
    after = deliveries.after(claim, outcome, now)
    # If another sender holds the claim by now, that sender records the outcome.
    notices.write(notice, claim, after, now)
    if after is not None:
        raise RetryLater(max(seconds, deliveries.rest_ms(after, now) / 1000))
    if outcome is not Outcome.ARRIVED:
        dropped(outcome, notice.user_id, [notice.order_id])


def _compose(notice: Notice, order: Order, now: int) -> BotMessage | None:
    if rules.drop_reason(notice, order, now) is not None:
        return None
    asks = notice.kind in ("taken", "asked") and rules.can_be_answered(order, now)
    return BotMessage(
        texts.notice(notice, order, now),
        buttons.of(order, now) if asks else [[app_button(texts.OPEN_ORDER, order)]],
    )


handler = queue_handler(Queue.NOTICES, Notice, send_notice)
