"""The figures that are worth their time in a report and not in a search: streaks, Kelly, months, the shape of the returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine.backtest.evidence.sharpe import moments, sharpe_confidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain import BoolArray, FloatArray, IntArray

HALVINGS = 60


class Kelly(NamedTuple):
    """The stake that grows fastest. formula: share of the capital to put at risk. best: share to invest in each trade."""

    formula: float
    best: float


def kelly(returns: FloatArray) -> Kelly:
    """Kelly's stake for trades like these closed ones; returns: float64, P&L over what was invested, net of costs.

    formula: p - q / b with p and q the shares of wins and losses among trades that were not even, b the mean win over the
    mean loss (Kelly 1956); negative where the trades lose on average. best: the f >= 0 that maximises mean(log(1 + f r)),
    found by bisection. Both NaN without a win or without a loss. Either is an estimate from the past and too bold in
    practice: half of it is the usual stake.
    """
    gains, losses = returns[returns > 0], returns[returns < 0]
    if not (gains.size and losses.size):
        return Kelly(math.nan, math.nan)
    chance = gains.size / (gains.size + losses.size)
    formula = chance - (1 - chance) * float(-losses.mean() / gains.mean())
    low, high = 0.0, 1 / float(-losses.min())
    if returns.mean() <= 0:
        return Kelly(formula, 0.0)
    for _halving in range(HALVINGS):
        middle = (low + high) / 2
        rises = float((returns / (1 + middle * returns)).sum()) > 0
        low, high = (middle, high) if rises else (low, middle)
    return Kelly(formula, (low + high) / 2)


def longest_run(hits: BoolArray) -> int:
    """The longest unbroken run of True; bool, length n; 0 where there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], hits, [False]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def full_trade_metrics(trades: NDArray[np.void], point_value: float) -> dict[str, float]:
    """Of the closed trades (dtype `kernel.TRADE`) in the order of their entries: streaks, best and worst in R$, Kelly.

    A trade that ended even, to the cent, ends both kinds of streak.
    """
    closed = trades[trades["exit"] >= 0]
    pnl = closed["pnl"]
    stake = kelly(pnl / (closed["entry_price"] * closed["quantity"] * point_value))
    return {
        "longest_winning_streak": longest_run(pnl > 0),
        "longest_losing_streak": longest_run(pnl < 0),
        "best_trade": float(pnl.max()) if pnl.size else math.nan,
        "worst_trade": float(pnl.min()) if pnl.size else math.nan,
        "kelly": stake.formula,
        "half_kelly": stake.formula / 2,
        "kelly_best": stake.best,
    }


def shape_metrics(excess: FloatArray) -> dict[str, float]:
    """Skewness and kurtosis (3 when normal) of float64 excess returns, and their probabilistic Sharpe ratio against 0."""
    found = moments(excess)
    return {
        "skewness": found.skewness,
        "kurtosis": found.kurtosis,
        "probabilistic_sharpe_ratio": sharpe_confidence(found),
    }


def monthly_returns(equity: FloatArray, session: IntArray) -> list[dict[str, Any]]:
    """The return of each calendar month, oldest first: [{"year", "month", "return"}]; NaN where nothing was left before.

    equity: float64, length n + 1, starting with the capital; session: int64, length n, days since 1970-01-01. The first and
    the last month count as far as they were traded.
    """
    month = session.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    ends = np.flatnonzero(np.append(month[1:] != month[:-1], True))
    before, after = equity[np.concatenate(([0], ends[:-1] + 1))], equity[ends + 1]
    change = np.divide(after - before, before, out=np.full(ends.size, np.nan), where=before > 0)
    return [
        {"year": 1970 + int(number) // 12, "month": int(number) % 12 + 1, "return": float(value)}
        for number, value in zip(month[ends], change)
    ]
