"""Live updates: tickets, what a socket may watch, and which changes become frames.

A *frame* is one message to a socket. A *watch* is the list of active orders that a socket follows: of a city and a
category, each of which may be any. A frame tells what a list shows at the moment of sending, so this module decides
*that* something is told, and to whom; what an order looks like is read then.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.domain import cities
from shared.domain.durations import HOUR_MS, MINUTE_MS, SECOND_MS
from shared.domain.errors import InvalidMessage, InvalidTicket, UnknownCategory, UnknownCity
from shared.domain.messages import ListChange, PersonalEvent, PersonalKind
from shared.domain.notice import reminders_at
from shared.domain.order import CATEGORIES, ListedOrder, Order, Status, refunds, status_at
from shared.domain.payment import Payment
from shared.domain.payment import Status as PaymentStatus
from shared.domain.text import clean
from shared.domain.visibility import may_list

# A ticket is good for a minute.
TICKET_SECONDS = 60

# API Gateway closes a socket after two hours. `$disconnect` is best effort: an older connection is gone.
MOST_AGE_MS = 2 * HOUR_MS
# TTL removes a connection somewhat later, so that it never removes an open one.
RETENTION_MS = MOST_AGE_MS + 10 * MINUTE_MS

MAX_SOCKETS = 5

# A 410 about a younger connection may mean that its handshake is still under way.
HANDSHAKE_MS = 5 * SECOND_MS

# What a watcher is told to do instead of watching: read the list this often.
POLL_SECONDS = 10

# Senders take their turns at most this far ahead. A list that finds none is told to poll.
_LONGEST_BACKLOG_MS = SECOND_MS
# The longest turn. Five thousand watchers take half of it for one frame.
_LONGEST_TURN_MS = 5 * SECOND_MS

EventOfOrder = Literal["appeared", "changed", "left"]


# ---------------------------------------------------------------- tickets


def ticket(user_id: int, *, key: bytes, now: int) -> str:
    """Return a ticket of the user, good for a minute from `now` (epoch ms): the user, the end, and their HMAC."""
    text = f"{user_id}.{now // SECOND_MS + TICKET_SECONDS}"
    return f"{text}.{_mac(text, key)}"


def user_of_ticket(sent: str, *, key: bytes, now: int) -> int:
    """Return the user of a ticket. Raises InvalidTicket for one that is forged, malformed or expired at `now`."""
    text, _, mac = sent.rpartition(".")
    if not re.fullmatch(r"[1-9][0-9]{0,19}\.[0-9]{1,12}", text, re.ASCII):
        raise InvalidTicket
    # As bytes: compare_digest raises on text that is not ASCII.
    if not hmac.compare_digest(mac.encode(), _mac(text, key).encode()):
        raise InvalidTicket
    user_id, ends_at = map(int, text.split("."))
    # A clock ahead of ours may not make a ticket that lasts longer.
    if not now < ends_at * SECOND_MS <= now + 2 * TICKET_SECONDS * SECOND_MS:
        raise InvalidTicket
    return user_id


def _mac(text: str, key: bytes) -> str:
    mac = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def may_connect_from(origin: str | None, allowed: Iterable[str]) -> bool:
    """Whether a browser on a page of `origin` may open a socket. Other clients send no origin."""
    return origin is None or origin in allowed


# ---------------------------------------------------------------- what a client sends


@dataclass(frozen=True, slots=True)
class Watch:
    """A list of active orders. None is any city, or any category."""

    city: str | None
    category: str | None


@dataclass(frozen=True, slots=True)
class Connection:
    """An open socket of a user. `watch_version` counts the changes of its watch.

    `opened_at`, and `asked_at`, when the last message about its watch arrived: epoch ms.
    """

    id: str
    user_id: int
    opened_at: int
    watch: Watch | None = None
    watch_version: int = 0
    asked_at: int = 0


def may_be_open(connection: Connection, now: int) -> bool:
    """Whether API Gateway may still have the socket: it closes each after two hours."""
    return now < connection.opened_at + MOST_AGE_MS


@dataclass(frozen=True, slots=True)
class Unwatch:
    """The client watches no list any more."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The client keeps its socket open."""


