"""Check support threads after every commit and response, by rules of their own.

- A message is written once. Its person may edit it, for a token each; only an erasure removes it.
- A thread has the newest ids of its messages. It waits from the first unanswered message on.
- An answer, a takeover and a close are each one commit with their audit entry. An outcome, once known, stays.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from shared.domain.limits import MESSAGES_PER_HOUR
from tests.fakes.dynamodb import Key
from tests.simulation.records import Answer, Commit, Plain, Request, wrong_list
from tests.simulation.world import HOUR, MAX_SKEW, Task, World

LIST = "GET /api/admin/threads"
READ = "GET /api/admin/threads/{id}"
PHOTO = "GET /api/admin/threads/{id}/photos/{message_id}"
ACT = "POST /api/admin/threads/{id}"
EXPORT = "GET /api/users/me/export"

# A token of the bucket `messages`, ms.
TOKEN = HOUR // MESSAGES_PER_HOUR
_OF_THE_SENDER = {"writer", "tries", "held_until", "outcome", "due_pk", "due_at"}
Deed = tuple[str, int | None, str | None]


class ThreadRules:
    """The checks of one seed. `items` is the checker's copy of the table, `forgotten` who asked for erasure."""

    def __init__(self, world: World, items: Mapping[Key, Plain], forgotten: set[int]) -> None:
        self._world = world
        self._items = items
        self._forgotten = forgotten
        self._erased: dict[int, int] = {}
        # How often each answer was written. Once erased, its key is free, and a repeated request writes it anew.
        self.written = Counter[Key]()
        self.is_at_rest = False

    def _broken(self, message: str) -> None:
        self._world.broken("threads", message)

    # ------------------------------------------------------------ commits

    def on_change(self, key: Key, old: Plain | None, new: Plain | None, commit: Commit) -> Iterator[Deed]:
        """Check one item of a thread; yield what an operator did."""
        user = int(key[0].partition("#")[2])
        if new is None:
            if user not in self._forgotten:
                self._broken(f"{key} was removed: {old}")
            if key[1] == "THREAD":
                self._erased[user] = self._world.now
                if left := [each for each in self._items if each[0] == key[0]]:
                    self._broken(f"{key} was removed without {left}")
        elif key[1] == "THREAD":
            yield from self._thread(user, old or {}, new, commit)
        elif old is None:
            if (key[0], "THREAD") not in commit:
                self._broken(f"{key} came without its thread")
            if key[1].startswith("IN#"):
                self._paid(user, commit)
            self.written[key] += 1
        else:
            changed = {part for part in old.keys() | new.keys() if old.get(part) != new.get(part)}
            if key[1].startswith("IN#"):
                self._paid(user, commit)
                changed -= {"content", "edited_at"}
            elif "outcome" not in old:
                changed -= _OF_THE_SENDER
            if changed:
                self._broken(f"{key} was changed from {old} to {new}")

    def _paid(self, user: int, commit: Commit) -> None:
        """Check that a person paid for a message or an edit with a token, so that a flood is bounded."""
        old, new = commit.get((f"USER#{user}", "USER"), (None, None))
        before, after = ((item or {}).get("bucket_messages", 0) for item in (old, new))
        if not before + TOKEN <= after <= self._world.now + MAX_SKEW + HOUR:
            self._broken(f"{user} wrote, and their messages went from {before} to {after}")

    def _thread(self, user: int, old: Plain, new: Plain, commit: Commit) -> Iterator[Deed]:
        pk, before = f"THREAD#{user}", old.get("waiting_since")
        if new["version"] != old.get("version", 0) + 1:
            self._broken(f"the thread of {user} has the version {new['version']} after {old.get('version')}")
        messages = {key[1]: item for key, item in self._items.items() if key[0] == pk and key[1] != "THREAD"}
        ids = {name: item["id"] for name, item in messages.items()}
        received = max((id for name, id in ids.items() if name.startswith("IN#")), default=0)
        newest = new["received_id"], new["newest_id"]
        if user not in self._forgotten and newest != (received, max(ids.values(), default=0)):
            self._broken(f"the thread of {user} says {newest}, its messages are {ids}")
        written = [key[1] for key, (earlier, _) in commit.items() if key[0] == pk and key[1] in ids and earlier is None]
        closes = new["closed_at"] is not None and old.get("closed_at") is None
        waits: tuple[int | None, ...] = (before,)
        if written and written[0].startswith("IN#"):
            waits = (messages[written[0]]["created_at"] if before is None else before,)
            if new["closed_at"] is not None:
                self._broken(f"{user} wrote, and the thread stays closed")
        elif written:
            yield "thread_answered", user, None
            waits = (None,) if before is None else (None, new["received_at"])
            if new["operator_id"] != messages[written[0]]["operator_id"] or new["closed_at"] is not None:
                self._broken(f"{messages[written[0]]} made the thread {new}")
        elif closes:
            yield "thread_closed", user, None
            waits = (None,)
        elif old.get("operator_id") != new["operator_id"]:
            yield "thread_taken", user, None
        elif old.get("refused_until") == new["refused_until"]:
            self._broken(f"nothing happened to the thread of {user}: {new}")
        if new["waiting_since"] not in waits:
            self._broken(f"the thread of {user} waits since {new['waiting_since']}, not since {waits}")

    # ------------------------------------------------------------ answers

    def on_answer(self, request: Request, content: Any, task: Task) -> None:
        """Check a response: an answer that was accepted is stored; at rest, lists and exports are complete."""
        user = int(request.id) if request.id is not None else request.user
        if request.route == ACT:
            if request.body is not None and request.body["action"] == "answer" and user not in self._forgotten:
                stored = self._items.get((f"THREAD#{user}", f"OUT#{request.body['key']}"))
                if stored is None or stored["content"]["text"] != request.body["text"]:
                    self._broken(f"{request.name} was answered, it is stored as {stored}")
        elif not self.is_at_rest:
            pass  # the thread may change between the read and the answer
        elif request.route == LIST:
            self._listed(request, content, task)
        elif content["next_cursor"] is None and user not in self._forgotten:
            pk = f"THREAD#{user}"
            there = sorted(item["id"] for key, item in self._items.items() if key[0] == pk and key[1] != "THREAD")
            if sorted(message["id"] for message in content["support_messages"]) != there:
                self._broken(f"{request.name} has {content['support_messages']}, there are {there}")

    def _listed(self, request: Request, content: Any, task: Task) -> None:
        """Check a list of threads: the longest wait first, otherwise the newest first.

        At the end, people are erased once more: a list that was read before still has their threads.
        """
        state = request.query["state"]
        threads = {int(key[0].partition("#")[2]): item for key, item in self._items.items() if key[1] == "THREAD"}
        found = [
            (item["waiting_since"] or item["last_at"], str(user))
            for user, item in threads.items()
            if _state(item) == state
        ]
        expected = [int(user) for _, user in sorted(found, reverse=state != "waiting")]
        shown = [
            thread
            for thread in content["threads"]
            if thread["user_id"] in threads or self._erased.get(thread["user_id"], 0) < task.started
        ]
        if wrong := wrong_list(Answer(200, {"threads": shown}), expected):
            self._broken(f"{request.name} {wrong}")


def _state(thread: Plain) -> str:
    if thread["closed_at"] is not None:
        return "closed"
    return "answered" if thread["waiting_since"] is None else "waiting"
