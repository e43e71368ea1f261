"""A person asked to be forgotten: what he wrote goes, what money is about stays under his id alone."""

import time
from collections.abc import Callable
from functools import partial

from shared.domain.errors import OrderNotFound
from shared.domain.operators import Action
from shared.domain.order import Order, ended_by_time, is_running, withdrawn
from shared.service_errors import Busy
from shared.store import feeds, orders, people, reviews, table


def erase(user_id: int, action: Action, *, until: float) -> None:
    """End the user's orders as he could have, erase them, his reviews and complaints, and last himself.

    Every step may be done twice, and the last one puts the action: what died half way is not done, and done again goes
    on where it was. A list lags behind the table by moments: who posted an order just before asks once more. No step
    begins after `until`, by the monotonic clock. Raises Busy then, TooOften, Unavailable.
    """

    def step(do: Callable[[], None]) -> None:
        if time.monotonic() > until:
            raise Busy
        table.retry(do)

    for order in feeds.all_of_client(user_id):
        step(partial(_erase_order, order.id))
    # These stay in their lists without what he wrote: an earlier call may have seen to some.
    for review in reviews.written(user_id, rating=None, limit=None):
        if not people.is_review_erased(review):
            step(partial(people.erase_review, review))
    for complaint in reviews.complaints_by(user_id, orders.taken_by(user_id)):
        if complaint.comment is not None:
            step(partial(people.erase_complaint, complaint))
    step(partial(people.forget, user_id, action))


def _erase_order(order_id: str) -> None:
    try:
        order = orders.change(order_id, _ended, orders.move)
    except OrderNotFound:
        return  # kept as long as it had to be, and removed
    people.erase_order(order)


def _ended(order: Order, now: int) -> Order:
    return withdrawn(order, now) if is_running(order, now) else ended_by_time(order, now)
