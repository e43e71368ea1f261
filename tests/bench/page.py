"""Read and write the tables of docs/performance.md."""

from collections.abc import Iterable

from tests.api import ROOT

PAGE = ROOT / "docs" / "performance.md"
MEASURED = "<!-- measured: make bench writes what is between these lines -->", "<!-- end of what is measured -->"


def table(head: str, rows: Iterable[Iterable[object]]) -> str:
    """Format a Markdown table; `head` is its first line without the outer bars."""
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|---" + "|---:" * (columns - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)])


def rows_under(page: str, heading: str) -> dict[str, list[str]]:
    """Return the first table under a heading, its head included: the other cells by the first."""
    found: dict[str, list[str]] = {}
    for line in page[page.index(f"{heading}\n") :].splitlines():
        if line.startswith("| "):
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            found[name] = cells
        elif found and not line.startswith("|"):
            break
    return found


def between(page: str, marks: tuple[str, str]) -> str:
    """Return the text between two marks."""
    begin, end = marks
    return page.partition(begin)[2].partition(end)[0].strip()


def replace_between(page: str, marks: tuple[str, str], text: str) -> str:
    """Return the page with `text` between two marks."""
    begin, end = marks
    return "\n\n".join([page[: page.index(begin) + len(begin)], text, page[page.index(end) :]])


def replace_section(page: str, section: str) -> str:
    """Return the page with the measured section that has the heading of `section` replaced by it."""
    heading = section.partition("\n")[0]
    start = page.index(f"{heading}\n")
    ends = (page.find(mark, start + len(heading)) for mark in ("\n### ", MEASURED[1]))
    return f"{page[:start]}{section}\n\n{page[min(end for end in ends if end > 0) :].lstrip()}"
