"""The condition of every write, named once.

A condition mirrors a rule of `shared/domain`. The rule decides on what was read; the condition holds the table to it
at the moment of the write, and so closes a race. `#status` is the attribute `status`, a reserved word. Values come from
the caller.
"""

# Any item. Rule: a cause, an id, a lock or a review exists once (I4, I5, I20). Race: two writers put the same key.
NOT_THERE = "attribute_not_exists(pk)"
# Any item. Race: TTL or an erasure removed the item after it was read; an update would create an incomplete item.
THERE = "attribute_exists(pk)"

# ---------------------------------------------------------------- an order

# Rule: only an active order is taken or edited. Race: an end that was written since the read.
STORED_ACTIVE = "#status = :active"
# Rule: an order moves from the status it was read in. Race: two ends, or an end and a review.
STORED_AS_READ = "#status = :status"
# Rule: only an order that `status_at` calls active is taken or edited. Race: the hour ends between read and write.
HOUR_RUNNING = "expires_at > :now"
# Rule: a client cannot take their own order (I13). No race: the client never changes; a second line of defence.
NOT_OWNED_BY_CALLER = "client_id <> :caller"
# Rule: only an untaken order is edited (I14). Race: a take since the read.
NOBODY_TOOK_IT = "size(takes) = :none"
# Rule: at most three takes (I9). Race: two executors take the last slot.
SLOT_FREE = "size(takes) < :max_takes"
# Rule: refunds and counters are computed for the takes that were read. Race: another take since the read.
TAKES_AS_READ = "size(takes) = :takes_read"
# Rule: the contact that is sold, unlocked or listed is the one that was read. Race: an edit since the read.
EDITS_AS_READ = "edits = :edits_read"
# Rule: an executor takes an order once (I6). Race: the same executor's take from two devices.
NOT_TAKEN_BY_CALLER = "attribute_not_exists(takes.#caller)"
# Rule: an order whose answer window ended unanswered takes no more. Race: the window ends between read and write.
ANSWERED_OR_IN_TIME = "attribute_exists(responded_at) OR attribute_not_exists(answer_due_at) OR answer_due_at > :now"
# Rule: only an order with no deadline left is erased. Race: none known; an erased order must never fire a timer.
NOTHING_DUE = "attribute_not_exists(due_at)"
# Rule: what is due depends on whether the client answered. Race: an answer since the read.
UNANSWERED = "attribute_not_exists(responded_at)"
# Rule: the same, of an order that was read as answered.
ANSWERED = "attribute_exists(responded_at)"
# Rule: an order is removed once, and what is removed enters no public list (I25). Race: a removal since the read.
NOT_REMOVED = "attribute_not_exists(removed_at)"
# Rule: a removed order's review leaves the public lists (I25). Race: a review since the read.
NOT_REVIEWED = "attribute_not_exists(rating)"

# ---------------------------------------------------------------- a contact lock

# Rule: one active order per contact (I15). Race: two orders with one contact; TTL removes an old lock late.
LOCK_FREE = "attribute_not_exists(pk) OR expires_at <= :now"
# Rule: an order frees its own lock only (I15). Race: another order got the contact since.
LOCK_OURS = "order_id = :order_id"

# ---------------------------------------------------------------- a user

# Rule: a banned user changes nothing. Race: a ban since the read.
NOT_BANNED = "attribute_not_exists(banned_at)"
# Rule: a ban is lifted once. Race: two operators.
BANNED = "attribute_exists(banned_at)"
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

# ---------------------------------------------------------------- a complaint, a payment

# Rule: a complaint is handled once. Race: two operators.
NOT_HANDLED = f"{THERE} AND attribute_not_exists(handled_at)"
# Rule: a settlement starts from the state that was read. Race: a webhook, a poll and an operator at once.
PAYMENT_AS_READ = "#status = :status_read AND refunded = :refunded_read"

# ---------------------------------------------------------------- messages

# Rule: an inbox changes from what was read. Race: the first two messages for an executor.
NO_INBOX_YET = NOT_THERE
# Rule: the same. Race: another sender since the read (optimistic lock).
INBOX_AS_READ = "version = :version_read"
# Rule: a lease is taken over from the claim that was read. Race: two senders.
NOTICE_AS_READ = "held_until = :held_read AND tries = :tries_read"
# Rule: a sender takes the next turn, at most a few seconds ahead. Race: two senders take the same turn.
TURN_AHEAD = "next_at BETWEEN :now AND :latest"
# Rule: a sender that finds no turn ahead starts anew. Race: another sender did so since.
NO_TURN_AHEAD = "attribute_not_exists(next_at) OR next_at < :now"
# Rule: a pause only moves the next turn back. Race: a longer pause was written since.
TURN_BEFORE = "attribute_not_exists(next_at) OR next_at < :until"
# No rule: the refusals of all senders are one list. Race: a refusal is lost, and the bot is paused one refusal later.
ANY_REFUSALS = "attribute_exists(pk) OR attribute_not_exists(pk)"


def all_of(*clauses: str) -> str:
    """A condition that holds when each clause does."""
    return " AND ".join(f"({clause})" for clause in clauses)


def answer_as_read(responded_at: int | None) -> str:
    """The order is answered if it was read as answered, and unanswered otherwise."""
    return UNANSWERED if responded_at is None else ANSWERED


def bucket_full_by(bucket: str) -> str:
    """The bucket has not changed since it was read (optimistic lock)."""
    return f"attribute_not_exists(bucket_{bucket}) OR bucket_{bucket} <= :{bucket}_full_by"
