"""A backtest as a Rich table for the terminal, from its JSON form: of one symbol, or of several on one account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from engine.i18n import _
from tui.backtest.panel import GOOD, exit_name
from tui.format import DASH, day, instant, money, number, percent, price
from tui.reports.table import plain_table


def backtest_report(found: Mapping[str, Any], *, trades: bool = False) -> RenderableType:
    """A result in its JSON form: the figures beside their baselines, the verdict, and what to know before believing them."""
    title = _("{symbol} {timeframe}, {strategy} ({params}), {start} to {end}").format(
        symbol=found["symbol"],
        timeframe=found["timeframe"],
        strategy=found["strategy"],
        params=", ".join(
            f"{name} {value}" if isinstance(value, str) else f"{name} {value:g}" for name, value in found["params"].items()
        ),
        start=day(found["period"]["start"]),
        end=day(found["period"]["end"]),
    )
    baselines = found["baselines"]
    names = {"buy_and_hold": _("buy and hold"), "cdi": _("CDI"), "ibov": _("IBOV")}
    table = plain_table("", _("strategy"), *(names[key] for key in baselines), right=(_("strategy"), *names.values()))
    columns = [found["metrics"], *baselines.values()]
    for label, key, show in (*_metric_rows(), *_money_rows(columns), *_full_rows()):
        table.add_row(label, *(show(column.get(key)) if key in column else "" for column in columns))
    if found.get("outcome_range") is not None:
        ends = {name: percent(value, signed=True) for name, value in found["outcome_range"].items()}
        table.add_row(_("Return if stops or targets came first"), _("{worst} to {best}").format(**ends))
    verdict = found["verdict"]
    label = Text(
        _("Verdict: {label}").format(label=_(verdict["label"])), style="bold green" if verdict["label"] == GOOD else "bold red"
    )
    lines: list[RenderableType] = [Text(title, style="bold"), table, label]
    lines += [Text(f"  - {reason}") for reason in verdict["reasons"]]
    lines += [Text(_("Note: {text}").format(text=text), style="yellow") for text in found["notices"]]
    if trades:
        lines.append(trades_table(found["trades"]))
    return Group(*lines)


def _metric_rows() -> list[tuple[str, str, Any]]:
    def signed(value: float | None) -> str:
        return percent(value, signed=True)

    def count(value: float | None) -> str:
        return number(value, 0)

    return [
        (_("Final equity"), "final_equity", money),
        (_("Total return"), "total_return", signed),
        (_("Return a year"), "cagr", signed),
        (_("Sharpe ratio"), "sharpe_ratio", number),
        (_("Sortino ratio"), "sortino_ratio", number),
        (_("Calmar ratio"), "calmar_ratio", number),
        (_("Deepest drawdown"), "max_drawdown", percent),
        (_("Longest under water, sessions"), "max_drawdown_sessions", count),
        (_("Mean excess return a year"), "mean_excess_return", signed),
        (_("  95 % interval, from"), "mean_excess_return_low", signed),
        (_("  to"), "mean_excess_return_high", signed),
        (_("Trades"), "trades", count),
        (_("Winning trades"), "win_rate", percent),
        (_("Profit factor"), "profit_factor", number),
        (_("Time in the market"), "exposure", percent),
        (_("Costs paid"), "costs", money),
    ]


def _money_rows(columns: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, Any]]:
    """Those of interest, borrowing and dividends in which some column has a figure."""
    rows = [
        (_("Interest on idle cash"), "interest", money),
        (_("Paid for borrowed shares"), "borrow", money),
        (_("Dividends and fractions"), "income", money),
    ]
    return [row for row in rows if any(column.get(row[1]) for column in columns)]


def _full_rows() -> list[tuple[str, str, Any]]:
    def count(value: float | None) -> str:
        return number(value, 0)

    return [
        (_("Longest winning streak, trades"), "longest_winning_streak", count),
        (_("Longest losing streak, trades"), "longest_losing_streak", count),
        (_("Best trade"), "best_trade", money),
        (_("Worst trade"), "worst_trade", money),
        (_("Half-Kelly, share to risk"), "half_kelly", percent),
        (_("Strategies and parameters tried"), "trials", count),
        (_("Probabilistic Sharpe ratio"), "probabilistic_sharpe_ratio", percent),
        (_("Deflated Sharpe ratio"), "deflated_sharpe_ratio", percent),
    ]


def trades_table(trades: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Every trade with its exit reason and result."""
    heads = (
        _("Side"),
        _("Quantity"),
        _("Entry"),
        _("Price"),
        _("Exit"),
        _("Price "),
        _("Why"),
        _("Costs"),
        _("Result"),
        _("Return"),
    )
    table = plain_table(*heads, right=(heads[1], heads[3], heads[5], *heads[7:]))
    sides = {"long": _("long"), "short": _("short")}
    for trade in trades:
        table.add_row(
            sides[trade["side"]],
            number(trade["quantity"], 0),
            instant(trade["entry_time"]),
            price(trade["entry_price"]),
            instant(trade["exit_time"]) if trade["exit_time"] else DASH,
            price(trade["exit_price"]),
            exit_name(trade["exit_reason"]),
            money(trade["costs"]),
            money(trade["pnl"]),
            percent(trade["return"], signed=True),
        )
    return table


def symbols_table(by_symbol: Sequence[Mapping[str, Any]]) -> RenderableType:
    """What each symbol brought to a shared account."""
    heads = (_("Symbol"), _("Trades"), _("Winning trades"), _("Costs"), _("Result"))
    table = plain_table(*heads, right=heads[1:])
    for item in by_symbol:
        figures = (number(item["trades"], 0), percent(item["win_rate"]), money(item["costs"]), money(item["pnl"]))
        table.add_row(Text(item["symbol"]), *figures)
    return table
