"""Models that are kept: what comes back is what was saved, and nothing else is ever loaded."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ModelError, UsageError
from engine.ml import estimator_bytes, registry, safe_files
from engine.ml.model import BOOSTED, FOREST
from engine.ml.model_compare import compare
from engine.store.database import Store, open_store
from engine.store.models import read_promotions
from tests.ml.model_maker import FAMILIES, NOW, Made, made_model, made_training, rows

ROOT = Path(__file__).parents[2]
LATER = NOW + 60


@pytest.fixture(scope="module")
def trainings() -> dict[str, Made]:
    return {kind: made_training(kind) for kind in FAMILIES}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("template") / "pregao.db"
    open_store(path).close()
    return path.read_bytes()


@pytest.fixture
def store(tmp_path: Path, template: bytes) -> Iterator[Store]:
    (tmp_path / "pregao.db").write_bytes(template)
    opened = open_store(tmp_path / "pregao.db")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def file_of(folder: Path, model_id: str) -> Path:
    return next(path for path in (folder / model_id).iterdir() if path.name != registry.MANIFEST)


def trust(store: Store, model_id: str, **hashes: str) -> None:
    """As somebody would who can write into the store as well as into the folder."""
    for column, value in hashes.items():
        with store.write() as connection:
            connection.exec_driver_sql(f"UPDATE models SET {column} = ? WHERE id = ?", (value, model_id))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def refused(folder: Path, store: Store, model_id: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        registry.load(folder, store, model_id)
    assert "\n" not in caught.value.message
    checks = registry.verify(folder, store)
    assert [(check.ok, check.reason) for check in checks if check.model_id == model_id] == [(False, caught.value.message)]


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_model_comes_back_as_it_was_saved(folder: Path, store: Store, trainings, kind) -> None:
    saved = trainings[kind].model
    model_id = registry.save(folder, store, trainings[kind], now=NOW, name="first try")
    short = {"xgboost": "xgb", "random_forest": "rf"}[kind]
    assert re.fullmatch(rf"signals-{short}-20261121-\d{{6}}-[0-9a-f]{{4}}", model_id)
    loaded = registry.load(folder, store, model_id)
    X = rows(300, seed=5)
    np.testing.assert_array_equal(loaded.probabilities(X), saved.probabilities(X))
    np.testing.assert_array_equal(loaded.raw(X), saved.raw(X))
    assert (loaded.kind, loaded.features, loaded.schema) == (saved.kind, saved.features, saved.schema)
    assert loaded.params == saved.params
    for name in ("selected", "center", "scale", "slope", "intercept"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))
    if kind == BOOSTED:
        assert loaded.estimator.save_raw("ubj") == saved.estimator.save_raw("ubj")


def test_a_model_whose_training_rows_lacked_a_class_comes_back(folder: Path, store: Store) -> None:
    for kind in FAMILIES:
        made = Made(made_model(kind, classes=(0, 1)), {"symbols": ["MEAA3"]})
        loaded = registry.load(folder, store, registry.save(folder, store, made, now=NOW))
        np.testing.assert_array_equal(loaded.probabilities(rows(50)), made.model.probabilities(rows(50)))


def test_two_models_do_not_disturb_each_other_and_the_same_one_is_kept_once(folder: Path, store: Store, trainings) -> None:
    ids = [registry.save(folder, store, trainings[kind], now=NOW) for kind in FAMILIES]
    assert registry.save(folder, store, trainings[BOOSTED], now=NOW) == ids[0]
    assert sorted(path.name for path in folder.iterdir()) == sorted(ids)
    X = rows(100, seed=6)
    loaded = [registry.load(folder, store, model_id) for model_id in ids]
    for model, kind in zip(loaded, FAMILIES):
        np.testing.assert_array_equal(model.probabilities(X), trainings[kind].model.probabilities(X))
    assert all(check.ok for check in registry.verify(folder, store))
    assert len(registry.list_models(store)) == 2


def test_the_manifest_tells_where_the_model_comes_from(folder: Path, store: Store, trainings) -> None:
    model_id = registry.save(folder, store, trainings[FOREST], now=NOW, name="x", snapshot=7)
    manifest = registry.read_manifest(folder, store, model_id)
    assert manifest["model_id"] == model_id
    assert manifest["snapshot"] == 7
    assert set(manifest["versions"]) == {"scikit-learn", "skops"}
    assert manifest["estimator"] == {"file": "model.skops", "sha256": sha256(file_of(folder, model_id).read_bytes())}
    assert manifest["report"]["metrics"]["auc"] is None
    assert manifest["report"]["verdict"]["label"] == "no better than chance"
    assert {"code_version", "schema", "features", "params", "created_at", "name"} <= set(manifest)
    (row,) = registry.list_models(store)
    assert row.summary["metrics"] == {"rows": 100, "accuracy": 0.5, "mcc": 0.1, "log_loss": 1.05, "auc": None}
    assert row.manifest_sha256 == sha256((folder / model_id / "manifest.json").read_bytes())


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("which", ["estimator", "manifest"])
def test_an_altered_or_cut_file_is_refused(folder: Path, store: Store, trainings, kind, which) -> None:
    model_id = registry.save(folder, store, trainings[kind], now=NOW)
    path = file_of(folder, model_id) if which == "estimator" else folder / model_id / registry.MANIFEST
    content = path.read_bytes()
    for changed in (content[:-1], b"", content + b" ", bytes([content[0] ^ 1]) + content[1:]):
        path.write_bytes(changed)
        refused(folder, store, model_id, "SHA-256")
    path.unlink()
    refused(folder, store, model_id, "is missing")
    path.mkdir()
    refused(folder, store, model_id, r"no regular file|cannot be read")
    path.rmdir()
    path.write_bytes(content)
    registry.load(folder, store, model_id)


class Malice:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("in_store", [False, True], ids=["file", "file and store"])
def test_a_pickle_under_the_name_of_a_model_is_never_run(folder: Path, store: Store, trainings, kind, in_store, tmp_path) -> None:
    model_id = registry.save(folder, store, trainings[kind], now=NOW)
    proof = tmp_path / "proof"
    bomb = pickle.dumps(Malice(proof))
    pickle.loads(bomb)  # noqa: S301
    assert proof.is_dir(), "the bomb works where it is unpickled"
    proof.rmdir()
    file_of(folder, model_id).write_bytes(bomb)
    if in_store:
        trust(store, model_id, estimator_sha256=sha256(bomb))
    refused(folder, store, model_id, "no .* model that can be trusted" if in_store else "SHA-256")
    assert not proof.exists()


def test_a_skops_file_may_hold_nothing_but_a_forest(folder: Path, store: Store, trainings) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import FunctionTransformer
    from skops.io import dumps

    model_id = registry.save(folder, store, trainings[FOREST], now=NOW)
    for other, words in (
        (FunctionTransformer(os.getcwd), "getcwd"),
        (LogisticRegression(), "another kind"),
        ({"a": 1}, "another kind"),
    ):
        content = dumps(other)
        file_of(folder, model_id).write_bytes(content)
        trust(store, model_id, estimator_sha256=sha256(content))
        refused(folder, store, model_id, words)


def crafted_forest(change) -> bytes:
    """A forest whose first tree was changed as `change` does to the arrays of its state."""
    from skops.io import dumps

    forest = made_model(FOREST).estimator
    tree = forest.estimators_[0].tree_
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    change(state)
    tree.__setstate__(state)
    return dumps(forest)


def changed_skops(content: bytes, was: str, now: str) -> bytes:
    """The same archive with a text of its schema replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(out, "w") as written:
        for name in archive.namelist():
            data = archive.read(name)
            if name == "schema.json":
                assert was.encode() in data
                data = data.replace(was.encode(), now.encode())
            written.writestr(name, data)
    return out.getvalue()


