"""What the direction is predicted from: the bars of an index or a share, one row for each target session, and other markets.

Days are integers since 1970-01-01, instants UTC seconds, prices in points or R$; n is the number of target sessions, the last of
which is the session after the newest bar, whose outcome is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import TIMEFRAMES, PriceBase, from_day_number
from engine.errors import NoDataError, UsageError
from engine.i18n import _, ngettext
from engine.ml.direction.known import Known
from engine.ml.direction.sources import BY_NAME, SOURCES, known_values
from engine.ml.direction.times import OPENING_KNOWN, DecisionTime

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray, IntArray
    from engine.market.calendar import Calendar
    from engine.store.bars import Cut
    from engine.store.database import Store

INDEX, FUND = "IBOV", "BOVA11"
LEAST_BARS = 30
#: Seconds that a price may be older than the clock it stands for.
FRESH = 5 * 60
#: The widest move of a session, as a fraction, that a typed price may show: nothing of B3 moved further without a halt.
WIDEST_MOVE = 0.25


@dataclass(frozen=True, slots=True)
class SeriesAge:
    """One series that is used. last: the day of its newest value; behind: sessions of B3 after that day up to the newest bar."""

    name: str
    last: int
    behind: int

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "last": from_day_number(self.last).isoformat(), "behind": self.behind}


@dataclass(frozen=True, slots=True, eq=False)
class IndexData:
    """One row for each target session, oldest first.

    bars: the m = n daily bars before the last target; those of days on which B3 did not trade are left out.
    session, previous: int64 (n,), the target session and the session of the bar before it. opened, closed: int64 (n,), the nominal
    opening and the close of the target session; previous_closed: int64 (n,), the close of the session before.
    previous_close, close: float64 (n,), NaN unknown. label: float64 (n,), 1 the close is higher, 0 it is not (a tie is 0), NaN
    unknown or where a session of the calendar lies between the two bars. open_print: float64 (n,), the opening as the source of
    the bars states it. opening_symbol: what has an opening price of its own, BOVA11 for the index, else the symbol itself, empty
    when BOVA11 is not stored; opening, opening_previous: float64 (n,), its opening of the target and its close before, NaN unknown.
    intraday: bars by timeframe. series: other markets by name, a day's value with its instant. quote: a price of the last target
    during its session, as typed. ages: of `series`. notices: what was left out and why.
    """

    symbol: str
    bars: Bars
    session: IntArray
    previous: IntArray
    opened: IntArray
    closed: IntArray
    previous_closed: IntArray
    previous_close: FloatArray
    close: FloatArray
    label: FloatArray
    open_print: FloatArray
    opening_symbol: str
    opening: FloatArray
    opening_previous: FloatArray
    intraday: Mapping[str, Bars]
    series: Mapping[str, Known]
    ages: tuple[SeriesAge, ...] = ()
    notices: tuple[str, ...] = ()
    quote: float | None = None

    def __len__(self) -> int:
        return int(self.session.size)

    def decisions(self, time: DecisionTime) -> IntArray:
        """The instant of the decision about each target session, int64 (n,)."""
        return time.instants(self.previous, self.session, self.opened)

    def openings(self) -> Known:
        """The opening of BOVA11 or of the share by target session, as columns opening and close before; the index's own without."""
        own = not self.opening_symbol
        pair = (self.open_print, self.previous_close) if own else (self.opening, self.opening_previous)
        return Known("opening", self.session, self.opened + OPENING_KNOWN, np.column_stack(pair))

    def prices_at(self, time: DecisionTime) -> Known:
        """The price at a nowcast's clock and the close before, float64 (n, 2), by target session; of the bars that tell most sessions.

        Both are of one source: the close before is that of the bars within the session, see `closes_before`. A typed price is the
        last one's, against the close before of those bars or else of the daily ones.
        """
        assert time.clock is not None
        clocks = self.decisions(time)
        best, ends = np.full((len(self), 2), np.nan), clocks.copy()
        for timeframe, bars in self.intraday.items():
            if not len(bars):
                continue
            end = bars.time + TIMEFRAMES[timeframe]
            place = np.searchsorted(end, clocks, side="right") - 1
            before = self.closes_before(timeframe)
            fresh = (place >= 0) & (clocks - end[place] <= FRESH) & (clocks < self.closed) & ~np.isnan(before)
            if np.count_nonzero(fresh) > np.count_nonzero(~np.isnan(best[:, 0])):
                best = np.where(fresh[:, None], np.column_stack((bars.close[place], before)), np.nan)
                ends = np.where(fresh, end[place], clocks)
        if self.quote is not None:
            best[-1], ends[-1] = (self.quote, self.quoted_before()), clocks[-1]
        return Known("price", self.session, ends, best)

    def closes_before(self, timeframe: str) -> FloatArray:
        """The close of the session before each target by the bars of a timeframe within the session, float64 (n,).

        It is that of the bar that ends at the regular close or later. Where there is none it is the daily close, when both are known
        to be raw prices, else NaN: prices of two sources, adjusted in one of them alone, would make a move that never was.
        """
        bars = self.intraday[timeframe]
        regular = bars.take(~bars.after_market)
        both_raw = bars.price_base == self.bars.price_base == PriceBase.RAW
        found = self.previous_close.copy() if both_raw else np.full(len(self), np.nan)
        if len(regular):
            place = np.searchsorted(regular.session, self.previous, side="right") - 1
            ended = regular.time[place] + TIMEFRAMES[timeframe] >= self.previous_closed
            there = (place >= 0) & (regular.session[place] == self.previous) & ended
            found[there] = regular.close[place[there]]
        return found

    def quoted_before(self) -> float:
        """The close before the last target that a typed price is measured against."""
        stated = [float(self.closes_before(timeframe)[-1]) for timeframe in self.intraday]
        return next((value for value in stated if not np.isnan(value)), float(self.previous_close[-1]))

    def until(self, session: int) -> IndexData:
        """The same as it was while the outcome of `session` was not known: it is the last row, and nothing later is there.

        Raises NoDataError when it is not a target session.
        """
        row = int(np.searchsorted(self.session, session))
        if row >= len(self) or int(self.session[row]) != session:
            raise NoDataError(_("{date} is not a session that can be judged").format(date=from_day_number(session).isoformat()))
        kept = slice(0, row + 1)
        close, label = self.close[kept].copy(), self.label[kept].copy()
        close[-1] = label[-1] = np.nan
        end = int(self.closed[row])
        rows = ("session", "previous", "opened", "closed", "previous_closed", "previous_close", "open_print")
        cut = {name: getattr(self, name)[kept] for name in (*rows, "opening", "opening_previous")}
        series = {name: known.until(end - 1) for name, known in self.series.items()}
        intraday = {timeframe: bars.take(bars.time + TIMEFRAMES[timeframe] < end) for timeframe, bars in self.intraday.items()}
        return replace(
            self, **cut, close=close, label=label, bars=self.bars.take(self.bars.session < session), series=series,
            intraday=intraday, quote=self.quote if row == len(self) - 1 else None,
            ages=ages_of(series, self.bars.session[self.bars.session < session]),
        )  # fmt: skip


