"""The kinds of jobs: what each takes as plain JSON and gives back as plain JSON. The work itself is in `engine.jobs.work`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.domain import Progress
from engine.errors import PregaoError, UsageError
from engine.i18n import _, ngettext

if TYPE_CHECKING:
    from engine.backtest.execution import Execution
    from engine.desk import Desk
    from engine.ingestion.importer import FileReport

Emit = Callable[[str, dict[str, Any]], None]
Kind = Callable[["Desk", dict[str, Any], Progress, Emit], dict[str, Any]]

NAMED = 4
#: How much a backtest's `capital` may be, R$.
MOST_CAPITAL = 1e12

#: What a training takes as it is, and the field of the plan that it is.
PLANNED = {
    "model": "kind",
    "select": "select_k",
    **{name: name for name in ("label", "label_params", "folds", "trials", "balance", "seed")},
}


class Cancelled(Exception):
    """The work was asked to stop and stopped at a progress call; what was finished before stays."""


class Failed(Exception):
    """The work failed, and its result says more than the error."""

    def __init__(self, error: PregaoError, result: dict[str, Any]) -> None:
        super().__init__(error.message)
        self.error = error
        self.result = result


def _checked(params: Mapping[str, Any], accepted: Mapping[str, type | tuple[type, ...]]) -> None:
    """Raises UsageError for a parameter that is not in `accepted`, or of another type; None means: not said."""
    for name, value in params.items():
        if name not in accepted:
            raise UsageError(
                _("A job of this kind takes no {name}").format(name=name), _("Accepted: {list}.").format(list=", ".join(accepted))
            )
        if value is not None and not isinstance(value, accepted[name]):
            raise UsageError(_("{name} of a job cannot be {value}").format(name=name, value=repr(value)[:60]))


def _words(params: Mapping[str, Any], name: str) -> list[str]:
    """A list of at least one text. Raises UsageError."""
    words = params.get(name) or []
    if not words or not all(isinstance(word, str) for word in words):
        raise UsageError(_("{name} of a job must be a list of texts").format(name=name))
    return list(words)


def _word(params: Mapping[str, Any], name: str) -> str:
    """A text that must be given. Raises UsageError."""
    if not params.get(name):
        raise UsageError(_("A job of this kind needs {name}").format(name=name))
    return str(params[name])


def import_job(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    """paths (files, folders, globs) and, each optional, symbol, timeframe, price_base, mapping, markets, series, column, force.

    {"files": [...]} as of `pregao import --json`; each report is also emitted as `file` when it is made. Fails with the first
    error when every file was refused. Cancelled between files, those before stay imported; within one, nothing of it is.
    """
    from engine.ingestion.importer import expand
    from engine.jobs import work

    texts = ("symbol", "timeframe", "price_base", "mapping", "series", "column")
    _checked(params, {"paths": list, "markets": list, "force": bool, **dict.fromkeys(texts, str)})
    work.refuse_demo(desk)
    paths = expand(_words(params, "paths"))
    if params.get("series"):
        report = work.import_values(desk, paths, params["series"], params.get("column") or "", force=bool(params.get("force")))
        return {"files": [report.as_dict()]}
    said: dict[str, Any] = {name: params.get(name) or "" for name in texts[:4]}
    markets = _words(params, "markets") if params.get("markets") else []
    options = work.import_options(desk, markets=markets, **said)
    return _reported(work.import_paths(desk, paths, options, progress=progress, on_report=_file_emitter(emit)))


def fetch_job(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    """periods, as `pregao fetch cotahist` takes them; the result is that of an import. A download that is cut is resumed."""
    from engine.jobs import work

    _checked(params, {"periods": list})
    paths = work.download(desk, _words(params, "periods"), progress)
    options = work.import_options(desk)
    return _reported(work.import_paths(desk, paths, options, progress=progress, on_report=_file_emitter(emit)))


def _file_emitter(emit: Emit) -> Callable[[FileReport], None]:
    return lambda report: emit("file", report.as_dict())


def _reported(reports: list[FileReport]) -> dict[str, Any]:
    errors = [report.error for report in reports if report.error is not None]
    result = {"files": [report.as_dict() for report in reports]}
    if errors and len(errors) == len(reports):
        raise Failed(errors[0], result)
    return result


def backtest_job(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    """symbols and, each optional, strategy, params, timeframe, from, to, capital, costs, execution (fields of `Execution`, over
    those of the settings).

    {"results": [...]} as of `pregao backtest --json`, without equity curves. A symbol without bars for the question is emitted as
    `skipped` and left out while another has some; when none has, the job fails with its error.
    """
    from engine import strategies
    from engine.errors import NoDataError
    from engine.jobs import work
    from engine.market import asked

    texts = ("strategy", "timeframe", "from", "to", "costs")
    _checked(params, {"symbols": list, "params": dict, "execution": dict, "capital": (int, float), **dict.fromkeys(texts, str)})
    symbols = asked.symbols(_words(params, "symbols"))
    timeframe = asked.timeframe(params.get("timeframe") or "1d")
    start, end = asked.day_bounds(params.get("from") or "", params.get("to") or "")
    capital, costs = params.get("capital"), params.get("costs") or None
    if capital is not None and not 0 < capital <= MOST_CAPITAL:
        raise UsageError(_("--capital takes an amount above 0"))
    if costs not in (None, "b3", "none"):
        raise UsageError(
            _("There is no schedule of costs {name}").format(name=costs), _("Accepted: {list}.").format(list="b3, none")
        )
    execution = _execution(desk, params.get("execution") or {})
    name = params.get("strategy") or desk.settings.daily.strategy
    strategy = strategies.get(name, params.get("params") or {}, desk.workspace.strategies)
    results: list[dict[str, Any]] = []
    missing: list[PregaoError] = []
    for count, symbol in enumerate(symbols):
        progress(count, len(symbols), symbol)
        try:
            (result,) = work.backtest_symbols(
                *(desk, [symbol], strategy),
                timeframe=timeframe,
                start=start,
                end=end,
                capital=capital,
                costs=costs,
                execution=execution,
            )
        except NoDataError as error:
            missing.append(error)
            emit("skipped", {"symbol": symbol, "error": error.as_dict()})
            continue
        results.append({**result.as_dict(), "demo": desk.workspace.demo})
    if missing and not results:
        raise missing[0]
    return {"results": results, "demo": desk.workspace.demo}


def _execution(desk: Desk, asked: Mapping[str, Any]) -> Execution:
    """The orders of the settings with what is asked put over them. Raises UsageError."""
    from engine.backtest.execution import Execution

    held = desk.settings.orders.model_dump()
    _checked(asked, {name: (int, float) if isinstance(value, float) else type(value) for name, value in held.items()})
    return Execution(**{**held, **{name: value for name, value in asked.items() if value is not None}})


def daily_job(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:  # noqa: ARG001
    """as_of, optional: a past session to replay; at, optional: its decision time. The report as of `pregao --run-daily --json`; every step is resumable."""
    from engine.daily import run_daily
    from engine.jobs import work
    from engine.market import asked
    from engine.store.ledger import end_run

    _checked(params, {"as_of": str, "at": str})
    as_of = asked.parse_day(params["as_of"], "--as-of") if params.get("as_of") else None
    plan = work.plan_day(desk, as_of, progress, params.get("at") or "")
    try:
        return run_daily(plan).as_dict()
    except Cancelled:
        end_run(desk.store, plan.run_id, "cancelled", desk.store.snapshot(), desk.now())
        raise


def train_job(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    """symbols and, each optional, model, pooled (one model of all symbols, else one each), label, label_params, features, groups,
    folds, trials, select, balance, strategy, timeframe, from, to, seed, name.

    {"trainings": [...], "skipped": [{"symbols", "error"}]}, each training as of `pregao train signals --json`. Emits "fold" and "trial" as `engine.ml.training.train` does, with
    "symbols", and "trained" with each model's id. Symbols that have too few bars are emitted as "skipped" and left out while others
    have enough. Cancelled between fits, the models that were saved before stay.
    """
    from engine.errors import NoDataError
    from engine.features.catalogue import select
    from engine.jobs import learning
    from engine.market import asked
    from engine.ml.training import TrainingPlan

    texts = ("model", "label", "strategy", "timeframe", "from", "to", "name")
    numbers = ("folds", "trials", "select", "seed")
    lists = ("symbols", "features", "groups")
    accepted: dict[str, type] = {**dict.fromkeys(texts, str), **dict.fromkeys(numbers, int), **dict.fromkeys(lists, list)}
    _checked(params, {**accepted, "pooled": bool, "balance": bool, "label_params": dict})
    said = {name: value for name, value in params.items() if value is not None}
    symbols = asked.symbols(_words(said, "symbols"))
    groups, names = (_words(said, key) if said.get(key) else None for key in ("groups", "features"))
    start, end = asked.day_bounds(said.get("from", ""), said.get("to", ""))
    strategy = learning.base_strategy(desk, said.get("strategy", ""))
    plan = TrainingPlan(
        symbols=tuple(symbols),
        features=tuple(feature.name for feature in select(groups, names)),
        **{field: said[name] for name, field in PLANNED.items() if name in said},
    )
    groups_of = [plan.symbols] if said.get("pooled", False) else [(symbol,) for symbol in plan.symbols]
    done: list[dict[str, Any]] = []
    skipped: list[dict[str, Any]] = []
    for at, group in enumerate(groups_of):
        try:
            report = learning.train_signals(
                desk,
                replace(plan, symbols=group),
                strategy=strategy,
                timeframe=asked.timeframe(said.get("timeframe", "1d")),
                start=start,
                end=end,
                name=said.get("name", ""),
                progress=_share(progress, at, len(groups_of)),
                emit=_named_emitter(emit, group),
            )
        except NoDataError as error:
            if len(groups_of) == 1:
                raise
            skipped.append({"symbols": list(group), "error": error.as_dict()})
            emit("skipped", skipped[-1])
            missing = error
            continue
        emit("trained", {"symbols": list(group), "model_id": report["model_id"]})
        done.append(report)
    if not done:
        raise missing
    return {"trainings": done, "skipped": skipped, "demo": desk.workspace.demo}


def _share(progress: Progress, at: int, parts: int) -> Progress:
    """The progress of one of several equal parts as that of the whole."""

    def report(done: int, total: int | None, note: str = "") -> None:
        progress(done if total is None else at * total + done, None if total is None else parts * total, note)

    return report


def _named_emitter(emit: Emit, symbols: Sequence[str]) -> Emit:
    return lambda kind, payload: emit(kind, {"symbols": list(symbols), **payload})


def promote_job(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:  # noqa: ARG001
    """model_id: the model to make live. The result is that of `saved_models.promote`."""
    from engine.jobs import saved_models

    _checked(params, {"model_id": str})
    return saved_models.promote(desk, _word(params, "model_id"))


def explain_job(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:  # noqa: ARG001
    """model_id and symbol, whose newest bar is explained. The result is that of `saved_models.explain_newest`."""
    from engine.jobs import saved_models
    from engine.market import asked

    _checked(params, {"model_id": str, "symbol": str})
    (symbol,) = asked.symbols([_word(params, "symbol")])
    return saved_models.explain_newest(desk, _word(params, "model_id"), symbol)


def direction_job(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    """do ("signal", "evaluate" or "report") and, each optional, symbol and, for a signal, at, price, as_of; for an evaluation, times
    and from; for a report, out (which it needs), from and to.

    The result is that of `say`, `evaluate` or `write_up` in `engine.jobs.direction`. An evaluation emits "decision_time" with the
    figures of each as it is kept; cancelled, those before stay.
    """
    from pathlib import Path

    from engine.jobs import direction
    from engine.market import asked

    texts = ("do", "symbol", "at", "as_of", "from", "to", "out")
    _checked(params, {**dict.fromkeys(texts, str), "times": list, "price": (int, float)})
    said = {name: value for name, value in params.items() if value is not None}
    days = {
        name: asked.parse_day(said[name], f"--{name.replace('_', '-')}") for name in ("as_of", "from", "to") if said.get(name)
    }
    symbol, do = said.get("symbol", ""), said.get("do", "signal")
    if do == "signal":
        return direction.say(desk, symbol, said.get("at", "close"), said.get("price"), days.get("as_of"))
    if do == "evaluate":
        times = _words(said, "times") if said.get("times") else []
        return direction.evaluate(desk, symbol, times, days.get("from"), progress, emit)
    if do == "report":
        return direction.write_up(desk, symbol, Path(_word(said, "out")), days.get("from"), days.get("to"), progress)
    raise UsageError(_("{name} of a job cannot be {value}").format(name="do", value=repr(do)[:60]))


KINDS: Mapping[str, Kind] = {
    "import": import_job,
    "fetch": fetch_job,
    "backtest": backtest_job,
    "daily": daily_job,
    "train": train_job,
    "promote": promote_job,
    "explain": explain_job,
    "direction": direction_job,
}


def summary(kind: str, result: Mapping[str, Any]) -> str:
    """What came of a job in one line, for lists, which do not read results; empty when there is nothing to say."""
    if kind in ("import", "fetch"):
        files = [item for item in result["files"] if item["error"] is None]
        names = list(dict.fromkeys(symbol for item in files for symbol in item["symbols"]))
        listed = ", ".join(names[:NAMED]) + (" ..." if len(names) > NAMED else "")
        written, unchanged = sum(item["written"] for item in files), sum(item["unchanged"] for item in files)
        refused = len(result["files"]) - len(files)
        text = _("{names}: {written} bars written, {unchanged} unchanged").format(
            names=listed, written=written, unchanged=unchanged
        )
        more = ngettext("{count} file refused", "{count} files refused", refused).format(count=refused)
        return f"{text}, {more}" if refused else text
    if kind == "backtest":
        count = len(result["results"])
        return ngettext("{count} backtest", "{count} backtests", count).format(count=count)
    if kind == "train":
        return ", ".join(f"{item['model_id']} ({_(item['verdict']['label'])})" for item in result["trainings"][:NAMED])
    if kind in ("promote", "explain"):
        return str(result["model_id"])
    if kind == "direction":
        return _direction_summary(result)
    if kind == "daily":
        states = {"done": _("done"), "stale": _("stale data"), "partial": _("partly done"), "failed": _("failed")}
        return f"{result['run_id']} {states[result['status']]}"
    return ""


def _direction_summary(result: Mapping[str, Any]) -> str:
    if "decision_times" in result:
        return ", ".join(f"{item['decision_time']} {100 * item['accuracy']:.1f} %" for item in result["decision_times"][:NAMED])
    if "file" in result:
        return str(result["file"])
    says = {1: _("up"), 0: _("down"), None: _("nothing said")}[result["signal"]]
    return f"{result['symbol']} {result['target_session']} {result['decision_time']}: {says}"
