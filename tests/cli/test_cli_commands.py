"""The commands from end to end, on files made here."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.desk_maker import DAILY, HOURLY, MORNING, call, daily_csv, make_market, sessions, walk
from tests.ingestion.cotahist_maker import content, record

DAY = 86_400


def imported(home: Path, *words: str, code: int = 0) -> list[dict[str, object]]:
    shown = call("import", *words, "--json", home=home)
    assert (shown.code, shown.err) == (code, "")
    return list(shown.json["files"])


def test_import_says_what_it_did(tmp_path: Path) -> None:
    files = make_market(tmp_path / "files")
    first, *_rest, hours = imported(tmp_path, *map(str, files), "--price-base", "raw")
    assert set(first) >= {
        "path", "format", "symbols", "timeframe", "rows", "written", "unchanged", "rejected", "provisional", "price_base", "first",
        "last", "notices", "error",
    }  # fmt: skip
    assert (first["path"], first["symbols"], first["timeframe"]) == (str(files[0]), ["MEAA3"], "1d")
    assert (first["rows"], first["written"], first["unchanged"], first["provisional"]) == (90, 90, 0, 0)
    assert (first["price_base"], first["rejected"], first["error"]) == ("raw", [], None)
    assert str(first["last"]).startswith("2025-06-30T10:00:00-03:00")
    assert (hours["symbols"], hours["timeframe"], hours["format"]) == ([HOURLY], "60m", "profit_intraday")


def test_the_same_file_again_changes_nothing(home: Path) -> None:
    for report in imported(home, str(home / "files"), "--price-base", "raw"):
        assert (report["written"], report["unchanged"]) == (0, report["rows"])


def test_files_come_from_folders_globs_and_zips(tmp_path: Path) -> None:
    files = make_market(tmp_path / "files")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in files:
            archive.write(file, file.name)
    for at, words in enumerate([["files"], ["files/M*.csv", "files/[Nh]*.csv"], ["all.zip"]]):
        home = tmp_path / f"home{at}"
        reports = imported(home, *(str(tmp_path / word) for word in words))
        assert sum(int(str(report["written"])) for report in reports) == 90 * 2 + 90 * 8
        assert {item["symbol"] for item in call("coverage", "--json", home=home).json["series"]} == {*DAILY, HOURLY}


def test_bad_rows_are_rejected_with_line_and_reason_and_good_ones_kept(tmp_path: Path) -> None:
    path = daily_csv(tmp_path / "MEAA3.csv", sessions(20), walk("MEAA3", 20))
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[4] = f"{sessions(20)[3]},10,9,11,10,100"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (report,) = imported(tmp_path, str(path))
    assert (report["rows"], report["written"]) == (20, 19)
    ((row),) = report["rejected"]  # type: ignore[misc]
    assert row["line"] == 5
    assert row["reason"]
    assert f"line 5: {row['reason']}" in call("import", str(path), home=tmp_path).err


def test_one_refused_file_does_not_stop_the_others(tmp_path: Path) -> None:
    files = make_market(tmp_path / "files")
    (tmp_path / "files" / "A.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    refused, *good = imported(tmp_path, str(tmp_path / "files"), code=1)
    assert refused["error"]["type"] == "UnrecognisedFileError"  # type: ignore[index]
    assert [report["error"] for report in good] == [None] * len(files)
    told = call("import", str(tmp_path / "files"), home=tmp_path)
    assert (told.code, told.out) == (1, "")
    assert "A.csv: refused: " in told.err
    assert "4 files: 0 bars written, 900 unchanged, 0 rows rejected, 1 files refused" in told.err


def test_a_dry_run_says_what_was_understood_and_writes_nothing(tmp_path: Path) -> None:
    files = make_market(tmp_path / "files")
    told = call("import", *map(str, files), "--dry-run", home=tmp_path)
    assert told.code == 0
    for word in ("MEAA3", "60m", "nothing written (dry run)", "first row"):
        assert word in told.err
    assert call("coverage", home=tmp_path).code == 3


def test_a_file_without_a_name_in_it_takes_the_one_that_is_given(tmp_path: Path) -> None:
    path = daily_csv(tmp_path / "prices of mine.csv", sessions(5), walk("x", 5))
    (refused,) = imported(tmp_path, str(path), code=1)
    assert "--symbol" in refused["error"]["hint"]  # type: ignore[index]
    (report,) = imported(tmp_path, str(path), "--symbol", "xpto3")
    assert report["symbols"] == ["XPTO3"]


def test_bars_of_a_session_that_is_not_over_are_provisional(tmp_path: Path) -> None:
    path = daily_csv(tmp_path / "MEAA3.csv", sessions(20), walk("MEAA3", 20))
    noon = MORNING - 20 * 3600
    early = call("import", str(path), "--json", home=tmp_path, now=noon).json["files"][0]
    assert (early["written"], early["provisional"]) == (20, 1)
    assert [bar["provisional"] for bar in call("bars", "MEAA3", "--json", home=tmp_path).json["bars"]] == [False] * 19 + [True]
    evening = call("import", str(path), "--json", home=tmp_path, now=noon + 8 * 3600).json["files"][0]
    assert (evening["written"], evening["revised"], evening["provisional"]) == (1, 0, 0)


def test_columns_may_be_mapped(tmp_path: Path) -> None:
    path = daily_csv(tmp_path / "MEAA3.csv", sessions(5), walk("MEAA3", 5))
    text = path.read_text(encoding="utf-8").replace("date,open,high,low,close,volume", "quando,abre,sobe,desce,fecha,quanto")
    path.write_text(text, encoding="utf-8")
    mapping = "date=quando,open=abre,high=sobe,low=desce,close=fecha,quantity=quanto"
    (report,) = imported(tmp_path, str(path), "--mapping", mapping)
    assert report["written"] == 5
    assert call("bars", "MEAA3", "--json", home=tmp_path).json["bars"][0]["quantity"] == walk("MEAA3", 5)[0, 4]


def test_coverage_shows_what_is_stored_and_what_is_missing(home: Path) -> None:
    days = sessions()
    kept = [*days[:50], *days[53:]]
    daily_csv(home / "HOLE3.csv", kept, walk("HOLE3", len(kept)))
    imported(home, str(home / "HOLE3.csv"), "--price-base", "raw")
    (item,) = call("coverage", "hole3", "--json", home=home).json["series"]
    assert set(item) >= {
        "symbol", "timeframe", "first", "last", "bars", "missing_sessions", "zero_volume", "price_base", "sources", "provisional",
    }  # fmt: skip
    assert (item["bars"], item["missing_sessions"]) == (87, 3)
    assert item["missing"] == [day.isoformat() for day in days[50:53]]
    assert (item["first"], item["last"]) == (days[0].isoformat(), days[-1].isoformat())
    told = call("coverage", home=home).out
    assert all(name in told for name in (*DAILY, HOURLY, "HOLE3", "sessions of B3 without a bar"))
    hours = next(found for found in call("coverage", "--json", home=home).json["series"] if found["symbol"] == HOURLY)
    assert (hours["timeframe"], hours["after_market"]) == ("60m", 90)


def test_bars_are_those_of_the_file(home: Path) -> None:
    shown = call("bars", "meaa3", "--json", home=home).json
    assert (shown["symbol"], shown["timeframe"], shown["price_base"], shown["derived_from"]) == ("MEAA3", "1d", "raw", None)
    assert len(shown["bars"]) == 90
    for bar, day, row in zip(shown["bars"], sessions(), walk("MEAA3", 90), strict=True):
        assert set(bar) >= {"time", "session", "open", "high", "low", "close", "quantity", "turnover", "provisional"}
        assert bar["session"] == day.isoformat()
        assert [bar[name] for name in ("open", "high", "low", "close", "quantity")] == row.tolist()
        assert (bar["provisional"], bar["turnover"]) == (False, None)


def test_bars_may_be_cut_and_coarsened(home: Path) -> None:
    days = sessions()
    cut = call("bars", "MEAA3", "--from", days[10].isoformat(), "--to", f"{days[19]:%d/%m/%Y}", "--json", home=home).json
    assert [bar["session"] for bar in cut["bars"]] == [day.isoformat() for day in days[10:20]]
    newest = call("bars", "MEAA3", "--limit", "3", "--json", home=home).json
    assert [bar["session"] for bar in newest["bars"]] == [day.isoformat() for day in days[-3:]]
    weeks = call("bars", "MEAA3", "--timeframe", "1w", "--json", home=home).json
    assert weeks["derived_from"] == "1d"
    mondays = {day - timedelta(days=day.weekday()) for day in days}
    assert len(weeks["bars"]) == len(mondays)
    assert [bar["session"] for bar in weeks["bars"] if bar["provisional"]] == ["2025-06-30"]
    hours = call("bars", HOURLY, "--timeframe", "60m", "--json", home=home).json
    assert [bar["after_market"] for bar in hours["bars"][:8]] == [False] * 7 + [True]


def test_a_signal_says_what_and_why(home: Path) -> None:
    first, second = call("signal", "MEAA3", "NHAA3", "--json", home=home).json["signals"]
    assert (first["symbol"], first["action"], first["time"]) == ("MEAA3", "BUY", "2025-06-30T10:00:00-03:00")
    assert (second["symbol"], second["action"]) == ("NHAA3", "SELL")
    assert first["stop_loss"] < first["price"] < first["take_profit"]
    assert second["take_profit"] < second["price"] < second["stop_loss"]
    assert 0 < first["strength"] <= 1
    told = call("signal", "MEAA3", home=home).out
    assert "▲ BUY" in told
    assert first["reason"].split(".")[0] in " ".join(told.split())
    late = call("signal", "MEAA3", "--json", home=home, now=MORNING + 2 * DAY).json["signals"][0]
    assert (first["stale_sessions"], late["stale_sessions"]) == (0, 2)
    assert "2 sessions behind" in call("signal", "MEAA3", home=home, now=MORNING + 2 * DAY).out


def test_a_signal_of_hours_holds_until_the_end_of_the_next(home: Path) -> None:
    (signal,) = call("signal", HOURLY, "--timeframe", "60m", "--json", home=home).json["signals"]
    assert (signal["timeframe"], signal["time"]) == ("60m", "2025-06-30T16:00:00-03:00")
    assert signal["valid_until"] == "2025-07-01T11:00:00-03:00"


def test_a_backtest_comes_with_baselines_and_a_verdict(home: Path) -> None:
    fast = ["--param", "ema_fast=2", "ema_slow=5", "--param", "volume_ratio=0"]
    result = call("backtest", "MEAA3", *fast, "--json", home=home).json
    assert set(result) >= {
        "symbol", "timeframe", "price_base", "strategy", "params", "period", "metrics", "baselines", "verdict", "trades", "order_hash",
    }  # fmt: skip
    assert set(result["metrics"]) >= {
        "initial_capital", "final_equity", "total_return", "cagr", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "max_drawdown",
        "profit_factor", "win_rate", "trades", "exposure", "costs",
    }  # fmt: skip
    assert (result["params"]["ema_fast"], result["params"]["ema_slow"], result["params"]["volume_ratio"]) == (2, 5, 0)
    assert set(result["period"]) == {"start", "end"}
    assert "buy_and_hold" in result["baselines"]
    assert result["verdict"]["label"] == "insufficient evidence"
    assert result["verdict"]["reasons"]
    assert result["trades"]
    for trade in result["trades"]:
        assert set(trade) >= {
            "side", "quantity", "entry_time", "entry_price", "exit_time", "exit_price", "exit_reason", "costs", "pnl", "return",
            "mae", "mfe",
        }  # fmt: skip
    again = call("backtest", "MEAA3", *fast, "--json", home=home).json
    assert again == result
    told = call("backtest", "MEAA3", *fast, "--trades", home=home).out
    assert "Verdict: insufficient evidence" in told
    assert "buy and hold" in told
    assert told.count("long") + told.count("short") >= len(result["trades"])


def test_backtest_options_reach_the_test(home: Path) -> None:
    fast = ["backtest", "MEAA3", "--param", "ema_fast=2", "ema_slow=5", "volume_ratio=0", "--json"]
    plain, free = call(*fast, home=home).json, call(*fast, "--costs", "none", home=home).json
    assert plain["metrics"]["costs"] > free["metrics"]["costs"]
    rich = call(*fast, "--capital", "500000", home=home).json
    assert rich["metrics"]["initial_capital"] == 500_000
    part = call(*fast, "--from", "2025-05-02", "--to", "2025-05-30", home=home).json
    assert part["period"]["start"][:10] >= "2025-05-02"
    assert part["period"]["end"][:10] == "2025-05-30"
    assert "equity" not in plain
    assert len(call(*fast, "--equity", home=home).json["equity"]) > 50


def test_several_backtests_are_a_list(home: Path) -> None:
    results = call("backtest", "MEAA3,NHAA3", HOURLY, "--json", home=home).json["results"]
    assert [result["symbol"] for result in results] == ["MEAA3", "NHAA3", HOURLY]


def test_strategies_show_their_parameters(home: Path) -> None:
    listed = call("strategies", "list", "--json", home=home).json["strategies"]
    trend = next(item for item in listed if item["name"] == "trend_following")
    assert {"name", "default", "low", "high", "help"} == set(trend["params"][0])
    assert all(param["low"] <= param["default"] <= param["high"] and param["help"] for param in trend["params"])
    assert "ema_fast" in call("strategies", "list", home=home).out


def test_watchlists_keep_their_order(tmp_path: Path) -> None:
    def changed(*words: str) -> list[str]:
        return list(call("watchlist", *words, "--json", home=tmp_path).json["changed"])

    assert changed("add", "vale3", "PETR4,ITUB4", "VALE3") == ["VALE3", "PETR4", "ITUB4"]
    assert changed("add", "PETR4", "BBAS3") == ["BBAS3"]
    assert changed("remove", "PETR4", "ABEV3") == ["PETR4"]
    (tmp_path / "mine.txt").write_text("\ufeffWEGE3; ABEV3  # beer\n\n# nothing\nitub4\n", encoding="utf-8")
    assert changed("import", str(tmp_path / "mine.txt")) == ["WEGE3", "ABEV3"]
    assert call("watchlist", "list", home=tmp_path).out.split() == ["VALE3", "ITUB4", "BBAS3", "WEGE3", "ABEV3"]
    assert changed("add", "PETR4", "--list", "other") == ["PETR4"]
    found = call("watchlist", "list", "--list", "other", "--json", home=tmp_path).json
    assert (found["list"], found["symbols"], found["lists"]) == ("other", ["PETR4"], {"default": 5, "other": 1})
    (tmp_path / "bad.txt").write_text("PETR4 M!\n", encoding="utf-8")
    assert call("watchlist", "import", str(tmp_path / "bad.txt"), home=tmp_path).code == 2


def test_runs_list_the_newest_first(home: Path) -> None:
    assert call("runs", home=home).out == ""
    call("--run-daily", home=home)
    call("--run-daily", "--as-of", "2025-06-27", home=home, now=MORNING + 60)
    runs = call("runs", "--json", home=home).json["runs"]
    assert [run["id"] for run in runs] == ["2025-06-27-close-replay", "2025-06-30-close"]
    assert runs[1]["started_at"] == "2025-07-01T08:00:00-03:00"
    assert [run["id"] for run in call("runs", "--limit", "1", "--json", home=home).json["runs"]] == ["2025-06-27-close-replay"]
    assert "2025-06-30-close" in call("runs", home=home).out


def test_a_value_series_gives_the_backtest_its_cash_rate(home: Path) -> None:
    rows = "".join(f"{day:%d/%m/%Y};0,055131\n" for day in sessions(95))
    (home / "cdi.csv").write_text("data;valor\n" + rows, encoding="utf-8")
    (report,) = imported(home, str(home / "cdi.csv"), "--series", "cdi")
    assert (report["symbols"], report["rows"], report["written"]) == (["CDI"], 95, 95)
    baselines = call("backtest", "MEAA3", "--json", home=home).json["baselines"]
    assert baselines["cdi"]["total_return"] > 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the loopback address at which its files are served."""
    folder = tmp_path / "server"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


