"""Several symbols on one account: `pregao backtest A B --one-account`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import is_json
from tui.output import console, demo_banner, print_json, progress_bar

if TYPE_CHECKING:
    from engine.backtest.shared_account import AccountResult
    from engine.backtest.taxed import Taxed
    from engine.desk import Desk
    from engine.strategies import Strategy


def report(
    arguments: argparse.Namespace, desk: Desk, symbols: Sequence[str], strategy: Strategy, question: dict[str, Any]
) -> int:
    """Trade, record and show; `question` as in `run_account`."""
    from engine.backtest.shared_account import run_account

    if arguments.bands is not None:
        raise UsageError(_("--bands goes with one symbol at a time"), _("Leave out --one-account or --bands."))
    with progress_bar(_("Testing"), quiet=is_json(arguments)) as progress:
        result = run_account(
            *(desk.store, desk.settings, symbols, strategy),
            now=desk.now(),
            progress=progress,
            proofs=desk.workspace.cache,
            **question,
        )
    found = result.as_dict(equity=arguments.equity, monthly=arguments.monthly)
    taxed = _taxed(desk, result) if arguments.taxes else None
    if is_json(arguments):
        print_json(found | ({} if taxed is None else {"taxes": taxed.as_dict()}) | {"demo": desk.workspace.demo})
        return 0
    from tui.reports.backtest import backtest_report, symbols_table
    from tui.reports.compare import monthly_table

    demo_banner(desk.workspace.demo)
    console().print(backtest_report(found, trades=arguments.trades))
    console().print(symbols_table(found["by_symbol"]))
    if arguments.monthly:
        console().print(monthly_table(result.monthly))
    if taxed is not None:
        from tui.reports.tax import tax_table

        console().print(tax_table(taxed))
    return 0


def _taxed(desk: Desk, result: AccountResult) -> Taxed:
    from engine.backtest.taxed import account_tax, carried_from

    return account_tax(
        result.traded_series,
        equity=result.run.equity,
        session=result.run.session,
        interest=result.run.earned,
        carried=carried_from(desk.settings.taxes),
        calendar=desk.calendar,
    )
