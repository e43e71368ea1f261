"""Simulate people who write to the bot, and the operators who read, answer, take over and close their threads (L11).

Updates arrive twice and late, people edit, send albums and flood, functions die before and after each call, and some
people block the bot. In the same seeds, operators look at what no other story shows. Random numbers have a generator of
their own. Most seeds have no threads.
"""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from shared.outbound.http import Download, Reply
from tests.simulation.actors import Actors
from tests.simulation.audit_log import OPERATORS, words_of
from tests.simulation.aws import Aws
from tests.simulation.invariants import Checker
from tests.simulation.notices import ANSWER_SENDER, Notices
from tests.simulation.payments import Payments
from tests.simulation.records import CANARY, Plain, Request
from tests.simulation.thread_rules import ACT, EXPORT, LIST, PHOTO, READ, TOKEN
from tests.simulation.turns import Turns
from tests.simulation.world import HOUR, MAX_SKEW, World

_MINUTE = 60_000
_DAY = 24 * HOUR
# The second seed of so many has threads: it has operators as well, and no sockets.
ONE_SEED_IN, FIRST_SEED = 35, 1
_LOOK_TIMEOUT = 60_000
# A person whose messages took this many tokens may be refused. A refusal is at most this old when its delivery ends.
_OLD = 40_000
# What Telegram asks to wait at most, before which an answer may be given up.
_LONGEST_WAIT = 11 * _MINUTE
# A look finds a tried answer whose message is dead after 16 minutes. Then its chat may wait for ten, twice.
_ENOUGH = 40 * _MINUTE
_STATES = ("waiting", "answered", "closed")
_PHOTO = {"file_id": "photo", "width": 90, "height": 51, "file_size": 1_000}
_JPEG = b"\xff\xd8\xff"


