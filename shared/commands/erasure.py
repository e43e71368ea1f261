"""The erasure of a person on request: their words are removed, the records of money stay under their bare id."""

import time
from collections.abc import Callable
from functools import partial

from shared.commands import orders as commands
from shared.commands import sockets
from shared.commands.retry import Result, retry
from shared.commands.users import settings_token
from shared.domain.errors import OrderNotFound
from shared.domain.operators import Action
from shared.domain.order import Order, ended_by_time, is_running, withdrawn
from shared.domain.review import Review
from shared.service_errors import Busy
from shared.store import feeds, orders, people, reviews, threads


def erase(user_id: int, action: Action, *, until: float) -> None:
    """End the user's orders as the user could have, erase texts, close sockets, erase messages; last, forget the user.

    Every step is idempotent, and the last one puts the action: an erasure that stopped half way is not recorded as
    done, and a repeated call continues it. An index lags behind the table by moments, so an order, a review or a
    complaint of just before needs a second call; so does one whose request is still on its way. A message to the
    operators does not. No step starts after `until` (monotonic clock). Raises Busy then; TooOften, Unavailable.
    """

    def step(do: Callable[[], Result]) -> Result:
        if time.monotonic() > until:
            raise Busy
        return retry(do)

    for order in feeds.all_of_client(user_id):
        step(partial(_erase_order, order.id))
    # Erased reviews and complaints stay in their lists: an earlier call may have erased some.
    for review in reviews.written(user_id, rating=None, limit=None):
        if not people.is_review_erased(review):
            step(partial(_erase_review, review))
    for complaint in reviews.complaints_by(user_id, orders.taken_by(user_id)):
        if complaint.comment is not None:
            step(partial(people.erase_complaint, complaint))
    for close in sockets.closing(user_id):
        step(close)
    while not step(partial(_forget, user_id, action)):
        pass


def _erase_order(order_id: str) -> None:
    try:
        order = commands.change(order_id, _ended, commands.move)
    except OrderNotFound:
        return  # its retention is over, and TTL removed it
    people.erase_order(order)


def _ended(order: Order, now: int) -> Order:
    return withdrawn(order, now) if is_running(order, now) else ended_by_time(order, now)


def _erase_review(review: Review) -> None:
    # An erased order can get a review later, when its client uses the service again.
    people.erase_review(review, orders.get(review.order_id))


def _forget(user_id: int, action: Action) -> bool:
    """Forget the user, or erase up to a hundred messages while there is one. Returns whether the user is forgotten.

    One consistent BatchGetItem, one consistent Query and one TransactWriteItems. Raises TooOften, Unavailable.
    """
    user, thread, is_done = threads.read_for(action, user_id)
    if is_done:
        return True  # an earlier attempt was applied
    # Looked for after the thread was read: a later message changes the thread, and `forget` meets a conflict.
    if threads.erase_messages(user_id):
        return False
    # Users who erase themselves pay with a token: otherwise they could fill the audit log.
    people.forget(user, thread, action, settings_token(user) if action.operator_id == user_id else None)
    return True
