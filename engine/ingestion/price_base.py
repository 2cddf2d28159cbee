"""Finding out what an export's prices mean, by comparing its closes with raw ones of the same sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.domain import TIMEFRAMES, Bars, PriceBase
from engine.market.resample import resample
from engine.store.bars import list_series, read_series
from engine.store.series import choose_series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.store.database import Store

#: Sessions in common below which equality proves nothing: most shares pay something every year.
ENOUGH = 200
HALF_CENT = 0.0051
#: Prices that adjusting has moved differ by more than this fraction, which a cent or a missed auction does not explain.
NOISE = 1e-3


def judge(bars: Bars, raw: Bars) -> tuple[PriceBase, int, int]:
    """Compare last regular closes per session: (base, sessions equal to the raw close, sessions compared).

    RAW when at least 98 % of 200 or more sessions are equal to half a cent; ADJUSTED when fewer are equal, the older half
    lies below the raw closes by more than NOISE and the difference is gone at the newest session, as back-adjusting makes
    it; else UNKNOWN.
    """
    regular = bars.take(~bars.after_market) if bars.after_market.any() else bars
    daily = regular if bars.timeframe == "1d" else resample(regular, "1d")
    _common, mine, theirs = np.intersect1d(daily.session, raw.session, return_indices=True)
    close, reference = daily.close[mine], raw.close[theirs]
    equal = np.abs(close - reference) <= HALF_CENT
    compared, matched = int(equal.size), int(equal.sum())
    if compared >= ENOUGH and matched >= 0.98 * compared:
        return PriceBase.RAW, matched, compared
    if compared and matched < 0.98 * compared:
        ratio = close / reference
        shrinks = abs(ratio[-1] - 1) < 0.01 and abs(ratio[0] - 1) >= abs(ratio[-1] - 1)
        if shrinks and np.median(ratio[: compared // 2 + 1]) < 1 - NOISE:
            return PriceBase.ADJUSTED, matched, compared
    return PriceBase.UNKNOWN, matched, compared


def settle_price_bases(store: Store, symbols: Iterable[str]) -> list[tuple[str, str, PriceBase, int, int]]:
    """Judge every series of unknown base, daily or finer, that has a raw daily one beside it, and record what was found.

    Returns (symbol, timeframe, base, sessions equal, sessions compared) per series that was settled.
    """
    settled: list[tuple[str, str, PriceBase, int, int]] = []
    for symbol in sorted(set(symbols)):
        known = list_series(store, [symbol])
        reference = choose_series([item for item in known if item.timeframe == "1d"], "1d", price_base=PriceBase.RAW)
        if reference is None:
            continue
        raw = read_series(store, reference)
        for item in known:
            if item.price_base is not PriceBase.UNKNOWN or TIMEFRAMES[item.timeframe] > TIMEFRAMES["1d"]:
                continue
            base, matched, compared = judge(read_series(store, item), raw)
            taken = any(
                (other.timeframe, other.source, other.price_base) == (item.timeframe, item.source, base) for other in known
            )
            if base is not PriceBase.UNKNOWN and not taken:
                with store.write() as connection:
                    connection.exec_driver_sql("UPDATE series SET price_base = ? WHERE id = ?", (str(base), item.id))
                settled.append((symbol, item.timeframe, base, matched, compared))
    return settled
