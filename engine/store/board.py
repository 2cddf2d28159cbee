"""What the app shows before anything heavy is loaded: lists, last values and signals, with the standard library alone.

The values equal those of `bars.read_bars(store, symbol, "1d", provisional=True)`, which a test holds: the same series,
daily values made from intraday bars where only those exist, after-market bars apart.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from struct import Struct
from struct import error as StructError
from typing import Any, TypeVar

from engine.domain import TIMEFRAMES, PriceBase
from engine.errors import StoreError
from engine.i18n import _
from engine.market.hours import close_of
from engine.refusals import hint_of
from engine.store import board_directions
from engine.store.board_anomalies import ANOMALIES, ANOMALIES_STATE, LISTED, BoardAnomaly, anomaly
from engine.store.board_directions import BoardDirection, BoardEvaluation
from engine.store.database import HEAD
from engine.store.series import AFTER_MARKET, FORMAT, PROVISIONAL, SERIES_QUERY, SESSION_SHIFT, Series, choose_series

SPARK_SESSIONS = 30
#: The newest live runs whose signals are listed.
RUNS_LISTED = 5
#: Days between two sessions in a row at the most (Carnival, Christmas); beyond it a change would be of another time.
LONGEST_BREAK = 7
LOCK_WAIT_SECONDS = 5
DAY = TIMEFRAMES["1d"]

Value = TypeVar("Value")
#: time, open, high, low, close, quantity, turnover, trades, flags
Packed = tuple[Any, ...]

_unpack = Struct(FORMAT).unpack

#: The flags are the last eight bytes of a packed bar, lowest first; this keeps the bars of the regular session.
_REGULAR = f"substr(bar, 65, 1) NOT IN (x'{AFTER_MARKET:02x}', x'{AFTER_MARKET | PROVISIONAL:02x}')"

#: The newest daily bars, newest first.
_DAYS = f"SELECT bar FROM bars WHERE series_id = ?1 AND {_REGULAR} ORDER BY time DESC LIMIT ?2"

#: The last regular bar of each of the newest sessions, newest first: one step down the index per session.
_SESSION_ENDS = f"""
WITH RECURSIVE ends(end) AS (
    SELECT (SELECT time FROM bars WHERE series_id = ?1 AND {_REGULAR} ORDER BY time DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT time FROM bars WHERE series_id = ?1 AND time < (end - {SESSION_SHIFT}) / {DAY} * {DAY} + {SESSION_SHIFT}
            AND {_REGULAR} ORDER BY time DESC LIMIT 1)
    FROM ends WHERE end IS NOT NULL LIMIT ?2
)
SELECT bar FROM ends JOIN bars ON series_id = ?1 AND time = end
"""

_LAST_SIGNAL = """
SELECT action, strategy, time, session FROM signals JOIN runs ON runs.id = run_id
WHERE symbol = ? AND NOT replay ORDER BY time DESC, session DESC, started_at DESC, strategy LIMIT 1
"""

_NEWEST_RUN = """
SELECT session FROM runs WHERE NOT replay AND EXISTS (SELECT 1 FROM signals WHERE run_id = runs.id) ORDER BY session DESC LIMIT 1
"""
_SIGNALS = """
WITH newest AS (
    SELECT id, session, started_at FROM runs WHERE NOT replay AND EXISTS (SELECT 1 FROM signals WHERE run_id = runs.id)
    ORDER BY session DESC, started_at DESC LIMIT ?1
)
SELECT newest.id, newest.session, coalesce(name, ''), signal
FROM newest JOIN signals ON run_id = newest.id LEFT JOIN instruments USING (symbol)
WHERE ?2 OR action != 'HOLD'
ORDER BY newest.session DESC, started_at DESC, action = 'HOLD', strength DESC, symbol, strategy
"""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One symbol. Prices in R$ (points for an index or a future); None where the source does not say.

    timeframe: that of the stored series it rests on. session: day of the last bar, days since 1970-01-01.
    last: the last regular close. change: fraction against the close of the session before,
    None after a gap. quantity (shares) and
    turnover (R$): of the last session. spark: the last closes, oldest first, one per session.
    provisional: the last session may still change. signal: the action of the newest live run that judged the symbol,
    with its strategy, the opening instant of the bar it was given on (UTC seconds), and the session of the run.
    """

    symbol: str
    name: str
    timeframe: str
    session: int
    last: float
    change: float | None
    quantity: float | None
    turnover: float | None
    spark: tuple[float, ...]
    price_base: PriceBase
    source: str
    provisional: bool
    signal: str | None = None
    signal_strategy: str = ""
    signal_time: int | None = None
    signal_session: int | None = None


@dataclass(frozen=True, slots=True)
class BoardSignal:
    """One signal of a live run: as `engine.domain.Signal`, with the run and its session, and the name of the instrument.

    time: opening instant of the bar it was given on; valid_until: both UTC seconds. session: day of that bar, run_session:
    target session of the run, both days since 1970-01-01.
    """

    run: str
    run_session: int
    name: str
    symbol: str
    timeframe: str
    time: int
    session: int
    strategy: str
    regime: str | None
    action: str
    strength: float
    price: float
    stop_loss: float | None
    take_profit: float | None
    size: float | None
    valid_until: int
    reason: str
    market_context: Mapping[str, float | None]
    price_base: str
    stale_sessions: int


