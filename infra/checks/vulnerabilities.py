"""`make audit-dependencies`: ask the OSV database whether any pinned package has a known vulnerability.

OSV_URL is who is asked. Exit code 0: everything was looked up and nothing is known; 1: something is; 2: it could not
be looked up, which says nothing of the packages. An answer counts only if it tells of CANARY, too.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import Request, urlopen

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
OSV_URL = "https://api.osv.dev"
_TIMEOUT = 30
_MOST_AT_ONCE = 1000  # queries in one request, OSV's limit


class Pin(NamedTuple):
    """A package at a version."""

    name: str
    version: str


CANARY = Pin("jinja2", "2.4.1")
"""Known to be vulnerable for ten years: who does not know of it knows nothing."""


class NotAudited(Exception):
    """The packages could not be looked up; the message is one sentence."""


def main() -> int:
    """Look up and print; the exit code."""
    try:
        locks = sorted(REQUIREMENTS.glob("*.txt"))
        pins = sorted({pin for lock in locks for pin in pinned(lock)})
        known = vulnerabilities(pins, os.environ.get("OSV_URL") or OSV_URL)
    except NotAudited as error:
        print(f"NOT AUDITED: {error}", file=sys.stderr)
        return 2
    for pin, ids in known.items():
        print(f"{pin.name} {pin.version}: {', '.join(ids)}")
    print(f"{len(pins)} packages of {len(locks)} locks looked up, {len(known)} with known vulnerabilities")
    return 1 if known else 0


def pinned(lock: Path) -> list[Pin]:
    """What a lock pins. Raises NotAudited where it names none."""
    found = [Pin(*pin) for pin in re.findall(r"(?m)^([\w.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text())]
    if not found:
        raise NotAudited(f"{lock.name} pins nothing")
    return found


def vulnerabilities(pins: list[Pin], url: str) -> dict[Pin, list[str]]:
    """The known vulnerabilities of those that have any. Raises NotAudited."""
    if not pins:
        raise NotAudited("there is nothing to look up")
    asked = [*pins, CANARY]
    answers: list[dict[str, Any]] = []
    for start in range(0, len(asked), _MOST_AT_ONCE):
        answers += _ask(asked[start : start + _MOST_AT_ONCE], url)
    found = {
        pin: [each["id"] for each in answer["vulns"]]
        for pin, answer in zip(asked, answers, strict=True)
        if answer.get("vulns")
    }
    if CANARY not in found:
        raise NotAudited(f"{url} does not know that {CANARY.name} {CANARY.version} is vulnerable")
    if CANARY not in pins:
        del found[CANARY]
    return found


def _ask(pins: list[Pin], url: str) -> list[dict[str, Any]]:
    queries = [{"package": {"ecosystem": "PyPI", "name": pin.name}, "version": pin.version} for pin in pins]
    request = Request(  # noqa: S310 - a constant, or what the caller's environment says
        f"{url}/v1/querybatch",
        json.dumps({"queries": queries}).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
            results: list[dict[str, Any]] = json.load(response)["results"]
    except URLError as error:
        raise NotAudited(f"{url} cannot be asked: {error.reason}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotAudited(f"{url} gave no answer: {type(error).__name__}") from error
    if not isinstance(results, list) or len(results) != len(pins):
        raise NotAudited(f"{url} did not answer about every package")
    return results


if __name__ == "__main__":
    sys.exit(main())
