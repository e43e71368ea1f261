"""Every key and index of the table, defined once.

One table; an item's base key is (`pk`, `sk`). The list indexes and TIMELINE project one attribute of an order, LISTED:
what a list shows. A page of orders is one Query, and a change of an order costs a write of each of its list entries.
Other items do not have the attribute, and their entries hold keys only, as do those of DUE. All items, their attributes
and their retention: `docs/data-model.md`.

`list_sk` begins with the end of the hour. So a range of ORDERS#active that starts now leaves out the orders whose timer
is late. `status` in these keys is the stored one; the current one is `status_at` of `shared/domain/order.py`.

A subscription is listed once for each category of its city; `*` means any. An item has four list keys, so a user has
at most two items per city, 40 in all. The old items, the new items and the user therefore fit into one transaction.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypedDict

from shared.domain.days import day_at
from shared.domain.live import Watch
from shared.domain.notice import Notice
from shared.domain.order import CATEGORIES, ListedOrder, Order, Status, due_at
from shared.domain.support import State, Thread
from shared.domain.visibility import may_list


class Key(TypedDict):
    """An item's base key."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Index:
    """A list index: its name and the attributes that are its keys."""

    name: str
    pk: str
    sk: str


LIST1 = Index("list1", "list1_pk", "list_sk")
LIST2 = Index("list2", "list2_pk", "list_sk")
LIST3 = Index("list3", "list3_pk", "list_sk")
LIST4 = Index("list4", "list4_pk", "list_sk")
TIMELINE = Index("timeline", "timeline_pk", "timeline_sk")
DUE = Index("due", "due_pk", "due_at")

# The projected attribute: a map of what a list shows of an order.
LISTED = "listed"

# Orders that are stored as active, and expired ones whose client may still answer. An active order is in the first, and
# its next deadline is ahead: so the keys alone count the active orders.
DUE_ACTIVE = "DUE"
DUE_EXPIRED = "DUE_EXPIRED"
DUE_PAYMENTS = "DUE_PAYMENTS"
DUE_ANSWERS = "DUE_ANSWERS"
# Refunds that an operator began or approved, and that have not ended.
DUE_REFUNDS = "DUE_REFUNDS"
ACTIONS = "ACTIONS"
# The partition of LIST1 with the reviews that operators hid.
HIDDEN_REVIEWS = "REVIEWS_HIDDEN"
# The partition of TIMELINE with the refunds that wait for a second operator.
REFUNDS_WAITING = "REFUNDS_WAITING"

# The sort key of a payment, by which the stream's records are told apart.
PAYMENT = "PAYMENT"

ANY = "*"
# The place of a category here determines its index and its item of a city. Stored subscriptions depend on the places,
# so a new category must be appended.
_SUBSCRIBED = (ANY, *CATEGORIES)
_LISTS = (LIST1, LIST2, LIST3, LIST4)
# The attributes that put an order into the public lists.
ORDER_LISTS = tuple(index.pk for index in _LISTS)


def user(user_id: int) -> Key:
    """A user's profile, balance, counters and settings."""
    return {"pk": f"USER#{user_id}", "sk": "USER"}


def ledger_entry(user_id: int, cause: str) -> Key:
    """The entry of a cause in a user's ledger. The key makes it unique."""
    return {"pk": f"USER#{user_id}", "sk": f"LEDGER#{cause}"}


def notes(user_id: int) -> Key:
    """What operators noted about a user."""
    return {"pk": f"USER#{user_id}", "sk": "NOTES"}


def order(order_id: str) -> Key:
    """An order with its takes."""
    return {"pk": f"ORDER#{order_id}", "sk": "ORDER"}


def review(order_id: str, client_id: int) -> Key:
    """A client's review of an order. The key makes it unique."""
    return {"pk": f"ORDER#{order_id}", "sk": f"REVIEW#{client_id}"}


def complaint(order_id: str, executor_id: int) -> Key:
    """An executor's complaint about an order. The key makes it unique."""
    return {"pk": f"ORDER#{order_id}", "sk": f"COMPLAINT#{executor_id}"}


def integer_id(value: int) -> Key:
    """The mark of an integer id that is in use."""
    return {"pk": f"ID#{value}", "sk": "ID"}


def payment(payment_id: int) -> Key:
    """A payment."""
    return {"pk": f"PAYMENT#{payment_id}", "sk": PAYMENT}


def charge(provider: str, charge_id: str) -> Key:
    """The mark of a settled charge, by the provider's id of it. It names the payment."""
    return {"pk": f"CHARGE#{provider}#{charge_id}", "sk": "CHARGE"}


