"""Plain tables of bars: CSV and Parquet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.domain import PriceBase, day_number, from_day_number, iso
from engine.errors import FileError, RefusedFileError, UsageError
from engine.ingestion import tabular
from engine.ingestion.files import SourceFile
from engine.ingestion.table import ImportOptions, ParsedFile

DATA = Path(__file__).parents[2].parent / "shared" / "data"
needs_real = pytest.mark.skipif(not DATA.is_dir(), reason="the real market files are not here")
OPTIONS = ImportOptions(symbol="PETR4", today=day_number(date(1990, 1, 1)))


@dataclass
class Export:
    folder: Path

    def parse(self, content: str | bytes, name: str = "export.csv", **options: Any) -> ParsedFile:
        path = self.folder / "export"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tabular.parse(SourceFile(path, name, path.stat().st_size), replace(OPTIONS, **options))

    def parquet(self, columns: dict[str, Any], **options: Any) -> ParsedFile:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder / "export.parquet"
        pq.write_table(pa.table(columns), path)
        assert tabular.recognises(path.read_bytes(), "any name")
        return tabular.parse(SourceFile(path, "export", path.stat().st_size), replace(OPTIONS, **options))


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


def said(parsed: ParsedFile, *words: str) -> bool:
    return any(all(word in notice for word in words) for notice in parsed.notices)


def days(parsed: ParsedFile) -> list[str]:
    return [from_day_number(session).isoformat() for session in parsed.table.session]


def test_a_csv_with_a_header_is_read(export: Export) -> None:
    parsed = export.parse(
        "Date,Open,High,Low,Close,Adj Close,Volume\n2025-01-02,10.5,11,10,10.8,9.1,1000\n2025-01-03,10.8,11,10,10.9,9.2,2000.0\n"
    )
    table = parsed.table
    assert (parsed.format, parsed.source, parsed.timeframe, parsed.price_base) == ("ohlcv_csv", "file", "1d", PriceBase.UNKNOWN)
    assert table.close.tolist() == [10.8, 10.9]
    assert table.quantity.tolist() == [1000.0, 2000.0]
    assert np.isnan(table.turnover).all()
    assert iso(table.time[0]) == "2025-01-02T10:00:00-03:00"
    assert said(parsed, "adjusted close was left out")
    assert said(parsed, "Volume", "quantity")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "names",
    [
        "data,abertura,maxima,minima,fechamento,volume",
        "DATA,Abertura,Máximo,Mínimo,Último,Quantidade",
        "timestamp,open,high,low,close,volume",
    ],
)
def test_delimiters_and_names_in_both_languages(export: Export, delimiter: str, names: str) -> None:
    text = f"{names}\n2025-01-02,10.5,11,10,10.8,1000\n".replace(",", delimiter)
    parsed = export.parse(text)
    assert parsed.table.open[0] == 10.5
    assert parsed.table.quantity[0] == 1000.0


def test_floating_noise_is_rounded_to_six_decimals(export: Export) -> None:
    parsed = export.parse("date,open,high,low,close\n2025-01-02,57.9900016784668,58.040000915527344,57.5,57.630001068115234\n")
    assert parsed.table.open[0] == 57.990002
    assert parsed.table.high[0] == 58.040001


def test_the_columns_of_a_parsed_cotahist_are_raw_prices(export: Export) -> None:
    text = "date,symbol,name,open,high,low,close,volume,trades,turnover,avg_price\n2025-01-02,BBDC4,BRADESCO,11.31,11.5,11.13,11.4,31243900,39836,355079164.0,11.36\n"
    for mapping in ("", "auto", "cotahist_csv"):
        parsed = export.parse(text, symbol="", mapping=mapping)
        assert parsed.price_base is PriceBase.RAW
        assert parsed.table.symbols == ("BBDC4",)
        assert (parsed.table.quantity[0], parsed.table.turnover[0], parsed.table.trades[0]) == (
            31_243_900.0,
            355_079_164.0,
            39_836.0,
        )
    assert export.parse(text, symbol="", price_base=PriceBase.ADJUSTED).price_base is PriceBase.ADJUSTED
    with pytest.raises(FileError, match="cotahist_csv"):
        export.parse("date,open,high,low,close\n2025-01-02,1,1,1,1\n", mapping="cotahist_csv")


def test_a_mapping_names_the_columns(export: Export) -> None:
    text = "Quando;A;Max;Min;Fech;Vol\n2025-01-02;1.1;1.3;1.0;1.2;500\n"
    parsed = export.parse(text, mapping="date=Quando,open=A,close=Fech,quantity=Vol")
    assert (parsed.table.open[0], parsed.table.high[0], parsed.table.low[0], parsed.table.close[0]) == (1.1, 1.3, 1.0, 1.2)
    assert parsed.table.quantity[0] == 500.0


@pytest.mark.parametrize("mapping", ["close", "close=", "price=Fech", "close=A,close=B", "dates=ydm", "cotahist"])
def test_a_mapping_that_cannot_be_understood_is_wrong_usage(export: Export, mapping: str) -> None:
    with pytest.raises(UsageError, match="mapping"):
        export.parse("date,open,high,low,close\n2025-01-02,1,1,1,1\n", mapping=mapping)


def test_a_missing_or_ambiguous_column_names_what_was_found(export: Export) -> None:
    with pytest.raises(FileError) as missing:
        export.parse("Date,Close,Volume\n2025-01-02,1,1\n")
    assert "open, high, low" in missing.value.message
    assert "'Volume'" in missing.value.message
    assert "abertura" in missing.value.hint
    with pytest.raises(FileError, match="'close', 'fechamento'"):
        export.parse("date,open,high,low,close,fechamento\n2025-01-02,1,1,1,1,1\n")
    assert (
        export.parse("date,open,high,low,close,fechamento\n2025-01-02,1,2,1,1,2\n", mapping="close=fechamento").table.close[0]
        == 2.0
    )
    with pytest.raises(FileError, match="not at all"):
        export.parse("date,open,high,low,close\n2025-01-02,1,1,1,1\n", mapping="close=Last")


def test_slashed_dates_are_read_only_when_the_file_proves_their_order(export: Export) -> None:
    head = "date,open,high,low,close\n"
    rows = "02/01/2025,1,1,1,1\n{second},1,1,1,1\n"
    assert days(export.parse(head + rows.format(second="13/01/2025"))) == ["2025-01-02", "2025-01-13"]
    assert days(export.parse(head + rows.format(second="01/13/2025"))) == ["2025-02-01", "2025-01-13"]
    undecided = head + rows.format(second="03/01/2025")
    with pytest.raises(FileError) as caught:
        export.parse(undecided)
    assert "dates=dmy" in caught.value.hint
    assert days(export.parse(undecided, mapping="dates=dmy")) == ["2025-01-02", "2025-01-03"]
    assert days(export.parse(undecided, mapping="dates=mdy")) == ["2025-02-01", "2025-03-01"]
    with pytest.raises(FileError, match="mixes"):
        export.parse(head + "13/01/2025,1,1,1,1\n01/13/2025,1,1,1,1\n")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2025-01-02 10:00:00", "2025-01-02 11:00:00"),
        ("2025-01-02T10:00", "2025-01-02T11:00"),
        ("2025-01-02T13:00:00Z", "2025-01-02T14:00:00Z"),
        ("2025-01-02 10:00:00-03:00", "2025-01-02 11:00:00-03:00"),
        ("2025-01-02 13:00:00+00:00", "2025-01-02 14:00:00+00:00"),
        ("1735822800", "1735826400"),
        ("1735822800000", "1735826400000"),
    ],
)
def test_stamps_are_sao_paulo_time_unless_they_name_a_zone(export: Export, first: str, second: str) -> None:
    parsed = export.parse(f"timestamp,open,high,low,close\n{first},1,1,1,1\n{second},1,1,1,1\n")
    assert [iso(instant) for instant in parsed.table.time] == ["2025-01-02T10:00:00-03:00", "2025-01-02T11:00:00-03:00"]
    assert parsed.timeframe == "60m"
    assert days(parsed) == ["2025-01-02", "2025-01-02"]


def test_date_and_time_in_two_columns_are_one_stamp(export: Export) -> None:
    parsed = export.parse("date,time,open,high,low,close\n2018-01-02,10:00,1,1,1,1\n2018-01-02,10:05,1,1,1,1\n")
    assert iso(parsed.table.time[1]) == "2018-01-02T10:05:00-02:00"
    assert parsed.timeframe == "5m"


@pytest.mark.parametrize("stamp", ["{} 00:00:00", "{}T00:00:00Z", "{} 00:00:00-03:00", "{}"])
def test_dates_and_midnights_are_daily_bars_of_the_date_as_written(export: Export, stamp: str) -> None:
    rows = "".join(f"{stamp.format(day)},1,1,1,1\n" for day in ("2025-01-02", "2025-01-03"))
    parsed = export.parse("date,open,high,low,close\n" + rows)
    assert parsed.timeframe == "1d"
    assert days(parsed) == ["2025-01-02", "2025-01-03"]


def test_one_bar_a_day_at_any_hour_is_daily(export: Export) -> None:
    parsed = export.parse("date,open,high,low,close\n2025-01-02 18:00,1,1,1,1\n2025-01-03 18:00,1,1,1,1\n")
    assert parsed.timeframe == "1d"
    assert iso(parsed.table.time[0]) == "2025-01-02T10:00:00-03:00"


def test_weekly_bars_are_told_by_their_distance_and_monthly_ones_refused(export: Export) -> None:
    def file(step: int) -> str:
        return "date,open,high,low,close\n" + "".join(f"{from_day_number(20_000 + step * i)},1,1,1,1\n" for i in range(6))

    assert export.parse(file(7)).timeframe == "1w"
    with pytest.raises(FileError, match="longer than a week"):
        export.parse(file(30))


def test_a_timeframe_that_contradicts_the_stamps_is_an_error(export: Export) -> None:
    daily, hourly = (
        "date,open,high,low,close\n2025-01-02,1,1,1,1\n",
        "date,open,high,low,close\n2025-01-02 10:00,1,1,1,1\n2025-01-02 11:00,1,1,1,1\n",
    )
    with pytest.raises(FileError, match="no times of day"):
        export.parse(daily, timeframe="60m")
    with pytest.raises(FileError, match="several bars a day"):
        export.parse(hourly, timeframe="1d")
    with pytest.raises(FileError, match="not 5m"):
        export.parse(hourly, timeframe="5m")
    with pytest.raises(UsageError, match="not a timeframe"):
        export.parse(hourly, timeframe="2h")


def test_intraday_bars_after_the_close_are_flagged(export: Export) -> None:
    parsed = export.parse("date,open,high,low,close\n" + "".join(f"2024-10-18 {hour}:00,1,1,1,1\n" for hour in (15, 16, 17, 18)))
    assert parsed.table.after_market.tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2025-01-03,,1,1,1", "a price is missing"),
        ("2025-01-03,1,1,1,nan", "a price is missing"),
        ("2025-01-03,1,1,1,0", "not positive"),
        ("2025-01-03,1,1,2,1", "high is below the low"),
        ('2025-01-03,1,1,1,"30,82"', "'30,82'"),
        ("2025-02-30,1,1,1,1", "'2025-02-30'"),
        ("2025-01-03,1,1,1", "4 columns"),
        ("2025-01-02,2,2,2,2", "same bar as line 2"),
    ],
)
def test_a_bad_row_is_rejected_with_line_and_reason_and_the_rest_kept(export: Export, row: str, reason: str) -> None:
    parsed = export.parse(f"date,open,high,low,close\n2025-01-02,1,1,1,1\n{row}\n2025-01-06,1,1,1,1\n")
    assert [bad.line for bad in parsed.rejected] == [3]
    assert reason in parsed.rejected[0].reason
    assert parsed.table.line.tolist() == [2, 4]


def test_a_decimal_comma_is_refused_and_never_guessed(export: Export) -> None:
    with pytest.raises(RefusedFileError, match="'30,82'"):
        export.parse("date;open;high;low;close\n2025-01-02;30,82;30,90;30,80;30,82\n")


def test_a_symbol_column_may_name_several_and_must_agree_with_the_option(export: Export) -> None:
    text = "ticker,date,open,high,low,close\npetr4.sa,2025-01-02,1,1,1,1\nVALE3,2025-01-02,2,2,2,2\n"
    parsed = export.parse(text, symbol="")
    assert parsed.table.symbols == ("PETR4", "VALE3")
    assert parsed.table.symbol_index.tolist() == [0, 1]
    with pytest.raises(FileError, match="VALE3"):
        export.parse(text, symbol="PETR4")


def test_a_symbol_is_taken_from_the_name_and_said_or_asked_for(export: Export) -> None:
    text = "date,open,high,low,close\n2025-01-02,1,1,1,1\n"
    parsed = export.parse(text, symbol="", name="BOVA11.csv")
    assert parsed.table.symbols == ("BOVA11",)
    assert said(parsed, "BOVA11", "name")
    for name in ("prices.csv", "PETR4_VALE3.csv"):
        with pytest.raises(FileError) as caught:
            export.parse(text, symbol="", name=name)
        assert "--symbol" in caught.value.hint
    with pytest.raises(UsageError):
        export.parse(text, symbol="../etc")


def test_bars_of_today_are_provisional(export: Export) -> None:
    text = "date,open,high,low,close\n2025-01-02,1,1,1,1\n2025-01-03,1,1,1,1\n"
    assert export.parse(text, today=day_number(date(2025, 1, 3))).table.provisional.tolist() == [False, True]


@pytest.mark.parametrize("zone", [None, "America/Sao_Paulo", "UTC"], ids=["naive", "sao paulo", "utc"])
def test_parquet_stamps_follow_their_zone(export: Export, zone: str | None) -> None:
    import pyarrow as pa

    moments = [datetime(2025, 1, 2, hour, tzinfo=UTC) for hour in ((10, 11) if zone is None else (13, 14))]
    stamps = pa.array([moment.replace(tzinfo=None) for moment in moments], pa.timestamp("ns"))
    if zone:
        stamps = stamps.cast(pa.timestamp("ns", tz=zone))
    parsed = export.parquet(
        {"time": stamps, "open": [1.0, 2.0], "high": [1.0, 2.0], "low": [1.0, 2.0], "close": [1.0, 2.0], "volume": [100, None]}
    )
    assert (parsed.format, parsed.timeframe) == ("ohlcv_parquet", "60m")
    assert [iso(instant) for instant in parsed.table.time] == ["2025-01-02T10:00:00-03:00", "2025-01-02T11:00:00-03:00"]
    assert parsed.table.quantity[0] == 100.0
    assert np.isnan(parsed.table.quantity[1])


def test_parquet_dates_and_text_are_daily(export: Export) -> None:
    prices = {"open": [1.0, 2.0], "high": [1.0, 2.0], "low": [1.0, 2.0], "close": [1.0, 2.0]}
    for column in ([date(2025, 1, 2), date(2025, 1, 3)], ["2025-01-02", "2025-01-03"], [20250102, 20250103]):
        parsed = export.parquet({"date": column, "symbol": ["PETR4", "VALE3"], **prices}, symbol="")
        assert days(parsed) == ["2025-01-02", "2025-01-03"]
        assert parsed.table.symbols == ("PETR4", "VALE3")
        assert parsed.timeframe == "1d"


def test_parquet_rows_with_a_missing_price_are_rejected_by_their_number(export: Export) -> None:
    prices = {"open": [1.0, None, 3.0], "high": [1.0, 2.0, 3.0], "low": [1.0, 2.0, 3.0], "close": [1.0, 2.0, float("inf")]}
    with pytest.raises(RefusedFileError):
        export.parquet({"date": [date(2025, 1, 2), date(2025, 1, 3), date(2025, 1, 6)], **prices})
    prices["close"] = [1.0, 2.0, 3.0]
    parsed = export.parquet({"date": [date(2025, 1, 2), date(2025, 1, 3), date(2025, 1, 6)], **prices})
    assert [(bad.line, bad.reason) for bad in parsed.rejected] == [(2, "a price is missing")]


def test_a_parquet_file_that_is_damaged_or_of_odd_types_is_an_error(export: Export) -> None:
    for data in (b"PAR1", b"PAR1" + b"\x00" * 100 + b"PAR1"):
        with pytest.raises(RefusedFileError, match="Parquet"):
            export.parse(data)
    with pytest.raises(FileError, match="type"):
        export.parquet({"date": [date(2025, 1, 2)], "open": [[1.0]], "high": [1.0], "low": [1.0], "close": [1.0]})
    with pytest.raises(FileError, match="no data rows"):
        export.parquet(
            {"date": np.array([], "datetime64[ns]"), **{name: np.array([], float) for name in ("open", "high", "low", "close")}}
        )


def test_an_empty_file_is_an_error(export: Export) -> None:
    for data in (b"", b"\xef\xbb\xbf", b"\n\n", b"date,open,high,low,close\n", b"nothing here\n", b"a\x00b"):
        with pytest.raises(FileError):
            export.parse(data)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"Date,Open,High,Low,Close,Adj Close,Volume\n", True),
        (b"DATE,OPEN,HIGH,LOW,CLOSE\n", True),
        (b"PAR1\x15\x04", True),
        (b"Date,Price,Open,High,Low,Vol.,Change %\n", False),
        (b"Data;Hora;Abertura;M\xe1xima;M\xednima;Fechamento;Volume\n", False),
        (b"PETR4;30/12/2025;17:00:00;30,93;30,96;30,82;30,82;175515252,00;5686700\n", False),
        (b"00COTAHIST.2024BOVESPA 20241230", False),
        (b"data,selic\n2010-01-01,8.75\n", False),
        (b"", False),
        (b"\x89PNG\r\n\x1a\n", False),
    ],
)
def test_the_content_decides_what_is_claimed(head: bytes, expected: bool) -> None:
    assert tabular.recognises(head, "prices.parquet") is expected


@needs_real
def test_the_four_tickers_of_a_real_year_are_read() -> None:
    path = DATA / "cotahist" / "four_tickers_2025.csv"
    parsed = tabular.parse(SourceFile(path, path.name, path.stat().st_size), replace(OPTIONS, symbol=""))
    assert (parsed.rows, len(parsed.table), parsed.rejected, parsed.price_base) == (1000, 1000, (), PriceBase.RAW)
    last = np.flatnonzero(
        (parsed.table.symbol_index == parsed.table.symbols.index("VALE3"))
        & (parsed.table.session == day_number(date(2025, 12, 30)))
    )
    assert parsed.table.close[last[0]] == 71.96
    assert parsed.table.turnover[last[0]] == 1_233_267_162.0


@needs_real
def test_a_real_etf_with_floating_noise_is_read() -> None:
    path = DATA / "series" / "BOVA11.csv"
    parsed = tabular.parse(SourceFile(path, path.name, path.stat().st_size), replace(OPTIONS, symbol=""))
    assert (len(parsed.table), parsed.rejected, parsed.timeframe) == (1715, (), "1d")
    assert parsed.table.open[0] == 57.990002
    assert parsed.table.quantity[0] == 828_980.0
