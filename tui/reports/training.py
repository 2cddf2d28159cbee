"""A training as a Rich report for the terminal, from its JSON form: the verdict first, then the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _, ngettext
from tui.format import DASH, day, number, percent
from tui.names import action_name
from tui.reports.table import plain_table

MOST_FEATURES = 12
CLASSES = ("SELL", "HOLD", "BUY")
GOOD = "skill"
#: The key of a fold's entry that is true where its rows were too few for any tree to split.
UNSPLIT = "unsplit"


def training_report(found: Mapping[str, Any]) -> RenderableType:
    """What was trained, what it is worth out of fold beside its baselines, and what it did to the strategy."""
    title = _("{model} on {symbols} {timeframe}, {rows} rows worth {effective}, {start} to {end}").format(
        model=model_name(found["model"]),
        symbols=", ".join(found["symbols"]),
        timeframe=found["timeframe"],
        rows=number(found["rows"], 0),
        effective=number(found["effective_rows"], 0),
        start=day(found["period"]["start"]),
        end=day(found["period"]["end"]),
    )
    verdict = found["verdict"]
    lines: list[RenderableType] = [
        Text(title, style="bold"),
        Text(_("Label: {label}").format(label=_pairs(found["label"]))),
        Text(
            _("Verdict: {label}").format(label=_(verdict["label"])),
            style="bold green" if verdict["label"] == GOOD else "bold red",
        ),
        *(Text(f"  - {reason}") for reason in verdict["reasons"]),
        *(Text(note, style="dim") for note in found.get("notes", ())),
        _metrics(found),
        _folds(found["folds"]),
        *(Text(line) for line in _unsplit(found["folds"])),
        _confusion(found["metrics"]["confusion"]),
        _calibration(found["calibration"]),
        _importance(found["importance"]),
        Text(_threshold(found)),
        Text(_search(found["search"])),
    ]
    if found["strategy_effect"] is not None:
        lines.append(_effect(found["strategy_effect"]))
    lines.append(Text(_("Saved as {model_id}.").format(model_id=found["model_id"]), style="bold"))
    return Group(*lines)


def event_line(kind: str, payload: Mapping[str, Any]) -> str:
    """What a training said while it ran, in one line; empty for what is not worth one."""
    if kind == "fold":
        pattern = _("{accuracy} right (majority {majority}): fold {fold} of {count}, tested {start} to {end}")
        if payload.get(UNSPLIT):
            pattern = _(
                "{accuracy} right (majority {majority}): fold {fold} of {count}, no tree could split, tested {start} to {end}"
            )
        return pattern.format(
            fold=payload["fold"],
            count=payload["of"],
            accuracy=percent(payload["metrics"]["accuracy"]),
            majority=percent(payload["metrics"]["baselines"]["majority"]["accuracy"]),
            start=day(payload["test_start"]),
            end=day(payload["test_end"]),
        )
    if kind == "trial":
        return _("Log-loss {value} (best {best}): trial {number}").format(
            number=payload["number"], value=number(payload["value"], 4), best=number(payload["best"], 4)
        )
    if kind == "kept":
        count = payload["trials"]
        if payload["fold"] is None:
            pattern = ngettext(
                "{count} trial over all rows was done before", "{count} trials over all rows were done before", count
            )
        else:
            pattern = ngettext(
                "{count} trial of fold {fold} was done before", "{count} trials of fold {fold} were done before", count
            )
        return pattern.format(count=count, fold=payload["fold"])
    if kind == "skipped":
        return _("{symbols} left out: {why}").format(symbols=", ".join(payload["symbols"]), why=payload["error"]["message"])
    return ""


def model_name(kind: str) -> str:
    """A family of models in words."""
    return {"random_forest": _("random forest"), "xgboost": "XGBoost"}.get(kind, kind)


def _metrics(found: Mapping[str, Any]) -> Table:
    metrics, baselines = found["metrics"], found["baselines"]
    table = plain_table(
        _("Out of fold"), _("model"), _("95 % interval"), _("majority"), _("last label"), _("frequencies"), left=1
    )

    def row(label: str, key: str, show: Any, majority: Any = None, naive: Any = None, prior: Any = None) -> None:
        low, high = metrics["intervals"][key]
        between = DASH if low is None else f"{show(low)} {_('to')} {show(high)}"
        others = (DASH if value is None else show(value) for value in (majority, naive, prior))
        table.add_row(label, show(metrics[key]), between, *others)

    row(_("Accuracy"), "accuracy", percent, baselines["majority"]["accuracy"], baselines["naive"]["accuracy"])
    row(_("Balanced accuracy"), "balanced_accuracy", percent)
    row(_("Correlation (MCC)"), "mcc", number)
    row(_("Area under the ROC curve"), "auc", number)
    row(_("Log-loss"), "log_loss", _fine, None, None, baselines["prior"]["log_loss"])
    row(_("Brier score"), "brier", _fine, None, None, baselines["prior"]["brier"])
    return table


def _fine(value: float | None) -> str:
    return number(value, 4)


def _folds(folds: list[Mapping[str, Any]]) -> Table:
    table = plain_table(
        *(_("Fold"), _("train rows"), _("known until"), _("test rows"), _("from"), _("to")),
        *(_("accuracy"), _("majority"), _("area under ROC"), _("threshold")),
        left=1,
    )
    for fold in folds:
        table.add_row(
            str(fold["fold"]),
            number(fold["train_rows"], 0),
            day(fold["train_end"]),
            number(fold["test_rows"], 0),
            day(fold["test_start"]),
            day(fold["test_end"]),
            percent(fold["metrics"]["accuracy"]),
            percent(fold["metrics"]["baselines"]["majority"]["accuracy"]),
            number(fold["metrics"]["auc"]),
            number(fold["threshold"]),
        )
    return table


def _unsplit(folds: list[Mapping[str, Any]]) -> list[str]:
    """A line about the folds whose model is no more than the class frequencies, where there are such."""
    found = [str(fold["fold"]) for fold in folds if fold.get(UNSPLIT)]
    if not found:
        return []
    text = ngettext(
        "In fold {folds} no tree could split: its training rows are too few, and it said the class frequencies.",
        "In folds {folds} no tree could split: their training rows are too few, and they said the class frequencies.",
        len(found),
    )
    return [text.format(folds=", ".join(found))]


def _confusion(confusion: list[list[int]]) -> Table:
    table = plain_table(_("Came, by what was said"), *map(action_name, CLASSES), left=1)
    for name, row in zip(CLASSES, confusion):
        table.add_row(action_name(name), *(number(count, 0) for count in row))
    return table


def _calibration(calibration: Mapping[str, list[Mapping[str, Any]]]) -> Table:
    table = plain_table(_("Calibration"), _("said"), _("came"), _("95 % interval"), _("rows"), left=1)
    for name in CLASSES:
        for item in calibration[name]:
            low, high = item["interval"]
            table.add_row(
                action_name(name),
                percent(item["predicted"]),
                percent(item["observed"]),
                f"{percent(low)} {_('to')} {percent(high)}",
                number(item["rows"], 0),
            )
    return table


def _importance(importance: list[Mapping[str, Any]]) -> Table:
    table = plain_table(_("Feature"), _("log-loss without it"), _("spread over folds"), _("folds"), left=1)
    for item in importance[:MOST_FEATURES]:
        sign = "+" if (item["importance"] or 0.0) > 0 else ""
        table.add_row(item["feature"], sign + _fine(item["importance"]), _fine(item["spread"]), str(item["folds"]))
    return table


def _threshold(found: Mapping[str, Any]) -> str:
    choice = found["threshold_choice"]
    text = _("Threshold {value} ({reason})").format(value=number(found["threshold"]), reason=_(choice["reason"]))
    chosen = next((item for item in choice["evidence"] if item["threshold"] == found["threshold"]), None)
    if chosen is None or not chosen["rows"]:
        return f"{text}."
    more = ngettext("{hits} of {count} call came true", "{hits} of {count} calls came true", chosen["rows"])
    return f"{text}: {more.format(hits=percent(chosen['hits']), count=number(chosen['rows'], 0))}."


def _search(search: Mapping[str, Any]) -> str:
    if not search["trials"]:
        return _("No search for parameters: the defaults were taken.")
    ranges = ", ".join(f"{name} {item['low']:g}..{item['high']:g}" for name, item in search["space"].items())
    counted = ngettext("{count} trial", "{count} trials", search["trials"]).format(count=search["trials"])
    return _("{trials} inside the training rows, over {ranges}.").format(trials=counted, ranges=ranges)


def _effect(effect: Mapping[str, Any]) -> Table:
    table = plain_table(
        _("{strategy}, out of sample, net of costs").format(strategy=effect["strategy"]), _("alone"), _("with the model"), left=1
    )
    for label, key, show in (
        (_("Total return"), "total_return", percent),
        (_("Sharpe ratio"), "sharpe_ratio", number),
        (_("Deepest drawdown"), "max_drawdown", percent),
        (_("Profit factor"), "profit_factor", number),
        (_("Trades"), "trades", lambda value: number(value, 0)),
    ):
        table.add_row(label, show(effect["base"].get(key)), show(effect["filtered"].get(key)))
    return table


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
