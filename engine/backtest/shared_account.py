"""A strategy on several stored symbols that share the cash of one account, recorded as one trial."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest import evidence, metrics
from engine.backtest.full_metrics import full_trade_metrics, monthly_returns, shape_metrics
from engine.backtest.index import index_levels, read_index
from engine.backtest.kernel import Run
from engine.backtest.notices import about_data, about_money
from engine.backtest.portfolio import PortfolioRun, run_portfolio
from engine.backtest.result import trial_of
from engine.backtest.round_trips import round_trips
from engine.backtest.run import read_inputs, trade, vouched
from engine.backtest.tax_fills import TradedSeries, series_of
from engine.domain import Progress, Verdict, iso, silent
from engine.errors import UsageError
from engine.i18n import _
from engine.store.ledger import read_trials, record_backtest, trial_key
from engine.store.values import cash_return

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.backtest.execution import Execution
    from engine.backtest.result import BacktestResult
    from engine.domain import FloatArray, IntArray
    from engine.settings_model import Settings
    from engine.store.database import Store
    from engine.strategies.base import Strategy


@dataclass(frozen=True)
class AccountResult:
    """What the account did. alone: each symbol traded on a full account of its own, in the order of run.legs.

    share: the fraction of the equity that one position invests, None where sizing is not by a fraction.
    risk_free: float64, one per bar of the merged time line, None where it is not known. index: levels of the IBOV, as in
    `BacktestResult`. trials: those of this question, itself included.
    """

    strategy: Strategy
    timeframe: str
    alone: tuple[BacktestResult, ...]
    run: PortfolioRun
    share: float | None
    risk_free: FloatArray | None
    index: FloatArray | None
    trials: int

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols in the order of the legs."""
        return tuple(leg.symbol for leg in self.run.legs)

    @property
    def name(self) -> str:
        """All symbols in one word, under which the trial is recorded."""
        return account_name(self.symbols)

    @cached_property
    def legs(self) -> tuple[BacktestResult, ...]:
        """Each symbol's bars with the trades that it made on the shared account; their equity is that of the account, not theirs."""
        shared = []
        for result, leg in zip(self.alone, self.run.legs):
            curve = np.full(leg.position.size + 1, np.nan)
            own = Run(curve, leg.position, leg.trades, leg.held, 0, 0.0, tuple(leg.fills))
            shared.append(replace(result, outcome=own, first=leg.first))
        return tuple(shared)

    @cached_property
    def periods(self) -> float:
        """Observed bars per year."""
        return metrics.bars_per_year(self.run.session, self.timeframe)

    @cached_property
    def excess(self) -> FloatArray:
        """Return of each bar over cash (over 0 where no CDI is known)."""
        returns = metrics.returns_of(self.run.equity)
        return returns if self.risk_free is None else returns - self.risk_free

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The metrics of the account; see `engine.backtest.metrics`."""
        trades = self._trades
        gross, held, traded = self._held()
        mean = float(self.run.equity.mean())
        return {
            **metrics.equity_metrics(self.run.equity, self.run.session, self.periods, self.risk_free),
            **metrics.trade_metrics(trades, 1.0),
            **full_trade_metrics(trades, 1.0),
            **shape_metrics(self.excess),
            "exposure": held,
            "gross_exposure": gross,
            "turnover": traded / 2 / mean * self.periods / self.run.time.size if mean > 0 else math.nan,
            "rejected_orders": self.run.rejected,
            "interest": self.run.interest,
            "trials": self.trials,
        }

    @cached_property
    def baselines(self) -> dict[str, dict[str, float]]:
        """Buying and holding every symbol with an equal part of the capital, cash at the CDI and the IBOV where they are known."""
        found = {"buy_and_hold": self._curve_metrics(self._holding())}
        if self.risk_free is not None:
            found["cdi"] = self._curve_metrics(self.run.equity[0] * np.concatenate(([1.0], np.cumprod(1.0 + self.risk_free))))
        if self.index is not None:
            found["ibov"] = self._curve_metrics(self.run.equity[0] * self.index / self.index[0])
        return found

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the result can be told from luck; of a strategy that sees the future, that it does."""
        cdi = self.baselines["cdi"]["total_return"] if "cdi" in self.baselines else None
        judged = evidence.verdict(
            self.excess,
            self.periods,
            int(self.metrics["trades"]),
            self.metrics["total_return"],
            self.baselines["buy_and_hold"]["total_return"],
            trials=self.trials,
            over_cdi=self.risk_free is not None,
            cdi_return=cdi,
        )
        leak = next((result.leak for result in self.alone if result.leak), "")
        return Verdict(evidence.FORESEEN, (leak, *judged.reasons)) if leak else judged

    @property
    def monthly(self) -> list[dict[str, Any]]:
        """The return of each month."""
        return monthly_returns(self.run.equity, self.run.session)

    @property
    def traded_series(self) -> list[TradedSeries]:
        """What the income tax is computed from."""
        return [series_of(result) for result in self.legs]

    @cached_property
    def order_hash(self) -> str:
        """SHA-256 over the hashes of the orders of every symbol, by symbol."""
        hashes = sorted(f"{result.bars.symbol} {result.order_hash}" for result in self.legs)
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    @property
    def notices(self) -> tuple[str, ...]:
        """How the cash was shared, then what is to be known of the symbols."""
        said = list(dict.fromkeys(result.doubt for result in self.alone if result.doubt))
        if self.share is not None:
            said.append(
                _("Each position invests up to {share} of the account's equity, as far as the cash allows.").format(
                    share=f"{100 * self.share:.4g} %"
                )
            )
        for result in self.alone:
            said += [f"{result.bars.symbol}: {text}" for text in (*about_data(result), *result.remarks)]
        return (*said, *about_money(self.run.interest, self.metrics["borrow"], known=self.risk_free is not None))

    def by_symbol(self) -> list[dict[str, Any]]:
        """What each symbol brought: [{"symbol", "trades", "win_rate", "pnl", "costs"}], money in R$, open trades marked."""
        return [
            {
                "symbol": leg.symbol,
                "trades": int((leg.trades["exit"] >= 0).sum()),
                "win_rate": float((leg.trades["pnl"] > 0)[leg.trades["exit"] >= 0].mean())
                if (leg.trades["exit"] >= 0).any()
                else None,
                "pnl": float(leg.trades["pnl"].sum()),
                "costs": float(leg.trades["costs"].sum()),
            }
            for leg in self.run.legs
        ]

    def as_dict(self, *, equity: bool = False, monthly: bool = False) -> dict[str, Any]:
        """The JSON form: that of a backtest, with the symbols and what each brought."""
        trades = [{"symbol": result.bars.symbol, **trade.as_dict()} for result in self.legs for trade in result.trades]
        found: dict[str, Any] = {
            "symbol": self.name,
            "symbols": list(self.symbols),
            "timeframe": self.timeframe,
            "strategy": self.strategy.name,
            "params": self.strategy.params,
            "period": {"start": iso(int(self.run.time[0])), "end": iso(int(self.run.time[-1]))},
            "metrics": metrics.json_ready(self.metrics),
            "baselines": {name: metrics.json_ready(figures) for name, figures in self.baselines.items()},
            "verdict": self.verdict.as_dict(),
            "by_symbol": self.by_symbol(),
            "trades": sorted(trades, key=lambda item: (item["entry_time"], item["symbol"])),
            "order_hash": self.order_hash,
            "notices": list(self.notices),
        }
        if equity:
            times = [int(self.run.time[0]), *map(int, self.run.time)]
            found["equity"] = [{"time": iso(t), "equity": float(value)} for t, value in zip(times, self.run.equity)]
        if monthly:
            found["monthly"] = [metrics.json_ready(month) for month in self.monthly]
        return found

    def _curve_metrics(self, curve: FloatArray) -> dict[str, float]:
        return metrics.equity_metrics(curve, self.run.session, self.periods, self.risk_free)

    @cached_property
    def _trades(self) -> NDArray[np.void]:
        """The trades of all symbols by the time of entry, their prices in R$ per unit."""
        parts = []
        for result, leg in zip(self.alone, self.run.legs):
            whole = round_trips(leg.trades)
            scaled = whole.copy()
            for name in ("entry_price", "exit_price", "stop"):
                scaled[name] *= result.instrument.point_value
            parts.append((result.bars.time[whole["entry"]], scaled))
        times = np.concatenate([time for time, _part in parts])
        return np.concatenate([part for _time, part in parts])[np.argsort(times, kind="stable")]

    def _held(self) -> tuple[float, float, float]:
        """Mean of the invested value over the equity, share of bars with a position, and what was bought and sold in R$."""
        invested, some = np.zeros(self.run.time.size), np.zeros(self.run.time.size, dtype=np.bool_)
        for result, leg in zip(self.alone, self.run.legs):
            window = slice(leg.first, leg.first + leg.position.size)
            at = _places(self.run.time, result.bars.time[window])
            known = at >= 0
            units, close = leg.position[at], result.bars.close[window][at]
            invested += np.where(known, np.abs(units) * close * result.instrument.point_value, 0.0)
            some |= known & (units != 0)
        trades = self._trades
        closed = trades["exit"] >= 0
        traded = float((trades["quantity"] * trades["entry_price"]).sum())
        traded += float((trades["quantity"] * trades["exit_price"])[closed].sum())
        curve = self.run.equity[1:]
        gross = np.divide(invested, curve, out=np.zeros_like(curve), where=curve > 0)
        return float(gross.mean()), float(some.mean()), traded

    def _holding(self) -> FloatArray:
        """The curve of holding every symbol with an equal part; a part waits as cash until its symbol has bars."""
        total = np.zeros(self.run.equity.size)
        for result in self.alone:
            curve = result.hold.equity / result.hold.equity[0] * self.run.equity[0] / len(self.alone)
            at = _places(self.run.time, result.time)
            total += np.concatenate(([curve[0]], curve[at + 1]))
        return total


