"""The formats of the hot tables, with the standard library alone: equal to `tui.format` (a test holds it), 20 times faster."""

from __future__ import annotations

import math
from datetime import date

from engine.i18n import language

DASH = "–"
SWAPPED = str.maketrans(",.", ".,")


def _localised(text: str) -> str:
    return text.translate(SWAPPED) if language() == "pt_BR" else text


def number(value: float | None, decimals: int = 2) -> str:
    """A plain number with grouping; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    return _localised(f"{value:z,.{decimals}f}")


def price(value: float | None) -> str:
    """A price: two decimals, four below one."""
    return number(value, 2 if value is None or not math.isfinite(value) or abs(value) >= 1 else 4)


def money(value: float | None) -> str:
    """R$ with two decimals."""
    if value is None or not math.isfinite(value):
        return DASH
    sign = "-" if round(value, 2) < 0 else ""
    return f"{sign}R${' ' if language() == 'pt_BR' else ''}{number(abs(value))}"


def percent(value: float | None) -> str:
    """A fraction as a signed percentage with two decimals; zero has no sign."""
    if value is None or not math.isfinite(value):
        return DASH
    points = round(value * 100, 2)
    return _localised(f"{points:{'+' if points else 'z'},.2f}%")


def compact(value: float | None) -> str:
    """A large quantity in four figures: 5.69 M."""
    if value is None or not math.isfinite(value):
        return DASH
    for limit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            scaled = value / limit
            return _localised(f"{scaled:.{2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0}f}") + f" {suffix}"
    return _localised(f"{value:.0f}")


def day(value: date | str | None) -> str:
    """A session date."""
    if value is None:
        return DASH
    found = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return found.strftime("%d/%m/%Y") if language() == "pt_BR" else found.isoformat()


def trend(value: float | None) -> str:
    """The style and glyph of a change: up, down or flat."""
    if value is None or not math.isfinite(value) or value == 0:
        return "flat"
    return "up" if value > 0 else "down"


GLYPH = {"up": "▲", "down": "▼", "flat": "●"}
