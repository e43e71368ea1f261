"""G5: TLC checks the specifications: an order's life, a debt, the news of a change. README.md maps them to the code."""

import re
from pathlib import Path

import pytest

from tests.tla.tlc import HERE, run

# Mutant, configuration, and the invariant or property that must catch it.
MUTANTS = {
    "no_take_guard": ("quick", "INVARIANT I9"),
    "slot_cap_by_read": ("quick", "INVARIANT I9"),
    "split_writes": ("quick", "INVARIANT I6"),
    "no_expiry_condition": ("quick", "PROPERTY I10"),
    "unguarded_refund": ("quick", "INVARIANT I1"),
    "answer_not_excluded": ("quick", "INVARIANT I16"),
    "end_misses_a_take": ("order", "INVARIANT L2"),
    "balance_by_read": ("reuse", "INVARIANT I1"),
    "lock_freed_by_anyone": ("reuse", "INVARIANT I15"),
    "edit_not_held": ("edit", "INVARIANT L3"),
    "contact_as_read": ("edit", "INVARIANT L3"),
    "edit_after_take": ("edit", "PROPERTY I14"),
    "early_timer_swallowed": ("schedules", "PROPERTY L6"),
    "no_sweep": ("sweep", "PROPERTY L1"),
    "debt_by_read": ("debt", "INVARIANT I27"),
    "entry_by_read": ("debt", "INVARIANT I27"),
    "refund_forgets": ("debt", "INVARIANT I27"),
    "repays_too_much": ("debt", "INVARIANT I3"),
    "missed_try_counts": ("news", "INVARIANT L8"),
    "put_off_is_lost": ("news", "INVARIANT L8"),
    "schedule_fails_record": ("news", "INVARIANT L9"),
    "audience_first": ("news", "INVARIANT L9"),
    "failed_record_is_done": ("news", "INVARIANT L9"),
}


def check(name: str, scratch: Path) -> None:
    """Check everything that the configuration lists, in every reachable state."""
    found = run(name, scratch)
    print(f"{name}: {found}")
    assert found.violated is None, found.output
    assert found.complete, found.output


@pytest.mark.parametrize("name", ["quick", "debt", "news"])
def test_small_configuration_holds(tmp_path: Path, name: str) -> None:
    check(name, tmp_path)


def test_mutant_of_small_configuration_fails(tmp_path: Path) -> None:
    """A quick check that the checker finds defects. The other mutants are tested by the proof."""
    assert run("quick", tmp_path, mutant="split_writes", only="INVARIANT I6").violated == "I6"


def test_every_mutant_of_the_specification_is_tested() -> None:
    named = {mutant for path in HERE.glob("*.tla") for mutant in re.findall(r'Mutant = "(\w+)"', path.read_text())}
    assert named == set(MUTANTS)


@pytest.mark.proof
@pytest.mark.parametrize("name", ["order", "reuse", "edit", "moves"])
def test_safety(tmp_path: Path, name: str) -> None:
    """I1 to I7, I9 to I16, L2, L3."""
    check(name, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("name", ["sweep", "schedules"])
def test_liveness(tmp_path: Path, name: str) -> None:
    """L1, L2, L5 by the sweep alone; L6 by the schedules alone."""
    check(name, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutant_is_caught(tmp_path: Path, mutant: str) -> None:
    name, only = MUTANTS[mutant]
    found = run(name, tmp_path, mutant=mutant, only=only)
    print(f"{mutant}: {only}, {name}.cfg, {found}")
    assert found.violated == only.rpartition(" ")[2], found.output


@pytest.mark.proof
@pytest.mark.parametrize(
    ("name", "impossible"),
    [
        ("quick", "INVARIANT NoOrderIsFullAndRefunded"),
        ("quick", "PROPERTY NoAnswerAfterTheHour"),
        ("reuse", "INVARIANT NoContactIsReusedBeforeARefund"),
        ("debt", "INVARIANT NoDebtIsRepaidInParts"),
        ("news", "INVARIANT NoNoticeArrivesAfterDoubts"),
    ],
)
def test_required_states_are_reachable(tmp_path: Path, name: str, impossible: str) -> None:
    """An invariant over unreachable states would hold as well."""
    found = run(name, tmp_path, only=impossible)
    assert found.violated == impossible.rpartition(" ")[2], found.output
