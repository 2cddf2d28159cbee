"""The panels of the index view: their names, and the hints that matter in some of them only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.i18n import mark
from tui.index.record import Moment

#: The panels in the order in which they follow each other, and what they are called.
PANELS: Mapping[str, str] = {
    "today": mark("Signal"),
    "evaluation": mark("Evaluation"),
    "calibration": mark("Calibration"),
    "windows": mark("Windows of 30"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the panels show. moment: the chosen decision time of `moments`; title: what it predicts; due: whether its time has come
    for the session that is shown; colours: of the theme, by style name."""

    symbol: str
    moment: Moment
    moments: tuple[Moment, ...]
    title: str
    due: bool
    colours: Mapping[str, str]
