"""What the chart of a symbol needs: its bars, indicators over them, and where trades and signals stand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import strategies
from engine.backtest.execution import Execution
from engine.backtest.run import read_inputs, trade
from engine.domain import TIMEFRAMES, Action, Bars, Trade, day_number
from engine.errors import NoDataError, PregaoError
from engine.features import indicators
from engine.i18n import _
from engine.signals import rules_of
from engine.store.bars import read_bars
from engine.store.ledger import newest_backtest, signals_of
from engine.strategies.manager import choose

if TYPE_CHECKING:
    from pathlib import Path

    from engine.domain import FloatArray
    from engine.settings_model import Settings
    from engine.store.database import Store

#: No trades are drawn.
NO_STRATEGY = ""


@dataclass(frozen=True, slots=True)
class ChartMark:
    """Something that happened at bar `index`. kind: `entry` or `exit` of a trade, or `signal`. direction: +1 bought, -1 sold.

    price: in R$ (points), that of the fill, or of the signal. reason: the key of an exit's reason, or the words of a signal.
    return_: of the trade that ends here, a fraction of its entry price; NaN for the others.
    """

    index: int
    kind: str
    direction: int
    price: float
    strategy: str
    reason: str = ""
    return_: float = math.nan


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of one symbol with all that is drawn over them.

    columns: float64, length n, by name; see `indicator_columns`. marks: by bar. strategy: whose trades are marked, empty for
    none. note: why there are no trades, empty when there are.
    """

    bars: Bars
    columns: Mapping[str, FloatArray]
    marks: tuple[ChartMark, ...]
    strategy: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive bars made into longer ones: bar k of it spans `size` bars from `first` + k x size on.

    Prices as in `Bars`; volume is the sum of the turnover (R$), or of the quantity where no turnover is known, unknown values
    left out; a column has its value at the last bar of each.
    """

    first: int
    size: int
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]
    columns: Mapping[str, list[float]]


def read_chart(
    store: Store, settings: Settings, symbol: str, timeframe: str, *, strategy: str | None = None, folder: Path | None = None
) -> Chart:
    """The stored bars of `symbol`, provisional ones included, with indicators, signals of live runs and trades.

    The trades are those of `strategy` over all bars, with the parameters of its newest backtest of this series; None takes
    the strategy of the newest backtest, or else that of the settings. `NO_STRATEGY` draws none. folder: the user's strategies.
    A strategy that cannot be traded here leaves a note instead. Raises NoDataError when there are no bars.
    """
    bars = read_bars(store, symbol, timeframe, provisional=True)
    if not len(bars):
        raise NoDataError(_("{symbol} has no bars of {timeframe}").format(symbol=symbol, timeframe=timeframe))
    marks, name, note = signal_marks(bars, signals_of(store, symbol)), "", ""
    try:
        name, params, orders = _strategy_of(store, settings, bars, strategy)
        if name:
            inputs = read_inputs(
                *(store, settings, symbol),
                timeframe=timeframe,
                start=None,
                end=None,
                capital=None,
                costs=None,
                execution=Execution(**{**settings.orders.model_dump(), **orders}),
            )
            found = trade(inputs, strategies.get(name, params, folder))
            marks += trade_marks(bars, found.trades, name)
    except PregaoError as error:
        note = error.message
    ordered = tuple(sorted(marks, key=lambda mark: mark.index))
    return Chart(bars, indicator_columns(bars), ordered, name, note)


def _strategy_of(
    store: Store, settings: Settings, bars: Bars, asked: str | None
) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """The strategy to trade, its parameters, and its orders where they are not those of the settings."""
    if asked == NO_STRATEGY:
        return NO_STRATEGY, {}, {}
    if (newest := newest_backtest(store, bars.symbol, bars.timeframe, asked)) is not None:
        return newest
    name = asked or settings.daily.strategy
    return (choose(bars, rules_of(settings)).strategy if name == strategies.AUTO else name), {}, {}


def indicator_columns(bars: Bars) -> dict[str, FloatArray]:
    """The indicators of a chart, float64, length n, NaN during their warm-up; the value at t uses bars up to t only.

    sma_20, sma_50, ema_9, ema_21 and bb_upper, bb_middle, bb_lower (20 bars, 2 deviations) are prices; rsi, adx (14, 0 to
    100), atr (14, in prices), macd, macd_signal, macd_histogram (12, 26, 9, in prices). See `engine.features.indicators`.
    """
    high, low, close = bars.high, bars.low, bars.close
    upper, middle, lower = indicators.bollinger(close)
    line, signal, histogram = indicators.macd(close)
    return {
        "sma_20": indicators.sma(close, 20),
        "sma_50": indicators.sma(close, 50),
        "ema_9": indicators.ema(close, 9),
        "ema_21": indicators.ema(close, 21),
        "bb_upper": upper,
        "bb_middle": middle,
        "bb_lower": lower,
        "rsi": indicators.rsi(close),
        "adx": indicators.adx(high, low, close),
        "atr": indicators.atr(high, low, close),
        "macd": line,
        "macd_signal": signal,
        "macd_histogram": histogram,
    }


def trade_marks(bars: Bars, trades: Iterable[Trade], strategy: str) -> list[ChartMark]:
    """Entry and, where it is closed, exit of every trade, at the bars that open at those instants."""
    marks = []
    for one in trades:
        entry = index_at(bars, one.entry_time)
        marks.append(ChartMark(entry, "entry", one.side, one.entry_price, strategy))
        if one.exit_time is not None and one.exit_price is not None:
            at = index_at(bars, one.exit_time)
            marks.append(ChartMark(at, "exit", -one.side, one.exit_price, strategy, one.exit_reason, one.return_))
    return marks


def signal_marks(bars: Bars, signals: Sequence[Mapping[str, Any]]) -> list[ChartMark]:
    """The BUY and SELL among `signals` (JSON form), each at the bar in whose time it was given.

    A daily signal on intraday bars stands at the last bar of its session; other signals coarser than the bars, and those
    before the first bar, are left out.
    """
    marks = []
    for item in signals:
        if item["action"] == Action.HOLD or not len(bars):
            continue
        given = datetime.fromisoformat(item["time"])
        instant = int(given.timestamp())
        if TIMEFRAMES[item["timeframe"]] > TIMEFRAMES[bars.timeframe]:
            if item["timeframe"] != "1d":
                continue
            session = day_number(given.date())
            index = int(np.searchsorted(bars.session, session, side="right")) - 1
            if index < 0 or bars.session[index] != session:
                continue
        elif instant < bars.time[0]:
            continue
        else:
            index = index_at(bars, instant)
        direction = 1 if item["action"] == Action.BUY else -1
        marks.append(ChartMark(index, "signal", direction, item["price"], item["strategy"], item["reason"]))
    return marks


def index_at(bars: Bars, time: int) -> int:
    """The last bar that opens at or before `time` (UTC seconds), the first one for an earlier time. bars: at least one."""
    return max(int(np.searchsorted(bars.time, time, side="right")) - 1, 0)


def index_of_session(bars: Bars, session: int) -> int:
    """The first bar of `session` (days since 1970-01-01) or of the next one after it, else the last bar. bars: at least one."""
    return min(int(np.searchsorted(bars.session, session)), len(bars) - 1)


def buildable(stored: Iterable[str]) -> tuple[str, ...]:
    """The timeframes that can be shown of a symbol: those stored, and the coarser ones, which are built from them."""
    finest = min((TIMEFRAMES[name] for name in stored), default=math.inf)
    return tuple(name for name, length in TIMEFRAMES.items() if length >= finest)


def stretch(chart: Chart, first: int, end: int, size: int, names: Iterable[str]) -> Stretch:
    """The bars first..end-1 (at least one), every `size` of them as one, with the columns `names`; the last may span fewer."""
    bars = chart.bars
    starts = np.arange(0, end - first, size)
    lasts = np.append(starts[1:], end - first) - 1
    volume = bars.quantity if np.isnan(bars.turnover).all() else bars.turnover
    return Stretch(
        first=first,
        size=size,
        open=bars.open[first:end][starts].tolist(),
        high=np.maximum.reduceat(bars.high[first:end], starts).tolist(),
        low=np.minimum.reduceat(bars.low[first:end], starts).tolist(),
        close=bars.close[first:end][lasts].tolist(),
        volume=np.add.reduceat(np.nan_to_num(volume[first:end]), starts).tolist(),
        columns={name: chart.columns[name][first:end][lasts].tolist() for name in names},
    )
