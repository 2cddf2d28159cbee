"""Every strategy in the form of the backtest, one of the user's and a broken file included."""

from pathlib import Path

import pytest

from engine import strategies
from engine.errors import FileError
from tests.tui.desk_host import at_desk, backtest, form, open_backtest, see, until


async def test_each_strategy_is_chosen_in_the_form_and_answered(real_home: Path) -> None:
    folder = real_home / "config" / "strategies"
    strategies.create(folder, "my_idea")
    (folder / "odd.py").write_text("1 / 0\n", encoding="utf-8")
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        choices = next(field.choices for field in form(pilot).fields if field.key == "strategy")
        assert choices == strategies.names(folder)
        for name in choices:
            form(pilot).set_value("strategy", name)
            if name == "odd":
                await see(pilot, "odd.py, line 1, failed")
                continue
            wanted = set(strategies.strategy_class(name, folder).ranges())
            await until(pilot, lambda wanted=wanted: wanted <= {field.key for field in form(pilot).fields})
            await until(
                pilot,
                lambda name=name: (
                    (backtest(pilot)._result is not None and backtest(pilot)._result.strategy.name == name)
                    or "finished bars" in str(backtest(pilot).query_one("#backtest-verdict").render())
                ),
            )  # fmt: skip


def test_a_broken_file_is_an_error_of_the_run_alone(tmp_path: Path) -> None:
    from tui.backtest.form import param_fields

    (tmp_path / "odd.py").write_text("1 / 0\n", encoding="utf-8")
    assert param_fields("odd", tmp_path) == []
    with pytest.raises(FileError, match="ZeroDivisionError"):
        strategies.get("odd", folder=tmp_path)
