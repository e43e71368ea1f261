"""Russian cities by their official names: the only places an order can be in.

`cities.txt` has one a line, in Russian alphabetical order with ё next to е. Several places may share a name
(Киров, Троицк); the name is all that an order has of a place.
"""

from functools import cache
from pathlib import Path


@cache
def names() -> tuple[str, ...]:
    """All of them, sorted."""
    return tuple(Path(__file__).with_name("cities.txt").read_text(encoding="utf-8").split("\n")[:-1])


@cache
def _known() -> frozenset[str]:
    return frozenset(names())


def is_city(name: str) -> bool:
    """Whether this is the official name of a city, to the letter."""
    return name in _known()


def search(text: str) -> list[str]:
    """The names that contain `text`, sorted; case does not matter, е stands for ё."""
    wanted = folded(text.strip())
    return [name for name in names() if wanted in folded(name)]


def folded(name: str) -> str:
    """How names are compared in a search and sorted."""
    return name.casefold().replace("ё", "е")