def cursor(provider: str) -> Key:
    """The position up to which the list of a provider's charges was read."""
    return {"pk": f"CURSOR#{provider}", "sk": "CURSOR"}


def inbox(chat_id: int) -> Key:
    """An executor's inbox, and when the bot may send next to the chat: the claim of an offer takes that turn as well.

    Separate from the user item, so that the sending functions need no right to write users.
    """
    return {"pk": f"INBOX#{chat_id}", "sk": "INBOX"}


def notice(notice: Notice) -> Key:
    """The claim of a notice, and whether the notice is over."""
    return {"pk": f"NOTICE#{notice.order_id}", "sk": f"{notice.kind}#{notice.number}#{notice.user_id}"}


def first_notification(order_id: str) -> Key:
    """The mark of an order about which the first notification was sent."""
    return {"pk": f"NOTICE#{order_id}", "sk": "FIRST"}


def pace(chat_id: int | None) -> Key:
    """When the bot may send next: to one chat, or to any (None)."""
    return {"pk": "PACE#all", "sk": "PACE"} if chat_id is None else inbox(chat_id)


def reads(user_id: int) -> Key:
    """A user's token bucket of reads."""
    return {"pk": f"READS#{user_id}", "sk": "READS"}


def connection(connection_id: str) -> Key:
    """An open socket, by the id that API Gateway gave it."""
    return {"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"}


def connections_of(user_id: int) -> str:
    """The partition of the table with a user's open sockets, the oldest first."""
    return f"CONNECTIONS#{user_id}"


def connection_of(user_id: int, opened_at: int, connection_id: str) -> Key:
    """An open socket among those of its user."""
    return {"pk": connections_of(user_id), "sk": f"{opened_at:013d}#{connection_id}"}


def watchers(watch: Watch) -> str:
    """The partition of the table with the sockets that watch a list. An index would lag, and lose frames."""
    return f"WATCHERS#{watch.city or ANY}#{watch.category or ANY}"


def watch_of(partition: str) -> Watch:
    """Return the watched list of a partition."""
    _, city, category = partition.split("#")
    return Watch(None if city == ANY else city, None if category == ANY else category)


def watcher(watch: Watch, connection_id: str) -> Key:
    """A socket among those that watch a list."""
    return {"pk": watchers(watch), "sk": connection_id}


def live_messages(user_id: int) -> Key:
    """A user's token bucket of sockets and messages over them."""
    return {"pk": f"READS#{user_id}", "sk": "LIVE"}


def live_pace() -> Key:
    """Until when the senders of frames are busy."""
    return {"pk": "PACE#live", "sk": "PACE"}


def update(update_id: int) -> Key:
    """The mark of a handled update from Telegram."""
    return {"pk": f"UPDATE#{update_id}", "sk": "UPDATE"}


def refund(payment_id: int) -> Key:
    """An operator's refund of a payment."""
    return {"pk": f"REFUND#{payment_id}", "sk": "REFUND"}


def refunded_by(operator_id: int, day: int) -> Key:
    """What an operator refunded on a day."""
    return {"pk": f"REFUNDED#{operator_id}#{day}", "sk": "REFUNDED"}


def login(code_hash: str) -> Key:
    """An operator's login code, by its SHA-256."""
    return {"pk": f"LOGIN#{code_hash}", "sk": "LOGIN"}


def action(token: str) -> Key:
    """An operator's action in the audit log."""
    return {"pk": f"ACTION#{token}", "sk": "ACTION"}


def token_of(item: Mapping[str, Any]) -> str:
    """Return the token of an action's item."""
    token: str = item["pk"].removeprefix("ACTION#")
    return token


def told(order_id: str) -> Key:
    """How many executors an order was offered to. Separate from the order, whose every write is a new version."""
    return {"pk": f"TOLD#{order_id}", "sk": "TOLD"}


def told_about(item: Mapping[str, Any]) -> str:
    """Return the id of the order that this many executors were told of."""
    order_id: str = item["pk"].removeprefix("TOLD#")
    return order_id


def stats(day: date, city: str | None) -> Key:
    """The metrics of a day: of a city, or of all (None)."""
    return {"pk": f"STATS#{day}", "sk": "STATS" if city is None else f"STATS#{city}"}


def stats_day(item: Mapping[str, Any]) -> date:
    """Return the day of an item of metrics."""
    return date.fromisoformat(item["pk"].removeprefix("STATS#"))


def thread(user_id: int) -> Key:
    """A person's support thread."""
    return {"pk": f"THREAD#{user_id}", "sk": "THREAD"}


def thread_message(user_id: int, key: str) -> Key:
    """A message of a thread, by its idempotency key."""
    return {"pk": f"THREAD#{user_id}", "sk": key}


