"""Questions to the engine: signal, compare."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import NoDataError, PregaoError, UsageError
from engine.i18n import _
from tui.commands.common import add, add_period, add_timeframe, desk_of, is_json, period, symbols, timeframe
from tui.commands.filters import add_signal_filter, check_signal_filter, opinions
from tui.commands.orders import add_orders, execution
from tui.output import console, demo_banner, narrate, print_json

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.domain import Signal
    from engine.strategies import Strategy


def add_commands(commands: Any, common: Any) -> None:
    parser = add(
        commands,
        common,
        "signal",
        _("what a strategy says at the last close, and why"),
        "pregao signal PETR4 VALE3 --timeframe 60m",
    )
    parser.add_argument("symbols", nargs="*", metavar="SYMBOL", help=_("default: the watchlist of the daily run"))
    add_strategy(parser, _("the strategy, or auto for the one that suits the regime (default: the one in the settings)"))
    add_timeframe(parser)
    add_signal_filter(parser)
    parser.set_defaults(run=run_signal)

    summary = _("rank strategies on the same data, costs and warm-up; each one counts as a trial")
    parser = add(commands, common, "compare", summary, "pregao compare PETR4 --from 2020-01-01 --costs b3")
    parser.add_argument("symbol", metavar="SYMBOL")
    parser.add_argument("--strategies", metavar="A,B,...", help=_("only these (default: all)"))
    add_timeframe(parser)
    add_period(parser)
    add_account(parser)
    add_orders(parser)
    parser.set_defaults(run=run_compare)


def add_strategy(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--strategy", default="", metavar="NAME", help=text)
    parser.add_argument(
        "--param", action="append", nargs="+", default=[], metavar="K=V", help=_("a parameter; see `pregao strategies list`")
    )


def add_account(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--capital", type=float, help=_("starting cash, R$"))
    parser.add_argument("--costs", choices=("b3", "none"), help=_("exchange fees: b3 or none (default: the settings)"))


def check_capital(capital: float | None) -> None:
    if capital is not None and not 0 < capital <= 1e12:
        raise UsageError(_("--capital takes an amount above 0"))


def params(arguments: argparse.Namespace) -> dict[str, object]:
    found: dict[str, object] = {}
    for text in (part for group in arguments.param for part in group):
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(_("--param {text} is not NAME=VALUE").format(text=text))
        found[name.strip()] = value.strip()
    return found


def run_signal(arguments: argparse.Namespace) -> int:
    wanted, chosen = symbols(arguments.symbols), timeframe(arguments.timeframe)
    check_signal_filter(arguments)
    with desk_of(arguments) as desk:
        from engine import strategies
        from engine.signals import current_signal

        name = arguments.strategy or desk.settings.daily.strategy
        strategy = strategies.chosen(name, params(arguments), desk.workspace.strategies)
        wanted = wanted or _watched(desk)
        explained: list[dict[str, Any]] = []
        found: list[Signal] = []
        skipped: list[NoDataError] = []
        for symbol in wanted:
            try:
                if arguments.model is None:
                    found.append(
                        current_signal(
                            desk.store, desk.calendar, desk.settings, symbol, strategy, timeframe=chosen, now=desk.now()
                        )
                    )
                    continue
                answers, reasons = opinions(arguments, desk, [symbol], strategy, chosen)
            except NoDataError as error:
                skipped.append(error)
                continue
            found += answers
            explained += reasons
        if skipped and not found:
            raise skipped[0]
        notices = _doubts(desk, [signal.symbol for signal in found], strategy, chosen)
        if is_json(arguments):
            why = {"explanations": [{**item, "explanation": item["explanation"].as_dict()} for item in explained]}
            shown = {"signals": [signal.as_dict() for signal in found], "notices": notices, "demo": desk.workspace.demo}
            shown |= {"skipped": [error.as_dict() for error in skipped]} if skipped else {}
            print_json(shown | (why if arguments.explain else {}))
            return 0
        from tui.reports.signals import signals_report

        demo_banner(desk.workspace.demo)
        console().print(signals_report([signal.as_dict() for signal in found]))
        _note(notices)
        if explained:
            from tui.reports.explain import explain_report

            for item in explained:
                console().print(explain_report(item["explanation"], f"{item['symbol']}, {item['model']}"))
        for missing in skipped:
            narrate(missing.message)
        return 0


def _watched(desk: Desk) -> list[str]:
    """The symbols of the daily run: its watchlist, or every symbol with bars."""
    from engine.store.bars import symbols_with_bars
    from engine.store.watchlists import read_watchlist

    found = read_watchlist(desk.store, desk.settings.daily.watchlist) or symbols_with_bars(desk.store)
    if not found:
        raise NoDataError(_("There are no bars yet."), _("Import a file with `pregao import FILE`."))
    return list(found)


def run_compare(arguments: argparse.Namespace) -> int:
    named, chosen = symbols([arguments.symbol]), timeframe(arguments.timeframe)
    if len(named) != 1:
        raise UsageError(_("A comparison takes one symbol"))
    start, end = period(arguments)
    check_capital(arguments.capital)
    with desk_of(arguments) as desk:
        from engine.backtest.compare import compare

        listed, broken = _strategies(arguments.strategies, desk.workspace.strategies)
        found = compare(
            desk.store,
            desk.settings,
            named[0],
            listed,
            now=desk.now(),
            timeframe=chosen,
            start=start,
            end=end,
            capital=arguments.capital,
            costs=arguments.costs,
            execution=execution(arguments, desk.settings),
            proofs=desk.workspace.cache,
        )
        if is_json(arguments):
            print_json({**found.as_dict(), "notices": [*found.notices, *broken], "demo": desk.workspace.demo})
            return 0
        from tui.reports.compare import comparison_report

        demo_banner(desk.workspace.demo)
        console().print(comparison_report(found))
        _note(broken)
        return 0


def _strategies(text: str | None, folder: Path) -> tuple[list[Strategy], list[str]]:
    """The named strategies, each once; or all that can be used, and in sentences why the others cannot.

    Raises UsageError for an unknown name or none, and the error of a named one.
    """
    from engine import strategies

    if text is not None:
        names = tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
        if not names:
            raise UsageError(_("--strategies names no strategy"), _("Leave it out to compare all."))
        return [strategies.get(name, folder=folder) for name in names], []
    found: list[Strategy] = []
    broken: list[str] = []
    for name in strategies.names(folder):
        try:
            found.append(strategies.get(name, folder=folder))
        except PregaoError as error:
            broken.append(_("{name} is left out: {problem}").format(name=name, problem=error.message))
    return found, broken


def _doubts(desk: Desk, wanted: Sequence[str], strategy: Strategy | None, timeframe: str) -> list[str]:
    """What a reader must be told of a strategy of the user: that it sees the future, or that this is not proved."""
    if strategy is None or not strategy.code:
        return []
    from engine.backtest.proofs import SAMPLES, standing
    from engine.backtest.run import read_pair

    bars = (read_pair(desk.store, symbol, timeframe).bars for symbol in wanted[:SAMPLES])
    return list(dict.fromkeys(filter(None, (standing(strategy, one, desk.workspace.cache).notice for one in bars))))


def _note(texts: Sequence[str]) -> None:
    from rich.text import Text

    for text in texts:
        console().print(Text(_("Note: {text}").format(text=text), style="yellow"))