def parse(text: str) -> Watch | Unwatch | Ping:
    """Return what a client's message asks for. Raises InvalidMessage, UnknownCity, UnknownCategory."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidMessage from None
    match message:
        case {"action": "ping"}:
            return Ping()
        case {"action": "unwatch"}:
            return Unwatch()
        case {"action": "watch"}:
            return _watch(message.get("city"), message.get("category"))
    raise InvalidMessage


def _watch(city: object, category: object) -> Watch:
    if not isinstance(city, str | None) or not isinstance(category, str | None):
        raise InvalidMessage
    city, category = city and clean(city), category and clean(category)
    if city is not None and not cities.is_city(city):
        raise UnknownCity
    if category is not None and category not in CATEGORIES:
        raise UnknownCategory
    return Watch(city, category)


# ---------------------------------------------------------------- changes of lists


def list_changes(before: Order | None, after: Order, now: int) -> list[ListChange]:
    """Return the change of an order for the lists of its city and for those of all cities.

    None if no list had it or has it.
    """
    was, is_now = (order.category if order and _is_listed(order) else None for order in (before, after))
    if was is None and is_now is None:
        return []
    return [ListChange(after.id, after.city, was, is_now, after.version, of_city, now) for of_city in (True, False)]


def _is_listed(order: Order) -> bool:
    """Whether the lists of active orders have the stored order. The clock may have ended it since."""
    return order.status is Status.ACTIVE and may_list(order)


@dataclass(slots=True)
class Changes:
    """The changes of one order in a batch. `categories`: those of the lists that had it or have it."""

    city: str
    version: int
    was: str | None
    last_version: int
    categories: set[str] = field(default_factory=set)


def by_order(changes: Iterable[ListChange]) -> dict[str, Changes]:
    """Return the changes of a batch by order: in any sequence, and each may be there twice."""
    found: dict[str, Changes] = {}
    for change in changes:
        known = found.setdefault(change.order_id, Changes(change.city, change.version, change.before, change.version))
        if change.version < known.version:
            known.version, known.was = change.version, change.before
        known.last_version = max(known.last_version, change.version)
        known.categories |= {category for category in (change.before, change.after) if category is not None}
    return found


def watches(changes: Changes, *, of_city: bool) -> list[Watch]:
    """Return the lists that the changes concern: those of the order's city, or those of all cities.

    A category that the order got later is told by the message of that change.
    """
    city = changes.city if of_city else None
    return [Watch(city, None), *(Watch(city, category) for category in sorted(changes.categories))]


def event(watch: Watch, changes: Changes, order: ListedOrder | None, now: int) -> EventOfOrder:
    """Return what happened to an order in a list, as the order is read at `now`; None is an order that is gone.

    An order that is not in the list now has left it, although a client may not know it: a frame too many does no harm.
    """
    if order is None or not _is_in(watch, order, now):
        return "left"
    was_in = changes.was is not None and watch.category in (None, changes.was)
    return "changed" if was_in else "appeared"


def _is_in(watch: Watch, order: ListedOrder, now: int) -> bool:
    return (
        status_at(order, now) is Status.ACTIVE
        and not order.is_removed
        and watch.city in (None, order.city)
        and watch.category in (None, order.category)
    )


# ---------------------------------------------------------------- changes for one person


def personal_events(before: Order | None, after: Order, now: int) -> list[PersonalEvent]:
    """Return what the client and the executors of an order are told of its change, later reminders included."""
    if before is None:
        return []
    found: list[PersonalEvent] = []

    def tell(kind: PersonalKind, *user_ids: int, due_at: int = now) -> None:
        found.extend(PersonalEvent(user_id, kind, after.id, due_at) for user_id in user_ids)

    if after.takes.keys() - before.takes.keys():
        tell("taken", after.client_id)
    if after.takes and not before.takes:
        for at in reminders_at(after):
            tell("respond_due", after.client_id, due_at=at)
    if after.responded_at is not None and before.responded_at is None:
        tell("responded", *after.takes)
    # An order ends twice where it expires and its answer window ends later.
    if (after.status, after.removed_at) != (before.status, before.removed_at):
        tell("ended", after.client_id, *after.takes)
    tell("refunded", *(take.executor_id for take in refunds(before, after)))
    return found


def paid_events(before: Payment | None, after: Payment, now: int) -> list[PersonalEvent]:
    """Return the event for the payer if the change made the payment paid."""
    is_paid = after.status is PaymentStatus.PAID
    if not is_paid or (before is not None and before.status is PaymentStatus.PAID):
        return []
    return [PersonalEvent(after.user_id, "paid", str(after.id), now)]


# ---------------------------------------------------------------- ceilings


def turn(busy_until: int, sends: int, *, per_second: int, now: int) -> tuple[int, int] | None:
    """Return when a sender may begin with so many sends, and until when all senders are busy then (epoch ms).

    None if the senders are too far behind, or the turn would last over five seconds: these watchers are told to poll,
    and no other list waits for them.
    """
    begins = max(busy_until, now)
    ends = begins + sends * SECOND_MS // per_second
    if begins - now > _LONGEST_BACKLOG_MS or ends - begins > _LONGEST_TURN_MS:
        return None
    return begins, ends


# ---------------------------------------------------------------- frames


Frame = Mapping[str, object]


def watching_frame(watch: Watch) -> Frame:
    """The promise that the client misses nothing of this list from now on."""
    return {"type": "watching", "city": watch.city, "category": watch.category}


def mine_frame(event: PersonalEvent) -> Frame:
    """A frame about the user's own order or payment. It has ids only."""
    if event.kind == "paid":
        return {"type": "mine", "event": event.kind, "payment_id": int(event.subject)}
    return {"type": "mine", "event": event.kind, "order_id": event.subject}


def left_frame(order_id: str, version: int) -> Frame:
    """A frame of an order that is not in the list any more. It shows nothing of the order."""
    return {"type": "order", "event": "left", "version": version, "order": {"id": order_id}}


PONG: Frame = {"type": "pong"}
POLL: Frame = {"type": "poll", "seconds": POLL_SECONDS}
