"""Why a probability is what it is, in parts that add up to its log-odds: what is usual, the columns that say most, and the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.i18n import _
from engine.ml.direction.words import column_words
from engine.strategies.base import decimal, percent

if TYPE_CHECKING:
    from engine.domain import FloatArray
    from engine.ml.direction.answer import Answer

#: Columns whose part is told.
NAMED = 3
#: Columns that say yes or no, of which a no is not worth telling.
FLAGS = ("monday", "tuesday", "wednesday", "thursday", "friday", "month_begins", "month_ends")
#: The parts that are no columns.
USUAL, REST = "usual", "rest"
#: A probability is told as no surer than this.
SUREST = 1e-12


@dataclass(frozen=True, slots=True)
class Part:
    """What one column adds. name: of the column, USUAL or REST; value: of the column, the usual probability, None for the rest."""

    name: str
    value: float | None
    log_odds: float

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"name": self.name, "value": self.value, "log_odds": self.log_odds}


def parts(found: Answer, names: tuple[str, ...], row: FloatArray) -> tuple[Part, ...]:
    """The log-odds of the base rate, of the columns that add or take most, and of all else: their sum is that of the probability.

    names: of the k columns; row: float64 (k,), their values. Columns that are not known or not the case are in the rest.
    """
    adds = np.array(found.contributions)
    told = [at for at in np.argsort(-np.abs(adds), kind="stable").tolist() if adds[at] and row[at] and not np.isnan(row[at])]
    named = [Part(names[at], float(row[at]), float(adds[at])) for at in told[:NAMED]]
    usual = Part(USUAL, found.base_rate, _log_odds(found.base_rate))
    rest = _log_odds(found.probability) - usual.log_odds - math.fsum(part.log_odds for part in named)
    return (usual, *named, Part(REST, None, rest))


def in_words(told: tuple[Part, ...]) -> list[str]:
    """Each part in a sentence."""
    return [_sentence(part) for part in told]


def of_probability(p: float, base_rate: float, band: float, signal: int | None) -> str:
    """What follows from a probability, and whether it is more or less than usual."""
    words = {"p": percent(p, 2), "base": percent(base_rate, 2), "low": percent(0.5 - band), "high": percent(0.5 + band)}
    if signal is None:
        said = _(
            "The chance of a higher close is {p} (usually {base}), too near one half: nothing is said between {low} and {high}."
        )
    elif signal:
        more, less = (
            _("Up because {p} is at least 50 %, and not below what is usual ({base})."),
            _("Up because {p} is at least 50 %; it is below what is usual ({base})."),
        )
        said = more if p >= base_rate else less
    else:
        more, less = (
            _("Down because {p} is below 50 %; it is above what is usual ({base})."),
            _("Down because {p} is below 50 %, and not above what is usual ({base})."),
        )
        said = more if p > base_rate else less
    return said.format(**words)


def _sentence(part: Part) -> str:
    weight = decimal(abs(part.log_odds), 3)
    if part.name == USUAL:
        return _("It begins with what is usual, {base}: {odds} in log-odds.").format(
            base=percent(part.value or 0.0, 2), odds=decimal(part.log_odds, 3)
        )
    side = _("speaks for up") if part.log_odds > 0 else _("speaks for down")
    if part.name == REST:
        return _("everything else: {side}, by {weight} in log-odds.").format(side=side, weight=weight)
    words = column_words(part.name)
    what = words if part.name in FLAGS else f"{words} ({decimal(part.value or 0.0, 4)})"
    return _("{what}: {side}, by {weight} in log-odds.").format(what=what, side=side, weight=weight)


def _log_odds(p: float) -> float:
    sound = min(max(p, SUREST), 1 - SUREST)
    return math.log(sound / (1 - sound))