def outside(state):
    state["nodes"]["left_child"][0] = 10**9


def backwards(state):
    state["nodes"]["right_child"][0] = 0


def foreign_feature(state):
    state["nodes"]["feature"][0] = 10**6


def negative_child(state):
    state["nodes"]["left_child"][0] = -7


def half_leaf(state):
    state["nodes"]["left_child"][0] = -1


@pytest.mark.parametrize("change", [outside, backwards, foreign_feature, negative_child, half_leaf])
def test_a_made_tree_of_a_forest_is_refused_before_it_predicts(change) -> None:
    content = crafted_forest(change)
    with pytest.raises(ModelError, match="leads nowhere"):
        estimator_bytes.load(FOREST, content, 4)


def test_a_forest_that_counts_its_nodes_wrongly_is_refused() -> None:
    content = estimator_bytes.dump(FOREST, made_model(FOREST).estimator)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read("schema.json").decode()
    counts = re.findall(r'"node_count": \{.*?\}', text, re.DOTALL)
    for_another = re.sub(r'"content": "\d+"|"__id__": \d+', '"content": "-1"', counts[0])
    with pytest.raises(ModelError, match="a broken tree"):
        estimator_bytes.load(FOREST, changed_skops(content, counts[0], for_another), 4)


def test_a_forest_of_another_number_of_features_or_of_strange_classes_is_refused() -> None:
    content = estimator_bytes.dump(FOREST, made_model(FOREST).estimator)
    estimator_bytes.load(FOREST, content, 4)
    with pytest.raises(ModelError, match="another kind"):
        estimator_bytes.load(FOREST, content, 5)
    forest = made_model(FOREST).estimator
    forest.classes_ = np.array([0, 1, 9])
    with pytest.raises(ModelError, match="another kind"):
        estimator_bytes.load(FOREST, estimator_bytes.dump(FOREST, forest), 4)
    strange = changed_skops(content, "RandomForestClassifier", "ExtraTreesClassifier")
    with pytest.raises(ModelError, match="another kind"):
        estimator_bytes.load(FOREST, strange, 4)


