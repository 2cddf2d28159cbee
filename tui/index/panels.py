"""The panels of the index view: the signal and its record, the evaluation, its calibration, the windows it was right in."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from engine.i18n import _
from tui.index.frame import Shown
from tui.index.record import THRESHOLD, WINDOW, Moment, rolled
from tui.index.text import canary_text, figures_text, gate_text, monitoring_text, points, record_text, said_text
from tui.quick_format import number
from tui.widgets.distribution import Bar, Distribution
from tui.widgets.learning_chart import CalibrationChart, Interval, IntervalChart, Point
from tui.widgets.panels import ReadingPanel

NAN = float("nan")
#: Lines of a chart of intervals above and below its rows.
AROUND = 2


def whole_text(shown: Shown) -> Text:
    """The signal, the last sessions, the gate and the canaries."""
    text = said_text(shown.moment, shown.symbol, shown.title, shown.colours, due=shown.due)
    text.append("\n")
    text.append_text(record_text(shown.moment, shown.colours))
    text.append_text(gate_text(shown.moment, shown.colours))
    text.append_text(monitoring_text(shown.moment, shown.colours))
    text.append_text(canary_text(shown.moment, shown.colours))
    return text


class SignalPanel(ReadingPanel):
    """What is said at the chosen decision time, why, how it fared, and the gate."""

    def content(self, result: Shown) -> RenderableType:
        return whole_text(result)


class FiguresPanel(ReadingPanel, can_focus=False):
    """The figures of one evaluation, as high as they are: what holds them scrolls."""

    DEFAULT_CSS = "FiguresPanel { height: auto; }"

    def content(self, result: Shown) -> RenderableType:
        return figures_text(result.moment, result.colours)


class EvaluationPanel(VerticalScroll, can_focus=True):
    """The accuracy of every decision time beside that of always saying up, and below it the figures of the chosen one."""

    BINDINGS: ClassVar = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
    ]
    DEFAULT_CSS = """
    EvaluationPanel { height: 1fr; scrollbar-size: 1 1; }
    """

    def compose(self) -> ComposeResult:
        legend = (_("accuracy, 95 % interval"), _("always up"))
        yield IntervalChart(legend, empty=_("No decision time was evaluated yet."), id="index-accuracy")
        yield FiguresPanel(id="index-figures")

    def show_result(self, shown: Shown | None) -> None:
        """Show these evaluations from their first row on, or none."""
        chart, rows = self.query_one(IntervalChart), intervals(shown.moments) if shown is not None else []
        chart.styles.height = len(rows) + AROUND if rows else 3
        chart.show(rows)
        self.query_one(FiguresPanel).show_result(shown)


def intervals(moments: tuple[Moment, ...]) -> list[Interval]:
    """One row for each decision time that was evaluated."""
    rows = []
    for moment in moments:
        if moment.evaluation is None:
            continue
        found = moment.evaluation.figures
        value, up = _float(found["accuracy"]), _float(found["baselines"]["always_up"]["accuracy"])
        low, high = map(_float, found.get("interval") or (None, None))
        text = _("{accuracy} against {majority}").format(accuracy=points(value), majority=points(up))
        more = _("AUC {auc}, Brier skill {skill}").format(auc=number(found.get("auc")), skill=points(found.get("brier_skill")))
        rows.append(Interval(moment.time, value, low, high, up, text, f"n = {number(found['sessions'], 0)}  {more}"))
    return rows


class CurvePanel(Vertical, can_focus=True):
    """How often up came after each probability of it."""

    DEFAULT_CSS = """
    CurvePanel { height: 1fr; }
    #index-curve { height: 1fr; min-height: 4; }
    #index-curve-about { height: auto; max-height: 4; color: $secondary; }
    """

    def compose(self) -> ComposeResult:
        yield CalibrationChart(empty=_("This decision time was not evaluated yet."), id="index-curve")
        yield Static(id="index-curve-about")

    def show_result(self, shown: Shown | None) -> None:
        """Draw the calibration of the chosen decision time, or nothing."""
        evaluation = shown.moment.evaluation if shown is not None else None
        bins = evaluation.figures["calibration"] if evaluation is not None else []
        curve = [Point(_float(item["predicted"]), _float(item["observed"]), *map(_float, item["interval"])) for item in bins]
        self.query_one(CalibrationChart).show({_("up"): ("▲", "up", curve)} if curve else {})
        about = Text()
        if shown is not None and evaluation is not None:
            said = _(
                "{time}. Across: the probability of up that was said; upwards: how often it came, with its 95 % interval. On the dots"
                " both agree. Brier score {brier}, skill over the base rate {skill}."
            )
            brier, skill = evaluation.figures.get("brier"), evaluation.figures.get("brier_skill")
            about = Text(said.format(time=shown.moment.time, brier=number(brier, 4), skill=points(skill)))
        self.query_one("#index-curve-about", Static).update(about)


class WindowsPanel(Vertical, can_focus=True):
    """How many of the rolled windows had each number of hits, and where the last one lies."""

    DEFAULT_CSS = """
    WindowsPanel { height: 1fr; }
    #index-distribution { height: 1fr; min-height: 4; max-height: 24; }
    #index-distribution-about { height: auto; max-height: 4; color: $secondary; }
    """

    def compose(self) -> ComposeResult:
        yield Distribution(
            empty=_("There are no {count} sessions out of sample yet.").format(count=WINDOW), id="index-distribution"
        )
        yield Static(id="index-distribution-about")

    def show_result(self, shown: Shown | None) -> None:
        """Draw the windows of the chosen decision time, or nothing."""
        hits = rolled(shown.moment.past()) if shown is not None else []
        times = Counter(hits)
        bars = [Bar(count / WINDOW, times[count]) for count in range(WINDOW + 1)] if hits else []
        self.query_one(Distribution).show(bars, here=hits[-1] / WINDOW if hits else None, aim=THRESHOLD)
        about = Text(windows_line(shown.moment.time, hits)) if shown is not None and hits else Text()
        self.query_one("#index-distribution-about", Static).update(about)


def windows_line(time: str, hits: list[int]) -> str:
    """The windows in words. hits: of each, oldest first."""
    most = THRESHOLD * WINDOW
    said = _(
        "{time}: {count} windows of {window} sessions, half of them with at most {median} hits; ┊ {goal}, which {share} of them"
        " reach. ▲ the last one: {hits} hits, {accuracy}; {below} of all have no more."
    )
    return said.format(
        time=time,
        count=number(len(hits), 0),
        window=WINDOW,
        median=sorted(hits)[(len(hits) - 1) // 2],
        goal=points(THRESHOLD, 0),
        share=points(sum(hit >= most for hit in hits) / len(hits)),
        hits=hits[-1],
        accuracy=points(hits[-1] / WINDOW),
        below=points(sum(hit <= hits[-1] for hit in hits) / len(hits)),
    )


def _float(value: Any) -> float:
    return NAN if value is None else float(value)