def with_price(data: IndexData, time: DecisionTime, price: float) -> IndexData:
    """The data with a price typed for the last target session: the opening at "open", the price of the moment during the session.

    Raises UsageError at times that use no price of the target session, and for a price too far from the close before.
    """
    if time.name not in ("open", "nowcast"):
        raise UsageError(_("A price is used at the opening and during the session, not {time}").format(time=time.title))
    fund = time.name == "open" and data.opening_symbol
    name = data.opening_symbol if fund else data.symbol
    before = float(
        data.opening_previous[-1] if fund else data.previous_close[-1] if time.name == "open" else data.quoted_before()
    )
    if not price > 0 or not abs(price / before - 1) <= WIDEST_MOVE:
        raise UsageError(
            _("{price:g} is no price of {symbol}, which closed at {before:g} before").format(
                price=price, symbol=name, before=before
            ),
            _("Give the price of {symbol}, in its own unit.").format(symbol=name),
        )
    if time.name == "nowcast":
        return replace(data, quote=price)
    field = "opening" if fund else "open_print"
    prices = getattr(data, field).copy()
    prices[-1] = price
    typed: dict[str, Any] = {field: prices}
    return replace(data, **typed)


def with_index_price(data: IndexData, price: float) -> IndexData:
    """The data with a typed price of the symbol itself in the place of BOVA11's opening: what counts is the move since the close before."""
    opening, before = data.opening.copy(), data.opening_previous.copy()
    opening[-1], before[-1] = price, data.previous_close[-1]
    return replace(data, opening=opening, opening_previous=before)


def with_own_print(data: IndexData) -> IndexData:
    """The data as it is without BOVA11: the opening is the first print of the symbol, as the source of its daily bars states it."""
    blank = np.full(len(data), np.nan)
    return replace(data, opening_symbol="", opening=blank, opening_previous=blank)


