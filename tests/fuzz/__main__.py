"""Fuzz every target for FUZZ_SECONDS; with a target and libFuzzer's options, that one with those."""

import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import atheris

from tests.fuzz import mutator

for function in (urllib.parse.parse_qsl, urllib.parse.unquote):
    atheris.instrument_func(function)
with atheris.instrument_imports(include=["shared.domain"]):
    from tests.fuzz.targets import TARGETS

HERE = Path(__file__).parent
FOUND = HERE.parents[1] / ".fuzz"
LONGEST = {"init_data": 5000, "contact": 200, "masking": 400, "text": 400}


def fuzz(target: str, arguments: list[str]) -> None:
    """Fuzz one target, in this process, to its end."""
    accepted = 0

    def mutated(data: bytes, max_size: int, seed: int) -> bytes:
        return mutator.mutated(data, max_size, seed, atheris.Mutate)

    def run(data: bytes) -> None:
        nonlocal accepted
        if TARGETS[target](data):
            accepted += 1
            if accepted & (accepted - 1) == 0:  # the fuzzer exits without calling back
                print(f"accepted: {accepted}", flush=True)

    custom = {"custom_mutator": mutated} if target == "init_data" else {}
    atheris.Setup([sys.argv[0], *arguments], run, **custom)
    atheris.Fuzz()


def fuzz_all(seconds: int) -> int:
    """Fuzz all of them side by side, and print a summary. Returns 0 if nothing was found."""
    runs = {}
    for target in TARGETS:
        grown = FOUND / target
        grown.mkdir(parents=True, exist_ok=True)
        log = FOUND / f"{target}.log"
        command = [
            *(sys.executable, "-m", "tests.fuzz", target),
            *(f"-max_total_time={seconds}", f"-max_len={LONGEST[target]}", "-timeout=10", "-rss_limit_mb=1024"),
            *(f"-dict={HERE / target}.dict", f"-artifact_prefix={FOUND / target}-", "-print_final_stats=1"),
            *(str(grown), str(HERE / "corpus" / target)),
        ]
        with log.open("w") as output:
            runs[target] = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT), log
    failed = 0
    for target, (process, log) in runs.items():
        code = process.wait()
        text = log.read_text(errors="replace")
        executed, accepted = (
            max([0, *(int(number) for number in re.findall(rf"{name}: +(\d+)", text))])
            for name in ("number_of_executed_units", "accepted")
        )
        found = "FAILED" if code else "nothing found"
        print(f"{target}: {executed} executions, of them accepted {accepted} or more; {found}")
        if code:
            failed = 1
            print(text[-4000:])
    return failed


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fuzz(sys.argv[1], sys.argv[2:])
    else:
        sys.exit(fuzz_all(int(os.environ.get("FUZZ_SECONDS") or 3600)))
