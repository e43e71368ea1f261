"""The queue of personal frames: tell a user's sockets of what happened to their orders and payments."""

from collections.abc import Sequence
from typing import Any

from shared import clock
from shared.aws import queues
from shared.aws.queues import Queue
from shared.commands import sockets as commands
from shared.domain import live
from shared.domain.durations import ceil_seconds
from shared.domain.messages import PersonalEvent
from shared.domain.notice import can_be_answered
from shared.handlers.background import batch_handler
from shared.store import connections, orders


def send_personal_frames(events: Sequence[PersonalEvent], context: Any) -> None:
    """Send each user one frame per event. An event that is early is put into the queue anew.

    One BatchGetItem for reminders, one Query per user, one POST per socket and frame. Raises NotQueued, Busy,
    Unavailable, botocore's errors.
    """
    now = clock.now_ms()
    due = [event for event in events if event.due_at <= now]
    reminded = orders.get_many([event.subject for event in due if event.kind == "respond_due"])
    told: dict[int, dict[tuple[str, str], live.Frame]] = {}
    for event in due:
        if event.kind == "respond_due":
            order = reminded.get(event.subject)
            if order is None or not can_be_answered(order, now):
                continue
        told.setdefault(event.user_id, {})[event.kind, event.subject] = live.mine_frame(event)
    commands.send_all(
        [
            (connection, list(frames.values()))
            for user_id, frames in told.items()
            for connection in connections.of_user(user_id)
            if live.may_be_open(connection, now)
        ]
    )
    for event in events:
        if event.due_at > now:
            queues.send_again(Queue.PERSONAL_FRAMES, event, ceil_seconds(event.due_at - now))


handler = batch_handler(PersonalEvent, send_personal_frames)
