"""Defects of what operators do, for `test_planted_defects.py`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions.admin import ban_user, remove_order
from shared.domain import order as domain
from shared.domain import refunds as refund_rules
from shared.domain import visibility
from shared.domain.operators import Action
from shared.domain.order import Order
from shared.domain.refunds import Refund
from shared.store import audit_log, keys, logins, notes, orders, refunds, reviews, table, users

Patch = pytest.MonkeyPatch


def removal_keeps_what_was_paid(patch: Patch) -> None:
    """A removal does not refund executors whose order was answered."""

    def keep(order: Order, now: int) -> Order:
        gone = domain.removed(order, now)
        return replace(gone, takes=order.takes)

    for module in (remove_order, ban_user):
        patch.setattr(module, "removed", keep)


def removal_refunds_what_had_ended(patch: Patch) -> None:
    """A removal refunds the executors of an order that had ended before, too."""

    def refund_all(order: Order, now: int) -> Order:
        takes = {executor: replace(take, refunded=True) for executor, take in order.takes.items()}
        return replace(domain.removed(order, now), takes=takes)

    patch.setattr(remove_order, "removed", refund_all)


def a_review_outlives_its_order(patch: Patch) -> None:
    """A removal leaves the review in the public lists."""
    patch.setattr(orders, "_removes", lambda before, after: False)


def a_removed_order_is_listed(patch: Patch) -> None:
    """The public lists go by the status alone."""
    patch.setattr(keys, "may_list", lambda order: order.status in visibility.PUBLIC_STATUSES)


def a_hidden_review_counts(patch: Patch) -> None:
    """The rating of a hidden review is not subtracted."""
    hide, user_write = reviews.hide, users.user_write

    def hides(*given: Any) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(users, "user_write", lambda user_id, rating: user_write(user_id, rating=-1))
            hide(*given)

    patch.setattr(reviews, "hide", hides)


def a_hidden_review_returns_to_strangers(patch: Patch) -> None:
    """The removal of an order forgets that its review is hidden, and a restoration does not look at the order."""
    removes = orders._removes
    patch.setattr(orders, "_removes", lambda before, after: removes(before, after) and not before.hides_review)
    patch.setattr(reviews, "replace", lambda review, *, is_public: review)


def erasure_leaves_the_notes(patch: Patch) -> None:
    """An erasure leaves what operators noted about the person."""
    patch.setattr(notes, "erase_write", lambda user: table.delete_write(keys.notes(user + 10**6), condition=None))


def no_refund_waits(patch: Patch) -> None:
    """A refund above the operator's sum is not held back."""

    def begins(refund: Refund, action: Action) -> None:
        approved = replace(refund, approved_at=refund.created_at)
        table.transact([refunds._put_write(approved), audit_log.action_write(action)])

    patch.setattr(refunds, "ask", begins)


def begun_refunds_are_forgotten(patch: Patch) -> None:
    """Nobody continues a refund that stopped half-way."""
    patch.setattr(refunds, "due", lambda now: [])


def a_link_is_good_twice(patch: Patch) -> None:
    """The code of a link stays when it is used."""
    patch.setattr(logins, "use", lambda code, action: audit_log.put(action))


DEFECTS: dict[str, Callable[[Patch], None]] = {
    "a removal keeps what was paid": removal_keeps_what_was_paid,
    "a removal refunds what had ended": removal_refunds_what_had_ended,
    "a removed order is listed": a_removed_order_is_listed,
    "a review outlives its order": a_review_outlives_its_order,
    "an operator approves alone": lambda patch: patch.setattr(refund_rules, "check_approver", lambda *given: None),
    "a link is good twice": a_link_is_good_twice,
    "no refund waits": no_refund_waits,
    "begun refunds are forgotten": begun_refunds_are_forgotten,
    "an erasure leaves the notes": erasure_leaves_the_notes,
    "a hidden review counts": a_hidden_review_counts,
    "a hidden review returns to strangers": a_hidden_review_returns_to_strangers,
}

# Defects that show in seeds with payments only.
OF_PAYMENTS = {"an operator approves alone", "no refund waits", "begun refunds are forgotten"}

# Defects that show in seeds with operators and users who leave only: these, and some of `test_planted_defects.py`.
OF_OPERATORS = DEFECTS.keys() | {
    "a ban by read",
    "a ban leaves the orders",
    "a banned client goes on",
    "a hidden review by read",
    "an erasure deletes what was taken",
    "an erasure leaves the lock",
    "an erasure leaves the receipt contact",
    "erased before it is",
    "nobody looks at the ban",
    "the audit entry after the action",
}
