"""Stored orders, takes, reviews and complaints of every kind, from small alphabets, so that they collide.

Two or three of everything: clients, executors, cities, categories. Deadlines lie a millisecond before, at, and after
the moment at which the lists are read, and many orders share one.
"""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from shared.domain.masking import masked_form
from shared.domain.money import LedgerEntry, take_cause
from shared.domain.order import (
    CATEGORIES,
    Order,
    answered,
    closed,
    completed,
    deleted,
    ended_by_time,
    removed,
    with_take,
)
from shared.domain.review import Review
from shared.store import keys, ledger, orders, table
from tests.in_process import START
from tests.lists.reference import RETENTION
from tests.lists.shop import put, written

MINUTE = 60_000
HOUR = 60 * MINUTE
WINDOW = 15 * MINUTE

USERS = (1, 2, 3)
CITIES = ("Москва", "Казань")
KINDS = (CATEGORIES[0], CATEGORIES[3])


@dataclass(frozen=True)
class State:
    """A state of an order. `left`, `window`: ms until the hour and the answer window end; no window, no takes."""

    left: int
    window: int | None = None
    fate: str = "waits"


# By the list that they are in or have just left.
STATES = (
    (  # active; a deadline is ahead, some by a moment
        State(30 * MINUTE),
        State(HOUR),
        State(30 * MINUTE, 4 * MINUTE),
        State(30 * MINUTE, 4 * MINUTE, "answered"),
        State(1),
        State(2_000),
        State(2_999),
        State(3_000, 3_000),
        State(30 * MINUTE, 1),
        State(2_000, 2_000),
    ),
    (  # active, and stored as active although the answer window is over
        State(30 * MINUTE),
        State(30 * MINUTE, 0),
        State(30 * MINUTE, -1),
        State(30 * MINUTE, -1, "timers ran"),
    ),
    (  # expired, and no timer has run
        State(0),
        State(-1),
        State(-10 * MINUTE),
        State(0, 4 * MINUTE),
        State(-10 * MINUTE, -10 * MINUTE, "answered"),
        State(-1, fate="hour passed"),
        State(-10 * MINUTE, 4 * MINUTE, "hour passed"),
    ),
    (  # stored as expired, some although the answer window is over
        State(-1, fate="hour passed"),
        State(-10 * MINUTE, 0, "hour passed"),
        State(-10 * MINUTE, -1, "hour passed"),
        State(-10 * MINUTE, 1, "hour passed"),
        State(-1, -1),
    ),
    (  # over
        State(30 * MINUTE, 4 * MINUTE, "completed"),
        State(30 * MINUTE, 4 * MINUTE, "completed and removed"),
        State(30 * MINUTE, 4 * MINUTE, "closed"),
        State(30 * MINUTE, fate="deleted"),
        State(30 * MINUTE, fate="removed"),
    ),
    (  # posted thirty days ago, a millisecond before and after that, and within the same second
        State(HOUR - RETENTION, WINDOW + MINUTE - RETENTION, "completed"),
        State(HOUR - RETENTION - 1, WINDOW + MINUTE - RETENTION, "completed"),
        State(HOUR - RETENTION + 1, WINDOW + MINUTE - RETENTION, "completed"),
        State(HOUR - RETENTION + 999, WINDOW + MINUTE - RETENTION, "completed"),
    ),
)


@dataclass(frozen=True)
class Given:
    """An order to store."""

    state: State
    client: int
    city: str
    category: str
    takers: tuple[int, ...]
    rating: int


@st.composite
def populations(draw: st.DrawFn, near: tuple[tuple[State, ...], ...] = STATES) -> list[Given]:
    """Orders in a few states, so that several are in each list, and lists are longer than a page."""
    most = st.sampled_from(draw(st.sampled_from(near)))
    states = [*draw(st.lists(most, min_size=2, max_size=3)), draw(st.sampled_from(sum(STATES, ())))]
    return draw(
        st.lists(
            st.builds(
                Given,
                state=st.sampled_from(states),
                client=st.sampled_from(USERS),
                city=st.sampled_from((*CITIES, CITIES[0])),
                category=st.sampled_from((*KINDS, KINDS[0])),
                takers=st.sampled_from(((1, 2, 3), (3, 1, 2), (4, 2), (2, 5))),
                rating=st.sampled_from((5, 4, 0)),
            ),
            min_size=6,
            max_size=12,
        )
    )


