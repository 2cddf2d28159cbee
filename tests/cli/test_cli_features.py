"""`pregao features` from the line to the file."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.backtest.subjects import random_walk
from engine.domain import Bars, PriceBase, iso
from engine.errors import FileError, UsageError
from engine.features.catalogue import FEATURES, GROUPS, compute, select
from engine.features.table import FeatureTable, read_table, safe, write_table
from engine.store.bars import read_bars
from tests.cli.test_cli_usage import check_refusal
from tests.desk_maker import DAILY, HOURLY, at_desk, call

SYMBOL = DAILY[0]
KEYS = {"symbol", "timeframe", "price_base", "source", "features", "rows", "first", "last", "notes", "file", "demo"}


def stored(home: Path, symbol: str = SYMBOL, timeframe: str = "1d") -> Bars:
    return at_desk(home, lambda desk: read_bars(desk.store, symbol, timeframe))


def test_every_feature_is_described_in_json(home: Path) -> None:
    done = call("features", SYMBOL, "--json", home=home)
    assert (done.code, done.err) == (0, "")
    bars, told = stored(home), done.json
    assert set(told) == KEYS
    assert (told["symbol"], told["timeframe"], told["rows"], told["file"], told["demo"]) == (SYMBOL, "1d", 90, None, False)
    assert (told["first"], told["last"]) == (iso(int(bars.time[0])), iso(int(bars.time[-1])))
    assert [item["name"] for item in told["features"]] == [feature.name for feature in FEATURES]
    values = compute(bars, FEATURES)
    for at, (item, feature) in enumerate(zip(told["features"], FEATURES)):
        assert (item["group"], item["lookback"], item["formula"], item["source"]) == (
            feature.group, feature.lookback, feature.formula, feature.source,
        )  # fmt: skip
        assert item["departs"] == (feature.departs or None)
        assert item["defined"] == np.count_nonzero(~np.isnan(values[:, at]))
        assert item["value"] == (None if np.isnan(values[-1, at]) else values[-1, at])


def test_groups_and_names_choose(home: Path) -> None:
    told = call("features", SYMBOL, "--groups", "trend, volume", "--names", "gap", "--json", home=home).json["features"]
    assert [item["name"] for item in told] == [feature.name for feature in select(["trend", "volume"], ["gap"])]
    only = call("features", SYMBOL, "--names", "rsi_14,gap", "--json", home=home).json["features"]
    assert [item["name"] for item in only] == ["rsi_14", "gap"]


def test_bars_before_the_period_are_its_look_back(home: Path) -> None:
    bars = stored(home)
    day = iso(int(bars.time[60]))[:10]
    told = call("features", SYMBOL, "--from", day, "--to", iso(int(bars.time[69]))[:10], "--json", home=home).json
    assert (told["rows"], told["first"][:10]) == (10, day)
    found = {item["name"]: item for item in told["features"]}
    assert found["regime_ranging"]["defined"] == 10
    assert found["momentum_20"]["value"] == bars.close[69] / bars.close[49] - 1


def test_the_table_shows_the_last_bar(home: Path) -> None:
    done = call("features", SYMBOL, "--groups", ",".join(GROUPS), home=home)
    assert done.code == 0
    lines = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line.strip()}
    assert f"{SYMBOL} 1d" in done.out.splitlines()[0]
    assert lines["momentum_5"][:2] == ["momentum", "5"]
    assert lines["distance_to_52w_high"][2:] == ["–", "0"]
    assert set(lines) >= {feature.name for feature in FEATURES}
    assert "DEMO" not in done.out


def test_intraday_bars_have_features_too(home: Path) -> None:
    told = call("features", HOURLY, "--timeframe", "60m", "--json", home=home).json
    bars = stored(home, HOURLY, "60m")
    assert (told["timeframe"], told["rows"]) == ("60m", len(bars))
    found = {item["name"]: item for item in told["features"]}
    first = np.flatnonzero(bars.session == bars.session[-1])[0]
    assert found["intraday_return"]["value"] == bars.close[-1] / bars.open[first] - 1
    assert found["overnight_return"]["value"] == bars.open[first] / bars.close[first - 1] - 1


def test_the_demo_market_is_called_so(tmp_path: Path) -> None:
    symbol = call("coverage", "--demo", "--json", home=tmp_path).json["series"][0]["symbol"]
    assert call("features", symbol, "--names", "gap", "--demo", "--json", home=tmp_path).json["demo"] is True
    assert call("features", symbol, "--names", "gap", "--demo", home=tmp_path).out.startswith("DEMO")


# --- files --------------------------------------------------------------------------------------------------------------


def test_a_csv_file_has_every_bar_and_empty_cells_where_undefined(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    done = call("features", SYMBOL, "--names", "momentum_20,gap", "--out", str(path), home=home)
    assert done.code == 0
    assert "out.csv was written" in done.err
    bars = stored(home)
    with path.open(newline="", encoding="utf-8") as file:
        head, *rows = list(csv.reader(file))
    assert head == ["time", "session", "momentum_20", "gap"]
    assert [row[0] for row in rows] == [iso(int(time)) for time in bars.time]
    assert {row[2] for row in rows[:20]} == {""}
    values = compute(bars, select(names=["momentum_20", "gap"]))
    np.testing.assert_array_equal([[float(cell or "nan") for cell in row[2:]] for row in rows], values)


def test_a_parquet_file_has_types_and_nulls(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    told = call("features", SYMBOL, "--groups", "momentum", "--out", str(path), "--json", home=home)
    assert told.json["file"] == str(path)
    table, bars = pq.read_table(path), stored(home)
    assert table.column_names == ["time", "session", *(feature.name for feature in select(["momentum"]))]
    assert [str(table.schema.field(name).type) for name in ("time", "session", "rsi_14")] == [
        "timestamp[ms, tz=UTC]",
        "date32[day]",
        "double",
    ]
    assert [int(value.timestamp()) for value in table["time"].to_pylist()] == bars.time.tolist()
    assert table["rsi_14"].null_count == 14
    np.testing.assert_array_equal(table["momentum_5"].to_numpy()[5:], compute(bars, select(names=["momentum_5"]))[5:, 0])


def test_a_json_file_has_the_description_and_the_rows(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    assert call("features", SYMBOL, "--names", "momentum_5", "--out", str(path), home=home).code == 0
    told = json.loads(path.read_text("utf-8"))
    assert told["features"][0]["formula"] == "close[t] / close[t-5] - 1"
    assert len(told["rows_of_values"]) == told["rows"] == 90
    assert told["rows_of_values"][0] == {"time": told["first"], "session": told["first"][:10], "momentum_5": None}
    assert told["rows_of_values"][-1]["momentum_5"] == told["features"][0]["value"]


def test_a_file_that_exists_is_kept_without_force(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine", encoding="utf-8")
    refused = call("features", SYMBOL, "--out", str(path), "--json", home=home)
    assert (refused.code, refused.out, path.read_text("utf-8")) == (2, "", "mine")
    assert "exists" in refused.error["message"]
    assert "--force" in refused.error["hint"]
    assert call("features", SYMBOL, "--out", str(path), "--force", home=home).code == 0
    assert path.read_text("utf-8").startswith("time,session,")
    assert [item.name for item in tmp_path.iterdir() if item.name != "home"] == ["mine.csv"]


def table() -> FeatureTable:
    bars, features = random_walk(30), select(names=["momentum_5"])
    return FeatureTable(bars, features, compute(bars, features))


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine", encoding="utf-8")

    def full(self: FeatureTable) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FeatureTable, "columns", full)
    with pytest.raises(FileError, match="No space left"):
        write_table(table(), path, force=True)
    assert [(item.name, item.read_text("utf-8")) for item in tmp_path.iterdir()] == [("mine.csv", "mine")]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        write_table(table(), tmp_path / "none" / "out.csv")


def test_no_cell_is_a_formula_of_a_spreadsheet(tmp_path: Path) -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        assert safe(text) == f"'{text}"
    assert (safe("2025-01-02"), safe(-0.5), safe(None)) == ("2025-01-02", -0.5, None)
    hostile = replace(table(), features=(replace(table().features[0], name='=HYPERLINK("x")'),))
    write_table(hostile, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file))[2] == '\'=HYPERLINK("x")'


# --- wrong usage --------------------------------------------------------------------------------------------------------


WRONG = {
    "features": "SYMBOL",
    "features MEAA3,NHAA3": "one symbol",
    "features M!": "cannot be a symbol",
    "features MEAA3 --groups momentun": "no feature group momentun",
    "features MEAA3 --names rsi14": "no feature rsi14",
    "features MEAA3 --groups ,": "No feature is named",
    "features MEAA3 --out table.xlsx": "does not say which format",
    "features MEAA3 --force": "--force goes with --out",
    "features MEAA3 --timeframe 2d": "no timeframe 2d",
    "features MEAA3 --from 2025-06-02 --to 2025-06-01": "is after",
    "lookahead --features --strategy trend_following": "--features goes with neither",
    "lookahead mine.py --features": "--features goes with neither",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_usage_is_one_sentence(home: Path, line: str) -> None:
    check_refusal(line.split(), WRONG[line], 2, home)


@pytest.mark.parametrize("line", ["features NONE3", "features MEAA3 --from 2030-01-01", "features MEAA3 --timeframe 5m"])
def test_no_bars_is_no_data(home: Path, line: str) -> None:
    assert call(*line.split(), "--json", home=home).code == 3


def test_the_nearest_name_is_offered(home: Path) -> None:
    assert "Did you mean rsi_14?" in call("features", SYMBOL, "--names", "rsi14", home=home).err
    assert "Did you mean momentum?" in call("features", SYMBOL, "--groups", "momentun", home=home).err


def test_the_proof_of_the_features_is_a_command() -> None:
    done = call("lookahead", "--features", "--bars", "60", "--json")
    assert (done.code, done.err) == (0, "")
    assert [item["name"] for item in done.json["checked"]] == [feature.name for feature in FEATURES]
    assert {item["kind"] for item in done.json["checked"]} == {"feature"}
    assert all(item["passed"] is (True if item["values"] else None) and item["prefixes"] == 60 for item in done.json["checked"])


# --- stored bars --------------------------------------------------------------------------------------------------------


def test_a_split_is_no_move(tmp_path: Path) -> None:
    days = [f"2025-03-{day:02d}" for day in (10, 11, 12, 13, 14)]
    closes = (20.0, 20.2, 10.1, 10.2, 10.3)
    path = tmp_path / "SPLT3.csv"
    rows = [f"{day},{close},{close},{close},{close},1000" for day, close in zip(days, closes)]
    path.write_text("\n".join(["date,open,high,low,close,volume", *rows]) + "\n", encoding="utf-8")
    event = {"kind": "split", "ex_session": days[2], "factor": 2.0, "amount": None, "pay_session": None, "source": "made"}
    (tmp_path / "events.json").write_text(json.dumps({"symbol": "SPLT3", "events": [event]}), encoding="utf-8")
    for words in ([str(path), "--price-base", "raw"], [str(tmp_path / "events.json")]):
        assert call("import", *words, home=tmp_path).code == 0
    found = at_desk(tmp_path, lambda desk: read_table(desk.store, "SPLT3", select(names=["overnight_return"])))
    assert found.bars.price_base is PriceBase.ADJUSTED
    np.testing.assert_allclose(found.values[1:, 0], [0.01, 0.0, 0.1 / 10.1, 0.1 / 10.2], atol=1e-12)


def test_a_refused_name_says_the_endings() -> None:
    with pytest.raises(UsageError) as caught:
        write_table(table(), Path("table"))
    assert ".csv, .parquet, .json" in caught.value.hint
