"""The direction in words: what each column is and why it is looked at, and how its figures are written."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from engine.domain import from_day_number
from engine.i18n import _
from engine.strategies.base import decimal, percent

MARKETS = {
    "sp500": "S&P 500", "ewz": "EWZ", "eww": "EWW", "vwo": "VWO", "hyg": "HYG", "tlt": "TLT", "brent": "Brent", "wti": "WTI",
    "dxy": "DXY", "dax": "DAX", "dax_open": "DAX", "nikkei": "Nikkei", "hangseng": "Hang Seng", "shanghai": "Shanghai", "vix": "VIX",
}  # fmt: skip


def column_words(name: str) -> str:
    """What a column is, in words; the name itself where it is not known."""
    if name.startswith("evening_"):
        return _("{what}, the evening before").format(what=column_words(name.removeprefix("evening_")))
    plain = _plain_words()
    if name in plain:
        return plain[name]
    for pattern, words in _pattern_words().items():
        match = re.fullmatch(pattern, name)
        if match:
            return words.format(n=match[1])
    market, _sep, kind = name.rpartition("_")
    shown = _("iron ore") if market == "ironore" else MARKETS.get(market, market)
    kinds = {"return": _("return of {market} since the decision before"), "overnight": _("move of {market} overnight")}
    if market.endswith("_minus") and kind == "local":
        market = market.removesuffix("_minus")
        return _("return of {market} beyond that of the index").format(market=MARKETS.get(market, market))
    return kinds[kind].format(market=shown) if kind in kinds else name


def purpose(name: str) -> str:
    """Why a column is looked at: what it might say of the next session."""
    return "{}: {}".format(*_group(name))


def group(name: str) -> str:
    """The name of the purpose that a column shares with others."""
    return _group(name)[0]


def _group(name: str) -> tuple[str, str]:
    name = name.removeprefix("evening_")
    for pattern, words in _purposes().items():
        if re.match(pattern, name):
            return words
    return _("Other markets"), _("what they did after B3 closed and B3 has not answered yet.")


def calendar_day(number: int) -> str:
    """A day (since 1970-01-01) as YYYY-MM-DD."""
    return from_day_number(number).isoformat()


def share_words(value: float | None) -> str:
    """A share as percents; a dash where it is not known."""
    return "-" if value is None or math.isnan(value) else percent(value)


def number_words(value: float | None, digits: int = 3) -> str:
    """A number; a dash where it is not known."""
    return "-" if value is None or math.isnan(value) else decimal(value, digits)


def range_words(pair: Sequence[float | None]) -> str:
    """Two shares as a range; a dash where one is not known."""
    low, high = pair
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return "-"
    return _("{low} to {high}").format(low=percent(low), high=percent(high))


def points_words(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return ("+" if value > 0 else "") + decimal(100 * value, 1)


def _plain_words() -> dict[str, str]:
    return {
        "bollinger_z": _("distance from the 20-session mean in standard deviations"),
        "close_location": _("where the close lies between low and high"),
        "range": _("range of the session"),
        "body": _("close against open"),
        "atr": _("average true range of 14 sessions"),
        "volatility_ratio": _("volatility of 5 sessions against that of 21"),
        "volume_z": _("volume against that of 21 sessions"),
        "rises5": _("rises among the last 5 sessions"),
        "distance_high252": _("distance from the highest price of 252 sessions"),
        "monday": _("the target is a Monday"),
        "tuesday": _("the target is a Tuesday"),
        "wednesday": _("the target is a Wednesday"),
        "thursday": _("the target is a Thursday"),
        "friday": _("the target is a Friday"),
        "days_between": _("days since the session before"),
        "month_begins": _("the month begins"),
        "month_ends": _("the month ends"),
        "sp500_return_lag1": _("return of the S&P 500 one session earlier"),
        "sp500_return_sum5": _("return of the S&P 500 over 5 sessions"),
        "local_minus_sp500": _("return of the index beyond that of the S&P 500"),
        "vix": _("level of the VIX"),
        "vix_change": _("change of the VIX"),
        "us10y_change": _("change of the US 10-year yield"),
        "opening_gap": _("opening against the close before, in usual daily moves"),
        "first_print_gap": _("first print of the session against the close before, in usual daily moves"),
        "move_so_far": _("move since the close before, in usual daily moves"),
        "return0": _("return of the last session"),
        "close": _("close, in points"),
        "open": _("open, in points"),
        "high": _("high, in points"),
        "low": _("low, in points"),
        "volume": _("volume, as printed"),
        "return": _("return of the last session"),
    }


def _pattern_words() -> dict[str, str]:
    return {
        r"return(\d+)": _("return of a session, lag {n}"),
        r"return_lag(\d+)": _("return of a session, lag {n}"),
        r"return_sum(\d+)": _("return over {n} sessions"),
        r"distance_mean(\d+)": _("distance from the {n}-session mean"),
        r"mean(\d+)": _("mean close of {n} sessions, in points"),
        r"rsi(\d+)": _("RSI of {n} sessions"),
        r"volatility(\d+)": _("volatility of {n} sessions"),
    }


def _purposes() -> dict[str, tuple[str, str]]:
    return {
        r"return\d|return_lag|return$": (_("Memory"), _("whether a move goes on or turns within days.")),
        r"return_sum|distance_|rises5|mean\d": (_("Trend"), _("where the price stands against its own past.")),
        r"rsi|bollinger|close_location|body": (_("Excess"), _("whether the last move went too far, or ended strong.")),
        r"range|atr|volatility|vix": (
            _("Risk"),
            _("how much prices move; direction is harder to tell when they move much."),
        ),
        r"volume": (_("Participation"), _("whether unusually many took part in the last move.")),
        r"(mon|tues|wednes|thurs|fri)day|days_between|month_": (
            _("Calendar"),
            _("known long before; effects are small and unstable."),
        ),
        r"opening_gap|first_print_gap|move_so_far": (
            _("The session itself"),
            _("what the target session has shown by then: the strongest information there is."),
        ),
        r"(close|open|high|low)$": (
            _("Level"),
            _("where prices stand: it says nothing of their change, and models lose their footing when it moves."),
        ),
    }
