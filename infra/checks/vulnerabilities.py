"""`make audit-dependencies`: look up every pinned package in OSV, a database of known vulnerabilities.

OSV_URL overrides the address of the database. Exit code 0: no package has a known vulnerability; 1: at least one has;
2: the lookup failed, so nothing is known about the packages. A lookup counts only if it also reports CANARY.
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
_TIMEOUT_SECONDS = 30
_MAX_QUERIES = 1000  # in one request, OSV's limit


class Pin(NamedTuple):
    """A package and its pinned version."""

    name: str
    version: str


CANARY = Pin("jinja2", "2.4.1")
"""A version known to be vulnerable for ten years. A database that does not report it is not usable."""


class NotAudited(Exception):
    """The packages could not be looked up. The message says why, without a full stop."""


def main() -> int:
    """Look up every package, print the result and return the exit code."""
    try:
        locks = sorted(REQUIREMENTS.glob("*.txt"))
        pins = sorted({pin for lock in locks for pin in pinned(lock)})
        known = vulnerabilities(pins, os.environ.get("OSV_URL") or OSV_URL)
    except NotAudited as error:
        print(f"NOT AUDITED: {error}.", file=sys.stderr)
        return 2
    for pin, ids in known.items():
        print(f"{pin.name} {pin.version}: {', '.join(ids)}")
    print(f"Looked up {len(pins)} packages of {len(locks)} lock files: {len(known)} with known vulnerabilities.")
    return 1 if known else 0


def pinned(lock: Path) -> list[Pin]:
    """Return the pins of a lock file. Raises NotAudited if it has none."""
    found = [Pin(*pin) for pin in re.findall(r"(?m)^([\w.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text())]
    if not found:
        raise NotAudited(f"{lock.name} pins no package")
    return found


def vulnerabilities(pins: list[Pin], url: str) -> dict[Pin, list[str]]:
    """Return the ids of known vulnerabilities by pin, for the pins that have any. Raises NotAudited."""
    if not pins:
        raise NotAudited("no lock file was found")
    queried = [*pins, CANARY]
    results: list[dict[str, Any]] = []
    for start in range(0, len(queried), _MAX_QUERIES):
        results += _query(queried[start : start + _MAX_QUERIES], url)
    found = {
        pin: [vulnerability["id"] for vulnerability in result["vulns"]]
        for pin, result in zip(queried, results, strict=True)
        if result.get("vulns")
    }
    if CANARY not in found:
        raise NotAudited(f"{url} does not report {CANARY.name} {CANARY.version}, which is known to be vulnerable")
    if CANARY not in pins:
        del found[CANARY]
    return found


def _query(pins: list[Pin], url: str) -> list[dict[str, Any]]:
    queries = [{"package": {"ecosystem": "PyPI", "name": pin.name}, "version": pin.version} for pin in pins]
    request = Request(  # noqa: S310 - OSV_URL of this module or of the environment
        f"{url}/v1/querybatch",
        json.dumps({"queries": queries}).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            results: list[dict[str, Any]] = json.load(response)["results"]
    except URLError as error:
        raise NotAudited(f"{url} is not reachable: {error.reason}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotAudited(f"{url} sent no valid response: {type(error).__name__}") from error
    if not isinstance(results, list) or len(results) != len(pins):
        raise NotAudited(f"{url} did not return one result per package")
    return results


if __name__ == "__main__":
    sys.exit(main())
