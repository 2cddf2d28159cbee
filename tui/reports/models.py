"""Saved models as Rich tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _
from tui.format import DASH, instant, number, percent
from tui.reports.table import plain_table
from tui.reports.training import GOOD, model_name

if TYPE_CHECKING:
    from engine.ml.model_compare import Comparison, Figure

LIVE = "●"
SYMBOLS_SHOWN = 4


def models_table(models: Sequence[Mapping[str, Any]]) -> RenderableType:
    """One line a model, the newest first: what it learnt from, what it was worth beside its baseline, and which is live."""
    table = plain_table(
        *("", _("Model"), _("Family"), _("Symbols"), _("TF"), _("Created")),
        *(_("Accuracy"), _("95 % interval"), _("majority"), _("Verdict"), _("Note")),
    )
    for model in models:
        table.add_row(
            Text(LIVE, style="green") if model["live"] else "",
            model["model_id"],
            model_name(model["model"]),
            Text(_symbols(model["symbols"])),
            model["timeframe"],
            instant(model["created_at"]),
            percent(model["metrics"].get("accuracy")),
            _between((model["intervals"] or {}).get("accuracy"), percent),
            percent(_majority(model)),
            _verdict(model["verdict"]),
            Text(model["name"]),
        )
    return Group(table, Text(_("{mark} live").format(mark=LIVE), style="dim"))


def model_details(model: Mapping[str, Any]) -> RenderableType:
    """Everything that was written down about one model but its arrays and folds."""
    manifest = model["manifest"]
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    selected = ", ".join(manifest["features"][column] for column in manifest["selected"])
    verdict = model["verdict"] or {}
    rows = (
        (_("Model"), model["model_id"]),
        (_("Note"), model["name"]),
        (_("Family"), model_name(model["model"])),
        (_("Parameters"), _pairs(manifest["params"])),
        (_("Symbols"), ", ".join(model["symbols"])),
        (_("Timeframe"), model["timeframe"]),
        (_("Label"), _pairs(model["label"] or {})),
        (_("Threshold"), number(model["threshold"])),
        (_("Accuracy"), _accuracy(model)),
        (_("Features"), selected),
        (_("Created"), instant(model["created_at"])),
        (_("Data up to import"), str(model["snapshot"])),
        (_("Versions"), _pairs({"pregao": model["code_version"], **manifest["versions"]})),
        (_("Folder"), model["path"]),
        (_("Live since"), DASH if model["live_since"] is None else instant(model["live_since"])),
        *((_("Promoted"), _promotion(item)) for item in model["promotions"]),
    )
    for label, value in rows:
        table.add_row(label, Text(value))
    lines: list[RenderableType] = [table]
    if verdict:
        lines.append(Text(_("Verdict: {label}").format(label=_(verdict["label"])), style=_style(verdict)))
        lines += [Text(f"  - {reason}") for reason in verdict["reasons"]]
    return Group(*lines)


def checks_table(checks: Sequence[Mapping[str, Any]]) -> RenderableType:
    """What is sound and what is not, with the reason."""
    if not checks:
        return Text(_("There is no model to check."))
    table = plain_table(_("Model"), _("Sound"), _("Reason"), _("Folder"))
    for check in checks:
        sound = Text(_("yes"), style="green") if check["ok"] else Text(_("no"), style="bold red")
        table.add_row(check["model_id"], sound, Text(check["reason"] or ""), Text(Path(check["path"]).name))
    return table


def comparison(found: Comparison) -> RenderableType:
    """Which models are the first and the second, and their figures."""
    return Group(*which(found), comparison_figures(found))


def which(found: Comparison) -> list[Text]:
    """The two models, a line each; tables call them first and second."""
    return [Text(f"{name}: {model.id}", style="bold") for name, model in zip((_("first"), _("second")), found.models)]


def comparison_figures(found: Comparison) -> RenderableType:
    """The figures of two models beside each other, and whether they may be compared."""
    first, second = found.models
    called = {None: DASH, first.id: _("first"), second.id: _("second")}
    table = plain_table(_("Out of fold"), _("first"), _("95 % interval"), _("second"), _("95 % interval"), _("better"))
    for figure in found.figures:
        table.add_row(_names().get(figure.name, figure.name), *_cells(figure), called[figure.better])
    table.add_row(_("Majority class"), percent(_majority(first.summary)), "", percent(_majority(second.summary)), "", "")
    lines: list[RenderableType] = [table]
    patterns = (_("Only the first is given: {features}"), _("Only the second is given: {features}"))
    lines += [Text(pattern.format(features=", ".join(only))) for pattern, only in zip(patterns, found.only) if only]
    if found.reasons:
        lines.append(Text(_("Their figures answer different questions:"), style="bold red"))
        lines += [Text(f"  - {reason}") for reason in found.reasons]
    elif all(figure.better is None for figure in found.figures):
        lines.append(Text(_("No figure of the one is distinguishable from that of the other."), style="bold"))
    return Group(*lines)


def _names() -> dict[str, str]:
    return {
        "accuracy": _("Accuracy"),
        "balanced_accuracy": _("Balanced accuracy"),
        "mcc": _("Correlation (MCC)"),
        "auc": _("Area under the ROC curve"),
        "log_loss": _("Log-loss"),
        "brier": _("Brier score"),
    }


def _cells(figure: Figure) -> list[str]:
    show = percent if "accuracy" in figure.name else number
    cells = []
    for value, interval in zip(figure.values, figure.intervals):
        cells += [show(value), _between(interval, show)]
    return cells


def _between(interval: Sequence[float | None] | None, show: Any) -> str:
    return DASH if interval is None or None in interval else f"{show(interval[0])} {_('to')} {show(interval[1])}"


def _accuracy(model: Mapping[str, Any]) -> str:
    """The accuracy with its interval and its baseline."""
    return _("{accuracy} ({interval}), majority class {majority}").format(
        accuracy=percent(model["metrics"].get("accuracy")),
        interval=_between((model["intervals"] or {}).get("accuracy"), percent),
        majority=percent(_majority(model)),
    )


def _majority(model: Mapping[str, Any]) -> float | None:
    found: float | None = ((model.get("baselines") or {}).get("majority") or {}).get("accuracy")
    return found


def _verdict(verdict: Mapping[str, Any] | None) -> Text:
    if not verdict:
        return Text(DASH)
    return Text(_(verdict["label"]), style=_style(verdict))


def _style(verdict: Mapping[str, Any]) -> str:
    return "bold green" if verdict["label"] == GOOD else "bold red"


def _promotion(item: Mapping[str, Any]) -> str:
    since = instant(item["promoted_at"])
    return since if item["rolled_back_at"] is None else f"{since} {_('to')} {instant(item['rolled_back_at'])}"


def _symbols(symbols: Sequence[str]) -> str:
    more = len(symbols) - SYMBOLS_SHOWN
    shown = ", ".join(symbols[:SYMBOLS_SHOWN])
    return shown if more <= 0 else _("{symbols} and {count} more").format(symbols=shown, count=more)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
