"""The months of a backtest as a heat map: one line a year, told by sign and figure, coloured by sign and size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import set_cell_size
from rich.console import RenderableType
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.color import Color
from textual.widget import Widget
from textual.widgets import Static

from engine.i18n import _
from tui.quick_format import DASH, number
from tui.widgets.panels import ReadingPanel

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult

MONTHS = range(1, 13)
YEAR, LEAST, MOST, HOLD = 4, 4, 7, 8
#: Cells of a figure from which it has two decimals.
ROOMY = 6
#: How much of the colour the smallest and the largest change get.
FAINT, FULL = 0.12, 0.65


class MonthMap(Widget):
    """Years down, months across, the year's total and, where there is room, that of buying and holding."""

    DEFAULT_CSS = """
    MonthMap { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._years: dict[int, dict[int, float]] = {}
        self._hold: dict[int, dict[int, float]] = {}

    def show(self, months: Sequence[Mapping[str, Any]], hold: Sequence[Mapping[str, Any]]) -> None:
        """Show these months and those of buying and holding: [{"year", "month", "return"}], oldest first."""
        self._years, self._hold = by_year(months), by_year(hold)
        self.refresh(layout=True)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:  # noqa: ARG002
        return len(self._years) + 1 if self._years else 0

    def render(self) -> Text:
        width = self.size.width
        total = 7 if width >= YEAR + 12 * 5 + 7 else 6
        cell = min(max((width - YEAR - total) // 12, LEAST), MOST)
        beside = width >= YEAR + 12 * cell + total + HOLD
        heads = [f"{_short(month, cell - 1):>{cell}}" for month in MONTHS]
        line = " " * YEAR + "".join(heads) + f"{set_cell_size(_('Year'), min(total - 1, 4)):>{total}}"
        held = _("B&H")
        lines = [Text(line + (f"{held:>{HOLD}}" if beside else ""), style="bold")]
        largest = max((abs(value) for year in self._years.values() for value in year.values() if value == value), default=0.0)
        for year, found in self._years.items():
            row = Text(f"{year:<{YEAR}}", style="bold")
            for month in MONTHS:
                self._append(row, found.get(month), cell, largest)
            self._append(row, compound(found.values()), total, 0.0, bold=True)
            if beside:
                row.append(f"{figure(compound(self._hold.get(year, {}).values()), HOLD - 1):>{HOLD}}", style="dim")
            lines.append(row)
        return Text("\n", no_wrap=True).join(lines)

    def _append(self, row: Text, value: float | None, width: int, largest: float, *, bold: bool = False) -> None:
        if value is None:
            row.append(" " * width)
            return
        row.append(" ")
        row.append(f"{figure(value, width - 1):>{width - 1}}", style=self._style(value, largest) + Style(bold=bold))

    def _style(self, value: float, largest: float) -> Style:
        """Gain or loss as the background, the stronger the larger; as the letters where no size is compared."""
        if value != value or value == 0:
            return Style()
        variables = self.app.theme_variables
        colour = Color.parse(variables["up" if value > 0 else "down"])
        if not largest:
            return Style(color=colour.rich_color)
        ground = Color.parse(variables["background"])
        share = FAINT + (FULL - FAINT) * math.sqrt(min(abs(value) / largest, 1.0))
        return Style(color=Color.parse(variables["foreground"]).rich_color, bgcolor=ground.blend(colour, share).rich_color)


class MonthsPanel(ReadingPanel):
    """The heat map, and what can be said of all months together."""

    def compose(self) -> ComposeResult:
        yield MonthMap()
        yield Static(classes="panel-text")

    def renew(self) -> None:
        super().renew()
        months = ([], []) if self.result is None else (self.result.monthly, hold_months(self.result))
        self.query_one(MonthMap).show(*months)

    def content(self, result: BacktestResult) -> RenderableType:
        return summary(result.monthly)


def hold_months(result: BacktestResult) -> list[dict[str, Any]]:
    """The months of buying and holding."""
    from engine.backtest.full_metrics import monthly_returns

    return monthly_returns(result.hold.equity, result.session)


def by_year(months: Sequence[Mapping[str, Any]]) -> dict[int, dict[int, float]]:
    """The returns by year and month, in the order given."""
    years: dict[int, dict[int, float]] = {}
    for item in months:
        years.setdefault(item["year"], {})[item["month"]] = item["return"]
    return years


def compound(changes: Any) -> float:
    """The changes one after the other; NaN where one of them is, or there is none."""
    found = list(changes)
    return math.prod(1 + change for change in found) - 1 if found else math.nan


def figure(value: float, width: int) -> str:
    """A signed percentage without its sign of percent, with the decimals that suit `width` cells."""
    if not math.isfinite(value):
        return DASH
    for decimals in (2, 1, 0) if width >= ROOMY else (1, 0) if width >= LEAST else (0,):
        points = round(value * 100, decimals)
        text = f"{'+' if points > 0 else ''}{number(points, decimals)}"
        if len(text) <= width:
            return text
    return f"{'>' if value > 0 else '<'}{'9' * (width - 1)}"


def summary(months: Sequence[Mapping[str, Any]]) -> Text:
    """How many months gained, and the best and the worst."""
    known = [item for item in months if math.isfinite(item["return"])]
    text = Text("\n" + _("Percent a month; the first and the last count as far as they were traded."), style="dim")
    if known:
        best, worst = (choose(known, key=lambda item: item["return"]) for choose in (max, min))
        said = _("{gained} of {count} months gained; best {best} in {best_month}, worst {worst} in {worst_month}.").format(
            gained=sum(item["return"] > 0 for item in known),
            count=len(known),
            best=figure(best["return"], 9) + "%",
            best_month=f"{best['year']}-{best['month']:02}",
            worst=figure(worst["return"], 9) + "%",
            worst_month=f"{worst['year']}-{worst['month']:02}",
        )
        text = Text(f"\n{said}").append_text(text)
    return text


def _short(month: int, width: int) -> str:
    from babel.dates import get_month_names

    from engine.i18n import language

    return set_cell_size(get_month_names("abbreviated", locale=language())[month].strip("."), min(width, 3))
