"""What a model's filter did, as text for the terminal: to a backtest, to the day's signals; and how far models have drifted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _, ngettext
from tui.format import DASH, day, number, percent
from tui.names import action_name

LISTED = 12
STYLE = {"ok": "green", "watch": "yellow", "degraded": "bold red"}


def filter_report(found: Mapping[str, Any]) -> RenderableType:
    """The entry "filter" of a backtest: the strategy with and without the model on the bars that it could judge."""
    head = Text(_("Filter {model}, threshold {threshold}").format(model=found["model"], threshold=number(found["threshold"])))
    head.stylize("bold")
    lines: list[RenderableType] = [head]
    effect = found["effect"]
    if effect is None:
        lines.append(Text(_("No bar of the window could be judged by a model that had not learnt from it."), style="yellow"))
    else:
        verdict = effect["verdict"]
        lines += [_effect_table(effect), Text(_("Verdict: {label}").format(label=_(verdict["label"])), style="bold")]
        lines += [Text(f"  - {reason}") for reason in verdict["reasons"]]
    taken = found["signals"] - found["rejected"]
    lines.append(Text(_("Signals taken: {taken} of {given}.").format(taken=taken, given=found["signals"])))
    rejections = found["rejections"]
    if len(rejections) > LISTED:
        lines.append(Text(_("The newest {count} that were not; `--json` lists all:").format(count=LISTED), style="dim"))
    for item in rejections[-LISTED:]:
        lines.append(Text(f"  {day(item['time'])} {action_name(item['action'])}: {item['reason']}"))
    return Group(*lines)


def _effect_table(effect: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    period = effect["period"]
    table.add_column(_("{start} to {end}").format(start=day(period["start"]), end=day(period["end"])))
    table.add_column(_("without"), justify="right")
    table.add_column(_("with the filter"), justify="right")
    rows = (
        (_("Total return"), "total_return", lambda value: percent(value, signed=True)),
        (_("Sharpe ratio"), "sharpe_ratio", number),
        (_("Deepest drawdown"), "max_drawdown", percent),
        (_("Trades"), "trades", lambda value: number(value, 0)),
        (_("Winning trades"), "win_rate", percent),
    )
    for label, key, show in rows:
        table.add_row(label, *(DASH if effect[side][key] is None else show(effect[side][key]) for side in ("base", "filtered")))
    return table


def rejected_lines(rejected: Sequence[Mapping[str, Any]]) -> list[Text]:
    """The day's signals that a model did not confirm, one line each."""
    if not rejected:
        return []
    head = ngettext("{count} signal was not taken:", "{count} signals were not taken:", len(rejected)).format(count=len(rejected))
    return [Text(head, style="yellow")] + [
        Text(f"  {item['symbol']} {action_name(item['action'])}: {item['reason']} ({item['model']})") for item in rejected
    ]


def state_name(state: str) -> str:
    """The state of a model."""
    names = {"ok": _("ok"), "watch": _("to be watched"), "degraded": _("degraded")}
    return names.get(state, state)


def drift_summary(detail: Mapping[str, Any]) -> str:
    """The state of each live model, on one line."""
    return ", ".join(f"{name} {state_name(found['state'])}" for name, found in detail.items()) or _("none to judge")


def predictions_summary(detail: Mapping[str, Any]) -> str:
    """What each live model could judge, on one line."""
    parts = []
    for name, found in detail.items():
        if "error" in found:
            parts.append(f"{name}: {found['error']['message']}")
        else:
            parts.append(
                ngettext("{model}: {count} symbol", "{model}: {count} symbols", len(found)).format(model=name, count=len(found))
            )
    return "; ".join(parts) or _("no live model to ask")


def drift_report(models: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The state of each model with the reasons, its features and what came of its predictions."""
    lines: list[RenderableType] = []
    for found in models:
        lines.append(Text.assemble((f"{found['model_id']}: ", "bold"), (state_name(found["state"]), STYLE[found["state"]])))
        lines += [Text(f"  - {reason}") for reason in found["reasons"]]
        if found["features"]:
            lines.append(_features_table(found["features"]))
        if found["calibration"] is not None:
            figures = found["calibration"]
            lines.append(
                Text(
                    _(
                        "Predictions with a known outcome: {count}; Brier score {own}, of the class frequencies {plain};"
                        " said {confidence}, right {hits}."
                    ).format(
                        count=figures["outcomes"],
                        own=number(figures["brier"], 3),
                        plain=number(figures["brier_frequencies"], 3),
                        confidence=percent(figures["confidence"]),
                        hits=percent(figures["hits"]),
                    )
                )
            )
        if found["history"]:
            states = ", ".join(f"{day(item['session'])} {state_name(item['state'])}" for item in found["history"])
            lines.append(Text(_("Found by the daily run: {states}").format(states=states), style="dim"))
    return Group(*lines)


def _features_table(features: Mapping[str, Mapping[str, Any]]) -> Table:
    heads = (_("Feature"), _("PSI"), _("Limit"), _("Missing"), _("In training"))
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(head, justify="left" if head == heads[0] else "right")
    for name, item in sorted(features.items(), key=lambda pair: -(pair[1]["psi"] or 0.0)):
        table.add_row(
            Text(name),
            DASH if item["psi"] is None else number(item["psi"]),
            DASH if item["limit"] is None else number(item["limit"]),
            DASH if item["missing"] is None else percent(item["missing"]),
            percent(item["missing_then"]),
            style="red" if item["drifted"] else "",
        )
    return table
