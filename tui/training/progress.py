"""A training while it runs, and afterwards: the folds beside their baseline, the search, and what was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from engine.domain import iso
from engine.i18n import _
from tui.names import status_name
from tui.quick_format import number
from tui.training.form import label_name
from tui.training.record import Record, Symbols, clock, place
from tui.widgets.learning_chart import Interval, IntervalChart
from tui.widgets.line_chart import LineChart

BAR = 20
NAN = float("nan")


class ProgressPanel(Vertical):
    """The accuracy of each fold with its interval, the log-loss of each trial, and the log, the newest line last."""

    DEFAULT_CSS = """
    ProgressPanel { height: 1fr; min-height: 3; }
    #training-folds { height: auto; min-height: 3; max-height: 60%; }
    #training-trials { height: 1fr; min-height: 4; }
    #training-log { height: 1fr; color: $secondary; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def compose(self) -> ComposeResult:
        legend = (_("accuracy, 95 %"), _("majority"))
        yield IntervalChart(legend, empty=_("No fold was judged yet."), id="training-folds")
        trials = LineChart(id="training-trials")
        trials.display = False
        yield trials
        yield Static(id="training-log")

    def show_result(self, shown: tuple[Record, Symbols] | None) -> None:
        """Draw this model of a training, or nothing."""
        record, symbols = shown if shown is not None else (None, ())
        self.query_one(IntervalChart).show(intervals(record, symbols) if record is not None else [])
        search = record.search(symbols) if record is not None else []
        chart = self.query_one(LineChart)
        chart.display = bool(search)
        if search:
            values, best = ([_float(trial[key]) for trial in search] for key in ("value", "best"))
            title = _("log-loss, {where}").format(where=place(search[-1]["fold"]))
            labels = (str(search[0]["number"]), str(search[-1]["number"]))
            chart.show([(values, title, "dim"), (best, _("best so far"), "accent")], labels)
        text = Text(no_wrap=True, overflow="ellipsis")
        for at, line in record.log if record is not None else ():
            text.append(f"{iso(at)[11:16]} ", style="dim").append(f"{line}\n")
        text.rstrip()
        log = self.query_one("#training-log", Static)
        self.call_after_refresh(lambda: log.update(_last_lines(text, log.size.height)))


def _last_lines(text: Text, count: int) -> Text:
    return Text("\n").join(list(text.split("\n"))[-count:]) if count else text


def _float(value: Any) -> float:
    return NAN if value is None else float(value)


def intervals(record: Record, symbols: Symbols) -> list[Interval]:
    """The folds of one model and, once there is a report, all of them together."""
    rows = [_interval(place(fold["fold"]), fold["metrics"], fold["metrics"]["baselines"]) for fold in record.folds(symbols)]
    report = record.report(symbols)
    if report is not None:
        rows.append(_interval(_("together"), report["metrics"], report["baselines"]))
    return rows


def _interval(label: str, metrics: Mapping[str, Any], baselines: Mapping[str, Any]) -> Interval:
    value, majority = _float(metrics["accuracy"]), _float(baselines["majority"]["accuracy"])
    low, high = map(_float, metrics["intervals"]["accuracy"])
    text = _("{accuracy} against {majority}").format(accuracy=_points(value), majority=_points(majority))
    auc, loss = _float(metrics["auc"]), _float(metrics["log_loss"])
    more = _("AUC {auc}, log-loss {loss}").format(auc=number(auc), loss=number(loss))
    return Interval(label, value, low, high, majority, text, more)


def _points(value: float) -> str:
    return number(value * 100, 1) + " %"


def title_text(record: Record, symbols: Symbols) -> Text:
    """Which training is shown."""
    name = record.model_id or _("Training {id}").format(id=record.job.id)
    return Text(f"{name}: {asked_line(record, symbols)}", style="bold")


def state_text(record: Record | None, symbols: Symbols, now: float, keys: Mapping[str, str]) -> Text:
    """How far the training is, or what came of it. keys: those in force of "run" and "again"."""
    text = Text()
    if record is None:
        return text.append(_("No training yet: choose what to train, then {key}.").format(key=keys["run"]), style="dim")
    job = record.job
    if job.active:
        return _running(record, now)
    report = record.report(symbols)
    took = clock(record.seconds(now))
    if report is not None:
        return _done(report, "" if record.model_id else f"({took})")
    text.append(f"✖ {status_name(job.status)} ({took})", style="bold red" if job.status in ("failed", "lost") else "bold")
    error = job.error or {}
    said = " ".join(str(error[key]) for key in ("message", "hint") if error.get(key))
    text.append(f"  {said}" if said else "")
    return text.append(f"\n{record.kept(keys['again'])}", style="dim")


def asked_line(record: Record, symbols: Symbols) -> str:
    """What the training was asked, on one line."""
    from tui.reports.training import model_name

    params = record.job.params
    horizon = (params.get("label_params") or {}).get("horizon")
    label = label_name(params.get("label") or "fixed") + (f" {horizon}" if horizon else "")
    named = " ".join(symbols[:4]) + (f" +{len(symbols) - 4}" if len(symbols) > 4 else "")
    series = f"{named} {params.get('timeframe') or '1d'}"
    return " · ".join([series, model_name(params.get("model") or "random_forest"), label])


def _running(record: Record, now: float) -> Text:
    job = record.job
    text = Text()
    if job.total:
        done = round(BAR * job.done / job.total)
        text.append("▓" * done + "░" * (BAR - done) + f" {job.done / job.total:.0%}  ")
    elif job.status == "queued":
        text.append(status_name(job.status) + "  ")
    text.append(f"{job.note}  {clock(record.seconds(now))}")
    left = record.seconds_left(now)
    if left is not None:
        text.append(" · " + _("about {time} left").format(time=clock(left)))
    if record.taken_over:
        places = ", ".join(place(event.payload["fold"]) for event in record.taken_over)
        text.append("\n" + _("Searched before: {places}").format(places=places), style="dim")
    return text


def _done(report: Mapping[str, Any], note: str) -> Text:
    verdict = report["verdict"]
    good = verdict["label"] == "skill"
    text = Text(f"{'✔' if good else '✖'} {_(verdict['label'])}", style="bold green" if good else "bold red")
    text.append(f"  {report['model_id'] or ''}  {note}".rstrip(), style="not bold dim")
    for reason in verdict["reasons"][:1]:
        text.append(f"\n  {reason}", style="none")
    return text
