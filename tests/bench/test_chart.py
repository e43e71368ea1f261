"""docs/performance.svg shows the figures of docs/performance.md."""

from xml.etree import ElementTree

from tests.api import ROOT
from tests.bench.chart import CHART, GROWING, Bar, Figures, draw, figures
from tests.bench.page import PAGE

SHOWN = Figures(
    cold=[Bar("ours", 0.5), Bar("<theirs>", 1.25, ours=False, not_compiled=2.5)],
    warm=[Bar("ours", 1.1)],
    sizes=[100, 100_000],
    growth={"take": [3, 3], "count": [26, 1017.5]},
)
SVG = "{http://www.w3.org/2000/svg}"


def test_chart_is_drawn_from_the_figures_of_the_page() -> None:
    """`python -m tests.bench --only calls` draws it anew."""
    assert CHART.read_text() == draw(figures(PAGE.read_text()))


def test_figures_are_those_of_the_tables() -> None:
    text = PAGE.read_text()
    found = figures(text)
    for bar in (found.cold[0], *found.warm, *found.cold[2:]):
        assert f"| {bar.ratio:.2f} |" in text, bar
    assert found.sizes == [100, 10_000, 100_000]
    assert set(found.growth) == set(GROWING)
    assert all(len(row) == len(found.sizes) for row in found.growth.values())


def test_bars_are_as_long_as_their_ratios() -> None:
    root = ElementTree.fromstring(draw(SHOWN))
    cold = root.findall(f"{SVG}g")[0]
    ours, pale, theirs = (float(bar.attrib["width"]) for bar in cold.findall(f"{SVG}rect"))
    mark = float(cold.findall(f"{SVG}line")[0].attrib["x1"])
    assert [round(width / mark, 2) for width in (ours, theirs, pale)] == [0.5, 1.25, 2.5]


def test_chart_says_every_figure_in_words() -> None:
    root = ElementTree.fromstring(draw(SHOWN))
    assert root.attrib["aria-labelledby"] == "title desc"
    said = root.findtext(f"{SVG}desc") or ""
    for words in ("ours: 0.50", "<theirs>: 1.25, not compiled 2.50", "100, 100 000 orders", "count 26, 1017.5"):
        assert words in said


def test_readme_shows_the_chart() -> None:
    assert f"]({CHART.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
