"""Fitted estimators as bytes and back: XGBoost as UBJSON, forests of scikit-learn through skops; nothing is ever unpickled.

Both libraries follow the indices in a tree without looking whether they exist, so that a made file could crash the program.
Every tree is therefore checked before it may predict. The hash in the store comes before all this, see `registry`.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile
from zlib import error as ZlibError

import numpy as np

from engine.errors import ModelError
from engine.i18n import _
from engine.ml import ubjson
from engine.ml.boosting import boosting
from engine.ml.model import BOOSTED, FOREST, THREADS
from engine.ml.safe_files import LARGEST

if TYPE_CHECKING:
    from engine.domain import IntArray

FILES: Mapping[str, str] = {BOOSTED: "model.ubj", FOREST: "model.skops"}
#: What a forest may hold beyond what skops trusts by itself; no file can add to it.
TRUSTED = ("sklearn.tree._tree.Tree",)
CLASSES = 3
DEEPEST = 1000
#: What XGBoost writes as the parent of a root.
NO_PARENT = 2**31 - 1
#: What an object that is not what it should be makes the readers say.
_BROKEN = (
    *(ArithmeticError, AttributeError, BadZipFile, EOFError, ImportError, LookupError, MemoryError),
    *(OSError, RuntimeError, SyntaxError, TypeError, ValueError, ZlibError),
)
#: The arrays of one boosted tree that are read when it predicts, each as long as the tree has nodes, and their types.
_BOOSTED_ARRAYS: Mapping[str, str] = {
    **dict.fromkeys(("left_children", "right_children", "parents", "split_indices"), ">i4"),
    **dict.fromkeys(("split_conditions", "base_weights", "sum_hessian", "loss_changes"), ">f4"),
    **dict.fromkeys(("default_left", "split_type"), "u1"),
}
#: Those of splits by category, which must be empty.
_CATEGORIES = ("categories", "categories_nodes", "categories_segments", "categories_sizes")


def versions(family: str) -> dict[str, str]:
    """The installed versions of what reads and writes the estimators of a family."""
    if family == FOREST:
        import sklearn
        import skops

        return {"scikit-learn": sklearn.__version__, "skops": skops.__version__}
    xgboost = boosting()

    return {"xgboost": xgboost.__version__}


def dump(family: str, estimator: Any) -> bytes:
    """The estimator of a `SignalModel` of this family as bytes; the same estimator gives the same bytes for XGBoost."""
    if family == BOOSTED:
        return bytes(estimator.save_raw("ubj"))
    from skops.io import dumps

    return dumps(estimator, compression=ZIP_DEFLATED)  # type: ignore[no-any-return]


def load(family: str, data: bytes, columns: int) -> Any:
    """The estimator in `data`, which takes `columns` inputs a row and gives the three classes. Raises ModelError."""
    reader = _load_boosted if family == BOOSTED else _load_forest
    try:
        return reader(data, columns)
    except _BROKEN as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            _("The file holds no {family} model that can be trusted: {why}").format(family=family, why=why)
        ) from error


def _load_boosted(data: bytes, columns: int) -> Any:
    xgboost = boosting()

    _check_boosted(ubjson.decode(data), columns)
    booster = xgboost.Booster({"nthread": THREADS})
    booster.load_model(bytearray(data))
    if booster.num_features() != columns:
        raise ValueError("another number of features")
    return booster


def _check_boosted(document: Any, columns: int) -> None:
    learner = document["learner"]
    model = learner["gradient_booster"]["model"]
    shape, trees, ends = learner["learner_model_param"], model["trees"], model["iteration_indptr"]
    base = json.loads(shape["base_score"])
    cats = model["cats"]
    classes = str(CLASSES)
    _require(
        set(document) == {"learner", "version"}
        and learner["gradient_booster"]["name"] == "gbtree"
        and learner["objective"] == {"name": "multi:softprob", "softmax_multiclass_param": {"num_class": classes}}
        and (shape["num_class"], shape["num_target"], shape["num_feature"]) == (classes, "1", str(columns))
        and isinstance(base, list)
        and len(base) in (1, CLASSES)
        and all(math.isfinite(value) for value in base)
        and not (learner["feature_names"] or learner["feature_types"] or any(len(cats[name]) for name in cats)),
        "another kind of model",
    )
    _require(
        model["gbtree_model_param"]["num_trees"] == str(len(trees))
        and model["gbtree_model_param"]["num_parallel_tree"] == "1"
        and model["tree_info"] == [place % CLASSES for place in range(len(trees))]
        and ends == list(range(0, len(trees) + 1, CLASSES)),
        "trees are missing",
    )
    for place, tree in enumerate(trees):
        size = len(tree["left_children"])
        _require(
            tree["id"] == place
            and tree["tree_param"]
            == {
                "num_deleted": "0",
                "num_feature": str(columns),
                "num_nodes": str(size),
                "size_leaf_vector": "1",
            }
            and all(tree[name].dtype == np.dtype(kind) and tree[name].size == size for name, kind in _BOOSTED_ARRAYS.items())
            and not any(tree[name].size for name in _CATEGORIES)
            and not tree["split_type"].any(),
            "a broken tree",
        )
        left, right, parents = tree["left_children"], tree["right_children"], tree["parents"]
        _check_tree(left, right, tree["split_indices"], columns)
        inner = np.flatnonzero(left != -1)
        wanted = np.full(size, NO_PARENT)
        wanted[left[inner]], wanted[right[inner]] = inner, inner
        _require(np.array_equal(parents, wanted), "a broken tree")


def _load_forest(data: bytes, columns: int) -> Any:
    from skops.io import loads

    with ZipFile(io.BytesIO(data)) as archive:
        _require(sum(member.file_size for member in archive.infolist()) <= LARGEST, "too large")
    forest = loads(data, trusted=list(TRUSTED))
    _check_forest(forest, columns)
    return forest.set_params(n_jobs=1)


def _check_forest(forest: Any, columns: int) -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier
    from sklearn.tree._tree import Tree

    _require(type(forest) is RandomForestClassifier, "another kind of model")
    classes = forest.classes_
    _require(
        isinstance(classes, np.ndarray)
        and classes.dtype.kind == "i"
        and classes.size > 0
        and set(classes.tolist()) <= set(range(CLASSES))
        and bool((np.diff(classes) > 0).all())
        and (forest.n_classes_, forest.n_outputs_, forest.n_features_in_) == (classes.size, 1, columns)
        and type(forest.estimators_) is list
        and len(forest.estimators_) > 0,
        "another kind of model",
    )
    for member in forest.estimators_:
        _require(type(member) is DecisionTreeClassifier and type(member.tree_) is Tree, "another kind of tree")
        _require((member.n_outputs_, member.n_classes_, member.n_features_in_) == (1, classes.size, columns), "a broken tree")
        tree = member.tree_
        _require(
            (tree.n_features, tree.n_outputs, tree.max_n_classes) == (columns, 1, classes.size)
            and 1 <= tree.node_count <= tree.capacity
            and 0 <= tree.max_depth <= DEEPEST,
            "a broken tree",
        )
        _require(bool(np.isfinite(tree.value).all()), "a broken tree")
        _check_tree(tree.children_left, tree.children_right, tree.feature, columns)


def _check_tree(left: IntArray, right: IntArray, feature: IntArray, columns: int) -> None:
    """Every way down from node 0 stays inside the tree, asks for features that exist and comes to a leaf.

    left, right: children by node, both -1 on a leaf; feature: the column that an inner node asks for. Raises ValueError.
    """
    seen, level = 0, np.zeros(1, dtype=np.int64)
    for _depth in range(DEEPEST + 1):
        seen += level.size
        inner = level[left[level] != -1]
        ends = level[left[level] == -1]
        children = np.concatenate((left[inner], right[inner])).astype(np.int64)
        _require(
            seen <= left.size
            and bool((right[ends] == -1).all())
            and bool(((feature[inner] >= 0) & (feature[inner] < columns)).all())
            and bool(((children > 0) & (children < left.size)).all()),
            "a tree that leads nowhere",
        )
        if not children.size:
            return
        level = children
    raise ValueError("a tree that is too deep")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
