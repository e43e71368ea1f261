"""The files of the project, without those that git ignores."""

import os
import subprocess
from pathlib import Path

from tests.api import ROOT


def of_the_project() -> list[Path]:
    """List the files that git tracks or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    # Git still lists a file whose removal is not committed yet.
    return [ROOT / name for name in listed.stdout.split("\0") if name and os.path.lexists(ROOT / name)]
