"""Days from one to another as they are typed into a filter: 2025-04..2025-06, 2025.., ..2025-03-14; `!` in front leaves them out."""

from __future__ import annotations

import re
from datetime import date

SPAN = re.compile(r"!?(?:\d[\d-]*\.\.[\d-]*|\.\.\d[\d-]*)", re.ASCII)


def is_span(word: str) -> bool:
    """Whether a typed word says from which day to which."""
    return SPAN.fullmatch(word) is not None


def in_span(day: date, word: str) -> bool:
    """Whether a day is inside a span, both ends included. An end is as much of a day as was typed: a year, a month, a day."""
    first, last = word.removeprefix("!").split("..")
    text = day.isoformat()
    inside = text[: len(first)] >= first and (not last or text[: len(last)] <= last)
    return inside is not word.startswith("!")
