"""Values that carry the instant from which they are known, and what of them a decision may look at.

The values themselves cannot be read but through an `InformationSet`, which holds one decision instant for each row: what was known
later is not there, and asking for it by its day raises LookAheadError. Instants are UTC seconds, days integers since 1970-01-01.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import from_day_number, iso
from engine.errors import LookAheadError, UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """m values of one name in time order.

    day: int64 (m,), strictly increasing, the day each belongs to. known: int64 (m,), not decreasing, from when each is known.
    _values: float64 (m,) or (m, k).
    """

    name: str
    day: IntArray
    known: IntArray
    _values: FloatArray

    def __post_init__(self) -> None:
        if not self.day.shape == self.known.shape == self._values.shape[:1]:
            raise UsageError(_("{name}: every value needs its day and the instant from which it is known").format(name=self.name))
        if (np.diff(self.day) <= 0).any() or (np.diff(self.known) < 0).any():
            raise UsageError(_("{name}: values must come in the order in which they became known").format(name=self.name))

    def __len__(self) -> int:
        return int(self.day.size)

    def until(self, instant: int) -> Known:
        """The same without what became known after `instant`."""
        kept = slice(0, int(np.searchsorted(self.known, instant, side="right")))
        return Known(self.name, self.day[kept], self.known[kept], self._values[kept])


@dataclass(frozen=True, slots=True, eq=False)
class InformationSet:
    """What was known at n decisions. instants: int64 (n,), UTC seconds."""

    instants: IntArray

    @classmethod
    def at(cls, instants: IntArray | int) -> InformationSet:
        """The information of one decision, or of one decision for each row."""
        return cls(np.atleast_1d(np.asarray(instants, dtype=np.int64)))

    def latest(self, source: Known, within: int | None = None) -> FloatArray:
        """The newest value known at each decision, float64 (n,) or (n, k); NaN where there is none.

        within: seconds; a value known for longer than this is too old and NaN.
        """
        place = np.searchsorted(source.known, self.instants, side="right") - 1
        if not len(source):
            return self._blank(source)
        there = place >= 0
        if within is not None:
            there &= self.instants - source.known[place] <= within
        return self._taken(source, place, there)

    def of(self, source: Known, day: IntArray) -> FloatArray:
        """The value of each of n days, float64 (n,) or (n, k); NaN for a day without one.

        Raises LookAheadError when one of them became known after its decision.
        """
        if not len(source):
            return self._blank(source)
        place = np.minimum(np.searchsorted(source.day, day), len(source) - 1)
        there = source.day[place] == day
        early = np.flatnonzero(there & (source.known[place] > self.instants))
        if early.size:
            row = int(early[0])
            raise LookAheadError(
                _("{name} of {date} is known from {known} on, later than the decision at {decision}").format(
                    name=source.name,
                    date=from_day_number(int(day[row])).isoformat(),
                    known=iso(int(source.known[place[row]])),
                    decision=iso(int(self.instants[row])),
                )
            )
        return self._taken(source, place, there)

    def newest(self, source: Known) -> IntArray:
        """The instant from which the newest value of each decision is known, int64 (n,); -1 where there is none."""
        return np.append(np.int64(-1), source.known)[np.searchsorted(source.known, self.instants, side="right")]

    def _blank(self, source: Known) -> FloatArray:
        return np.full((self.instants.size, *source._values.shape[1:]), np.nan)

    def _taken(self, source: Known, place: IntArray, there: BoolArray) -> FloatArray:
        found = source._values[place].astype(np.float64)
        found[~there] = np.nan
        return found
