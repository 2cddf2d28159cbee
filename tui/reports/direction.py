"""The direction of an index as Rich text for the terminal: the signal, its evaluation, its line in the daily run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _
from tui.format import DASH, day, number, percent

STYLE = {"met": "green", "met by luck": "yellow", "not met": "red"}


def direction_name(signal: int | None) -> str:
    """Up, down or abstain, with its arrow."""
    return {1: "▲ " + _("up"), 0: "▼ " + _("down"), None: "– " + _("abstain")}[signal]


def gate_name(verdict: str) -> str:
    """The verdict of the gate."""
    return {"met": _("met"), "not met": _("not met"), "met by luck": _("met by luck")}.get(verdict, verdict)


def signal_report(said: Mapping[str, Any]) -> RenderableType:
    """One signal in its JSON form: what is said, how sure, why, and what its gate says."""
    style = {1: "bold green", 0: "bold red", None: "bold"}[said["signal"]]
    head = Text.assemble(
        (f"{said['symbol']} {day(said['target_session'])}  ", "bold"),
        (direction_name(said["signal"]), style),
        f"  {DASH if said['signal'] is None else said['signal']}",
    )
    lines = [head, Text(said["label"], style="dim")]
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value in (
        (_("Chance of up"), _share(said["probability"])),
        (_("Baseline: share of up sessions"), _share(said["baseline"])),
        (_("Coverage: sessions on which something is said"), _share(said["coverage"])),
        (_("Model"), said["model"]),
        (_("Learnt from"), _("{count} sessions").format(count=number(said["rows"], 0))),
    ):
        table.add_row(Text(name), Text(str(value)))
    why = [Text(f"· {reason}") for reason in said["reasons"]]
    late = [] if said["timely"] else [Text(_("Said after its time, so it is not recorded."), style="dim")]
    monitoring = said["monitoring"]
    watched = [] if monitoring is None else [Text(f"· {reason}") for reason in monitoring["reasons"]]
    notes = [Text(f"· {text}", style="dim") for text in (*stale_series(said["series"]), *said["notices"])]
    parts: list[RenderableType] = [*lines, table, Text(_("Why"), style="bold"), *why, *_gate_lines(said["gate"])]
    if watched:
        parts += [Text(_("Monitoring over {count} sessions").format(count=monitoring["sessions"]), style="bold"), *watched]
    return Group(*parts, *([Text(_("Data"), style="bold"), *notes] if notes else []), *late)


def stale_series(series: Sequence[Mapping[str, Any]]) -> list[str]:
    """The series that lie behind the newest bar, in a sentence."""
    behind = [item for item in series if item["behind"] > 1]
    if not behind:
        return []
    listed = ", ".join(f"{item['name']} ({day(item['last'])})" for item in behind)
    return [_("Behind the index: {series}").format(series=listed)]


def _gate_lines(gate: Mapping[str, Any] | None) -> list[Text]:
    if gate is None:
        return [Text(_("Gate: never evaluated, so not met."), style="red")]
    head = Text.assemble(
        (
            _("Gate: {threshold} over the last {window} sessions").format(
                threshold=percent(gate["threshold"]), window=gate["window"]
            ),
            "bold",
        ),
        "  ",
        (gate_name(gate["verdict"]), STYLE.get(gate["verdict"], "")),
    )
    beside = ", ".join(f"{name} {percent(item['accuracy'])}" for name, item in gate["baselines"].items())
    same = [_("In the same window: {baselines}.").format(baselines=beside)] if beside else []
    return [head, *(Text(f"· {reason}") for reason in (*gate["reasons"], *same))]


def evaluation_report(found: Mapping[str, Any]) -> RenderableType:
    """An evaluation in its JSON form: a line for each decision time, then its gate and failed canaries."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    heads = (
        _("At"), _("Sessions"), _("Accuracy"), _("95 %"), _("Always up"), _("Balanced"), _("AUC"), _("Brier skill"), _("Windows >= 75 %"),
        _("Said on"), _("Then right"), _("Gate"),
    )  # fmt: skip
    for place, name in enumerate(heads):
        table.add_column(name, justify="left" if place in (0, 11) else "right")
    for item in found["decision_times"]:
        said, windows = item["abstention"], item["windows_30"]
        table.add_row(
            item["decision_time"],
            number(item["sessions"], 0),
            _share(item["accuracy"]),
            interval(item["interval"]),
            _share(item["baselines"]["always_up"]["accuracy"]),
            _share(item["balanced_accuracy"]),
            DASH if item["auc"] is None else number(item["auc"]),
            DASH if item["brier_skill"] is None else number(item["brier_skill"], 3),
            _share(windows["share_at_least_75"]),
            _share(said["coverage"]),
            _share(said["accuracy"]),
            Text(gate_name(item["gate"]["verdict"]), style=STYLE.get(item["gate"]["verdict"], "")),
        )
    lines: list[RenderableType] = [Text(found["symbol"], style="bold"), table]
    for item in found["decision_times"]:
        failed = [canary for canary in item["canaries"] if not canary["passed"]]
        lines += [Text(f"{item['decision_time']}: {canary['name']}: {canary['meaning']}", style="red") for canary in failed]
    lines += [Text(f"{time}: {why}", style="dim") for time, why in found["skipped"].items()]
    lines += [Text(text, style="dim") for text in (*stale_series(found["series"]), *found["notices"])]
    return Group(*lines)


def figures_line(item: Mapping[str, Any]) -> str:
    """One decision time as it is done."""
    return _("{time}: {accuracy} of {count} sessions, always up {up}, gate {gate}").format(
        time=item["decision_time"],
        accuracy=_share(item["accuracy"]),
        count=number(item["sessions"], 0),
        up=_share(item["baselines"]["always_up"]["accuracy"]),
        gate=gate_name(item["gate"]["verdict"]),
    )


def step_line(detail: Mapping[str, Any]) -> str:
    """The step of the daily run on one line."""
    said = [
        f"{item['symbol']} {day(item['target_session'])} {item['decision_time']}: {direction_name(item['signal'])}"
        f" ({_share(item['probability'])})"
        for item in detail["directions"]
    ]
    return ", ".join(said) or detail["skipped"]["message"]


def interval(pair: Sequence[float | None]) -> str:
    """Two shares as a range."""
    return DASH if None in pair else _("{low} to {high}").format(low=percent(pair[0]), high=percent(pair[1]))


def _share(value: float | None) -> str:
    return DASH if value is None else percent(value)
