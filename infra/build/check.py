"""Whether `sam build` packaged what belongs into a package and nothing else: `python -m infra.build.check`."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILT = ROOT / ".aws-sam" / "build"
LAYER = "DependenciesLayer"


def files(folder: Path) -> set[str]:
    """What lies under `folder`, by path."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def sources() -> set[str]:
    """What a function's package holds: functions/ and shared/ as they are here."""
    found = {f"{part}/{name}" for part in ("functions", "shared") for name in files(ROOT / part)}
    return {name for name in found if "__pycache__" not in name}


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


def size(name: str) -> float:
    """Megabytes of a package, not zipped."""
    return sum((BUILT / name / path).stat().st_size for path in files(BUILT / name)) / 1e6


def main() -> int:
    """Say what is wrong; the exit code."""
    wrong = [*wrong_with_functions(), *wrong_with_layer()]
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if not wrong:
        functions = [path.name for path in BUILT.iterdir() if path.is_dir() and path.name != LAYER]
        print(f"{len(functions)} functions of {size(functions[0]):.2f} MB, their layer {size(LAYER):.0f} MB")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
