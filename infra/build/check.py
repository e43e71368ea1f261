"""Check that `sam build` packaged exactly the expected files: `python -m infra.build.check`.

Prints the packages' sizes, or one sentence for each defect. Exit code 0: no defect; 1: defects.
"""

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILT = ROOT / ".aws-sam" / "build"
LAYER = "DependenciesLayer"
MOST_ZIPPED = 7_500_000  # bytes of the layer and one function, zipped: a cold start downloads both
_UNCHECKED = (1).to_bytes(
    4, "little"
)  # the flags of an unchecked-hash .pyc: Python does not compare it with its source


def files(folder: Path) -> set[str]:
    """The paths of the files under `folder`, without compiled code."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in name}


# A page's files are in the package of its function only, with the code that it imports.
PAGES = {"GetPanel": "static/admin", "GetDocs": "static/docs"}
PAGE_CODE = ("functions/meta", "shared/domain", "shared/handlers", "shared/http")


def sources(name: str) -> set[str]:
    """The expected files of a function's package: its code, those of its page, and release.txt.

    release.txt has the hash of what defines the package.
    """
    parts = (*PAGE_CODE, PAGES[name]) if name in PAGES else ("functions", "shared")
    found = {f"{part}/{file}" for part in parts for file in files(ROOT / part)} | {"release.txt"}
    if name in PAGES:
        found |= {"functions/__init__.py", *(f"shared/{path.name}" for path in (ROOT / "shared").glob("*.py"))}
    return found


def wrong_with_functions() -> Iterator[str]:
    """One sentence for each function package with missing or unexpected files."""
    deployed = set(
        re.findall(r"(?m)^  (\w+):\n    Type: AWS::Serverless::Function$", (ROOT / "template.yaml").read_text())
    )
    built = {path.name for path in BUILT.iterdir() if path.is_dir()} - {LAYER}
    if built != deployed:
        yield f"The built packages and the functions of template.yaml differ: {sorted(built ^ deployed)}."
    for name in sorted(built):
        if difference := files(BUILT / name) ^ sources(name):
            yield f"{name} has missing or unexpected files: {sorted(difference)[:10]}."


def wrong_with_layer() -> Iterator[str]:
    """One sentence for each difference between the layer and requirements/functions.txt."""
    text = (ROOT / "requirements" / "functions.txt").read_text()
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", text))
    installed = {
        (re.sub(r"[-_.]+", "-", found.name).lower(), found.version)
        for found in distributions(path=[str(BUILT / LAYER / "python")])
    }
    if difference := installed ^ locked:
        yield f"{LAYER} and requirements/functions.txt differ: {sorted(difference)}."


def wrong_with_compiled() -> Iterator[str]:
    """One sentence for each package with a source that is not compiled, or with a .pyc that Python would check."""
    for package in sorted(BUILT.iterdir()):
        sources = list(package.rglob("*.py"))
        compiled = list(package.rglob("*.pyc"))
        if not compiled:
            continue  # no Python of the runtime's version on this machine: infra/build/compile.sh has printed that
        checked = [path.name for path in compiled if path.read_bytes()[4:8] != _UNCHECKED]
        if len(compiled) != len(sources):
            yield f"{package.name}: {len(compiled)} of {len(sources)} files are compiled."
        if checked:
            yield f"{package.name} has compiled files without the unchecked-hash flag: {checked[:10]}."


def zipped(folder: Path) -> int:
    """The zipped size of a package, in bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return len(target.getvalue())


def main() -> int:
    """Check every package, print the result and return the exit code."""
    wrong = [*wrong_with_functions(), *wrong_with_layer(), *wrong_with_compiled()]
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if not wrong:
        functions = [path.name for path in BUILT.iterdir() if path.is_dir() and path.name != LAYER]
        each = zipped(BUILT / next(name for name in functions if name not in PAGES))
        largest, layer = max(zipped(BUILT / name) for name in PAGES), zipped(BUILT / LAYER)
        print(
            f"Packaged {len(functions)} functions: {each / 1e6:.2f} MB each, with a page up to {largest / 1e6:.2f} MB,"
            f" layer {layer / 1e6:.1f} MB (zipped)."
        )
        if max(each, largest) + layer > MOST_ZIPPED:
            wrong.append(f"A function and the layer together exceed {MOST_ZIPPED / 1e6:.1f} MB.")
            print(wrong[-1], file=sys.stderr)
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
