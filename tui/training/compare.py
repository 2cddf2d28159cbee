"""Two models side by side: figures with intervals, what they were asked, their features and what they did to a strategy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _
from tui.quick_format import DASH, number, percent
from tui.widgets.panels import ReadingPanel

if TYPE_CHECKING:
    from engine.ml.model_compare import Comparison

FEATURES_SHOWN = 10


class Pair(NamedTuple):
    """Two models: how they compare, and the report of each."""

    comparison: Comparison
    reports: tuple[Mapping[str, Any], Mapping[str, Any]]


class ComparePanel(ReadingPanel):
    """The comparison that was asked for last."""

    def renew(self) -> None:
        super().renew()
        if self.result is None:
            from textual.widgets import Static

            about = _("{key} marks trainings in the list ({list}); {compare} compares two of them.")
            keys = {name: self.desk_app.key_of(f"training.{name}") for name in ("mark", "history", "compare")}
            said = about.format(key=keys["mark"], list=keys["history"], compare=keys["compare"])
            self.query_one(".panel-text", Static).update(Text(said, style="dim"))

    def content(self, result: Pair) -> RenderableType:
        return comparison_text(result)


def comparison_text(pair: Pair) -> RenderableType:
    """Everything about two models: which they are, then the first on the left."""
    from tui.reports.models import comparison_figures, which

    tables = _models(pair), comparison_figures(pair.comparison), _effects(pair), _features(pair)
    return Group(*which(pair.comparison), *(part for table in tables for part in ("", table)))


def _table(title: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(title)
    for name in (_("first"), _("second")):
        table.add_column(name, justify="right", overflow="fold")
    return table


def _models(pair: Pair) -> Table:
    from tui.reports.training import model_name

    table = _table(_("Model"))
    for label, show in (
        (_("Family"), lambda report: model_name(report["model"])),
        (_("Symbols"), lambda report: " ".join(report["symbols"])),
        (_("Label"), lambda report: ", ".join(f"{name} {value}" for name, value in report["label"].items())),
        (_("Rows"), lambda report: number(report["rows"], 0)),
        (_("Folds"), lambda report: str(len(report["folds"]))),
        (_("Trials"), lambda report: number(report["search"]["trials"], 0)),
        (_("Threshold"), lambda report: number(report["threshold"])),
        (_("Verdict"), lambda report: _verdict(report["verdict"])),
    ):
        table.add_row(label, *map(show, pair.reports))
    table.add_row(_("Live"), *(_("yes") if model.live else _("no") for model in pair.comparison.models))
    return table


def _verdict(verdict: Mapping[str, Any]) -> str:
    return _(verdict["label"])


def _effects(pair: Pair) -> Table:
    table = _table(_("The strategy with the model"))
    effects = [report["strategy_effect"] or {} for report in pair.reports]
    table.add_row(_("Strategy"), *(str(effect.get("strategy") or DASH) for effect in effects))
    for label, key, show in (
        (_("Total return"), "total_return", percent),
        (_("Sharpe ratio"), "sharpe_ratio", number),
        (_("Deepest drawdown"), "max_drawdown", percent),
        (_("Trades"), "trades", lambda value: number(value, 0)),
    ):
        cells = (f"{show(_of(effect, 'base', key))} → {show(_of(effect, 'filtered', key))}" for effect in effects)
        table.add_row(label, *cells)
    return table


def _of(effect: Mapping[str, Any], which: str, key: str) -> float | None:
    value: float | None = (effect.get(which) or {}).get(key)
    return value


def _features(pair: Pair) -> Table:
    worth = [{row["feature"]: row["importance"] for row in report["importance"]} for report in pair.reports]
    table = _table(_("Feature"))
    highest = {name: max(found.get(name) or 0.0 for found in worth) for name in {**worth[0], **worth[1]}}
    for name in sorted(highest, key=lambda name: (-highest[name], name))[:FEATURES_SHOWN]:
        table.add_row(name, *(number(found.get(name), 4) for found in worth))
    return table
