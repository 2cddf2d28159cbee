"""The words that all rooms share: frozen, typed values. Imports nothing but the standard library and `i18n` at run time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from engine.i18n import mark

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
EPOCH = date(1970, 1, 1)

#: Length of a bar in seconds; a daily or weekly bar ends with its (last) session, so it has no fixed length.
TIMEFRAMES: Mapping[str, int] = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "60m": 3600, "1d": 86_400, "1w": 604_800}
DEFAULT_TIMEFRAME = "1d"


class PriceBase(StrEnum):
    """What a series' prices mean: as traded, adjusted for events, or not known."""

    RAW = mark("raw")
    ADJUSTED = mark("adjusted")
    UNKNOWN = mark("unknown")


class Market(StrEnum):
    """The kind of instrument, as far as rules, lots and costs differ."""

    CASH = "cash"
    FRACTIONAL = "fractional"
    ETF = "etf"
    FII = "fii"
    BDR = "bdr"
    INDEX = "index"
    FUTURE = "future"
    OPTION = "option"
    TERM = "term"
    OTHER = "other"


class Action(StrEnum):
    """What a signal says to do."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


def day_number(day: date) -> int:
    """Days since 1970-01-01, the integer form of a session date."""
    return (day - EPOCH).days


def from_day_number(number: int) -> date:
    """The date of an integer session."""
    return date.fromordinal(EPOCH.toordinal() + int(number))


def sao_paulo(instant: int) -> datetime:
    """The Sao Paulo wall clock of an instant in UTC seconds."""
    return datetime.fromtimestamp(int(instant), UTC).astimezone(SAO_PAULO)


def iso(instant: int) -> str:
    """An instant as ISO 8601 with Sao Paulo's offset, the form of every time in `--json`."""
    return sao_paulo(instant).isoformat()


def jsonable(value: Any) -> Any:
    """`value` with NumPy numbers as plain ones and every undefined (NaN, infinite) number as None."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if hasattr(value, "tolist") and not isinstance(value, (str, bytes)):
        return jsonable(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of one symbol and timeframe, oldest first; every array has the same length n.

    time: int64, opening instant, UTC seconds, strictly increasing.
    session: int64, session date in Sao Paulo as days since 1970-01-01.
    open, high, low, close: float64, R$ (points for an index or a future), finite and > 0.
    quantity: float64, shares or contracts; NaN where the source does not say. Never mixed with turnover.
    turnover: float64, R$; NaN where the source does not say.
    provisional: bool, the bar may still change (the session was not over when its source was written).
    after_market: bool, the bar opens after the close of the regular session.
    derived_from: the timeframe these bars were built from in memory, empty when they are stored as they are.
    """

    symbol: str
    timeframe: str
    time: IntArray
    session: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    quantity: FloatArray
    turnover: FloatArray
    provisional: BoolArray
    after_market: BoolArray
    price_base: PriceBase = PriceBase.UNKNOWN
    source: str = ""
    derived_from: str = ""

    def __len__(self) -> int:
        return int(self.time.size)

    def take(self, rows: slice | IntArray | BoolArray) -> Bars:
        """The same bars cut to `rows` (a slice, indices or a mask)."""
        return replace(self, **{name: getattr(self, name)[rows] for name in BAR_ARRAYS})


BAR_ARRAYS = tuple(f.name for f in fields(Bars) if f.type in ("IntArray", "FloatArray", "BoolArray"))


@dataclass(frozen=True, slots=True)
class Instrument:
    """What is traded: lot in units, tick in R$ or points, point_value in R$ per point and unit."""

    symbol: str
    market: Market = Market.CASH
    name: str = ""
    isin: str = ""
    lot: int = 100
    tick: float = 0.01
    point_value: float = 1.0


