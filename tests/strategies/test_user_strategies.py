"""A user's own strategy: written from the template, loaded from its folder, and every way in which its file can be wrong."""

import re
import sys

import numpy as np
import pytest

from engine import strategies
from engine.errors import FileError, UsageError
from engine.strategies.user import TEMPLATE
from tests.strategies.strategy_checks import check_prefixes, check_strategy, walk


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "strategies"
    strategies.create(made, "my_idea")
    return made


def written(folder, text, name="odd"):
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return name


def template(name="odd"):
    return TEMPLATE.read_text("utf-8").replace("my_strategy", name)


def test_the_template_is_a_strategy_that_keeps_the_contract(folder):
    strategy = strategies.get("my_idea", {"period": "10"}, folder)
    assert strategy.params["period"] == 10
    assert check_strategy(strategy, walk(1, 300)) > 5
    check_prefixes(strategy, walk(2, 120))
    assert not list(folder.rglob("__pycache__"))


def test_it_stands_among_the_others_in_its_folder_alone(folder):
    assert set(strategies.names(folder)) - set(strategies.names()) == {"my_idea"}
    assert strategies.chosen("my_idea", None, folder).name == "my_idea"
    assert strategies.file_of("my_idea", folder) == folder / "my_idea.py"
    with pytest.raises(UsageError):
        strategies.get("my_idea")
    with pytest.raises(UsageError) as caught:
        strategies.get("my_ide", folder=folder)
    assert "my_idea" in caught.value.hint


def test_a_change_of_the_file_is_noticed(folder):
    before = strategies.digest("my_idea", folder)
    assert strategies.get("my_idea", folder=folder).warm_up == 20
    path = folder / "my_idea.py"
    path.write_text(path.read_text("utf-8").replace("ranged(20,", "ranged(33,"), encoding="utf-8")
    assert strategies.get("my_idea", folder=folder).warm_up == 33
    assert strategies.digest("my_idea", folder) != before
    assert strategies.digest("breakout", folder) == ""


def test_listing_runs_no_file(folder):
    written(folder, "raise SystemExit(9)")
    written(folder, "1 +", "_hidden")
    written(folder, "1 +", "not-a-name")
    assert {"odd", "my_idea"} == set(strategies.names(folder)) - set(strategies.names())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = (", "line 2, failed: SyntaxError"),
        ("import there_is_no_such_module", "line 1, failed: ModuleNotFoundError"),
        ("\n1 / 0", "line 2, failed: ZeroDivisionError"),
        ("raise SystemExit(3)", "line 1, failed: SystemExit: 3"),
        ("x = 1", "must hold one class derived from Strategy, not 0"),
        (template() + template().replace("MyStrategy", "Second"), "not 2"),
        (template("other"), "must be that of its file, odd"),
        (template().replace("@dataclass(frozen=True)", "@dataclass"), "line"),
        (template().replace("def context", "def kontext"), "does not define context"),
        (
            template().replace('period: int = ranged(20, 2, 400, "Period of the average, in bars")', "period: int = 20"),
            "not made by ranged",
        ),
        (template().replace("ranged(20, 2", "ranged(1, 2"), "its defaults cannot be used: 1 is not a possible period"),
    ],
)
def test_a_file_that_is_no_strategy_is_one_sentence_that_names_it(folder, text, said):
    name = written(folder, text)
    with pytest.raises(FileError) as caught:
        strategies.get(name, folder=folder)
    assert str(folder / "odd.py") in caught.value.message
    assert said in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("close = bars.close", "close = bars.closing", "failed: AttributeError"),
        ("return conditions.decided(", "return (", "decide must return Decisions"),
        (
            "return conditions.decided(len(bars),",
            "return conditions.decided(len(bars) + 1,",
            "action must be an array of 150 values",
        ),
    ],
)
def test_a_failure_while_deciding_names_the_file(folder, old, new, said):
    name = written(folder, template().replace(old, new))
    strategy = strategies.get(name, folder=folder)
    with pytest.raises(FileError) as caught:
        strategy.decide(walk(1, 150))
    assert str(folder / "odd.py") in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("method", ["decide(self, bars):", "reason(self, bars, decisions, index):", "context(self, bars):"])
