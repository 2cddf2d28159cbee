"""The second page of the backtest's form: how signals become orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.backtest.execution import ENTRIES, Execution
from engine.i18n import _
from tui.quick_format import number
from tui.widgets.form import Field, Value

if TYPE_CHECKING:
    from engine.settings_model import Orders

#: Fractions that the form shows and takes as percentages.
PERCENTAGES = ("trail_percent", "partial", "volume_cap")
#: What 0 leaves out.
OPTIONAL = (*PERCENTAGES, "trail_atr", "time_exit")
OFF, ON = "off", "on"


def order_fields(orders: Orders) -> list[Field]:
    """The page as it opens: the values of the settings, which are also the defaults that a changed field is marked against."""
    return [
        _choice("entry", _("Entry order"), orders.entry, ENTRIES, _("The order that a signal becomes.")),
        _number(orders, "entry_atr", _("Entry distance"), 0.1, _("Limit or stop entry: how far from the close, in ATR(14).")),
        _number(orders, "limit_atr", _("Limit beyond stop"), 0.05, _("Stop-limit entry: how far beyond the stop, in ATR(14).")),
        _number(orders, "entry_bars", _("Entry waits, bars"), 1, _("How long an entry order waits for its price.")),
        _number(orders, "trail_percent", _("Trailing stop %"), 1, _("Follows the best price at this distance; 0 is off.")),
        _number(orders, "trail_atr", _("Trailing stop ATR"), 0.5, _("Follows the best price at so many ATR(14); 0 is off.")),
        _number(orders, "time_exit", _("Exit after bars"), 1, _("Closes the position after so many bars; 0 is never.")),
        _number(orders, "partial", _("Partial exit %"), 5, _("Share of the position closed at the first target; 0 is off.")),
        _number(orders, "partial_r", _("Partial at R"), 0.1, _("Where that is, in multiples of the risk to the first stop.")),
        _number(orders, "volume_cap", _("Volume cap %"), 1, _("Largest share of a bar's volume an order takes; 0 is no cap.")),
        _choice(
            "fractional",
            _("Odd lots"),
            ON if orders.fractional else OFF,
            (OFF, ON),
            _("Whether what does not fill a lot is traded in the fractional market."),
        ),
    ]


def execution_of(fields: Sequence[Field]) -> Execution:
    """The execution that the fields of the page ask for. Raises UsageError for a value that makes no sense."""
    found: dict[str, Value] = {item.key: item.value for item in fields}
    for name in PERCENTAGES:
        found[name] = float(found[name] or 0) / 100
    return Execution(**{**found, "fractional": found["fractional"] == ON})  # type: ignore[arg-type]


def changed_orders(fields: Sequence[Field]) -> int:
    """How many fields are not as in the settings."""
    return sum(item.value != item.default for item in fields)


def _choice(key: str, label: str, value: str, choices: tuple[str, ...], text: str) -> Field:
    return Field(key, label, value, choices, default=value, show=_word, help=text)


def _number(orders: Orders, key: str, label: str, step: float, text: str) -> Field:
    low, high = _bounds(orders, key)
    scale = 100 if key in PERCENTAGES else 1
    kept = getattr(orders, key)
    value: float | int = kept if isinstance(kept, int) else round(kept * scale, 10)
    show = _figure_or_off if key in OPTIONAL else _figure
    return Field(key, label, value, low=low * scale, high=high * scale, step=float(step), default=value, show=show, help=text)


def _bounds(orders: Orders, key: str) -> tuple[float, float]:
    held = type(orders).model_fields[key].metadata
    low = next(item.ge for item in held if hasattr(item, "ge"))
    high = next(item.le for item in held if hasattr(item, "le"))
    return float(low), float(high)


def _word(value: Value) -> str:
    names = {
        "market": _("market"),
        "limit": _("limit"),
        "stop": _("stop"),
        "stop_limit": _("stop-limit"),
        OFF: _("off"),
        ON: _("on"),
    }
    return names.get(str(value), str(value))


def _figure_or_off(value: Value) -> str:
    return _figure(value) if value else _("off")


def _figure(value: Value) -> str:
    return str(value) if isinstance(value, int) else number(float(value or 0), 2)
