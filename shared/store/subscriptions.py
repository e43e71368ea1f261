"""Subscriptions to new orders: items derived from a user's settings, written in the same transaction."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.domain.order import Order
from shared.domain.user import User
from shared.store import keys, table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_PAGE = 1000  # subscribers


def _entries(user: User) -> dict[tuple[str, str], dict[str, str]]:
    if not user.listens or not user.settings_version:
        return {}
    items = keys.subscriptions(user.id, user.preferred_cities, user.preferred_categories)
    return {(item["pk"], item["sk"]): item for item in items}


def moved_writes(before: User, after: User) -> "list[TransactWriteItemTypeDef]":
    """Return the writes that replace the subscriptions of `before` by those of `after`, at most 80.

    The same transaction must write the user, on the condition that the settings are those of `before`.
    """
    had, has = _entries(before), _entries(after)
    puts = [table.put_write(item, condition=None) for key, item in has.items() if had.get(key) != item]
    return puts + [table.delete_write(keys.Key(pk=pk, sk=sk), condition=None) for pk, sk in had if (pk, sk) not in has]


def audience(order: Order, *, start: tuple[int, int] = (0, 0)) -> Iterator[tuple[list[int], tuple[int, int]]]:
    """Yield the ids of the subscribers of the order, a page at a time, without its client.

    Each page comes with the `start` of the next page. One Query of an index per page of a thousand, at least four.
    The index lags behind the settings, so check `User.wants` before sending. Raises Unavailable.
    """
    first_list, low = start
    lists = keys.subscribers(order.city, order.category)
    for number, (index, partition) in enumerate(lists[first_list:], start=first_list):
        while True:
            found = table.query(index, partition, low=keys.subscriber_sk(low), newest_first=False, limit=_PAGE)
            subscribers = [keys.user_id_of(entry) for entry in found]
            low = subscribers[-1] + 1 if subscribers else 0
            is_end = len(found) < _PAGE
            following = (number + 1, 0) if is_end else (number, low)
            yield [user for user in subscribers if user != order.client_id], following
            if is_end:
                break
        low = 0