def test_a_boosted_model_of_another_number_of_features_is_refused() -> None:
    content = estimator_bytes.dump(BOOSTED, made_model(BOOSTED).estimator)
    estimator_bytes.load(BOOSTED, content, 4)
    with pytest.raises(ModelError, match="another kind"):
        estimator_bytes.load(BOOSTED, content, 5)


TRY_CHANGED_BYTES = """
import sys
from pathlib import Path
import numpy as np
from engine.errors import ModelError
from engine.ml import estimator_bytes
kind, path, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
content = path.read_bytes()
refused = 0
for seed in range(count):
    rng = np.random.default_rng(seed)
    changed = bytearray(content)
    if seed % 3 == 0:
        changed = changed[: int(rng.integers(0, len(content)))]
    for _ in range(int(rng.integers(1, 4)) if changed else 0):
        changed[int(rng.integers(0, len(changed)))] = int(rng.integers(0, 256))
    try:
        estimator = estimator_bytes.load(kind, bytes(changed), 4)
    except ModelError as error:
        assert "\\n" not in error.message
        refused += 1
        continue
    if kind == "xgboost":
        import xgboost
        estimator.predict(xgboost.DMatrix(np.zeros((3, 4))))
    else:
        estimator.predict_proba(np.zeros((3, 4)))
print(refused)
"""


