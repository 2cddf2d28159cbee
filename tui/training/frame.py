"""The panels of the training view: their names, and the hints that matter in some of them only."""

from __future__ import annotations

from collections.abc import Mapping

from engine.i18n import mark

#: The panels in the order in which they follow each other, and what they are called.
PANELS: Mapping[str, str] = {
    "progress": mark("Progress"),
    "result": mark("Result"),
    "features": mark("Features"),
    "calibration": mark("Calibration"),
    "history": mark("Trainings"),
    "compare": mark("Compare"),
}
#: The hints that matter in these panels only.
HINTS: Mapping[str, tuple[str, ...]] = {
    "training.symbol": ("progress",),
    "training.form": tuple(PANELS)[1:],
    "training.mark": ("history",),
    "training.compare": ("history", "compare"),
    "training.promote": ("result", "history", "compare"),
    "training.explain": ("result", "features", "calibration"),
}
