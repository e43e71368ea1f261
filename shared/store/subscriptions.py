"""Who wants to hear of which orders: entries beside a user, always what his settings say."""

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
    """A transaction's writes that turn the entries of a user into those of what he becomes, 80 at most.

    The user is written beside them on the condition that he is still as `before` was read.
    """
    had, has = _entries(before), _entries(after)
    puts = [table.put_write(item, condition=None) for key, item in has.items() if had.get(key) != item]
    return puts + [table.delete_write(keys.Key(pk=pk, sk=sk), condition=None) for pk, sk in had if (pk, sk) not in has]


def audience(order: Order, *, start: tuple[int, int] = (0, 0)) -> Iterator[tuple[list[int], tuple[int, int]]]:
    """The ids of who wants to hear of the order, a page at a time, its owner not among them.

    Each page comes with where to `start` to get what follows it. One Query of an index a page of a thousand, four at
    least. The index lags behind the settings by moments: ask `User.wants` before bothering anybody. Raises Unavailable.
    """
    first_list, low = start
    lists = keys.subscribers(order.city, order.category)
    for number, (index, partition) in enumerate(lists[first_list:], start=first_list):
        while True:
            found = table.query(index, partition, low=keys.subscriber_sk(low), newest_first=False, limit=_PAGE)
            subscribers = [keys.user_id_of(entry) for entry in found]
            low = subscribers[-1] + 1 if subscribers else 0
            ends = len(found) < _PAGE
            yield [user for user in subscribers if user != order.client_id], (number + 1, 0) if ends else (number, low)
            if ends:
                break
        low = 0
