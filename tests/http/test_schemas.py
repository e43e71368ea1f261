"""The views, field by field: what the client, an executor, a stranger and an operator see of the same item."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.init_data import TelegramUser
from shared.domain.money import LedgerEntry
from shared.domain.operators import Note
from shared.domain.order import Order, Take, listed
from shared.domain.person import Person, Position
from shared.domain.review import Complaint, Review
from shared.domain.user import User
from shared.http import schemas
from shared.http.schemas import iso

CLIENT, EXECUTOR, SECOND, STRANGER = 1, 2, 3, 4
AT = 1_790_000_000_123
HOUR = 3_600_000
TEXT = {"whole": "Потоп, звоните @pipe_fixer", "masked": "Потоп, звоните •••"}
WORDS = {"whole": "Всё хорошо, я @pipe_fixer", "masked": "Всё хорошо, я •••"}

ORDER = Order(
    id="A" * 12,
    client_id=CLIENT,
    category="Клининг",
    city="Казань",
    description=TEXT["whole"],
    masked_description=TEXT["masked"],
    contact="@pipe_fixer",
    contact_key="pipe_fixer",
    created_at=AT,
    expires_at=AT + HOUR,
    takes={EXECUTOR: Take(EXECUTOR, AT + 2000, 2, 2), SECOND: Take(SECOND, AT + 1000, 2, 1)},
    answer_due_at=AT + 901_000,
    responded_at=AT + 3000,
    rating=4,
    review_comment=WORDS["whole"],
    masked_review_comment=WORDS["masked"],
    version=7,
)
# What everybody sees.
PUBLIC = {
    "id": "A" * 12,
    "category": "Клининг",
    "description": TEXT["masked"],
    "description_masked": True,
    "city": "Казань",
    "contact": None,
    "created_at": "2026-09-21T14:13:20.123Z",
    "expires_in_minutes": 60,
    "status": "active",
    "taken_by": [
        {"executor_id": SECOND, "taken_at": "2026-09-21T14:13:21.123Z"},
        {"executor_id": EXECUTOR, "taken_at": "2026-09-21T14:13:22.123Z"},
    ],
    "customer_responded_at": "2026-09-21T14:13:23.123Z",
    "city_locked": True,
    "rating": 4,
    "review_comment": WORDS["masked"],
    "removed": False,
    "version": 7,
}
PARTICIPANT = {**PUBLIC, "description": TEXT["whole"], "contact": "@pipe_fixer"}


def has(view: dict[str, Any], expected: dict[str, Any]) -> bool:
    assert {name: view.get(name, "absent") for name in expected} == expected
    return True


@pytest.mark.parametrize(
    ("user", "seen"),
    [
        (None, PUBLIC),
        (STRANGER, PUBLIC),
        (EXECUTOR, PARTICIPANT),
        (SECOND, PARTICIPANT),
        (CLIENT, {**PARTICIPANT, "review_comment": WORDS["whole"]}),
    ],
)
def test_order_shows_contact_and_texts_to_its_people(user: int | None, seen: dict[str, Any]) -> None:
    """I17, I23: an executor sees the contact, and the masked comment of the review."""
    assert has(schemas.order_view(ORDER, user_id=user, now=AT + 5000), seen)


def test_list_shows_an_order_as_to_a_stranger() -> None:
    assert has(schemas.listed_view(listed(ORDER), now=AT + 5000), PUBLIC)


def test_operator_sees_whose_order_it_is_and_no_contact() -> None:
    removed = replace(ORDER, removed_at=AT + 4000)
    expected = {"client_id": CLIENT, "contact": None, "description": TEXT["masked"]}
    assert has(schemas.operator_order_view(ORDER, now=AT), {**expected, "removed_at": None})
    assert has(schemas.operator_order_view(removed, now=AT), {**expected, "removed_at": iso(AT + 4000)})


def test_operator_sees_the_takes_in_their_order_with_their_money() -> None:
    """DynamoDB keeps no order in a map."""
    refunded = replace(ORDER, takes={**ORDER.takes, SECOND: replace(ORDER.takes[SECOND], price=3, refunded=True)})
    assert schemas.operator_order_view(refunded, now=AT)["takes"] == [
        {"executor_id": SECOND, "taken_at": iso(AT + 1000), "price": 3, "refunded": True},
        {"executor_id": EXECUTOR, "taken_at": iso(AT + 2000), "price": 2, "refunded": False},
    ]
    ended = schemas.operator_order_view(replace(ORDER, ended_at=AT + 9), now=AT)["ended_at"]
    assert (ended, schemas.operator_order_view(ORDER, now=AT)["ended_at"]) == (iso(AT + 9), None)


def test_new_order_without_anything_to_mask_has_nulls() -> None:
    plain = replace(
        ORDER,
        masked_description=None,
        responded_at=None,
        rating=None,
        review_comment=None,
        masked_review_comment=None,
        takes={},
        answer_due_at=None,
        contact="",
    )
    nulls: dict[str, Any] = dict.fromkeys(["customer_responded_at", "rating", "review_comment", "contact"])
    expected = {**nulls, "description": TEXT["whole"], "description_masked": False, "taken_by": []}
    for user in (CLIENT, STRANGER):  # an erased order has no contact
        assert has(schemas.order_view(plain, user_id=user, now=AT), expected)


@pytest.mark.parametrize(("lifetime", "minutes"), [(HOUR, 60), (90_000, 1.5)])
def test_lifetime_is_whole_minutes_where_it_can_be(lifetime: int, minutes: float) -> None:
    """A local stage may set seconds. JSON would show 60.0."""
    shown = schemas.listed_view(listed(replace(ORDER, expires_at=AT + lifetime)), now=AT)["expires_in_minutes"]
    assert (shown, type(shown)) == (minutes, type(minutes))


@pytest.mark.parametrize(("now", "status"), [(AT + HOUR - 1, "active"), (AT + HOUR, "expired")])
def test_view_has_the_status_of_the_clock(now: int, status: str) -> None:
    assert has(schemas.order_view(ORDER, user_id=None, now=now), {"status": status})


@pytest.mark.parametrize(
    ("chat_open", "lets_bot_write", "shown"),
    [(True, False, "true"), (False, True, "false"), (None, True, "true"), (None, False, "false")],
)
def test_header_says_what_telegram_reported_before_init_data(
    chat_open: bool | None, lets_bot_write: bool, shown: str
) -> None:
    caller = TelegramUser(1, "", "", None, lets_bot_write)
    assert schemas.bot_can_write(User(1, chat_open=chat_open), caller) == {"x-bot-can-write": shown}


COMPLAINT = Complaint(
    id=5,
    order_id="A" * 12,
    client_id=CLIENT,
    executor_id=EXECUTOR,
    complaint="Другое",
    comment=WORDS["whole"],
    created_at=AT,
    handled_at=AT + 1,
    action_id=9,
    masked_comment=WORDS["masked"],
)
REVIEW = Review(
    id=6,
    order_id="A" * 12,
    client_id=CLIENT,
    executor_id=EXECUTOR,
    author_name="Анна",
    rating=4,
    comment=WORDS["whole"],
    category="Клининг",
    city="Казань",
    created_at=AT,
    masked_comment=WORDS["masked"],
)
ENTRY = LedgerEntry(8, 7, CLIENT, "order_take", "cause", -2, 10, AT, "A" * 12, "yookassa")


@pytest.mark.parametrize(("to_author", "words"), [(False, "masked"), (True, "whole")])
def test_comment_is_masked_for_all_but_its_author(to_author: bool, words: str) -> None:
    """I23, of a complaint and of a review; one with nothing to mask is the same for everyone."""
    complaint, review = replace(COMPLAINT, masked_comment=None), replace(REVIEW, masked_comment=None)
    for masked, seen in ((True, words), (False, "whole")):
        shown = [
            schemas.complaint_view(COMPLAINT if masked else complaint, to_author=to_author),
            schemas.review_view(REVIEW if masked else review, to_author=to_author),
        ]
        assert [view["comment"] for view in shown] == [WORDS[seen]] * 2


def test_other_fields_of_complaint_review_and_entry() -> None:
    of_order = {"order_id": "A" * 12, "created_at": iso(AT)}
    people = {"executor_id": EXECUTOR, "client_id": CLIENT}
    handled = {"handled_at": iso(AT + 1), "action_id": 9}
    assert has(schemas.complaint_view(COMPLAINT), {**of_order, **people, **handled, "id": 5, "complaint": "Другое"})
    about = {"id": 6, "author_name": "Анна", "rating": 4, "category": "Клининг", "city": "Казань"}
    assert has(schemas.review_view(REVIEW), {**of_order, **about})
    money = {"id": 8, "type": "order_take", "amount": -2, "balance_after": 10, "payment_method": "yookassa"}
    assert has(schemas.transaction_view(ENTRY), {**of_order, **money})


USER = User(
    CLIENT,
    first_name="Анна",
    last_name="Петрова",
    username="anna_p",
    balance=10,
    debt=3,
    preferred_categories=("Клининг",),
    preferred_cities=("Уфа", "Казань"),
    notifications_enabled=True,
    notification_frequency=15,
    chat_open=False,
    banned_at=AT,
    banned_until=AT + 4,
    ban_reason="обман",
    consents={"2": AT + 2, "1": AT + 1},
    receipt_contact="anna@example.org",
    receipt_contact_consent_at=AT + 3,
)


def test_export_shows_a_person_everything_of_theirs() -> None:
    """Also what others see masked. Reviews by others are masked, as in everybody's lists."""
    note = Note(11, 99, "звонил", AT + 5)
    person = Person(USER, [ORDER], ["B" * 12], [REVIEW], [REVIEW], [COMPLAINT], [ENTRY], ["C" * 12], [note])
    shown = schemas.export_view(person, Position("orders", f"{AT}#{'A' * 12}"), AT)
    assert has(
        shown,
        {
            "id": CLIENT,
            "first_name": "Анна",
            "last_name": "Петрова",
            "username": "anna_p",
            "consents": [{"version": "1", "since": iso(AT + 1)}, {"version": "2", "since": iso(AT + 2)}],
            "banned_at": iso(AT),
            "banned_until": iso(AT + 4),
            "ban_reason": "обман",
            "operator_notes": [{"text": "звонил", "created_at": iso(AT + 5)}],
            "balance": 10,
            "debt": 3,
            "categories": ["Клининг"],
            "cities": ["Уфа", "Казань"],
            "notifications_enabled": True,
            "notification_frequency": 15,
            "bot_can_write": False,
            "receipt_contact": "anna@example.org",
            "receipt_contact_since": iso(AT + 3),
            "taken_orders": ["B" * 12],
            "offered_orders": ["C" * 12],
            "next_cursor": f"orders.{AT}.{'A' * 12}",
        },
    )
    assert [(order["contact"], order["review_comment"]) for order in shown["orders"]] == [
        ("@pipe_fixer", WORDS["whole"])
    ]
    comments = [shown[name][0]["comment"] for name in ("reviews_written", "reviews_received", "complaints")]
    assert comments == [WORDS["whole"], WORDS["masked"], WORDS["whole"]]
    assert [entry["id"] for entry in shown["transactions"]] == [8]


