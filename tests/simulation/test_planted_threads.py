"""G3: mutation tests of the simulated threads. It must find each defect planted into the code of support."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions.admin import read_threads
from shared.commands import threads as commands
from shared.domain import support as rules
from shared.domain.support import Message, Thread
from shared.store import conditions, keys, table, threads, users
from tests import api
from tests.simulation import found_by
from tests.simulation.actors import Actors
from tests.simulation.simulation import Result, Simulation
from tests.simulation.threads import FIRST_SEED, ONE_SEED_IN

WITHIN = 100
"""How many seeds with threads may run until a defect is found."""

Patch = pytest.MonkeyPatch
SEEDS = range(FIRST_SEED, WITHIN * ONE_SEED_IN, ONE_SEED_IN)


def nobody_looks_for_lost_answers(patch: Patch) -> None:
    """An answer whose function or sender was killed is left where it is."""
    patch.setattr(threads, "due_answers", lambda now: [])


def an_answer_is_over_when_it_is_claimed(patch: Patch) -> None:
    """A sender that is killed between the claim and Telegram loses the answer."""
    write = threads.write_delivery

    def write_early(before: Message, after: Message) -> bool:
        claims = before.delivery and after.delivery and after.delivery.tries > before.delivery.tries
        return write(before, replace(after, outcome="arrived") if claims else after)

    patch.setattr(threads, "write_delivery", write_early)


def an_answer_is_claimed_by_read(patch: Patch) -> None:
    """Two senders send it at once."""
    clause = conditions.NOTICE_AS_READ
    patch.setattr(conditions, "NOTICE_AS_READ", f"({clause}) OR NOT ({clause})")


def a_thread_is_written_by_read(patch: Patch) -> None:
    """An operator overwrites what the person wrote at the same time."""
    clause = conditions.THREAD_AS_READ
    patch.setattr(conditions, "THREAD_AS_READ", f"({clause}) OR NOT ({clause})")


def a_flood_is_free(patch: Patch) -> None:
    """No message takes a token."""
    write = users.user_write
    patch.setattr(
        users,
        "user_write",
        lambda user_id, **more: write(user_id, **{**more, "token": None} if "named" in more else more),
    )


def a_refused_message_ends_the_wait(patch: Patch) -> None:
    """The thread of somebody who wrote too many no longer waits."""
    refused = rules.refused
    patch.setattr(
        rules, "refused", lambda before, until: replace(refused(before, until), waiting_since=None, answered_at=until)
    )


def a_close_forgets_its_entry(patch: Patch) -> None:
    """A thread is closed, and the audit log does not say by whom."""
    write = threads.write
    patch.setattr(threads, "write", lambda before, after, action: write(before, after, None))


def reading_leaves_no_trace(patch: Patch) -> None:
    """Operators read threads, and the audit log does not have it."""
    patch.setattr(read_threads, "record", lambda action: None)


def an_erasure_leaves_the_messages(patch: Patch) -> None:
    """The thread goes, its messages stay."""
    patch.setattr(threads, "erase_messages", lambda user_id: False)


def an_erasure_looks_for_messages_in_their_list(patch: Patch) -> None:
    """The list lags, and a message of just before stays."""

    def erase_listed(user_id: int) -> bool:
        listed = table.query(keys.TIMELINE, keys.messages_of(user_id), limit=100)
        there = [item for item in table.get_many(listed, consistent=True) if item]
        if there:
            messages = [keys.thread_message(user_id, item["sk"]) for item in there]
            table.transact([table.delete_write(key, condition=None) for key in messages])
        return bool(there)

    patch.setattr(threads, "erase_messages", erase_listed)


def an_erasure_removes_the_thread_by_read(patch: Patch) -> None:
    """The thread goes, and a message that came since its messages were erased stays."""
    patch.setattr(
        threads, "forget_writes", lambda user_id, before: [table.delete_write(keys.thread(user_id), condition=None)]
    )


def an_export_has_the_newest_message_only(patch: Patch) -> None:
    """An export leaves out the rest of the thread."""
    load = threads.load
    patch.setattr(threads, "load", lambda entries: load(list(entries)[:1]))


def a_message_is_lost_in_a_conflict(patch: Patch) -> None:
    """A message is given up if another one came at the same time."""

    def once(do: Callable[[], Any]) -> Any:
        try:
            return do()
        except table.WriteConflict:
            return commands.Received()

    patch.setattr(commands, "retry", once)


def an_answer_reopens_nothing(patch: Patch) -> None:
    """A closed thread stays closed when an operator answers, and its person waits in no list."""
    answered = rules.answered

    def stays(before: Thread, *given: Any, **more: Any) -> Thread:
        return replace(answered(before, *given, **more), closed_at=before.closed_at)

    patch.setattr(rules, "answered", stays)


DEFECTS: dict[str, Callable[[Patch], None]] = {
    defect.__name__: defect
    for defect in (
        nobody_looks_for_lost_answers,
        an_answer_is_over_when_it_is_claimed,
        an_answer_is_claimed_by_read,
        a_thread_is_written_by_read,
        a_flood_is_free,
        a_refused_message_ends_the_wait,
        a_close_forgets_its_entry,
        reading_leaves_no_trace,
        an_erasure_leaves_the_messages,
        an_erasure_looks_for_messages_in_their_list,
        an_erasure_removes_the_thread_by_read,
        an_export_has_the_newest_message_only,
        a_message_is_lost_in_a_conflict,
        an_answer_reopens_nothing,
    )
}


def seeds_for(name: str) -> list[int]:
    """Return the seeds that may find a defect, the same for each: those with threads."""
    return list(SEEDS)


@pytest.mark.parametrize("name", DEFECTS)
def test_planted_defect_of_threads_is_found(monkeypatch: Patch, name: str) -> None:
    DEFECTS[name](monkeypatch)
    found = found_by.search(name, seeds_for(name))
    assert found.violations, f"{name} was not found by {found.seeds} seeds"
    [(seed, violation)] = found.violations.items()
    print(f"{name}: seed {seed}, {violation}")


def test_every_admin_action_is_in_a_story(monkeypatch: Patch) -> None:
    """The routes of operators, and their functions that have none."""
    missing = {route for route in api.routes() if "/api/admin/" in route} | {"admin.export_user", "admin.erase_user"}
    send, result = Actors.send, Result()

    def noted(actors: Actors, request: Any) -> None:
        missing.discard(request.route)
        send(actors, request)

    monkeypatch.setattr(Actors, "send", noted)
    for seed in SEEDS:
        Simulation(seed, result).run()
        missing -= {site.partition(" ")[0] for site in result.calls}
        if not missing:
            return
    assert not missing
