"""Whether `sam build` packaged what belongs into a package and nothing else: `python -m infra.build.check`."""

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
MOST_ZIPPED = 8_000_000  # bytes of the layer and a function: what is not yet here is fetched at a cold start
_UNCHECKED = (1).to_bytes(4, "little")  # the flags of a .pyc: its source's hash is in it, and nobody compares


def files(folder: Path) -> set[str]:
    """What lies under `folder`, by path; not what was compiled of it."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in name}


def sources() -> set[str]:
    """What a function's package holds: functions/ and shared/ as they are here, and what makes it a new one."""
    return {f"{part}/{name}" for part in ("functions", "shared") for name in files(ROOT / part)} | {"release.txt"}


def wrong_with_functions() -> Iterator[str]:
    """One sentence for each package that is not what it should be."""
    deployed = set(
        re.findall(r"(?m)^  (\w+):\n    Type: AWS::Serverless::Function$", (ROOT / "template.yaml").read_text())
    )
    built = {path.name for path in BUILT.iterdir() if path.is_dir()} - {LAYER}
    if built != deployed:
        yield f"built and template.yaml's functions differ: {sorted(built ^ deployed)}"
    for name in sorted(built):
        if odd := files(BUILT / name) ^ sources():
            yield f"{name} has too much or too little: {sorted(odd)[:10]}"


def wrong_with_layer() -> Iterator[str]:
    """One sentence for each difference between the layer and requirements/functions.txt."""
    text = (ROOT / "requirements" / "functions.txt").read_text()
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", text))
    installed = {
        (re.sub(r"[-_.]+", "-", found.name).lower(), found.version)
        for found in distributions(path=[str(BUILT / LAYER / "python")])
    }
    if odd := installed ^ locked:
        yield f"{LAYER} and requirements/functions.txt differ: {sorted(odd)}"


def wrong_with_compiled() -> Iterator[str]:
    """One sentence for each package of which a part is not compiled, or not to be believed unchecked."""
    for package in sorted(BUILT.iterdir()):
        sources = list(package.rglob("*.py"))
        compiled = list(package.rglob("*.pyc"))
        if not compiled:
            continue  # there is no such Python here: infra/build/compile.sh said so
        checked = [path.name for path in compiled if path.read_bytes()[4:8] != _UNCHECKED]
        if len(compiled) != len(sources) or checked:
            yield f"{package.name} has {len(compiled)} of {len(sources)} files compiled, checked are {checked[:10]}"


def zipped(folder: Path) -> int:
    """Bytes of a package, zipped."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return len(target.getvalue())


def main() -> int:
    """Say what is wrong; the exit code."""
    wrong = [*wrong_with_functions(), *wrong_with_layer(), *wrong_with_compiled()]
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if not wrong:
        functions = [path.name for path in BUILT.iterdir() if path.is_dir() and path.name != LAYER]
        each, layer = zipped(BUILT / functions[0]), zipped(BUILT / LAYER)
        print(f"{len(functions)} functions of {each / 1e6:.2f} MB, their layer {layer / 1e6:.1f} MB, zipped")
        if each + layer > MOST_ZIPPED:
            wrong.append(f"Together they may have {MOST_ZIPPED / 1e6:.1f} MB.")
            print(wrong[-1], file=sys.stderr)
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
