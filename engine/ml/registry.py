"""The models that were trained: saved, loaded, checked, made live, taken back and deleted.

A model is a folder under models/ with its estimator and a manifest, and a row in the store that holds the SHA-256 of both.
The row is what is trusted: a file is read whole, hashed, and looked into only when the store knows that hash. A folder without
a row is no model, whatever it holds; nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from engine import __version__
from engine.domain import DEFAULT_TIMEFRAME, iso, jsonable, sao_paulo
from engine.errors import ModelError, PregaoError, UsageError
from engine.i18n import _
from engine.ml import estimator_bytes, safe_files
from engine.ml.model import BOOSTED, FOREST, SignalModel
from engine.store import models as stored
from engine.store.models import StoredModel
from engine.strategies.base import did_you_mean

if TYPE_CHECKING:
    from engine.domain import FloatArray
    from engine.store.database import Store

SIGNALS = "signals"
LATEST = "latest"
MANIFEST = "manifest.json"
FORMAT = 1
SHORT: Mapping[str, str] = {FOREST: "rf", BOOSTED: "xgb"}
_ID = re.compile(r"[a-z]+-(rf|xgb)-\d{8}-\d{6}-[0-9a-f]{4}", re.ASCII)


class Trained(Protocol):
    """What `save` takes: the model that learnt from all rows, and the report of its training."""

    @property
    def model(self) -> SignalModel: ...

    @property
    def report(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Check:
    """Whether what lies at `path` is the model it says it is; reason: why not, empty when it is."""

    model_id: str
    path: Path
    ok: bool
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"model_id": self.model_id, "path": str(self.path), "ok": self.ok, "reason": self.reason or None}


def save(
    folder: Path,
    store: Store,
    training: Trained,
    *,
    now: int,
    name: str = "",
    kind: str = SIGNALS,
    snapshot: int | None = None,
) -> str:
    """Keep a trained model and return its id; the same training of the same second has the same id and is kept once.

    folder: models/ of the workspace. now: UTC seconds. name: a note of the user's. snapshot: number of the newest import when
    the bars were read (None: the one of now). The report must hold "symbols" and may hold "timeframe" (default 1d).
    The files come first and get their name at once, the row last: killed in between, no model is there, and what is left of it
    is listed by `verify`. Raises ModelError when the files cannot be written.
    """
    model, report = training.model, training.report
    estimator = estimator_bytes.dump(model.kind, model.estimator)
    file = estimator_bytes.FILES[model.kind]
    symbols = tuple(sorted(report["symbols"]))
    timeframe = report.get("timeframe", DEFAULT_TIMEFRAME)
    about: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "kind": kind,
        "model": model.kind,
        "symbols": symbols,
        "timeframe": timeframe,
        "created_at": iso(now),
        "snapshot": store.snapshot() if snapshot is None else snapshot,
        "code_version": __version__,
        "versions": estimator_bytes.versions(model.kind),
        "features": model.features,
        "schema": model.schema,
        "selected": model.selected,
        "center": model.center,
        "scale": model.scale,
        "slope": model.slope,
        "intercept": model.intercept,
        "params": model.params,
        "estimator": {"file": file, "sha256": _sha256(estimator)},
        "report": {key: value for key, value in report.items() if key != "model_id"},
    }
    mark = _sha256(_json(about))[:4]
    model_id = f"{kind}-{SHORT[model.kind]}-{sao_paulo(now):%Y%m%d-%H%M%S}-{mark}"
    manifest = _json({"model_id": model_id, **about})
    row = StoredModel(
        id=model_id,
        kind=kind,
        family=model.kind,
        symbols=symbols,
        timeframe=timeframe,
        name=name,
        created_at=now,
        snapshot=about["snapshot"],
        code_version=__version__,
        schema=model.schema,
        estimator_sha256=about["estimator"]["sha256"],
        manifest_sha256=_sha256(manifest),
        summary=_summary(report, model),
    )
    if (known := stored.read_model(store, model_id)) is not None:
        if known.manifest_sha256 == row.manifest_sha256:
            return model_id
        raise ModelError(_("There is another model {id} already").format(id=model_id), _("Train again: the id holds the second."))
    safe_files.write_folder(folder / model_id, {file: estimator, MANIFEST: manifest})
    stored.add_model(store, row)
    return model_id


def list_models(store: Store) -> list[StoredModel]:
    """Every model that was saved, the newest first."""
    return stored.read_models(store)


def find(
    store: Store,
    model_id: str = LATEST,
    *,
    kind: str = SIGNALS,
    symbol: str | None = None,
    timeframe: str | None = None,
) -> StoredModel:
    """The row of one model; "latest" is the one that was made live last, else the newest, of those that fit.

    A model fits when it is of this kind and timeframe and learnt from this symbol, as far as these are given.
    Raises UsageError for an id that does not exist, ModelError when there is no model yet or none that fits.
    """
    known = stored.read_models(store)
    if model_id != LATEST:
        return _named(known, model_id)
    fitting = [
        model
        for model in known
        if model.kind == kind and symbol in (None, *model.symbols) and timeframe in (None, model.timeframe)
    ]
    if not fitting:
        raise ModelError(
            _("There is no model that fits {what}").format(what=f"{symbol or kind} {timeframe or ''}".strip()),
            _("`pregao models` lists the models, `pregao train signals SYMBOL` makes one."),
        )
    return max(fitting, key=lambda model: (model.live, model.live_since or model.created_at))


def load(
    folder: Path,
    store: Store,
    model_id: str = LATEST,
    *,
    schema: str | None = None,
    kind: str = SIGNALS,
    symbol: str | None = None,
    timeframe: str | None = None,
) -> SignalModel:
    """A model that predicts as it did when it was saved. schema: the hash its features must have (None: today's formulas).

    The arguments that choose it are those of `find`. Raises ModelError when a file is missing, foreign, altered, cut off, a link,
    of another schema or of another major version of the library; UsageError and ModelError as `find`.
    """
    return _load(folder, find(store, model_id, kind=kind, symbol=symbol, timeframe=timeframe), schema)


def read_manifest(folder: Path, store: Store, model_id: str = LATEST) -> dict[str, Any]:
    """What was written down when a model was saved, its report included. Raises as `load`, but looks at no estimator."""
    return _manifest(folder, find(store, model_id))


def verify(folder: Path, store: Store, model_ids: Sequence[str] = ()) -> tuple[Check, ...]:
    """Load each of these models, or all of them, and name what else lies in `folder`, which is never loaded.

    Raises UsageError for an id that does not exist.
    """
    there = sorted(path for path in folder.iterdir() if not _is_at_home(path)) if folder.is_dir() else []
    known = stored.read_models(store)
    checks = []
    for row in [_named(known, model_id) for model_id in model_ids] or known:
        reason = ""
        try:
            _load(folder, row, None)
        except PregaoError as error:
            reason = error.message
        checks.append(Check(row.id, folder / row.id, not reason, reason))
    if not model_ids:
        rows = {row.id for row in known}
        left = _("The store knows no such model: it was not saved to the end, or it was deleted")
        foreign = _("Pregão did not save this, and never loads it")
        checks += [
            Check(path.name, path, False, left if _is_ours(path.name) else foreign) for path in there if path.name not in rows
        ]
    return tuple(checks)


def promote(folder: Path, store: Store, model_id: str, *, now: int) -> bool:
    """Make a model the live one of its kind, timeframe and symbols, after it was loaded; False when it is so already.

    Raises as `load`.
    """
    row = find(store, model_id)
    _load(folder, row, None)
    return stored.promote_model(store, row.id, now)


def rollback(store: Store, model_id: str, *, now: int) -> StoredModel | None:
    """Take back the promotion of a live model and return the model that is live in its place, None when there is none.

    Raises UsageError for an id that does not exist, ModelError for a model that is not live.
    """
    row = find(store, model_id)
    if not stored.roll_back_model(store, row.id, now):
        raise ModelError(_("{id} is not live, so that there is nothing to take back").format(id=row.id))
    return live(store, row)


def live(store: Store, like: StoredModel) -> StoredModel | None:
    """The live model of the same kind, timeframe and symbols."""
    return next((model for model in stored.read_models(store) if model.live and model.scope == like.scope), None)


def delete(folder: Path, store: Store, model_id: str, *, force: bool = False) -> None:
    """Remove a model, or what lies in `folder` under the name of one that the store does not know; a live one with `force` only.

    Raises UsageError for an id that does not exist, ModelError for a live model or files that cannot be removed.
    """
    known = stored.read_models(store)
    path = folder / model_id
    if any(row.id == model_id for row in known) or not (_is_ours(model_id) and (path.is_symlink() or path.exists())):
        row = _named(known, model_id)
        if not stored.remove_model(store, row.id, even_live=force):
            raise ModelError(
                _("{id} is live").format(id=row.id), _("Promote another model or roll back first, or delete it with --force.")
            )
    try:
        safe_files.remove(path)
    except OSError as error:
        raise ModelError(_("{path} cannot be removed: {error}").format(path=path, error=error.strerror or error)) from error


def _named(known: Sequence[StoredModel], model_id: str) -> StoredModel:
    """The row of this id. Raises UsageError."""
    for row in known:
        if row.id == model_id:
            return row
    hint = did_you_mean(model_id, {row.id: row for row in known}) if known else _("`pregao train signals SYMBOL` makes one.")
    raise UsageError(_("There is no model {id}").format(id=model_id or "''"), hint)


def _is_ours(name: str) -> bool:
    return _ID.fullmatch(name.removesuffix(safe_files.PART)) is not None


def _is_at_home(path: Path) -> bool:
    """Whether something that is no model may lie in the folder of the models: a note, what is hidden, and the models of the demo."""
    if path.is_dir():
        return path.name.startswith(".") or path.name == "demo"
    return path.name.startswith(".") or path.suffix in (".md", ".txt")


def _load(folder: Path, row: StoredModel, schema: str | None) -> SignalModel:
    manifest = _manifest(folder, row)
    wanted = _schema_of_today(row, manifest) if schema is None else schema
    if row.schema != wanted:
        raise ModelError(
            _("{id} learnt from other features: their formulas have changed").format(id=row.id), _("Train it again.")
        )
    data = _trusted(folder / row.id, estimator_bytes.FILES[row.family], row.estimator_sha256)
    _check_versions(row, manifest)
    try:
        arrays = {name: _floats(manifest[name]) for name in ("center", "scale", "slope", "intercept")}
        selected = np.array(manifest["selected"], dtype=np.int64)
        features = tuple(str(name) for name in manifest["features"])
        params = dict(manifest["params"])
    except (KeyError, TypeError, ValueError) as error:
        raise _no_manifest(row) from error
    size = selected.size
    if not size or selected.min() < 0 or selected.max() >= len(features):
        raise _no_manifest(row)
    if [array.shape for array in arrays.values()] != [(size,), (size,), (3,), (3,)]:
        raise _no_manifest(row)
    estimator = estimator_bytes.load(row.family, data, size)
    return SignalModel(
        kind=row.family, features=features, schema=row.schema, selected=selected, estimator=estimator, params=params, **arrays
    )


def _manifest(folder: Path, row: StoredModel) -> dict[str, Any]:
    content = _trusted(folder / row.id, MANIFEST, row.manifest_sha256)
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise _no_manifest(row) from error
    if not isinstance(manifest, dict) or (manifest.get("model_id"), manifest.get("schema")) != (row.id, row.schema):
        raise _no_manifest(row)
    if manifest.get("format") != FORMAT:
        raise ModelError(_("{id} was written by another version of Pregão").format(id=row.id), _("Train it again."))
    return manifest


def _trusted(folder: Path, name: str, sha256: str) -> bytes:
    """The content of a file that has the hash of the store. Raises ModelError."""
    if not _is_ours(folder.name):
        raise ModelError(_("{id} is no name of a model").format(id=folder.name or "''"))
    content = safe_files.read_whole(folder, name)
    if _sha256(content) != sha256:
        raise ModelError(
            _("{path} is not the file that was saved: its SHA-256 differs").format(path=folder / name),
            _("Delete the model and train it again."),
        )
    return content


def _schema_of_today(row: StoredModel, manifest: Mapping[str, Any]) -> str:
    from engine.features.catalogue import schema_hash

    try:
        return schema_hash(manifest["features"])
    except (UsageError, KeyError, TypeError) as error:
        raise ModelError(_("{id} learnt from features that no longer exist").format(id=row.id), _("Train it again.")) from error


def _check_versions(row: StoredModel, manifest: Mapping[str, Any]) -> None:
    written = manifest.get("versions")
    for library, installed in estimator_bytes.versions(row.family).items():
        was = str(written.get(library)) if isinstance(written, dict) else "?"
        if was.split(".")[0] != installed.split(".")[0]:
            raise ModelError(
                _("{id} was written by {library} {was}, and {installed} is installed").format(
                    id=row.id, library=library, was=was, installed=installed
                ),
                _("Train it again."),
            )


def _no_manifest(row: StoredModel) -> ModelError:
    return ModelError(_("The manifest of {id} is not one").format(id=row.id), _("Delete the model and train it again."))


def _summary(report: Mapping[str, Any], model: SignalModel) -> dict[str, Any]:
    """What a list of models shows, so that it opens no file."""
    metrics = report.get("metrics", {})
    found: dict[str, Any] = {key: report.get(key) for key in ("label", "baselines", "verdict", "threshold")}
    found["features"] = len(model.selected)
    found["folds"] = len(report.get("folds", ()))
    found["intervals"] = metrics.get("intervals")
    found["metrics"] = {key: value for key, value in metrics.items() if isinstance(value, (int, float))}
    plain: dict[str, Any] = jsonable(found)
    return plain


def _floats(values: Sequence[float | None]) -> FloatArray:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(jsonable(value), ensure_ascii=False, indent=1, allow_nan=False).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