def year(folder: Path, name: str, days: list[date]) -> None:
    records = [
        record("XPTO3", f"{day:%Y%m%d}", open_=o, high=h, low=low, close=c, average=c)
        for day, (o, h, low, c) in zip(days, (walk("XPTO3", len(days))[:, :4] * 100).round().astype(int).tolist(), strict=True)
    ]
    with zipfile.ZipFile(folder / f"{name}.ZIP", "w") as archive:
        archive.writestr(f"{name}.TXT", content(records))


def test_fetch_downloads_and_imports(tmp_path: Path, server: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, address = server
    days = sessions(60, date(2024, 12, 30))
    year(folder, "COTAHIST_A2024", days)
    monkeypatch.setenv("PREGAO_FETCH__COTAHIST_URL", address)
    home = tmp_path / "home"
    shown = call("fetch", "cotahist", "2024", "--json", home=home)
    assert (shown.code, shown.err) == (0, "")
    (report,) = shown.json["files"]
    assert (report["format"], report["symbols"], report["price_base"], report["written"]) == ("cotahist", ["XPTO3"], "raw", 60)
    assert call("bars", "XPTO3", "--json", home=home).json["bars"][-1]["session"] == days[-1].isoformat()
    again = call("fetch", "cotahist", "2024", "--json", home=home).json["files"][0]
    assert (again["written"], again["unchanged"]) == (0, 60)
    missing = call("fetch", "cotahist", "2023", "--json", home=home)
    assert (missing.code, missing.out, missing.error["type"]) == (1, "", "NetworkError")
    assert "COTAHIST_A2023.ZIP" in missing.error["message"]


def test_the_daily_run_fetches_the_session_s_file(
    tmp_path: Path, server: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = server
    year(folder, "COTAHIST_D30062025", sessions(60))
    monkeypatch.setenv("PREGAO_FETCH__COTAHIST_URL", address)
    monkeypatch.setenv("PREGAO_DAILY__SOURCES", '["cotahist"]')
    shown = call("--run-daily", "--json", home=tmp_path / "home")
    assert (shown.code, shown.err) == (0, "")
    assert shown.json["steps"][1]["detail"]["cotahist"]["written"] == 60
    assert [signal["symbol"] for signal in shown.json["signals"]] == ["XPTO3"]
