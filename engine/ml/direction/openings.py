"""Whether the openings that the source of the daily bars states are prices at all, or only repeat the close before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.i18n import _
from engine.ingestion.investing import SAME_PRICE, repeated_openings
from engine.ml.direction.times import OPEN, DecisionTime
from engine.strategies.base import percent

if TYPE_CHECKING:
    from engine.ml.direction.data import IndexData

#: From this share of repeated openings on they are no prices.
MOSTLY = 0.5


def repeated_share(data: IndexData) -> float:
    """The share of the bars whose opening lies within `SAME_PRICE` of the close before it; NaN for fewer than two bars."""
    return float(repeated_openings(data.bars.open[1:], data.bars.close[:-1]).mean()) if len(data.bars) > 1 else float("nan")


def opening_words(data: IndexData) -> str:
    """How often the stated opening only repeats the close before, with the tolerance, and what follows from it."""
    share = repeated_share(data)
    text = (
        _(
            "The stated opening lies within {tolerance} of the close before on {share} of the sessions: it is not an opening price."
        )
        if share > MOSTLY
        else _("The stated opening lies within {tolerance} of the close before on {share} of the sessions.")
    )
    return text.format(tolerance=percent(SAME_PRICE), share=percent(share))


def opening_caveat(data: IndexData, time: DecisionTime) -> str:
    """What to say where `time` rests on such openings; empty where it does not."""
    if time.name != OPEN or data.opening_symbol or not repeated_share(data) > MOSTLY:
        return ""
    said = _("What is said at the opening rests on the first print of {symbol}, which is hardly a price of the new session.")
    return f"{said.format(symbol=data.symbol)} {opening_words(data)}"
