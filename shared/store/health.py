"""Whether the table answers."""

from shared.store import keys, table


def check() -> None:
    """Returns when the table can be read. One consistent GetItem of a key that is never there. Raises Unavailable."""
    table.get(keys.order("health"))
