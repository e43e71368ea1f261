"""(d) Build the packages with the Makefile's targets, for this Python and this machine, and measure their size."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from infra.build.check import zipped
from tests.api import ROOT

BUILT = ROOT / ".bench"
LAYER, FUNCTION, PAGE = BUILT / "layer", BUILT / "function", BUILT / "page"
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def build() -> None:
    """Package a function, that of a page, and the layer if its sources changed."""
    made_of = [
        ROOT / "Makefile",
        ROOT / "requirements" / "functions.txt",
        *sorted((ROOT / "infra" / "build").glob("*")),
    ]
    digest = hashlib.sha256(_VERSION.encode())
    for path in made_of:
        if path.is_file():
            digest.update(path.read_bytes())
    mark = BUILT / "made-of"
    if not mark.exists() or mark.read_text() != digest.hexdigest():
        _make("build-DependenciesLayer", LAYER)
        mark.write_text(digest.hexdigest())
    _make("build-GetOrder", FUNCTION)
    _make("build-GetDocs", PAGE)


def _make(target: str, into: Path) -> None:
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    linux = f"manylinux2014_{platform.machine()}"
    subprocess.run(
        [
            "make",
            target,
            f"ARTIFACTS_DIR={into}",
            f"PACKAGE_PYTHON={_VERSION}",
            f"PACKAGE_PLATFORM={linux if sys.platform == 'linux' else machine}",
        ],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHON": sys.executable},
    )


def sizes() -> dict[str, int]:
    """Return the zipped size in bytes, by package."""
    return {"dependencies (a layer, once)": zipped(LAYER), "a function (each)": zipped(FUNCTION)}
