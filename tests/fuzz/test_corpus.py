"""The corpus and the mutator of the fuzzer, without the fuzzer (G7)."""

import random
from collections import Counter
from pathlib import Path

import pytest

from shared.domain.errors import InvalidInitData
from shared.domain.init_data import verify
from tests.conftest import BOT_TOKEN
from tests.fuzz import mutator
from tests.fuzz.targets import MAX_AGE, NOW, TARGETS
from tests.signing import key_of

CORPUS = Path(__file__).with_name("corpus")


@pytest.mark.parametrize("target", TARGETS)
def test_corpus(target: str) -> None:
    """Every target holds for all of its corpus, some of which is accepted and some refused."""
    verdicts = {TARGETS[target](path.read_bytes()) for path in (CORPUS / target).iterdir()}
    assert verdicts == {True, False}


def test_mutator_gets_past_the_mac() -> None:
    """With random changes, more than a quarter of the mutated inputs pass the MAC check."""
    choice = random.Random(1)

    def mutate(data: bytes, max_size: int) -> bytes:
        at = choice.randrange(len(data) + 1)
        return (data[:at] + choice.randbytes(1) + data[at + choice.randrange(2) :])[:max_size]

    reasons: Counter[str] = Counter()
    corpus = [path.read_bytes() for path in sorted((CORPUS / "init_data").iterdir())]
    for seed in range(4000):
        made = mutator.mutated(choice.choice(corpus), 5000, seed, mutate)
        accepted = TARGETS["init_data"](made)
        try:
            verify(made.decode("utf-8", "surrogateescape"), key=key_of(BOT_TOKEN), now=NOW, max_age=MAX_AGE)
            reasons["accepted"] += 1
            assert accepted
        except InvalidInitData as refused:
            reasons[refused.reason] += 1
    past_the_mac = {"accepted", "expired", "from_the_future", "bad_auth_date", "bad_user", "bad_user_id"}
    assert sum(reasons[reason] for reason in past_the_mac) > 1000, reasons
    assert {"accepted", "bad_user", "bad_user_id", "duplicate_key", "bad_hash", "bad_encoding"} <= set(reasons)
