"""A quote as it is typed: which separator is the decimal one is told by the last close, never guessed."""

from __future__ import annotations

import math

from engine.errors import UsageError
from engine.i18n import _
from tui.quick_format import price

#: How far a quote may lie from the last close, as a fraction.
WIDEST_MOVE = 0.25


def typed_price(text: str, last: float | None) -> float:
    """The quote that was typed: 137412.5, 137.412,5 and 137,412.50 are the same; so is 137.412 where the last close was near that.

    last: the last close of what is quoted; None where it is not known, and then one separator is taken for the decimal one. Raises
    UsageError for what is no price, or none near the last close.
    """
    word = text.replace(" ", "")
    found = [value for value in _readings(word) if value > 0 and math.isfinite(value)]
    if not found:
        raise UsageError(_("{text} is no price").format(text=repr(text)[:40]), _("Type it as 137412.5 or 137.412,5."))
    if last is None:
        return found[0]
    near = [value for value in found if abs(value / last - 1) <= WIDEST_MOVE]
    if not near:
        raise UsageError(
            _("{text} is too far from the last close, {close}").format(text=text.strip(), close=price(last)),
            _("Type the quote of this moment, as 137412.5 or 137.412,5."),
        )
    return near[0]


def _readings(word: str) -> list[float]:
    """What a number may mean: a point and a comma each separate decimals, or groups of three digits."""
    found = []
    for decimal, grouping in ((".", ","), (",", ".")):
        whole, mark, rest = word.partition(decimal)
        groups = whole.split(grouping)
        grouped = all(len(group) == 3 for group in groups[1:]) and 1 <= len(groups[0]) <= 3
        digits = "".join(groups)
        if (len(groups) == 1 or grouped) and digits.isascii() and digits.isdigit() and (not mark or _digits(rest)):
            found.append(float(f"{digits}.{rest or 0}"))
    return found


def _digits(word: str) -> bool:
    return word.isascii() and word.isdigit()
