"""The look-ahead proof on the command line."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, desk_of, is_json, symbols, timeframe
from tui.output import console, demo_banner, print_json, progress_bar

if TYPE_CHECKING:
    from engine.backtest.lookahead import Checked
    from engine.domain import Bars, Progress

#: Something sees the future, or nothing was proved about what was asked.
VIOLATED = 4
#: From this many bars on, a second process is worth its start.
SHARED_FROM = 1_500


def add_commands(commands: Any, common: Any) -> None:
    parser = add(
        commands,
        common,
        "lookahead",
        _("prove that strategies and indicators, or a file of yours, do not see the future"),
        "pregao lookahead my_strategy.py --symbol PETR4",
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE.py", help=_("a Python file with a strategy, or with a function compute(bars); it is run")
    )
    parser.add_argument("--strategy", metavar="NAME", help=_("one strategy only (default: all, and all indicators)"))
    parser.add_argument("--features", action="store_true", help=_("all features of the catalogue instead"))
    parser.add_argument("--symbol", metavar="SYMBOL", help=_("the stored bars to check on (default: a made random walk)"))
    parser.add_argument("--timeframe", metavar="TF", help=_("1m, 5m, 15m, 30m, 60m, 1d or 1w (default 1d)"))
    parser.add_argument("--bars", type=int, metavar="N", help=_("check on the newest N bars (default 5000)"))
    parser.set_defaults(run=run_lookahead)


def run_lookahead(arguments: argparse.Namespace) -> int:
    if arguments.file and arguments.strategy:
        raise UsageError(_("Give a file or --strategy, not both"))
    if arguments.features and (arguments.file or arguments.strategy):
        raise UsageError(_("--features goes with neither a file nor --strategy"))
    if arguments.timeframe and not arguments.symbol:
        raise UsageError(_("--timeframe goes with --symbol"))
    if arguments.bars is not None and not 2 <= arguments.bars <= 1_000_000:
        raise UsageError(_("--bars takes a whole number from 2 to 1000000"))
    bars, demo = _bars(arguments)
    with redirect_stdout(sys.stderr), progress_bar(_("Checking"), quiet=is_json(arguments)) as progress:
        checked = _proofs(arguments, bars, progress)
    if is_json(arguments):
        print_json({"checked": [item.as_dict() for item in checked], "demo": demo})
    else:
        from tui.reports.lookahead import lookahead_report

        demo_banner(demo)
        console().print(lookahead_report(checked, bars, stored=bool(arguments.symbol)))
    passed = [item.passed for item in checked]
    named = bool(arguments.file or arguments.strategy)
    return VIOLATED if False in passed or True not in passed or (named and None in passed) else 0


def _proofs(arguments: argparse.Namespace, bars: Bars, progress: Progress) -> list[Checked]:
    from engine import strategies
    from engine.backtest.proofs import prove, prove_built_ins, remember
    from engine.backtest.subjects import built_ins, feature_subjects, load_subjects, strategy_subject
    from tui.cli import find

    if not arguments.file and not arguments.strategy:
        made = feature_subjects if arguments.features else built_ins
        return prove_built_ins(bars, min(2, os.cpu_count() or 1) if len(bars) >= SHARED_FROM else 1, made, progress)
    workspace = find(arguments)
    folder = workspace.strategies
    path = Path(arguments.file) if arguments.file else strategies.file_of(arguments.strategy, folder)
    if arguments.file:
        subjects = load_subjects(Path(arguments.file))
    else:
        subjects = [strategy_subject(strategies.get(arguments.strategy, folder=folder), path)]
    found = prove(subjects, bars, progress)
    if path is not None:
        remember(strategies.user.digest(path), bars, found, workspace.cache)
    return list(found)


def _bars(arguments: argparse.Namespace) -> tuple[Bars, bool]:
    """The newest bars of the symbol that was named, or the made ones; whether they come from the demo market."""
    from engine.backtest.subjects import BARS, random_walk

    wanted = BARS if arguments.bars is None else arguments.bars
    if not arguments.symbol:
        return random_walk(wanted), False
    (symbol,) = symbols([arguments.symbol])
    chosen = timeframe(arguments.timeframe or "1d")
    with desk_of(arguments) as desk:
        from engine.backtest.run import read_pair

        bars = read_pair(desk.store, symbol, chosen).bars
        return bars.take(slice(-wanted, None)), desk.workspace.demo
