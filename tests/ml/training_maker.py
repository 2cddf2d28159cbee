"""Made bars with something in them to learn, and rows of a data set with a known secret."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from engine.backtest.subjects import random_walk
from engine.domain import Bars, PriceBase
from engine.ml.dataset import Dataset

FEATURES = ("momentum_5", "momentum_20", "volatility_20", "rsi_14", "volume_ratio", "range_ratio")
DAY = 86_400
#: Few and small trees: what is tested is not how good they are.
SMALL = {
    "random_forest": {"n_estimators": 20, "max_depth": 5, "min_samples_split": 20, "min_samples_leaf": 10},
    "xgboost": {"n_estimators": 20, "max_depth": 3},
}


def trending(count: int = 900, seed: int = 1, symbol: str = "TRND3") -> Bars:
    """Prices that rise for some twenty days, then fall for some twenty, and so on: what they did tells what they will do."""
    rng = np.random.default_rng(seed)
    stretches = rng.integers(15, 26, count)
    side = np.repeat(np.where(np.arange(count) % 2, 1, -1), stretches)[:count]
    close = 30 * np.exp(np.cumsum(0.01 * side + rng.normal(0, 0.006, count)))
    opening = np.concatenate(([30.0], close[:-1])) * np.exp(rng.normal(0, 0.002, count))
    high = np.maximum(opening, close) * np.exp(np.abs(rng.normal(0, 0.003, count)))
    low = np.minimum(opening, close) * np.exp(-np.abs(rng.normal(0, 0.003, count)))
    quantity = rng.lognormal(10, 0.5, count)
    session = np.arange(count, dtype=np.int64) + 15_000
    no = np.zeros(count, dtype=np.bool_)
    return Bars(
        symbol, "1d", session * DAY, session, opening, high, low, close, quantity, quantity * close, no, no,
        PriceBase.ADJUSTED, "made",
    )  # fmt: skip


def wandering(count: int = 900, seed: int = 1) -> Bars:
    """Prices that nothing foretells."""
    return random_walk(count, seed)


def daily_csv(symbol: str, path: Path) -> Bars:
    """The bars of a plain daily file with the columns Date, Open, High, Low, Close and Volume."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    session = np.array([row["Date"] for row in rows], dtype="datetime64[D]").astype(np.int64)
    opening, high, low, close, quantity = (
        np.array([float(row[name]) for row in rows]) for name in ("Open", "High", "Low", "Close", "Volume")
    )
    no = np.zeros(session.size, dtype=np.bool_)
    return Bars(
        symbol, "1d", session * DAY, session, opening, high, low, close, quantity, quantity * close, no, no,
        PriceBase.ADJUSTED, "file",
    )  # fmt: skip


def table(count: int = 600, seed: int = 1, noise: float = 0.6) -> Dataset:
    """Rows whose label is the third feature, more or less; labels last three days and a tenth of the values are undefined."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, len(FEATURES)))
    secret = X[:, 2] + rng.normal(0, noise, count)
    X[rng.random(X.shape) < 0.1] = np.nan
    start = np.arange(count, dtype=np.int64) * DAY
    return Dataset(
        X=X, y=np.where(secret > 0.6, 1, np.where(secret < -0.6, -1, 0)).astype(np.int8), start=start, end=start + 3 * DAY,
        symbol=np.zeros(count, dtype=np.int64), row=np.arange(count), symbols=("MADE3",), features=FEATURES,
        label={"kind": "fixed", "horizon": 3}, weights=np.full(count, 1 / 3),
    )  # fmt: skip