def watch(chat_id: int) -> Key:
    """How often a chat of operators is notified of waiting threads."""
    return {"pk": f"WATCH#{chat_id}", "sk": "WATCH"}


def contact_lock(contact_key: str) -> Key:
    """The lock that lets only one active order have a contact."""
    return {"pk": f"CONTACT#{contact_key}", "sk": "CONTACT"}


def contact_key(normal_form: str, secret: str) -> str:
    """Return the HMAC of a contact for keys. Without the secret, a copy of the table reveals no phone numbers."""
    return hmac.new(secret.encode(), normal_form.encode(), hashlib.sha256).hexdigest()


def order_id_of(item: Mapping[str, Any]) -> str:
    """Return the id of the order that a list entry refers to, or that a debit paid for."""
    base: str = item["pk"] if item["sk"] == "ORDER" else item["sk"]
    return base.rpartition("#")[2]


def order_id_at(sort_key: str) -> str:
    """Return the id of the order at a `list_sk` or `timeline_sk`."""
    return sort_key.rpartition("#")[2]


def user_id_of(item: Mapping[str, Any]) -> int:
    """Return the id of the user whose item or ledger entry this is."""
    return int(item["pk"].partition("#")[2])


def payment_id_of(item: Mapping[str, Any]) -> int:
    """Return the id of the payment that a refund is of."""
    return int(item["pk"].partition("#")[2])


def contact_key_of(item: Mapping[str, Any]) -> str:
    """Return the contact key of a lock."""
    locked: str = item["pk"].partition("#")[2]
    return locked


def order_list(status: Status, city: str | None, category: str | None) -> tuple[Index, str]:
    """Return the index and the partition that list the orders of a status, optionally of a city and a category."""
    if city and category:
        return LIST4, f"ORDERS#{status}#{city}#{category}"
    if city:
        return LIST2, f"ORDERS#{status}#{city}"
    if category:
        return LIST3, f"ORDERS#{status}#{category}"
    return LIST1, f"ORDERS#{status}"


def order_list_keys(order: Order) -> dict[str, str]:
    """Return the keys of the order in the public lists by status; none for an order that strangers cannot list."""
    if not may_list(order):
        return {}
    return {
        index.pk: partition
        for index, partition in (
            order_list(order.status, city, category)
            for city in (None, order.city)
            for category in (None, order.category)
        )
    }


def list_sk(order: Order | ListedOrder) -> str:
    """Return the sort key of an order in a list: the end of its hour, then its id."""
    return f"{hour_ends(order.expires_at)}#{order.id}"


def hour_ends(at: int) -> str:
    """Return the prefix of `list_sk` for a time (epoch ms), so that a range of keys is a range of time."""
    return f"{at:013d}"


def hour_ends_at(sort_key: str) -> int | None:
    """Return when the hour of the order at a `list_sk` ends, epoch ms; None for any other text."""
    ends_at, _, order_id = sort_key.partition("#")
    return int(ends_at) if order_id and ends_at.isdigit() else None


def id_sk(integer_id: int) -> str:
    """Return the sort key in a timeline for an integer id, which grows with time."""
    return f"{max(integer_id, 0):016d}"


def complaints(*, handled: bool) -> str:
    """Return the partition of TIMELINE with the waiting or the handled complaints."""
    return "COMPLAINTS_HANDLED" if handled else "COMPLAINTS"


def threads(state: State) -> str:
    """Return the partition of TIMELINE with the threads of a state."""
    return f"THREADS#{state}"


def thread_sk(thread: Thread) -> str:
    """Return the sort key of a thread in its list: the start of the wait, or the newest message; then the person."""
    at = thread.last_at if thread.waiting_since is None else thread.waiting_since
    return f"{at:013d}#{thread.user_id}"


def messages_of(user_id: int) -> str:
    """Return the partition of TIMELINE with the messages of a thread."""
    return f"MESSAGES_OF#{user_id}"


def timeline_sk(order: Order) -> str:
    """Return the sort key of the order among its client's orders: the time of its creation, then its id."""
    return f"{order.created_at:013d}#{order.id}"


def due_keys(order: Order) -> dict[str, str | int]:
    """Return the keys of the order in the due index: by its next deadline, or by its day when none is left."""
    at = due_at(order)
    if at is None:
        return {DUE.pk: ended_on(day_at(order.created_at)), DUE.sk: order.created_at}
    return {DUE.pk: DUE_ACTIVE if order.status is Status.ACTIVE else DUE_EXPIRED, DUE.sk: at}


def ended_on(day: date) -> str:
    """Return the partition of DUE with the orders of a day that have no deadline left."""
    return f"ENDED#{day}"


