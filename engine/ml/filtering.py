"""A model as a second opinion: a strategy's signal is taken only when the model says the same and is sure enough of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import BAR_ARRAYS, Action, Signal, iso
from engine.errors import UsageError
from engine.i18n import _
from engine.store.ledger import FILTERED
from engine.strategies.base import Decisions, Strategy, decimal

if TYPE_CHECKING:
    from engine.domain import Bars, BoolArray, FloatArray

    #: Bars of length n to float64 (n, 3), columns SELL, HOLD, BUY; NaN rows where no model may speak yet.
    Probabilities = Callable[[Bars], FloatArray]

#: How sure the model must be.
THRESHOLD = 0.6
CLASSES = (Action.SELL, Action.HOLD, Action.BUY)


def accepted(action: Any, probabilities: FloatArray, threshold: float) -> BoolArray:
    """Where a signal is taken, bool (n,): the first most probable class is that of the action, with at least `threshold`.

    action: int8 (n,), +1 BUY, -1 SELL, 0 nothing (never taken). probabilities: float64 (n, 3); a NaN row takes nothing.
    """
    known = ~np.asarray(np.isnan(probabilities).any(axis=1))
    sure = np.where(known[:, None], probabilities, -1.0)
    agrees = sure.argmax(axis=1) == np.asarray(action) + 1
    result: BoolArray = known & (np.asarray(action) != 0) & agrees & (sure.max(axis=1) >= threshold)
    return result


def objection(action: int, probabilities: FloatArray, threshold: float) -> str:
    """Why a BUY (1) or SELL (-1) is not taken, in words; empty when it is. probabilities: float64 (3,)."""
    if accepted(np.array([action]), probabilities[None], threshold)[0]:
        return ""
    if np.isnan(probabilities).any():
        return _("no model that learnt from earlier bars alone can judge it")
    place = int(probabilities.argmax())
    said = decimal(float(probabilities[place]))
    if place != action + 1:
        return _("the model says {action} with {probability}").format(action=CLASSES[place], probability=said)
    return _("it agrees but only with {probability} of {threshold}").format(probability=said, threshold=decimal(threshold))


def checked_threshold(value: float) -> float:
    """`value`, a probability. Raises UsageError."""
    if not 0 <= value <= 1:
        raise UsageError(_("The threshold must be from 0 to 1, not {value}").format(value=value))
    return value


@dataclass(frozen=True, slots=True)
class Rejection:
    """A signal of the base strategy that was not taken. index: its bar; time: opening, UTC seconds; action: +1 or -1."""

    index: int
    time: int
    action: int
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {"time": iso(self.time), "action": str(CLASSES[self.action + 1]), "reason": self.reason}


class Remembered:
    """A function of bars that keeps its newest answer, so that it is asked once about bars of the same content."""

    def __init__(self, compute: Probabilities) -> None:
        self._compute = compute
        self._kept: tuple[bytes, FloatArray] | None = None

    def __call__(self, bars: Bars) -> FloatArray:
        content = fingerprint(bars)
        if self._kept is None or self._kept[0] != content:
            found = self._compute(bars)
            found.flags.writeable = False
            self._kept = content, found
        return self._kept[1]


def fingerprint(bars: Bars) -> bytes:
    """A digest of symbol, timeframe and every array of the bars."""
    digest = hashlib.blake2b(f"{bars.symbol} {bars.timeframe}".encode(), digest_size=16)
    for name in BAR_ARRAYS:
        digest.update(np.ascontiguousarray(getattr(bars, name)).tobytes())
    return digest.digest()


@dataclass(frozen=True)
class MLEnhancedStrategy(Strategy):
    """Another strategy whose signals a model must confirm; those it does not are as if they had not been given.

    A rejected SELL neither opens a short nor closes a long, whose stop and target stay. base: the strategy; probabilities:
    what the model says about each bar, from bars up to it alone; threshold: see `accepted`; model: what the model is, told among the parameters.
    Raises UsageError for a threshold that is no probability.
    """

    base: Strategy
    probabilities: Probabilities
    threshold: float = THRESHOLD
    model: str = ""

    def __post_init__(self) -> None:
        checked_threshold(self.threshold)

    @property
    def name(self) -> str:  # type: ignore[override]
        """That of the base strategy with "+ml"."""
        return f"{self.base.name}{FILTERED}"

    @property
    def warm_up(self) -> int:
        """That of the base strategy: bars that no model may judge yet are bars without a signal."""
        return self.base.warm_up

    @property
    def params(self) -> dict[str, Any]:
        """Those of the base strategy, the model and its threshold."""
        return {**self.base.params, "ml_model": self.model, "ml_threshold": self.threshold}

    def decide(self, bars: Bars) -> Decisions:
        """The decisions of the base strategy that the model confirms."""
        decisions = self.base.decide(bars)
        return _only(decisions, accepted(decisions.action, self.probabilities(bars), self.threshold))

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:  # noqa: ARG002
        """Why the base strategy decided so, and what the model says to it."""
        index = range(len(bars))[index]
        own = self.base.decide(bars)
        said = self.base.reason(bars, own, index)
        action = int(own.action[index])
        return said if not action else f"{said} {comment(action, self.probabilities(bars)[index], self.threshold)}"

    def context(self, bars: Bars) -> dict[str, float | None]:
        """That of the base strategy."""
        return self.base.context(bars)

    def rejections(self, bars: Bars) -> tuple[Rejection, ...]:
        """The signals of the base strategy on these bars that were not taken, oldest first, each with the reason."""
        action, probabilities = self.base.decide(bars).action, self.probabilities(bars)
        rows = np.flatnonzero((action != 0) & ~accepted(action, probabilities, self.threshold))
        return tuple(
            Rejection(
                int(row), int(bars.time[row]), int(action[row]), objection(int(action[row]), probabilities[row], self.threshold)
            )
            for row in rows
        )


def comment(action: int, probabilities: FloatArray, threshold: float) -> str:
    """What the model adds to a signal, in a sentence."""
    why = objection(action, probabilities, threshold)
    if why:
        return _("The {action} is not taken: {reason}.").format(action=CLASSES[action + 1], reason=why)
    return _("The model agrees with {probability}.").format(probability=decimal(float(probabilities[action + 1])))


def filtered(signal: Signal, probabilities: FloatArray, threshold: float, model: str) -> Signal:
    """The signal after the model's opinion on its bar, as `MLEnhancedStrategy` gives it; a rejected one is a HOLD with the reason.

    probabilities: float64 (3,), NaN where the model may not speak. What was rejected stays readable in `filter`:
    {"model", "state": "accepted", "rejected" or "no signal", "action" of the base strategy, "probabilities", "threshold", "reason"}.
    """
    checked_threshold(threshold)
    action = CLASSES.index(signal.action) - 1
    reason = objection(action, probabilities, threshold) if action else ""
    known = not np.isnan(probabilities).any()
    opinion = {
        "model": model,
        "state": "no signal" if not action else "rejected" if reason else "accepted",
        "action": str(signal.action),
        "probabilities": {str(name): float(p) for name, p in zip(CLASSES, probabilities)} if known else None,
        "threshold": threshold,
        "reason": reason,
    }
    told = replace(signal, strategy=f"{signal.strategy}{FILTERED}", filter=opinion)
    if not action:
        return told
    told = replace(told, reason=f"{signal.reason} {comment(action, probabilities, threshold)}")
    if not reason:
        return told
    return replace(told, action=Action.HOLD, strength=0.0, stop_loss=None, take_profit=None, size=None)


def unfiltered(signal: Signal, model: str, why: str) -> Signal:
    """The signal as the base strategy gives it, where the model may not be asked, with the sentence `why`; state "fallback"."""
    opinion = {
        "model": model,
        "state": "fallback",
        "action": str(signal.action),
        "probabilities": None,
        "threshold": None,
        "reason": why,
    }
    return replace(signal, reason=f"{signal.reason} {why}", filter=opinion)


def _only(decisions: Decisions, kept: BoolArray) -> Decisions:
    """The decisions of the bars that are kept, nothing on the others."""
    columns: dict[str, Any] = {}
    for column in fields(Decisions):
        values = getattr(decisions, column.name)
        if values is not None:
            columns[column.name] = np.where(kept, values, values.dtype.type(0 if column.name == "action" else np.nan))
    return Decisions(**columns)