def test_an_exit_of_the_user_is_an_error_of_the_file(folder, method):
    name = written(folder, template().replace(f"def {method}", f"def {method}\n        raise SystemExit(0)\n"))
    strategy, bars = strategies.get(name, folder=folder), walk(1, 150)
    with pytest.raises(FileError, match=r"odd\.py, line .*SystemExit: 0"):
        strategy.context(bars) if "context" in method else strategy.reason(bars, strategy.decide(bars), -1)


def test_an_exit_or_a_mistake_of_the_warm_up_is_an_error_of_the_file(folder):
    old = "return max(self.period, self.atr_period)"
    name = written(folder, template().replace(old, "raise SystemExit"))
    with pytest.raises(FileError, match="SystemExit"):
        strategies.get(name, folder=folder)
    written(folder, template().replace(old, "return 20 if self.period == 20 else self.nothing"))
    with pytest.raises(FileError, match=r"odd.py, line \d+, failed: AttributeError"):
        strategies.get(name, {"period": 21}, folder).warm_up  # noqa: B018


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("None", {}),
        ("{}", {}),
        ("{'adx': np.float64(20), 'atr': float('nan'), 'rsi': None, 'mine': 1}", {"adx": 20.0, "mine": 1.0}),
    ],
)
def test_what_a_context_does_not_tell_is_not_known(folder, given, known):
    name = written(
        folder, template().replace("return conditions.market_context(bars, atr_period=self.atr_period)", f"return {given}")
    )
    context = strategies.get(name, folder=folder).context(walk(1, 150))
    assert context == {"adx": None, "atr": None, "rsi": None, "volume_avg": None, **known}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return conditions.market_context(bars, atr_period=self.atr_period)", "return 5", "context must return"),
        ("return conditions.market_context(bars, atr_period=self.atr_period)", "return {'adx': 'high'}", "adx of the context"),
        ('return "No signal: the close has not crossed its average."', "return None", "reason must return a text"),
    ],
)
def test_words_and_figures_of_the_wrong_kind_are_said(folder, old, new, said):
    name = written(folder, template().replace(old, new))
    strategy, bars = strategies.get(name, folder=folder), walk(1, 150)
    decisions = strategy.decide(bars)
    quiet = int(np.flatnonzero(decisions.action == 0)[-1])
    with pytest.raises(FileError, match=said):
        strategy.reason(bars, decisions, quiet) if old.startswith('return "No') else strategy.context(bars)


def test_the_code_of_a_strategy_is_that_of_its_file(folder):
    assert strategies.get("my_idea", folder=folder).code == strategies.digest("my_idea", folder)
    assert strategies.get("breakout").code == ""


def test_a_file_named_like_a_built_in_strategy_is_refused(folder):
    for name in ("breakout", "auto"):
        written(folder, template(name), name)
        for ask in (strategies.get, strategies.chosen):
            with pytest.raises(UsageError) as caught:
                ask(name, None, folder)
            assert f"{name}.py has the name of a built-in strategy" in caught.value.message


@pytest.mark.parametrize("name", ["My_Idea", "2nd", "a-b", "class", "_x", "", "../up", "ação"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="^" + (re.escape(name) or '""') + " cannot be the name"):
        strategies.create(tmp_path / "new", name)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["my_idea", "breakout", "auto"])
def test_a_name_that_is_taken_is_refused_and_nothing_overwritten(folder, name):
    before = (folder / "my_idea.py").read_text("utf-8")
    with pytest.raises(UsageError, match="already"):
        strategies.create(folder, name)
    assert (folder / "my_idea.py").read_text("utf-8") == before


def test_auto_is_no_strategy_and_takes_no_parameters():
    assert strategies.chosen("auto") is None
    for wrong in (lambda: strategies.get("auto"), lambda: strategies.chosen("auto", {"ema_fast": 3})):
        with pytest.raises(UsageError, match="auto"):
            wrong()


def test_a_failed_file_leaves_nothing_behind(folder):
    name = written(folder, "1 / 0")
    with pytest.raises(FileError):
        strategies.get(name, folder=folder)
    written(folder, template())
    assert np.count_nonzero(strategies.get(name, folder=folder).decide(walk(1, 200)).action) > 0
    assert "odd" not in sys.modules
