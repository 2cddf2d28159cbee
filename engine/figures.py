"""Numbers, dates and money as the reader's language writes them (Babel). Undefined values show as a dash."""

from __future__ import annotations

import math
from datetime import date, datetime

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, format_percent

from engine.domain import SAO_PAULO
from engine.i18n import language

DASH = "–"


def _missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def rounded(value: float, decimals: int) -> float:
    """`value` rounded as Python's own formatting rounds it; what rounds to zero has no sign."""
    return round(float(value), decimals) + 0.0


def money(value: float | None) -> str:
    """R$ with two decimals."""
    if value is None or _missing(value):
        return DASH
    return format_currency(rounded(value, 2), "BRL", locale=language()).replace("\xa0", " ")


def percent(value: float | None, *, signed: bool = False) -> str:
    """A fraction as a percentage with two decimals."""
    if value is None or _missing(value):
        return DASH
    points = rounded(value * 100, 2)
    text = format_percent(points / 100, format="#,##0.00%", locale=language())
    return f"+{text}" if signed and points > 0 else text


def number(value: float | None, decimals: int = 2) -> str:
    """A plain number with grouping."""
    if value is None or _missing(value):
        return DASH
    places = "." + "0" * decimals if decimals else ""
    return format_decimal(rounded(value, decimals), format=f"#,##0{places}", locale=language())


def price(value: float | None) -> str:
    """A price: two decimals, four below one."""
    if value is None or _missing(value):
        return DASH
    return number(value, 2 if abs(value) >= 1 else 4)


def day(value: date | str) -> str:
    """A session date."""
    found = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return format_date(found, "dd/MM/yyyy" if language() == "pt_BR" else "yyyy-MM-dd", locale=language())


def instant(value: str | datetime) -> str:
    """An instant on Sao Paulo's clock, to the minute."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    pattern = "dd/MM/yyyy HH:mm" if language() == "pt_BR" else "yyyy-MM-dd HH:mm"
    return format_datetime(found.astimezone(SAO_PAULO), pattern, tzinfo=SAO_PAULO, locale=language())
