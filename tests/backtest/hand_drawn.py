"""The kernel on bars written by hand, for tests."""

import numpy as np

from engine.backtest import kernel

NAN = float("nan")
B, S, H = 1, -1, 0
FLAT = (10, 10, 10, 10)


def simulate(bars, *, fast=False, capital=1000.0, session=None, fee=0.0, fee_day_trade=0.0, split=None, dividend=None,
             first=0, last=None, opening=0, sizing=kernel.FRACTION, size=1.0, allow_short=True, lot=1, point_value=1.0,
             tick=(0, 1), slippage=0.0, brokerage=0.0, rate=None, pay=None, borrow=0.0, favourable=False):  # fmt: skip
    """`kernel.run` on bars of (open, high, low, close[, action[, stop, target]]); rate and pay by bar, borrow per session."""
    n = len(bars)
    rows = [(*bar, *(H, NAN, NAN)[len(bar) - 4 :]) for bar in bars]
    open_, high, low, close, action, stop, target = (np.array(column, dtype=float) for column in zip(*rows))
    session = np.arange(n) if session is None else np.array(session)
    split = np.ones(n) if split is None else np.array(split, dtype=float)
    dividend = np.zeros(n) if dividend is None else np.array(dividend, dtype=float)
    series = (open_, high, low, close, session, action.astype(np.int8), stop, target, split, dividend,
              np.full(n, fee), np.full(n, fee_day_trade))  # fmt: skip
    last = n - 1 if last is None else last
    scalars = (first, last, opening, capital, sizing, size, allow_short, lot, point_value, *tick, slippage, brokerage)
    rate = None if rate is None else np.array(rate, dtype=float)
    pay = None if pay is None else np.array(pay)
    return kernel.run(series, scalars, fast=fast, rate=rate, pay=pay, borrow=borrow, favourable=favourable)