# ---------------------------------------------------------------- times and cursors


@pytest.mark.parametrize(
    ("at", "shown"),
    [(0, "1970-01-01T00:00:00.000Z"), (AT, "2026-09-21T14:13:20.123Z"), (AT - 118, "2026-09-21T14:13:20.005Z")],
)
def test_time_is_iso_8601_in_utc_with_milliseconds(at: int, shown: str) -> None:
    assert (iso(at), schemas.iso_or_null(at), schemas.iso_or_null(None)) == (shown, shown, None)


@pytest.mark.parametrize(
    ("cursor", "position"),
    [
        (None, None),
        (f"orders.{AT}.{'A' * 12}", Position("orders", f"{AT}#{'A' * 12}")),
        (f"transactions.{AT}123", Position("transactions", f"{AT}123")),
    ],
)
def test_cursor_of_an_export_is_its_position(cursor: str | None, position: Position | None) -> None:
    assert schemas.position_at(cursor) == position
    assert schemas.position_cursor(position) == cursor


def test_cursor_of_orders_is_their_sort_key_without_escapes() -> None:
    for cursor, sort_key in ((None, None), (f"{AT}.{'A' * 12}", f"{AT}#{'A' * 12}")):
        assert (schemas.sort_key_at(cursor), schemas.sort_key_cursor(sort_key)) == (sort_key, cursor)


@pytest.mark.parametrize(("found", "cursor"), [(0, None), (2, None), (3, "11")])
def test_cursor_of_a_page_is_its_last_id_while_more_follow(found: int, cursor: str | None) -> None:
    entries = [replace(ENTRY, id=10 + place) for place in range(found)]
    assert schemas.next_cursor(entries, 2) == cursor
    assert schemas.id_at(cursor) == (None if cursor is None else 11)
