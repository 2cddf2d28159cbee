"""Backtests on stored bars: what the settings say about idle cash, borrowing, futures and orders reaches the account."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import strategies
from engine.backtest.execution import Execution
from engine.backtest.result import BacktestResult
from engine.backtest.run import read_inputs, run_backtest
from engine.desk import Desk, open_desk
from engine.errors import UsageError
from engine.workspace import Workspace
from tests.desk_maker import DAILY, MORNING, call, daily_csv, import_market, make_market, plain_environment, sessions, walk

SYMBOL = DAILY[0]
LOOSE = {"volume_ratio": 0, "rsi_overbought": 100, "rsi_oversold": 0}
CDI = 0.055131


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("money")
    rows = "".join(f"{day:%d/%m/%Y};{CDI}\n" for day in sessions(95))
    (home / "cdi.csv").write_text("data;valor\n" + rows.replace(".", ","), encoding="utf-8")
    future = daily_csv(home / "WINFUT.csv", sessions(), np.round(walk("WINFUT", 90) * [1e3, 1e3, 1e3, 1e3, 1]))
    odd = daily_csv(home / f"{SYMBOL}F.csv", sessions(), walk(SYMBOL, 90))
    with plain_environment():
        import_market(home, [*make_market(home / "files"), odd])
        for words in ((home / "cdi.csv", "--series", "CDI"), (future, "--symbol", "WINFUT", "--price-base", "raw")):
            done = call("import", *map(str, words), home=home)
            assert done.code == 0, done.err or done.out
    return home


@pytest.fixture
def desk(made: Path, tmp_path: Path) -> Iterator[Desk]:
    with plain_environment():
        opened = open_desk(Workspace(Path(shutil.copytree(made, tmp_path / "home"))), lambda: MORNING)
        yield opened
        opened.close()


def ran(
    desk: Desk, symbol: str = SYMBOL, section: str = "", options: dict[str, Any] | None = None, **asked: Any
) -> BacktestResult:
    """The backtest with some settings of one section replaced."""
    settings = desk.settings
    if section:
        settings = settings.model_copy(update={section: getattr(settings, section).model_copy(update=options)})
    return run_backtest(desk.store, settings, symbol, strategies.get("trend_following", LOOSE), now=MORNING, **asked)


def test_idle_cash_earns_the_stored_cdi_unless_the_settings_say_none(desk: Desk) -> None:
    earning = ran(desk)
    idle = ran(desk, section="backtest", options={"idle_cash": "none"})
    nights = earning.session.size
    assert 0 < earning.metrics["interest"] < 1.1 * 100_000 * nights * CDI / 100
    assert idle.metrics["interest"] == 0
    assert earning.baselines["cdi"]["final_equity"] == idle.baselines["cdi"]["final_equity"]
    assert any("earns nothing" in text for text in idle.notices)


def test_a_period_before_the_cdi_earns_nothing(desk: Desk) -> None:
    with desk.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM daily_values WHERE session < ?", (int(sessions()[60].toordinal()) - 719_163,))
    result = ran(desk)
    assert result.risk_free is None
    assert result.metrics["interest"] == 0


def test_shorts_pay_the_yearly_rate_of_the_settings_unless_nothing_costs_anything(desk: Desk) -> None:
    result = ran(desk)
    assert any(trade.side == -1 for trade in result.trades)
    assert result.metrics["borrow"] > 0
    dear = ran(desk, section="costs", options={"borrow": 0.5})
    assert dear.metrics["borrow"] > 10 * result.metrics["borrow"]
    assert ran(desk, costs="none").metrics["borrow"] == 0


def test_a_future_needs_its_fee_or_no_costs(desk: Desk) -> None:
    with pytest.raises(UsageError, match="futures are not in the table") as raised:
        ran(desk, "WINFUT")
    assert "costs.contract_fee" in raised.value.hint
    assert "--costs none" in raised.value.hint
    free = ran(desk, "WINFUT", costs="none")
    paid = ran(desk, "WINFUT", section="costs", options={"contract_fee": 0.5, "brokerage": 0.0})
    contracts = sum(trade.quantity * (1 if trade.exit_time is None else 2) for trade in paid.trades)
    assert paid.metrics["costs"] == pytest.approx(0.5 * contracts)
    assert paid.trades
    assert free.metrics["costs"] == 0


def test_the_margin_of_the_settings_reaches_the_account(desk: Desk) -> None:
    inputs = read_inputs(desk.store, desk.settings, "WINFUT", timeframe="1d", start=None, end=None, capital=None, costs="none")
    assert inputs.config.futures_margin == desk.settings.backtest.futures_margin


def test_the_orders_of_the_settings_are_used_unless_others_are_given(desk: Desk) -> None:
    timed = ran(desk, section="orders", options={"time_exit": 2})
    assert "time" in {trade.exit_reason for trade in timed.trades}
    assert timed.config.execution == Execution(time_exit=2)
    given = ran(desk, section="orders", options={"time_exit": 2}, execution=Execution())
    assert "time" not in {trade.exit_reason for trade in given.trades}
    assert given.order_hash == ran(desk).order_hash


def test_the_fractional_market_is_read_only_for_orders_that_use_it(desk: Desk) -> None:
    def fractional(symbol: str, execution: Execution) -> Any:
        found = read_inputs(
            desk.store, desk.settings, symbol, timeframe="1d", start=None, end=None, capital=None, costs=None, execution=execution
        )
        return found.fractional

    assert fractional(SYMBOL, Execution()) is None
    assert fractional(SYMBOL, Execution(fractional=True)).symbol == f"{SYMBOL}F"
    assert fractional(DAILY[1], Execution(fractional=True)) is None
    odd = ran(desk, capital=1_234.0, execution=Execution(fractional=True))
    assert any(trade.quantity % 100 for trade in odd.trades)
