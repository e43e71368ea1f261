"""The queue of notices: a client hears of takes, executors of the answer, the end and the refund, both of a removal."""

from typing import Any

from shared import clock
from shared.aws.queues import Message, Queue
from shared.bot import buttons, texts
from shared.bot.sending import Said, app_button, dropped, send
from shared.domain import delivery as deliveries
from shared.domain import notice as rules
from shared.domain.notice import Notice
from shared.domain.order import Order
from shared.handlers.background import queue_handler
from shared.service_errors import RetryLater
from shared.store import notices


def send_notice(message: Message, context: Any) -> None:
    """Send a notice, `{"kind", "order_id", "user_id", "due_at", "number"}`, while it is news; once, if it can be known.

    One BatchGetItem; a claim before sending and its end after it, a PutItem each; `sending.send`.
    """
    notice = Notice(**message)
    now = clock.now_ms()
    if now < notice.due_at:
        raise RetryLater((notice.due_at - now) / 1000)
    before, is_over, user, order = notices.read(notice)
    if is_over:
        return
    if before is not None and deliveries.is_held(before, now):
        raise RetryLater((before.held_until - now) / 1000)
    reason = rules.why_not(notice, order, now)
    if reason is None and user.chat_open is False:
        reason = "unreachable"
    if reason is None and deliveries.is_spent(before):
        reason = "in_doubt"
    if reason is not None or order is None:
        dropped(str(reason), notice.user_id, [notice.order_id])
        return

    claim = deliveries.claimed(before, now)
    if not notices.write(notice, before, claim, now):
        raise RetryLater(1)
    outcome, seconds = send(notice.user_id, lambda now: _say(notice, order, now))
    # Where another has it by now, he says what became of it.
    notices.write(notice, claim, deliveries.after(claim, outcome), now)
    if outcome in ("missed", "in_doubt"):
        raise RetryLater(seconds)
    if outcome != "arrived":
        dropped("ended" if outcome == "too_late" else outcome, notice.user_id, [notice.order_id])


def _say(notice: Notice, order: Order, now: int) -> Said | None:
    if rules.why_not(notice, order, now) is not None:
        return None
    asks = notice.kind in ("taken", "asked") and rules.can_be_answered(order, now)
    return Said(
        texts.notice(notice, order, now),
        buttons.of(order, now) if asks else [[app_button(texts.OPEN_ORDER, order)]],
    )


handler = queue_handler(Queue.NOTICES, send_notice)
