"""Whether what is said still fits what comes: skill against climatology, base rate and calibration over the last 250 sessions.

A month proves nothing (to tell 56 % from 52 % takes about four years), so that 250 sessions are looked at and an alarm is raised
at 1 in 100. Sources: Brier skill score against climatology, Murphy (1973); calibration by Spiegelhalter's z, Statistics in
Medicine 5 (1986), once for the level and once for the spread of the probabilities.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest.evidence.bootstrap import resampled_rows
from engine.domain import from_day_number
from engine.i18n import _, mark
from engine.ml.direction.gate import STALE_AFTER
from engine.strategies.base import decimal, percent

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray

OK, WATCH, INSUFFICIENT = mark("ok"), mark("watch"), mark("insufficient evidence")
SESSIONS = 250
#: Fewer judged sessions than this say nothing.
LEAST = 60
#: Of a standard normal variable, exceeded on either side once in 100.
ALARM = 2.5758293035489004
DRAWS, SEED, BLOCK = 500, 42, 10.0
TAILS = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Monitoring:
    """state: "ok", "watch" or "insufficient evidence". base_rate: share of up in the window, usual: before it.

    brier_skill: 1 - Brier / Brier of `usual`, with its 95 % interval (block bootstrap). level, spread: z of what came against what
    was said, about 0 when calibrated; a spread below 0 says that the probabilities are too sure. NaN where too little is known.
    first, last: the days of the window (ISO), None where they were not told.
    """

    state: str
    sessions: int
    base_rate: float
    usual: float
    base_rate_z: float
    brier: float
    brier_skill: float
    brier_skill_interval: tuple[float, float]
    level: float
    spread: float
    first: str | None
    last: str | None
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {**asdict(self), "brier_skill_interval": list(self.brier_skill_interval), "reasons": list(self.reasons)}


def monitor(
    probability: FloatArray,
    label: FloatArray,
    usual: float,
    sessions: int = SESSIONS,
    *,
    days: IntArray | None = None,
    behind: int = 0,
) -> Monitoring:
    """Judge the last `sessions` rows that have both. probability: of up, label: 1 up, 0 not; float64 (n,), NaN unknown, oldest first.

    usual: the share of up sessions before the window. days: int64 (n,), the day of each row since 1970-01-01 (None: not told).
    behind: sessions that came after the last row; after more than STALE_AFTER nothing can be said of the present.
    """
    known = np.flatnonzero(~np.isnan(probability) & ~np.isnan(label))[-sessions:]
    p, y = probability[known], label[known]
    n = known.size
    first, last = (None, None) if days is None or not n else (from_day_number(int(days[known[at]])).isoformat() for at in (0, -1))
    if n < LEAST or not 0 < usual < 1:
        said = _("{count} sessions were judged; {least} are needed to say whether anything has drifted.")
        nothing = math.nan
        return Monitoring(
            *(INSUFFICIENT, n, float(y.mean()) if n else nothing, usual, nothing, nothing, nothing, (nothing, nothing)),
            *(nothing, nothing, first, last, (said.format(count=n, least=LEAST),)),
        )
    base_rate = float(y.mean())
    drift = (base_rate - usual) / math.sqrt(usual * (1 - usual) / n)
    square, climate = (p - y) ** 2, (usual - y) ** 2
    skill = 1 - float(square.mean() / climate.mean())
    draws = np.concatenate([1 - square[rows].mean(1) / climate[rows].mean(1) for rows in resampled_rows(n, DRAWS, BLOCK, SEED)])
    low, high = (float(value) for value in np.quantile(draws, TAILS))
    level, spread = _z(y - p, p * (1 - p), np.ones(n)), _z(y - p, p * (1 - p), p - p.mean())
    reasons = [
        _("Brier skill against the usual share of up sessions over {count} sessions: {skill} ({low} to {high}).").format(
            count=n, skill=decimal(skill, 3), low=decimal(low, 3), high=decimal(high, 3)
        )
    ]
    alarms = []
    stale = behind > STALE_AFTER
    if stale:
        alarms.append(
            _("The newest of these sessions is of {last}, and {behind} have come since: nothing is said of the present.").format(
                last=last, behind=behind
            )
        )
    if abs(drift) > ALARM:
        alarms.append(
            _("The share of up sessions has drifted: {now}, where {usual} was usual.").format(
                now=percent(base_rate), usual=percent(usual)
            )
        )
    if abs(level) > ALARM:
        alarms.append(
            _("The probabilities are off in level: {said} on average, and {came} came.").format(
                said=percent(float(p.mean())), came=percent(base_rate)
            )
        )
    if abs(spread) > ALARM:
        alarms.append(_("The probabilities are too sure.") if spread < 0 else _("The probabilities are too cautious."))
    if high < 0:
        alarms.append(_("The probabilities are worse than the usual share of up sessions."))
    return Monitoring(
        INSUFFICIENT if stale else WATCH if alarms else OK,
        n,
        base_rate,
        usual,
        drift,
        float(square.mean()),
        skill,
        (low, high),
        level,
        spread,
        first,
        last,
        (*alarms, *reasons),
    )


def _z(gap: FloatArray, variance: FloatArray, weight: FloatArray) -> float:
    """Sum of weighted gaps over its standard deviation; 0 where nothing varies."""
    spread = math.sqrt(float((weight**2 * variance).sum()))
    return float((weight * gap).sum()) / spread if spread > 0 else 0.0
