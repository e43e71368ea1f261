"""The audit's memory stays the same whatever the table holds."""

import tracemalloc

from tests.bench import audited


def peak(entries: int) -> int:
    """The most memory that Python objects take during an audit, in bytes. SQLite's cache has its own limit."""
    tracemalloc.start()
    try:
        assert audited.audit(entries) == 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_audit_of_more_entries_takes_no_more_memory() -> None:
    audited.audit(100)  # what is made once
    few, many = peak(500), peak(4_000)
    assert many < few + 100_000, (few, many)


def test_an_account_that_does_not_add_up_is_found() -> None:
    items = list(audited.items(200))
    del items[5]
    assert audited.found(items) > 0
