"""The commands in README.md and docs/webapp.md work and give the documented answers."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api import ROOT
from tests.conftest import BOT_TOKEN
from tests.integration.service import Service

# Each document with its minimum number of commands.
DOCUMENTS = {ROOT / "README.md": 1, ROOT / "docs" / "webapp.md": 8}
MARK = "==== end of block"


def same(shown: Any, answered: Any) -> bool:
    """Whether an answer is as documented: same fields and types; equal values, except those that are new each time."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        return shown.keys() == answered.keys() and all(same(shown[name], answered[name]) for name in shown)
    if isinstance(shown, list) and isinstance(answered, list):
        return len(shown) == len(answered) and all(map(same, shown, answered))
    if isinstance(shown, str) and re.fullmatch(r"[\w-]{12}|\d{10,}|\d{4}-\d\d-\d\dT.*Z", shown):
        return type(answered) is str
    if isinstance(shown, int) and shown > 10**12:
        return type(answered) is int
    return type(shown) is type(answered) and bool(shown == answered)


@pytest.mark.skipif(not shutil.which("curl"), reason="its commands are curl's, and this machine has none")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_of_a_page_give_the_documented_answers(service: Service, document: Path) -> None:
    found = re.findall(r"(?ms)^```sh\n(.*?)^```\n(?:\n```json\n(.*?)^```)?", document.read_text(encoding="utf-8"))
    assert len(found) >= DOCUMENTS[document]
    script = "".join(f"{typed}\nprintf '\\n{MARK}\\n'\n" for typed, _ in found)
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["bash", "-eu", "-c", script.replace("http://localhost:8000", service.url)],
        cwd=ROOT,
        env={**env, "TELEGRAM_BOT_TOKEN": BOT_TOKEN},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for (typed, shown), printed in zip(found, done.stdout.split(f"\n{MARK}\n"), strict=False):
        if shown:
            answer = json.loads(printed)
            assert same(json.loads(shown), answer), (
                f"{typed}answers\n{json.dumps(answer, ensure_ascii=False, indent=2)}"
            )
