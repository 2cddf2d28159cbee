"""The panels of the backtest view: their names, and the hints that matter in some of them only."""

from __future__ import annotations

from collections.abc import Mapping

from engine.i18n import mark

#: The panels in the order in which they follow each other, and what they are called.
PANELS: Mapping[str, str] = {
    "charts": mark("Charts"),
    "trades": mark("Trades"),
    "compare": mark("Compare"),
    "months": mark("Months"),
    "evidence": mark("Evidence"),
    "costs": mark("Costs and taxes"),
}
#: The hints that matter in these panels only.
HINTS: Mapping[str, tuple[str, ...]] = {
    "backtest.trade": ("trades",),
    "backtest.compare": ("compare",),
    "backtest.bands": ("evidence",),
    "backtest.form": tuple(PANELS)[1:],
}
