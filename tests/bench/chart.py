"""Draw docs/performance.svg from the tables of docs/performance.md: cold start, warm request, growth."""

import math
import statistics
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from tests.api import ROOT
from tests.bench.page import rows_under
from tests.bench.peers import PEERS
from tests.bench.warm import peer_row

CHART = ROOT / "docs" / "performance.svg"
GROWING = ("take", "feed page, count known", "feed page, counted")


class Bar(NamedTuple):
    """A ratio to the panel's reference, and that of the same program without compiled code."""

    label: str
    ratio: float
    ours: bool = True
    not_compiled: float | None = None


class Figures(NamedTuple):
    """What the chart shows. `growth` has read units by request, for each of `sizes`: orders in the table."""

    cold: Sequence[Bar]
    warm: Sequence[Bar]
    sizes: Sequence[int]
    growth: dict[str, list[float]]


def figures(page: str) -> Figures:
    """Read the figures from the text of docs/performance.md."""
    starts = rows_under(page, "### Cold start")
    of_reference = {name: float(cells[1]) for name, cells in starts.items() if name != "function"}
    # A function with a first request has a route. Peers have one, too, and no dot in their names.
    routes = [of_reference[name] for name, (*_, first) in starts.items() if "." in name and first]
    requests = {name: cells[0] for name, cells in rows_under(page, "### Warm request").items()}
    (_, sizes), *grown = rows_under(page, "### As the table grows").items()
    return Figures(
        cold=[
            Bar("this service, the same order", of_reference["orders.get"]),
            Bar(f"this service, median of {len(routes)} functions", statistics.median(routes)),
            *(
                Bar(peer, of_reference[f"{peer}, compiled"], False, of_reference[f"{peer}, not compiled"])
                for peer in PEERS
            ),
        ],
        warm=[
            Bar("this service", float(requests["get order"])),
            *(Bar(peer, float(requests[peer_row(peer)]), False) for peer in PEERS),
        ],
        sizes=[int(size.replace(" ", "")) for size in sizes],
        growth={name: [float(cell.split(" / ")[1]) for cell in cells] for name, cells in grown if name in GROWING},
    )


_STYLE = """
text { font: 12px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
.head { font-size: 15px; font-weight: 600 }
.note { fill: #59636e }
.card { fill: #ffffff; stroke: #d1d9e0 }
.ours { fill: #0969da; stroke: #0969da }
.peer { fill: #818b98; stroke: #818b98 }
.pale { fill-opacity: .25; stroke-dasharray: 3 2 }
.grid { stroke: #d1d9e0 }
.mark { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .note { fill: #9198a1 }
  .card { fill: #0d1117; stroke: #3d444d }
  .ours { fill: #4493f8; stroke: #4493f8 }
  .peer { fill: #9198a1; stroke: #9198a1 }
  .grid { stroke: #3d444d }
  .mark { stroke: #f0f6fc }
}
.line { fill: none; stroke-width: 2 }
"""
_WIDTH, _HEIGHT, _PANEL, _MARGIN = 900, 330, 264, 24
_TOP, _BAR, _STEP = 84, 14, 46  # of the first bar, of a bar, from bar to bar
_PLOT_HEIGHT = 140
_NOTES = (
    "AWS sample: Powertools' resolver with validation, boto3. Naive: FastAPI, Mangum, a boto3 resource.",
    "Reference: imports FastAPI, Mangum, pydantic, boto3. Pale: without compiled code, as SAM packages a function.",
)


def draw(shown: Figures) -> str:
    """Return the SVG."""
    panels = [
        _bars("Cold start", "CPU time; the line is the reference, 1", shown.cold),
        _bars("Warm request: read an order", "CPU time; the line is boto3 alone, 1", shown.warm),
        _growth(shown.sizes, shown.growth),
    ]
    step = (_WIDTH - 2 * _MARGIN - _PANEL) / 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"',
            ' role="img" aria-labelledby="title desc">',
            '<title id="title">Cold start, warm request and growth, measured by make bench</title>',
            f'<desc id="desc">{escape(describe(shown))}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="card" x=".5" y=".5" width="{_WIDTH - 1}" height="{_HEIGHT - 1}" rx="6"/>',
            *(
                f'<g transform="translate({_MARGIN + number * step:g} 0)">\n{panel}\n</g>'
                for number, panel in enumerate(panels)
            ),
            *(_text(_MARGIN, _HEIGHT - 32 + 18 * line, note, "note") for line, note in enumerate(_NOTES)),
            "</svg>\n",
        ]
    )


