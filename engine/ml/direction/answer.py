"""What a model says of one session, with what each column adds, kept on the disk: asked again on the same data nothing is fitted.

A kept answer is plain numbers in JSON under the digest of everything it follows from: the rows, the row asked about, the settings
and the version of XGBoost. Whatever is not exactly that is fitted anew.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.ml.direction import models
from engine.whole_file import write_whole

if TYPE_CHECKING:
    from engine.domain import FloatArray

#: The package that brings `xgboost`, as pyproject.toml names it.
PACKAGE = "xgboost" if sys.platform == "darwin" else "xgboost-cpu"


@dataclass(frozen=True, slots=True)
class Answer:
    """probability: of up, NaN where the row tells nothing. base_rate, rows: of what was learnt from. contributions: of each column,
    in log-odds; see `models.DirectionModel.contributions`.
    """

    probability: float
    base_rate: float
    rows: int
    contributions: tuple[float, ...]


def answer(
    kind: str, names: tuple[str, ...], X: FloatArray, y: FloatArray, row: FloatArray, *, kept: Path | None = None, about: str = ""
) -> Answer:
    """What the model of one kind says of `row`, float64 (k,), having learnt from X, float64 (m, k), and y, float64 (m,).

    kept: the file in which the newest answer stays (None: none); about: the configuration. Raises NoDataError as `models.fit`.
    """
    digest = _digest(kind, names, X, y, row, about)
    known = None if kept is None else _read(kept, digest, len(names))
    if known is not None:
        return known
    model = models.fit(kind, names, X, y)
    made = Answer(
        float(model.probability(row[None, :])[0]), model.base_rate, model.rows, tuple(model.contributions(row).tolist())
    )
    if kept is not None and not math.isnan(made.probability):
        _write(kept, digest, made)
    return made


def _digest(kind: str, names: tuple[str, ...], X: FloatArray, y: FloatArray, row: FloatArray, about: str) -> str:
    found = hashlib.sha256(json.dumps([kind, names, X.shape, about, version(PACKAGE)]).encode())
    for values in (X, y, row):
        found.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    return found.hexdigest()


def _read(path: Path, digest: str, columns: int) -> Answer | None:
    """The kept answer of this digest; None for another one and for a file that is missing or holds anything else."""
    try:
        held = json.loads(path.read_bytes())
        found = Answer(**{**held["answer"], "contributions": tuple(map(float, held["answer"]["contributions"]))})
        sound = held["digest"] == digest and len(found.contributions) == columns and 0 <= found.probability <= 1
        return found if sound and 0 < found.base_rate < 1 and isinstance(found.rows, int) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, digest: str, made: Answer) -> None:
    """Keep an answer; where the disk refuses, it is fitted anew the next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"digest": digest, "answer": asdict(made)}).encode())
    except OSError:
        return
