"""The one list of features: what they are called, which belong together, and their columns for some bars."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import UsageError
from engine.features import memo, momentum, patterns, position, regime_flags, sessions, trend, volatility, volume
from engine.features.feature import GROUPS, Feature
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray

__all__ = ["FEATURES", "GROUPS", "Feature", "compute", "schema_hash", "select"]

FEATURES: tuple[Feature, ...] = (
    *momentum.FEATURES,
    *volatility.FEATURES,
    *trend.FEATURES,
    *volume.FEATURES,
    *patterns.FEATURES,
    *position.FEATURES,
    *regime_flags.FEATURES,
    *sessions.FEATURES,
)
_BY_NAME: Mapping[str, Feature] = {feature.name: feature for feature in FEATURES}


def select(groups: Sequence[str] | None = None, names: Sequence[str] | None = None) -> tuple[Feature, ...]:
    """The features of these groups, in the order of the catalogue, then those named, in the order given; each once. Without both, all.

    Raises UsageError for a group or name that does not exist, with the one that was probably meant, and for no feature at all.
    """
    if groups is None and names is None:
        return FEATURES
    for group in groups or ():
        if group not in GROUPS:
            raise UsageError(_("There is no feature group {name}").format(name=group or "''"), _nearest(group, GROUPS))
    for name in names or ():
        if name not in _BY_NAME:
            raise UsageError(_("There is no feature {name}").format(name=name or "''"), _nearest(name, _BY_NAME))
    chosen = [feature for feature in FEATURES if feature.group in (groups or ())]
    chosen += [_BY_NAME[name] for name in names or ()]
    if not chosen:
        raise UsageError(_("No feature is named"), _("Choose one of: {words}.").format(words=", ".join(GROUPS)))
    return tuple(dict.fromkeys(chosen))


def compute(bars: Bars, features: Sequence[Feature]) -> FloatArray:
    """The values of k features on n bars: float64 of shape (n, k) in C order, NaN where undefined, never infinite.

    Row t uses bars up to t only. What several features share is computed once.
    """
    found = np.empty((len(bars), len(features)))
    with memo.remembering(bars, shared=True):
        for at, feature in enumerate(features):
            found[:, at] = feature.compute(bars)
    return found


def schema_hash(names: Sequence[str]) -> str:
    """SHA-256, in hexadecimal, of names and formulas in this order: a model fits columns of the same hash. Raises UsageError."""
    schema = [(feature.name, feature.formula) for feature in select(names=names)]
    return hashlib.sha256(json.dumps(schema).encode()).hexdigest()


def _nearest(word: str, known: Sequence[str] | Mapping[str, object]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1)
    if near:
        return _("Did you mean {word}?").format(word=near[0])
    return _("Choose one of: {words}.").format(words=", ".join(known))
