"""Bands of a figure by the stationary bootstrap: what it might have been, had the same returns come in another order.

Sources: Politis and Romano, "The Stationary Bootstrap", JASA 89 (1994); block length by Politis and White, Econometric
Reviews 23 (2004), as corrected by Patton, Politis and White, Econometric Reviews 28 (2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.backtest.metrics import DAYS_PER_YEAR, sharpe
from engine.errors import UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray

    #: Takes resampled returns, float64 (draws, n), and gives one figure a draw, float64 (draws,).
    Statistic = Callable[[FloatArray], FloatArray]

DRAWS = 1_000
MOST_DRAWS = 100_000
SEED = 1
QUANTILES = (0.05, 0.5, 0.95)
#: Fewer returns than this say nothing about their own order.
LEAST_RETURNS = 30
#: So many resampled returns are held in memory at a time.
CHUNK = 1_000_000


@dataclass(frozen=True, slots=True)
class Band:
    """The 5 %, 50 % and 95 % quantiles of a figure over all draws."""

    p5: float
    p50: float
    p95: float


def block_length(returns: FloatArray) -> float:
    """The mean length of a block, in returns, that suits how far they depend on each other: at least 1; NaN when constant.

    (2 G^2 / D)^(1/3) n^(1/3) with a flat-top lag window that ends where 5 or more autocorrelations in a row are within
    2 sqrt(log10(n) / n), and at most min(3 sqrt(n), n / 3).
    """
    n = returns.size
    if n < LEAST_RETURNS or math.isnan(sharpe(returns, 1.0)):
        return math.nan
    centred = returns - returns.mean()
    in_a_row = max(5, int(math.log10(n)))
    most = math.ceil(math.sqrt(n)) + in_a_row
    limit = 2 * math.sqrt(math.log10(n) / n)
    lags = np.arange(most + 1)
    products = np.array([float(centred[lag:] @ centred[: n - lag]) for lag in lags])
    squares = np.cumsum(centred * centred)
    late, early = squares[-1] - squares[lags], squares[n - 2 - lags]
    small = np.abs(products) < limit * np.sqrt(np.maximum(late * early, 0.0))
    quiet = (at for at in range(most + 1 - in_a_row) if small[at : at + in_a_row].all())
    last = next(quiet, None)
    window = most if last is None else min(2 * max(last, 1), most)
    lags, covariance = lags[1 : window + 1], products[1 : window + 1] / n
    weight = np.minimum(1.0, 2 * (1 - lags / window))
    slope = 2 * float(weight @ (lags * covariance))
    level = products[0] / n + 2 * float(weight @ covariance)
    best = (slope**2 / level**2 * n) ** (1 / 3) if level else math.inf
    return max(1.0, min(best, math.ceil(min(3 * math.sqrt(n), n / 3))))


def resampled_rows(n: int, draws: int, block: float, seed: int) -> Iterator[IntArray]:
    """Row numbers of resampled series in chunks of shape (up to draws, n), int64, equal for equal arguments.

    Blocks begin anywhere, have geometric lengths of mean `block`, and run on from the last row to the first.
    """
    random = np.random.default_rng(seed)
    place = np.arange(n)
    size = max(1, CHUNK // n)
    for done in range(0, draws, size):
        shape = (min(size, draws - done), n)
        begins = random.random(shape) < 1 / block
        begins[:, 0] = True
        since = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
        starts = np.take_along_axis(random.integers(0, n, shape), since, axis=1)
        yield (starts + place - since) % n


def bootstrap_bands(
    returns: FloatArray,
    statistics: Mapping[str, Statistic],
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    block: float | None = None,
) -> dict[str, Band]:
    """The band of each statistic of float64 returns of length n; all NaN for fewer than 30 returns or none that vary.

    block: mean block length; None takes `block_length`. Raises UsageError for an impossible number of draws.
    """
    check_draws(draws)
    block = block_length(returns) if block is None else block
    if math.isnan(block):
        return dict.fromkeys(statistics, Band(math.nan, math.nan, math.nan))
    found: dict[str, list[FloatArray]] = {name: [] for name in statistics}
    for rows in resampled_rows(returns.size, draws, block, seed):
        sample = returns[rows]
        for name, statistic in statistics.items():
            found[name].append(statistic(sample))
    return {name: _band(np.concatenate(values)) for name, values in found.items()}


def check_draws(draws: int) -> None:
    """Raises UsageError for a number of draws that is impossible or would not end."""
    if not 1 <= draws <= MOST_DRAWS:
        raise UsageError(_("The draws must be from 1 to {most}, not {draws}").format(most=MOST_DRAWS, draws=draws))


def _band(values: FloatArray) -> Band:
    known = values[np.isfinite(values)]
    return Band(*map(float, np.quantile(known, QUANTILES))) if known.size else Band(math.nan, math.nan, math.nan)


def cagr_of(days: float) -> Statistic:
    """Growth a year of each sample over `days` calendar days; -1 where nothing is left."""

    def growth(sample: FloatArray) -> FloatArray:
        return np.asarray(np.prod(np.maximum(1 + sample, 0.0), axis=1) ** (DAYS_PER_YEAR / days) - 1)

    return growth


def deepest_drawdown(sample: FloatArray) -> FloatArray:
    """Deepest fall from a peak of each sample, a fraction <= 0; the capital before the first return is the first peak."""
    equity = np.cumprod(np.maximum(1 + sample, 0.0), axis=1)
    peak = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    return np.asarray((equity / peak).min(axis=1) - 1)


def sharpe_of(periods: float) -> Statistic:
    """Sharpe ratio a year of each sample of excess returns, of which there are `periods` a year; NaN where they do not vary."""

    def ratio(sample: FloatArray) -> FloatArray:
        spread = sample.std(axis=1, ddof=1)
        found = np.full(spread.size, np.nan)
        np.divide(sample.mean(axis=1) * math.sqrt(periods), spread, out=found, where=spread > 0)
        return found

    return ratio
