"""What late or corrected data changed in a day that was computed before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Items = Sequence[Mapping[str, Any]]

#: What names an item, and which of its values is compared, by the step that finds it.
COMPARED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "signals": (("symbol", "timeframe", "strategy"), "action"),
    "anomalies": (("symbol", "timeframe", "session", "kind"), "severity"),
    "directions": (("symbol", "target_session", "decision_time"), "signal"),
}


@dataclass(slots=True)
class Changes:
    """What one call of a run computed anew: the names of the steps, and by step the items that are no longer as they were.

    Each item is named by its symbol and so on, with "before" and "after"; null is none.
    """

    steps: list[str] = field(default_factory=list)
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: {"steps", "signals", "anomalies", "directions"}."""
        return {"steps": list(self.steps), **{name: list(self.items.get(name, ())) for name in COMPARED}}


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
