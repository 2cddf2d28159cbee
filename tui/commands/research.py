"""Questions to the engine: signal, backtest, strategies."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, add_period, add_timeframe, desk_of, is_json, period, symbols, timeframe
from tui.output import console, demo_banner, print_json

if TYPE_CHECKING:
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
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
    _add_strategy(parser)
    add_timeframe(parser)
    parser.set_defaults(run=run_signal)

    example = "pregao backtest PETR4 --strategy trend_following --param ema_fast=5 --from 2024-06-01"
    parser = add(commands, common, "backtest", _("trade a strategy on the past, with costs, baselines and a verdict"), example)
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
    _add_strategy(parser)
    add_timeframe(parser)
    add_period(parser)
    parser.add_argument("--capital", type=float, help=_("starting cash, R$"))
    parser.add_argument("--costs", choices=("b3", "none"), help=_("exchange fees: b3 or none (default: the settings)"))
    parser.add_argument("--trades", action="store_true", help=_("also list the trades"))
    parser.add_argument("--equity", action="store_true", help=_("with --json: add the equity curve"))
    parser.set_defaults(run=run_backtests)

    parser = add(commands, common, "strategies", _("the strategies and their parameters"), "pregao strategies list")
    parser.add_argument("action", choices=("list",))
    parser.set_defaults(run=run_strategies)


def _add_strategy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strategy", default="", metavar="NAME", help=_("the strategy (default: the one in the settings)"))
    parser.add_argument(
        "--param", action="append", nargs="+", default=[], metavar="K=V", help=_("a parameter; see `pregao strategies list`")
    )


def _strategy(arguments: argparse.Namespace, default: str) -> Strategy:
    from engine import strategies

    params: dict[str, object] = {}
    for text in (part for group in arguments.param for part in group):
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(_("--param {text} is not NAME=VALUE").format(text=text))
        params[name.strip()] = value.strip()
    return strategies.get(arguments.strategy or default, params)


def run_signal(arguments: argparse.Namespace) -> int:
    wanted, chosen = symbols(arguments.symbols), timeframe(arguments.timeframe)
    with desk_of(arguments) as desk:
        from engine.signals import current_signal

        strategy = _strategy(arguments, desk.settings.daily.strategy)
        found: list[Signal] = [
            current_signal(desk.store, desk.calendar, desk.settings, symbol, strategy, timeframe=chosen, now=desk.now())
            for symbol in wanted
        ]
        if is_json(arguments):
            print_json({"signals": [signal.as_dict() for signal in found], "demo": desk.workspace.demo})
            return 0
        from tui.reports import signals_report

        demo_banner(desk.workspace.demo)
        console().print(signals_report([signal.as_dict() for signal in found]))
        return 0


def run_backtests(arguments: argparse.Namespace) -> int:
    wanted, chosen = symbols(arguments.symbols), timeframe(arguments.timeframe)
    start, end = period(arguments)
    if arguments.capital is not None and not 0 < arguments.capital <= 1e12:
        raise UsageError(_("--capital takes an amount above 0"))
    with desk_of(arguments) as desk:
        from engine.jobs.work import backtest_symbols

        strategy = _strategy(arguments, desk.settings.daily.strategy)
        results = backtest_symbols(
            desk,
            wanted,
            strategy,
            timeframe=chosen,
            start=start,
            end=end,
            capital=arguments.capital,
            costs=arguments.costs,
        )
        if is_json(arguments):
            listed = [{**result.as_dict(equity=arguments.equity), "demo": desk.workspace.demo} for result in results]
            print_json(listed[0] if len(listed) == 1 else {"results": listed})
            return 0
        from tui.reports import backtest_report

        demo_banner(desk.workspace.demo)
        for result in results:
            console().print(backtest_report(result, trades=arguments.trades))
        return 0


def run_strategies(arguments: argparse.Namespace) -> int:
    from engine import strategies

    listed = [
        {
            "name": name,
            "params": [
                {"name": param, "default": default, "low": low, "high": high, "help": help_text}
                for param, (default, low, high, help_text) in strategies.strategy_class(name).ranges().items()
            ],
        }
        for name in strategies.names()
    ]
    if is_json(arguments):
        print_json({"strategies": listed})
        return 0
    from tui.reports import strategies_table

    console().print(strategies_table(listed))
    return 0
