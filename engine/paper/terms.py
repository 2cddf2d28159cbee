"""What a paper account is opened with. It keeps these terms until it is closed, so that its history can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from engine.backtest.engine import BacktestConfig
from engine.backtest.execution import Execution

if TYPE_CHECKING:
    from engine.settings_model import Costs, Settings

#: A live account follows the sessions as they close; a replay account walks through past ones at the pace of its owner.
LIVE, REPLAY = "live", "replay"


@dataclass(frozen=True, slots=True)
class Terms:
    """mode: LIVE or REPLAY. capital: R$. idle_cash: "cdi" or "none". volume_cap: the largest share of a bar's quantity that one
    order takes. costs: the section of the settings.
    """

    mode: str
    timeframe: str
    capital: float
    allow_short: bool
    futures_margin: float
    idle_cash: str
    volume_cap: float
    fractional: bool
    costs: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def live(self) -> bool:
        return self.mode == LIVE

    @property
    def execution(self) -> Execution:
        """How orders by hand are filled: in parts where the bar is small, without trailing stops or the like."""
        return Execution(volume_cap=self.volume_cap, fractional=self.fractional)

    @property
    def config(self) -> BacktestConfig:
        """The same for the engine; it never sizes an order, since each has its quantity."""
        return BacktestConfig(
            capital=self.capital,
            allow_short=self.allow_short,
            execution=self.execution,
            futures_margin=self.futures_margin,
        )

    @property
    def charges(self) -> Costs:
        """The costs as the settings hold them."""
        from engine.settings_model import Costs

        return Costs(**self.costs)


def terms_of(settings: Settings, mode: str) -> Terms:
    """The terms by the settings of now."""
    return Terms(
        mode=mode,
        timeframe=settings.paper.timeframe,
        capital=settings.paper.capital,
        allow_short=settings.backtest.allow_short,
        futures_margin=settings.backtest.futures_margin,
        idle_cash=settings.backtest.idle_cash,
        volume_cap=settings.paper.volume_cap,
        fractional=settings.orders.fractional,
        costs=settings.costs.model_dump(),
    )
