"""One stored anomaly as the app shows it, read with the standard library alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: The newest anomalies that are listed.
LISTED = 2000
ANOMALIES = """
SELECT id, time, session, coalesce(name, ''), anomaly, acknowledged_at IS NOT NULL
FROM anomalies LEFT JOIN instruments USING (symbol) ORDER BY session DESC, time DESC, anomalies.id LIMIT ?
"""
#: Changes with every anomaly that is found, found otherwise, or acknowledged.
ANOMALIES_STATE = "SELECT count(*) || ' ' || count(acknowledged_at) || ' ' || coalesce(max(found_at), 0) FROM anomalies"


@dataclass(frozen=True, slots=True)
class BoardAnomaly:
    """As `engine.domain.Anomaly` in its JSON form, with the name of the instrument and whether a person has acknowledged it.

    time: opening of the bar, UTC seconds; session: its day, days since 1970-01-01. followed_by: one mapping for each horizon.
    """

    id: str
    name: str
    symbol: str
    timeframe: str
    time: int
    session: int
    score: float
    raw: float
    severity: str
    kind: str
    direction: int
    drivers: tuple[str, ...]
    explained_by: str | None
    followed_by: tuple[Mapping[str, Any], ...]
    advice: str
    acknowledged: bool


def anomaly(number: str, time: int, session: int, name: str, stored: str, acknowledged: int) -> BoardAnomaly:
    """One row of ANOMALIES. Raises ValueError, KeyError or TypeError for a damaged one."""
    own: dict[str, Any] = {"id": number, "time": time, "session": session, "name": name, "acknowledged": bool(acknowledged)}
    held = json.loads(stored)
    own |= {"drivers": tuple(held["drivers"]), "followed_by": tuple(held["followed_by"])}
    return BoardAnomaly(**own, **{key: held[key] for key in BoardAnomaly.__slots__ if key not in own})
