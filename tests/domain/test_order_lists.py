"""What lists show of an order, field by field."""

from dataclasses import replace
from typing import Any

from shared.domain.order import Status, Take, edited, listed, reviewed, with_review_hidden, with_take
from tests.domain.test_order import BEGIN, CLIENT, COMPLETED, HOUR, MINUTE, NEW, taken


def test_lists_show_every_public_field_of_an_order() -> None:
    """And no other: an order has a contact, its key, the names of nobody, and two texts that may be masked."""
    reviewed_order = reviewed(
        replace(COMPLETED, version=7, removed_at=HOUR), rating=4, comment="Звоните", masked_comment=None
    )
    assert listed(reviewed_order)._asdict() == {
        "id": NEW.id,
        "category": NEW.category,
        "city": NEW.city,
        "description": NEW.description,
        "is_masked": False,
        "created_at": BEGIN,
        "expires_at": HOUR,
        "status": Status.COMPLETED,
        "taken_at": {2: BEGIN + MINUTE},
        "closes_at": None,
        "responded_at": BEGIN + 2 * MINUTE,
        "rating": 4,
        "review_comment": "Звоните",
        "is_removed": True,
        "version": 7,
    }


def test_lists_show_masked_texts_and_an_open_window() -> None:
    order = replace(taken(1, 2), masked_description="Звоните •••")
    order = reviewed(order, rating=1, comment="Мой номер", masked_comment="Мой •••")
    shown = listed(order)
    assert (shown.description, shown.is_masked, shown.review_comment) == ("Звоните •••", True, "Мой •••")
    assert (order.rating, order.review_comment, order.masked_review_comment) == (1, "Мой номер", "Мой •••")
    assert (shown.status, shown.closes_at, shown.is_removed) == (Status.ACTIVE, BEGIN + 16 * MINUTE, False)


def test_takes_are_listed_in_their_order() -> None:
    order = taken(1, 2, 3)
    backwards = replace(order, takes=dict(reversed(order.takes.items())))
    assert list(listed(backwards).taken_at.values()) == [BEGIN + minute * MINUTE for minute in (1, 2, 3)]


def test_a_hidden_review_leaves_the_order() -> None:
    order = reviewed(COMPLETED, rating=4, comment="Звоните", masked_comment="•••")
    hidden = with_review_hidden(order)
    assert (hidden.rating, hidden.review_comment, hidden.masked_review_comment) == (None, None, None)
    assert (COMPLETED.hides_review, order.hides_review, hidden.hides_review) == (False, False, True)
    assert reviewed(hidden, rating=4, comment="Звоните", masked_comment="•••") == order


def test_a_take_keeps_where_the_executor_came_from() -> None:
    come = with_take(NEW, 2, price=2, answer_window_ms=MINUTE, now=BEGIN, source="bot")
    unknown = Take(2, taken_at=BEGIN, price=2, executor_count=1)
    assert (come.takes[2].source, taken(1).takes[2].source, unknown.source) == ("bot", "feed", "feed")


def test_an_edit_masks_the_description_by_its_contact() -> None:
    """I23: the order's own contact, also where only the contact changes."""
    order = replace(NEW, description="Пишите leaky_client, @plumber", masked_description="Пишите leaky_client, •••")
    given: dict[str, Any] = {"category": None, "contact_key": None, "now": BEGIN}
    moved = edited(order, CLIENT, description=None, contact="@leaky_client", **given)
    assert (moved.description, moved.masked_description) == (order.description, "Пишите •••, •••")
    same = edited(moved, CLIENT, description="Пишите •••, •••", contact=None, **given)
    assert same == moved
    other = edited(moved, CLIENT, description="Зовут leaky_client", contact=None, **given)
    assert other.masked_description == "Зовут •••"
