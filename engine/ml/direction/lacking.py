"""What a decision time needs and does not have, in words: why it cannot be judged, or why nothing is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.i18n import _
from engine.ml.direction import models
from engine.ml.direction.data import FRESH, FUND, INDEX
from engine.ml.direction.features import OVERNIGHT
from engine.ml.direction.times import NOWCAST, OPEN, PREOPEN, DecisionTime

if TYPE_CHECKING:
    from engine.domain import FloatArray
    from engine.ml.direction.data import IndexData


def lacking(data: IndexData, time: DecisionTime, X: FloatArray, judged: int = 0) -> str:
    """Why the rows X, float64 (n, k), of a decision time do not do: what is not stored, else how few sessions there are.

    judged: sessions that must be left to be judged beside those that are learnt from.
    """
    if time.name == PREOPEN and not any(name in data.series for name in OVERNIGHT):
        return _("Before the opening at least one of {names} is needed, and none of them can be used.").format(
            names=", ".join(OVERNIGHT)
        )
    rows = int(np.count_nonzero(~np.isnan(data.label) & ~np.isnan(X).all(axis=1)))
    if time.name == NOWCAST and not data.intraday:
        return _("There are no bars of {symbol} within the session.").format(symbol=data.symbol)
    if time.name == NOWCAST and not rows:
        return _("No bar of {symbol} within the session ends at {clock} or up to {minutes} minutes before.").format(
            symbol=data.symbol, clock=time.text, minutes=FRESH // 60
        )
    if time.name == OPEN and not rows:
        name = FUND if data.symbol == INDEX else data.symbol
        return _("There are no opening prices of {symbol}.").format(symbol=name)
    least = models.LEAST_ROWS[models.kind_of(time)]
    if judged:
        return _(
            "{rows} sessions are known at this time, which are too few: {least} are learnt from and {judged} judged at least."
        ).format(rows=rows, least=least, judged=judged)
    return _("{rows} sessions are too few to learn the direction from; at least {least} are needed").format(
        rows=rows, least=least
    )
