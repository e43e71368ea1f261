"""Check the invariants on the stored items after every commit and every response.

The checks follow the rules of the marketplace and share no code with the service. `Checker` follows the table's changes
and keeps its own books: expected balances, active orders, reviews. A commit is the set of changes of one transaction.
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.fakes.dynamodb import Change, Key
from tests.simulation import thread_rules
from tests.simulation.audit_log import OPERATORS, AuditLog, is_erased
from tests.simulation.records import (
    CANARY,
    Answer,
    Commit,
    Money,
    Plain,
    Request,
    Told,
    plain,
    receipt_contact_of,
    shown_status,
    views,
    wrong_list,
    wrong_listing,
)
from tests.simulation.repeats import Repeats
from tests.simulation.reviews import Reviews
from tests.simulation.visibility import Visibility
from tests.simulation.world import HOUR, MAX_SKEW, Task, World

ANSWER_WINDOW, RETENTION, PRICE = 15 * 60 * 1000, 30 * 24 * HOUR, 2
_MOVES = {
    "active": {"expired", "deleted", "closed_no_response", "completed"},
    "expired": {"closed_no_response", "deleted"},
}
_NEVER_CHANGES = ("client_id", "city", "created_at", "expires_at")
_EDITABLE = ("category", "description", "masked_description", "contact", "contact_key")
# The attributes that decide a user's subscriptions, and the subscription entries themselves.
_SETTINGS = ("preferences", "notify_enabled", "chat_open", "sk")
# Functions that end an order at any time.
_ENDS_IT = ("orders.close", "users.delete_me", "admin.erase_user", "admin.remove_order", "admin.ban_user")
_BECOMES = {
    "DELETE /api/orders/{id}": "deleted",
    "POST /api/orders/{id}/close": "closed_no_response",
    "POST /api/orders/{id}/complete": "completed",
}


# Items without money, counters and locks, which are written again or deleted.
_OVERWRITTEN = ("INBOX#", "NOTICE#", "PACE#", "READS#", "CONNECTION#", "CONNECTIONS#", "WATCHERS#", "WATCH#")


class Checker:
    """The books and the checks. Violations are reported to the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.items: dict[Key, Plain] = {}
        self.orders: list[str] = []
        self._ledger: Counter[int] = Counter()
        self._last_entry: dict[int, int] = {}
        self._active: Counter[int] = Counter()
        self._completed: Counter[int] = Counter()
        self._recharged: dict[int, int] = {}
        self.money: dict[tuple[str, str], Money] = {}
        self._owed: Counter[int] = Counter()
        self._take_answers: dict[tuple[str, int], Any] = {}
        self.audit_log = AuditLog(world, self.items)
        self.visibility = Visibility(world, self.items)
        self.reviews = Reviews(world, self.items, self.audit_log.forgotten)
        self.repeats = Repeats(world)

    # ------------------------------------------------------------ commits

    def on_commit(self, changes: Sequence[Change]) -> None:
        """Check one commit."""
        commit: dict[Key, tuple[Plain | None, Plain | None]] = {}
        by_ttl = changes[0].by_ttl
        for change in changes:
            old = self.items.get(change.key)
            new = None if change.new is None else plain(change.new)
            if new is None:
                del self.items[change.key]
            else:
                self.items[change.key] = new
            commit[change.key] = old, new
        self._world.note("commit" if not by_ttl else "TTL", Told(commit))
        users: set[int] = set()
        for key, (old, new) in commit.items():
            users |= self._changed(key, old, new, commit, by_ttl=by_ttl)
        if not by_ttl:
            self.audit_log.on_commit(commit)
            self.repeats.on_commit(commit)
        for user in sorted(users):
            self._user(user)

    def deadlines_after(self, now: int) -> list[int]:
        """Return the due times after `now` (epoch ms)."""
        due = (item["due_at"] for item in self.items.values() if item.get("due_pk", "").startswith("DUE"))
        return [at for at in due if at > now]

    def _changed(self, key: Key, old: Plain | None, new: Plain | None, commit: Commit, *, by_ttl: bool) -> set[int]:
        """Check one item's change; return the users whose books it touches."""
        match key[1].partition("#")[0]:
            case "LEDGER":
                return {self._ledger_entry(key, old, new, commit)}
            case "ORDER":
                return self._order(key, old, new, commit, by_ttl=by_ttl)
            case "REVIEW":
                if old is not None and new is not None:
                    self.visibility.on_review(key, old, new)
                return {self.reviews.on_review(key, old, new, commit)}
            case "USER" | "SUBSCRIPTION":
                user = int(key[0].partition("#")[2])
                if any((old or {}).get(name) != (new or {}).get(name) for name in _SETTINGS):
                    self._subscribed(user)
                return {user}
            case "CONTACT":
                self._lock(key, old, new, by_ttl=by_ttl)
            case "PAYMENT":
                self._payment(key, old, new, by_ttl=by_ttl)
                if old is not None and new is not None:
                    self.audit_log.on_payment(key, old, new)
                    self._lend(old, new, commit)
                    return {new["user_id"]}
            case "THREAD" | "IN" | "OUT" | "CURSOR" | "STATS" | "TOLD" | "NOTES" | "REFUND" | "REFUNDED" | "LOGIN":
                pass  # a position, for reading again is allowed; what is computed anew; what AuditLog checks
            case "COMPLAINT" | "ACTION" if new is not None:
                pass  # AuditLog checks them
            case _ if old is not None and not by_ttl and not key[0].startswith(_OVERWRITTEN):
                self._broken("I20", f"{key} was written twice")
        return set()

    def _broken(self, invariant: str, message: str) -> None:
        self._world.broken(invariant, message)

    def _user(self, user: int) -> None:
        item = self.items.get((f"USER#{user}", "USER"), {})
        balance = item.get("balance", 0)
        if balance != self._ledger[user]:
            self._broken("I1", f"user {user} has {balance}, the ledger sums up to {self._ledger[user]}")
        if balance < 0:
            self._broken("I2", f"user {user} has {balance}")
        debt = item.get("debt", 0)
        if debt != self._owed[user] or debt < 0 or (debt and balance):
            self._broken("I27", f"user {user} has {balance} and a debt of {debt}, owes {self._owed[user]}")
        for name, counted in (("active_orders", self._active), ("completed_orders", self._completed)):
            if item.get(name, 0) != counted[user]:
                self._broken(name, f"user {user} has {item.get(name, 0)}, there are {counted[user]}")
        ratings = self.reviews.ratings[user]
        if (item.get("rating_sum", 0), item.get("rating_count", 0)) != (sum(ratings), len(ratings)):
            told = item.get("rating_sum", 0), item.get("rating_count", 0)
            self._broken("I21", f"user {user} has rating {told}, the reviews are {ratings}")

    def _subscribed(self, user: int) -> None:
        """Check that a user is in the subscriber lists of the settings, and in no other."""
        item = self.items.get((f"USER#{user}", "USER"), {})
        listed = {
            place
            for key, entry in self.items.items()
            if key[0] == f"USER#{user}" and key[1].startswith("SUBSCRIPTION#")
            for name, place in entry.items()
            if name.endswith("_pk")
        }
        wanted = item.get("preferences", {})
        pairs = itertools.product(wanted.get("cities") or ("*",), wanted.get("categories") or ("*",))
        listens = item.get("notify_enabled", False) and item.get("chat_open") is not False
        if listed != ({f"SUBSCRIBERS#{city}#{category}" for city, category in pairs} if listens else set()):
            self._broken("subscriptions", f"user {user} wants {wanted}, listens: {listens}, stands in {sorted(listed)}")

    def _ledger_entry(self, key: Key, old: Plain | None, new: Plain | None, commit: Commit) -> int:
        user = int(key[0].partition("#")[2])
        if old is not None or new is None:
            self._broken("I4", f"{key} was changed from {old} to {new}")
            return user
        amount, cause, order_id = new["amount"], key[1].partition("#")[2], new["order_id"]
        self._ledger[user] += amount
        if new["balance_after"] != self._ledger[user]:
            self._broken("I1", f"{key} says {new['balance_after']} after it, it was {self._ledger[user]}")
        if new["id"] <= self._last_entry.get(user, 0):
            self._broken("I4", f"{key} has id {new['id']}, below the one before it")
        self._last_entry[user] = new["id"]
        order_before, order_after = commit.get((f"ORDER#{order_id}", "ORDER"), (None, None))
        taken = (order_after or {}).get("takes", {}).get(str(user))
        match new["type"]:
            case "recharge" if order_id is None and not cause.startswith("RECHARGE#"):
                self._moved(key, amount, cause, commit)
            case "recharge":
                if amount in self._recharged:
                    self._broken("I8", f"{amount} was credited to {user} twice")
                self._recharged[amount] = user
            case "order_take":
                before = (order_before or {}).get("takes", {})
                if cause != f"TAKE#{order_id}" or taken is None or str(user) in before:
                    self._broken("I6", f"{key} pays for no take")
                elif amount != -taken["price"]:
                    self._broken("I6", f"{key} is {amount} for a take of {taken['price']}")
            case "refund":
                self._refund(key, amount, taken, order_after or {})
            case "debt_repayment":
                self._repayment(key, new, commit)
            case other:
                self._broken("I5", f"{key} has the type {other}")
        return user

    # ------------------------------------------------------------ payments

    def _moved(self, key: Key, amount: int, cause: str, commit: Commit) -> None:
        """I8: a credit matches a charge of this user and amount. A reversal matches a refund by the provider."""
        what, provider, charge_id, *_ = cause.split("#")
        money = self.money.get((provider, charge_id))
        payments = [new for at, (_, new) in commit.items() if at[1] == "PAYMENT" and new is not None]
        if money is None or f"USER#{money.user}" != key[0] or len(payments) != 1:
            self._broken("I8", f"{key} is for {money}, with {payments}")
            return
        [payment] = payments
        if payment["charge_id"] != charge_id or payment["user_id"] != money.user:
            self._broken("I8", f"{key} goes with {payment}")
        if payment["price"] != money.price:
            self._broken("I8", f"{key} credits for {money.price} what costs {payment['price']}")
        if what == "PAYMENT":
            marked = (f"CHARGE#{provider}#{charge_id}", "CHARGE") in commit
            if amount != payment["amount"] or payment["status"] != "paid" or not marked:
                self._broken("I8", f"{key} credits {amount}, the payment is {payment}")
        elif what != "REVERSAL" or not money.refunded or amount != -payment["taken_back"]:
            self._broken("I8", f"{key} takes back {amount} of {money}, the payment is {payment}")

    def _lend(self, old: Plain, new: Plain, commit: Commit) -> None:
        """I27: what the provider gave back and no entry of the same commit took from the balance is owed."""
        if new["paid_at"] is None:
            return
        user = f"USER#{new['user_id']}"
        taken = sum(
            entry["amount"]
            for at, (_, entry) in commit.items()
            if at[0] == user and at[1].startswith("LEDGER#REVERSAL#") and entry is not None
        )
        self._owed[new["user_id"]] += new["refunded"] - old["refunded"] + taken

    def _repayment(self, key: Key, new: Plain, commit: Commit) -> None:
        """I27: a repayment takes at most the debt, out of a credit of the same commit."""
        user = int(key[0].partition("#")[2])
        _, credit = commit.get((key[0], key[1].replace("#REPAYMENT", "", 1)), (None, None))
        if credit is None or credit["id"] != new["previous_id"] or credit["amount"] <= 0:
            self._broken("I27", f"{key} follows {credit}")
        elif not 0 < -new["amount"] <= min(self._owed[user], credit["balance_after"]):
            self._broken("I27", f"{key} repays {new['amount']} of {self._owed[user]} out of {credit['balance_after']}")
        self._owed[user] += new["amount"]

    def _payment(self, key: Key, old: Plain | None, new: Plain | None, *, by_ttl: bool) -> None:
        if new is None:
            assert old is not None
            if not by_ttl or old["charge_id"] is not None:
                self._broken("F24", f"{key} was removed: {old}")
            return
        if old is None:
            return
        for name in ("user_id", "provider", "amount", "price", "currency", "created_at", "expires_at"):
            if old[name] != new[name]:
                self._broken("F24", f"{name} of {key} became {new[name]}")
        moves = {"pending": {"paid", "expired", "refunded"}, "expired": {"paid", "refunded"}, "paid": {"refunded"}}
        if old["status"] != new["status"] and new["status"] not in moves.get(old["status"], set()):
            self._broken("F24", f"{key} went from {old['status']} to {new['status']}")
        if old["charge_id"] not in (None, new["charge_id"]):
            self._broken("I5", f"{key} was paid with {old['charge_id']}, now with {new['charge_id']}")

    def _payments_at_end(self, now: int) -> Iterator[str]:
        """Find payments that are neither credited nor refunded, and invoices that stay pending after their expiry."""
        paid = {
            (item["provider"], item["charge_id"]): item
            for key, item in self.items.items()
            if key[1] == "PAYMENT" and item["charge_id"] is not None
        }
        for at, money in self.money.items():
            payment = paid.pop(at, None)
            credit = self.items.get((f"USER#{money.user}", f"LEDGER#PAYMENT#{'#'.join(at)}"))
            if payment is None:
                yield f"{money} has no payment"
            elif money.refunded and payment["status"] != "refunded":
                yield f"{money} was given back, the payment is {payment}"
            elif not money.refunded and (payment["status"] != "paid" or credit is None):
                yield f"{money} was paid, the payment is {payment}, credited {credit}"
            elif (credit is None) != (payment["paid_at"] is None):
                yield f"{money} is credited {credit}, the payment is {payment}"
        yield from (f"nobody paid {payment}" for payment in paid.values())
        for key, item in self.items.items():
            if key[1] == "PAYMENT" and item["status"] == "pending" and now >= item["expires_at"] + 60_000:
                yield f"{key} still waits to be paid"

    def _refunds_at_end(self, now: int) -> Iterator[str]:
        """Find operators' refunds that stopped half-way. A refund of a simulated provider is never refused."""
        for key, item in self.items.items():
            if key[1] == "REFUND" and "approved_at" in item and item.get("due_at", 0) <= now:
                payment = self.items[f"PAYMENT#{key[0].partition('#')[2]}", "PAYMENT"]
                if payment["status"] != "refunded" or "due_at" in item:
                    yield f"{item} was begun, the payment is {payment}"

    def _refund(self, key: Key, amount: int, taken: Plain | None, order: Plain) -> None:
        if not key[1].startswith("LEDGER#REFUND#") or taken is None:
            self._broken("I7", f"{key} gives back what nobody paid")
        elif amount != taken["price"]:
            self._broken("I7", f"{key} gives back {amount} for a take of {taken['price']}")
        elif taken.get("refunded"):
            pass  # by an operator: AuditLog checks it
        elif order["status"] != "closed_no_response":
            self._broken("I7", f"{key} while the order is {order['status']}")
        elif "responded_at" in order:
            self._broken("I16", f"{key} of an order that was answered")

    # ------------------------------------------------------------ orders

    def _order(self, key: Key, old: Plain | None, new: Plain | None, commit: Commit, *, by_ttl: bool) -> set[int]:
        """Check an order's change; return the users whose counters it touches."""
        order_id = key[0].partition("#")[2]
        if new is None:
            assert old is not None
            if not by_ttl or self._world.now < old["created_at"] + RETENTION:
                self._broken("I11", f"order {order_id} was removed")
            return set()
        self._is_listed(order_id, old, new)
        if old is None:
            return self._new_order(order_id, new)
        for name in _NEVER_CHANGES:
            if old[name] != new[name]:
                self._broken("I14", f"{name} of order {order_id} became {new[name]}")
        edited = [name for name in _EDITABLE if old[name] != new[name]]
        if edited and is_erased(new):
            if old["category"] != new["category"] or new["status"] == "active":
                self._broken("erasure", f"{edited} of order {order_id} were taken out, it is {new}")
            if new["client_id"] not in self.audit_log.forgotten:
                self._broken("erasure", f"order {order_id} was erased, its client did not ask for it")
        elif edited and (old["takes"] or new["takes"] or old["status"] != "active"):
            self._broken("I14", f"{edited} of order {order_id} changed, {old['status']} with {len(old['takes'])} takes")
        self._holds_lock(order_id, new)
        self.visibility.on_order(key, new)
        touched = self._takes(order_id, old, new, commit)
        touched |= self._answer(order_id, old, new)
        touched |= self._status(order_id, old, new, commit)
        self.reviews.on_order(key, old, new, commit)
        return touched

    def _is_listed(self, order_id: str, old: Plain | None, new: Plain) -> None:
        """Check that lists show the order as it is, and that the due index has its next deadline."""
        if wrong := wrong_listing(old, new):
            self._broken("I30", f"order {order_id} {wrong}")
        active, answered = new["status"] == "active", "responded_at" in new
        ahead = [new["expires_at"]] if active else []
        if (active or new["status"] == "expired") and not answered and "answer_due_at" in new:
            ahead.append(new["answer_due_at"])
        # Without a deadline, the index has the order by its day, for the metrics.
        if new["due_at"] != min(ahead, default=new["created_at"]) or bool(ahead) != new["due_pk"].startswith("DUE"):
            self._broken("L1", f"order {order_id} is due at {new.get('due_at')}, it is {new}")

    def _new_order(self, order_id: str, new: Plain) -> set[int]:
        self.orders.append(order_id)
        if new["status"] != "active" or new["takes"] or new["expires_at"] != new["created_at"] + HOUR:
            self._broken("I11", f"order {order_id} begins as {new}")
        self._holds_lock(order_id, new)
        self._active[new["client_id"]] += 1
        return {new["client_id"]}

    def _holds_lock(self, order_id: str, new: Plain) -> None:
        """Check that an active order holds its contact's lock until its hour is over."""
        if new["status"] != "active":
            return
        lock = self.items.get((f"CONTACT#{new['contact_key']}", "CONTACT"))
        over = self._world.now + MAX_SKEW >= new["expires_at"]
        if not over and (lock is None or lock["order_id"] != order_id):
            self._broken("I15", f"order {order_id} is active, the lock of its contact is {lock}")

    def _lock(self, key: Key, old: Plain | None, new: Plain | None, *, by_ttl: bool) -> None:
        """Check that a lock is freed with its order, or after its hour."""
        if new is not None:
            order = self.items.get((f"ORDER#{new['order_id']}", "ORDER"))
            if order is None or order["contact_key"] != key[0].partition("#")[2] or order["status"] != "active":
                self._broken("I15", f"the lock {key[0][:16]} was taken for {new['order_id']}, which is {order}")
        if old is None or (new is not None and new["order_id"] == old["order_id"]):
            return
        holder = self.items.get((f"ORDER#{old['order_id']}", "ORDER"))
        over = self._world.now + (0 if by_ttl else MAX_SKEW) >= old["expires_at"]
        if new is not None or by_ttl:
            if not over:
                self._broken("I15", f"the lock of {old['order_id']} went before its hour was over, to {new}")
        elif holder and holder["status"] == "active" and key[0] == f"CONTACT#{holder['contact_key']}":
            self._broken("I15", f"the lock of {old['order_id']}, which is active, was freed")

    def _takes(self, order_id: str, old: Plain, new: Plain, commit: Commit) -> set[int]:
        before, after = old["takes"], new["takes"]
        added = [user for user in after if user not in before]
        if any(
            {**after.get(user, {}), "refunded": None} != {**take, "refunded": None} for user, take in before.items()
        ):
            self._broken("I9", f"the takes of {order_id} went from {before} to {after}")
        if len(after) > 3 or len(added) > 1:
            self._broken("I9", f"order {order_id} has {len(after)} takes")
        for user in added:
            take = after[user]
            if old["status"] != "active" or take["taken_at"] >= old["expires_at"]:
                self._broken("I10", f"order {order_id}, {old['status']}, was taken at {take['taken_at']}")
            due = old.get("answer_due_at")
            if "responded_at" not in old and due is not None and take["taken_at"] >= due:
                self._broken("I10", f"order {order_id} was taken after its answer window")
            if int(user) == old["client_id"]:
                self._broken("I13", f"order {order_id} was taken by its client")
            paid = commit.get((f"USER#{user}", f"LEDGER#TAKE#{order_id}"), (None, None))[1]
            if paid is None or paid["amount"] != -take["price"] or take["price"] != PRICE:
                self._broken("I6", f"the take of {order_id} by {user} is paid with {paid}")
            if take["executor_count"] != len(after):
                self._broken("I19", f"the take of {order_id} says {take['executor_count']} of {len(after)}")
            if due is None and new.get("answer_due_at") != take["taken_at"] + ANSWER_WINDOW:
                self._broken("I10", f"the answer window of {order_id} ends at {new.get('answer_due_at')}")
            self._active[int(user)] += 1
        if old.get("answer_due_at") is not None and old["answer_due_at"] != new.get("answer_due_at"):
            self._broken("I10", f"the answer window of {order_id} moved")
        return {int(user) for user in added}

    def _answer(self, order_id: str, old: Plain, new: Plain) -> set[int]:
        before, after = old.get("responded_at"), new.get("responded_at")
        if before == after:
            return set()
        if before is not None or old["status"] not in ("active", "expired") or not old["takes"]:
            self._broken("I16", f"order {order_id}, {old['status']}, was answered at {after} after {before}")
        elif after >= old["answer_due_at"]:
            self._broken("I16", f"order {order_id} was answered at {after}, its window ended {old['answer_due_at']}")
        elif new["status"] not in ("active", "expired", "completed"):
            self._broken("I16", f"order {order_id} was answered and {new['status']}")
        return set()

    def _status(self, order_id: str, old: Plain, new: Plain, commit: Commit) -> set[int]:
        before, after = old["status"], new["status"]
        if before == after:
            return set()
        executors = [int(user) for user in new["takes"]]
        if after not in _MOVES.get(before, set()):
            self._broken("I11", f"order {order_id} went from {before} to {after}")
        if after == "deleted" and executors:
            self._broken("I14", f"order {order_id} was deleted, {executors} had taken it")
        if after in ("completed", "closed_no_response") and not executors:
            self._broken("I11", f"order {order_id}, which nobody took, became {after}")
        if after == "closed_no_response" and "responded_at" not in new:
            for executor in executors:
                if new["takes"][str(executor)].get("refunded"):
                    continue
                refund = commit.get((f"USER#{executor}", f"LEDGER#REFUND#{order_id}"), (None, None))[1]
                if refund is None:
                    self._broken("I7", f"{executor} was not refunded for {order_id}")
        self._by_time(order_id, old, after)
        if before != "active":
            return set(executors)
        for user in (new["client_id"], *executors):
            self._active[user] -= 1
            self._completed[user] += after == "completed"
        return {new["client_id"], *executors}

    def _by_time(self, order_id: str, old: Plain, after: str) -> None:
        """Check that no deadline is applied early, by the clock of the writing invocation."""
        task = self._world.task
        if task is None or task.function in _ENDS_IT:
            return
        clock = max(self._world.clock(), task.clock_high)
        due = old.get("answer_due_at") if "responded_at" not in old else None
        if after == "expired" and clock < old["expires_at"]:
            self._broken("I12", f"order {order_id} expired at {clock}, its hour ends {old['expires_at']}")
        if after == "closed_no_response" and (due is None or clock < due):
            self._broken("I16", f"order {order_id} was closed at {clock}, its window ends {due}")

    # ------------------------------------------------------------ answers

    def on_answer(self, request: Request, answer: Answer, task: Task) -> None:
        """Check a response when it reaches the actor."""
        if answer.status == 500:
            self._broken("500", f"{request.name} was answered {answer.json}")
            return
        content = answer.json
        text = repr(content)  # has every text that the response has, and takes half the time of JSON
        if CANARY in text:
            self._contacts_seen(request, content, text)
        if answer.status < 300:
            self._done(request, content, task)
        elif answer.status < 500:
            self.visibility.on_refusal(request, answer, task)
            self.repeats.on_refusal(request, answer, task)
            if "/admin/" in request.route:
                self.audit_log.on_refusal(request, answer)
            elif answer.status == 409 and content["code"] == "contact_busy":
                self.audit_log.on_busy_contact(request)

    def _contacts_seen(self, request: Request, content: Any, text: str) -> None:
        if request.route == "GET /api/users/me/export":
            clients = {self.items[f"ORDER#{order['id']}", "ORDER"]["client_id"] for order in content["orders"]}
            own_words = ("orders", "reviews_written", "complaints", "support_messages")
            rest = {name: value for name, value in content.items() if name not in own_words}
            if rest["receipt_contact"] == receipt_contact_of(request.user):
                rest["receipt_contact"] = None
            if clients - {request.user} or CANARY in json.dumps(rest, ensure_ascii=False, default=str):
                self._broken("I17", f"{request.name} was answered contacts of {clients} in {rest}")
            return
        if request.route == "GET /api/reviews" and request.query.get("written"):
            return
        if request.route == thread_rules.READ:
            return  # operators read what a person wrote to them
        if request.id is None and request.route != "POST /api/orders":
            self._broken("I18", f"{request.name} was answered a contact")
            return
        order = self.items.get((f"ORDER#{request.id}", "ORDER"))
        if order is None:  # the response to a new order; it may show the caller's own contact
            clients = {
                self.items[f"ORDER#{order_id}", "ORDER"]["client_id"] for order_id in self.orders if order_id in text
            }
            if clients != {request.user}:
                self._broken("I17", f"{request.name} was answered a contact of {clients}")
        elif request.user != order["client_id"] and str(request.user) not in order["takes"]:
            self._broken("I17", f"{request.name} was answered a contact that the caller may not see")

    def _done(self, request: Request, content: Any, task: Task) -> None:
        order = self.items.get((f"ORDER#{request.id}", "ORDER"))
        if request.route in _BECOMES and (order is None or order["status"] != _BECOMES[request.route]):
            self._broken("I11", f"{request.name} was answered, the order is {order}")
        if "/api/balance/" in request.route:
            self._money_answered(request, content)
        self.repeats.on_answer(request, content, task)
        match request.route:
            case thread_rules.ACT | thread_rules.LIST | thread_rules.EXPORT:
                self.audit_log.threads.on_answer(request, content, task)
            case "POST /api/orders/{id}/take":
                self._taken(request, content, order)
            case "POST /api/orders/{id}/respond":
                if order is None or "responded_at" not in order:
                    self._broken("I16", f"{request.name} was answered, the order is {order}")
            case "POST /api/reviews/client":
                assert request.body is not None
                if (f"ORDER#{request.body['order_id']}", f"REVIEW#{request.user}") not in self.items:
                    self._broken("I20", f"{request.name} was answered, there is no review")
        if "/admin/" in request.route or request.route == "DELETE /api/users/me":
            self.audit_log.on_answer(request, content, task)
        self.visibility.on_answer(request, content, task)
        for view in views(content):
            self._shown(request, view, task)

    def _money_answered(self, request: Request, content: Any) -> None:
        match request.route:
            case "POST /api/balance/recharge":
                assert request.body is not None
                if self._recharged.get(request.body["amount"]) != request.user:
                    self._broken("I8", f"{request.name} was answered that it is credited")
                entries = [item for key, item in self.items.items() if key[0] == f"USER#{request.user}"]
                [credit] = [entry for entry in entries if entry.get("id") == content["transaction_id"]]
                last = self.items.get((credit["pk"], credit["sk"].replace("#", "#REPAYMENT#", 1)), credit)
                if content["new_balance"] != last["balance_after"]:
                    self._broken("I27", f"{request.name} was answered {content}, the last entry is {last}")
            case "POST /api/balance/create-invoice":
                payment = self.items.get((f"PAYMENT#{content['payment_id']}", "PAYMENT"))
                if payment is None or payment["user_id"] != request.user or payment["invoice_id"] is None:
                    self._broken("F24", f"{request.name} was answered, the payment is {payment}")
            case "GET /api/balance/payment/{id}/status":
                payment = self.items[f"PAYMENT#{request.id}", "PAYMENT"]
                if payment["user_id"] != request.user:
                    self._broken("I17", f"{request.name} was shown another's payment")
                if content["status"] == "paid" and payment["paid_at"] is None:
                    self._broken("I8", f"{request.name} was answered {content}, the payment is {payment}")

    def _taken(self, request: Request, content: Any, order: Plain | None) -> None:
        paid = self.items.get((f"USER#{request.user}", f"LEDGER#TAKE#{request.id}"))
        if order is None or str(request.user) not in order["takes"] or paid is None:
            self._broken("I6", f"{request.name} was answered, the caller did not take it")
            return
        assert request.id is not None
        assert request.user is not None
        first = self._take_answers.setdefault((request.id, request.user), content)
        if content != first:
            self._broken("I19", f"{request.name} was answered {content}, before that {first}")
        take = order["takes"][str(request.user)]
        erased = is_erased(order)  # between the read and the answer
        if (content["contact"] != order["contact"] and not erased) or content["new_balance"] != paid["balance_after"]:
            self._broken("I19", f"{request.name} was answered {content}")
        if content["executor_count"] != take["executor_count"]:
            self._broken("I19", f"{request.name} was answered {content}")

    def _shown(self, request: Request, view: Mapping[str, Any], task: Task) -> None:
        """Check an order that is shown: its status by the clock of the reading invocation (I12), its comment (I23)."""
        order = self.items.get((f"ORDER#{view['id']}", "ORDER"))
        if order is None:
            return
        if CANARY in (view["review_comment"] or "") and request.user != order["client_id"]:
            self._broken("I23", f"{request.name} shows the contact in the comment of {view['id']}")
        clock = task.clock_low
        if view["status"] == "active" and clock >= order["expires_at"]:
            self._broken("I12", f"{request.name} shows {view['id']} active at {clock}, over {order['expires_at']}")
        due = order.get("answer_due_at")
        over = due is not None and clock >= due and "responded_at" not in order
        if view["status"] in ("active", "expired") and over:
            self._broken("I12", f"{request.name} shows {view['id']} {view['status']} after its answer window")
        if len(view["taken_by"]) > 3 or view["city"] != order["city"]:
            self._broken("I9", f"{request.name} shows {view}")

    # ------------------------------------------------------------ the end

    def at_end(self, now: int) -> None:
        """Check liveness and the books once more. Faults have stopped, and everything due by `now` had time to run."""
        owed: Counter[int] = Counter()
        for key, item in self.items.items():
            if key[1] == "ORDER":
                order_id = key[0].partition("#")[2]
                due = item.get("answer_due_at") if "responded_at" not in item else None
                status = item["status"]
                if status == "active" and now >= item["expires_at"]:
                    self._broken("L1", f"order {order_id} is active long after its hour")
                if status in ("active", "expired") and due is not None and now >= due:
                    self._broken("L1", f"order {order_id} is {status} long after its answer window")
                for executor, take in item["takes"].items():
                    refund = self.items.get((f"USER#{executor}", f"LEDGER#REFUND#{order_id}"))
                    if (refund is not None) != (
                        take.get("refunded", False) or (status == "closed_no_response" and "responded_at" not in item)
                    ):
                        self._broken("L2", f"order {order_id} is {status}, the refund of {executor} is {refund}")
                    owed[int(executor)] += take["price"] if refund is None else 0
                if item["due_pk"].startswith("DUE") and item["due_at"] <= now:
                    self._broken("L1", f"order {order_id} is still due at {item['due_at']}")
            elif key[1] == "CONTACT":
                holder = self.items.get((f"ORDER#{item['order_id']}", "ORDER"))
                if holder is None or holder["status"] != "active":
                    self._broken("L3", f"a lock points to {item['order_id']}, which is {holder and holder['status']}")
        self._books_at_end(owed)
        for what in self._payments_at_end(now):
            self._broken("F24", what)
        for what in self._refunds_at_end(now):
            self._broken("L12", what)

    def _books_at_end(self, owed: Mapping[int, int]) -> None:
        """I3: for each user, the balance plus paid takes, less the debt, equals what the providers still hold."""
        held: Counter[int] = Counter()
        for amount, user in self._recharged.items():
            held[user] += amount
        for key, item in self.items.items():
            money = self.money.get((item["provider"], item["charge_id"])) if key[1] == "PAYMENT" else None
            if money is not None and not money.refunded:
                held[money.user] += item["amount"]
        for user in sorted({*held, *owed, *self._owed}):
            item, pays = self.items.get((f"USER#{user}", "USER"), {}), owed.get(user, 0)
            balance, debt = item.get("balance", 0), item.get("debt", 0)
            if balance + pays - debt != held[user]:
                self._broken("I3", f"{user} has {balance}, pays {pays}, owes {debt}, the providers hold {held[user]}")

    def deadlines(self) -> Iterator[int]:
        """Yield all deadlines, past and future."""
        for key, item in self.items.items():
            if key[1] == "ORDER":
                yield from (item[name] for name in ("expires_at", "answer_due_at") if name in item)

    def everything(self) -> Iterator[tuple[str, int | None, dict[str, Any], list[Any]]]:
        """Yield the expected content of every API list: route, caller, query, ids in order."""
        now = self._world.now
        orders = {key[0].partition("#")[2]: item for key, item in self.items.items() if key[1] == "ORDER"}
        # An erased order is in no list, except that of its executors.
        listed = {id: order for id, order in orders.items() if not is_erased(order)}
        shared = listed.keys() - self.visibility.removed
        newest = sorted(orders, key=lambda id: (orders[id]["expires_at"], id), reverse=True)
        users = sorted(int(key[0].partition("#")[2]) for key in self.items if key[1] == "USER")
        for status in ("active", "expired", "completed"):
            for city, category in itertools.product((None, "Москва"), (None, "Сантехника")):
                query = {"status": status, "city": city, "category": category}
                narrowed = {name: value for name, value in query.items() if value is not None}
                shown = [
                    {**orders[id], "id": id, "status": shown_status(orders[id], now)} for id in newest if id in shared
                ]
                matching = [order["id"] for order in shown if narrowed.items() <= order.items()]
                yield "GET /api/orders", None, narrowed, matching
        for user in users:
            mine = [id for id in newest if id in listed and orders[id]["client_id"] == user]
            yield "GET /api/orders", user, {"mine": True}, mine
            taken = [id for id in newest if str(user) in orders[id]["takes"]]
            yield "GET /api/orders", user, {"taken_by_me": True}, taken
            entries = [item["id"] for key, item in self.items.items() if key[0] == f"USER#{user}" and "amount" in item]
            yield "GET /api/balance/transactions", user, {}, sorted(entries, reverse=True)
            for name, party in (("mine", "executor_id"), ("written", "client_id")):
                own = [review for review in self.reviews.newest_first() if review[party] == user]
                found = [review for review in own if name == "written" or "hidden_at" not in review]
                yield "GET /api/reviews", user, {name: True}, [review["id"] for review in found]
        for route, query, expected in self.reviews.listed(self.visibility.removed):
            yield route, OPERATORS[0] if "/admin/" in route else None, query, expected
        for route, query, expected in self.audit_log.listed():
            yield route, OPERATORS[0], query, expected

    def on_list(self, name: str, answer: Answer, expected: list[Any]) -> None:
        """Check a list that was read at rest: its ids and its total are exact."""
        if wrong := wrong_list(answer, expected):
            self._broken("list", f"{name} {wrong}")
