"""The queues of list frames: show the sockets that watch a list what its orders look like now.

Two queues lead here: the lists of a city, and those of all cities. Each has its own window and its own instances, so
that neither waits for the other.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from shared import clock
from shared.commands import sockets as commands
from shared.domain import live
from shared.domain.durations import SECOND_MS
from shared.domain.live import Connection, Frame, Watch
from shared.domain.messages import ListChange
from shared.domain.order import ListedOrder
from shared.handlers.background import batch_handler
from shared.http.schemas import listed_view
from shared.observability import metrics
from shared.service_errors import ServiceError
from shared.settings import live_ceilings
from shared.store import connections, orders
from shared.store.table import WriteConflict


def send_list_frames(changes: Sequence[ListChange], context: Any) -> None:
    """Send one frame per order to each socket that watches a list which had the order or has it.

    One Query per list. If somebody watches one: one consistent BatchGetItem of its orders, one UpdateItem per watched
    list for a turn, one POST per socket and frame. Raises Busy, Unavailable: then every list was tried.
    """
    by_list: dict[Watch, dict[str, live.Changes]] = {}
    for of_city in (True, False):
        by_order = live.by_order(change for change in changes if change.of_city is of_city)
        for order_id, changed in by_order.items():
            for watch in live.watches(changed, of_city=of_city):
                by_list.setdefault(watch, {})[order_id] = changed
    failure: ServiceError | None = None
    watched: dict[Watch, list[Connection]] = {}
    for watch in by_list:
        try:
            found = connections.watching(watch)
        except ServiceError as error:
            failure = error  # the other lists do not wait until the batch is delivered again
            continue
        now = clock.now_ms()
        if watchers := [connection for connection in found if live.may_be_open(connection, now)]:
            watched[watch] = watchers
    # Read after the watchers. A client that watched since reads the list itself, and an order read before could have
    # ended in between: the frame would show it to a client that was never told of its end.
    shown = orders.listed_now({order_id for watch in watched for order_id in by_list[watch]}) if watched else {}
    now = clock.now_ms()
    views = {order_id: listed_view(order, now=now) for order_id, order in shown.items()}
    for watch, watchers in watched.items():
        frames = [
            _frame(order_id, live.event(watch, changed, shown.get(order_id), now), changed, shown, views)
            for order_id, changed in by_list[watch].items()
        ]
        try:
            _tell(watchers, frames)
        except ServiceError as error:
            failure = error
    if failure is not None:
        raise failure


def _frame(
    order_id: str,
    event: str,
    changed: live.Changes,
    shown: Mapping[str, ListedOrder],
    views: Mapping[str, dict[str, Any]],
) -> Frame:
    order = shown.get(order_id)
    if order is None or event == "left":
        return live.left_frame(order_id, order.version if order else changed.last_version)
    return {"type": "order", "event": event, "version": order.version, "order": views[order_id]}


def _tell(watchers: Sequence[Connection], frames: Sequence[Frame]) -> None:
    ceilings = live_ceilings()
    now = clock.now_ms()
    told, above = watchers[: ceilings.watchers], watchers[ceilings.watchers :]
    begins = connections.take_turn(len(told) * len(frames), per_second=ceilings.frames_per_second, now=now)
    if begins is None:
        told, above = [], watchers
    else:
        clock.sleep((begins - now) / SECOND_MS)
        commands.send_all([(connection, frames) for connection in told])
    _tell_to_poll(above)


def _tell_to_poll(watchers: Sequence[Connection]) -> None:
    """Tell these clients to poll, then end their watches.

    The other way round, a function that dies in between would leave a client that is told nothing any more: the next
    delivery no longer finds its watch. A client that watches again meanwhile keeps its watch.
    """
    if not watchers:
        return
    commands.send_all([(connection, [live.POLL]) for connection in watchers])
    ended = 0
    for connection in watchers:
        with suppress(WriteConflict):  # it was closed, or has sent another watch
            connections.set_watch(connection, None)
            ended += 1
    metrics.add_metric("ToldToPoll", "Count", ended)


handler = batch_handler(ListChange, send_list_frames)
