"""The words: docs/glossary.md is complete and used, and every text keeps the rules of .github/CONTRIBUTING.md.

Neither this file nor the rule spells out the forbidden pronouns and phrases, so that both pass the check.
"""

import re
import subprocess

import pytest

from tests.api import ROOT
from tests.contract import files

# Vendored files, locks and inputs, which nobody here writes.
NOT_OURS = (
    "requirements",
    "infra/client/package-lock.json",
    "infra/local/sandbox/vendor",
    "static/admin/vendor",
    "static/docs/vendor",
    "static/package-lock.json",
    "tests/fuzz/corpus",
)

PRONOUNS = tuple("h" + ending for ending in ("e", "is", "im", "imself"))

BANNED = tuple(
    "".join(parts)
    for parts in (
        ("who", "ever"),
        ("whom", "ever"),
        ("man", "ieth"),
        ("who asks", " so"),
        ("what comes", " again"),
        ("is told", " of"),
        ("pre", "decessor"),
    )
)

GLOSSARY = ROOT / "docs" / "glossary.md"

Row = tuple[str, str, str, str]


def grep(*options: str) -> list[str]:
    """The lines of committed or new text outside NOT_OURS that match, as file:line:text."""
    outside = [f":(exclude){path}" for path in NOT_OURS]
    done = subprocess.run(
        ["git", "grep", "--untracked", "-niI", *options, "--", ".", *outside],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


def glossary() -> list[Row]:
    """The rows of every table: our word, the field's, the API's, its place in the code."""
    rows = []
    for line in GLOSSARY.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] != "our word":
            ours, field, of_api, where = cells
            rows.append((ours, field, of_api, where))
    return rows


ROWS = glossary()


def elsewhere() -> str:
    """All text of the project outside the glossary, in lower case and with single spaces."""
    texts = [
        path.read_text(errors="ignore")
        for path in files.of_the_project()
        if path.suffix in (".md", ".py", ".yaml", ".toml", ".json", ".ts") and path != GLOSSARY
    ]
    return " ".join(" ".join(texts).lower().split())


def test_no_pronoun_stands_for_a_role() -> None:
    assert grep("-wE", "|".join(PRONOUNS)) == []


def test_no_text_has_a_banned_phrase() -> None:
    assert grep("-E", "|".join(BANNED)) == []


def test_every_excluded_path_exists() -> None:
    for path in NOT_OURS:
        assert (ROOT / path).exists(), path


def test_the_search_finds_a_present_word() -> None:
    """Search for a word that the documents contain, to show that the search works."""
    assert grep("-wE", "glossary")


def test_each_word_is_in_the_glossary_once() -> None:
    words = [ours for ours, *_ in ROWS]
    assert len(words) >= 40
    assert len(words) == len(set(words))


def test_every_word_of_the_glossary_is_used() -> None:
    """Both our word and the field's, outside the glossary."""
    text = elsewhere()
    unused = {word for ours, field, *_ in ROWS for word in (ours, field) if word.lower() not in text}
    assert unused == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_word_of_the_glossary_is_in_its_file(row: Row) -> None:
    *_, of_api, where = row
    openapi = (ROOT / "functions" / "meta" / "openapi.json").read_text()
    for name in re.findall(r"`([^`]+)`", of_api):
        assert name in openapi, name
    *names, path = re.findall(r"`([^`]+)`", where)
    source = (ROOT / path).read_text()
    for name in names:
        assert re.search(rf"\b{name}\b", source), name