class Threads:
    """The threads of one seed."""

    def __init__(
        self, world: World, aws: Aws, checker: Checker, actors: Actors, payments: Payments, notices: Notices
    ) -> None:
        self.take_part = world.seed % ONE_SEED_IN == FIRST_SEED
        self._dice = random.Random(f"threads {world.seed}")
        self._world, self._aws, self._checker, self._actors = world, aws, checker, actors
        self._payments, self._notices = payments, notices
        self._messages = 0
        self._refused: set[int] = set()
        self._goes_on = True
        self.turns = Turns(world, self._dice.randint(3, 6), self._turn)
        if self.take_part:
            notices.queues = {*notices.queues, "answers"}
            # Few receives: then the answer is left to the look of every minute, and its message to the operators.
            notices.most_receives = self._dice.choice((1, 3, 40))
            aws.on_queue_call = self._on_queue_call

    def begin(self) -> None:
        """Plan the first turn and the looks of every minute."""
        if self.take_part:
            self.turns.begin(self._dice.choice((500, 10_000, 5 * _MINUTE)))
            self._world.later(_MINUTE, self._every_minute)

    def _every_minute(self) -> None:
        """Run the look of every minute, if it has something to do. Without that, one in a hundred is simulated."""
        if not self._goes_on:
            return
        self._world.later(_MINUTE, self._every_minute)
        items = self._checker.items.values()
        is_due = any(item.get("due_pk") == "DUE_ANSWERS" and item["due_at"] <= self._world.now for item in items)
        if is_due or self._dice.random() < 0.01:
            self._aws.invoke(ANSWER_SENDER, {}, lambda task: None, timeout=_LOOK_TIMEOUT, before=self._may_time_out)

    def _may_time_out(self) -> None:
        assert self._world.task is not None
        self._world.task.may_time_out = True  # when each call waits; the next look does the same

    # ------------------------------------------------------------ turns

    def _turn(self) -> int:
        """Let a person write, or operators act; return the ms until the next turn."""
        dice = self._dice
        threads = [int(key[0].partition("#")[2]) for key in self._checker.items if key[1] == "THREAD"]
        if not threads or dice.random() < 0.4:
            self._writes(dice.choice(self._actors.users))
        else:
            user = dice.choice(threads)
            for request in self._shift(user):
                for delay in (0, dice.choice((1, 30, 5_000))) if dice.random() < 0.3 else (0,):
                    self._send(request, delay + dice.choice((0, 0, 1, 10, 30)))
            if dice.random() < 0.4:
                self._writes(user)
            if dice.random() < 0.1:
                self._leaves(user)
        if dice.random() < 0.5:
            self._send(self._looks(), dice.choice((0, 10)))
        return dice.choice((0, 100, 3_000, _MINUTE, 10 * _MINUTE))

    def _send(self, request: Request, delay: int) -> None:
        self._world.later(delay, lambda: self._actors.send(request))

    # ------------------------------------------------------------ people

    def _leaves(self, user: int) -> None:
        """Let a person ask for erasure who writes, and is answered, just before and meanwhile."""
        self._checker.audit_log.forgotten.add(user)
        self._send(self._actors.request("DELETE /api/users/me", user), self._dice.choice((0, 10, 100)))
        for _ in range(3):
            self._writes(user)
            self._send(self._act(user), self._dice.choice((0, 10, 50, 100)))

    def _writes(self, user: int) -> None:
        """Let a person write: once, an album, an edit of what they wrote, or a flood. Some then block the bot."""
        dice = self._dice
        if user in self._notices.blocked:
            return
        number = dice.choices((1, 3, 25), weights=(12, 3, 1))[0]
        for _ in range(number):
            self._messages += 1
            words = f"Верните деньги, пишите @{CANARY}in_text {self._messages} {words_of(user)}"
            said: dict[str, Any] = {"photo": [_PHOTO], "caption": words} if number == 3 else {"text": words}
            if dice.random() < 0.1:
                said = {"sticker": {"file_id": "sticker"}}
            self._says("message", self._messages, user, said)
            if dice.random() < 0.2:
                self._says("edited_message", self._messages, user, {"text": f"{words}!"})
        if dice.random() < 0.1:
            self._world.later(dice.choice((0, 5_000, _MINUTE)), lambda: self._notices.blocked.add(user))
        if dice.random() < 0.2:
            self._says(
                "message", 10**6 + self._messages, OPERATORS[0], {"text": dice.choice(("/threads 5", "/threads"))}
            )

    def _says(self, kind: str, number: int, user: int, said: Mapping[str, Any]) -> None:
        sender = {"id": user, "is_bot": False, "first_name": f"User{user}"}
        message = {"message_id": number, "from": sender, "chat": {"id": user, "type": "private"}, **said}
        dice = self._dice
        delays = [dice.choice((0, 0, 1, 50, _MINUTE if kind == "edited_message" else 2_000))]
        if dice.random() < 0.3:
            delays.append(delays[0] + dice.choice((0, 1, 10_000, 20 * _MINUTE)))
        kept = kind == "message" and user not in OPERATORS and "sticker" not in said
        heard = partial(self._heard, user, number) if kept else lambda status: None
        self._payments.hears({kind: message}, delays, heard)

    def _heard(self, user: int, number: int, status: int | None) -> None:
        """Check that a message whose update was accepted is kept, unless its person wrote too many.

        A refusal may be marked as handled although the function got no response, so each delivery is looked at.
        """
        spent = self._checker.items.get((f"USER#{user}", "USER"), {}).get("bucket_messages", 0)
        if spent + TOKEN > self._world.now + HOUR - _OLD - MAX_SKEW:
            self._refused.add(number)  # by an update that arrives again later as well
        is_kept = (f"THREAD#{user}", f"IN#{number}") in self._checker.items
        may_be_gone = number in self._refused or user in self._checker.audit_log.forgotten
        if status == 200 and not is_kept and not may_be_gone:
            self._world.broken("L11", f"message {number} of {user} was accepted, and it is not kept")

    # ------------------------------------------------------------ operators

    def _shift(self, user: int) -> list[Request]:
        """One or two operators look at a thread and act on it, at the same time."""
        dice, actors = self._dice, self._actors
        deeds = [self._act(user) for _ in range(dice.choice((1, 1, 2)))]
        looks = [
            actors.request(LIST, OPERATORS[0], query={"state": dice.choice(_STATES)}),
            actors.request(READ, dice.choice(OPERATORS), f"{user}"),
            actors.request(PHOTO, OPERATORS[0], f"{user}", query={"message_id": self._photo(user)}),
        ]
        return [*deeds, *dice.sample(looks, dice.choice((0, 1, 2)))]

    def _photo(self, user: int) -> int:
        items = self._checker.items.items()
        photos = [
            int(key[1].removeprefix("IN#"))
            for key, item in items
            if key[0] == f"THREAD#{user}" and key[1].startswith("IN#") and item["content"]["photo"]
        ]
        return self._dice.choice(photos or [1])

    def _act(self, user: int) -> Request:
        dice = self._dice
        thread: Plain = self._checker.items.get((f"THREAD#{user}", "THREAD"), {"received_id": 0})
        seen = thread["received_id"] - dice.choice((0, 0, 0, 1))
        self._messages += 1
        body: dict[str, Any] = dice.choices(
            (
                {
                    "action": "answer",
                    "text": f"Ответ {self._messages}",
                    "key": f"key-{self._messages:06}",
                    "seen": seen,
                },
                {"action": "take"},
                {"action": "close", "seen": seen},
            ),
            weights=(5, 1, 2),
        )[0]
        return self._actors.request(ACT, dice.choice(OPERATORS), f"{user}", body=body)

    def _looks(self) -> Request:
        """A look of an operator, or a redrive of messages that failed for good."""
        dice, ask = self._dice, self._actors.request
        today = datetime.fromtimestamp(self._world.now / 1000, UTC).date().isoformat()
        payments = [key[0].partition("#")[2] for key in self._checker.items if key[1] == "PAYMENT"]
        self._messages += 1
        redrive = {"queue": "NotificationDeadLetters", "reason": f"повтор {self._messages}"}
        return dice.choice(
            [
                ask("GET /api/admin/stats", OPERATORS[0], query={"from": today, "to": today}),
                ask("GET /api/admin/stats", OPERATORS[0], query={"from": today, "to": today, "format": "csv"}),
                ask("GET /api/admin/users", OPERATORS[0], query={"query": f"{dice.choice(self._actors.users)}"}),
                ask("GET /api/admin/payments/{id}", OPERATORS[0], dice.choice(payments or ["1"])),
                ask("GET /api/admin/reviews", OPERATORS[0], query={"hidden": dice.random() < 0.5}),
                ask("GET /api/admin/health", OPERATORS[0]),
                ask("POST /api/admin/redrive", dice.choice(OPERATORS), body=redrive),
            ]
        )

    # ------------------------------------------------------------ AWS and Telegram

    def _on_queue_call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer for the queues: the dead letters are those of the senders, the other queues are empty."""
        dead = self._notices.dead if "notification" in request["QueueUrl"] else []
        if operation == "GetQueueAttributes":
            names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
            return {"Attributes": dict(zip(names, (f"{len(dead)}", "0"), strict=True))}
        if operation == "DeleteMessage":
            queue, _, body = request["ReceiptHandle"].partition(" ")
            if (queue, body) in dead:
                dead.remove((queue, body))
            return {}
        assert operation == "ReceiveMessage"
        return {
            "Messages": [
                {
                    "Body": body,
                    "ReceiptHandle": f"{queue} {body}",
                    "Attributes": {"DeadLetterQueueSourceArn": f"arn:aws:sqs:eu-central-1:123456789012:{queue}"},
                }
                for queue, body in dead[:10]
            ]
        }

    def get_file(self) -> Reply:
        """Handle getFile."""
        self._world.pause(self._dice.choice((1, 20)))
        return Reply(200, {"ok": True, "result": {"file_path": "photos/1.jpg"}})

    def download(self, url: str, **more: Any) -> Download:
        """Replace `outbound.http.download`: a photo, or one that Telegram no longer has."""
        self._world.pause(self._dice.choice((1, 20)))
        return Download(*self._dice.choice(((200, _JPEG), (200, _JPEG), (404, b""))))

    # ------------------------------------------------------------ the end

    def at_end(self) -> None:
        """L11: every answer was sent once, or its outcome says why not. Plan the lists and exports of the end."""
        self._goes_on = False
        if not self.take_part:
            return
        self._check_answers()
        self._checker.audit_log.threads.is_at_rest = True
        ask = self._actors.request
        for state in _STATES:
            self._send(ask(LIST, OPERATORS[0], query={"state": state, "limit": 100}), 0)
        for user in [int(key[0].partition("#")[2]) for key in self._checker.items if key[1] == "THREAD"]:
            self._send(ask(EXPORT, user, query={"limit": 100}), 0)

    def _check_answers(self) -> None:
        sent = {(f"THREAD#{story.notice['user_id']}", story.notice["key"]): story for story in self._notices.answers()}
        for key, story in sent.items():
            if story.arrived > self._checker.audit_log.threads.written[key] + story.doubts:
                self._broken(f"{key} arrived {story.arrived} times, {story.doubts} tries were in doubt")
        for key, item in self._checker.items.items():
            if not (key[0].startswith("THREAD#") and key[1].startswith("OUT#")):
                continue
            found = sent.get(key)
            arrived, doubts = (found.arrived, found.doubts) if found else (0, 0)
            may_be = {
                None: not self._notices.had_time(item["created_at"], self._world.now, _ENOUGH),
                "arrived": arrived > 0,
                "in_doubt": doubts >= 3,
                "unreachable": int(key[0].partition("#")[2]) in self._notices.blocked,
                "late": self._world.now >= item["created_at"] + _DAY - _LONGEST_WAIT,
            }
            if not may_be.get(item.get("outcome"), False):
                self._broken(f"{key} is {item.get('outcome')}; it arrived {arrived} times, {doubts} tries in doubt")

    def _broken(self, message: str) -> None:
        self._world.broken("L11", message)
