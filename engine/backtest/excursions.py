"""How far trades went for and against their side while they were held, winners apart from losers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: One trade in ten went further than this.
FAR = 0.9


def excursions(trades: NDArray[np.void]) -> dict[str, dict[str, float]]:
    """Of the closed trades (dtype `kernel.TRADE`): {"winners": {...}, "losers": {...}} with "trades" (how many), and the median and
    the far (nine in ten went less far) of the worst and the best excursion, "mae", "mae_far", "mfe", "mfe_far".

    Fractions of the entry price, mae <= 0 <= mfe; NaN where there is no such trade. One that ended even counts as a loser.
    (Maximum adverse and favourable excursion: Sweeney, "Campaign Trading", 1996.)
    """
    closed = trades[trades["exit"] >= 0]
    won = closed["pnl"] > 0
    return {"winners": _of(closed[won]), "losers": _of(closed[~won])}


def _of(trades: NDArray[np.void]) -> dict[str, float]:
    if not trades.size:
        return {"trades": 0, **dict.fromkeys(("mae", "mae_far", "mfe", "mfe_far"), float("nan"))}
    worst, best = trades["mae"], trades["mfe"]
    return {
        "trades": trades.size,
        "mae": float(np.median(worst)),
        "mae_far": float(np.quantile(worst, 1 - FAR)),
        "mfe": float(np.median(best)),
        "mfe_far": float(np.quantile(best, FAR)),
    }
