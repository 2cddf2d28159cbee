"""The searches of a training that were finished before it was stopped: the same training asked again goes on behind them.

One search is one JSON file, named by a digest of everything it depends on, so that it can only serve the very same search.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.ml.tuning import Trial, Tuned
from engine.whole_file import write_whole

if TYPE_CHECKING:
    from engine.domain import IntArray
    from engine.ml.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Finished searches in one folder, which need not exist yet."""

    folder: Path

    def read(self, key: str) -> Tuned | None:
        """The search of that key; None where there is none, or its file is damaged."""
        try:
            held = json.loads((self.folder / f"{key}.json").read_text("utf-8"))
            return Tuned(dict(held["params"]), tuple(Trial(**trial) for trial in held["trials"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, key: str, found: Tuned) -> None:
        """Write a finished search; a file is there whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        held = {"params": dict(found.params), "trials": [asdict(trial) for trial in found.trials]}
        write_whole(self.folder / f"{key}.json", json.dumps(held).encode())

    def forget(self, keys: Sequence[str]) -> None:
        """Delete the searches of a training that came to its end."""
        for key in keys:
            (self.folder / f"{key}.json").unlink(missing_ok=True)


def search_key(table: Dataset, rows: IntArray, asked: Mapping[str, Any]) -> str:
    """A digest of the rows that a search learns from, with their features and labels, and of what was asked."""
    digest = hashlib.sha256(json.dumps({**asked, "features": table.features}, sort_keys=True, default=str).encode())
    for array in (table.X[rows], table.y[rows], table.start[rows], table.end[rows], table.symbol[rows], table.weights[rows]):
        digest.update(array.tobytes())
    return digest.hexdigest()[:32]