def _places(line: IntArray, times: IntArray) -> IntArray:
    """For each instant of the line the index of the newest of `times`, -1 before the first."""
    return (np.searchsorted(times, line, side="right") - 1).astype(np.int64)


def account_name(symbols: Sequence[str]) -> str:
    """The name under which trials of these symbols on one account are recorded."""
    return "+".join(sorted(symbols))


def run_account(
    store: Store,
    settings: Settings,
    symbols: Sequence[str],
    strategy: Strategy,
    *,
    now: int,
    timeframe: str = "1d",
    start: int | None = None,
    end: int | None = None,
    capital: float | None = None,
    costs: str | None = None,
    execution: Execution | None = None,
    progress: Progress = silent,
    proofs: Path | None = None,
) -> AccountResult:
    """Trade `strategy` on the stored bars of all symbols with one account and record it as a trial.

    Sizing by a fraction gives each symbol an equal part of it. The window begins with the first symbol that has had its
    warm-up. Arguments and errors as in `run_backtest`; `progress` counts symbols.
    """
    if len(set(symbols)) < 2:
        raise UsageError(_("One account takes at least two symbols"), _("Leave out --one-account for a single one."))
    alone = []
    for count, symbol in enumerate(symbols):
        progress(count, len(symbols), symbol)
        inputs = read_inputs(
            *(store, settings, symbol),
            timeframe=timeframe,
            start=start,
            end=end,
            capital=capital,
            costs=costs,
            execution=execution,
        )
        alone.append(vouched(inputs, trade(inputs, strategy), proofs))
    config = alone[0].config
    shared = replace(config, fraction=config.fraction / len(symbols))
    begin = min(int(result.time[0]) for result in alone)
    sessions = np.unique(np.concatenate([result.session for result in alone]))
    cash = cash_return(store, sessions) if settings.backtest.idle_cash == "cdi" else None
    known = cash is not None and not np.isnan(cash[1]).any()
    run = run_portfolio(
        [result.simulation.leg() for result in alone],
        capital=config.capital,
        config=shared,
        execution=config.execution,
        rate=dict(zip(sessions.tolist(), cash[1].tolist())) if cash is not None and known else None,
        start=begin,
        end=end,
    )
    over = cash_return(store, run.session)
    risk_free = None if over is None or np.isnan(over[1]).any() else over[1]
    name = account_name(symbols)
    tried = read_trials(store, name, timeframe)
    own = trial_of(strategy, config)
    trials = len(set(tried) | {trial_key(strategy.name, own)})
    share = shared.fraction if config.sizing == "fraction" else None
    market = read_index(store, (start, end))
    levels = None if market is None else index_levels(market, run.session)
    result = AccountResult(strategy, timeframe, tuple(alone), run, share, risk_free, levels, trials)
    record_backtest(
        store,
        now=now,
        symbol=name,
        timeframe=timeframe,
        strategy=strategy.name,
        params=own,
        start=int(run.time[0]),
        end=int(run.time[-1]),
        snapshot=store.snapshot(),
        order_hash=result.order_hash,
        result={
            "metrics": {key: float(value) for key, value in result.metrics.items() if value == value},
            "verdict": result.verdict.as_dict(),
        },
    )
    return result
