"""GET /api/admin/stats: show operators the metrics of the marketplace, by day, as JSON or as CSV."""

import csv
import io
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError
from starlette.responses import PlainTextResponse, Response

from shared import clock
from shared.domain import stats as rules
from shared.domain.durations import MINUTE_MS
from shared.domain.errors import InvalidInitData, NotAnOperator
from shared.domain.stats import OF_HOUR, Cell, Figures
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import Category, City, View
from shared.store import stats

router = APIRouter(tags=["admin"])

MOST_DAYS = 366
# A spreadsheet would run a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_CSV_RESPONSE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}

# The figures of days that the audit has not computed yet: when, and by cell. One process serves a few operators.
_live: dict[date, tuple[int, dict[Cell, Figures]]] = {}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("invalid_date", "Такой даты нет, нужна дата вида 2026-01-31") from None


Day = Annotated[str, Query(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-01-31"]), AfterValidator(_day)]


class HourView(View):
    """The orders that were posted in an hour of the day, in Moscow. `expired_untaken` shows where supply is missing."""

    hour: int
    posted: int
    taken: int
    responded: int
    completed: int
    expired_untaken: int


class SourcesView(View):
    """Takes by where the executor came from: a list, a message of the bot, a link that somebody shared."""

    feed: int
    bot: int
    link: int


class TopUpsView(View):
    """The top-ups of a provider, in roubles."""

    provider: str
    amount: int


class DetailsView(View):
    """More figures.

    - `hours`: the 24 hours of the day.
    - `topped_up_by`: null for a city or a category.
    - `listening`: executors who were subscribed to such orders in the night after the day; null if it is not known.
    """

    hours: list[HourView]
    takes_from: SourcesView
    topped_up_by: list[TopUpsView] | None
    listening: int | None


class FiguresView(View):
    """The figures of the orders that were posted on a day. Money is in roubles, durations are in seconds.

    - `taken`: orders with a take. `slots`: takes. `closed`: closed without a response.
    - `rating_mean`: null without a review. Percentiles are null without a take or a response.
    - `topped_up`, `debts`: top-ups of the day, and what providers took back of them after it was spent; null for a
      city or a category, because money belongs to none.
    - `new_clients`, `new_executors`: people whose first order it was. `returning_7`, `returning_28`: people who posted
      or took an order again within so many days.
    - `told`: how many executors the orders were offered to.
    - In `total`, a person counts once for each day.
    """

    posted: int
    taken: int
    slots: int
    responded: int
    completed: int
    expired_untaken: int
    closed: int
    complaints: int
    reviews: int
    rating_mean: float | None
    spent: int
    refunded: int
    topped_up: int | None
    debts: int | None
    clients: int
    executors: int
    new_clients: int
    new_executors: int
    returning_7: int
    returning_28: int
    told: int
    first_take_p50: int | None
    first_take_p90: int | None
    respond_p50: int | None
    respond_p90: int | None
    details: DetailsView | SkipJsonSchema[None] = None


class DayView(FiguresView):
    """A day in Europe/Moscow. `open`: its figures may still change."""

    day: date
    open: bool


class StatsView(View):
    """The days from the first to the last, and their sum."""

    days: list[DayView]
    total: FiguresView


@router.get(
    "/api/admin/stats",
    operation_id="get_stats",
    summary="Get the metrics of the marketplace by day",
    response_model=StatsView,
    response_model_exclude_unset=True,
    responses={**_CSV_RESPONSE, **error_responses(InvalidInitData, NotAnOperator)},
)
async def get_stats(
    operator: Operator,
    first: Annotated[Day, Query(alias="from")],
    last: Annotated[Day, Query(alias="to")],
    city: City | None = None,
    category: Category | None = None,
    details: bool = False,
    format: Literal["csv", "json"] | None = None,
    accept: Annotated[str, Header()] = "",
) -> Any:
    """Orders count on the day on which they were posted. `from` and `to` are days in Europe/Moscow, both included.

    - At most 366 days. `city`, `category`: only orders with that exact name.
    - `details`: more figures of each day, see `DetailsView`.
    - `format=csv`, or `Accept: text/csv`: the days as CSV, without `details`. The last line is the total.

    The figures of today are at most a minute old. The figures of small cells can point to single people: they are for
    operators only.
    """
    now = clock.now_ms()
    days = _days(first, last)  # type: ignore[arg-type]  # AfterValidator has made it a date
    figures = _figures(days, city, category, now)
    is_all = city is None and category is None
    rows = [
        {"day": day, "open": rules.is_open(day, now), **_view(figures[day], is_all=is_all, details=details)}
        for day in days
    ]
    total = _view(rules.total_of(figures.values()), is_all=is_all, details=details)
    if format == "csv" or (format is None and "text/csv" in accept):
        return _csv([*rows, {"day": "total", "open": None, **total}])
    return {"days": rows, "total": total}


def _days(first: date, last: date) -> list[date]:
    if not 0 <= (last - first).days < MOST_DAYS:
        sentence = "Начало периода должно быть не позже конца, а период не длиннее 366 дней"
        raise RequestValidationError([{"type": "invalid_period", "loc": ("query", "to"), "msg": sentence}])
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _figures(days: list[date], city: str | None, category: str | None, now: int) -> dict[date, Figures]:
    """Return the figures of each day: the stored ones, and those of today and of a yesterday that is not stored yet."""
    known = stats.saved([day for day in days if rules.age_of(day, now) >= 1], city, category)
    found = {}
    for day in days:
        if day not in known and rules.age_of(day, now) in (0, 1):
            found[day] = _live_cells(day, now).get((city, category), Figures())
        else:
            found[day] = known.get(day) or Figures()
    return found


def _live_cells(day: date, now: int) -> dict[Cell, Figures]:
    computed_at, cells = _live.get(day, (0, {}))
    if not 0 <= now - computed_at < MINUTE_MS:
        cells = stats.live(day, now)
        for other in [other for other in _live if rules.age_of(other, now) > 1]:
            del _live[other]
        _live[day] = now, cells
    return cells


def _view(figures: Figures, *, is_all: bool, details: bool) -> dict[str, Any]:
    view: dict[str, Any] = {
        name: getattr(figures, name) for name in FiguresView.model_fields if hasattr(figures, name)
    } | {
        "rating_mean": round(figures.rating_sum / figures.reviews, 2) if figures.reviews else None,
        "topped_up": figures.topped_up.total() if is_all else None,
        "debts": figures.debts if is_all else None,
        "first_take_p50": rules.percentile(figures.first_take, 50),
        "first_take_p90": rules.percentile(figures.first_take, 90),
        "respond_p50": rules.percentile(figures.respond, 50),
        "respond_p90": rules.percentile(figures.respond, 90),
    }
    if details:
        view["details"] = {
            "hours": [
                {"hour": hour, **dict(zip(OF_HOUR, figures.hours.get(hour, [0] * len(OF_HOUR)), strict=True))}
                for hour in range(24)
            ],
            "takes_from": {source: figures.takes_from[source] for source in SourcesView.model_fields},
            "topped_up_by": [
                {"provider": provider, "amount": amount} for provider, amount in sorted(figures.topped_up.items())
            ]
            if is_all
            else None,
            "listening": figures.listening,
        }
    return view


def _csv(rows: list[dict[str, Any]]) -> Response:
    text = io.StringIO()
    names = ["day", "open", *(name for name in FiguresView.model_fields if name != "details")]
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(row, name) for name in names] for row in rows)
    return PlainTextResponse(text.getvalue(), media_type="text/csv")


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


handler = http_handler(router)