@dataclass(frozen=True, slots=True)
class Candle:
    """One session: prices as in `BoardRow`; quantity in shares and turnover in R$, None where the source does not say."""

    session: int
    open: float
    high: float
    low: float
    close: float
    quantity: float | None
    turnover: float | None
    provisional: bool

    @property
    def volume(self) -> float:
        """The turnover, else the quantity, else NaN: for the height of a bar, never for a figure."""
        return next((value for value in (self.turnover, self.quantity) if value is not None), math.nan)


class Board:
    """A read-only view of the store, for the thread that opened it. Make it with `open_board`; close it when done.

    Every method raises StoreError when the database is damaged or stays locked.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def state(self) -> tuple[object, ...]:
        """What the desk shows rests on: changes with imports, runs, watchlists, anomalies and directions, not with the progress
        of jobs."""
        query = (
            "SELECT (SELECT max(id) FROM imports), (SELECT max(finished_at) FROM runs),"
            " (SELECT group_concat(list || ' ' || symbol) FROM (SELECT list, symbol FROM watchlists ORDER BY list, position)),"
            f" ({ANOMALIES_STATE}), ({board_directions.STATE})"
        )
        return tuple(self._all(query)[0])

    def lists(self) -> dict[str, int]:
        """Every watchlist with the number of its symbols."""
        return dict(self._all("SELECT list, count(*) FROM watchlists GROUP BY list ORDER BY list"))

    def symbols(self, list_name: str) -> list[str]:
        """The symbols of one watchlist in order; every symbol with bars when it is empty or unknown."""
        rows = self._all("SELECT symbol FROM watchlists WHERE list = ? ORDER BY position", list_name)
        return [symbol for (symbol,) in rows] or self.all_symbols()

    def all_symbols(self) -> list[str]:
        """Every symbol with bars, in alphabetical order."""
        query = "SELECT DISTINCT symbol FROM series WHERE EXISTS (SELECT 1 FROM bars WHERE series_id = series.id) ORDER BY symbol"
        return [symbol for (symbol,) in self._all(query)]

    def names(self) -> dict[str, str]:
        """The names of the instruments that have one, by symbol."""
        return dict(self._all("SELECT symbol, name FROM instruments WHERE name != ''"))

    def timeframes(self, symbol: str) -> list[str]:
        """The timeframes that are stored of a symbol."""
        return [name for (name,) in self._all("SELECT DISTINCT timeframe FROM series WHERE symbol = ?", symbol)]

    def row(self, symbol: str) -> BoardRow | None:
        """The values of one symbol, all of one state of the store; None when no daily value can be made from its bars."""
        with self._one_state():
            item = self._series(symbol)
            if item is None or not (ends := self._session_ends(item, SPARK_SESSIONS)):
                return None
            last = self._sessions(item, ends[-1:])[0]
            names = self._all("SELECT name FROM instruments WHERE symbol = ?", symbol)
            signals = self._all(_LAST_SIGNAL, symbol)
        closes = tuple(bar[4] for bar in ends)
        near = len(ends) > 1 and _day(ends[-1][0]) - _day(ends[-2][0]) <= LONGEST_BREAK
        action, strategy, time, session = signals[0] if signals else (None, "", None, None)
        return BoardRow(
            symbol=symbol,
            name=names[0][0] if names else "",
            timeframe=item.timeframe,
            session=last.session,
            last=last.close,
            change=closes[-1] / closes[-2] - 1 if near else None,
            quantity=last.quantity,
            turnover=last.turnover,
            spark=closes,
            price_base=item.price_base,
            source=item.source,
            provisional=last.provisional,
            signal=action,
            signal_strategy=strategy,
            signal_time=time,
            signal_session=session,
        )

    def candles(self, symbol: str, count: int) -> list[Candle]:
        """The newest `count` sessions of one symbol, oldest first; empty when it has none."""
        with self._one_state():
            item = self._series(symbol)
            return [] if item is None else self._sessions(item, self._session_ends(item, count))

    def signals(self, *, hold: bool = False) -> list[BoardSignal]:
        """The signals of the newest live runs, the newest run first, then the strongest; HOLD only where asked for."""
        return self._made(_signal, self._all(_SIGNALS, RUNS_LISTED, hold))

    def newest_run(self) -> int | None:
        """The session of the newest live run that gave signals, HOLD among them; None without one."""
        return next((session for (session,) in self._all(_NEWEST_RUN)), None)

    def anomalies(self) -> list[BoardAnomaly]:
        """The newest anomalies, the newest first."""
        return self._made(anomaly, self._all(ANOMALIES, LISTED))

    def direction_symbols(self) -> list[str]:
        """The symbols whose direction was ever said or evaluated, in alphabetical order."""
        return [symbol for (symbol,) in self._all(board_directions.SYMBOLS)]

    def directions(self, symbol: str) -> list[BoardDirection]:
        """What was said about a symbol, the newest target session first."""
        rows = self._all(board_directions.DIRECTIONS, symbol, board_directions.LISTED)
        return self._made(board_directions.direction, rows)

    def evaluations(self, symbol: str) -> list[BoardEvaluation]:
        """The newest evaluation of each decision time of a symbol."""
        return self._made(board_directions.evaluation, self._all(board_directions.EVALUATIONS, symbol))

    def paper_state(self) -> tuple[object, ...]:
        """Changes with everything that is done to a paper account."""
        return tuple(self._all("SELECT max(id) FROM paper_events")[0])

    def outbox_state(self) -> list[tuple[object, ...]]:
        """Changes with every message and with what becomes of one."""
        return self._all("SELECT state, count(*), sum(attempts) FROM outbox GROUP BY state")

    def version(self) -> int:
        """A number that differs from the last one when another connection has committed in between."""
        return int(self._all("PRAGMA data_version")[0][0])

    def close(self) -> None:
        self._connection.close()

    def _series(self, symbol: str) -> Series | None:
        rows = self._all(f"{SERIES_QUERY} WHERE symbol = ?", symbol)
        found = [Series(row[0], row[1], row[2], row[3], PriceBase(row[4]), row[5], row[6]) for row in rows if row[5] is not None]
        return choose_series(found, "1d")

    def _session_ends(self, item: Series, count: int) -> list[Packed]:
        """The last regular bar of each of the newest `count` sessions, oldest first."""
        query = _DAYS if item.timeframe == "1d" else _SESSION_ENDS
        return [_unpack(bar) for (bar,) in self._all(query, item.id, count)][::-1]

    def _sessions(self, item: Series, ends: Sequence[Packed]) -> list[Candle]:
        """The newest sessions whole, oldest first, by the last regular bar of each."""
        if item.timeframe == "1d" or not ends:
            return [_session([bar]) for bar in ends]
        first, newest = _day(ends[0][0]) * DAY + SESSION_SHIFT, ends[-1][0]
        query = f"SELECT bar FROM bars WHERE series_id = ? AND time BETWEEN ? AND ? AND {_REGULAR} ORDER BY time"
        bars = [_unpack(bar) for (bar,) in self._all(query, item.id, first, newest)]
        unfinished = newest + TIMEFRAMES[item.timeframe] < close_of(_day(newest))
        groups = groupby(bars, key=lambda bar: _day(bar[0]))
        return [_session(list(group), unfinished and day == _day(newest)) for day, group in groups]

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._translated():
            return self._connection.execute(query, values).fetchall()

    def _made(self, make: Callable[..., Value], rows: Iterable[Sequence[Any]]) -> list[Value]:
        try:
            return [make(*row) for row in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise _refused(self.path, error) from error

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        with self._translated():
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, StructError) as error:
            raise _refused(self.path, error) from error


def open_board(path: Path) -> Board | None:
    """The board of the database at `path`; None when there is no database, or none with the schema of this program yet.

    Raises StoreError when the file is no sound database or cannot be read.
    """
    if not path.is_file():
        return None
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=LOCK_WAIT_SECONDS, isolation_level=None
        )
    except sqlite3.Error as error:
        raise _refused(path, error) from error
    try:
        if _revision(connection) == HEAD:
            return Board(path, connection)
    except sqlite3.Error as error:
        connection.close()
        raise _refused(path, error) from error
    connection.close()
    return None


def _revision(connection: sqlite3.Connection) -> str | None:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _refused(path: Path, error: Exception) -> StoreError:
    return StoreError(
        _("The database {path} cannot be read: {error}").format(path=path, error=error),
        hint_of(error),
    )


def _day(time: int) -> int:
    return (time - SESSION_SHIFT) // DAY


def _session(bars: Sequence[Packed], unfinished: bool = False) -> Candle:
    """The regular bars of one session as one; a sum over a value that is not known is not known."""
    return Candle(
        session=_day(bars[0][0]),
        open=bars[0][1],
        high=max(bar[2] for bar in bars),
        low=min(bar[3] for bar in bars),
        close=bars[-1][4],
        quantity=_known(math.fsum(bar[5] for bar in bars)),
        turnover=_known(math.fsum(bar[6] for bar in bars)),
        provisional=unfinished or any(bar[8] & PROVISIONAL for bar in bars),
    )


def _signal(run: str, run_session: int, name: str, stored: str) -> BoardSignal:
    signal = json.loads(stored)
    time, until = (int(datetime.fromisoformat(signal[key]).timestamp()) for key in ("time", "valid_until"))
    own: dict[str, Any] = {
        "run": run,
        "run_session": run_session,
        "name": name,
        "time": time,
        "session": _day(time),
        "valid_until": until,
    }
    return BoardSignal(**own, **{key: signal[key] for key in BoardSignal.__slots__ if key not in own})


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
