"""A grid of parameters as the strategies it stands for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import product
from typing import Any

import numpy as np

from engine.errors import UsageError
from engine.i18n import _
from engine.strategies.base import Strategy, check_value, checked_params

MAX_POINTS = 1_000_000


def points_of(strategy: type[Strategy], grid: Mapping[str, Sequence[object]]) -> tuple[list[Strategy], int]:
    """The strategy at each point of the grid, the last parameter varying fastest, and how many points were impossible.

    A point is impossible where each value is within its range but the strategy refuses them together, as a fast average
    that is slower than the slow one. Raises UsageError for an unknown parameter, a value outside its range, a parameter
    without values or with one twice, too many points, and a grid of impossible points alone.
    """
    columns = {name: _values(strategy, name, values) for name, values in grid.items()}
    count = math.prod(len(values) for values in columns.values())
    if count > MAX_POINTS:
        raise UsageError(
            _("A grid of {count} points is too large").format(count=count),
            _("At most {limit} are possible; give fewer values.").format(limit=MAX_POINTS),
        )
    found: list[Strategy] = []
    refusal = None
    for values in product(*columns.values()):
        try:
            found.append(strategy(**dict(zip(columns, values))))
        except UsageError as error:
            refusal = error
    if refusal is not None and not found:
        raise refusal
    return found, count - len(found)


def _values(strategy: type[Strategy], name: str, given: Sequence[object]) -> list[Any]:
    """The values of one parameter as its type, each checked."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in given]
    values = [checked_params(strategy, {name: value})[name] for value in plain]
    if not values or len(set(values)) < len(values):
        raise UsageError(_("The grid must give {name} at least one value, and none twice").format(name=name))
    parameter = next(item for item in fields(strategy) if item.name == name)
    for value in values:
        check_value(strategy.name, parameter, value)
    return values
