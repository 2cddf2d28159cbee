"""The options that say how signals become orders; what is not given comes from the settings."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.backtest.execution import Execution
    from engine.settings_model import Settings


GOES_WITH = {
    "entry_atr": "--entry limit|stop|stop_limit",
    "limit_atr": "--entry stop_limit",
    "entry_bars": "--entry limit|stop|stop_limit",
    "partial_r": "--partial P",
}
NEEDS: Mapping[str, Callable[[Execution], bool]] = {
    "entry_atr": lambda found: found.entry != "market",
    "limit_atr": lambda found: found.entry == "stop_limit",
    "entry_bars": lambda found: found.entry != "market",
    "partial_r": lambda found: found.partial > 0,
}


def add_orders(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(_("orders"), _("Distances in multiples of the ATR(14); defaults are in [orders]."))
    group.add_argument("--entry", choices=("market", "limit", "stop", "stop_limit"), help=_("the order that a signal becomes"))
    group.add_argument("--entry-atr", type=float, metavar="K", help=_("distance of a limit or stop entry from the close"))
    group.add_argument("--limit-atr", type=float, metavar="K", help=_("how far beyond its stop a stop-limit entry still fills"))
    group.add_argument("--entry-bars", type=int, metavar="N", help=_("bars that an entry order waits for its price"))
    group.add_argument("--trail-percent", type=float, metavar="P", help=_("trailing stop, in percent of the best price"))
    group.add_argument("--trail-atr", type=float, metavar="K", help=_("trailing stop, in ATR"))
    group.add_argument("--time-exit", type=int, metavar="N", help=_("close after so many bars"))
    group.add_argument("--partial", type=float, metavar="P", help=_("percent of the position closed at the first target"))
    group.add_argument("--partial-r", type=float, metavar="R", help=_("where that is, in multiples of the risk to the stop"))
    group.add_argument("--volume-cap", type=float, metavar="P", help=_("most of a bar's volume that an order takes, in percent"))
    group.add_argument(
        "--fractional", action=argparse.BooleanOptionalAction, default=None, help=_("odd units in the fractional market")
    )


def execution(arguments: argparse.Namespace, settings: Settings) -> Execution:
    """The options over the settings. Raises UsageError for a value that makes no sense."""
    from engine.backtest.execution import Execution

    asked: dict[str, Any] = {name: value for name in Execution.__slots__ if (value := getattr(arguments, name, None)) is not None}
    for name in ("trail_percent", "partial", "volume_cap"):
        if name in asked:
            if not 0 <= asked[name] <= 100:
                raise UsageError(_("--{name} takes percents from 0 to 100").format(name=name.replace("_", "-")))
            asked[name] /= 100
    found = Execution(**{**settings.orders.model_dump(), **asked})
    for name, belongs in NEEDS.items():
        if name in asked and not belongs(found):
            raise UsageError(
                _("--{name} changes nothing with these orders").format(name=name.replace("_", "-")),
                _("It goes with {option}.").format(option=GOES_WITH[name]),
            )
    return found
