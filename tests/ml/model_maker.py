"""Small models of both families on made rows, whose label follows one feature, and the workspace they are saved in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.ml.dataset import Dataset
from engine.ml.model import BOOSTED, FOREST, SignalModel, fit

FEATURES = ("momentum_20", "rsi_14", "volatility_20", "volume_ratio", "doji")
FAMILIES = (BOOSTED, FOREST)
NOW = 1_795_285_800
SMALL: Mapping[str, Mapping[str, float]] = {
    FOREST: {"n_estimators": 12, "max_depth": 5, "min_samples_split": 8, "min_samples_leaf": 4},
    BOOSTED: {"n_estimators": 12, "max_depth": 3, "learning_rate": 0.3, "subsample": 0.8, "colsample_bytree": 0.8},
}


@dataclass(frozen=True)
class Made:
    """What `registry.save` takes."""

    model: SignalModel
    report: Mapping[str, Any] = field(default_factory=dict)


def rows(count: int = 400, seed: int = 1) -> np.ndarray:
    """Values of the features, a tenth of them undefined."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, len(FEATURES)))
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 0] *= 0.05
    return X


def dataset(count: int = 400, seed: int = 1, classes: tuple[int, ...] = (-1, 0, 1)) -> Dataset:
    """Rows of one symbol whose label is mostly the sign of momentum_20."""
    X = rows(count, seed)
    rng = np.random.default_rng(seed + 100)
    wanted = np.nan_to_num(X[:, 0]) / 0.05 + rng.normal(0, 0.4, count)
    y = np.where(wanted > 0.5, 1, np.where(wanted < -0.5, -1, 0))
    y = np.where(np.isin(y, classes), y, classes[0]).astype(np.int8)
    start = np.arange(count, dtype=np.int64) * 86_400
    zero = np.zeros(count, dtype=np.int64)
    return Dataset(
        X=X, y=y, start=start, end=start + 86_400, symbol=zero, row=np.arange(count), symbols=("MEAA3",), features=FEATURES,
        label={"kind": "fixed", "horizon": 1, "up": 0.02, "down": 0.02}, weights=np.ones(count),
    )  # fmt: skip


def made_model(kind: str, seed: int = 1, classes: tuple[int, ...] = (-1, 0, 1)) -> SignalModel:
    """A fitted model of a few small trees."""
    found = dataset(seed=seed, classes=classes)
    return fit(found, np.arange(len(found)), kind, SMALL[kind], select_k=4, seed=seed)


def made_training(kind: str, *, seed: int = 1, symbols: tuple[str, ...] = ("MEAA3",), accuracy: float = 0.5) -> Made:
    """A model with a report such as training makes."""
    report = {
        "model_id": None,
        "model": kind,
        "symbols": list(symbols),
        "timeframe": "1d",
        "features": list(FEATURES),
        "label": {"kind": "fixed", "horizon": 1, "up": 0.02, "down": 0.02},
        "folds": [{"fold": 1, "test_start": "2025-01-02", "test_end": "2025-03-03"}],
        "metrics": {
            "rows": 100,
            "accuracy": accuracy,
            "mcc": 0.1,
            "log_loss": 1.05,
            "auc": float("nan"),
            "confusion": [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
            "intervals": {"accuracy": [accuracy - 0.08, accuracy + 0.08], "mcc": [-0.1, 0.3], "log_loss": [1.0, 1.1]},
        },
        "baselines": {"majority": {"class": "HOLD", "accuracy": 0.42}},
        "verdict": {"label": "no better than chance", "reasons": ["The interval of the accuracy holds the baseline."]},
        "threshold": 0.6,
    }
    return Made(made_model(kind, seed), report)
