"""`pregao backtest` on many symbols, on one account, with orders and with taxes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desk_maker import DAILY, HOURLY, call

LOOSE = ("--param", "ema_fast=2", "ema_slow=5", "volume_ratio=0")


def test_the_universe_is_every_symbol_with_such_bars(home: Path) -> None:
    found = call("backtest", "--universe", *LOOSE, "--json", home=home).json
    assert [result["symbol"] for result in found["results"]] == sorted({*DAILY, HOURLY})
    assert found["skipped"] == []


def test_a_symbol_of_the_universe_without_enough_bars_is_left_out_and_said(home: Path) -> None:
    told = call("backtest", "--universe", "--timeframe", "60m", "--json", home=home)
    assert [result["symbol"] for result in told.json["results"]] == [HOURLY]
    long = call("backtest", "--universe", "--param", "ema_fast=100", "ema_slow=200", "--json", home=home)
    assert (long.code, long.error["type"]) == (3, "NoDataError")


@pytest.mark.parametrize("words", [(), ("MEAA3", "--universe")])
def test_symbols_and_the_universe_exclude_each_other(home: Path, words: tuple[str, ...]) -> None:
    assert call("backtest", *words, "--json", home=home).code == 2


def test_an_account_of_two_symbols_adds_up(home: Path) -> None:
    found = call("backtest", *DAILY, "--one-account", *LOOSE, "--equity", "--json", home=home).json
    assert found["symbols"] == list(DAILY)
    earned = sum(trade["pnl"] for trade in found["trades"]) + found["metrics"]["interest"]
    assert earned == pytest.approx(found["metrics"]["final_equity"] - found["metrics"]["initial_capital"])
    assert earned == pytest.approx(sum(item["pnl"] for item in found["by_symbol"]) + found["metrics"]["interest"])
    assert found["equity"][-1]["equity"] == found["metrics"]["final_equity"]
    assert len(found["equity"]) == found["metrics"]["bars"] + 1
    assert {trade["symbol"] for trade in found["trades"]} == set(DAILY)
    again = call("backtest", *reversed(DAILY), "--one-account", *LOOSE, "--json", home=home).json
    assert again["order_hash"] == found["order_hash"]
    assert again["metrics"]["trials"] == found["metrics"]["trials"] == 1


def test_one_symbol_is_no_shared_account(home: Path) -> None:
    assert call("backtest", "MEAA3", "--one-account", "--json", home=home).code == 2


def test_the_report_of_an_account_names_each_symbol(home: Path) -> None:
    told = call("backtest", *DAILY, "--one-account", "--taxes", *LOOSE, home=home)
    assert (told.code, told.err) == (0, "")
    assert all(symbol in told.out for symbol in DAILY)
    assert "after tax" in told.out


def test_orders_of_the_line_change_the_trades(home: Path) -> None:
    plain = call("backtest", "MEAA3", *LOOSE, "--json", home=home).json
    timed = call("backtest", "MEAA3", *LOOSE, "--time-exit", "2", "--json", home=home).json
    assert {trade["exit_reason"] for trade in timed["trades"]} & {"time"}
    assert timed["order_hash"] != plain["order_hash"]


def test_orders_of_the_settings_are_those_of_the_line(home: Path) -> None:
    asked = call("backtest", "MEAA3", *LOOSE, "--entry", "limit", "--entry-atr", "0.2", "--json", home=home).json
    (home / "config" / "pregao.toml").write_text("[orders]\nentry = 'limit'\nentry_atr = 0.2\n", encoding="utf-8")
    assert call("backtest", "MEAA3", *LOOSE, "--json", home=home).json["order_hash"] == asked["order_hash"]


@pytest.mark.parametrize(
    "words", [("--entry", "guess"), ("--partial", "120"), ("--time-exit", "-1"), ("--trail-percent", "95"), ("--volume-cap", "x")]
)
def test_an_order_that_makes_no_sense_is_refused(home: Path, words: tuple[str, str]) -> None:
    told = call("backtest", "MEAA3", *words, home=home)
    assert told.code == 2
    assert "Traceback" not in told.err


def test_taxes_come_when_they_are_asked_for(home: Path) -> None:
    assert "taxes" not in call("backtest", "MEAA3", *LOOSE, "--json", home=home).json
    found = call("backtest", "MEAA3", *LOOSE, "--taxes", "--json", home=home).json
    after = found["taxes"]["after_tax"]
    assert after["final_equity"] == pytest.approx(found["metrics"]["final_equity"] - after["tax"])
    assert {"months", "darfs", "losses", "notes"} <= set(found["taxes"])


def test_compare_takes_the_orders_too(home: Path) -> None:
    line = ("compare", "MEAA3", "--strategies", "trend_following,breakout", "--json")
    plain, timed = call(*line, home=home).json, call(*line, "--time-exit", "1", home=home).json
    assert [item["order_hash"] for item in plain["ranking"]] != [item["order_hash"] for item in timed["ranking"]]


def test_other_orders_are_another_trial(home: Path) -> None:
    line = ("backtest", "MEAA3", *LOOSE, "--json")
    assert call(*line, home=home).json["metrics"]["trials"] == 1
    assert call(*line, "--time-exit", "2", home=home).json["metrics"]["trials"] == 2
    assert call(*line, "--time-exit", "2", home=home).json["metrics"]["trials"] == 2
    assert call(*line, home=home).json["metrics"]["trials"] == 2


def test_an_option_that_would_change_nothing_is_refused(home: Path) -> None:
    told = call("backtest", "MEAA3", "--entry-atr", "1", home=home)
    assert told.code == 2
    assert "--entry limit" in told.err


def test_signal_asks_the_watchlist_and_one_unknown_symbol_stops_no_other(home: Path) -> None:
    found = call("signal", "--json", home=home).json["signals"]
    assert {signal["symbol"] for signal in found} == {*DAILY, HOURLY}
    mixed = call("signal", "MEAA3", "NOPE3", "--json", home=home).json
    assert [signal["symbol"] for signal in mixed["signals"]] == ["MEAA3"]
    assert len(mixed["skipped"]) == 1
    assert call("signal", "NOPE3", "--json", home=home).code == 3
