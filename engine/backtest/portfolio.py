"""Several symbols on one account: they share its cash on one time line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.backtest.account import Leg, advance, feed, intent_at, new_book
from engine.backtest.money import Account, equity, night
from engine.backtest.positions import Bar, Book, trade_array
from engine.errors import NoDataError, UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.backtest.engine import BacktestConfig
    from engine.backtest.execution import Execution
    from engine.backtest.positions import Fill
    from engine.domain import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class LegRun:
    """What one symbol did. first: the bar of the leg at which its window begins. position: int64, signed units at the close of each
    bar of the window. trades: `kernel.TRADE`, indices count the bars of the leg. held: bars with a position. no_quantity: bars whose
    quantity was not known where a cap on it applied, so that nothing was filled.
    """

    symbol: str
    first: int
    position: IntArray
    trades: NDArray[np.void]
    fills: tuple[Fill, ...]
    held: int
    no_quantity: int


@dataclass(frozen=True, slots=True)
class PortfolioRun:
    """What an account of several symbols did. time, session: int64, length n, the bars of all legs merged; UTC seconds and days
    since 1970-01-01. earned: float64, length n, interest of the night before each bar, R$. equity: float64, length n + 1, R$, the capital first; a leg without a bar counts at its last close. legs: as
    given. interest: R$ earned by cash. rejected: orders that could not be sized or paid.
    """

    time: IntArray
    session: IntArray
    equity: FloatArray
    earned: FloatArray
    legs: tuple[LegRun, ...]
    interest: float
    rejected: int


def run_portfolio(
    legs: Sequence[Leg],
    *,
    capital: float,
    config: BacktestConfig,
    execution: Execution,
    rate: Mapping[int, float] | None = None,
    start: int | None = None,
    end: int | None = None,
    favourable: bool = False,
    before: Callable[[Account, int, int], None] | None = None,
) -> PortfolioRun:
    """Trade several symbols of one timeframe on one account; one leg alone trades as in `run_single`.

    rate: the return of cash over the night before a session, by session (days since 1970-01-01); a session without one earns
    nothing. start, end: UTC seconds, both included. Each position invests its share of the equity of the account at the newest
    prices, as far as the cash allows. Orders due at one open: exits, then entries by strength, then by symbol, so that the order of
    the legs changes nothing. before: called with the account, the session and the instant before anything else happens at an
    instant, to place orders by hand. Raises UsageError for legs that do not fit each other, NoDataError for a window without bars.
    """
    _check(legs)
    order = sorted(range(len(legs)), key=lambda k: legs[k].instrument.symbol)
    ranked = [legs[k] for k in order]
    bounds = [_window(leg, start, end) for leg in ranked]
    if all(first > last for first, last in bounds):
        raise NoDataError(_("There are no bars in this period"), _("Import more history or choose a longer period."))
    books = [new_book(leg, execution, config) for leg in ranked]
    account = Account(cash=capital, books={book.symbol: book for book in books})
    positions = [np.zeros(max(last - first + 1, 0), dtype=np.int64) for first, last in bounds]
    actions = [leg.decisions.action.tolist() for leg in ranked]
    times: list[int] = []
    sessions: list[int] = []
    curve = [capital]
    earned: list[float] = []
    for time, items in _instants(ranked, bounds):
        session = items[0][1].session
        if before is not None:
            before(account, session, time)
        interest = account.interest
        if not sessions or session != sessions[-1]:
            night(account, 0.0 if rate is None else rate.get(session, 0.0))
        earned.append(account.interest - interest)
        entries = []
        for k, bar in items:
            decided = bar.row - 1 >= bounds[k][0] and actions[k][bar.row - 1]
            entries.append((books[k], bar, intent_at(ranked[k], bar.row - 1) if decided else None))
        advance(account, entries, config, favourable=favourable)
        for k, bar in items:
            positions[k][bar.row - bounds[k][0]] = books[k].position.units
        times.append(time)
        sessions.append(session)
        curve.append(equity(account))
    runs = {k: _leg_run(books[place], bounds[place][0], positions[place]) for place, k in enumerate(order)}
    return PortfolioRun(
        np.array(times, dtype=np.int64),
        np.array(sessions, dtype=np.int64),
        np.array(curve),
        np.array(earned),
        tuple(runs[k] for k in range(len(legs))),
        account.interest,
        account.rejected,
    )


def _leg_run(book: Book, first: int, position: IntArray) -> LegRun:
    return LegRun(book.symbol, first, position, trade_array(book), tuple(book.fills), book.held, book.no_quantity)


def _window(leg: Leg, start: int | None, end: int | None) -> tuple[int, int]:
    """The first and the last bar (inclusive) of a leg in the window; the last before the first where there is none."""
    time = leg.bars.time
    first = 0 if start is None else int(np.searchsorted(time, start))
    return first, (time.size if end is None else int(np.searchsorted(time, end, side="right"))) - 1


def _instants(legs: Sequence[Leg], bounds: Sequence[tuple[int, int]]) -> Iterator[tuple[int, list[tuple[int, Bar]]]]:
    """The merged time line: each instant with the legs (by their place) that have a bar at it, and these bars."""
    feeds = [feed(leg, first, last) for leg, (first, last) in zip(legs, bounds)]
    times = np.concatenate([leg.bars.time[first : last + 1] for leg, (first, last) in zip(legs, bounds)])
    places = np.repeat(np.arange(len(legs)), [max(last - first + 1, 0) for first, last in bounds])
    sequence = np.lexsort((places, times))
    now: int | None = None
    items: list[tuple[int, Bar]] = []
    for time, place in zip(times[sequence].tolist(), places[sequence].tolist()):
        if now is not None and time != now:
            yield now, items
            items = []
        now = time
        items.append((place, next(feeds[place])))
    if now is not None:
        yield now, items


def _check(legs: Sequence[Leg]) -> None:
    symbols = [leg.instrument.symbol for leg in legs]
    if not legs or len(set(symbols)) < len(symbols):
        raise UsageError(_("A portfolio needs at least one symbol, and each of them once"))
    timeframes = sorted({leg.bars.timeframe for leg in legs})
    if len(timeframes) > 1:
        raise UsageError(
            _("The symbols of a portfolio need one timeframe, not {words}").format(words=", ".join(timeframes)),
            _("Choose one timeframe for all of them."),
        )
