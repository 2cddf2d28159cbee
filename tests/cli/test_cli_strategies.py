"""The commands regime and strategies, the adaptive signal, and a user's strategy through every command that takes one."""

from pathlib import Path

from tests.desk_maker import call

FUTURE = "        close = np.append(bars.close[1:], bars.close[-1:])\n"


def test_regime_says_what_since_when_and_why(home: Path) -> None:
    found = call("regime", "MEAA3", "--json", home=home).json
    assert {"symbol", "regime", "since", "strategy", "evidence"} <= set(found)
    assert found["regime"] in ("trending_up", "trending_down", "ranging", "volatile")
    assert {"reasons", "proven", "candidates"} == set(found["evidence"])
    assert found["strategy"] in [item["strategy"] for item in found["evidence"]["candidates"]]
    shown = call("regime", "MEAA3", home=home)
    assert shown.code == 0
    assert found["strategy"] in shown.out
    assert "The evidence is thin" in " ".join(shown.out.split())


def test_thresholds_of_the_settings_decide(home: Path) -> None:
    (home / "config" / "pregao.toml").write_text("[regime]\nvolatile_atr = 0.0001\n", encoding="utf-8")
    assert call("regime", "MEAA3", "--json", home=home).json["regime"] == "volatile"
    (signal,) = call("signal", "MEAA3", "--json", home=home).json["signals"]
    assert (signal["regime"], signal["strategy"]) == ("volatile", "trend_following")


def test_an_adaptive_signal_names_the_strategy_of_the_regime(home: Path) -> None:
    regime = call("regime", "MEAA3", "--json", home=home).json
    (signal,) = call("signal", "MEAA3", "--strategy", "auto", "--json", home=home).json["signals"]
    assert (signal["strategy"], signal["regime"]) == (regime["strategy"], regime["regime"])
    assert set(signal["market_context"]) == {"adx", "atr", "rsi", "volume_avg"}
    assert call("signal", "MEAA3", "--strategy", "auto", "--param", "ema_fast=3", home=home).code == 2
    assert call("backtest", "MEAA3", "--strategy", "auto", home=home).code == 2


def test_the_daily_run_takes_auto(home: Path) -> None:
    (home / "config" / "pregao.toml").write_text('[daily]\nstrategy = "auto"\n', encoding="utf-8")
    report = call("--run-daily", "--json", home=home).json
    asked = {item["symbol"]: item for item in call("signal", "MEAA3", "NHAA3", "--json", home=home).json["signals"]}
    signals = {item["symbol"]: item for item in report["signals"]}
    assert signals["MEAA3"] == asked["MEAA3"]
    assert all(item["regime"] for item in report["signals"])
    assert [step["detail"]["strategy"] for step in report["steps"] if step["name"] == "signals"] == ["auto"]


def test_a_new_strategy_works_everywhere(home: Path) -> None:
    made = call("strategies", "new", "my_idea", "--json", home=home).json
    assert Path(made["file"]) == home / "config" / "strategies" / "my_idea.py"
    listed = {item["name"]: item for item in call("strategies", "list", "--json", home=home).json["strategies"]}
    assert listed["my_idea"]["params"][0]["name"] == "period"
    assert (listed["my_idea"]["file"], listed["breakout"]["file"]) == (made["file"], None)
    found = call("backtest", "MEAA3", "--strategy", "my_idea", "--param", "period=5", "--json", home=home).json
    assert (found["strategy"], found["params"]["period"]) == ("my_idea", 5)
    assert call("signal", "MEAA3", "--strategy", "my_idea", "--json", home=home).json["signals"][0]["strategy"] == "my_idea"
    ranked = call("compare", "MEAA3", "--strategies", "my_idea,breakout", "--json", home=home).json["ranking"]
    assert {item["strategy"] for item in ranked} == {"my_idea", "breakout"}
    assert call("lookahead", "--strategy", "my_idea", "--bars", "300", "--json", home=home).json["checked"][0]["passed"]
    assert call("strategies", "new", "my_idea", home=home).code == 2
    assert call("strategies", "new", home=home).code == 2
    assert '"" cannot be the name of a strategy' in call("strategies", "new", "", home=home).err
    assert call("strategies", "list", "my_idea", home=home).code == 2


def test_a_broken_file_is_said_and_stops_no_list(home: Path) -> None:
    folder = home / "config" / "strategies"
    folder.mkdir(parents=True)
    (folder / "odd.py").write_text("1 / 0\n", encoding="utf-8")
    listed = {item["name"]: item for item in call("strategies", "list", "--json", home=home).json["strategies"]}
    assert "ZeroDivisionError" in listed["odd"]["error"]["message"]
    assert listed["breakout"]["error"] is None
    shown = call("strategies", "list", home=home)
    assert (shown.code, "odd.py, line 1, failed" in shown.err) == (0, True)
    refused = call("signal", "MEAA3", "--strategy", "odd", home=home)
    assert refused.code == 1
    assert "odd.py, line 1, failed: ZeroDivisionError" in refused.err


def test_the_daily_run_refuses_a_strategy_that_sees_the_future(home: Path) -> None:
    (home / "config" / "pregao.toml").write_text('[daily]\nstrategy = "seer"\n', encoding="utf-8")
    path = Path(call("strategies", "new", "seer", "--json", home=home).json["file"])
    text = path.read_text("utf-8").replace("        close = bars.close\n", FUTURE)
    path.write_text(text, encoding="utf-8")
    refused = call("--run-daily", home=home)
    assert refused.code == 4
    assert "sees the future" in refused.err
