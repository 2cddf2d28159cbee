"""What a training has found, panel by panel: the report, the worth of its features, its calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from engine.i18n import _
from tui.names import action_name
from tui.quick_format import GLYPH, number
from tui.signal_text import ACTION_STYLE
from tui.widgets.learning_chart import CalibrationChart, Point
from tui.widgets.panels import ReadingPanel

EIGHTHS = " ▏▎▍▌▋▊▉█"
#: Cells of a bar at least and at most, and of what is written behind it.
SHORTEST, LONGEST, FIGURES = 6, 60, 20


class ResultPanel(ReadingPanel):
    """The report, as `pregao train` prints it."""

    def content(self, result: Mapping[str, Any]) -> RenderableType:
        from tui.reports.training import training_report

        return training_report(result)


class FeaturesPanel(ReadingPanel):
    """How much worse the model judges rows it did not learn from when a feature is shuffled, as bars."""

    def on_resize(self) -> None:
        self.renew()

    def content(self, result: Mapping[str, Any]) -> RenderableType:
        return importance_text(result["importance"], max(self.content_size.width, 1))


def importance_text(rows: Sequence[Mapping[str, Any]], width: int) -> Text:
    """A bar for each feature in `width` cells: the growth of the log-loss without it and its spread over the folds."""
    text = Text(
        _("How much the log-loss grows on unseen rows when a feature is shuffled, ± its spread over the folds"), style="bold"
    )
    text.append("\n")
    name_width = max((len(row["feature"]) for row in rows), default=0) + 1
    room = min(max(width - name_width - FIGURES, SHORTEST), LONGEST)
    most = max((abs(row["importance"] or 0.0) for row in rows), default=0.0) or 1.0
    for row in rows:
        value = row["importance"] or 0.0
        text.append(f"\n{row['feature']:<{name_width}}", style="not bold")
        bar = _bar(abs(value) / most, room) if value > 0 else ("░" * round(abs(value) / most * room)).ljust(room)
        text.append(f"{bar} ", style="not bold green" if value > 0 else "not bold red")
        sign = "+" if value > 0 else ""
        text.append(f"{sign}{number(value, 4)} ± {number(row['spread'], 4)}", style="not bold")
    text.append("\n\n" + _("A feature below zero did harm: the model judges better without it."), style="not bold dim")
    return text


def _bar(share: float, width: int) -> str:
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    return ("█" * (eighths // 8) + EIGHTHS[eighths % 8]).ljust(width)[:width]


class CalibrationPanel(Vertical, can_focus=True):
    """How often what was said came: one curve a class."""

    DEFAULT_CSS = """
    CalibrationPanel { height: 1fr; }
    #calibration-chart { height: 1fr; min-height: 4; }
    #calibration-about { height: auto; max-height: 4; color: $secondary; }
    """

    def compose(self) -> ComposeResult:
        yield CalibrationChart(empty=_("No result yet."), id="calibration-chart")
        yield Static(id="calibration-about")

    def show_result(self, report: Mapping[str, Any] | None) -> None:
        """Draw the calibration of this report, or nothing."""
        self.query_one(CalibrationChart).show(calibration_curves(report) if report is not None else {})
        self.query_one("#calibration-about", Static).update("" if report is None else _about(report))


def calibration_curves(report: Mapping[str, Any]) -> dict[str, tuple[str, str, list[Point]]]:
    """The points of each class, with its glyph and style."""
    found = {}
    for name, bins in report["calibration"].items():
        style = ACTION_STYLE[name]
        points = [Point(item["predicted"], item["observed"], *map(_share, item["interval"])) for item in bins]
        found[action_name(name)] = (GLYPH[style], style, points)
    return found


def _share(value: float | None) -> float:
    return float("nan") if value is None else value


def _about(report: Mapping[str, Any]) -> Text:
    metrics, prior = report["metrics"], report["baselines"]["prior"]
    text = _(
        "Across: the probability that was said; upwards: how often it came, with its 95 % interval. On the dots both agree."
        " Brier score {brier} against {prior} of the class frequencies."
    )
    return Text(text.format(brier=number(metrics["brier"], 4), prior=number(prior["brier"], 4)))
