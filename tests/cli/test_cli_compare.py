"""`pregao compare`, and the months and bands of a backtest."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from engine import strategies
from tests.desk_maker import call


def test_a_comparison_ranks_every_strategy_beside_the_baselines(home: Path) -> None:
    found = call("compare", "MEAA3", "--json", home=home).json
    assert set(found) >= {"symbol", "period", "ranking", "baselines", "trials", "notices", "demo"}
    assert sorted(item["strategy"] for item in found["ranking"]) == list(strategies.names())
    for item in found["ranking"]:
        assert set(item) >= {"strategy", "metrics", "verdict"}
        assert set(item["verdict"]) == {"label", "reasons"}
        assert item["metrics"]["trials"] == found["trials"] == len(strategies.names())
        assert item["metrics"]["bars"] == found["baselines"]["buy_and_hold"]["bars"]
    assert call("compare", "MEAA3", "--json", home=home).json == found


def test_a_comparison_may_be_of_some_with_options(home: Path) -> None:
    line = ["compare", "MEAA3", "--strategies", "trend_following, trend_following", "--json"]
    found = call(*line, "--capital", "500000", "--costs", "none", "--from", "2025-05-02", home=home).json
    (item,) = found["ranking"]
    assert (item["strategy"], item["metrics"]["initial_capital"], item["metrics"]["costs"]) == ("trend_following", 500_000, 0)
    assert found["period"]["start"][:10] == "2025-05-02"


@pytest.mark.parametrize("language", ["en", "pt_BR"])
def test_the_report_names_each_strategy_and_the_rule(home: Path, language: str) -> None:
    (home / "config" / "pregao.toml").write_text(f"[general]\nlanguage = '{language}'\n", encoding="utf-8")
    told = call("compare", "MEAA3", home=home)
    assert (told.code, told.err) == (0, "")
    assert all(name in told.out for name in strategies.names())
    rule, hold = (
        ("Ranked by the Sharpe ratio", "buy and hold") if language == "en" else ("Ordem pelo índice de Sharpe", "buy & hold")
    )
    assert rule in told.out
    assert hold in told.out


def test_months_come_when_they_are_asked_for(home: Path) -> None:
    plain = call("backtest", "MEAA3", "--json", home=home).json
    assert "monthly" not in plain
    found = call("backtest", "MEAA3", "--monthly", "--json", home=home).json
    assert set(found["monthly"][0]) == {"year", "month", "return"}
    total = math.prod(1 + item["return"] for item in found["monthly"]) - 1
    assert total == pytest.approx(found["metrics"]["total_return"])
    assert "2025" in call("backtest", "MEAA3", "--monthly", home=home).out.split("Verdict")[1]


def test_bands_come_when_they_are_asked_for_and_repeat(home: Path) -> None:
    loose = ["--param", "ema_fast=2", "ema_slow=5", "volume_ratio=0"]
    assert "bands" not in call("backtest", "MEAA3", *loose, "--json", home=home).json
    found, again = (call("backtest", "MEAA3", *loose, "--bands", "200", "--json", home=home).json["bands"] for _ in range(2))
    assert found == again
    assert (found["draws"], set(found["cagr"])) == (200, {"p5", "p50", "p95"})
    assert found["max_drawdown"]["p5"] < found["max_drawdown"]["p95"] <= 0
    assert "200 draws" in call("backtest", "MEAA3", *loose, "--bands", "200", home=home).out


def test_the_report_shows_what_the_json_has(home: Path) -> None:
    found = call("backtest", "MEAA3", "--json", home=home).json["metrics"]
    for name in ("longest_losing_streak", "half_kelly", "probabilistic_sharpe_ratio", "deflated_sharpe_ratio", "worst_trade"):
        assert name in found
    told = call("backtest", "MEAA3", home=home).out
    assert all(text in told for text in ("Half-Kelly", "Deflated Sharpe ratio", "Longest losing streak"))
