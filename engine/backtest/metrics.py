"""What an equity curve and its trades were worth. Undefined is NaN, never infinity, 0 or -100 %.

Returns are those of the equity at the close of each bar, with the capital at the start included, so that a loss on the
first bar counts. `periods` is the observed number of bars per year: 252 sessions times the bars per session.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain import FloatArray, IntArray

SESSIONS_PER_YEAR = 252
WEEKS_PER_YEAR = 52
DAYS_PER_YEAR = 365.25
CONFIDENCE = 0.95
SQN_CAP = 100
#: A spread of returns below this, or below this share of their mean, is rounding and not risk.
ROUNDING, ROUNDING_SHARE = 1e-12, 1e-10


def bars_per_year(session: IntArray, timeframe: str) -> float:
    """Observed bars per year: 252 x mean bars per session, or 52 for weekly bars; session: int64, length n; NaN if empty."""
    if timeframe == "1w":
        return float(WEEKS_PER_YEAR)
    sessions = int(np.count_nonzero(session[1:] != session[:-1])) + 1
    return SESSIONS_PER_YEAR * session.size / sessions if session.size else math.nan


def returns_of(equity: FloatArray) -> FloatArray:
    """Return of each bar, float64, length n, of an equity of length n + 1 that starts with the capital.

    Where there was no equity left before the bar, the return is 0: nothing more can be won or lost.
    """
    before = equity[:-1]
    change = equity[1:] - before
    if before.min(initial=math.inf) > 0:
        return np.asarray(change / before)
    return np.divide(change, before, out=np.zeros_like(change), where=before > 0)


def cagr(equity: FloatArray, days: float) -> float:
    """(E_n / E_0) ^ (365.25 / calendar days) - 1; -1 when nothing is left; NaN for less than a day."""
    if days < 1:
        return math.nan
    return float(max(equity[-1] / equity[0], 0.0) ** (DAYS_PER_YEAR / days) - 1.0)


def volatility(returns: FloatArray, periods: float) -> float:
    """std(r, ddof 1) x sqrt(periods), a fraction per year; NaN for fewer than two returns."""
    if returns.size < 2:
        return math.nan
    centred = returns - returns.mean()
    return math.sqrt(float(centred @ centred) / (returns.size - 1) * periods)


def sharpe(excess: FloatArray, periods: float) -> float:
    """mean / std(ddof 1) of the excess returns x sqrt(periods); NaN where they do not vary."""
    if excess.size < 2:
        return math.nan
    mean = float(excess.mean())
    centred = excess - mean
    spread = math.sqrt(float(centred @ centred) / (excess.size - 1))
    return math.nan if _is_rounding(spread, mean) else mean / spread * math.sqrt(periods)


def sortino(excess: FloatArray, periods: float) -> float:
    """mean / sqrt(mean over all n of min(excess, 0)^2) x sqrt(periods); NaN where no return is negative."""
    if excess.size < 2:
        return math.nan
    losses = np.minimum(excess, 0.0)
    downside = math.sqrt(float(losses @ losses) / excess.size)
    mean = float(excess.mean())
    return math.nan if _is_rounding(downside, mean) else mean / downside * math.sqrt(periods)


def drawdown(equity: FloatArray, session: IntArray) -> tuple[float, int, int]:
    """Deepest fall from a peak (a fraction <= 0) and the longest time under water, in sessions and in days.

    equity: length n + 1, starting with the capital; session: int64, length n. Time counts from the peak to the recovery,
    or to the end where there was none; the capital is dated at the first bar.
    """
    peak = np.maximum.accumulate(equity)
    deepest = float((equity / peak).min()) - 1.0
    if deepest == 0.0:
        return 0.0, 0, 0
    under = equity < peak
    edges = np.flatnonzero(under[1:] != under[:-1])
    begin = edges[::2]
    end = edges[1::2] + 1
    if end.size < begin.size:
        end = np.append(end, equity.size - 1)
    first, after = np.maximum(begin - 1, 0), end - 1
    days = int((session[after] - session[first]).max())
    changes = session[1:] != session[:-1]
    if changes.all():
        return deepest, int((after - first).max()), days
    number = np.concatenate(([0], np.cumsum(changes)))
    return deepest, int((number[after] - number[first]).max()), days


def mean_interval(returns: FloatArray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided interval of the mean return per bar; (NaN, NaN) for fewer than 10 returns or none that vary.

    Normal theory with Student's quantile on n - 1 degrees of freedom, and a Newey-West standard error (Bartlett weights up
    to lag floor(4 (n / 100)^(2/9)); Newey and West 1987, 1994), which allows for returns that depend on those before them.
    """
    n = returns.size
    if n < 10:
        return math.nan, math.nan
    mean = float(returns.mean())
    deviation = returns - mean
    variance = float(deviation @ deviation)
    if _is_rounding(math.sqrt(variance / n), mean):
        return math.nan, math.nan
    lags = int(4 * (n / 100) ** (2 / 9))
    for lag in range(1, min(lags, n - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(deviation[lag:] @ deviation[:-lag])
    error = math.sqrt(max(variance, 0.0) / n / (n - 1))
    margin = student_quantile(0.5 + confidence / 2, n - 1) * error
    return mean - margin, mean + margin


def _is_rounding(spread: float, mean: float) -> bool:
    return spread <= ROUNDING or spread <= ROUNDING_SHARE * abs(mean)


@lru_cache(maxsize=64)
def student_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t by the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5); sound from 9 degrees on."""
    from statistics import NormalDist

    z = NormalDist().inv_cdf(probability)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def equity_metrics(
    equity: FloatArray, session: IntArray, periods: float, risk_free: FloatArray | None = None
) -> dict[str, float]:
    """The metrics of a curve alone: return, risk and their ratios.

    equity: float64, length n + 1, starting with the capital; session: int64, length n; risk_free: float64, length n, the
    return of cash over each bar, or None for 0. Ratios and the interval of the mean are those of the excess return.
    """
    returns = returns_of(equity)
    excess = returns if risk_free is None else returns - risk_free
    growth = cagr(equity, float(session[-1] - session[0] + 1))
    deepest, sessions, days = drawdown(equity, session)
    low, high = mean_interval(excess)
    return {
        "initial_capital": float(equity[0]),
        "final_equity": float(equity[-1]),
        "total_return": float(equity[-1] / equity[0]) - 1.0,
        "cagr": growth,
        "volatility": volatility(returns, periods),
        "sharpe_ratio": sharpe(excess, periods),
        "sortino_ratio": sortino(excess, periods),
        "calmar_ratio": growth / -deepest if deepest < 0 else math.nan,
        "max_drawdown": deepest,
        "max_drawdown_sessions": sessions,
        "max_drawdown_days": days,
        "mean_excess_return": float(excess.mean()) * periods,
        "mean_excess_return_low": low * periods,
        "mean_excess_return_high": high * periods,
        "bars": returns.size,
        "bars_per_year": periods,
    }


def trade_metrics(trades: NDArray[np.void], point_value: float) -> dict[str, float]:
    """The metrics of trades (dtype `kernel.TRADE`), in money net of costs; an open trade counts only in its own figures.

    profit_factor: gains over losses. expectancy: mean P&L, and in multiples of the risk taken (entry to stop; only trades
    with a stop). sqn: sqrt(N) x mean(R) / std(R) (Tharp), sqn_100 with N capped at 100. borrow: paid for borrowed shares;
    income: dividends and fractions of shares, owed ones negative; both of all trades and part of their P&L.
    """
    closed = trades[trades["exit"] >= 0]
    pnl = closed["pnl"]
    n = pnl.size
    gains, losses = pnl[pnl > 0], pnl[pnl < 0]
    gained, lost = float(gains.sum()), float(losses.sum())
    risk = np.abs(closed["entry_price"] - closed["stop"]) * closed["quantity"] * point_value
    at_risk = risk > 0
    multiples = pnl[at_risk] / risk[at_risk]
    spread = float(multiples.std(ddof=1)) if multiples.size > 1 else 0.0
    quality = float(multiples.mean()) / spread if spread > 0 else math.nan
    paid, slipped = float(trades["costs"].sum()), float(trades["slippage"].sum())
    gross = gained + float((closed["costs"] + closed["slippage"])[pnl > 0].sum())
    return {
        "trades": n,
        "open_trades": trades.size - n,
        "net_profit": gained + lost,
        "open_pnl": float(trades["pnl"].sum()) - (gained + lost),
        "win_rate": gains.size / n if n else math.nan,
        "profit_factor": gained / -lost if lost < 0 else math.nan,
        "average_win": gained / gains.size if gains.size else math.nan,
        "average_loss": lost / losses.size if losses.size else math.nan,
        "expectancy": (gained + lost) / n if n else math.nan,
        "expectancy_r": float(multiples.mean()) if multiples.size else math.nan,
        "sqn": math.sqrt(multiples.size) * quality,
        "sqn_100": math.sqrt(min(multiples.size, SQN_CAP)) * quality,
        "average_mae": float(closed["mae"].mean()) if n else math.nan,
        "average_mfe": float(closed["mfe"].mean()) if n else math.nan,
        "costs": paid,
        "slippage": slipped,
        "costs_share": (paid + slipped) / gross if gross > 0 else math.nan,
        "borrow": float(trades["borrow"].sum()),
        "income": float(trades["income"].sum()),
        "ambiguous_trades": int(closed["ambiguous"].sum()),
    }


def position_metrics(
    equity: FloatArray,
    position: IntArray,
    close: FloatArray,
    trades: NDArray[np.void],
    held: int,
    periods: float,
    point_value: float,
) -> dict[str, float]:
    """How much was held and traded.

    exposure: share of bars with a position at some time. gross_exposure: mean of |position value| / equity at the closes.
    turnover: half of all that was bought and sold, over the mean equity, per year.
    """
    rows = np.flatnonzero((position != 0) & (equity[1:] > 0))
    invested = np.abs(position[rows]) * close[rows] * point_value / equity[1:][rows]
    n = position.size
    closed = trades["exit"] >= 0
    traded = float((trades["quantity"] * trades["entry_price"]).sum())
    traded += float((trades["quantity"] * trades["exit_price"])[closed].sum())
    mean = float(equity.mean())
    return {
        "exposure": held / n,
        "gross_exposure": float(invested.sum()) / n,
        "turnover": traded * point_value / 2 / mean * periods / n if mean > 0 else math.nan,
    }


def json_ready(metrics: dict[str, Any]) -> dict[str, Any]:
    """The same with NaN as None, the form of an undefined figure in JSON."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in metrics.items()}
