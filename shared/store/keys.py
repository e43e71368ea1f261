"""Every key and index of the table, once.

One table; an item's base key is (`pk`, `sk`). The list indexes hold keys only, so what changes inside an item
without moving it in a list (a take, a balance) costs no index write. What there is, what is in it and how long it
stays: docs/data-model.md.

`list_sk` begins with the end of the hour, so reading ORDERS#active from now on is exact by itself: an order whose
timer is late is not in the range. `status` in these keys is the stored one; what the clock makes of it is
`domain.order.status_at`.

A subscription stands in one list for each category of its city, `*` for any. An item has room for four, so a user has
two a city at most, 40 in all: whatever he changes, the old ones, the new ones and himself fit into one transaction.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from shared.domain.notice import Notice
from shared.domain.order import CATEGORIES, Order, Status, due_at


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

DUE_PARTITION = "DUE"
DUE_PAYMENTS = "DUE_PAYMENTS"
ACTIONS = "ACTIONS"

ANY = "*"
# Which index a category's list of subscribers is in, and on which of a city's items: by its place here. Subscriptions
# in the table depend on the places, so a new category goes to the end.
_SUBSCRIBED = (ANY, *CATEGORIES)
_LISTS = (LIST1, LIST2, LIST3, LIST4)


def user(user_id: int) -> Key:
    """A user's profile, balance, counters and settings."""
    return {"pk": f"USER#{user_id}", "sk": "USER"}


def ledger_entry(user_id: int, cause: str) -> Key:
    """The one entry that this cause may put into this user's ledger."""
    return {"pk": f"USER#{user_id}", "sk": f"LEDGER#{cause}"}


def order(order_id: str) -> Key:
    """An order with the takes inside it."""
    return {"pk": f"ORDER#{order_id}", "sk": "ORDER"}


def review(order_id: str, client_id: int) -> Key:
    """The one review that a client may write of an order."""
    return {"pk": f"ORDER#{order_id}", "sk": f"REVIEW#{client_id}"}


def complaint(order_id: str, executor_id: int) -> Key:
    """The one complaint that an executor may make about an order."""
    return {"pk": f"ORDER#{order_id}", "sk": f"COMPLAINT#{executor_id}"}


def integer_id(value: int) -> Key:
    """The mark of an integer id that is given away."""
    return {"pk": f"ID#{value}", "sk": "ID"}


def payment(payment_id: int) -> Key:
    """A payment."""
    return {"pk": f"PAYMENT#{payment_id}", "sk": "PAYMENT"}


def charge(provider: str, charge_id: str) -> Key:
    """The mark of money that a provider took, by its own name of it: whose and for which payment it is."""
    return {"pk": f"CHARGE#{provider}#{charge_id}", "sk": "CHARGE"}


def cursor(provider: str) -> Key:
    """How far the list of what a provider took was read."""
    return {"pk": f"CURSOR#{provider}", "sk": "CURSOR"}


def inbox(user_id: int) -> Key:
    """What an executor was told of new orders. Apart from the user, so that who sends may write nothing of his."""
    return {"pk": f"INBOX#{user_id}", "sk": "INBOX"}


def notice(notice: Notice) -> Key:
    """The claim of a notice, and that it arrived."""
    return {"pk": f"NOTICE#{notice.order_id}", "sk": f"{notice.kind}#{notice.number}#{notice.user_id}"}


def first_notification(order_id: str) -> Key:
    """The mark of an order of which somebody was told."""
    return {"pk": f"NOTICE#{order_id}", "sk": "FIRST"}


def pace(chat_id: int | None) -> Key:
    """When the bot may write next: to a chat, or at all."""
    return {"pk": f"PACE#{'all' if chat_id is None else chat_id}", "sk": "PACE"}


def reads(user_id: int) -> Key:
    """How much a user reads."""
    return {"pk": f"READS#{user_id}", "sk": "READS"}


def update(update_id: int) -> Key:
    """The mark of an update from Telegram that was handled."""
    return {"pk": f"UPDATE#{update_id}", "sk": "UPDATE"}


def action(token: str) -> Key:
    """What an operator did."""
    return {"pk": f"ACTION#{token}", "sk": "ACTION"}


def token_of(item: Mapping[str, Any]) -> str:
    """What names an action."""
    token: str = item["pk"].removeprefix("ACTION#")
    return token


def contact_lock(contact_key: str) -> Key:
    """The lock that makes a contact belong to one active order."""
    return {"pk": f"CONTACT#{contact_key}", "sk": "CONTACT"}


