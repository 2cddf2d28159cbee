"""The signal of today: what a strategy says at the close of the last bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.domain import Action, Signal
from engine.errors import NoDataError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import Bars
    from engine.strategies.base import Strategy

_ACTIONS = {1: Action.BUY, 0: Action.HOLD, -1: Action.SELL}


def latest_signal(
    bars: Bars, strategy: Strategy, valid_until: int, *, regime: str | None = None, stale_sessions: int = 0
) -> Signal:
    """What `strategy` says at the close of the last final bar; provisional bars at the end are left out.

    valid_until: UTC seconds, the instant until which the signal may be acted on. The prices are in the bars' price base.
    HOLD has strength 0 and no levels. Raises NoDataError when there are fewer bars than the strategy needs.
    """
    bars = finished(bars)
    if len(bars) <= strategy.warm_up:
        raise NoDataError(
            _("{symbol} has {count} finished bars of {timeframe}; the strategy {strategy} needs {needed}").format(
                symbol=bars.symbol, count=len(bars), timeframe=bars.timeframe, strategy=strategy.name, needed=strategy.warm_up + 1
            ),
            _("Import more history."),
        )
    decisions = strategy.decide(bars)
    action = int(decisions.action[-1])
    return Signal(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        time=int(bars.time[-1]),
        strategy=strategy.name,
        action=_ACTIONS[action],
        strength=float(decisions.strength[-1]) if action else 0.0,
        price=float(bars.close[-1]),
        stop_loss=_level(decisions.stop[-1]),
        take_profit=_level(decisions.target[-1]),
        valid_until=valid_until,
        reason=strategy.reason(bars, decisions, -1),
        market_context=strategy.context(bars),
        regime=regime,
        price_base=bars.price_base,
        stale_sessions=stale_sessions,
        size=None if decisions.size is None else _level(decisions.size[-1]),
    )


def finished(bars: Bars) -> Bars:
    """The bars up to the last final one."""
    final = np.flatnonzero(~bars.provisional)
    if final.size and final[-1] == len(bars) - 1:
        return bars
    return bars.take(slice(0, int(final[-1]) + 1 if final.size else 0))


def _level(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
