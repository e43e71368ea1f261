"""The condition of every write, named once.

A condition mirrors a rule of `shared/domain`. The rule decides on what was read; the condition holds the table to it
at the moment of the write, and so closes a race. `#status` is the attribute `status`, a reserved word. Values come from
the caller. Filters, which choose what a Query counts, are at the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.order import Status

# Any item. Rule: a cause, an id, a lock or a review exists once (I4, I5, I20). Race: two writers put the same key.
NOT_THERE = "attribute_not_exists(pk)"
# Any item. Race: TTL or an erasure removed the item after it was read; an update would create an incomplete item.
THERE = "attribute_exists(pk)"

# ---------------------------------------------------------------- an order

# Rule: an order changes from what was read: its status, takes, texts, answer, removal and review. Race: any other write
# of it since the read (optimistic lock).
ORDER_AS_READ = "version = :version_read"
# The next ones repeat rules of an order beside ORDER_AS_READ: a second line of defence for money and slots.
# Rule: only an active order is taken or edited. Race: an end that was written since the read.
STORED_ACTIVE = "#status = :active"
# Rule: only an order that `status_at` calls active is taken or edited. Race: the hour ends between read and write.
HOUR_RUNNING = "expires_at > :now"
# Rule: a client cannot take their own order (I13). No race: the client never changes; a second line of defence.
NOT_OWNED_BY_CALLER = "client_id <> :caller"
# Rule: only an untaken order is edited (I14). Race: a take since the read.
NOBODY_TOOK_IT = "size(takes) = :none"
# Rule: at most three takes (I9). Race: two executors take the last slot.
SLOT_FREE = "size(takes) < :max_takes"
# Rule: an executor takes an order once (I6). Race: the same executor's take from two devices.
NOT_TAKEN_BY_CALLER = "attribute_not_exists(takes.#caller)"
# Rule: an order whose answer window ended unanswered takes no more. Race: the window ends between read and write.
ANSWERED_OR_IN_TIME = "attribute_exists(responded_at) OR attribute_not_exists(answer_due_at) OR answer_due_at > :now"
# Rule: only an order with no deadline left is erased. Race: none known; an erased order must never fire a timer.
# `keys.due_keys` lists an order without a deadline by the time of its creation, and older ones not at all.
NOTHING_DUE = "attribute_not_exists(due_at) OR due_at = created_at"

# ---------------------------------------------------------------- a contact lock

# Rule: one active order per contact (I15). Race: two orders with one contact; TTL removes an old lock late.
LOCK_FREE = "attribute_not_exists(pk) OR expires_at <= :now"
# Rule: an order frees its own lock only (I15). Race: another order got the contact since.
LOCK_OURS = "order_id = :order_id"

# ---------------------------------------------------------------- a user

# Rule: a banned user changes nothing until the ban ends. Race: a ban since the read. Nothing removes a ban that ended.
NOT_BANNED = "attribute_not_exists(banned_at) OR banned_until <= :called_at"
# Rule: a ban replaces what was read. Race: two operators ban a user who had no ban.
NO_BAN_YET = "attribute_not_exists(banned_at)"
# Rule: a ban is replaced or lifted once. Race: two operators (optimistic lock).
BAN_AS_READ = "banned_at = :banned_read"
# Rule: settings and subscriptions change together. Race: the first two changes of a user's settings.
NO_SETTINGS_YET = "attribute_not_exists(settings_version)"
# Rule: the same. Race: another change since the read (optimistic lock).
SETTINGS_AS_READ = "settings_version = :settings_read"
# Rule: a ledger is a chain that begins once (I1). Race: the first two entries of a user.
NO_ENTRY_YET = "attribute_not_exists(last_entry_id)"
# Rule: an entry continues the one that was read (I1). Race: another entry since the read (optimistic lock).
LAST_ENTRY_AS_READ = "last_entry_id = :last_entry_read"
# Rule: a credit repays a debt (I27). Race: a provider took back spent money since the read, which writes no entry.
NO_DEBT = "attribute_not_exists(debt)"
# Rule: the same, of a user who was read with a debt. Race: the debt grew since (optimistic lock).
DEBT_AS_READ = "debt = :debt_read"
# Rule: a balance is never negative (I2). No race beside LAST_ENTRY_AS_READ; a second line of defence.
BALANCE_ENOUGH = "balance >= :price"

# Rule: a note is added to those that were read. Race: another operator's note since the read (optimistic lock).
NOTES_AS_READ = "version = :version_read"

# ---------------------------------------------------------------- a review, a complaint, a payment

# Rule: a review is hidden once, and leaves the rating once (I21). Race: two operators.
REVIEW_SHOWN = f"{THERE} AND attribute_not_exists(hidden_at)"
# Rule: a review is restored once. Race: two operators.
REVIEW_HIDDEN = "attribute_exists(hidden_at)"

# Rule: a complaint is handled once. Race: two operators.
NOT_HANDLED = f"{THERE} AND attribute_not_exists(handled_at)"
# Rule: a settlement starts from the state that was read. Race: a webhook, a poll and an operator at once.
PAYMENT_AS_READ = "#status = :status_read AND refunded = :refunded_read"

# Rule: an operator refunds up to a sum a day alone. Race: the same operator's refund on another device.
REFUNDED_AS_READ = "roubles = :spent_read"
# Rule: a refund that waits is approved or withdrawn once. Race: two operators.
REFUND_WAITS = f"{THERE} AND attribute_not_exists(approved_at)"
# Rule: only the newest attempt to continue a refund ends it. Race: another attempt since the read (optimistic lock).
REFUND_CHECK_AS_READ = "due_at = :check_read"
# Rule: the same, of a refund that had ended or was refused.
NO_REFUND_CHECK = f"{THERE} AND attribute_not_exists(due_at)"

# ---------------------------------------------------------------- messages

# Rule: an inbox changes from what was read. Race: the first two messages for an executor.
NO_INBOX_YET = "attribute_not_exists(version)"
# Rule: the same. Race: another sender since the read (optimistic lock).
INBOX_AS_READ = "version = :version_read"
# Rule: a lease is taken over from the claim that was read. Race: two senders.
NOTICE_AS_READ = "held_until = :held_read AND tries = :tries_read"
# Rule: a thread changes, or is erased, from what was read. Race: a message, an answer or another operator (optimistic
# lock). A message whose thread was erased without it would stay.
THREAD_AS_READ = "version = :version_read"
# Rule: an edit replaces the message that was read. Race: an erasure of the person, or another edit since.
MESSAGE_AS_READ = f"{THERE} AND content = :content_read"
# Rule: a chat of operators is told at most as often as they set. Race: two runs, or a setting since the read.
OPERATORS_WATCH_AS_READ = "told_at = :told_read AND minutes = :minutes_read"
# Rule: a sender takes the next turn, at most a few seconds ahead. Race: two senders take the same turn.
TURN_AHEAD = "next_at BETWEEN :now AND :latest"
# Rule: a sender that finds no turn ahead starts anew. Race: another sender did so since.
NO_TURN_AHEAD = "attribute_not_exists(next_at) OR next_at < :now"
# Rule: a pause only moves the next turn back. Race: a longer pause was written since.
TURN_BEFORE = "attribute_not_exists(next_at) OR next_at < :until"
# No rule: the refusals of all senders are one list. Race: a refusal is lost, and the bot is paused one refusal later.
ANY_REFUSALS = "attribute_exists(pk) OR attribute_not_exists(pk)"

# ---------------------------------------------------------------- sockets

# Rule: a socket watches one list. Race: it was closed, or has sent another watch, since the read (optimistic lock).
# The list alone would not do: a client that watches the same list again has been promised every later frame.
WATCH_AS_READ = "watch_version = :version_read"
# Rule: senders share the sends of a second. Race: another sender took a turn since (optimistic lock).
NO_SENDER_BUSY = "attribute_not_exists(busy_until) OR busy_until <= :now"
# Rule: the same, while others are sending.
BUSY_AS_READ = "busy_until = :busy_read"

# ---------------------------------------------------------------- metrics

# Rule: of an order that is announced twice, the larger audience counts. Race: a repeated message of the queue.
MORE_TOLD = "attribute_not_exists(told) OR told < :told"
# Rule: the metrics of a final day do not change. Race: two audits at once.
STATS_NOT_FINAL = "attribute_not_exists(pk) OR is_final = :open"


def all_of(*clauses: str) -> str:
    """A condition that holds when each clause does."""
    return " AND ".join(f"({clause})" for clause in clauses)


def bucket_full_by(bucket: str) -> str:
    """The bucket has not changed since it was read (optimistic lock)."""
    return f"attribute_not_exists(bucket_{bucket}) OR bucket_{bucket} <= :{bucket}_full_by"


# ---------------------------------------------------------------- filters of a Query


@dataclass(frozen=True, slots=True)
class Filter:
    """A FilterExpression, with the values and the attribute names that it uses."""

    expression: str
    values: Mapping[str, object]
    names: Mapping[str, str] = field(default_factory=dict)


# Mirrors `status_at`: the order has not closed for want of an answer.
_STILL_OPEN = "attribute_not_exists(listed.closes_at) OR listed.closes_at > :now"
_STORED = "listed.#status = :status"
_BY_STATUS = {
    Status.ACTIVE: all_of(_STORED, "listed.expires_at > :now", _STILL_OPEN),
    Status.EXPIRED: all_of(
        f"{_STORED} OR (listed.#status = :active AND listed.expires_at <= :now)",
        _STILL_OPEN,
    ),
    Status.CLOSED_NO_RESPONSE: f"{_STORED} OR listed.closes_at <= :now",
    Status.DELETED: _STORED,
    Status.COMPLETED: _STORED,
}


def still_open(now: int) -> Filter:
    """The orders of a partition of active or expired orders that have not closed for want of an answer at `now`."""
    return Filter(_STILL_OPEN, {":now": now})


def listed_as(status: Status | None, city: str | None, category: str | None, now: int) -> Filter | None:
    """The orders whose status at `now` (epoch ms), city and category are these. None without a filter."""
    clauses: list[str] = []
    values: dict[str, object] = {}
    names: dict[str, str] = {}
    if status is not None:
        clauses.append(_BY_STATUS[status])
        values |= {":status": status, ":now": now, ":active": Status.ACTIVE}
        names["#status"] = "status"
    for name, wanted in (("city", city), ("category", category)):
        if wanted is not None:
            clauses.append(f"listed.{name} = :{name}")
            values[f":{name}"] = wanted
    # DynamoDB refuses a value that no clause uses.
    used = {name: value for name, value in values.items() if any(name in clause for clause in clauses)}
    return Filter(all_of(*clauses), used, names) if clauses else None
