"""The manager: the regime of a symbol now, the strategies that suit it, and the one chosen, with the evidence for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import strategies
from engine.errors import NoDataError
from engine.features.regime import REGIMES, SMA, TREND_ADX, VOLATILE_ATR, Regime, regimes, since
from engine.i18n import _
from engine.strategies.base import percent
from engine.strategies.outcomes import outcomes
from engine.strategies.signals import finished, latest_signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain import Bars, Signal
    from engine.strategies.base import Strategy

#: The strategies that suit each regime, the first one first.
SUITED: Mapping[Regime, tuple[str, ...]] = {
    Regime.TRENDING_UP: ("trend_following", "breakout", "macd_crossover"),
    Regime.TRENDING_DOWN: ("mean_reversion", "dynamic_position_sizing", "rsi_divergence"),
    Regime.RANGING: ("mean_reversion", "rsi_divergence", "breakout"),
    Regime.VOLATILE: ("rsi_divergence", "dynamic_position_sizing", "mean_reversion"),
    Regime.UNKNOWN: ("macd_crossover", "trend_following"),
}
#: Closed trades in a regime from which on their mean says anything.
ENOUGH = 30
#: Standard errors on either side of the mean return of a trade, for an interval of this level.
WIDTH, LEVEL = 1.96, 0.95


@dataclass(frozen=True, slots=True)
class Rules:
    """Where regimes begin; see `engine.features.regime.regimes`."""

    volatile_atr: float = VOLATILE_ATR
    trend_adx: float = TREND_ADX
    sma: int = SMA

    def regimes(self, bars: Bars) -> NDArray[np.int8]:
        """The regime at each bar by these rules."""
        return regimes(bars, volatile_atr=self.volatile_atr, trend_adx=self.trend_adx, sma=self.sma)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What became of a strategy's closed trades whose signals were given in the regime, on this series up to this bar.

    mean_return: of a trade on its entry price, without costs; low, high: the mean plus and minus 1.96 standard errors,
    NaN for under 30 trades; all NaN without any.
    """

    strategy: str
    trades: int
    win_rate: float
    mean_return: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """The JSON form; what is not known is null."""
        figures = {name: getattr(self, name) for name in ("win_rate", "mean_return", "low", "high")}
        return {"strategy": self.strategy, "trades": self.trades} | {
            name: None if math.isnan(value) else value for name, value in figures.items()
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """The regime at the last bar, since which bar it lasts (UTC seconds of its opening), and the strategy chosen for it.

    candidates: in the order of the table. proven: whether the past of the chosen one is distinguishable from zero; if not,
    the order of the table decided. reasons: the same in sentences.
    """

    regime: Regime
    since: int
    strategy: str
    candidates: tuple[Candidate, ...]
    proven: bool
    reasons: tuple[str, ...]

    def evidence(self) -> dict[str, Any]:
        """The evidence in its JSON form: words and figures."""
        return {
            "reasons": list(self.reasons),
            "proven": self.proven,
            "candidates": [candidate.as_dict() for candidate in self.candidates],
        }


def choose(bars: Bars, rules: Rules | None = None) -> Choice:
    """The strategy for the last finished bar of a series, from that bar and those before it alone.

    Among the strategies that suit the regime, the one with the best mean trade is taken if it has at least 30 closed trades
    from signals in this regime and the interval of their mean lies above zero; else the first of the table.
    The interval is not corrected for the number of candidates. Raises NoDataError for a series without a finished bar.
    """
    bars = finished(bars)
    if not len(bars):
        raise NoDataError(_("{symbol} has no finished bar of {timeframe}").format(symbol=bars.symbol, timeframe=bars.timeframe))
    codes = (rules or Rules()).regimes(bars)
    regime = REGIMES[codes[-1]]
    candidates = tuple(_candidate(name, bars, codes) for name in SUITED[regime])
    proven = [item for item in candidates if item.trades >= ENOUGH and item.low > 0]
    best = max(proven, key=lambda item: item.mean_return) if proven else candidates[0]
    return Choice(
        regime,
        int(bars.time[since(codes)]),
        best.strategy,
        candidates,
        bool(proven),
        (*map(_said, candidates), _decision(best, proven=bool(proven))),
    )


def judged_signal(
    bars: Bars, strategy: Strategy | None, valid_until: int, rules: Rules | None = None, *, stale_sessions: int = 0
) -> Signal:
    """`latest_signal` with its regime; without a strategy, that of the strategy which `choose` takes, with the reason why.

    Raises NoDataError when there are fewer bars than the strategy needs.
    """
    bars = finished(bars)
    if strategy is not None:
        codes = (rules or Rules()).regimes(bars)
        regime = str(REGIMES[codes[-1]]) if codes.size else None
        return latest_signal(bars, strategy, valid_until, regime=regime, stale_sessions=stale_sessions)
    choice = choose(bars, rules)
    chosen = strategies.get(choice.strategy)
    found = latest_signal(bars, chosen, valid_until, regime=str(choice.regime), stale_sessions=stale_sessions)
    why = _("Regime {regime}: {strategy} is asked. {why}").format(
        regime=choice.regime.words, strategy=choice.strategy, why=choice.reasons[-1]
    )
    return replace(found, reason=f"{why} {found.reason}")


def _candidate(name: str, bars: Bars, codes: NDArray[np.int8]) -> Candidate:
    closed = outcomes(bars, strategies.get(name).decide(bars))
    returns = closed.return_[codes[closed.signal] == codes[-1]]
    count = returns.size
    if not count:
        return Candidate(name, 0, math.nan, math.nan, math.nan, math.nan)
    mean, wins = float(returns.mean()), float(np.count_nonzero(returns > 0) / count)
    error = WIDTH * float(returns.std(ddof=1)) / math.sqrt(count) if count >= ENOUGH else math.nan
    return Candidate(name, count, wins, mean, mean - error, mean + error)


def _said(item: Candidate) -> str:
    words: dict[str, str | int] = {"strategy": item.strategy, "count": item.trades}
    if not item.trades:
        return _("{strategy}: closed trades in this regime: {count}.").format(**words)
    words |= {"wins": percent(item.win_rate, 0), "mean": percent(item.mean_return, 2)}
    if item.trades < ENOUGH:
        return _(
            "{strategy}: closed trades in this regime: {count}, {wins} won, {mean} each on average before costs; too few to say more."
        ).format(**words)
    return _(
        "{strategy}: closed trades in this regime: {count}, {wins} won, {mean} each on average before costs"
        " ({level} interval {low} to {high})."
    ).format(
        level=percent(LEVEL, 0),
        low=percent(item.low, 2),
        high=percent(item.high, 2),
        **words,
    )


def _decision(best: Candidate, *, proven: bool) -> str:
    if proven:
        return _("Chosen is {strategy}: the best mean whose interval lies above zero.").format(strategy=best.strategy)
    return _(
        "The evidence is thin: no candidate has {enough} trades and a mean distinguishable from zero,"
        " so {strategy} is taken as the first of the table."
    ).format(enough=ENOUGH, strategy=best.strategy)
