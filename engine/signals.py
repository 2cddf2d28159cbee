"""The signal of a stored symbol now: the newest finished bars, the strategy, and until when the signal holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.domain import TIMEFRAMES, Signal
from engine.errors import NoDataError
from engine.i18n import _
from engine.store.bars import read_bars
from engine.store.events import adjusted
from engine.strategies.manager import Choice, Rules, choose, judged_signal

if TYPE_CHECKING:
    from engine.market.calendar import Calendar
    from engine.settings_model import Settings
    from engine.store.database import Store
    from engine.strategies.base import Strategy


def current_signal(
    store: Store,
    calendar: Calendar,
    settings: Settings,
    symbol: str,
    strategy: Strategy | None,
    *,
    timeframe: str,
    now: int,
) -> Signal:
    """What `strategy` says at the close of the newest finished bar of `symbol`; None asks the strategy that suits the regime.

    Raw prices are adjusted by the stored events of the symbol. `stale_sessions` counts the sessions that closed since that bar's.
    Raises NoDataError, and FileError for a stored payment that cannot be.
    """
    bars, _events = adjusted(store, read_bars(store, symbol, timeframe))
    if not len(bars):
        raise NoDataError(_("{symbol} has no finished bar of {timeframe}").format(symbol=symbol, timeframe=timeframe))
    session = int(bars.session[-1])
    newest = calendar.last_closed_session(now, settings.daily.close_delay_minutes * 60)
    behind = int(np.searchsorted(calendar.sessions, newest) - np.searchsorted(calendar.sessions, session))
    until = valid_until(calendar, timeframe, int(bars.time[-1]), session)
    return judged_signal(bars, strategy, until, rules_of(settings), stale_sessions=max(behind, 0))


def current_regime(store: Store, settings: Settings, symbol: str, *, timeframe: str) -> Choice:
    """The regime of `symbol` at its newest finished bar and the strategy chosen for it; errors as in `current_signal`."""
    bars, _events = adjusted(store, read_bars(store, symbol, timeframe))
    return choose(bars, rules_of(settings))


def rules_of(settings: Settings) -> Rules:
    """Where regimes begin by the settings."""
    return Rules(settings.regime.volatile_atr, settings.regime.trend_adx, settings.regime.sma)


def valid_until(calendar: Calendar, timeframe: str, time: int, session: int) -> int:
    """The end of the bar after the one that opened at `time`: until then the signal's order may be filled.

    For a daily or weekly bar that is the close of the next session; for an intraday one the end of the next bar, which
    after the last bar of a session is the first of the next.
    """
    length = TIMEFRAMES[timeframe]
    following = calendar.next_session(session)
    if length >= TIMEFRAMES["1d"]:
        return calendar.close_instant(following)
    end = time + 2 * length
    return end if end <= calendar.close_instant(session) else calendar.open_instant(following) + length
