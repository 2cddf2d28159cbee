"""What a strategy is: a frozen dataclass of its ranged parameters that decides on bars."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from engine.errors import UsageError
from engine.i18n import _, language

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.domain import Bars, FloatArray

BUY, SELL, HOLD = 1, -1, 0


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a strategy says at the close of each of n bars.

    action: int8, +1 BUY, -1 SELL, 0 nothing. strength: float64 in [0, 1], NaN where action is 0.
    stop, target: float64 levels in the price base of the bars, NaN where there is none and where action is 0.
    size: float64, the fraction of the equity (0 to 1) that an entry on this signal invests, NaN for the configured sizing;
    None when the strategy gives no size. A size of 0 closes what is open and opens nothing.
    limit, trigger: float64 levels for the entry on this signal, NaN for none: with limit alone a limit order, with trigger
    alone a stop order, with both a stop-limit order; None when the strategy leaves the order to the settings.
    """

    action: NDArray[np.int8]
    strength: FloatArray
    stop: FloatArray
    target: FloatArray
    size: FloatArray | None = None
    limit: FloatArray | None = None
    trigger: FloatArray | None = None


def ranged(default: Any, low: float, high: float, help: str) -> Any:  # noqa: A002
    """A parameter of a strategy: its default, the least and the greatest value accepted, and what it means (a msgid)."""
    return field(default=default, metadata={"low": low, "high": high, "help": help})


@dataclass(frozen=True)
class Strategy(ABC):
    """Base of all strategies. A subclass is a frozen dataclass whose fields are all made by `ranged`.

    The decision at bar t uses bars up to t only: computed on data cut at t, it is the same.
    Raises UsageError when a parameter is not a number of its type or lies outside its range.
    """

    name: ClassVar[str]
    #: SHA-256 of the file of a user's strategy, empty for one that is built in.
    code: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for parameter in fields(self):
            check_value(self.name, parameter, getattr(self, parameter.name))

    @property
    @abstractmethod
    def warm_up(self) -> int:
        """Bars before the first one on which the strategy can decide."""

    @abstractmethod
    def decide(self, bars: Bars) -> Decisions:
        """The decision at the close of every bar; nothing during the warm-up."""

    @abstractmethod
    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:
        """Why bar `index` (negative counts from the end) was decided so, in words, also when it was not a signal."""

    @abstractmethod
    def context(self, bars: Bars) -> dict[str, float | None]:
        """What the market looks like at the last bar: adx, atr, rsi, volume_avg; None where it is not known."""

    @property
    def params(self) -> dict[str, Any]:
        """The parameters by name."""
        return asdict(self)

    @classmethod
    def ranges(cls) -> dict[str, tuple[Any, float, float, str]]:
        """Default, least value, greatest value and meaning of each parameter, by name."""
        found = {}
        for parameter in fields(cls):
            low, high, meaning = (parameter.metadata[key] for key in ("low", "high", "help"))
            found[parameter.name] = (parameter.default, low, high, _(meaning))
        return found


def parse(kind: type, text: object) -> object:
    """The value of a parameter of type `kind` (int or float) from what a user wrote; other types are returned as they are.

    Raises ValueError when the text is not such a number.
    """
    if isinstance(text, str):
        return kind(text.strip())
    if kind is float and isinstance(text, int) and not isinstance(text, bool):
        return float(text)
    return text


def checked_params(strategy: type[Strategy], params: Mapping[str, object]) -> dict[str, Any]:
    """`params` with every text turned into the type of its parameter.

    Raises UsageError, with the name that was probably meant, for a parameter that the strategy does not have.
    """
    known = {f.name: f for f in fields(strategy)}
    result: dict[str, Any] = {}
    for name, value in params.items():
        if name not in known:
            raise UsageError(
                _("The strategy {strategy} has no parameter {name}").format(strategy=strategy.name, name=name),
                did_you_mean(name, known) + " " + _("It has: {ranges}.").format(ranges=describe_ranges(strategy)),
            )
        try:
            result[name] = parse(type(known[name].default), value)
        except ValueError as error:
            raise _wrong(strategy.name, name, value, type(known[name].default), known[name].metadata) from error
    return result


def did_you_mean(word: str, known: Mapping[str, object]) -> str:
    """A sentence that offers the known word nearest to `word`, or the list of all."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1)
    if near:
        return _("Did you mean {word}?").format(word=near[0])
    return _("Choose one of: {words}.").format(words=", ".join(known))


def describe_ranges(strategy: type[Strategy]) -> str:
    """The parameters of a strategy with their accepted ranges, on one line."""
    return ", ".join(f"{name} {low:g}..{high:g}" for name, (_default, low, high, _help) in strategy.ranges().items())


def decimal(value: float, digits: int = 2) -> str:
    """A number with a fixed count of decimals in the form of the language in force."""
    from babel.numbers import format_decimal

    return str(format_decimal(value, format="#,##0." + "0" * digits if digits else "#,##0", locale=language()))


def percent(fraction: float, digits: int = 1) -> str:
    """A fraction as percents in the form of the language in force."""
    return f"{decimal(100.0 * fraction, digits)} %"


def check_value(strategy: str, parameter: Field[Any], value: object) -> None:
    """Raises UsageError when `value` is not a number of the parameter's type within its range."""
    kind, metadata = type(parameter.default), parameter.metadata
    accepted = (int,) if kind is int else (int, float)
    sound = isinstance(value, accepted) and not isinstance(value, bool) and math.isfinite(value)
    if not sound or not metadata["low"] <= value <= metadata["high"]:
        raise _wrong(strategy, parameter.name, value, kind, metadata)


def _wrong(strategy: str, name: str, value: object, kind: type, metadata: Mapping[str, Any]) -> UsageError:
    wanted = _("a whole number") if kind is int else _("a number")
    return UsageError(
        _("{value} is not a possible {name} of the strategy {strategy}").format(value=value, name=name, strategy=strategy),
        _("Give {wanted} from {low} to {high}.").format(wanted=wanted, low=f"{metadata['low']:g}", high=f"{metadata['high']:g}"),
    )
