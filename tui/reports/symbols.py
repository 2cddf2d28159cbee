"""One strategy on many symbols, a line each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.backtest.metrics import CONFIDENCE
from engine.domain import iso
from engine.i18n import _, ngettext
from tui.backtest.panel import GOOD
from tui.format import day, number, percent

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult


def symbols_report(results: Sequence[BacktestResult]) -> RenderableType:
    """The symbols by Sharpe ratio, best first, each beside buying and holding, and how many can be told from luck."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in (_("Symbol"), _("From"), _("Trades"), _("Return"), _("Holding"), _("Sharpe"), _("Drawdown"), _("Verdict")):
        table.add_column(head, justify="left" if head in (_("Symbol"), _("Verdict")) else "right")
    for result in sorted(results, key=_sharpe, reverse=True):
        figures, good = result.metrics, result.verdict.label == GOOD
        table.add_row(
            Text(result.bars.symbol),
            day(iso(int(result.time[0]))),
            number(figures["trades"], 0),
            percent(figures["total_return"], signed=True),
            percent(result.baselines["buy_and_hold"]["total_return"], signed=True),
            number(figures["sharpe_ratio"]),
            percent(figures["max_drawdown"]),
            Text(_(result.verdict.label), style="bold green" if good else "red"),
        )
    good = sum(result.verdict.label == GOOD for result in results)
    beaten = sum(result.metrics["total_return"] > result.baselines["buy_and_hold"]["total_return"] for result in results)
    count = len(results)
    lines = [
        ngettext(
            "{good} of {count} symbol can be told from luck; of as many without any skill, up to about {chance} would.",
            "{good} of {count} symbols can be told from luck; of as many without any skill, up to about {chance} would.",
            count,
        ).format(good=good, count=count, chance=number((1 - CONFIDENCE) / 2 * count, 1)),
        _("Better than buying and holding: {beaten} of {count}.").format(beaten=beaten, count=count),
    ]
    return Group(table, *(Text(line) for line in lines))


def _sharpe(result: BacktestResult) -> float:
    ratio = result.metrics["sharpe_ratio"]
    return -math.inf if math.isnan(ratio) else ratio
