"""The parts of the backtest view by themselves: the fields of the orders, the figures of the heat map, the columns of figures."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest.execution import ENTRIES, Execution
from engine.errors import UsageError
from engine.settings_model import Orders
from tui.backtest.form import Question, parse, question_of
from tui.backtest.frame import PANELS
from tui.backtest.months import compound, figure, summary
from tui.backtest.orders import changed_orders, execution_of, order_fields
from tui.backtest.panel import exit_name, metrics_text
from tui.widgets.form import Field
from tui.widgets.panels import after

NUMBERS = [item.key for item in order_fields(Orders()) if not item.choices]


def test_the_page_has_every_setting_of_the_execution_at_the_values_of_the_settings() -> None:
    page = order_fields(Orders())
    assert {item.key for item in page} == {item.name for item in fields(Execution)}
    assert execution_of(page) == Execution(**Orders().model_dump())
    assert changed_orders(page) == 0
    own = Orders(entry="stop", trail_percent=0.07, partial=0.5, time_exit=9, fractional=True)
    assert execution_of(order_fields(own)) == Execution(**own.model_dump())


@pytest.mark.parametrize("key", NUMBERS)
def test_both_bounds_of_every_field_are_accepted_and_nothing_beyond(key: str) -> None:
    page = order_fields(Orders())
    at = next(at for at, item in enumerate(page) if item.key == key)
    field = page[at]
    assert field.low is not None
    assert field.high is not None
    for bound in (field.low, field.high):
        page[at] = replace(field, value=parse(field, f"{bound:g}"))
        execution_of(page)
    for beyond in (field.low - 1, field.high + 1):
        with pytest.raises(UsageError):
            parse(field, f"{beyond:g}")


@given(st.data())
def test_steps_never_leave_the_bounds(data: Any) -> None:
    field = data.draw(st.sampled_from(order_fields(Orders())))
    for direction in data.draw(st.lists(st.sampled_from((-1, 1)), max_size=40)):
        field = field.stepped(direction)
    page = [field if item.key == field.key else item for item in order_fields(Orders())]
    execution_of(page)
    assert changed_orders(page) == int(field.value != field.default)


def test_what_is_left_out_says_so_and_choices_are_words() -> None:
    page = {item.key: item for item in order_fields(Orders())}
    assert page["trail_percent"].show(0.0) == page["time_exit"].show(0) == page["fractional"].show("off") == "off"
    assert page["trail_percent"].show(5.0) == "5.00"
    assert [page["entry"].show(name) for name in ENTRIES] == ["market", "limit", "stop", "stop-limit"]


def idea(**changed: Any) -> list[Field]:
    values = {"symbol": "PETR4", "timeframe": "1d", "strategy": "breakout", "from": "", "to": "", "capital": 1e5, "costs": "b3"}
    return [Field(key, key, value) for key, value in {**values, **changed}.items()]


def test_a_question_has_the_orders_of_its_page_or_those_of_the_settings() -> None:
    assert cast("Question", question_of(idea())).execution is None
    page = [replace(item, value=3) if item.key == "time_exit" else item for item in order_fields(Orders())]
    asked = cast("Question", question_of(idea(), page))
    assert asked.execution == Execution(time_exit=3)
    job = asked.job(["PETR4", "VALE3"])
    assert cast("dict[str, Any]", job["execution"])["time_exit"] == 3
    assert job["symbols"] == ["PETR4", "VALE3"]
    assert question_of(idea(symbol="")) is None


def test_the_ground_of_a_question_is_all_but_the_strategy_and_its_parameters() -> None:
    ground = cast("Question", question_of(idea())).ground
    assert cast("Question", question_of([*idea(strategy="auto"), Field("period", "period", 5)])).ground == ground
    for name, value in (("symbol", "VALE3"), ("timeframe", "1w"), ("from", "2024-01-02"), ("capital", 5e4), ("costs", "none")):
        assert cast("Question", question_of(idea(**{name: value}))).ground != ground
    assert cast("Question", question_of(idea(), order_fields(Orders()))).ground != ground


@pytest.mark.parametrize(
    ("value", "width", "text"),
    [
        (0.0123, 6, "+1.23"),
        (0.1234, 6, "+12.34"),
        (1.234, 6, "+123.4"),
        (-0.1234, 4, "-12"),
        (0.0123, 4, "+1.2"),
        (0.0123, 3, "+1"),
        (0.0, 4, "0.0"),
        (-0.0001, 4, "0.0"),
        (12.5, 3, ">99"),
        (-12.5, 3, "<99"),
        (math.nan, 4, "–"),
    ],
)
def test_a_figure_has_the_decimals_that_its_cell_has_room_for(value: float, width: int, text: str) -> None:
    assert figure(value, width) == text


@given(st.floats(-0.9999, 20), st.integers(3, 9))
def test_a_figure_never_leaves_its_cell_and_keeps_its_sign(value: float, width: int) -> None:
    text = figure(value, width)
    assert len(text) <= width
    if text[0] in "+-":
        assert (text[0] == "+") == (value > 0)


@given(st.lists(st.floats(-0.9, 3), min_size=1, max_size=12))
def test_a_year_is_its_months_one_after_the_other(changes: list[float]) -> None:
    money = 1.0
    for change in changes:
        money *= 1 + change
    assert compound(changes) == pytest.approx(money - 1)
    assert math.isnan(compound([]))
    assert math.isnan(compound([*changes, math.nan]))


def test_the_best_and_the_worst_month_are_named() -> None:
    months = [{"year": 2024, "month": at, "return": value} for at, value in enumerate((0.02, -0.05, math.nan, 0.1), 1)]
    text = summary(months).plain
    assert "2 of 3 months gained; best +10.00% in 2024-04, worst -5.00% in 2024-02." in text
    assert "gained" not in summary([]).plain


def test_the_panels_follow_each_other_in_a_circle() -> None:
    seen = ["charts"]
    for _turn in PANELS:
        seen.append(after(PANELS, seen[-1]))
    assert seen == [*PANELS, "charts"]


def test_every_way_out_of_a_trade_has_a_name() -> None:
    from engine.backtest.result import EXIT_REASONS

    assert len({exit_name(reason) for reason in EXIT_REASONS.values()}) == len(EXIT_REASONS)


@pytest.mark.parametrize(("width", "columns"), [(120, 3), (45, 3), (44, 2), (34, 2), (33, 1), (20, 1)])
def test_the_figures_keep_the_columns_that_fit_the_strategy_first(width: int, columns: int) -> None:
    metrics = dict.fromkeys(
        (
            *("total_return", "cagr", "sharpe_ratio", "max_drawdown", "trades", "win_rate", "profit_factor", "final_equity"),
            *("sortino_ratio", "calmar_ratio", "exposure", "costs"),
        ),
        0.5,
    )
    result = SimpleNamespace(metrics=metrics, baselines={"buy_and_hold": metrics, "cdi": {"total_return": 0.1}})
    lines = metrics_text(cast("Any", result), width=width, rows=4).plain.splitlines()
    heads = ["strategy", "buy & hold", "CDI"]
    assert len(lines) == 5
    assert [head in lines[0] for head in heads] == [at < columns for at in range(3)]
    assert max(map(len, lines)) <= max(width, 23)