def orders_of(user_id: int) -> str:
    """Return the partition of TIMELINE with a client's own orders."""
    return f"ORDERS_OF#{user_id}"


def taken_by(user_id: int) -> str:
    """Return the partition of LIST1 with the debits of the orders that a user took."""
    return f"TAKEN#{user_id}"


def payments_of(user_id: int) -> str:
    """Return the partition of TIMELINE with a user's payments."""
    return f"PAYMENTS_OF#{user_id}"


def complaints_by(executor_id: int) -> tuple[Index, str]:
    """Return the index and the partition that list the complaints by an executor."""
    return LIST1, f"COMPLAINTS_BY#{executor_id}"


def complaints_about(client_id: int) -> tuple[Index, str]:
    """Return the index and the partition that list the complaints about a client's orders."""
    return LIST2, f"COMPLAINTS_ABOUT#{client_id}"


def named(username: str) -> str:
    """Return the partition of TIMELINE with the users who have a username."""
    return f"NAMED#{username.lower()}"


def name_keys(user_id: int, username: str | None) -> dict[str, str]:
    """Return the keys that list a user under their username. A user without one is in a partition of their own.

    Such a partition is no name's, because no username has this character.
    """
    return {TIMELINE.pk: named(username or f"#{user_id}"), TIMELINE.sk: id_sk(user_id)}


def topped_up_on(day: date) -> str:
    """Return the partition of LIST1 with the credits of a day's top-ups."""
    return f"TOPPED_UP#{day}"


def charge_of(entry: Mapping[str, Any]) -> Key | None:
    """Return the key of the charge that a ledger entry credits; None for an entry of another kind."""
    kind, _, charge_id = entry["cause"].partition("#")
    return {"pk": f"CHARGE#{charge_id}", "sk": "CHARGE"} if kind == "PAYMENT" else None


def ledger_of(user_id: int) -> str:
    """Return the partition of TIMELINE with a user's ledger."""
    return f"LEDGER_OF#{user_id}"


def order_of_complaint(entry: Mapping[str, Any]) -> str:
    """Return the id of the order that a complaint is about."""
    order_id: str = entry["pk"].removeprefix("ORDER#")
    return order_id


def review_list(rating: int | None) -> tuple[Index, str]:
    """Return the index and the partition that list all reviews, or those with a rating."""
    return (LIST1, "REVIEWS") if rating is None else (LIST2, f"REVIEWS#{rating}")


def reviews_of(executor_id: int) -> tuple[Index, str]:
    """Return the index and the partition that list the reviews of an executor."""
    return LIST3, f"REVIEWS_OF#{executor_id}"


def reviews_by(client_id: int) -> tuple[Index, str]:
    """Return the index and the partition that list the reviews by a client."""
    return LIST4, f"REVIEWS_BY#{client_id}"


def review_sk(written_at: int, review_id: int) -> str:
    """Return the sort key of a review in a list: the time it was written, then its id."""
    return f"{written_at:013d}#{review_id}"


def subscriptions(user_id: int, cities: Iterable[str], categories: Iterable[str]) -> list[dict[str, str]]:
    """Return the items that subscribe a user to new orders. Empty `cities` or `categories` mean any."""
    items = []
    for city in dict.fromkeys(cities) or (ANY,):
        by_number: dict[int, dict[str, str]] = {}
        for category in dict.fromkeys(categories) or (ANY,):
            number, index = _subscribed(category)
            by_number.setdefault(number, {})[index.pk] = f"SUBSCRIBERS#{city}#{category}"
        for number, lists in by_number.items():
            key = {"pk": f"USER#{user_id}", "sk": f"SUBSCRIPTION#{city}#{number}"}
            items.append({**key, LIST1.sk: subscriber_sk(user_id), **lists})
    return items


def subscribers(city: str, category: str) -> list[tuple[Index, str]]:
    """Return the indexes and partitions that together list the subscribers of such an order, each user once."""
    return [
        (_subscribed(wanted)[1], f"SUBSCRIBERS#{where}#{wanted}") for where in (city, ANY) for wanted in (category, ANY)
    ]


def subscribed_cells(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the city and the category of each list that a subscription is in; `ANY` for any."""
    for index in _LISTS:
        if index.pk in item:
            _, city, category = item[index.pk].split("#")
            yield city, category


def subscriber_sk(user_id: int) -> str:
    """Return the sort key of a user in a list of subscribers."""
    return f"{user_id:016d}"


def _subscribed(category: str) -> tuple[int, Index]:
    number, index = divmod(_SUBSCRIBED.index(category), len(_LISTS))
    return number, _LISTS[index]