@dataclass(frozen=True, slots=True)
class Trade:
    """One position from entry to exit; an open one has no exit and is marked at the last close.

    side is +1 long, -1 short. pnl is net of costs, in R$; return_ is pnl / (entry price x quantity x point value).
    mae and mfe are the worst and best excursion while held, as fractions of the entry price (mae <= 0 <= mfe).
    entry_index and exit_index count bars of the series that was tested; exit_index is -1 while open.
    """

    side: int
    quantity: int
    entry_index: int
    entry_time: int
    entry_price: float
    exit_index: int
    exit_time: int | None
    exit_price: float | None
    exit_reason: str
    costs: float
    pnl: float
    return_: float
    mae: float
    mfe: float
    ambiguous: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint."""
        return {
            "side": "long" if self.side > 0 else "short",
            "quantity": self.quantity,
            "entry_time": iso(self.entry_time),
            "entry_price": self.entry_price,
            "exit_time": None if self.exit_time is None else iso(self.exit_time),
            "exit_price": self.exit_price,
            "exit_reason": self.exit_reason,
            "costs": self.costs,
            "pnl": self.pnl,
            "return": self.return_,
            "mae": self.mae,
            "mfe": self.mfe,
            "ambiguous": self.ambiguous,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a result is worth, in one label and the reasons for it."""

    label: str
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"label": self.label, "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class Signal:
    """What a strategy says at the close of one bar. Prices are in the price base of the bars it was computed on.

    size: the fraction of the equity to invest, None where the strategy leaves it to the settings.
    filter: what a model said to it, None where none was asked; see `engine.ml.filtering.filtered`.
    """

    symbol: str
    timeframe: str
    time: int
    strategy: str
    action: Action
    strength: float
    price: float
    stop_loss: float | None
    take_profit: float | None
    valid_until: int
    reason: str
    market_context: Mapping[str, float | None] = field(default_factory=dict)
    regime: str | None = None
    price_base: PriceBase = PriceBase.UNKNOWN
    stale_sessions: int = 0
    size: float | None = None
    filter: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint."""
        return {
            "symbol": self.symbol,
            "timeframe": self.timeframe,
            "time": iso(self.time),
            "strategy": self.strategy,
            "regime": self.regime,
            "action": str(self.action),
            "strength": self.strength,
            "price": self.price,
            "stop_loss": self.stop_loss,
            "take_profit": self.take_profit,
            "size": self.size,
            "valid_until": iso(self.valid_until),
            "reason": self.reason,
            "market_context": dict(self.market_context),
            "price_base": str(self.price_base),
            "stale_sessions": self.stale_sessions,
            "filter": None if self.filter is None else dict(self.filter),
        }


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What the price did in the `bars` bars after earlier anomalies of one kind, all of it over by the bar of the new one.

    count: earlier anomalies. mean, median: of the returns, fractions; low, high: 95 % interval of the mean, None under 5 of them.
    usual: the mean return over as many bars from every earlier bar, to compare with. None where there is nothing to tell.
    """

    bars: int
    count: int
    mean: float | None
    median: float | None
    low: float | None
    high: float | None
    usual: float | None


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One bar that was unlike those before it, as known at its close.

    time: opening of the bar, UTC seconds; session: its day, days since 1970-01-01. raw: how many times the alarm limit;
    score: the same as raw / (1 + raw), 0.5 at the limit. severity: "low", "medium" or "high". direction: 1 up, -1 down, 0 neither.
    drivers: what was unusual, in words, the strongest first. explained_by: a corporate event or a defect of the data, in words,
    None where nothing is known. advice: what to do, in words.
    """

    symbol: str
    timeframe: str
    time: int
    session: int
    score: float
    raw: float
    severity: str
    kind: str
    direction: int
    drivers: tuple[str, ...]
    explained_by: str | None
    followed_by: tuple[Aftermath, ...]
    advice: str

    @property
    def id(self) -> str:
        """The name it is acknowledged by: the same whenever it is found."""
        when = sao_paulo(self.time)
        clock = "" if TIMEFRAMES[self.timeframe] >= TIMEFRAMES["1d"] else f"T{when:%H%M}"
        return f"{self.symbol}-{self.timeframe}-{from_day_number(self.session):%Y%m%d}{clock}"

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint; whether it is acknowledged is known to the store."""
        own = asdict(self) | {"time": iso(self.time), "session": from_day_number(self.session).isoformat()}
        own |= {"drivers": list(self.drivers), "followed_by": list(own["followed_by"])}
        return {"id": self.id, **own, "acknowledged": False}


class Progress(Protocol):
    """Told how far a piece of work is; `total` is None when it is not known."""

    def __call__(self, done: int, total: int | None, note: str = "") -> None: ...


def silent(done: int, total: int | None, note: str = "") -> None:
    """The progress of a caller that does not want to know."""


class Source(Protocol):
    """Something the daily run can ask for the bars of a session. Asking twice changes nothing."""

    @property
    def name(self) -> str: ...

    def collect(self, session: date, progress: Progress) -> Sequence[Any]:
        """Bring what is available up to `session` into the store and return one report per file or series."""
        ...


@runtime_checkable
class RemoteSource(Source, Protocol):
    """A source whose files are elsewhere: `fetch` brings them to this machine, `collect` imports those that are there."""

    def fetch(self, session: date, progress: Progress) -> int:
        """Bring what there is up to `session` and return how many files are here now. Asking twice changes nothing. NetworkError."""
        ...


class Predictor(Protocol):
    """A model that judges the last bar of each series, by symbol; those of which it has nothing to say are left out."""

    name: str

    def predict(self, series: Mapping[str, Bars]) -> Mapping[str, Mapping[str, Any]]: ...