def contact_key(normal_form: str, secret: str) -> str:
    """What stands for a contact in keys: without the secret nobody can try all phone numbers on a copy of the table."""
    return hmac.new(secret.encode(), normal_form.encode(), hashlib.sha256).hexdigest()


def order_id_of(item: Mapping[str, Any]) -> str:
    """The order that an entry of an order list points at, or that a debit paid for."""
    base: str = item["pk"] if item["sk"] == "ORDER" else item["sk"]
    return base.rpartition("#")[2]


def user_id_of(item: Mapping[str, Any]) -> int:
    """The user whose item or ledger entry this is."""
    return int(item["pk"].partition("#")[2])


def contact_key_of(item: Mapping[str, Any]) -> str:
    """The contact that a lock locks."""
    locked: str = item["pk"].partition("#")[2]
    return locked


def order_list(status: Status, city: str | None, category: str | None) -> tuple[Index, str]:
    """The index and partition that list the orders of a status, of a city and of a category where these are given."""
    if city and category:
        return LIST4, f"ORDERS#{status}#{city}#{category}"
    if city:
        return LIST2, f"ORDERS#{status}#{city}"
    if category:
        return LIST3, f"ORDERS#{status}#{category}"
    return LIST1, f"ORDERS#{status}"


def order_list_keys(order: Order) -> dict[str, str]:
    """Where the order stands in the lists by status."""
    return {
        index.pk: partition
        for index, partition in (
            order_list(order.status, city, category)
            for city in (None, order.city)
            for category in (None, order.category)
        )
    }


def list_sk(order: Order) -> str:
    """The order's place in a list: by the end of its hour."""
    return f"{hour_ends(order.expires_at)}#{order.id}"


def hour_ends(at: int) -> str:
    """The beginning of `list_sk`, so that a range of it is a range of time."""
    return f"{at:013d}"


def id_sk(integer_id: int) -> str:
    """The place in a timeline of what has an integer id, which grows with time."""
    return f"{max(integer_id, 0):016d}"


def complaints(*, handled: bool) -> str:
    """The partition of TIMELINE with the complaints that wait, or that were handled."""
    return "COMPLAINTS_HANDLED" if handled else "COMPLAINTS"


def timeline_sk(order: Order) -> str:
    """The order's place among its client's orders."""
    return f"{order.created_at:013d}#{order.id}"


def due_keys(order: Order) -> dict[str, str | int]:
    """The order's place among what ends by itself; empty when nothing will."""
    at = due_at(order)
    return {} if at is None else {DUE.pk: DUE_PARTITION, DUE.sk: at}


def orders_of(user_id: int) -> str:
    """The partition of TIMELINE with a client's own orders."""
    return f"ORDERS_OF#{user_id}"


def taken_by(user_id: int) -> str:
    """The partition of LIST1 with the debits of the orders that a user took."""
    return f"TAKEN#{user_id}"


def ledger_of(user_id: int) -> str:
    """The partition of TIMELINE with a user's ledger."""
    return f"LEDGER_OF#{user_id}"


def review_list(rating: int | None) -> tuple[Index, str]:
    """The index and partition that list all reviews, or those of a rating."""
    return (LIST1, "REVIEWS") if rating is None else (LIST2, f"REVIEWS#{rating}")


def reviews_of(executor_id: int) -> tuple[Index, str]:
    """The index and partition that list what an executor received."""
    return LIST3, f"REVIEWS_OF#{executor_id}"


def reviews_by(client_id: int) -> tuple[Index, str]:
    """The index and partition that list what a client wrote."""
    return LIST4, f"REVIEWS_BY#{client_id}"


def review_sk(written_at: int, review_id: int) -> str:
    """A review's place in a list."""
    return f"{written_at:013d}#{review_id}"


def subscriptions(user_id: int, cities: Iterable[str], categories: Iterable[str]) -> list[dict[str, str]]:
    """The items that list a user among those who want to hear of orders; no city means any, no category means any."""
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
    """The indexes and partitions that together list who wants to hear of such an order, each once."""
    return [
        (_subscribed(wanted)[1], f"SUBSCRIBERS#{where}#{wanted}") for where in (city, ANY) for wanted in (category, ANY)
    ]


def subscriber_sk(user_id: int) -> str:
    """A user's place in a list of subscribers."""
    return f"{user_id:016d}"


def _subscribed(category: str) -> tuple[int, Index]:
    number, index = divmod(_SUBSCRIBED.index(category), len(_LISTS))
    return number, _LISTS[index]
