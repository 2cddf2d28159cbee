"""The analysis of the direction as a document: data, columns, target and split, models, results, limits, each figure with its doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.domain import Progress, day_number, from_day_number, silent
from engine.errors import UsageError
from engine.i18n import _
from engine.ml.direction import analysis, plots
from engine.ml.direction.data import load
from engine.ml.direction.document import Document
from engine.ml.direction.document import write as write_document
from engine.ml.direction.gate import Gate
from engine.ml.direction.models import ENSEMBLE, LEAST_ROWS
from engine.ml.direction.times import ALL, CLOSE, DecisionTime
from engine.ml.direction.training import configuration, judged_gate
from engine.ml.direction.words import column_words, purpose
from engine.ml.scores import wilson
from engine.store.directions import StoredEvaluation, Trial, read_evaluation, record_trials
from engine.strategies.base import decimal, percent

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.ml.direction.analysis import Split, Trialled, Worth
    from engine.ml.direction.data import IndexData

ENDINGS = (".md", ".html", ".htm")
#: Columns after the close whose worth is shown; all are tried, and their number is told.
SHOWN = 15
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
    for at, chapter in enumerate((_exploration, _columns, _target, _models)):
        progress(at, STEPS + 2, "")
        chapter(document, data, parts)
    progress(STEPS, STEPS + 2, "")
    _results(document, desk, data, analysis.trials(data, parts))
    progress(STEPS + 1, STEPS + 2, "")
    _history(document, desk, data.symbol)
    _limits(document, desk, data.symbol)
    write_document(document, path)
    progress(STEPS + 2, STEPS + 2, "")
    return {"symbol": data.symbol, "file": str(path), "sessions": int(parts.rows.size)}


def _exploration(document: Document, data: IndexData, parts: Split) -> None:
    found = analysis.exploration(data, parts)
    document.heading(_("1. The data"))
    up, limit = found["up"], found["autocorrelation_limit"]
    document.text(
        _("{count} sessions of {symbol} from {first} to {last}; the last 30 are held out and not looked at here.").format(
            count=found["sessions"], symbol=data.symbol, first=_day(found["first"]), last=_day(found["last"])
        )
    )
    lags = ", ".join(decimal(value, 3) for value in found["autocorrelation"])
    points = [
        _("Up on {share} of the sessions ({low} to {high}); {ties} ties, which count as not up.").format(
            share=percent(up["accuracy"]), low=percent(up["interval"][0]), high=percent(up["interval"][1]), ties=found["ties"]
        ),
        _("A session moves by {deviation} (standard deviation), {mean} on average; fat tails: kurtosis {kurtosis}, 3 is normal.").format(
            deviation=percent(found["deviation"], 2), mean=percent(found["mean"], 3), kurtosis=decimal(found["kurtosis"], 1)
        ),
        _("Worst session: {worst} on {worst_day}; best: {best} on {best_day}.").format(
            worst=percent(found["worst"][1]), worst_day=_day(found["worst"][0]), best=percent(found["best"][1]), best_day=_day(found["best"][0])
        ),
        _("Autocorrelation of the returns at lags 1 to 5: {lags}; inside plus or minus {limit} it cannot be told from none.").format(
            lags=lags, limit=decimal(limit, 3)
        ),
        _("A session repeats the direction of the one before in {share} of cases ({low} to {high}).").format(
            share=percent(found["repeat"]["accuracy"]),
            low=percent(found["repeat"]["interval"][0]),
            high=percent(found["repeat"]["interval"][1]),
        ),
        _("On {share} of the sessions the opening equals the close before: there it is no opening price.").format(
            share=percent(found["opening_is_close"])
        ),
        _("{turnover} of the sessions have no turnover and {quantity} no quantity; the two are never mixed.").format(
            turnover=percent(found["without_turnover"]), quantity=percent(found["without_quantity"])
        ),
        *data.notices,
    ]  # fmt: skip
    document.points(points)
    rows = parts.learnt
    document.plot(
        _("Close by session"), plots.line(data.close[rows], _day(found["first"]), _day(found["last"]), _("Close by session"))
    )
    names = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"))
    weekday = found["weekday"]
    document.plot(
        _("Share of up sessions by weekday, with 95 % intervals"),
        plots.shares(
            [names[at] for at in weekday], [item["accuracy"] for item in weekday.values()],
            [item["interval"] for item in weekday.values()], _("Share of up sessions by weekday"), 0.5,
        ),
    )  # fmt: skip
    document.table(
        (_("Year"), _("Sessions"), _("Up"), _("95 %")),
        [(year, str(item["n"]), percent(item["accuracy"]), _interval(item["interval"])) for year, item in found["year"].items()],
    )


def _columns(document: Document, data: IndexData, parts: Split) -> None:
    document.heading(_("2. The columns: what for, and with what evidence"))
    document.text(
        _("Each column is judged by itself on the sessions before the held-out ones. The area under the ROC curve is the chance that a"
          " session that rose had the higher value: 0.5 is nothing, and |z| above 2 comes by itself in one column of twenty.")
    )  # fmt: skip
    seed, usual = analysis.worth(data, parts, seed=True), analysis.worth(data, parts, seed=False)
    document.text(_("The requirement's own columns:"))
    _worth_table(document, seed)
    document.text(
        _("Prices, their means and volume in points say where the index stands, not where it goes: a tree that splits on a level of the"
          " past meets levels it has never seen as soon as the index makes a new high. The return and its lags are the memory, and the"
          " table says what that memory is worth.")
    )  # fmt: skip
    document.text(
        _("The columns after the close, the {shown} strongest of {count}:").format(shown=min(SHOWN, len(usual)), count=len(usual))
    )
    _worth_table(document, usual[:SHOWN])
    unusual = sum(abs(item.z) > analysis.UNUSUAL for item in usual)
    document.text(
        _("{found} of {count} columns have |z| above 2; {expected} would by chance alone.").format(
            found=unusual, count=len(usual), expected=decimal(0.05 * len(usual), 1)
        )
    )


def _worth_table(document: Document, found: Sequence[Worth]) -> None:
    document.table(
        (_("Column"), _("What for"), _("Sessions"), _("AUC"), _("z")),
        [
            (
                column_words(item.name), purpose(item.name), str(item.rows),
                decimal(item.auc, 3) if math.isfinite(item.auc) else "-", decimal(item.z, 1) if math.isfinite(item.z) else "-",
            )
            for item in found
        ],
    )  # fmt: skip


def _target(document: Document, data: IndexData, parts: Split) -> None:
    document.heading(_("3. The target and the split"))
    learnt, held = (data.session[rows] for rows in (parts.learnt, parts.held_out))
    document.points(
        [
            _("The target is 1 when the target session closes above the close before it, else 0: a tie is 0. The newest session has no"
              " target, as its close is not known: it is left out, not counted as 0."),
            _("Time is respected: {count} sessions from {first} to {last} are learnt from, and the last {held} ({begin} to {end}) are held"
              " out. Nothing is shuffled, and nothing was chosen by looking at them.").format(
                count=learnt.size, first=_day(int(learnt[0])), last=_day(int(learnt[-1])), held=held.size,
                begin=_day(int(held[0])), end=_day(int(held[-1])),
            ),
            _("Up on {before} of the sessions before and on {after} of those held out.").format(
                before=percent(float(data.label[parts.learnt].mean())), after=percent(float(data.label[parts.held_out].mean()))
            ),
            _("\"30 days\" is read as 30 sessions. 30 calendar days are about 21 sessions, of which 16 would do: chance alone does that more"
              " often."),
        ]
    )  # fmt: skip


def _models(document: Document, _data: IndexData, parts: Split) -> None:
    document.heading(_("4. The models, and why these"))
    least = LEAST_ROWS[ENSEMBLE]
    few = _(
        "Here fewer than {least} sessions can be learnt from: trees would learn them by heart, and a logistic regression stands in."
    )
    document.points(
        [
            *([few.format(least=least)] if parts.learnt.size < least else []),
            _("Baselines that need no model: always up, the majority so far, and the direction of the session before. A model that is not"
              " surely better than each of them has shown nothing."),
            _("The requirement's columns with one decision tree, as its authors planned: the documented starting point."),
            _("After the close: the mean of a strongly shrunk logistic regression, a random forest and boosted trees. With a signal this weak,"
              " averaging models that err differently measured best, and probabilities are kept between 45 % and 57 %."),
            _("Before the opening: a shrunk logistic regression on what other markets did overnight."),
            _("At the opening and during the session: a logistic regression of one column, the move so far in usual daily moves. More columns"
              " added nothing."),
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
    rows = []
    for item in found:
        figures = item.figures
        told = [
            decimal(figures[name], 3) if math.isfinite(figures[name]) else "-"
            for name in ("balanced_accuracy", "mcc", "auc", "brier")
        ]
        rows.append(
            (
                item.name,
                f"{int(item.hits.sum())}/{item.hits.size}",
                percent(figures["accuracy"]),
                _interval(figures["interval"]),
                *told,
            )
        )
    heads = (_("Model"), _("Right"), _("Accuracy"), _("95 %"), _("Balanced accuracy"), _("MCC"), _("AUC"), _("Brier"))
    document.table(heads, rows)
    document.plot(
        _("Each of the last 30 sessions: right (+) or wrong (-)"),
        plots.strip([(f"{item.time} {item.kind or item.name}"[:24], item.hits) for item in found], _("Right and wrong")),
    )
    document.plot(
        _("Accuracy with 95 % intervals; dashed in red the 75 % that are asked for"),
        plots.shares(
            [f"{item.time}/{item.kind or '-'}"[:12] for item in found], [item.figures["accuracy"] for item in found],
            [item.figures["interval"] for item in found], _("Accuracy"), desk.settings.direction.threshold,
        ),
    )  # fmt: skip
    for item in fitted:
        verdict = _gate_of(desk, data, item)
        label = verdict.verdict
        document.text(_("{name}: the gate is {verdict}.").format(name=item.name, verdict=_(label)))
        document.points(verdict.reasons)


def _gate_of(desk: Desk, data: IndexData, item: Trialled) -> Gate:
    return judged_gate(desk, data.symbol, item.time, item.session, item.hits, item.y, {"always_up": item.y > 0.5}, item.rate)


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
        time.text, str(found["sessions"]), percent(found["accuracy"]), _interval(found["interval"]),
        percent(found["baselines"]["always_up"]["accuracy"]), "-" if skill is None else decimal(skill, 3),
        _share(found["windows_30"]["share_at_least_75"]), _share(said["coverage"]), _share(said["accuracy"]), _(label),
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
        if time.name == CLOSE:
            share = kept[time].evaluation["windows_30"]["share_at_least_75"]  # type: ignore[union-attr]
            points.append(
                _("After the close {goal} is not in reach: over the years the model is right on {value}, and {share} of the windows of 30"
                  " sessions reach 75 %. Where one does, it is luck.").format(value=percent(value), share=_share(share), **words)
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
        _("What would help: S&P futures and EWZ before the opening of B3, futures of the index from 9:00 on, a longer history of"
          " opening prices and of bars during the session."),
    ]  # fmt: skip
    document.points(points)


def _day(number: int) -> str:
    return from_day_number(number).isoformat()


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _interval(pair: Sequence[float | None]) -> str:
    low, high = pair
    return (
        "-"
        if low is None or high is None or math.isnan(low)
        else _("{low} to {high}").format(low=percent(low), high=percent(high))
    )
