"""What the sessions before the held-out ones are like: what is missing, how returns are spread, whether they cluster, what goes together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.ml.direction import figures
from engine.ml.direction.features import seed_columns

if TYPE_CHECKING:
    from engine.domain import FloatArray
    from engine.ml.direction.analysis import Split
    from engine.ml.direction.data import IndexData

FIELDS = ("open", "high", "low", "close")
#: Lags of the autocorrelations; of the returns the first few are told in words.
LAGS, TOLD = 20, 5
#: Beyond this a standard normal value is unusual one time in 20.
UNUSUAL = 1.959963984540054
#: Sessions of the moving volatility, bins of the histogram, standard deviations that it spans on either side.
MONTH, BINS, WIDTH = 21, 24, 4.0
QUANTILES = (0.01, 0.05, 0.5, 0.95, 0.99)
#: Columns that correlate by more than this say the same.
ALIKE = 0.95


def completeness(data: IndexData) -> dict[str, int]:
    """Of the daily bars: their number, missing prices, bars without quantity and turnover, sessions twice, steps out of order,
    sessions of the calendar that are missing between the first and the last bar."""
    bars = data.bars
    steps = np.diff(bars.session)
    volume = np.isnan(bars.quantity) & np.isnan(bars.turnover)
    return {
        "bars": len(bars),
        "missing_prices": int(sum(np.isnan(getattr(bars, name)).sum() for name in FIELDS)),
        "without_volume": int(volume.sum()),
        "in_shares": int((~np.isnan(bars.quantity) & np.isnan(bars.turnover)).sum()),
        "in_money": int((~np.isnan(bars.turnover)).sum()),
        "twice": int((steps == 0).sum()),
        "out_of_order": int((steps < 0).sum()),
        "gaps": int(np.isnan(data.label[:-1]).sum()),
    }


def distribution(data: IndexData, parts: Split) -> dict[str, Any]:
    """Up sessions, spread, tails and clustering of the returns (fractions) before the held-out sessions; sessions are days."""
    rows = parts.learnt
    step = data.close[rows] / data.previous_close[rows] - 1
    up = data.label[rows] > 0.5
    weekday = (data.session[rows] + 3) % 7
    groups = {int(day): up[weekday == day] for day in range(5)}
    spread = float(step.std(ddof=1))
    z = (step - step.mean()) / step.std() if spread > 0 else np.zeros(step.size)
    moving = np.convolve(step**2, np.ones(MONTH) / MONTH, mode="valid") ** 0.5
    return {
        "sessions": int(rows.size),
        "first": int(data.session[rows[0]]),
        "last": int(data.session[rows[-1]]),
        "up": figures.share_of(up),
        "ties": int((data.close[rows] == data.previous_close[rows]).sum()),
        "mean": float(step.mean()),
        "deviation": spread,
        "worst": (int(data.session[rows[step.argmin()]]), float(step.min())),
        "best": (int(data.session[rows[step.argmax()]]), float(step.max())),
        "skewness": float((z**3).mean()) if spread > 0 else math.nan,
        "kurtosis": float((z**4).mean()) if spread > 0 else math.nan,
        "beyond_two": float((np.abs(z) > 2).mean()),
        "quantiles": dict(zip(QUANTILES, np.quantile(step, QUANTILES).tolist())),
        "histogram": _histogram(z),
        "autocorrelation": autocorrelation(step),
        "clustering": autocorrelation(np.abs(step)),
        "limit": UNUSUAL / math.sqrt(rows.size),
        "moving_volatility": moving,
        "repeat": figures.share_of(up[1:] == up[:-1]),
        "weekday": {day: figures.share_of(hits) for day, hits in groups.items() if hits.size},
        "year": figures.by_group(up, figures.years(data.session[rows])),
    }


def autocorrelation(values: FloatArray, lags: int = LAGS) -> list[float]:
    """The correlation of float64 (n,) with itself 1 to `lags` steps before; NaN where nothing varies or too few are left."""
    lags = min(lags, values.size - 3)
    return [correlation(values[lag:], values[:-lag]) for lag in range(1, lags + 1)]


def correlation(left: FloatArray, right: FloatArray) -> float:
    """Pearson's correlation of two float64 (n,) where both are known; NaN where one does not vary."""
    both = ~np.isnan(left) & ~np.isnan(right)
    a, b = left[both], right[both]
    if a.size < 3 or a.std() == 0 or b.std() == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def correlations(data: IndexData, parts: Split) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """The requirement's columns, float64 (k, k) how they correlate with each other, float64 (k,) with the outcome."""
    names, X = seed_columns(data)
    known = X[parts.learnt]
    matrix = np.array([[correlation(known[:, a], known[:, b]) for b in range(len(names))] for a in range(len(names))])
    outcome = np.array([correlation(known[:, at], data.label[parts.learnt]) for at in range(len(names))])
    return names, matrix, outcome


def alike(names: tuple[str, ...], matrix: FloatArray) -> list[tuple[str, ...]]:
    """Groups of two or more columns that are linked by correlations above ALIKE, in the order of the columns."""
    left, found = list(range(len(names))), []
    while left:
        group, grown = [left[0]], True
        while grown:
            more = [at for at in left if at not in group and any(abs(matrix[at, one]) > ALIKE for one in group)]
            group, grown = [*group, *more], bool(more)
        left = [at for at in left if at not in group]
        if len(group) > 1:
            found.append(tuple(names[at] for at in sorted(group)))
    return found


def _histogram(z: FloatArray) -> dict[str, list[float]]:
    """Shares of the sessions by standardised return, the outermost bins open, and what a normal law would have there."""
    edges = np.linspace(-WIDTH, WIDTH, BINS + 1)
    counts = np.histogram(np.clip(z, -WIDTH, WIDTH), edges)[0] / max(z.size, 1)
    law = np.array([0.5 * (1 + math.erf(edge / math.sqrt(2))) for edge in edges])
    law[0], law[-1] = 0.0, 1.0
    return {"middle": ((edges[1:] + edges[:-1]) / 2).tolist(), "share": counts.tolist(), "normal": np.diff(law).tolist()}
