"""Check the audit log, bans and erasures after every commit and response.

As in `invariants.py`, the rules are those of the marketplace:

- An audit entry and its effect are one commit. Each entry has one effect.
- A banned user has no effect on the marketplace.
- After an erasure, only money entries under a bare id are left of the user.
- A token of the right bucket pays for each write that has a limit, and for each answer that a contact is busy.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.conftest import OPERATOR
from tests.fakes.dynamodb import Key
from tests.simulation.records import Answer, Commit, Plain, Request
from tests.simulation.thread_rules import PHOTO, READ, ThreadRules
from tests.simulation.world import HOUR, MAX_LAG, MAX_SKEW, Task, World

OPERATORS = (OPERATOR, OPERATOR + 1)

_ERASED = "Удалено по просьбе автора"
_ERASED_NAME = "Пользователь"
_PERSONAL = (
    *("first_name", "last_name", "username", "preferences", "notify_enabled", "notify_frequency", "chat_open"),
    *("receipt_contact", "receipt_contact_consent_at", "ban_reason", "timeline_pk", "timeline_sk"),
)
_SETTINGS = ("preferences", "notify_enabled", "notify_frequency")
# Functions of the order's client. They read whether the caller is banned.
_OF_THE_CLIENT = frozenset({"orders.update", "orders.delete", "orders.respond", "orders.close", "orders.complete"})
# Actions without another effect.
_LOOKS = ("ledger_read", "person_read", "data_exported", "thread_read", "messages_redriven")
_LOOK_OF = {
    "GET /api/admin/users/{id}/ledger": "ledger_read",
    "GET /api/admin/users/{id}": "person_read",
    READ: "thread_read",
    PHOTO: "thread_read",
}
# The reason of every action on a thread.
_SUPPORT = "обращение в поддержку"
# Actions that happen at most once to an order or a take.
_ONCE = ("order_removed", "take_refunded", "complaint_handled")
# A write may land so many ms after it was tried, when its function has long ended (F4).
_LATEST = 60_000

Deed = tuple[str, int | None, str | None]
"""The effect of an action: its kind, user id and order id."""


def words_of(user: int) -> str:
    """Return text that a user writes. It is searchable in every item."""
    return f"(пишет {user}-й)"


def is_erased(order: "Plain") -> bool:
    """Whether everything that the client wrote in an order is erased."""
    return not order["contact"] and not order["contact_key"] and order["description"] == _ERASED


class AuditLog:
    """The audit log, the bans and the erasures of one seed. `items` is the checker's copy of the table."""

    def __init__(self, world: World, items: Mapping[Key, "Plain"]) -> None:
        self._world = world
        self._items = items
        self._actions: list[tuple[int, Plain]] = []
        self._done_for: Counter[tuple[str, Deed]] = Counter()
        self._once: set[Deed] = set()
        self._banned: dict[int, tuple[int, int | None]] = {}
        self._moved: dict[tuple[int, bool], int] = {}
        self._written: dict[Key, int] = {}
        self.forgotten: set[int] = set()
        self.threads = ThreadRules(world, items, self.forgotten)
        self.sent: Counter[int] = Counter()
        self.per_hour = dict.fromkeys(("orders", "takes", "settings", "invoices", "contacts"), 100_000)
        self.refunds_per_day = 5_000
        self._exchanged: set[str] = set()
        self._refusals_paid: Counter[int] = Counter()
        self._refusals_told: Counter[int] = Counter()

    def _broken(self, invariant: str, message: str) -> None:
        self._world.broken(invariant, message)

    # ------------------------------------------------------------ commits

    def on_commit(self, commit: "Commit") -> None:
        """Check one commit: an action is written with its effect, and a banned user changes nothing."""
        done: Counter[Deed] = Counter()
        actions: list[Plain] = []
        for key, (old, new) in commit.items():
            name, _, rest = key[1].partition("#")
            if name == "ACTION":
                if old is not None or new is None:
                    self._broken("audit log", f"{key} was changed from {old} to {new}")
                else:
                    actions.append(new)
            elif name in ("NOTES", "REFUND", "LOGIN", "THREAD", "IN", "OUT"):
                done.update(self._of_operators(key, old, new, commit))
            elif new is None:
                continue
            elif name == "ORDER":
                done.update(self._of_order(key, old, new, commit))
            elif name == "USER":
                done.update(self._of_user(int(key[0].partition("#")[2]), old or {}, new, commit))
            elif name in ("REVIEW", "COMPLAINT"):
                done.update(self._of_words(key, name, int(rest), old, new, commit))
            elif name == "PAYMENT" and old is None and new["charge_id"] is None:
                self._not_by_banned(new["user_id"], f"{key} was begun")
                self._spent("invoices", new["user_id"], commit)
        if done or actions:
            self._balance(done, actions, commit)

    def _of_operators(self, key: Key, old: "Plain | None", new: "Plain | None", commit: "Commit") -> list[Deed]:
        """Check a thread, the notes about a person, a refund, or a login code. An erasure removes the notes."""
        if key[0].startswith("THREAD#"):
            if old is None:
                self._written[key] = self._world.now
            return list(self.threads.on_change(key, old, new, commit))
        if key[1] == "LOGIN":
            if old is None:
                return []
            # Without a task, an attempt lands for a second time, minutes later: nobody gets a session by that.
            too_late = self._world.task is not None and old["ends_at"] <= self._world.now - MAX_SKEW - _LATEST
            if new is not None or too_late:
                self._broken("logins", f"{key} became {new}, it was {old}")
            return [("session_opened", None, None)]
        if key[1] == "REFUND":
            return [] if self._is_continued(old, new) else [self._of_refund(old, new, commit)]
        user = int(key[0].partition("#")[2])
        if new is None:
            return []
        if len(new["notes"]) != len((old or {"notes": []})["notes"]) + 1:
            self._broken("audit log", f"the notes about {user} went from {old} to {new}")
        return [("note_added", user, None)]

    @staticmethod
    def _is_continued(old: "Plain | None", new: "Plain | None") -> bool:
        """Whether only the next attempt of an approved refund was written, which is no deed of an operator."""
        if old is None or new is None or "approved_at" not in old:
            return False
        return {**old, "due_pk": None, "due_at": None} == {**new, "due_pk": None, "due_at": None}

    def _of_refund(self, old: "Plain | None", new: "Plain | None", commit: "Commit") -> Deed:
        """Check an operator's refund: alone it is within the sum of the day, above it another operator approves it."""
        refund = new or old or {}
        if new is None:
            if "approved_at" in refund:
                self._broken("refunds", f"{refund} was approved, and then withdrawn")
            return "refund_withdrawn", refund["user_id"], None
        if old is not None:
            [action] = [after for key, (_, after) in commit.items() if key[1] == "ACTION" and after is not None]
            if "approved_at" in old or action["operator_id"] == old["operator_id"]:
                self._broken("refunds", f"{old} was approved by {action['operator_id']}")
            return "refund_approved", refund["user_id"], None
        if "approved_at" not in new:
            return "refund_requested", refund["user_id"], None
        sums = [(before, after) for key, (before, after) in commit.items() if key[1] == "REFUNDED"]
        moved = [(after or {})["roubles"] - (before or {"roubles": 0})["roubles"] for before, after in sums]
        if moved != [refund["amount"]] or any((after or {})["roubles"] > self.refunds_per_day for _, after in sums):
            self._broken("refunds", f"{refund} is counted as {sums}, an operator may refund {self.refunds_per_day}")
        return "payment_refunded", refund["user_id"], None

    def on_payment(self, key: Key, old: "Plain", new: "Plain") -> None:
        """Check that operators in the panel refund nothing that waits for a second one."""
        task, refund = self._world.task, self._items.get((f"REFUND#{key[0].partition('#')[2]}", "REFUND"), {})
        by_panel = task is not None and task.function == "admin.refund_payments"
        if by_panel and new["refunded"] > old["refunded"] and "approved_at" not in refund:
            self._broken("refunds", f"{key} was refunded, and nobody approved it: {refund}")

    def _balance(self, done: Counter[Deed], actions: "list[Plain]", commit: "Commit") -> None:
        """Check that each effect has one action, and each action one effect."""
        for action in actions:
            deed = action["kind"], action["user_id"], action["order_id"]
            self._actions.append((self._world.now, action))
            self._done_for[action["reason"], deed] += 1
            if deed[0] in _ONCE and deed in self._once:
                self._broken("audit log", f"{deed} is in the audit log twice")
            self._once.add(deed)
            erases_self = deed[0] == "data_erased" and action["operator_id"] == action["user_id"]
            if action["operator_id"] not in OPERATORS and not erases_self:
                self._broken("audit log", f"{action} is by no operator")
            if deed in done:
                done[deed] -= 1
            elif deed[0] == "data_erased":
                self._erased(action, commit)
            elif deed[0] == "take_refunded":
                self._ended_with_it(action, commit)
            elif deed[0] not in _LOOKS or len(commit) > 1:
                self._broken("audit log", f"{action} is in the audit log and did not happen")
        for deed, count in done.items():
            if count:
                self._broken("audit log", f"{deed} happened {count} times, the audit log has {actions}")

    def _of_order(self, key: Key, old: "Plain | None", new: "Plain", commit: "Commit") -> Iterator[Deed]:
        order_id, client = key[0].partition("#")[2], new["client_id"]
        if old is None:
            self._written[key] = self._world.now
            self._not_by_banned(client, f"order {order_id} was posted")
            self._spent("orders", client, commit)
            self._has_token("contacts", client, commit)
            return
        self._contact(old, new, commit)
        for user in new["takes"].keys() - old["takes"].keys():
            self._not_by_banned(int(user), f"order {order_id} was taken")
            self._spent("takes", int(user), commit)
        task = self._world.task
        edited = old["edits"] != new["edits"]
        # An edit that needs a locked contact may write the end of the order that holds the lock.
        if task is not None and task.function in _OF_THE_CLIENT and (edited or task.function != "orders.update"):
            self._not_begun_by_banned(client, f"order {order_id} was changed")
        hidden = "removed_at" in new
        if old.get("removed_at", new.get("removed_at")) != new.get("removed_at"):
            self._broken("I25", f"order {order_id} was removed at {old['removed_at']}, now {new.get('removed_at')}")
        if hidden and "removed_at" not in old:
            yield "order_removed", None, order_id
            if old["status"] in ("completed", "closed_no_response", "deleted") and old["takes"] != new["takes"]:
                self._broken("I7", f"order {order_id} had ended, and its removal changed {old['takes']}")
        # The removal of an order that runs or expired ends it. One that only hides the order moves no money.
        removed = hidden and "removed_at" not in old and _ended_by_removal(old, new)
        for user, take in new["takes"].items():
            before = old["takes"].get(user, {}).get("refunded", False)
            if take.get("refunded", False) is before:
                if removed and not before:
                    self._broken("I7", f"order {order_id} was removed, {user} has nothing back")
                continue
            if before or (not removed and "responded_at" not in new and new["status"] in ("active", "expired")):
                self._broken("I7", f"the take of {order_id} by {user} became {take}, the order is {new['status']}")
            entry = commit.get((f"USER#{user}", f"LEDGER#REFUND#{order_id}"))
            # An operator's earlier refund is unchanged.
            if entry is None or entry[1] is None or entry[1]["amount"] != take["price"]:
                self._broken("I7", f"the take of {order_id} by {user} became {take}, with {entry}")
            if not removed:
                yield "take_refunded", int(user), order_id

    def _of_user(self, user: int, old: "Plain", new: "Plain", commit: "Commit") -> Iterator[Deed]:
        banned = "banned_at" in new
        if any(old.get(name) != new.get(name) for name in ("banned_at", "banned_until")):
            self._moved[user, banned] = self._world.now
            if banned:
                self._banned[user] = self._world.now, new.get("banned_until")
            else:
                del self._banned[user]
            yield "user_banned" if banned else "user_unbanned", user, None
        if old.get("bucket_contacts") != new.get("bucket_contacts"):
            self._spent("contacts", user, commit)
            # A charge is either for a change of a contact or for a refusal, which writes nothing else.
            self._refusals_paid[user] += len(commit) == 1
        forgets = any(
            after is not None and after.get("kind") == "data_erased" and after["user_id"] == user
            for _, after in commit.values()
        )
        if "first_name" in old and "first_name" not in new and not forgets:
            self._broken("erasure", f"the name of {user} was taken out, and the audit log does not say so")
        # What Telegram says of the chat is written with the settings as they are, the first time with the defaults.
        by_telegram = old.get("chat_open") != new.get("chat_open")
        if not forgets and not by_telegram and any(old.get(name) != new.get(name) for name in _SETTINGS):
            self._not_by_banned(user, "settings were changed")
            self._spent("settings", user, commit)

    def _of_words(
        self, key: Key, name: str, author: int, old: "Plain | None", new: "Plain", commit: "Commit"
    ) -> Iterator[Deed]:
        """Check a review or complaint: it is written once. After that it is only erased, handled or hidden."""
        if old is None:
            self._written[key] = self._world.now
            self._not_begun_by_banned(author, f"{key} was written")
            return
        changed = {part for part in old.keys() | new.keys() if old.get(part) != new.get(part)}
        if "comment" in changed or "author_name" in changed:
            if _has_words(new):
                self._broken("I20", f"{key} was changed from {old} to {new}")
            if author not in self.forgotten:
                self._broken("erasure", f"{key} was erased, {author} did not ask for it")
        if name == "COMPLAINT" and "handled_at" in changed and "handled_at" not in old:
            yield "complaint_handled", author, key[0].partition("#")[2]
            changed -= {"handled_at", "action_id", "timeline_pk"}
        if name == "REVIEW" and (key[0], "ORDER") in commit:
            changed -= {"list1_pk", "list2_pk", "was_public"}  # its order was removed: `visibility.py` checks the lists
        if name == "REVIEW" and ("hidden_at" in old) is not ("hidden_at" in new):
            yield "review_hidden" if "hidden_at" in new else "review_restored", author, key[0].partition("#")[2]
            changed -= {"hidden_at", "was_public", "list1_pk", "list2_pk", "list3_pk"}
        if changed - {"comment", "masked_comment", "author_name"}:
            self._broken("I20", f"{key} was changed from {old} to {new}")

    def _spent(self, bucket: str, user: int, commit: "Commit") -> None:
        """Check that a write took a token from the user's bucket, and that there was one."""
        old, new = commit.get((f"USER#{user}", "USER"), (None, None))
        before, after = ((item or {}).get(f"bucket_{bucket}", 0) for item in (old, new))
        one = HOUR // self.per_hour[bucket]
        if not before + one <= after <= self._world.now + MAX_SKEW + HOUR:
            self._broken("buckets", f"{user} spent of {bucket} from {before} to {after}, a token is {one} ms")

    def _has_token(self, bucket: str, user: int, commit: "Commit") -> None:
        """Check that there was a token in the user's bucket, which the write left there."""
        old, new = commit.get((f"USER#{user}", "USER"), (None, None))
        before, after = ((item or {}).get(f"bucket_{bucket}", 0) for item in (old, new))
        if before != after or before + HOUR // self.per_hour[bucket] > self._world.now + MAX_SKEW + HOUR:
            self._broken("buckets", f"{user} had no token of {bucket}, which went from {before} to {after}")

    def on_busy_contact(self, request: "Request") -> None:
        """I26: each answer that a contact is busy was paid for by a charge that was written before it.

        `_spent` holds these charges to the bucket: its size, and what it regains in the time.
        """
        assert request.user is not None
        self._refusals_told[request.user] += 1
        told, paid = self._refusals_told[request.user], self._refusals_paid[request.user]
        if told > paid:
            self._broken("I26", f"{request.name} was answered, busy contact {told} of {paid} that were paid for")

    def _contact(self, old: "Plain", new: "Plain", commit: "Commit") -> None:
        """Check that the client paid for a new contact of an order."""
        if old["contact_key"] != new["contact_key"] and not is_erased(new):
            self._spent("contacts", new["client_id"], commit)

    def _ended_with_it(self, action: "Plain", commit: "Commit") -> None:
        """Check an operator's refund that fell together with the end of the order."""
        old, new = commit.get((f"ORDER#{action['order_id']}", "ORDER"), (None, None))
        refund = commit.get((f"USER#{action['user_id']}", f"LEDGER#REFUND#{action['order_id']}"))
        ends = old is not None and new is not None and old["status"] != new["status"] == "closed_no_response"
        if not ends or refund is None:
            self._broken("audit log", f"{action} is in the audit log and did not happen")

    # ------------------------------------------------------------ bans

    def _not_by_banned(self, user: int, what: str) -> None:
        """Check a write guarded by a condition: it cannot succeed while the user is banned."""
        if user in self._banned and not self._may_have_ended(user, self._world.now):
            self._broken("ban", f"{what} by {user}, who is banned")

    def _may_have_ended(self, user: int, now: int) -> bool:
        """Whether the ban has ended by itself, by the clock that is furthest ahead."""
        _, until = self._banned[user]
        return until is not None and until <= now + MAX_SKEW

    def _not_begun_by_banned(self, user: int, what: str) -> None:
        """Check a write guarded by a read: an invocation that starts after the ban writes nothing."""
        task = self._world.task
        if task is None or user not in self._banned or self._may_have_ended(user, self._world.now):
            return
        if task.started > self._banned[user][0]:
            self._broken("ban", f"{what} by {user} in {task}, who was banned before it began")

    # ------------------------------------------------------------ erasures

    def _erased(self, action: "Plain", commit: "Commit") -> None:
        """Check an erasure in the audit log: everything that the user wrote before the request is erased."""
        user = action["user_id"]
        if user not in self.forgotten:
            self._broken("erasure", f"{action}, and the user did not ask for it")
        _, left = commit.get((f"USER#{user}", "USER"), (None, None))
        if left is None or any(name in left for name in _PERSONAL):
            self._broken("erasure", f"{user} is forgotten and is {left}")
        for what in self._left_of(user, before=action["created_at"] - MAX_SKEW - MAX_LAG):
            self._broken("erasure", f"{user} is forgotten and there is {what}")

    def _left_of(self, user: int, *, before: int) -> Iterator[str]:
        """Find what is left of the user's text from before a moment (epoch ms)."""
        for key, item in self._items.items():
            name, _, author = key[1].partition("#")
            if name == "IN" and key[0] == f"THREAD#{user}" and self._written[key] < before:
                yield f"{key}"
            if name not in ("ORDER", "REVIEW", "COMPLAINT") or self._written[key] >= before:
                continue
            if name == "ORDER" and item["client_id"] == user:
                review = (key[0], f"REVIEW#{user}")
                comments = item.get("review_comment") is not None and self._written[review] < before
                if not is_erased(item) or comments:
                    yield f"{key}"
            elif name != "ORDER" and int(author) == user and _has_words(item):
                yield f"{key}"

    def at_rest(self) -> None:
        """Check that nothing of an erased user is in the table, after a last erasure at rest."""
        text = json.dumps(list(self._items.values()), ensure_ascii=False) if self.forgotten else ""
        for user in sorted(self.forgotten):
            for what in self._left_of(user, before=self._world.now):
                self._broken("erasure", f"{user} is forgotten and there is {what}")
            left = [trace for trace in (words_of(user), f'"User{user}"') if trace in text]
            gone = ("SUBSCRIPTION#", "NOTES")
            lists = [key for key in self._items if key[0] == f"USER#{user}" and key[1].startswith(gone)]
            lists += [key for key in self._items if key[0] == f"THREAD#{user}"]
            item = self._items.get((f"USER#{user}", "USER"), {})
            personal = [name for name in _PERSONAL if name in item]
            if left or lists or personal:
                self._broken("erasure", f"{user} is forgotten and there is {left} {lists} {personal}")

    # ------------------------------------------------------------ answers

    def on_answer(self, request: "Request", content: Any, task: Task) -> None:
        """Check a successful response to an operator, or to a user's erasure request."""
        order = self._items.get((f"ORDER#{request.id}", "ORDER"), {})
        reason = (request.body or request.query).get("reason", "")
        match request.route:
            case "POST /api/admin/orders/{id}/remove":
                # Another operator may have removed it before: then this request records nothing.
                mine = self._done_for[reason, ("order_removed", None, request.id)]
                others = ("order_removed", None, request.id) in self._once
                if "removed_at" not in order or not (mine or others):
                    self._broken("audit log", f"{request.name} was answered, the order is {order}")
            case "POST /api/admin/orders/{id}/refund":
                assert request.body is not None
                user = request.body["executor_id"]
                deed = "take_refunded", user, request.id
                if (f"USER#{user}", f"LEDGER#REFUND#{request.id}") not in self._items or not self._done_for[
                    reason, deed
                ]:
                    self._broken("audit log", f"{request.name} was answered, the order is {order}")
            case "POST /api/admin/complaints/handle" | "POST /api/admin/reviews/hide":
                self._judged(request, reason)
            case "POST /api/admin/users/{id}/ban" | "POST /api/admin/users/{id}/unban":
                self._ban_answered(request, content, task)
            case _ if request.route in _LOOK_OF:
                assert request.id is not None
                if not self._done_for[reason or _SUPPORT, (_LOOK_OF[request.route], int(request.id), None)]:
                    self._broken("audit log", f"{request.name} was answered, and it is not in the audit log")
            case "POST /api/admin/session":
                code = (request.body or {})["code"]
                if code in self._exchanged:
                    self._broken("logins", f"{request.name} was answered, the code was exchanged before")
                self._exchanged.add(code)
            case "DELETE /api/users/me":
                if not self._erased_since(request.user, task.started):
                    self._broken("erasure", f"{request.name} was answered, and it is not in the audit log")

    def _judged(self, request: "Request", reason: str) -> None:
        """Check that a complaint is handled, or a review hidden, by this request or by an earlier one."""
        body = request.body or {}
        if request.route.endswith("/handle"):
            done = self._done_for[reason, ("complaint_handled", body["executor_id"], body["order_id"])]
        else:
            deed = "review_hidden", body["author_id"], body["order_id"]
            done = self._done_for[reason, deed] or deed in self._once
        if not done:
            self._broken("audit log", f"{request.name} was answered, and it is not in the audit log")

    def on_refusal(self, request: "Request", answer: "Answer") -> None:
        """Check that a request sent once is not refused because of its own effect."""
        done = any(reason == (request.body or {}).get("reason") for reason, _ in self._done_for)
        if done and self.sent[request.number] == 1:
            self._broken("P3", f"{request.name} was answered {answer}, and the audit log has its action")

    def _erased_since(self, user: int | None, started: int) -> bool:
        return any(
            at >= started and action["kind"] == "data_erased" and action["user_id"] == user
            for at, action in self._actions
        )

    def on_erased(self, user: int, task: Task) -> None:
        """Check an operator's erasure after its invocation has ended."""
        if not self._erased_since(user, task.started):
            self._broken("erasure", f"{task} of {user} came to its end, and it is not in the audit log")

    def _ban_answered(self, request: "Request", content: Any, task: Task) -> None:
        assert request.id is not None
        user, banned = int(request.id), request.route.endswith("/ban")
        # Another operator may have reversed it meanwhile.
        turned = self._moved.get((user, not banned), 0) >= task.started
        ended = user in self._banned and self._may_have_ended(user, self._world.now)
        if (user in self._banned) is not banned and not turned and not ended:
            self._broken("ban", f"{request.name} was answered, the user is banned since {self._banned.get(user)}")
        for order_id in content["removed_orders"]:
            if not self._items[f"ORDER#{order_id}", "ORDER"].get("removed_at"):
                self._broken("ban", f"{request.name} was answered {content}")
        if not banned:
            return
        for key, item in self._items.items():
            if key[1] != "ORDER" or item["client_id"] != user or self._written[key] >= task.started - MAX_LAG:
                continue
            # An executor whose clock is behind may take an order that is over by the operator's clock.
            takes = item["takes"].values()
            late = all(take["taken_at"] > task.started - MAX_SKEW for take in takes)
            if item["expires_at"] <= task.clock_high and late:
                continue
            if _is_running(item, task.clock_high):
                self._broken("ban", f"{request.name} was answered, {key[0]} still runs")

    def listed(self) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
        """Yield the expected content of each operator list, if there are actions: route, query, ids."""
        if not self._actions:
            return
        ids = sorted((action["id"] for _, action in self._actions), reverse=True)
        yield "GET /api/admin/actions", {}, ids[:100]
        complaints = [item for key, item in self._items.items() if key[1].startswith("COMPLAINT#")]
        for handled in (False, True):
            found = sorted(item["id"] for item in complaints if ("handled_at" in item) is handled)
            yield "GET /api/admin/complaints", {"handled": handled}, found[:100]


def _ended_by_removal(old: "Plain", new: "Plain") -> bool:
    """Whether a removal ended the order, rather than a deadline that had passed before."""
    if old["status"] not in ("active", "expired"):
        return False
    unanswered = "answer_due_at" in old and "responded_at" not in old
    return not unanswered or new["removed_at"] < old["answer_due_at"]


def _has_words(item: "Plain") -> bool:
    """Whether a review or complaint still has text of its author."""
    return item["comment"] is not None or item.get("author_name", _ERASED_NAME) != _ERASED_NAME


def _is_running(order: "Plain", now: int) -> bool:
    """Whether an executor may still be waiting for the client's answer, or the order is open."""
    if order["status"] not in ("active", "expired"):
        return False
    unanswered = bool(order["takes"]) and "responded_at" not in order
    if unanswered and now >= order["answer_due_at"]:
        return False
    return unanswered or (order["status"] == "active" and now < order["expires_at"])