def order_of(number: int, given: Given) -> Order:
    """The order in the state that its fate leaves it in, by the rules of the domain."""
    state = given.state
    created_at = START + state.left - HOUR
    text = f"Прорвало трубу на кухне, номер {number}" + (", пишите @pipe_master" if number % 2 else "")
    order = Order(
        id=f"{number:012d}"[::-1],
        client_id=given.client,
        category=given.category,
        city=given.city,
        description=text,
        masked_description=masked_form(text),
        contact=f"@pipe_number{number}",
        contact_key=f"{number:064d}",
        created_at=created_at,
        expires_at=created_at + HOUR,
    )
    soon = START
    if state.window is not None:
        taken_at = START + state.window - WINDOW
        soon = taken_at + 3
        for place, taker in enumerate(taker for taker in given.takers if taker != given.client):
            order = with_take(order, taker, price=2, answer_window_ms=WINDOW, now=taken_at + place)
    match state.fate:
        case "hour passed":
            order = ended_by_time(order, order.expires_at)
        case "timers ran":
            order = ended_by_time(order, START)
        case "answered":
            order = answered(order, order.client_id, soon)
        case "completed" | "completed and removed":
            order = completed(order, order.client_id, soon)
        case "closed":
            order = closed(order, order.client_id, soon)
        case "deleted":
            order = deleted(order, order.client_id, soon)
    if "removed" in state.fate:
        order = removed(order, START)
    is_reviewed = given.rating and order.takes and order.status in ("completed", "expired")
    return replace(order, rating=given.rating) if is_reviewed else order


def store(order: Order, number: int) -> None:
    """Store an order with the debits of its takes and its review, by the store's own builders."""
    takes = {
        str(take.executor_id): {
            "taken_at": take.taken_at,
            "price": take.price,
            "executor_count": take.executor_count,
            **({"refunded": True} if take.refunded else {}),
        }
        for take in order.takes.values()
    }
    later = ("answer_due_at", "responded_at", "ended_at", "removed_at", "rating")
    put(
        orders._item(order)
        | {name: getattr(order, name) for name in later if getattr(order, name) is not None}
        | {"takes": takes}
    )
    for taker in order.takes:
        entry = LedgerEntry(
            id=number + 1,
            previous_id=number,
            user_id=taker,
            type="order_take",
            cause=take_cause(order.id),
            amount=-2,
            balance_after=0,
            created_at=order.created_at,
            order_id=order.id,
        )
        lists = {keys.LIST1.pk: keys.taken_by(taker), keys.LIST1.sk: keys.list_sk(order)}
        written(ledger.entry_write(entry, beside=lists))
    if order.rating is not None:
        review(order, number)


def review(order: Order, number: int) -> None:
    """Store the review of an order. It is as old as the order, and many are. Some comments have a contact."""
    assert order.rating is not None
    comment = None if number % 3 == 0 else "Всё хорошо" + (", пишите @pipe_master" if number % 2 else "")
    written_review = Review(
        id=100 + number,
        order_id=order.id,
        client_id=order.client_id,
        executor_id=min(order.takes),
        author_name=f"User{order.client_id}",
        rating=order.rating,
        comment=comment,
        category=order.category,
        city=order.city,
        created_at=order.created_at,
        masked_comment=masked_form(comment or ""),
    )
    public = {index.pk: name for index, name in (keys.review_list(None), keys.review_list(order.rating))}
    (index_of, received), (index_by, by) = keys.reviews_of(min(order.takes)), keys.reviews_by(order.client_id)
    # A review that nobody hid has no attribute of it.
    item: table.Item = {
        name: getattr(written_review, name) for name in Review.__slots__ if name not in ("hidden_at", "is_public")
    }
    put(
        {
            **keys.review(order.id, order.client_id),
            **item,
            **(public if order.removed_at is None else {}),
            index_of.pk: received,
            index_by.pk: by,
            keys.LIST1.sk: keys.review_sk(order.created_at, written_review.id),
        }
    )


def users_with_money() -> None:
    """Store users who can pay."""
    for user in (*USERS, 4, 5):
        put({**keys.user(user), "first_name": f"User{user}", "balance": 1_000})
