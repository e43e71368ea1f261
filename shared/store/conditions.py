"""Each clause that guards a write, named once.

A clause mirrors a rule of `shared/domain`: the rule decides on what was read, the clause holds the table to it when
the write lands. `#status` is the attribute `status` (a reserved word); the values are given by who writes.
"""

NOT_THERE = "attribute_not_exists(pk)"
THERE = "attribute_exists(pk)"

# an order
STORED_ACTIVE = "#status = :active"
STORED_AS_READ = "#status = :status"
HOUR_RUNNING = "expires_at > :now"
NOT_OWNED_BY_CALLER = "client_id <> :caller"
NOBODY_TOOK_IT = "size(takes) = :none"
SLOT_FREE = "size(takes) < :max_takes"
TAKES_AS_READ = "size(takes) = :takes_read"
EDITS_AS_READ = "edits = :edits_read"
NOT_TAKEN_BY_CALLER = "attribute_not_exists(takes.#caller)"
ANSWERED_OR_IN_TIME = "attribute_exists(responded_at) OR attribute_not_exists(answer_due_at) OR answer_due_at > :now"
NOTHING_DUE = "attribute_not_exists(due_at)"
UNANSWERED = "attribute_not_exists(responded_at)"
ANSWERED = "attribute_exists(responded_at)"

# a contact lock
LOCK_FREE = "attribute_not_exists(pk) OR expires_at <= :now"
LOCK_OURS = "order_id = :order_id"

# a user
NOT_BANNED = "attribute_not_exists(banned_at)"
BANNED = "attribute_exists(banned_at)"

# a complaint
NOT_HANDLED = f"{THERE} AND attribute_not_exists(handled_at)"

# a user's settings
NO_SETTINGS_YET = "attribute_not_exists(settings_version)"
SETTINGS_AS_READ = "settings_version = :settings_read"

# a payment
PAYMENT_AS_READ = "#status = :status_read AND refunded = :refunded_read"

# what is sent
NO_INBOX_YET = NOT_THERE
INBOX_AS_READ = "version = :version_read"
NOTICE_AS_READ = "held_until = :held_read AND tries = :tries_read"
TURN_AHEAD = "next_at BETWEEN :now AND :latest"
NO_TURN_AHEAD = "attribute_not_exists(next_at) OR next_at < :now"
TURN_BEFORE = "attribute_not_exists(next_at) OR next_at < :until"

# a user's balance and ledger
NO_ENTRY_YET = "attribute_not_exists(last_entry_id)"
LAST_ENTRY_AS_READ = "last_entry_id = :last_entry_read"
BALANCE_ENOUGH = "balance >= :price"


def all_of(*clauses: str) -> str:
    """A condition that holds when each clause does."""
    return " AND ".join(f"({clause})" for clause in clauses)


def answer_as_read(responded_at: int | None) -> str:
    """An order is answered where it was when it was read, and unanswered where it was not."""
    return UNANSWERED if responded_at is None else ANSWERED


def bucket_full_by(bucket: str) -> str:
    """A user's bucket is as full as whoever takes a token out of it believes: nobody did meanwhile."""
    return f"attribute_not_exists(bucket_{bucket}) OR bucket_{bucket} <= :bucket_full_by"
