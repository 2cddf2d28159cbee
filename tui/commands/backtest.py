"""Trade a strategy on the past: one symbol, a list, every stored symbol, each alone or all on one account."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.errors import NoDataError, UsageError
from engine.i18n import _, ngettext
from tui.commands.common import add, add_period, add_timeframe, desk_of, is_json, period, symbols, timeframe
from tui.commands.filters import add_backtest_filter, check_backtest_filter, filtered_backtest
from tui.commands.orders import add_orders, execution
from tui.commands.research import add_account, add_strategy, check_capital, params
from tui.output import console, demo_banner, narrate, print_json, progress_bar

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult
    from engine.desk import Desk
    from engine.strategies import Strategy

#: More symbols than these are shown as one table.
REPORTED = 3


def add_commands(commands: Any, common: Any) -> None:
    example = "pregao backtest PETR4 --strategy trend_following --param ema_fast=5 --from 2024-06-01"
    parser = add(commands, common, "backtest", _("trade a strategy on the past, with costs, baselines and a verdict"), example)
    parser.add_argument("symbols", nargs="*", metavar="SYMBOL")
    parser.add_argument("--universe", action="store_true", help=_("every symbol with bars of this timeframe"))
    parser.add_argument("--one-account", action="store_true", help=_("all symbols on one account, sharing its cash"))
    add_strategy(parser, _("the strategy (default: the one in the settings)"))
    add_timeframe(parser)
    add_period(parser)
    add_account(parser)
    parser.add_argument("--trades", action="store_true", help=_("also list the trades"))
    parser.add_argument("--monthly", action="store_true", help=_("also the return of each month"))
    text = _("also the range of the figures had the returns come in another order, from so many draws")
    parser.add_argument("--bands", type=int, metavar="DRAWS", help=text)
    parser.add_argument("--taxes", action="store_true", help=_("also the income tax month by month, and what is left after it"))
    parser.add_argument("--equity", action="store_true", help=_("with --json: add the equity curve"))
    add_orders(parser)
    add_backtest_filter(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    chosen, bounds = timeframe(arguments.timeframe), period(arguments)
    named = symbols(arguments.symbols)
    if bool(named) == arguments.universe:
        raise UsageError(
            _("Name the symbols or say --universe") if not named else _("--universe takes no symbols"),
            _("Example: {example}").format(example="pregao backtest PETR4 VALE3"),
        )
    check_capital(arguments.capital)
    check_backtest_filter(arguments)
    if arguments.bands is not None:
        from engine.backtest.evidence.bootstrap import check_draws

        check_draws(arguments.bands)
    with desk_of(arguments) as desk:
        from engine import strategies

        name = arguments.strategy or desk.settings.daily.strategy
        strategy = strategies.get(name, params(arguments), desk.workspace.strategies)
        wanted = _universe(desk, chosen) if arguments.universe else named
        question = {
            "timeframe": chosen,
            "start": bounds[0],
            "end": bounds[1],
            "capital": arguments.capital,
            "costs": arguments.costs,
            "execution": execution(arguments, desk.settings),
        }
        if arguments.one_account:
            from tui.commands.one_account import report

            return report(arguments, desk, wanted, strategy, question)
        filters: dict[str, dict[str, Any]] = {}
        trade = partial(_trade, arguments, desk, strategy, question, filters)
        results, skipped = _each(trade, wanted, lenient=arguments.universe, quiet=is_json(arguments))
        if is_json(arguments):
            listed = [_as_dict(result, arguments, desk) | filters.get(result.bars.symbol, {}) for result in results]
            several = {"results": listed, **({"skipped": skipped} if arguments.universe else {}), "demo": desk.workspace.demo}
            print_json(listed[0] if len(listed) == 1 and not arguments.universe else several)
            return 0
        demo_banner(desk.workspace.demo)
        _show(results, filters, arguments, desk)
        for item in skipped:
            narrate(item["error"]["message"])
        return 0


def _universe(desk: Desk, wanted: str) -> list[str]:
    """Every symbol with a series from which bars of the timeframe can be had."""
    from engine.domain import TIMEFRAMES
    from engine.store.bars import list_series

    found = {item.symbol for item in list_series(desk.store) if TIMEFRAMES[item.timeframe] <= TIMEFRAMES[wanted]}
    if not found:
        raise NoDataError(_("There are no bars yet."), _("Import a file with `pregao import FILE`."))
    return sorted(found)


def _trade(
    arguments: argparse.Namespace,
    desk: Desk,
    strategy: Strategy,
    question: dict[str, Any],
    filters: dict[str, dict[str, Any]],
    wanted: Sequence[str],
) -> list[BacktestResult]:
    """One backtest per symbol; with a filter, what it did goes into `filters` by symbol."""
    from engine.jobs.work import backtest_symbols

    if arguments.filter is None:
        return backtest_symbols(desk, wanted, strategy, **question)
    results = []
    with progress_bar(_("Filter"), quiet=is_json(arguments) or arguments.universe) as progress:
        for symbol in wanted:
            found = filtered_backtest(arguments, desk, symbol, strategy, question, progress)
            filters[symbol] = {"filter": found.as_dict()}
            results.append(found.result)
    return results


def _each(
    trade: Callable[[Sequence[str]], list[BacktestResult]], wanted: Sequence[str], *, lenient: bool, quiet: bool
) -> tuple[list[BacktestResult], list[dict[str, Any]]]:
    """What `trade` gives for each symbol; one without bars for the question is left out of a universe, and said."""
    if not lenient:
        return trade(wanted), []
    results: list[BacktestResult] = []
    skipped: list[dict[str, Any]] = []
    with progress_bar(_("Testing"), quiet=quiet) as progress:
        for count, symbol in enumerate(wanted):
            progress(count, len(wanted), symbol)
            try:
                results += trade([symbol])
            except NoDataError as error:
                skipped.append({"symbol": symbol, "error": error.as_dict()})
    if not results:
        raise NoDataError(
            ngettext(
                "The only stored symbol has not enough bars for this question",
                "None of the {count} stored symbols has enough bars for this question",
                len(wanted),
            ).format(count=len(wanted)),
            _("Choose a longer period or another timeframe."),
        )
    return results, skipped


def _as_dict(result: BacktestResult, arguments: argparse.Namespace, desk: Desk) -> dict[str, Any]:
    shown = result.as_dict(equity=arguments.equity, monthly=arguments.monthly, draws=arguments.bands)
    if arguments.taxes:
        from engine.backtest.taxed import carried_from, tax_report

        shown |= {"taxes": tax_report(result, carried_from(desk.settings.taxes), desk.calendar).as_dict()}
    return {**shown, "demo": desk.workspace.demo}


def _show(
    results: Sequence[BacktestResult], filters: dict[str, dict[str, Any]], arguments: argparse.Namespace, desk: Desk
) -> None:
    from tui.reports.backtest import backtest_report
    from tui.reports.compare import bands_table, monthly_table

    if len(results) > REPORTED:
        from tui.reports.symbols import symbols_report

        console().print(symbols_report(results))
        return
    for result in results:
        console().print(backtest_report(result.as_dict(), trades=arguments.trades))
        if result.bars.symbol in filters:
            from tui.reports.filter import filter_report

            console().print(filter_report(filters[result.bars.symbol]["filter"]))
        if arguments.monthly:
            console().print(monthly_table(result.monthly))
        if arguments.bands is not None:
            console().print(bands_table(result, arguments.bands))
        if arguments.taxes:
            from engine.backtest.taxed import carried_from, tax_report
            from tui.reports.tax import tax_table

            console().print(tax_table(tax_report(result, carried_from(desk.settings.taxes), desk.calendar)))
