"""How sure a Sharpe ratio is, alone and as the best of many trials. All Sharpe ratios here are per bar, not per year.

Sources: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012 (probabilistic), and
"The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5), 2014 (deflated).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.backtest.metrics import sharpe

if TYPE_CHECKING:
    from engine.domain import FloatArray

EULER_GAMMA = 0.5772156649015329
NORMAL = NormalDist()


class Moments(NamedTuple):
    """Of n returns: Sharpe ratio per bar (std with ddof 1), skewness m3 / m2^1.5 and kurtosis m4 / m2^2 (3 when normal)."""

    n: int
    sharpe: float
    skewness: float
    kurtosis: float


def moments(returns: FloatArray) -> Moments:
    """The moments of float64 returns of length n; all NaN for fewer than two returns or none that vary."""
    ratio = sharpe(returns, 1.0)
    if math.isnan(ratio):
        return Moments(returns.size, math.nan, math.nan, math.nan)
    centred = returns - returns.mean()
    squared = centred * centred
    spread = float(squared.mean())
    third, fourth = float((squared * centred).mean()), float((squared * squared).mean())
    return Moments(returns.size, ratio, third / spread**1.5, fourth / spread**2)


def sharpe_confidence(found: Moments, benchmark: float = 0.0) -> float:
    """Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)), in [0, 1]; NaN where the moments are."""
    variance = 1 - found.skewness * found.sharpe + (found.kurtosis - 1) / 4 * found.sharpe**2
    if not variance > 0 or math.isnan(benchmark):
        return math.nan
    return NORMAL.cdf((found.sharpe - benchmark) * math.sqrt((found.n - 1) / variance))


def probabilistic_sharpe(returns: FloatArray, benchmark: float = 0.0) -> float:
    """How sure it is that the true Sharpe ratio per bar is above `benchmark`, allowing for skewness and fat tails.

    returns: float64, length n, over cash; taken as independent of each other. In [0, 1]; NaN where they do not vary.
    """
    return sharpe_confidence(moments(returns), benchmark)


def expected_best_sharpe(trials: int, variance: float) -> float:
    """The Sharpe ratio per bar that the best of `trials` strategies without skill is expected to show.

    sd ((1 - gamma) Phi^-1(1 - 1 / N) + gamma Phi^-1(1 - 1 / (N e))), where `variance` = sd^2 is that of the trials' Sharpe
    ratios per bar. 0 for one trial; NaN where the variance is unknown. Trials that resemble each other count as N all the
    same, which asks for more, while their smaller variance asks for less.
    """
    if trials == 1:
        return 0.0
    if not variance >= 0:
        return math.nan
    likely = (1 - EULER_GAMMA) * NORMAL.inv_cdf(1 - 1 / trials) + EULER_GAMMA * NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * likely


def deflated_sharpe(returns: FloatArray, trials: int, variance: float) -> float:
    """`probabilistic_sharpe` against the best that so many trials would show by luck alone.

    trials: all that were tried, this one included. variance: of their Sharpe ratios per bar (`trial_variance`).
    """
    return probabilistic_sharpe(returns, expected_best_sharpe(trials, variance))


def trial_variance(sharpes: FloatArray) -> float:
    """Variance (ddof 1) of the Sharpe ratios per bar of the trials; undefined ones (NaN) are left out; NaN for fewer than two."""
    known = sharpes[np.isfinite(sharpes)]
    return float(known.var(ddof=1)) if known.size > 1 else math.nan
