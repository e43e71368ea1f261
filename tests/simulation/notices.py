"""Simulate the queue of notices, its sender, and a Telegram that is out of order for minutes (L8).

The queue delivers at least once and late, the function dies like any other, and Telegram refuses connections, asks for
waits, or answers nothing. Random numbers have a generator of their own. Most seeds have no
recipients, and their traces do not change.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from shared.outbound.http import Reply, Unreachable
from tests.simulation.aws import Aws
from tests.simulation.invariants import Checker
from tests.simulation.records import CANARY
from tests.simulation.world import HOUR, START, Task, World

_MINUTE = 60_000
SENDER = "notifications.send_notice"
ANSWER_SENDER = "notifications.send_answer"
SENDERS = {SENDER, ANSWER_SENDER}
_SENDER_OF = {"notices": SENDER, "answers": ANSWER_SENDER}
# In the other seeds there are no recipients, and this module has no effect.
ONE_SEED_IN = 7
# From the template.
_TIMEOUT = 60_000
_VISIBILITY = 90_000
_MAX_RECEIVES = 40
# Chats wait for at most ten minutes, so in so much time without an outage every notice that is owed arrives.
_LONGEST_WAIT_SECONDS = 600
_ENOUGH = 25 * _MINUTE
# Lost responses make copies of a message. More of them show nothing new.
_MOST_COPIES = 3
# Of these, the checker knows how long they are of use: for an hour after the order's end.
_OF_AN_END = ("completed", "closed", "expired")
# What may happen to a call of a Telegram that works. With "done", the message is there all the same.
_TROUBLE = ("silence", "silence, done", "500", "500, done", "crash", "crash, done")


@dataclass(slots=True)
class Story:
    """What happened to one notice: `doubts` are tries that may have arrived, known to the sender or not."""

    notice: dict[str, Any]
    queue: str
    queued_at: int
    doubts: int = 0
    arrived: int = 0
    certainly_failed: int = 0
    copies: int = 0


class Notices:
    """The recipients of one seed."""

    def __init__(self, world: World, aws: Aws, checker: Checker) -> None:
        self.take_part = world.seed % ONE_SEED_IN == 0
        self._dice = random.Random(f"notices {world.seed}")
        self._world = world
        self._aws = aws
        self._checker = checker
        self._stories: dict[str, Story] = {}
        self._at_work: dict[int, Story] = {}
        self._outages = self._plan_outages()
        self._calm_since: int | None = None
        # The queues of this seed. `threads.py` adds that of answers, and fewer receives.
        self.queues = {"notices"} if self.take_part else set()
        self.most_receives = _MAX_RECEIVES
        self.dead: list[tuple[str, str]] = []
        self.blocked: set[int] = set()
        aws.on_queued = self.queued

    def _plan_outages(self) -> list[tuple[int, int]]:
        """Plan the times when nobody reaches Telegram, for a day: at most 15 minutes of each hour."""
        found, at = [], START
        while at < START + 24 * HOUR:
            begin = at + self._dice.choice((0, 5, 25, 40)) * _MINUTE
            found.append((begin, begin + self._dice.choice((0, 25_000, 5 * _MINUTE, 15 * _MINUTE))))
            at = found[-1][1] + 45 * _MINUTE
        return found

    def stop(self) -> None:
        """From now on, Telegram does what it says: a call has no doubtful outcome. Outages and waits go on."""
        self._calm_since = self._world.now

    # ------------------------------------------------------------ the queue

    def queued(self, queue_url: str, entries: list[Mapping[str, Any]]) -> None:
        """Take the messages that were put into a queue; deliver those for recipients."""
        queue = queue_url.rpartition("/")[2]
        if queue not in self.queues:
            return
        for entry in entries:
            body, notice = entry["MessageBody"], json.loads(entry["MessageBody"])
            # A record of the stream that arrives twice queues its notice twice, with another time.
            name = str({**notice, "due_at": None})
            story = self._stories.setdefault(name, Story(notice, queue, self._world.now))
            if story.copies >= _MOST_COPIES:
                continue
            delay = entry.get("DelaySeconds", 0) * 1_000 + self._dice.choice((0, 10, 500, 3_000))
            # SQS delivers at least once. Of answers, some copies arrive at the same time.
            for _ in range(1 if queue == "notices" else self._dice.choice((1, 1, 2))):
                story.copies += 1
                self._world.later(delay, lambda body=body, story=story: self._deliver(story, body, 1))  # type: ignore[misc]

    def _deliver(self, story: Story, body: str, receives: int) -> None:
        record = {"messageId": "0", "receiptHandle": "", "body": body, "eventSource": "aws:sqs", "attributes": {}}

        def on_end(task: Task) -> None:
            self._at_work.pop(task.number, None)
            is_done = task.ended_well and not task.result["batchItemFailures"]
            story.doubts += not is_done  # whatever it was about to do
            if is_done or receives == self.most_receives:
                story.copies -= 1
                if not is_done:
                    self.dead.append((story.queue, body))
            else:
                self._world.later(_VISIBILITY, lambda: self._deliver(story, body, receives + 1))

        self._aws.invoke(
            _SENDER_OF[story.queue], {"Records": [record]}, on_end, timeout=_TIMEOUT, before=self._works_on(story)
        )

    def _works_on(self, story: Story) -> Any:
        def note() -> None:
            assert self._world.task is not None
            self._world.task.may_time_out = True  # when each call to DynamoDB waits; its message then comes again
            self._at_work[self._world.task.number] = story

        return note

    # ------------------------------------------------------------ Telegram

    def request(self, body: Mapping[str, Any], read_timeout: float) -> Reply:
        """Handle sendMessage."""
        world = self._world
        assert world.task is not None
        story = self._at_work.get(world.task.number)
        if CANARY in json.dumps(body):
            world.broken("I18", "a contact is in a message of the bot")
        world.pause(self._dice.choice((1, 20, 100)))
        if body["chat_id"] in self.blocked:
            return Reply(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
        trouble = self._trouble()
        world.note("sends", body["chat_id"], trouble)
        what, _, done = trouble.partition(",")
        if story is not None:
            story.arrived += not what or bool(done)
            story.certainly_failed += what in ("not there", "429")
            story.doubts += what in ("silence", "500", "crash")
        match what:
            case "not there":
                raise Unreachable(maybe_done=False)
            case "silence":
                world.pause(int(read_timeout * 1000))
                raise Unreachable(maybe_done=True)
            case "crash":
                world.crash()
            case "500":
                return Reply(500, None)
            case "429":
                seconds = self._dice.choice((1, 5, 60, _LONGEST_WAIT_SECONDS))
                return Reply(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": seconds}})
        return Reply(200, {"ok": True, "result": {}})

    def _trouble(self) -> str:
        if any(begin <= self._world.now < end for begin, end in self._outages):
            return "not there"
        if self._dice.random() < 0.05:
            return "429"
        if self._calm_since is None and self._aws.faults.rate and self._dice.random() < 0.1:
            return self._dice.choice(_TROUBLE)
        return ""

    # ------------------------------------------------------------ at the end

    def at_end(self) -> None:
        """L8: a notice arrived if no more than two tries were in doubt, and Telegram was there while it was of use."""
        for story in self._stories.values():
            if story.queue != "notices":
                continue
            notice = story.notice
            order = self._checker.items.get((f"ORDER#{notice['order_id']}", "ORDER"))
            if notice["kind"] not in _OF_AN_END or order is None or story.arrived or story.doubts >= 3:
                continue
            if self.had_time(story.queued_at, order["ended_at"] + HOUR):
                self._world.broken(
                    "L8",
                    f"{notice} did not arrive: {story.certainly_failed} tries not sent, {story.doubts} in doubt",
                )

    def answers(self) -> list[Story]:
        """Return what happened to operators' answers."""
        return [story for story in self._stories.values() if story.queue == "answers"]

    def had_time(self, since: int, until: int, enough: int = _ENOUGH) -> bool:
        """Whether Telegram was there for `enough` ms between the two times, and the service had no faults."""
        since, until = max(since, self._calm_since or 0), min(until, self._world.now)
        edges = [(START, START), *self._outages, (START + 48 * HOUR, START + 48 * HOUR)]
        calm = [(earlier[1], later[0]) for earlier, later in pairwise(edges)]
        return any(min(end, until) - max(begin, since) >= enough for begin, end in calm)