def describe(shown: Figures) -> str:
    """Say in words what the chart shows."""

    cold, warm = ("; ".join(map(_words, bars)) for bars in (shown.cold, shown.warm))
    grown = "; ".join(f"{name} {', '.join(f'{units:g}' for units in row)}" for name, row in shown.growth.items())
    return (
        f"CPU time of a cold start, relative to the reference: {cold}. "
        f"CPU time of a warm request that reads an order, relative to boto3 alone: {warm}. "
        f"Read units with {', '.join(map(_spaced, shown.sizes))} orders in the table: {grown}."
    )


def _words(bar: Bar) -> str:
    also = f", not compiled {bar.not_compiled:.2f}" if bar.not_compiled else ""
    return f"{bar.label}: {bar.ratio:.2f}{also}"


def _bars(head: str, unit: str, bars: Sequence[Bar]) -> str:
    longest = max(max(bar.ratio, bar.not_compiled or 0, 1) for bar in bars)
    scale = (_PANEL - 40) / longest  # room for the number beside the longest bar
    drawn = [_text(0, 34, head, "head"), _text(0, 53, unit, "note")]
    for number, bar in enumerate(bars):
        y, kind = _TOP + number * _STEP, "ours" if bar.ours else "peer"
        if bar.not_compiled:
            drawn.append(_rect(y, bar.not_compiled * scale, f"{kind} pale"))
        drawn.append(_rect(y, bar.ratio * scale, kind))
        drawn.append(f'<line class="mark" x1="{scale:.1f}" x2="{scale:.1f}" y1="{y - 3}" y2="{y + _BAR + 3}"/>')
        drawn.append(_text(0, y - 6, _words(bar)))
    return "\n".join(drawn)


def _growth(sizes: Sequence[int], growth: dict[str, list[float]]) -> str:
    decades = math.log10(max(max(row) for row in growth.values()))
    bottom = _TOP + _PLOT_HEIGHT

    def across(size: int) -> float:
        low, high = math.log10(sizes[0]), math.log10(sizes[-1])
        return 36 + (_PANEL - 36) * (math.log10(size) - low) / (high - low)

    def up(units: float) -> float:
        return bottom - _PLOT_HEIGHT * math.log10(max(units, 1)) / decades

    drawn = [_text(0, 34, "Growth: read units of a request", "head"), _text(0, 53, "both axes logarithmic", "note")]
    for decade in range(math.floor(decades) + 1):
        y = up(10**decade)
        drawn.append(f'<line class="grid" x1="36" x2="{_PANEL}" y1="{y:.1f}" y2="{y:.1f}"/>')
        drawn.append(_text(30, y + 4, _spaced(10**decade), "note", "end"))
    for size in sizes:
        drawn.append(_text(across(size), bottom + 18, _spaced(size), "note", "end" if size == sizes[-1] else "middle"))
    drawn.append(_text(_PANEL, bottom + 36, "orders in the table", "note", "end"))
    for name, row in growth.items():
        points = " ".join(f"{across(size):.1f},{up(units):.1f}" for size, units in zip(sizes, row, strict=True))
        flat = row[0] == row[-1]
        drawn.append(f'<polyline class="{"ours" if flat else "peer"} line" points="{points}"/>')
        drawn.append(_text(_PANEL, up(row[-1]) + (15 if flat else -6), f"{name}: {row[-1]:g}", anchor="end"))
    return "\n".join(drawn)


def _rect(y: float, width: float, kind: str) -> str:
    return f'<rect class="{kind}" x="0" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")
