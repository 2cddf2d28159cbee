"""How signals become orders and what holding costs: the part of a backtest that is not the strategy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import UsageError
from engine.i18n import _

ENTRIES = ("market", "limit", "stop", "stop_limit")
#: The period of the average true range in which distances are given.
ATR_PERIOD = 14


@dataclass(frozen=True, slots=True)
class Execution:
    """The orders that a signal leads to; distances are multiples of the ATR(14) of the bar of the signal.

    entry: "market" at the next open; "limit" `entry_atr` on the better side of the signal's close; "stop" `entry_atr` on the
    worse side; "stop_limit" such a stop that then rests as a limit `limit_atr` further. entry_bars: bars an entry order lives.
    Levels given by the strategy itself (`Decisions.limit`, `Decisions.trigger`) overrule these for their signal.
    trail_percent: a stop that follows the best price at this fraction of it; trail_atr: at so many ATR (of the bar before);
    both only ever move towards the price, together with the strategy's own stop the nearest one counts. 0 is off.
    time_exit: bars after which the position is closed at the next open, 0 for never.
    partial: the fraction of the units sold at a limit `partial_r` times the risk (entry to first stop) away; 0 is off.
    volume_cap: the largest share of a bar's quantity that one order takes, 0 for no cap; the rest waits for the next bar.
    fractional: what does not fill a lot is traded in the fractional market, under the ticker with an F.
    Raises UsageError for a value that makes no sense.
    """

    entry: str = "market"
    entry_atr: float = 0.5
    limit_atr: float = 0.25
    entry_bars: int = 1
    trail_percent: float = 0.0
    trail_atr: float = 0.0
    time_exit: int = 0
    partial: float = 0.0
    partial_r: float = 1.0
    volume_cap: float = 0.0
    fractional: bool = False

    def __post_init__(self) -> None:
        if self.entry not in ENTRIES:
            raise UsageError(
                _("There is no entry order {name}").format(name=self.entry),
                _("Choose one of: {words}.").format(words=", ".join(ENTRIES)),
            )
        bounds = {
            "entry_atr": (0, 20),
            "limit_atr": (0, 20),
            "entry_bars": (1, 250),
            "trail_percent": (0, 0.9),
            "trail_atr": (0, 50),
            "time_exit": (0, 10_000),
            "partial": (0, 0.95),
            "partial_r": (0.1, 50),
            "volume_cap": (0, 1),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(
                    _("{name} cannot be {value}").format(name=name, value=value),
                    _("Give a number from {low} to {high}.").format(low=low, high=high),
                )

    @property
    def simple(self) -> bool:
        """Whether signals are market orders with the strategy's own stop and target: what the fast kernel trades."""
        return self.entry == "market" and not (
            self.trail_percent or self.trail_atr or self.time_exit or self.partial or self.volume_cap or self.fractional
        )

    @property
    def changed(self) -> dict[str, Any]:
        """What is not as delivered, by name."""
        delivered = asdict(Execution())
        return {name: value for name, value in asdict(self).items() if value != delivered[name]}
