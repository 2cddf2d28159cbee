"""The columns of the direction in words: what each is, and why it is looked at."""

from __future__ import annotations

import re

from engine.i18n import _

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
    name = name.removeprefix("evening_")
    for pattern, words in _purposes().items():
        if re.match(pattern, name):
            return words
    return _("What other markets did after B3 closed and B3 has not answered yet.")


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


def _purposes() -> dict[str, str]:
    return {
        r"return\d|return_lag|return$": _("Memory: whether a move goes on or turns within days."),
        r"return_sum|distance_|rises5|mean\d": _("Trend: where the price stands against its own past."),
        r"rsi|bollinger|close_location|body": _("Excess: whether the last move went too far, or ended strong."),
        r"range|atr|volatility|vix": _("Risk: how much prices move; direction is harder to tell when they move much."),
        r"volume": _("Interest: whether unusually many took part in the last move."),
        r"(mon|tues|wednes|thurs|fri)day|days_between|month_": _("Calendar: known long before; effects are small and unstable."),
        r"opening_gap|move_so_far": _("What the target session itself has shown by then: the strongest information there is."),
        r"(close|open|high|low)$": _(
            "The level of prices: it says nothing of their change, and models lose their footing when it moves."
        ),
    }
