"""The direction of an index as Rich text for the terminal: the signal, its evaluation, its line in the daily run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _
from tui.format import DASH, day, number, percent
from tui.names import baseline_name, regime_name
from tui.reports.table import plain_table

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
    left = {item["name"] for item in said.get("series_left_out") or ()}
    behind = stale_series([item for item in said["series"] if item["name"] not in left])
    told = (*series_lines(said), *behind, *said["notices"])
    notes = [Text(f"· {text}", style="dim") for text in told]
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


def series_lines(said: Mapping[str, Any]) -> list[str]:
    """The series of other markets that were learnt from, and those that were left out with the reason."""
    used = ", ".join(f"{item['name']} ({day(item['last'])})" for item in said.get("series_used") or ())
    lines = [_("Series used: {series}").format(series=used)] if used else []
    left: dict[str, list[str]] = {}
    for item in said.get("series_left_out") or ():
        last = "" if item["last"] is None else f" ({day(item['last'])})"
        left.setdefault(item["reason"], []).append(f"{item['name']}{last}")
    told = _("Series left out: {series}. {reason}")
    return [*lines, *(told.format(series=", ".join(names), reason=reason) for reason, names in left.items())]


def window_of(gate: Mapping[str, Any]) -> str:
    """The dates of the window that a gate looked at; empty where they are not known."""
    if not gate.get("first") or not gate.get("last"):
        return ""
    return _("{first} to {last}").format(first=day(gate["first"]), last=day(gate["last"]))


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
    dates = window_of(gate)
    if dates:
        head.append(f"  {dates}", style="dim")
    return [head, *(Text(f"· {reason}") for reason in gate_reasons(gate))]


def gate_reasons(gate: Mapping[str, Any]) -> list[str]:
    """Why a gate says what it says, with the baselines in its window and its place among the windows before."""
    beside = ", ".join(f"{baseline_name(name)} {_share(item['accuracy'])}" for name, item in gate["baselines"].items())
    same = [_("In the same window: {baselines}.").format(baselines=beside)] if beside else []
    place = gate.get("percentile")
    told = _("{share} of the {count} windows before have no more hits.")
    rank = [] if place is None else [told.format(share=percent(place), count=number(gate["windows"], 0))]
    return [*gate["reasons"], *same, *rank]


def evaluation_report(found: Mapping[str, Any], *, details: bool = False) -> RenderableType:
    """An evaluation in its JSON form: two lines for each decision time, its failed canaries, the series and what was skipped.

    details: also the gate, the differences to the baselines, accuracy by coverage, by year and by regime.
    """
    right = plain_table(
        _("At"), _("Sessions"), _("First"), _("Last"), _("Accuracy"), _("95 %"), _("Always up"), _("Gate"),
        right=(_("Sessions"), _("Accuracy"), _("95 %"), _("Always up")),
    )  # fmt: skip
    good = plain_table(
        _("At"), _("Balanced"), _("MCC"), _("AUC"), _("Brier"), _("Brier skill"), _("Windows >= 75 %"), _("Said on"), _("Then right"),
        left=1,
    )  # fmt: skip
    times = found["decision_times"]
    for item in times:
        said, verdict = item["abstention"], item["gate"]["verdict"]
        right.add_row(
            item["decision_time"], number(item["sessions"], 0), day(item["first"]), day(item["last"]), _share(item["accuracy"]),
            interval(item["interval"]), _share(item["baselines"]["always_up"]["accuracy"]), Text(gate_name(verdict), style=STYLE.get(verdict, "")),
        )  # fmt: skip
        good.add_row(
            item["decision_time"], _share(item["balanced_accuracy"]), _figure(item["mcc"]), _figure(item["auc"]), _figure(item["brier"]),
            _figure(item["brier_skill"]), _share(item["windows_30"]["share_at_least_75"]), _share(said["coverage"]), _share(said["accuracy"]),
        )  # fmt: skip
    lines: list[RenderableType] = [Text(found["symbol"], style="bold"), right, Text(), good]
    for item in times:
        failed = [canary for canary in item["canaries"] if not canary["passed"]]
        lines += [Text(f"{item['decision_time']}: {canary['name']}: {canary['meaning']}", style="red") for canary in failed]
        lines += [Text(f"{item['decision_time']}: {line}", style="dim") for line in series_lines(item)]
    lines += [
        Text(_("{time}: skipped. {reason}").format(time=time, reason=why), style="dim") for time, why in found["skipped"].items()
    ]
    behind = stale_series(found["series"]) if any(item.get("series_used") for item in times) else []
    lines += [Text(text, style="dim") for text in (*behind, *found["notices"])]
    if details:
        lines += [part for item in times for part in _details(item)]
    elif times:
        more = _("By year and regime, against each baseline, and every gate in full: `pregao direction evaluate --details`.")
        lines.append(Text(more, style="dim"))
    return Group(*lines)


def _details(item: Mapping[str, Any]) -> list[RenderableType]:
    """One decision time in full."""
    against = plain_table(_("Against"), _("Accuracy"), _("Difference in points"), _("95 %"), left=1)
    for name, held in item["difference_to"].items():
        low, high = held["interval"]
        against.add_row(
            baseline_name(name), _share(item["baselines"][name]["accuracy"]), _points(held["difference"]),
            _("{low} to {high}").format(low=_points(low), high=_points(high)),
        )  # fmt: skip
    coverage = {_share(row["coverage"]): row for row in item["selective"]}
    regimes = {regime_name(name): row for name, row in item["by_regime"].items()}
    parts: list[RenderableType] = [Text(), Text(item["label"], style="bold"), *_gate_lines(item["gate"]), against]
    for title, rows in ((_("Year"), item["by_year"]), (_("Regime"), regimes), (_("Coverage, the surest last"), coverage)):
        table = plain_table(title, _("Sessions"), _("Accuracy"), _("95 %"), left=1)
        for name, row in rows.items():
            table.add_row(name, number(row["n"], 0), _share(row["accuracy"]), interval(row["interval"]))
        parts.append(table)
    return parts


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


def _figure(value: float | None) -> str:
    return DASH if value is None else number(value, 3)


def _points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return DASH if value is None else f"{'+' if value > 0 else ''}{number(100 * value, 1)}"
