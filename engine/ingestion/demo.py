"""The demo market: invented companies, generated from seeds, for a first look without network or files.

No ticker here can exist on B3, whose tickers have letters only in the first four or five places. The prices are no
statement about any company. A later end only appends: what is generated for a session never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import Bars, Instrument, Market, PriceBase, day_number
from engine.errors import NoDataError
from engine.i18n import _
from engine.market.calendar import Calendar, nominal_opening, regular_close_minutes

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray

SOURCE = "demo"
START = date(2015, 1, 2)
INTRADAY_START = date(2024, 1, 2)
INDEX = "IDEMO"
INDEX_START = 50_000.0
SEED = 20150102
TICK = 0.01
HOUR = 3600
HOURS = 8


@dataclass(frozen=True, slots=True)
class Company:
    """One invented company. price in R$ at the start, volatility per day, quantity in shares of a usual day.

    split: first session after a split of `factor` to one. suspended: first and last day without trading.
    first, last: days of the listing and of the delisting. thin: share of sessions without a trade.
    """

    symbol: str
    name: str
    price: float
    volatility: float
    beta: float
    quantity: float
    drift: float = 0.0
    split: date | None = None
    factor: int = 1
    suspended: tuple[date, date] | None = None
    first: date = START
    last: date | None = None
    thin: float = 0.0
    intraday: bool = False


COMPANIES = (
    Company("DEMOAU3", "Aurora Mineradora", 42.0, 0.016, 1.3, 9e6),
    Company("DEMOBR4", "Brumal Petróleo", 18.5, 0.018, 1.4, 2.4e7),
    Company("DEMOCA4", "Banco Cambará", 24.0, 0.011, 1.0, 1.6e7, drift=0.0001),
    Company("DEMODO3", "Dourada Energia", 15.0, 0.008, 0.5, 4e6, drift=0.0001),
    Company("DEMOEM3", "Embiruçu Varejo", 60.0, 0.024, 1.5, 1.2e7, drift=-0.0006),
    Company("DEMOFA3", "Falcoaria Aérea", 30.0, 0.026, 1.6, 8e6, drift=-0.0003),
    Company("DEMOGU3", "Guará Tecnologia", 12.0, 0.019, 1.1, 5e6, drift=0.0007, split=date(2021, 5, 3), factor=4),
    Company("DEMOIP3", "Ipê Celulose", 33.0, 0.014, 0.7, 6e6),
    Company("DEMOJA3", "Jacarandá Seguros", 21.0, 0.010, 0.8, 2e6, suspended=(date(2022, 9, 12), date(2023, 6, 30))),
    Company("DEMOLU3", "Lume Saneamento", 27.0, 0.012, 0.6, 9e5, last=date(2024, 6, 28)),
    Company("DEMOMA3", "Macaúba Alimentos", 9.0, 0.021, 0.9, 4e4, thin=0.12),
    Company("DEMOOR3", "Orquídea Saúde", 19.0, 0.017, 1.0, 3e6, first=date(2025, 2, 3)),
    Company("DEMOPI3", "Piracema Logística", 16.0, 0.015, 1.1, 7e6, first=INTRADAY_START, intraday=True),
)

DEMO_INSTRUMENTS: Mapping[str, Instrument] = MappingProxyType(
    {INDEX: Instrument(INDEX, Market.INDEX, "Índice Demo", lot=1)}
    | {company.symbol: Instrument(company.symbol, Market.CASH, company.name) for company in COMPANIES}
)


def demo_bars(until: date, calendar: Calendar) -> dict[str, Bars]:
    """The bars of the demo market up to the session `until`, by symbol; a symbol not yet listed by then is left out.

    Raw prices in R$ (points for the index), source `demo`. All are daily but DEMOPI3, which has 60-minute bars; the
    index has turnover and no quantity. A later `until` gives the same bars and more behind them.
    Raises NoDataError before the first session of the demo market.
    """
    last = day_number(until)
    if last < day_number(START):
        raise NoDataError(_("The demo market begins on {date}").format(date=START.isoformat()))
    sessions = calendar.sessions_between(day_number(START), last)
    index_draws = _draws(INDEX, sessions.size)
    market, market_deviation = _returns(index_draws, 0.009, 0.0003)
    bars: dict[str, Bars] = {}
    turnover = np.zeros(sessions.size)
    for company in COMPANIES:
        listed = _intraday(company, sessions, market, calendar) if company.intraday else _daily(company, sessions, market)
        np.add.at(turnover, np.searchsorted(sessions, listed.session), listed.turnover)
        if len(listed):
            bars[company.symbol] = listed
    index = _prices(index_draws, INDEX_START, market, market_deviation)
    return {
        INDEX: _bars(INDEX, "1d", nominal_opening(sessions), sessions, index, np.full(sessions.size, np.nan), turnover)
    } | bars


def _draws(symbol: str, n: int) -> FloatArray:
    """Standard normals of shape (n, 9); the first rows are the same for every n."""
    return np.random.default_rng([SEED, *symbol.encode()]).standard_normal((n, 9))


def _returns(draws: FloatArray, volatility: float, drift: float) -> tuple[FloatArray, FloatArray]:
    """Log returns and their conditional deviation: GARCH(1, 1) around a drift that switches between trends and ranges.

    A range pulls back to its middle; a rare draw changes the state; a mixture of shocks gives fat tails.
    Uses columns 0 (shock), 1 (switch), 2 (choice) and 8 (mixture).
    """
    returns, deviation = np.empty(len(draws)), np.empty(len(draws))
    variance, trend, level = volatility**2, 0.0, 0.0
    shocks = draws[:, 0] * np.exp(0.35 * draws[:, 8] - 0.12)
    for t, (shock, switch, choice) in enumerate(zip(shocks.tolist(), draws[:, 1].tolist(), draws[:, 2].tolist())):
        if abs(switch) > 2.5:
            trend = 0.0 if abs(choice) < 0.6 else (1.0 if choice > 0 else -1.0)
        deviation[t] = variance**0.5
        move = deviation[t] * shock
        pull = 0.004 * level if trend else 0.02 * level
        step = 0.10 * volatility * trend - pull + move
        level += step
        returns[t] = step + drift
        variance = 0.03 * volatility**2 + 0.13 * move * move + 0.84 * variance
    return returns, deviation


def _prices(
    draws: FloatArray, start: float, returns: FloatArray, deviation: FloatArray, divisor: FloatArray | float = 1.0
) -> FloatArray:
    """Open, high, low and close of shape (4, n) on ticks. Uses columns 3 (opening gap), 4 (high) and 5 (low)."""
    close = start * np.exp(np.cumsum(returns))
    opening = np.append(start, close[:-1])[: close.size] * np.exp(0.35 * deviation * draws[:, 3])
    high = np.maximum(opening, close) * np.exp(0.45 * deviation * np.abs(draws[:, 4]))
    low = np.minimum(opening, close) * np.exp(-0.45 * deviation * np.abs(draws[:, 5]))
    return np.maximum(np.round(np.stack([opening, high, low, close]) / divisor, 2), TICK)


def _quantity(company: Company, draws: FloatArray, returns: FloatArray, deviation: FloatArray) -> FloatArray:
    """Shares in lots of 100, more on volatile days and on large moves. Uses column 6."""
    surprise = np.abs(returns) / deviation
    scale = (deviation / company.volatility) ** 0.8 * np.exp(0.30 * surprise + 0.35 * draws[:, 6] - 0.3)
    return np.maximum(np.round(company.quantity * scale / 100), 1) * 100


def _daily(company: Company, sessions: IntArray, market: FloatArray) -> Bars:
    draws = _draws(company.symbol, sessions.size)
    own, deviation = _returns(draws, company.volatility, company.drift)
    returns = own + company.beta * market
    divisor = np.ones(sessions.size)
    if company.split is not None:
        divisor[sessions >= day_number(company.split)] = company.factor
    prices = _prices(draws, company.price, returns, deviation, divisor)
    quantity = _quantity(company, draws, returns, deviation) * divisor
    traded = sessions >= day_number(company.first)
    if company.last is not None:
        traded &= sessions <= day_number(company.last)
    if company.suspended is not None:
        begin, end = (day_number(day) for day in company.suspended)
        traded &= (sessions < begin) | (sessions > end)
    if company.thin:
        traded &= np.abs(draws[:, 7]) > 1.25 * company.thin
    return _bars(
        company.symbol,
        "1d",
        nominal_opening(sessions[traded]),
        sessions[traded],
        prices[:, traded],
        quantity[traded],
        np.round(quantity * prices.mean(axis=0), 2)[traded],
    )


def _intraday(company: Company, sessions: IntArray, market: FloatArray, calendar: Calendar) -> Bars:
    """60-minute bars of the regular session: busier and more volatile at its two ends; the first opens with the night's gap."""
    traded = sessions >= day_number(company.first)
    days = sessions[traded]
    draws = _draws(company.symbol, days.size * HOURS)
    shape = np.tile(np.array([1.5, 1.1, 0.9, 0.8, 0.8, 0.9, 1.1, 1.2]), days.size)
    own, deviation = _returns(draws, company.volatility / HOURS**0.5, company.drift / HOURS)
    returns = shape * own + company.beta * np.repeat(market[traded], HOURS) / HOURS
    prices = _prices(draws, company.price, returns, deviation * shape)
    quantity = _quantity(company, draws, returns / shape, deviation * HOURS**0.5) / HOURS * shape**2
    quantity = np.maximum(np.round(quantity / 100), 1) * 100
    hour = np.tile(np.arange(HOURS), days.size)
    session = np.repeat(days, HOURS)
    time = nominal_opening(session) + hour * HOUR
    opening = np.repeat(np.array([calendar.open_instant(day) for day in days.tolist()], dtype=np.int64), HOURS)
    kept = (time >= opening) & (10 + hour < regular_close_minutes(session) // 60)
    turnover = np.round(quantity * prices.mean(axis=0), 2)
    return _bars(company.symbol, "60m", time[kept], session[kept], prices[:, kept], quantity[kept], turnover[kept])


def _bars(
    symbol: str, timeframe: str, time: IntArray, session: IntArray, prices: FloatArray, quantity: FloatArray, turnover: FloatArray
) -> Bars:
    n = session.size
    return Bars(
        symbol,
        timeframe,
        time,
        session,
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        quantity=quantity,
        turnover=turnover,
        provisional=np.zeros(n, dtype=bool),
        after_market=np.zeros(n, dtype=bool),
        price_base=PriceBase.RAW,
        source=SOURCE,
    )