@pytest.mark.parametrize(("kind", "count"), [(BOOSTED, 150), (FOREST, 25)])
def test_changed_bytes_never_crash_the_program(tmp_path: Path, kind, count) -> None:
    path = tmp_path / "model"
    path.write_bytes(estimator_bytes.dump(kind, made_model(kind).estimator))
    done = subprocess.run(
        [sys.executable, "-c", TRY_CHANGED_BYTES, kind, str(path), str(count)],
        capture_output=True, text=True, timeout=100, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > count / 2


def test_links_are_not_followed(folder: Path, store: Store, trainings, tmp_path) -> None:
    model_id = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    path = file_of(folder, model_id)
    aside = tmp_path / "aside.ubj"
    path.rename(aside)
    path.symlink_to(aside)
    refused(folder, store, model_id, "is a link")
    path.unlink()
    aside.rename(path)
    registry.load(folder, store, model_id)
    (folder / model_id).rename(tmp_path / "elsewhere")
    (folder / model_id).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    refused(folder, store, model_id, "is a link")
    registry.delete(folder, store, model_id)
    assert not (folder / model_id).is_symlink()
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == ["manifest.json", "model.ubj"]


@pytest.mark.parametrize(
    "model_id", ["../pregao.db", "..", "", ".", "/etc/passwd", "signals-rf-20261121-153000-4f2a/../..", "a\0b"]
)
def test_an_id_that_is_a_path_reaches_nothing(folder: Path, store: Store, trainings, model_id) -> None:
    registry.save(folder, store, trainings[BOOSTED], now=NOW)
    before = sorted(path for path in folder.parent.rglob("*") if "pregao.db-" not in path.name)
    for work in (
        lambda: registry.load(folder, store, model_id),
        lambda: registry.read_manifest(folder, store, model_id),
        lambda: registry.delete(folder, store, model_id, force=True),
        lambda: registry.promote(folder, store, model_id, now=NOW),
        lambda: registry.rollback(store, model_id, now=NOW),
        lambda: registry.verify(folder, store, [model_id]),
    ):
        with pytest.raises(UsageError, match="There is no model"):
            work()
    assert sorted(path for path in folder.parent.rglob("*") if "pregao.db-" not in path.name) == before


def test_a_row_that_names_a_path_is_refused_too(folder: Path, store: Store, trainings) -> None:
    model_id = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    (folder / model_id).rename(folder.parent / "outside")
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE models SET id = '../outside'")
    with pytest.raises(ModelError, match="no name of a model"):
        registry.load(folder, store, "../outside")
    (check,) = registry.verify(folder, store)
    assert not check.ok


def rewrite(folder: Path, store: Store, saved: str, **changes: object) -> None:
    """Another manifest, with the store's consent."""
    path = folder / saved / registry.MANIFEST
    content = json.dumps(json.loads(path.read_bytes()) | changes).encode()
    path.write_bytes(content)
    trust(store, saved, manifest_sha256=sha256(content))


def test_a_model_of_other_features_or_formulas_is_refused(folder: Path, store: Store, trainings) -> None:
    model_id = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    schema = trainings[BOOSTED].model.schema
    registry.load(folder, store, model_id, schema=schema)
    with pytest.raises(ModelError, match="other features"):
        registry.load(folder, store, model_id, schema="0" * 64)
    rewrite(folder, store, model_id, features=["momentum_20", "abolished"])
    refused(folder, store, model_id, "no longer exist")
    rewrite(folder, store, model_id, features=["momentum_20", "rsi_14"])
    refused(folder, store, model_id, "other features")


@pytest.mark.parametrize(("kind", "library"), [(BOOSTED, "xgboost"), (FOREST, "scikit-learn"), (FOREST, "skops")])
def test_a_model_of_another_major_version_of_the_library_is_refused(folder: Path, store: Store, trainings, kind, library) -> None:
    model_id = registry.save(folder, store, trainings[kind], now=NOW)
    versions = registry.read_manifest(folder, store, model_id)["versions"]
    major, _point, rest = versions[library].partition(".")
    rewrite(folder, store, model_id, versions=versions | {library: f"{major}.9999"})
    registry.load(folder, store, model_id)
    rewrite(folder, store, model_id, versions=versions | {library: f"{int(major) + 1}.{rest}"})
    refused(folder, store, model_id, f"written by {library}")
    rewrite(folder, store, model_id, versions=None)
    refused(folder, store, model_id, "written by")


@pytest.mark.parametrize(
    "changes",
    [{"selected": [0, 1, 2, 99]}, {"selected": []}, {"center": [0.0]}, {"slope": [1.0, 2.0]}, {"selected": "no"}, {"center": ["x"] * 4},
     {"params": None}, {"model_id": "signals-rf-20261121-153000-4f2a"}, {"format": 2}],
)  # fmt: skip
def test_a_manifest_that_contradicts_itself_is_refused(folder: Path, store: Store, trainings, changes) -> None:
    model_id = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    rewrite(folder, store, model_id, **changes)
    refused(folder, store, model_id, "manifest|another version")


SAVE_AND_DIE = """
import os, sys
from pathlib import Path
from engine.ml import registry, safe_files
from engine.store import models
from engine.store.database import open_store
from tests.ml.model_maker import NOW, made_training
at = sys.argv[2]
die = lambda *words, **named: os._exit(9)
if at == "files":
    safe_files._sync = die
else:
    models.add_model = die
home = Path(sys.argv[1])
store = open_store(home / "pregao.db")
registry.save(home / "models", store, made_training("xgboost"), now=NOW)
"""


@pytest.mark.parametrize("at", ["files", "row"])
def test_a_kill_while_saving_leaves_no_model_and_what_is_left_is_listed_and_removable(
    folder: Path, store: Store, trainings, tmp_path, at
) -> None:
    done = subprocess.run([sys.executable, "-c", SAVE_AND_DIE, str(tmp_path), at], cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == 9, done.stderr
    assert registry.list_models(store) == []
    with pytest.raises(ModelError, match="no model that fits"):
        registry.load(folder, store)
    (left,) = registry.verify(folder, store)
    assert left.path.is_dir()
    assert (left.ok, left.path.name.endswith(".part")) == (False, at == "files")
    assert "not saved to the end" in left.reason
    with pytest.raises(UsageError):
        registry.load(folder, store, left.model_id)
    if at == "row":
        registry.delete(folder, store, left.model_id)
        assert list(folder.iterdir()) == []
    saved = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    assert [(check.model_id, check.ok) for check in registry.verify(folder, store)] == [(saved, True)]


def test_files_that_cannot_be_removed_are_one_sentence_and_no_model_any_more(
    folder: Path, store: Store, trainings, monkeypatch
) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    model_id = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    with monkeypatch.context() as patch:
        patch.setattr(safe_files, "remove", denied)
        with pytest.raises(ModelError, match="cannot be removed: Permission denied"):
            registry.delete(folder, store, model_id)
    assert registry.list_models(store) == []
    assert [(check.model_id, check.ok) for check in registry.verify(folder, store)] == [(model_id, False)]
    registry.delete(folder, store, model_id)
    assert list(folder.iterdir()) == []


def test_what_is_no_model_in_the_folder_is_left_alone(folder: Path, store: Store) -> None:
    (folder / "demo").mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    assert registry.verify(folder, store) == ()
    for name in ("demo", "notes.txt"):
        with pytest.raises(UsageError):
            registry.delete(folder, store, name, force=True)
    assert (folder / "notes.txt").read_text() == "mine"


def test_what_lies_there_and_was_not_saved_by_us_is_named_and_never_loaded(folder: Path, store: Store) -> None:
    (folder / "foreign").mkdir(parents=True)
    (folder / "foreign" / "model.ubj").write_bytes(b"{}")
    (folder / "evil.pkl").write_bytes(b"cos\nsystem\n.")
    found = registry.verify(folder, store)
    assert [(item.model_id, item.ok) for item in found] == [("evil.pkl", False), ("foreign", False)]
    assert all("never loads" in item.reason for item in found)


def test_files_that_cannot_be_written_are_one_sentence_and_leave_no_model(folder: Path, store: Store, trainings) -> None:
    folder.write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="cannot be written"):
        registry.save(folder, store, trainings[BOOSTED], now=NOW)
    assert registry.list_models(store) == []


def test_live_is_the_last_promoted_and_a_rollback_brings_back_the_one_before(folder: Path, store: Store, trainings) -> None:
    first = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    second = registry.save(folder, store, trainings[FOREST], now=LATER)
    assert registry.find(store).id == second, "without a live one the newest is the latest"
    assert registry.promote(folder, store, first, now=LATER)
    assert not registry.promote(folder, store, first, now=LATER)
    assert registry.find(store).id == first
    assert registry.promote(folder, store, second, now=LATER + 1)
    assert [model.id for model in registry.list_models(store) if model.live] == [second]
    with pytest.raises(ModelError, match="not live"):
        registry.rollback(store, first, now=LATER + 2)
    back = registry.rollback(store, second, now=LATER + 2)
    assert back is not None
    assert (back.id, back.live_since) == (first, LATER)
    assert registry.rollback(store, first, now=LATER + 3) is None
    assert registry.find(store).id == second
    assert [(item.promoted_at, item.rolled_back_at) for item in read_promotions(store, second)] == [(LATER + 1, LATER + 2)]


def test_each_scope_has_its_own_live_model(folder: Path, store: Store, trainings) -> None:
    pooled = made_training(BOOSTED, seed=2, symbols=("NHAA3", "MEAA3"))
    one = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    both = registry.save(folder, store, pooled, now=LATER)
    for at, model_id in enumerate((one, both)):
        registry.promote(folder, store, model_id, now=LATER + at)
    assert {model.id for model in registry.list_models(store) if model.live} == {one, both}
    assert registry.find(store, symbol="NHAA3").id == both
    assert registry.find(store, symbol="MEAA3").id == both, "the one that was promoted last"
    assert registry.find(store, symbol="MEAA3", timeframe="1d").symbols == ("MEAA3", "NHAA3")
    for other in ({"symbol": "XXXX3"}, {"timeframe": "15m"}, {"kind": "direction"}):
        with pytest.raises(ModelError, match="no model that fits"):
            registry.find(store, **other)


def test_a_broken_model_cannot_be_promoted(folder: Path, store: Store, trainings) -> None:
    model_id = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    file_of(folder, model_id).write_bytes(b"")
    with pytest.raises(ModelError, match="SHA-256"):
        registry.promote(folder, store, model_id, now=NOW)
    assert not registry.find(store).live


def test_a_live_model_is_deleted_only_by_force_and_then_the_one_before_is_live(folder: Path, store: Store, trainings) -> None:
    first = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    second = registry.save(folder, store, trainings[FOREST], now=LATER)
    for at, model_id in enumerate((first, second)):
        registry.promote(folder, store, model_id, now=LATER + at)
    with pytest.raises(ModelError, match="is live"):
        registry.delete(folder, store, second)
    assert (folder / second).is_dir()
    registry.delete(folder, store, second, force=True)
    assert not (folder / second).exists()
    assert [(model.id, model.live) for model in registry.list_models(store)] == [(first, True)]
    registry.rollback(store, first, now=LATER + 5)
    registry.delete(folder, store, first)
    assert registry.list_models(store) == []
    assert list(folder.iterdir()) == []


def test_a_comparison_names_the_better_one_only_where_the_question_is_the_same(folder: Path, store: Store) -> None:
    low = registry.save(folder, store, made_training(BOOSTED, accuracy=0.4), now=NOW)
    high = registry.save(folder, store, made_training(FOREST, accuracy=0.7), now=LATER)
    other = registry.save(folder, store, made_training(BOOSTED, symbols=("NHAA3",), accuracy=0.9), now=LATER)
    found = compare(folder, store, low, high)
    figures = {figure.name: figure for figure in found.figures}
    assert found.reasons == ()
    assert (figures["accuracy"].values, figures["accuracy"].better) == ((0.4, 0.7), high)
    assert figures["accuracy"].intervals[0] == pytest.approx((0.32, 0.48))
    assert figures["log_loss"].better is None, "the intervals meet"
    assert figures["auc"].values == (None, None)
    assert len(found.shared) == 5
    assert found.only == ((), ())
    elsewhere = compare(folder, store, low, other)
    assert elsewhere.reasons == ("They learnt from different symbols.",)
    assert all(figure.better is None for figure in elsewhere.figures)
    with pytest.raises(UsageError, match="two different"):
        compare(folder, store, low, low)


def test_nothing_of_the_program_unpickles() -> None:
    forbidden = re.compile(
        r"\b(c?pickle|cloudpickle|dill|shelve|marshal)\b|joblib\.load|from joblib import|allow_pickle\s*=\s*True|read_pickle|jsonpickle"
    )
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for room in ("engine", "tui")
        for path in sorted((ROOT / room).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if forbidden.search(line)
    ]
    assert found == []
    assert forbidden.search("import pickle")
    assert forbidden.search("np.load(path, allow_pickle=True)")
    assert forbidden.search("joblib.load(path)")


def test_a_file_larger_than_a_model_can_be_is_not_read(folder: Path, store: Store, trainings, monkeypatch) -> None:
    model_id = registry.save(folder, store, trainings[BOOSTED], now=NOW)
    monkeypatch.setattr(safe_files, "LARGEST", 10)
    refused(folder, store, model_id, "too large")
