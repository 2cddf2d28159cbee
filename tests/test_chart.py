"""What the engine gives a chart: indicators that see no future, marks at their bars, longer bars, and the strategy chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import strategies
from engine.backtest.run import run_backtest
from engine.chart import (
    NO_STRATEGY,
    Chart,
    buildable,
    index_at,
    index_of_session,
    indicator_columns,
    read_chart,
    signal_marks,
    stretch,
    trade_marks,
)
from engine.desk import Desk
from engine.domain import Action, Bars, PriceBase, Signal, Trade, day_number
from engine.errors import NoDataError
from engine.store.ledger import Run, StepRecord, begin_run, finish_step
from tests.desk_maker import END, MORNING, at_desk, import_market, make_market, plain_environment, walk

DAY = 86_400


def made(count: int, *, timeframe: str = "1d", per_session: int = 1) -> Bars:
    """A made walk; several bars a session are an hour apart."""
    opening, high, low, close, quantity = walk("MEAA3", count).T
    session = 20_000 + np.arange(count) // per_session
    time = session * DAY + 46_800 + np.arange(count) % per_session * 3600
    no = np.zeros(count, dtype=np.bool_)
    turnover = np.full(count, np.nan)
    return Bars("MEAA3", timeframe, time, session, opening, high, low, close, quantity, turnover, no, no, PriceBase.RAW, "made")


def chart_of(bars: Bars) -> Chart:
    return Chart(bars, indicator_columns(bars), (), "")


def test_indicators_at_a_bar_do_not_depend_on_later_bars() -> None:
    bars = made(400)
    whole = indicator_columns(bars)
    for count in (1, 20, 60, 399):
        for name, values in indicator_columns(bars.take(slice(0, count))).items():
            np.testing.assert_array_equal(values, whole[name][:count], err_msg=name)


def test_every_bar_has_every_indicator_after_the_warm_up() -> None:
    columns = indicator_columns(made(120))
    assert {values.size for values in columns.values()} == {120}
    assert all(np.isfinite(values[60:]).all() for values in columns.values())
    np.testing.assert_allclose(columns["macd"] - columns["macd_signal"], columns["macd_histogram"], atol=1e-12)


@given(st.integers(1, 80), st.integers(1, 9), st.data())
@settings(max_examples=60, deadline=None)
def test_longer_bars_keep_what_the_short_ones_hold(count: int, size: int, data: st.DataObject) -> None:
    bars = made(count)
    first = data.draw(st.integers(0, count - 1))
    end = data.draw(st.integers(first + 1, count))
    found = stretch(chart_of(bars), first, end, size, ["sma_20"])
    part = bars.take(slice(first, end))
    assert len(found.open) == -(-(end - first) // size)
    assert (found.open[0], found.close[-1]) == (part.open[0], part.close[-1])
    assert (max(found.high), min(found.low)) == (part.high.max(), part.low.min())
    assert sum(found.volume) == pytest.approx(part.quantity.sum())
    assert found.columns["sma_20"][-1] == pytest.approx(chart_of(bars).columns["sma_20"][end - 1], nan_ok=True)


def test_bars_of_one_are_the_bars_themselves() -> None:
    bars = made(30)
    found = stretch(chart_of(bars), 5, 30, 1, ())
    for name in ("open", "high", "low", "close"):
        assert getattr(found, name) == getattr(bars, name)[5:].tolist()


def test_the_turnover_is_the_volume_where_it_is_known() -> None:
    bars = replace(made(4), turnover=np.array([1.0, np.nan, 2.0, 4.0]))
    assert stretch(chart_of(bars), 0, 4, 2, ()).volume == [1.0, 6.0]


def trade(side: int, entry: int, exit_time: int | None) -> Trade:
    left = exit_time is not None
    return Trade(
        side, 100, 0, entry, 20.0, 5 if left else -1, exit_time, 22.0 if left else None, "target", 1.0, 9.0, 0.1, 0.0, 0.2
    )


def test_trades_are_marked_at_their_bars() -> None:
    bars = made(20)
    found = trade_marks(bars, [trade(1, int(bars.time[3]), int(bars.time[8])), trade(-1, int(bars.time[9]), None)], "breakout")
    assert [(mark.index, mark.kind, mark.direction, mark.price) for mark in found] == [
        (3, "entry", 1, 20.0), (8, "exit", -1, 22.0), (9, "entry", -1, 20.0),
    ]  # fmt: skip
    assert (found[1].reason, found[1].return_) == ("target", 0.1)
    assert np.isnan(found[0].return_)


def signal(time: int, action: Action = Action.BUY, timeframe: str = "1d") -> dict[str, object]:
    return Signal("MEAA3", timeframe, time, "breakout", action, 0.5, 20.0, None, None, time, "why").as_dict()


def test_signals_stand_at_the_bar_in_which_they_were_given() -> None:
    daily, hours = made(20), made(20, timeframe="60m", per_session=5)
    given = [signal(int(daily.time[4])), signal(int(daily.time[6]), Action.SELL), signal(int(daily.time[7]), Action.HOLD)]
    assert [(mark.index, mark.direction, mark.reason) for mark in signal_marks(daily, given)] == [(4, 1, "why"), (6, -1, "why")]
    # A daily signal is known at the close: on hours it stands at the last bar of its session.
    assert [mark.index for mark in signal_marks(hours, [signal(int(hours.time[5]))])] == [9]
    # On longer bars an hourly one stands at the bar that holds its hour; one before the first bar is left out.
    hourly = [signal(int(daily.time[4]) + 7200, timeframe="60m"), signal(int(daily.time[0]) - DAY)]
    assert [mark.index for mark in signal_marks(daily, hourly)] == [4]
    assert signal_marks(hours, [signal(int(hours.time[0]), timeframe="1w")]) == []


def test_bars_are_found_by_instant_and_by_session() -> None:
    bars = made(10)
    assert [index_at(bars, int(bars.time[4]) + shift) for shift in (-1, 0, 1)] == [3, 4, 4]
    assert (index_at(bars, 0), index_at(bars, 1 << 40)) == (0, 9)
    assert [index_of_session(bars, int(session)) for session in (0, bars.session[3], 1 << 40)] == [0, 3, 9]


def test_coarser_timeframes_are_built_from_those_stored() -> None:
    assert buildable(["1d", "60m"]) == ("60m", "1d", "1w")
    assert buildable(["1w"]) == ("1w",)
    assert buildable([]) == ()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chart")
    with plain_environment():
        import_market(folder, make_market(folder / "files"))
    return folder


def read(home: Path, symbol: str = "MEAA3", timeframe: str = "1d", strategy: str | None = None) -> Chart:
    chart = at_desk(home, lambda desk: read_chart(desk.store, desk.settings, symbol, timeframe, strategy=strategy))
    assert isinstance(chart, Chart)
    return chart


def test_the_strategy_is_that_of_the_newest_backtest_with_its_parameters(home: Path) -> None:
    default = read(home)
    assert default.strategy == "trend_following"

    def test(desk: Desk) -> list[int]:
        chosen = strategies.get("breakout", {"lookback": 5})
        return [one.entry_time for one in run_backtest(desk.store, desk.settings, "MEAA3", chosen, now=MORNING).trades]

    entries = at_desk(home, test)
    chart = read(home)
    assert chart.strategy == "breakout"
    assert [int(chart.bars.time[mark.index]) for mark in chart.marks if mark.kind == "entry"] == entries != []
    assert read(home, strategy="trend_following").strategy == "trend_following"
    bare = read(home, strategy=NO_STRATEGY)
    assert (bare.strategy, bare.marks, bare.note) == ("", (), "")


def test_auto_trades_what_suits_the_regime(home: Path) -> None:
    def chart(desk: Desk) -> Chart:
        daily = desk.settings.daily.model_copy(update={"strategy": "auto"})
        return read_chart(desk.store, desk.settings.model_copy(update={"daily": daily}), "NHAA3", "1d")

    assert at_desk(home, chart).strategy in strategies.names()


def test_a_strategy_that_cannot_be_traded_leaves_the_candles_and_a_note(home: Path) -> None:
    chart = read(home, strategy="nonsense")
    assert len(chart.bars) == 90
    assert "nonsense" in chart.note


def test_only_signals_of_live_runs_are_marked(home: Path) -> None:
    session = day_number(END)

    def record(desk: Desk) -> None:
        bar = int(read(home).bars.time[-1])
        for name, replay, action in (("live", False, Action.BUY), ("again", True, Action.SELL)):
            begin_run(desk.store, Run(name, session, name, replay, "running", MORNING, None, 1, "0", ""))
            found = Signal("NHAA3", "1d", bar, "breakout", action, 0.5, 20.0, None, None, bar, name)
            finish_step(desk.store, name, 0, StepRecord("signals", "done", 0.0, "", {}), [found])

    at_desk(home, record)
    marks = [mark for mark in read(home, "NHAA3").marks if mark.kind == "signal"]
    assert [(mark.reason, mark.direction, mark.index) for mark in marks] == [("live", 1, 89)]


def test_intraday_bars_are_built_into_days(home: Path) -> None:
    assert read(home, "HHHH3", "60m").bars.timeframe == "60m"
    assert len(read(home, "HHHH3", "1d").bars) == 90


def test_a_symbol_without_bars_is_one_sentence(home: Path) -> None:
    with pytest.raises(NoDataError, match="There are no bars of XXXX3"):
        read(home, "XXXX3")
