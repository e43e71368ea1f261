"""The project's files: none that a tool or a person left in the tree and git ignores."""

import os
import subprocess
from pathlib import Path

from tests.api import ROOT


def of_the_project() -> list[Path]:
    """Whatever git has, or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    # One that was removed and not committed yet is listed, and not there.
    return [ROOT / name for name in listed.stdout.split("\0") if name and os.path.lexists(ROOT / name)]