def build(
    bars: Bars,
    calendar: Calendar,
    *,
    series: Mapping[str, tuple[IntArray, FloatArray]] | None = None,
    opening: Bars | None = None,
    intraday: Sequence[Bars] = (),
    opening_symbol: str = "",
) -> IndexData:
    """The rows of these daily bars. series: (days, values) by the names of `sources.SOURCES`, others are left out with a notice.

    opening: daily bars whose opening is an auction's price. Raises NoDataError when there are too few bars.
    """
    notices = []
    inside = (bars.session >= calendar.first) & (bars.session < calendar.last)
    traded = inside & np.isin(bars.session, calendar.sessions)
    if not traded.all():
        first = from_day_number(int(bars.session[~traded][0])).isoformat()
        notices.append(
            ngettext(
                "{count} bar is of a day on which B3 did not trade and is left out: {date}.",
                "{count} bars are of days on which B3 did not trade and are left out, the first of {date}.",
                int((~traded).sum()),
            ).format(count=int((~traded).sum()), date=first)
        )
        bars = bars.take(traded)
    if len(bars) < LEAST_BARS:
        raise NoDataError(
            _("{symbol} has {count} daily bars; the direction needs at least {least}").format(
                symbol=bars.symbol, count=len(bars), least=LEAST_BARS
            )
        )
    following = calendar.next_session(int(bars.session[-1]))
    session = np.append(bars.session[1:], following)
    gap = np.searchsorted(calendar.sessions, session) - np.searchsorted(calendar.sessions, bars.session) != 1
    if gap.any():
        notices.append(
            ngettext(
                "{count} session is missing among the bars; the session after it has no outcome.",
                "At {count} places sessions are missing among the bars; the session after each has no outcome.",
                int(gap.sum()),
            ).format(count=int(gap.sum()))
        )
    close = np.append(bars.close[1:], np.nan)
    label = np.where(np.isnan(close) | gap, np.nan, (close > bars.close).astype(np.float64))
    opened = np.array([calendar.open_instant(day) for day in session.tolist()], dtype=np.int64)
    closed = np.array([calendar.close_instant(day) for day in session.tolist()], dtype=np.int64)
    first_closed = calendar.close_instant(int(bars.session[0]))
    unknown = sorted(set(series or {}) - set(BY_NAME))
    known = {
        source.name: known_values(source, *(series or {})[source.name]) for source in SOURCES if source.name in (series or {})
    }
    if unknown:
        notices.append(_("Series that the direction does not use: {names}.").format(names=", ".join(unknown)))
    auction, before = _openings(opening, bars.session, session)
    return IndexData(
        symbol=bars.symbol, bars=bars, session=session, previous=bars.session, opened=opened, closed=closed,
        previous_closed=np.append(first_closed, closed[:-1]), previous_close=bars.close, close=close, label=label,
        open_print=np.append(bars.open[1:], np.nan), opening_symbol=opening_symbol if opening is not None else "",
        opening=auction, opening_previous=before, intraday={item.timeframe: item for item in intraday}, series=known,
        ages=ages_of(known, bars.session), notices=tuple(notices),
    )  # fmt: skip


def _openings(bars: Bars | None, previous: IntArray, session: IntArray) -> tuple[FloatArray, FloatArray]:
    """The opening of each target session and the close of the session before; NaN unknown."""
    if bars is None:
        return np.full(session.size, np.nan), np.full(session.size, np.nan)
    found = []
    for days, values in ((session, bars.open), (previous, np.where(bars.provisional, np.nan, bars.close))):
        place = np.minimum(np.searchsorted(bars.session, days), len(bars) - 1)
        found.append(np.where(bars.session[place] == days, values[place], np.nan))
    return found[0], found[1]


def ages_of(series: Mapping[str, Known], sessions: IntArray) -> tuple[SeriesAge, ...]:
    """How far each series lies behind the newest of these sessions (days, increasing)."""
    return tuple(
        SeriesAge(name, int(known.day[-1]), int(np.count_nonzero(sessions > known.day[-1])))
        for name, known in series.items()
        if len(known)
    )


def load(store: Store, calendar: Calendar, symbol: str = INDEX, *, cut: Cut | None = None) -> IndexData:
    """The stored bars of one symbol, of BOVA11 beside the index, and every stored series that is of use.

    cut: what may be seen of the bars. Of a session under way the opening counts, and every bar that had ended when it was imported.
    Raises NoDataError without daily bars.
    """
    from engine.store.bars import list_series, read_bars, read_ended, read_many
    from engine.store.values import read_values

    bars = read_bars(store, symbol, "1d", cut=cut)
    fund = FUND if symbol == INDEX else symbol
    own = symbol != INDEX or any(item.timeframe == "1d" for item in list_series(store, [FUND]))
    opening = read_many(store, [fund], "1d", cut=cut, provisional=True).get(fund) if own else None
    frames = sorted({item.timeframe for item in list_series(store, [symbol]) if TIMEFRAMES[item.timeframe] < TIMEFRAMES["1d"]})
    intraday = [read_ended(store, symbol, timeframe, cut=cut) for timeframe in frames]
    series = {}
    for source in SOURCES:
        values = read_values(store, source.name)
        if values is not None and len(values[0]):
            series[source.name] = values[:2]
    return build(
        bars,
        calendar,
        series=series,
        opening=opening,
        intraday=[item for item in intraday if item is not None],
        opening_symbol=fund,
    )
