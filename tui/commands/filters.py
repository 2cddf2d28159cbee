"""A model's filter on a backtest or a signal: `--filter`, `--model`, `--threshold`, `--explain`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.domain import Progress, Signal
    from engine.ml.filtered_backtest import FilteredBacktest
    from engine.ml.live import LiveModel
    from engine.strategies import Strategy

WALK_FORWARD = "walk-forward"
FAMILIES = ("random_forest", "xgboost")


def add_backtest_filter(parser: argparse.ArgumentParser) -> None:
    text = _(
        "take only signals that a model confirms: a model's id, latest, or walk-forward for one that is re-fitted on the past"
    )
    parser.add_argument("--filter", metavar="MODEL", help=text)
    parser.add_argument("--model", choices=FAMILIES, help=_("with --filter walk-forward: the family (default random_forest)"))
    parser.add_argument(
        "--refit", type=int, metavar="BARS", help=_("with --filter walk-forward: bars between two fits (default 63)")
    )
    add_threshold(parser)


def add_signal_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="ID", help=_("take the signal only if this model confirms it: its id, or latest"))
    add_threshold(parser)
    parser.add_argument("--explain", action="store_true", help=_("with --model: what each feature adds to its answer"))


def add_threshold(parser: argparse.ArgumentParser) -> None:
    text = _("how probable the model must find it, 0 to 1 (default: the model's own; 0.6 for walk-forward)")
    parser.add_argument("--threshold", type=float, metavar="P", help=text)


def check_backtest_filter(arguments: argparse.Namespace) -> None:
    """Raises UsageError for options that do not go together."""
    if arguments.filter is None:
        for option in ("model", "refit", "threshold"):
            if getattr(arguments, option) is not None:
                raise UsageError(
                    _("--{option} goes with --filter").format(option=option),
                    _("Example: {example}").format(example="pregao backtest PETR4 --filter walk-forward"),
                )
        return
    if arguments.filter != WALK_FORWARD and (arguments.model or arguments.refit is not None):
        raise UsageError(_("--model and --refit go with --filter walk-forward; a saved model is as it is"))
    if arguments.one_account:
        raise UsageError(_("--filter goes with symbols each on its own account"), _("Leave out --one-account or --filter."))
    check_threshold(arguments.threshold)


def check_signal_filter(arguments: argparse.Namespace) -> None:
    """Raises UsageError for options that do not go together."""
    if arguments.model is None and (arguments.explain or arguments.threshold is not None):
        raise UsageError(
            _("--threshold and --explain go with --model"),
            _("Example: {example}").format(example="pregao signal PETR4 --model latest --explain"),
        )
    check_threshold(arguments.threshold)


def check_threshold(value: float | None) -> None:
    if value is not None:
        from engine.ml.filtering import checked_threshold

        checked_threshold(value)


def filtered_backtest(
    arguments: argparse.Namespace, desk: Desk, symbol: str, strategy: Strategy, question: dict[str, Any], progress: Progress
) -> FilteredBacktest:
    """One symbol with the filter that the line names; `question` as in `run_filtered`."""
    from engine.ml.filtered_backtest import run_filtered
    from engine.ml.filtering import THRESHOLD, MLEnhancedStrategy, Remembered
    from engine.ml.live import load_live
    from engine.ml.walk_forward import REFIT, WalkForwardPlan, walk_forward_probabilities

    if arguments.filter == WALK_FORWARD:
        refit = REFIT if arguments.refit is None else arguments.refit
        plan = WalkForwardPlan(kind=arguments.model or FAMILIES[0], refit=refit)
        name, own = f"{WALK_FORWARD} {plan.kind} {plan.refit}", THRESHOLD
        asked = Remembered(lambda bars: walk_forward_probabilities(bars, plan, progress))
    else:
        live = load_live(desk.workspace.models, desk.store, arguments.filter, symbol, question["timeframe"])
        name, own, asked = live.name, live.threshold, Remembered(live.probabilities)
    threshold = own if arguments.threshold is None else arguments.threshold
    wrapped = MLEnhancedStrategy(strategy, asked, threshold, name)
    return run_filtered(desk.store, desk.settings, symbol, wrapped, now=desk.now(), proofs=desk.workspace.cache, **question)


def opinions(
    arguments: argparse.Namespace, desk: Desk, wanted: list[str], strategy: Strategy | None, timeframe: str
) -> tuple[list[Signal], list[Any]]:
    """The signal of each symbol after the model's opinion and, if asked for, the explanation of the model's answer to each."""
    from engine.ml.live import filtered_signal

    live_of = _models(arguments, desk, timeframe)
    found: list[Signal] = []
    explained: list[Any] = []
    for symbol in wanted:
        live = live_of(symbol)
        given = filtered_signal(
            *(desk.store, desk.calendar, desk.settings, symbol, strategy, live),
            timeframe=timeframe,
            now=desk.now(),
            threshold=arguments.threshold,
        )
        found.append(given)
        if arguments.explain:
            explained.append(_explanation(desk, live, symbol, timeframe))
    return found, explained


def _models(arguments: argparse.Namespace, desk: Desk, timeframe: str) -> Callable[[str], LiveModel]:
    from engine.ml.live import load_live

    return lambda symbol: load_live(desk.workspace.models, desk.store, arguments.model, symbol, timeframe)


def _explanation(desk: Desk, live: LiveModel, symbol: str, timeframe: str) -> dict[str, Any]:
    """{"symbol", "model", "explanation"}: what speaks for the most probable class at the newest finished bar."""
    from engine.ml.explain import explain
    from engine.ml.live import newest_inputs

    return {
        "symbol": symbol,
        "model": live.name,
        "explanation": explain(live.model, newest_inputs(live, desk.store, symbol, timeframe)),
    }
