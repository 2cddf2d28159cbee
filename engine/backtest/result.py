"""What a backtest returns: arrays as arrays, everything derived from them built when asked for."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest import evidence, full_metrics, kernel, metrics
from engine.backtest.evidence import sharpe
from engine.backtest.evidence.bootstrap import (
    DRAWS,
    SEED,
    block_length,
    bootstrap_bands,
    cagr_of,
    deepest_drawdown,
    sharpe_of,
)
from engine.backtest.kernel import Run
from engine.backtest.notices import notices
from engine.backtest.round_trips import round_trips
from engine.domain import Bars, Instrument, Trade, Verdict, iso, jsonable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.backtest.engine import BacktestConfig
    from engine.backtest.simulation import Simulation
    from engine.domain import FloatArray, IntArray, PriceBase
    from engine.strategies.base import Strategy

EXIT_REASONS = {
    kernel.OPEN: "open",
    kernel.SIGNAL: "signal",
    kernel.STOP: "stop",
    kernel.TARGET: "target",
    kernel.LIQUIDATION: "liquidation",
    kernel.EVENT: "event",
    kernel.PARTIAL: "partial",
    kernel.TIME: "time",
    kernel.TRAIL: "trailing",
}
UNROUNDED = 1e-6


def trial_of(strategy: Strategy, config: BacktestConfig) -> dict[str, Any]:
    """The parameters of a strategy and, under "orders", how its signals become orders where that is not as delivered."""
    changed = config.execution.changed
    return {**strategy.params, **({"orders": changed} if changed else {})}


@dataclass(frozen=True)
class BacktestResult:
    """A strategy traded on one series over the bars first..last (inclusive) of `bars`.

    bars: the series of the fills, without provisional bars and cut after `last`; trade indices count its bars.
    price_base: of the series that gave the signals. raw_fills: fills are on a raw series of their own.
    risk_free: float64, length last - first + 1, or None. asked_start: the first bar the caller wanted, before the warm-up
    moved it. simulation: what was run; outcome: what it gave. trials: strategies and parameter sets tried on this series,
    this one included. other_sharpes: float64, the Sharpe ratios per bar of the others (NaN where undefined), or None where
    they are not known. leak: how the strategy sees the future, doubt: what is not proved of it, in a sentence or empty.
    """

    bars: Bars
    price_base: PriceBase
    raw_fills: bool
    strategy: Strategy
    config: BacktestConfig
    instrument: Instrument
    first: int
    last: int
    asked_start: int
    provisional_left_out: int
    risk_free: FloatArray | None
    simulation: Simulation
    outcome: Run
    trials: int
    remarks: tuple[str, ...] = ()
    index: FloatArray | None = None
    other_sharpes: FloatArray | None = None
    leak: str = ""
    doubt: str = ""

    @property
    def tried(self) -> dict[str, Any]:
        """What makes this a trial of its own: the parameters, and the orders where they are not as delivered."""
        return trial_of(self.strategy, self.config)

    @property
    def equity(self) -> FloatArray:
        """Equity at the close of each bar of the window, R$, float64; the first value is the capital before the first bar."""
        return self.outcome.equity

    @property
    def time(self) -> IntArray:
        """Opening instant of each bar of the window, UTC seconds, int64; one shorter than `equity`."""
        return self.bars.time[self.first : self.last + 1]

    @property
    def session(self) -> IntArray:
        """Session of each bar of the window, days since 1970-01-01."""
        return self.bars.session[self.first : self.last + 1]

    @property
    def split(self) -> FloatArray:
        """Units after over units before each bar of `bars`, float64, 1.0 for no event."""
        return self.simulation.events.split

    @property
    def dividend(self) -> FloatArray:
        """R$ per unit of the dividend whose ex date each bar of `bars` is, float64, 0.0 for none."""
        return self.simulation.events.dividend

    @cached_property
    def hold(self) -> Run:
        """Buying at the first open of the window with the same costs and lots, and keeping."""
        return self.simulation.holding().run()

    @cached_property
    def best_outcome(self) -> Run | None:
        """The same with every target taken in the bars that touched stop and target; None where there was no such bar."""
        return self.simulation.run(favourable=True) if self.outcome.trades["ambiguous"].any() else None

    @property
    def outcome_range(self) -> dict[str, float] | None:
        """Total return with every stop taken in such bars ("worst": this result) and with every target ("best"), or None."""
        if self.best_outcome is None:
            return None
        runs = {"worst": self.outcome, "best": self.best_outcome}
        return {name: float(run.equity[-1] / run.equity[0]) - 1.0 for name, run in runs.items()}

    @cached_property
    def periods(self) -> float:
        """Observed bars per year of the window."""
        return metrics.bars_per_year(self.session, self.bars.timeframe)

    @cached_property
    def excess(self) -> FloatArray:
        """Return of each bar of the window over cash (over 0 where no risk-free series was given)."""
        returns = metrics.returns_of(self.equity)
        return returns if self.risk_free is None else returns - self.risk_free

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The metrics by name, NaN where undefined; see `engine.backtest.metrics`."""
        return self._metrics(self.outcome)

    @cached_property
    def baselines(self) -> dict[str, dict[str, float]]:
        """The same metrics of buying and holding with the same costs and lots, of cash at the CDI and of the IBOV where known."""
        found = {"buy_and_hold": self._metrics(self.hold)}
        if not self.hold.trades.size:
            found["buy_and_hold"] = dict.fromkeys(found["buy_and_hold"], math.nan)
        if self.risk_free is not None:
            curve = self.config.capital * np.concatenate(([1.0], np.cumprod(1.0 + self.risk_free)))
            found["cdi"] = metrics.equity_metrics(curve, self.session, self.periods, self.risk_free)
        if self.index is not None:
            curve = self.config.capital * self.index / self.index[0]
            found["ibov"] = metrics.equity_metrics(curve, self.session, self.periods, self.risk_free)
        return found

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the result can be told from luck; of a strategy that sees the future, that it does."""
        judged = evidence.verdict(
            self.excess,
            self.periods,
            int(self.metrics["trades"]),
            self.metrics["total_return"],
            self.baselines["buy_and_hold"]["total_return"],
            trials=self.trials,
            over_cdi=self.risk_free is not None,
            cdi_return=self.baselines["cdi"]["total_return"] if "cdi" in self.baselines else None,
            trial_variance=self.trial_variance,
        )
        return Verdict(evidence.FORESEEN, (self.leak, *judged.reasons)) if self.leak else judged

    @cached_property
    def trial_variance(self) -> float:
        """Variance of the Sharpe ratios per bar of all trials, this one included; NaN where they are not known."""
        if self.other_sharpes is None:
            return math.nan
        return sharpe.trial_variance(np.append(self.other_sharpes, self.metrics["sharpe_ratio"] / math.sqrt(self.periods)))

    @cached_property
    def full_metrics(self) -> dict[str, float]:
        """`metrics` and those that take longer: streaks, Kelly, the shape of the returns, the deflated Sharpe ratio."""
        hurdle = sharpe.expected_best_sharpe(self.trials, self.trial_variance)
        return {
            **self.metrics,
            **full_metrics.full_trade_metrics(self._whole(self.outcome), self.instrument.point_value),
            **full_metrics.shape_metrics(self.excess),
            "deflated_sharpe_ratio": sharpe.probabilistic_sharpe(self.excess, hurdle),
            "expected_best_sharpe_ratio": hurdle * math.sqrt(self.periods),
            "trials": self.trials,
        }

    @cached_property
    def monthly(self) -> list[dict[str, Any]]:
        """The return of each month of the window: [{"year", "month", "return"}], oldest first."""
        return full_metrics.monthly_returns(self.equity, self.session)

    def bands(self, draws: int = DRAWS, seed: int = SEED) -> dict[str, Any]:
        """{"draws", "seed", "block", "cagr", "max_drawdown", "sharpe_ratio"}: the last three as {"p5", "p50", "p95"}.

        By the stationary bootstrap of the returns from session to session, in blocks that suit their excess over cash.
        Raises UsageError for an impossible number of draws.
        """
        ends = np.flatnonzero(np.append(self.session[1:] != self.session[:-1], True))
        returns = metrics.returns_of(self.equity[np.concatenate(([0], ends + 1))])
        excess = returns if self.risk_free is None else returns - np.add.reduceat(self.risk_free, np.append(0, ends[:-1] + 1))
        length = block_length(excess)
        days = float(self.session[-1] - self.session[0] + 1)
        periods = metrics.bars_per_year(self.session[ends], "1w" if self.bars.timeframe == "1w" else "1d")
        curve = {"cagr": cagr_of(days), "max_drawdown": deepest_drawdown}
        found = {
            **bootstrap_bands(returns, curve, draws=draws, seed=seed, block=length),
            **bootstrap_bands(excess, {"sharpe_ratio": sharpe_of(periods)}, draws=draws, seed=seed, block=length),
        }
        return {"draws": draws, "seed": seed, "block": length, **{name: asdict(band) for name, band in found.items()}}

    @cached_property
    def trades(self) -> tuple[Trade, ...]:
        """The trades in order, the open one last."""
        return tuple(self._trade(record) for record in self.outcome.trades)

    @cached_property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know before believing the figures, in sentences."""
        return (*([self.doubt] if self.doubt else []), *notices(self), *self.remarks)

    @cached_property
    def order_hash(self) -> str:
        """SHA-256 over side, tick-rounded prices, quantity and bar indices of all fills: equal for equal orders."""
        records, tick = self.outcome.trades, self.instrument.tick or UNROUNDED
        closed = records["exit"] >= 0
        columns = (
            records["side"],
            records["quantity"],
            records["entry"],
            np.rint(records["entry_price"] / tick),
            records["exit"],
            np.where(closed, np.rint(records["exit_price"] / tick), 0),
        )
        return hashlib.sha256(np.column_stack(columns).astype("<i8").tobytes()).hexdigest()

    def as_dict(self, *, equity: bool = False, monthly: bool = False, draws: int | None = None) -> dict[str, Any]:
        """The JSON form of the blueprint; `equity` adds the curve as a list of {"time", "equity"}, the capital first;
        `monthly` the months, `draws` the bands of so many draws.
        """
        result: dict[str, Any] = {
            "symbol": self.bars.symbol,
            "timeframe": self.bars.timeframe,
            "price_base": str(self.price_base),
            "strategy": self.strategy.name,
            "params": self.strategy.params,
            "period": {"start": iso(int(self.bars.time[self.first])), "end": iso(int(self.bars.time[self.last]))},
            "metrics": metrics.json_ready(self.full_metrics),
            "outcome_range": self.outcome_range,
            "baselines": {name: metrics.json_ready(figures) for name, figures in self.baselines.items()},
            "verdict": self.verdict.as_dict(),
            "trades": [trade.as_dict() for trade in self.trades],
            "order_hash": self.order_hash,
            "notices": list(self.notices),
        }
        if equity:
            times = [int(self.time[0]), *map(int, self.time)]
            result["equity"] = [{"time": iso(t), "equity": float(value)} for t, value in zip(times, self.equity)]
        if monthly:
            result["monthly"] = [metrics.json_ready(month) for month in self.monthly]
        if draws is not None:
            result["bands"] = jsonable(self.bands(draws))
        return result

    def _whole(self, run: Run) -> NDArray[np.void]:
        """The trades from flat to flat; the kernel knows no parts."""
        return run.trades if self.simulation.simple else round_trips(run.trades)

    def _metrics(self, run: Run) -> dict[str, float]:
        point_value = self.instrument.point_value
        close = self.bars.close[self.first : self.last + 1]
        return {
            **metrics.equity_metrics(run.equity, self.session, self.periods, self.risk_free),
            **metrics.trade_metrics(self._whole(run), point_value),
            **metrics.position_metrics(run.equity, run.position, close, run.trades, run.held, self.periods, point_value),
            "rejected_orders": run.rejected,
            "interest": run.interest,
        }

    def _trade(self, record: np.void) -> Trade:
        closed = record["exit"] >= 0
        notional = float(record["entry_price"]) * int(record["quantity"]) * self.instrument.point_value
        return Trade(
            side=int(record["side"]),
            quantity=int(record["quantity"]),
            entry_index=int(record["entry"]),
            entry_time=int(self.bars.time[record["entry"]]),
            entry_price=float(record["entry_price"]),
            exit_index=int(record["exit"]),
            exit_time=int(self.bars.time[record["exit"]]) if closed else None,
            exit_price=float(record["exit_price"]) if closed else None,
            exit_reason=EXIT_REASONS[int(record["reason"])],
            costs=float(record["costs"]),
            pnl=float(record["pnl"]),
            return_=float(record["pnl"]) / notional,
            mae=float(record["mae"]),
            mfe=float(record["mfe"]),
            ambiguous=bool(record["ambiguous"]),
        )
