"""The rows of saved models: what they are, the hashes their files must have, and which of them is live.

A model's scope is its kind, timeframe and symbols; at most one model of a scope is live. Times are UTC seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from engine.domain import iso

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.store.database import Store


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One saved model.

    kind: what it is for ("signals"); family: "random_forest" or "xgboost"; symbols: what it learnt from, in alphabetical order.
    snapshot: number of the newest import when it learnt. schema: hash of its features' formulas. estimator_sha256 and
    manifest_sha256: what the files in its folder must have, in hexadecimal. summary: figures of its report.
    live_since: when it became the live model of its scope, None when it is not.
    """

    id: str
    kind: str
    family: str
    symbols: tuple[str, ...]
    timeframe: str
    name: str
    created_at: int
    snapshot: int
    code_version: str
    schema: str
    estimator_sha256: str
    manifest_sha256: str
    summary: Mapping[str, Any]
    live_since: int | None = None

    @property
    def live(self) -> bool:
        return self.live_since is not None

    @property
    def scope(self) -> tuple[str, str, tuple[str, ...]]:
        return self.kind, self.timeframe, self.symbols

    def as_dict(self) -> dict[str, Any]:
        return {
            "model_id": self.id,
            "kind": self.kind,
            "model": self.family,
            "name": self.name,
            "symbols": list(self.symbols),
            "timeframe": self.timeframe,
            "created_at": iso(self.created_at),
            "live": self.live,
            "live_since": None if self.live_since is None else iso(self.live_since),
            "snapshot": self.snapshot,
            "code_version": self.code_version,
            "schema": self.schema,
            **self.summary,
        }


@dataclass(frozen=True, slots=True)
class Promotion:
    """One time that a model was made live; rolled_back_at: when that was taken back, None where it was not."""

    promoted_at: int
    rolled_back_at: int | None

    def as_dict(self) -> dict[str, Any]:
        back = self.rolled_back_at
        return {"promoted_at": iso(self.promoted_at), "rolled_back_at": None if back is None else iso(back)}


_COLUMNS = tuple(field.name for field in fields(StoredModel) if field.name != "live_since")

#: Every model, and since when it is live.
_MODELS = f"""
WITH open AS (
    SELECT model_id, promoted_at, row_number() OVER (PARTITION BY kind, timeframe, symbols ORDER BY p.id DESC) AS place
    FROM model_promotions p JOIN models ON models.id = model_id WHERE rolled_back_at IS NULL
)
SELECT {", ".join(_COLUMNS)}, promoted_at FROM models LEFT JOIN open ON model_id = models.id AND place = 1
"""


def add_model(store: Store, model: StoredModel) -> None:
    """Write the row of a new model; it is not live. Raises StoreError when the id is taken."""
    values = {name: getattr(model, name) for name in _COLUMNS}
    values |= {"symbols": ",".join(model.symbols), "summary": json.dumps(model.summary)}
    marks = ", ".join("?" for _column in _COLUMNS)
    with store.write() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO models ({', '.join(_COLUMNS)}) VALUES ({marks})", tuple(values[name] for name in _COLUMNS)
        )


def read_models(store: Store) -> list[StoredModel]:
    """Every model, the newest first."""
    with store.read() as connection:
        rows = connection.exec_driver_sql(f"{_MODELS} ORDER BY created_at DESC, id DESC").fetchall()
    return [_model(row) for row in rows]


def read_model(store: Store, model_id: str) -> StoredModel | None:
    """One model, None where there is none of that id."""
    with store.read() as connection:
        return _find(connection, model_id)


def promote_model(store: Store, model_id: str, now: int) -> bool:
    """Make a model the live one of its scope; False when it is so already or does not exist."""
    with store.write() as connection:
        model = _find(connection, model_id)
        if model is None or model.live:
            return False
        connection.exec_driver_sql("INSERT INTO model_promotions (model_id, promoted_at) VALUES (?, ?)", (model_id, now))
        return True


def roll_back_model(store: Store, model_id: str, now: int) -> bool:
    """Take back the promotion of a live model, so that the one before is live again; False when it is not live."""
    with store.write() as connection:
        model = _find(connection, model_id)
        if model is None or not model.live:
            return False
        connection.exec_driver_sql(
            "UPDATE model_promotions SET rolled_back_at = ?1"
            " WHERE id = (SELECT max(id) FROM model_promotions WHERE model_id = ?2 AND rolled_back_at IS NULL)",
            (now, model_id),
        )
        return True


def remove_model(store: Store, model_id: str, *, even_live: bool = False) -> bool:
    """Take a model's row out; False when there is none or it is live and `even_live` is not set."""
    with store.write() as connection:
        model = _find(connection, model_id)
        if model is None or (model.live and not even_live):
            return False
        connection.exec_driver_sql("DELETE FROM models WHERE id = ?", (model_id,))
        return True


def read_promotions(store: Store, model_id: str) -> list[Promotion]:
    """When a model was made live, oldest first."""
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT promoted_at, rolled_back_at FROM model_promotions WHERE model_id = ? ORDER BY id", (model_id,)
        ).fetchall()
    return [Promotion(int(row[0]), row[1]) for row in rows]


def _find(connection: Connection, model_id: str) -> StoredModel | None:
    row = connection.exec_driver_sql(f"{_MODELS} WHERE models.id = ?", (model_id,)).fetchone()
    return None if row is None else _model(row)


def _model(row: Any) -> StoredModel:
    values: dict[str, Any] = dict(zip((*_COLUMNS, "live_since"), row))
    return StoredModel(**{**values, "symbols": tuple(values["symbols"].split(",")), "summary": json.loads(values["summary"])})
