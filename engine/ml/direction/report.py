"""The analysis of the direction as a document: data, columns, target and split, models, results, limits, each figure with its doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Progress, day_number, silent
from engine.errors import UsageError
from engine.i18n import _
from engine.ml.direction import analysis, plots, report_columns, report_data
from engine.ml.direction.data import load
from engine.ml.direction.document import Document
from engine.ml.direction.document import write as write_document
from engine.ml.direction.evaluate import SEED_MODEL
from engine.ml.direction.gate import Gate
from engine.ml.direction.models import ENSEMBLE, LEAST_ROWS, SEED_DEPTH, SEED_LEAF, SEED_TREE
from engine.ml.direction.openings import opening_caveat
from engine.ml.direction.times import ALL, CLOSE, OPEN, DecisionTime, parse
from engine.ml.direction.training import configuration, judged_gate
from engine.ml.direction.words import calendar_day, number_words, range_words, share_words
from engine.ml.scores import wilson
from engine.store.directions import StoredEvaluation, Trial, read_evaluation, record_trials
from engine.strategies.base import percent

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.domain import BoolArray, FloatArray, IntArray
    from engine.ml.direction.analysis import Split, Trialled, Untried
    from engine.ml.direction.data import IndexData

ENDINGS = (".md", ".html", ".htm")
STEPS = 4


def write(
    desk: Desk,
    symbol: str,
    path: Path,
    *,
    start: date | None = None,
    end: date | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the analysis of the stored sessions from `start` to `end`; {"symbol", "file", "sessions"}.

    Every model judged on the held-out sessions is counted in the ledger of trials. Raises UsageError for an ending that is neither
    .md nor .html, NoDataError for too few sessions, FileError when the file cannot be written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(
            _("The analysis cannot be written as {name}").format(name=path.name),
            _("Accepted endings: {list}.").format(list=", ".join(ENDINGS)),
        )
    data = load(desk.store, desk.calendar, symbol)
    parts = analysis.split(data, None if start is None else day_number(start), None if end is None else day_number(end))
    document = Document(_("Will {symbol} close higher tomorrow? An analysis").format(symbol=data.symbol))
    progress(0, STEPS)
    report_data.chapter(document, desk, data, parts)
    progress(1, STEPS)
    planned = analysis.plans(data)
    tried, untried = analysis.trials(data, parts, planned)
    progress(2, STEPS)
    report_columns.chapter(document, data, parts, planned, tried)
    progress(3, STEPS)
    _target(document, data, parts)
    _models(document, data, parts, untried)
    _results(document, desk, data, tried)
    _history(document, desk, data.symbol)
    _limits(document, desk, data.symbol)
    write_document(document, path)
    progress(STEPS, STEPS)
    return {"symbol": data.symbol, "file": str(path), "sessions": int(parts.rows.size)}


def _target(document: Document, data: IndexData, parts: Split) -> None:
    document.heading(_("3. The target and the split"))
    learnt, held = (data.session[rows] for rows in (parts.learnt, parts.held_out))
    document.points(
        [
            _("The target is 1 when the target session closes above the close before it, else 0: a tie is 0. The newest session has no"
              " target, as its close is not known: it is left out, not counted as 0."),
            _("Time is respected: {count} sessions from {first} to {last} are learnt from, and the last {held} ({begin} to {end}) are held"
              " out. Nothing is shuffled, and nothing was chosen by looking at them.").format(
                count=learnt.size, first=calendar_day(int(learnt[0])), last=calendar_day(int(learnt[-1])), held=held.size,
                begin=calendar_day(int(held[0])), end=calendar_day(int(held[-1])),
            ),
            _("Up on {before} of the sessions before and on {after} of those held out.").format(
                before=percent(float(data.label[parts.learnt].mean())), after=percent(float(data.label[parts.held_out].mean()))
            ),
            _("\"30 days\" is read as 30 sessions. 30 calendar days are about 21 sessions, of which 16 would do: chance alone does that more"
              " often."),
        ]
    )  # fmt: skip


def _models(document: Document, data: IndexData, parts: Split, untried: Sequence[Untried]) -> None:
    document.heading(_("4. The models, and why these"))
    least = LEAST_ROWS[ENSEMBLE]
    few = _(
        "Here {count} sessions can be learnt from, and the daily signal asks for {least}: the models after the close are fitted all the same,"
        " as they are, and none gives way to another. With so few sessions their figures are those of this file, and of nothing else."
    )
    document.points(
        [
            *([few.format(count=parts.learnt.size, least=least)] if parts.learnt.size < least else []),
            _("Baselines that need no model: always up, the majority so far, and the direction of the session before. A model that is not"
              " surely better than each of them has shown nothing."),
            _("The requirement's columns with one decision tree, as its authors planned: the documented starting point. A tree is easy to read"
              " and needs no scaling; it has depth {depth} and at least {leaf} sessions in a leaf, so that it cannot learn single days by heart.").format(
                depth=SEED_DEPTH, leaf=SEED_LEAF
            ),
            _("The ensemble, on the requirement's columns and on those after the close: the mean of a strongly shrunk logistic regression, a"
              " random forest and boosted trees. With a signal this weak, averaging models that err differently measured best, and"
              " probabilities are kept between 45 % and 57 %."),
            _("Before the opening: a shrunk logistic regression on what other markets did overnight."),
            _("At the opening and during the session: a logistic regression of one column, the move so far in usual daily moves. More columns"
              " added nothing."),
            *(_("Not tried on this file: {name}. {reason}").format(name=item.name, reason=item.reason) for item in untried),
            *([caveat] if (caveat := opening_caveat(data, DecisionTime(OPEN))) else []),
        ]
    )  # fmt: skip


def _results(document: Document, desk: Desk, data: IndexData, found: Sequence[Trialled]) -> None:
    document.heading(_("5. Results on the last 30 sessions"))
    fitted = [item for item in found if item.kind]
    record_trials(
        desk.store,
        [
            Trial(
                data.symbol, item.time, f"{configuration(item.kind, item.features, 0)} held out",
                int(item.session[0]), int(item.session[-1]), item.hits.size, int(item.hits.sum()),
            )
            for item in fitted
        ],
        desk.now(),
    )  # fmt: skip
    heads = (
        _("Model"), _("Learnt from"), _("Right"), _("Accuracy"), _("95 %"), _("Balanced accuracy"), _("MCC"), _("AUC"), _("Brier"),
        _("Brier skill"), _("Before, out of sample"),
    )  # fmt: skip
    document.table(heads, [_result_row(item) for item in found])
    document.text(
        _("\"Before, out of sample\" is a walk through the sessions before the held-out ones, each judged by a model that had learnt from"
          " earlier ones only: it rests on more sessions than the last 30, and says more.")
    )  # fmt: skip
    title = _("Accuracy on the last 30 sessions with 95 % intervals; dashed in red the 75 % that are asked for")
    accuracy, intervals = ([item.figures[key] for item in found] for key in ("accuracy", "interval"))
    names = [item.name for item in found]
    document.plot(title, plots.accuracies(names, accuracy, intervals, title, desk.settings.direction.threshold))
    title = _("Each of the last 30 sessions, the oldest at the left: right (+) or wrong (-)")
    document.plot(title, plots.strip([(item.name, item.hits) for item in found], title))
    for item in fitted:
        verdict = _gate_of(desk, data, item)
        label = verdict.verdict
        document.subheading(_("{name}: the gate is {verdict}").format(name=item.name, verdict=_(label)))
        caveat = opening_caveat(data, parse(item.time))
        document.points([*verdict.reasons, *([caveat] if caveat else [])])


def _result_row(item: Trialled) -> tuple[str, ...]:
    found = item.figures
    told = (number_words(found[name]) for name in ("balanced_accuracy", "mcc", "auc", "brier", "brier_skill"))
    before = "-" if item.before is None else _("{accuracy} of {count}").format(
        accuracy=percent(float(item.before.hits.mean())), count=item.before.rows.size
    )  # fmt: skip
    return (
        item.name, str(item.learnt) if item.kind else "-", f"{int(item.hits.sum())}/{item.hits.size}", percent(found["accuracy"]),
        range_words(found["interval"]), *told, before,
    )  # fmt: skip


def _gate_of(desk: Desk, data: IndexData, item: Trialled) -> Gate:
    """The gate over the held-out sessions, with the out-of-sample sessions before them as its history."""
    session, hits, label = _before(desk, data, item)
    y = np.concatenate([label, item.y])
    return judged_gate(
        desk, data.symbol, item.time, np.concatenate([session, item.session]), np.concatenate([hits, item.hits]), y,
        {"always_up": y > 0.5}, item.rate,
    )  # fmt: skip


def _before(desk: Desk, data: IndexData, item: Trialled) -> tuple[IntArray, BoolArray, FloatArray]:
    """Sessions, hits and outcomes of a model before the held-out sessions: of its newest kept evaluation or of the walk, the longer."""
    none = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_), np.zeros(0))
    walked = none if item.before is None else (data.session[item.before.rows], item.before.hits, item.before.y)
    kept = read_evaluation(desk.store, data.symbol, item.time)
    if kept is None:
        return walked
    held = kept.history
    session, label = np.array(held["session"], dtype=np.int64), np.array(held["label"], dtype=np.float64)
    if tuple(kept.evaluation["features"]) == item.features:
        called = np.array(held["probability"], dtype=np.float64) >= 0.5
    elif item.kind == SEED_TREE and SEED_MODEL in held["calls"]:
        called = np.array(held["calls"][SEED_MODEL], dtype=np.float64) > 0.5
    else:
        return walked
    earlier = session < item.session[0]
    judged = session[earlier], (called == (label > 0.5))[earlier], label[earlier]
    return max(walked, judged, key=lambda answers: answers[0].size)


def _history(document: Document, desk: Desk, symbol: str) -> None:
    """The newest kept evaluation of each decision time: what 30 sessions cannot say."""
    kept = [(time, read_evaluation(desk.store, symbol, time.text)) for time in ALL]
    done = [(time, item) for time, item in kept if item is not None]
    document.heading(_("6. The same question over years"))
    if not done:
        document.text(
            _("No decision time was evaluated on this history yet: `pregao direction evaluate` does it, in some minutes.")
        )
        return
    heads = (
        _("Decision time"), _("Sessions"), _("Accuracy"), _("95 %"), _("Always up"), _("Brier skill"), _("30-session windows >= 75 %"),
        _("Said on"), _("Then right"), _("Gate"),
    )  # fmt: skip
    document.table(heads, [_history_row(time, item) for time, item in done])
    figures = [item.evaluation for _time, item in done]
    document.plot(
        _("Accuracy by decision time, with 95 % intervals"),
        plots.shares(
            [time.text for time, _item in done], [item["accuracy"] for item in figures], [item["interval"] for item in figures],
            _("Accuracy by decision time"), desk.settings.direction.threshold,
        ),
    )  # fmt: skip
    for time, item in done:
        counts = item.evaluation["windows_30"]["counts"]
        newest = item.evaluation["windows_30"]["newest"]
        marked = None if newest is None else round(30 * newest)
        title = _("Hits in every window of 30 sessions, {time}; the newest in red").format(time=time.text)
        document.plot(
            title, plots.bars([str(hits) for hits in range(len(counts))], [float(count) for count in counts], title, marked)
        )
        bins = item.evaluation["calibration"]
        title = _("Calibration, {time}: what came against what was said").format(time=time.text)
        document.plot(title, plots.calibration([one["predicted"] for one in bins], [one["observed"] for one in bins], title))
        failed = [f"{canary['name']}: {canary['meaning']}" for canary in item.canaries if not canary["passed"]]
        document.points(failed or [_("{time}: every check against leaks and luck passed.").format(time=time.text)])


def _history_row(time: DecisionTime, item: StoredEvaluation) -> tuple[str, ...]:
    found = item.evaluation
    said, skill = found["abstention"], found["brier_skill"]
    label = found["gate"]["verdict"]
    return (
        time.text, str(found["sessions"]), percent(found["accuracy"]), range_words(found["interval"]),
        percent(found["baselines"]["always_up"]["accuracy"]), number_words(skill),
        share_words(found["windows_30"]["share_at_least_75"]), share_words(said["coverage"]), share_words(said["accuracy"]), _(label),
    )  # fmt: skip


def _limits(document: Document, desk: Desk, symbol: str) -> None:
    settings = desk.settings.direction
    needed = math.ceil(round(settings.threshold * settings.window, 9))
    low, high = wilson(needed / settings.window, settings.window)
    words = {"goal": percent(settings.threshold), "window": settings.window, "needed": needed}
    kept = {time: read_evaluation(desk.store, symbol, time.text) for time in ALL}
    accuracy = {time: item.evaluation["accuracy"] for time, item in kept.items() if item is not None}
    reached = [time for time, value in accuracy.items() if value >= settings.threshold]
    document.heading(_("7. Limits, and what would help"))
    points = []
    for time, value in accuracy.items():
        if time.name == CLOSE and kept[time].evaluation["windows_30"]["windows"]:  # type: ignore[union-attr]
            share = kept[time].evaluation["windows_30"]["share_at_least_75"]  # type: ignore[union-attr]
            points.append(
                _("After the close {goal} is not in reach: over the years the model is right on {value}, and {share} of the windows of 30"
                  " sessions reach 75 %. Where one does, it is luck.").format(value=percent(value), share=share_words(share), **words)
                if value < settings.threshold
                else _("After the close the model is right on {value}, which no honest model of a real index was: look for a leak.").format(
                    value=percent(value)
                )
            )  # fmt: skip
    if reached:
        points.append(
            _("Over the years {goal} on all sessions is reached from {time} on. It is then a nowcast of the session under way, and no"
              " longer a forecast of tomorrow.").format(time=reached[0].text, **words)
        )  # fmt: skip
    points += [
        _("Accuracy grows with what is known: before the opening, at the opening, during the session. Each decision time is a signal of its"
          " own, and they are never mixed."),
        _("{window} sessions prove little: {needed} hits are compatible with anything from {low} to {high}.").format(
            low=percent(low), high=percent(high), **words
        ),
        _("Accuracy is not profit: costs, the size of moves and the time of the fill are not part of it."),
        _("The level of prices, their means and the volume in points should give way to changes: what is learnt of a level is lost at the next"
          " new high. Columns that say the same add noise, not knowledge."),
        _("What would help: S&P futures and EWZ before the opening of B3, futures of the index from 9:00 on, a longer history of"
          " opening prices and of bars during the session."),
    ]  # fmt: skip
    document.points(points)
