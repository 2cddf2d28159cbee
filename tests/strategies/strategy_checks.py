"""What every strategy must keep, as one battery, and the walks it is run on."""

from dataclasses import replace

import numpy as np

from engine.domain import BAR_ARRAYS, Bars, PriceBase
from engine.strategies.base import Strategy

COLUMNS = ("action", "strength", "stop", "target", "size")


def bars_of(close, *, high=None, low=None, open_=None, quantity=None, timeframe="1d", per_session=1, spread=0.01):
    """Bars with these closes; the other prices from them where not given."""
    close = np.asarray(close, dtype=float)
    n = close.size
    nan = np.full(n, np.nan)
    session = np.arange(n) // per_session + 20_000
    time = session * 86_400 + 13 * 3600 + np.arange(n) % per_session * 3600
    return Bars(
        "ABCD3", timeframe, time, session,
        close.copy() if open_ is None else np.asarray(open_, dtype=float),
        close * (1 + spread) if high is None else np.asarray(high, dtype=float),
        close * (1 - spread) if low is None else np.asarray(low, dtype=float),
        close, nan if quantity is None else np.asarray(quantity, dtype=float), nan.copy(),
        np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), PriceBase.ADJUSTED,
    )  # fmt: skip


def walk(seed, n=400, *, volume=True, per_session=1, drift=0.0):
    """A random walk with gaps between bars and ranges inside them; without volume, no quantity is known."""
    random = np.random.default_rng(seed)
    close = 30 * np.exp(np.cumsum(random.normal(drift, 0.02, n)))
    open_ = np.concatenate(([30.0], close[:-1])) * np.exp(random.normal(0, 0.004, n))
    wick = np.exp(np.abs(random.normal(0, 0.006, (2, n))))
    return bars_of(
        close, open_=open_, high=np.maximum(open_, close) * wick[0], low=np.minimum(open_, close) / wick[1],
        quantity=random.lognormal(10, 0.6, n) if volume else None, per_session=per_session,
        timeframe="1d" if per_session == 1 else "60m",
    )  # fmt: skip


def scaled(bars, factor):
    return replace(bars, **{name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")})


def columns(decisions):
    return {name: getattr(decisions, name) for name in COLUMNS if getattr(decisions, name) is not None}


def check_prefixes(strategy: Strategy, bars: Bars) -> None:
    """A decision on bars cut at any length equals that on all of them."""
    whole = columns(strategy.decide(bars))
    for cut in range(len(bars) + 1):
        for name, values in columns(strategy.decide(bars.take(slice(0, cut)))).items():
            np.testing.assert_array_equal(values, whole[name][:cut], err_msg=f"{strategy.name}.{name} cut at {cut}")


def check_strategy(strategy: Strategy, bars: Bars) -> int:
    """Raises AssertionError for a strategy that breaks the contract on these bars; returns how often it acted."""
    before = {name: getattr(bars, name).copy() for name in BAR_ARRAYS}
    for name in BAR_ARRAYS:
        getattr(bars, name).flags.writeable = False
    decisions, again = strategy.decide(bars), strategy.decide(bars)
    found = columns(decisions)
    for name, values in found.items():
        np.testing.assert_array_equal(values, getattr(again, name))
        assert values.shape == (len(bars),)
        assert values.dtype == (np.int8 if name == "action" else np.float64)
        if name != "action":
            assert np.isnan(values[decisions.action == 0]).all(), name
    assert set(np.unique(decisions.action)) <= {-1, 0, 1}
    rows = np.flatnonzero(decisions.action)
    assert (rows >= strategy.warm_up).all()
    side, close = decisions.action[rows], bars.close[rows]
    assert ((decisions.strength[rows] >= 0) & (decisions.strength[rows] <= 1)).all()
    assert ((close - decisions.stop[rows]) * side > 0).all()
    assert ((decisions.target[rows] - close) * side > 0).all()
    if decisions.size is not None:
        assert ((decisions.size[rows] >= 0) & (decisions.size[rows] <= 1)).all()
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(bars, name), values)
    for factor in (4.0, 0.125):
        other = columns(strategy.decide(scaled(bars, factor)))
        for name, values in found.items():
            scale = factor if name in ("stop", "target") else 1.0
            np.testing.assert_allclose(other[name], values * scale, rtol=1e-9, err_msg=f"{name} x {factor}")
    check_words(strategy, bars)
    return rows.size


def check_words(strategy: Strategy, bars: Bars) -> None:
    """Every bar has a reason that says whether it was a signal; the context is complete."""
    decisions = strategy.decide(bars)
    for index in {
        0,
        min(strategy.warm_up, len(bars)) - 1,
        *range(max(len(bars) - 60, 0), len(bars)),
        *np.flatnonzero(decisions.action).tolist(),
    }:
        text = strategy.reason(bars, decisions, index)
        assert text == strategy.reason(bars, decisions, index - len(bars)), index
        assert text.endswith(".")
        quiet = text.startswith(("No signal", "The strategy needs")) or text.endswith("no signal.")
        assert quiet == (decisions.action[index] == 0), (index, text)
        assert text.startswith("The strategy needs") == (index < strategy.warm_up)
    context = strategy.context(bars)
    assert set(context) == {"adx", "atr", "rsi", "volume_avg"}
    assert all(value is None or np.isfinite(value) for value in context.values())
