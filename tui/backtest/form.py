"""The form of the backtest: its fields, what they ask, and how a typed value is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from engine.backtest.execution import Execution
from engine.domain import TIMEFRAMES
from engine.errors import PregaoError, UsageError
from engine.i18n import _
from tui.backtest.orders import execution_of
from tui.widgets.form import Field, Value

if TYPE_CHECKING:
    from pathlib import Path

    from engine.desk import Desk

#: The fields that are not parameters of the strategy.
FIXED = ("symbol", "timeframe", "strategy", "from", "to", "capital", "costs")


@dataclass(frozen=True, slots=True)
class Question:
    """What one backtest is asked. start, end: days as YYYY-MM-DD, empty for all. execution: None for that of the settings."""

    symbol: str
    timeframe: str
    strategy: str
    params: tuple[tuple[str, float | int], ...]
    start: str
    end: str
    capital: float
    costs: str
    execution: Execution | None = None

    @property
    def ground(self) -> tuple[object, ...]:
        """All but the strategy and its parameters: what every strategy of a comparison shares."""
        return (self.symbol, self.timeframe, self.start, self.end, self.capital, self.costs, self.execution)

    def job(self, symbols: Sequence[str]) -> dict[str, object]:
        """The parameters of a job that asks the same of these symbols."""
        return {
            "symbols": list(symbols),
            "strategy": self.strategy,
            "params": dict(self.params),
            "timeframe": self.timeframe,
            "from": self.start or None,
            "to": self.end or None,
            "capital": self.capital,
            "costs": self.costs,
            "execution": None if self.execution is None else asdict(self.execution),
        }


def first_fields(desk: Desk, symbol: str, stored: Sequence[str], timeframe: str) -> list[Field]:
    """The form as it opens: the symbol at its stored timeframe, the rest from the settings."""
    from engine import strategies

    folder, name = desk.workspace.strategies, desk.settings.daily.strategy
    capital, costs = desk.settings.backtest.capital, desk.settings.costs.schedule
    names = strategies.names(folder)
    name = name if name in names else names[0]
    return [
        Field("symbol", _("Symbol"), symbol, help=_("Enter or y chooses another symbol.")),
        timeframe_field(stored, timeframe),
        Field("strategy", _("Strategy"), name, names, help=_("The rules that are traded.")),
        Field("from", _("From"), "", default="", show=_or_all, help=_("First day, YYYY-MM-DD; empty: all.")),
        Field("to", _("To"), "", default="", show=_or_all, help=_("Last day, YYYY-MM-DD; empty: all.")),
        Field(
            "capital",
            _("Capital R$"),
            capital,
            low=1_000.0,
            high=1e9,
            step=10_000.0,
            default=capital,
            show=_amount,
            help=_("Cash at the start."),
        ),
        Field("costs", _("Costs"), costs, ("b3", "none"), default=costs, help=_("Fees of the exchange by date, or none.")),
        *param_fields(name, folder),
    ]


def timeframe_field(stored: Sequence[str], timeframe: str) -> Field:
    """The timeframes that can be built from those that are stored of the symbol."""
    finest = min((TIMEFRAMES[name] for name in stored), default=TIMEFRAMES["1d"])
    choices = tuple(name for name, length in TIMEFRAMES.items() if length >= finest)
    return Field("timeframe", _("Timeframe"), timeframe, choices, default=timeframe, help=_("Length of one bar."))


def param_fields(strategy: str, folder: Path) -> list[Field]:
    """The parameters of a strategy at their defaults; none for a file of the user that cannot be used, which the run says."""
    from engine import strategies

    try:
        ranges = strategies.strategy_class(strategy, folder).ranges()
    except PregaoError:
        return []
    fields = []
    for name, (default, low, high, text) in ranges.items():
        step = 1.0 if isinstance(default, int) else 0.1 if high - low > 1 else 0.01
        meaning = _("{text} ({low:g} to {high:g})").format(text=text, low=low, high=high)
        fields.append(Field(name, name, default, low=low, high=high, step=step, default=default, show=_figure, help=meaning))
    return fields


def question_of(fields: Sequence[Field], orders: Sequence[Field] = ()) -> Question | None:
    """What the fields of both pages ask; None while there is no symbol."""
    values = {item.key: item.value for item in fields}
    if not values.get("symbol"):
        return None
    params = tuple((item.key, item.value) for item in fields if item.key not in FIXED and isinstance(item.value, (int, float)))
    return Question(
        str(values["symbol"]),
        str(values["timeframe"]),
        str(values["strategy"]),
        params,
        str(values["from"] or ""),
        str(values["to"] or ""),
        float(values["capital"] or 0),
        str(values["costs"]),
        execution_of(orders) if orders else None,
    )


def typed(field: Field) -> str:
    """The value of a field as it is put before the user to be changed."""
    if field.value is None:
        return ""
    return f"{field.value:.10g}" if isinstance(field.value, float) else str(field.value)


def parse(field: Field, text: str) -> Value:
    """The typed value of a field. Raises UsageError saying what is accepted."""
    from tui.commands.common import parse_day, parse_number

    if field.key in ("from", "to"):
        return parse_day(text, field.label).isoformat() if text else ""
    if field.choices:
        if text not in field.choices:
            raise UsageError(
                _("{label}: there is no {text}").format(label=field.label, text=text),
                _("Accepted: {list}.").format(list=", ".join(field.choices)),
            )
        return text
    value = parse_number(text, field.label)
    if field.low is not None and field.high is not None and not field.low <= value <= field.high:
        raise UsageError(_("{label} must be from {low:g} to {high:g}").format(label=field.label, low=field.low, high=field.high))
    if isinstance(field.value, int):
        if value != int(value):
            raise UsageError(_("{label} must be a whole number").format(label=field.label))
        return int(value)
    return value


def _or_all(value: Value) -> str:
    return str(value) if value else _("all")


def _amount(value: Value) -> str:
    from tui.quick_format import number

    return number(float(value or 0), 0)


def _figure(value: Value) -> str:
    from tui.quick_format import number

    return str(value) if isinstance(value, int) else number(float(value or 0), 2)
