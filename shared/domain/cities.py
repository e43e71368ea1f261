"""Russian cities by their official names: the only places that an order can name.

`cities.txt` has one name per line, in Russian alphabetical order with ё next to е. Several cities may share a name
(Киров, Троицк); an order stores the name only.
"""

from functools import cache
from pathlib import Path


@cache
def names() -> tuple[str, ...]:
    """Return all names, sorted."""
    return tuple(Path(__file__).with_name("cities.txt").read_text(encoding="utf-8").split("\n")[:-1])


@cache
def _known() -> frozenset[str]:
    return frozenset(names())


def is_city(name: str) -> bool:
    """Whether `name` is exactly the official name of a city."""
    return name in _known()


def search(text: str) -> list[str]:
    """Return the names that contain `text`, sorted. Case is ignored, and е matches ё."""
    wanted = folded(text.strip())
    return [name for name in names() if wanted in folded(name)]


def folded(name: str) -> str:
    """Return the form in which names are searched and sorted."""
    return name.casefold().replace("ё", "е")
