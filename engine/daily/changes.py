"""What late or corrected data changed in a day that was computed before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: What names an item, and which of its values is compared, by the step that finds it.
COMPARED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "signals": (("symbol", "timeframe", "strategy"), "action"),
    "anomalies": (("symbol", "timeframe", "session", "kind"), "severity"),
    "directions": (("symbol", "target_session", "decision_time"), "signal"),
}


#: Revised bars that a report names.
NAMED = 20


@dataclass(slots=True)
class Changes:
    """What is no longer as it was: the bars that were revised since the run before, the names of the steps that this call computed
    anew, and by step the items that are another.

    Each value or item is named by its symbol and so on, with "before" and "after"; null is none.
    """

    revised: Mapping[str, Any] = field(default_factory=lambda: {"count": 0, "values": []})
    steps: list[str] = field(default_factory=list)
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: {"revised", "steps", "signals", "anomalies", "directions"}."""
        said = {"revised": dict(self.revised), "steps": list(self.steps)}
        return {**said, **{name: list(self.items.get(name, ())) for name in COMPARED}}


def changed(step: str, before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The items of a step (a key of COMPARED) whose compared value is another one, by name."""
    keys, value = COMPARED[step]
    old, new = ({tuple(item[key] for key in keys): item[value] for item in items} for items in (before, after))
    names = sorted(old.keys() | new.keys(), key=str)
    return [
        {**dict(zip(keys, name)), "before": old.get(name), "after": new.get(name)}
        for name in names
        if old.get(name) != new.get(name)
    ]
