"""The COTAHIST parser: what it takes, what it rejects by line, and which files it refuses whole."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.domain import Market, PriceBase, day_number
from engine.errors import RefusedFileError, UnrecognisedFileError, UsageError
from engine.ingestion import cotahist_records
from engine.ingestion.cotahist import MARKETS, parse, recognises
from engine.ingestion.files import SourceFile, open_files
from engine.ingestion.table import ImportOptions, ParsedFile
from tests.ingestion.cotahist_maker import content, header, patched, record, trailer, year_zip

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "cotahist"
real_files = pytest.mark.skipif(not REAL.is_dir(), reason="the real COTAHIST files are not here")


def read(tmp_path: Path, data: bytes, **options: object) -> ParsedFile:
    path = tmp_path / "COTAHIST.TXT"
    path.write_bytes(data)
    return parse(SourceFile(path, path.name, len(data)), ImportOptions(**options))  # type: ignore[arg-type]


def read_real(name: str, *markets: str) -> ParsedFile:
    path = REAL / name
    return parse(SourceFile(path, name, path.stat().st_size), ImportOptions(markets=markets))


def row(parsed: ParsedFile, symbol: str) -> dict[str, float]:
    (index,) = np.flatnonzero(parsed.table.symbol_index == parsed.table.symbols.index(symbol))
    names = ("line", "time", "session", "open", "high", "low", "close", "quantity", "turnover", "trades")
    return {name: getattr(parsed.table, name)[index] for name in names}


def same_rows(one: ParsedFile, other: ParsedFile) -> bool:
    return one.table.symbols == other.table.symbols and all(
        np.array_equal(getattr(one.table, name), getattr(other.table, name))
        for name in ("symbol_index", "line", "time", "session", "open", "high", "low", "close", "quantity", "turnover", "trades")
    )


def test_a_file_is_recognised_by_its_header_whatever_its_name() -> None:
    assert recognises(content([record()])[:100], "prices.csv")
    assert not recognises(b"date,open,high,low,close\n", "COTAHIST_A2024.TXT")
    assert not recognises(b"", "COTAHIST_A2024.TXT")


def test_a_record_becomes_a_bar_with_every_field_in_its_place(tmp_path: Path) -> None:
    parsed = read(
        tmp_path,
        content(
            [
                record(
                    "XPTO3", "20240102", open_=1001, high=1109, low=905, close=1053, trades=12, quantity=3400, turnover=3_434_050
                )
            ]
        ),
    )
    assert row(parsed, "XPTO3") == {
        "line": 2, "time": datetime(2024, 1, 2, 13, tzinfo=UTC).timestamp(), "session": day_number(date(2024, 1, 2)),
        "open": 10.01, "high": 11.09, "low": 9.05, "close": 10.53, "quantity": 3400.0, "turnover": 34340.5, "trades": 12.0,
    }  # fmt: skip
    assert (parsed.format, parsed.source, parsed.timeframe, parsed.price_base) == ("cotahist", "cotahist", "1d", PriceBase.RAW)
    assert parsed.rows == 1
    assert parsed.rejected == ()
    assert parsed.notices == ()
    assert not parsed.table.provisional.any()
    assert not parsed.table.after_market.any()


def test_the_opening_instant_follows_the_summer_time_of_its_year(tmp_path: Path) -> None:
    parsed = read(tmp_path, content([record("XPTO3", "20180115"), record("XPTO4", "20180716"), record("XPTO5", "20240115")]))
    hours = [datetime.fromtimestamp(int(instant), UTC).hour for instant in parsed.table.time]
    assert hours == [12, 13, 13]


@pytest.mark.parametrize(
    ("factor", "stored"),
    [(1, 1564), (10, 1564), (100, 4685), (1000, 15640), (1000, 3), (1000, 100879), (1000, 1), (7, 333), (10_000, 8800)],
)
def test_a_price_is_divided_by_its_factor_and_rounded_once(tmp_path: Path, factor: int, stored: int) -> None:
    parsed = read(tmp_path, content([record("XPTO3", open_=stored, high=stored, low=stored, close=stored, factor=factor)]))
    assert row(parsed, "XPTO3")["close"] == float(Fraction(stored, 100 * factor))


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_do_not_matter(tmp_path: Path, newline: bytes, last: bool) -> None:
    records = [record(f"XPTO{number}", high=2000 + number) for number in range(9)]
    assert same_rows(read(tmp_path, content(records)), read(tmp_path, content(records, newline, last=last)))


def test_mixed_line_ends_stripped_ends_and_blank_tails_are_accepted(tmp_path: Path) -> None:
    records = [record("XPTO3"), record("XPTO4")]
    whole = read(tmp_path, content(records))
    mixed = b"".join([header().rstrip(), b"\n", records[0], b"\r\n", records[1], b"\n", trailer(4).rstrip(), b"\r\n\r\n\x1a"])
    assert same_rows(whole, read(tmp_path, mixed))


@pytest.mark.parametrize("size", [1, 100, 246, 247, 500, 1000, 5000])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_block_may_end_anywhere_in_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, newline: bytes) -> None:
    data = content([record(f"XPTO{number}", high=2000 + number, quantity=number) for number in range(40)], newline)
    whole = read(tmp_path, data)
    monkeypatch.setattr(cotahist_records, "BLOCK", size)
    pieces = read(tmp_path, data)
    assert same_rows(whole, pieces)
    assert len(pieces.table) == 40


def test_progress_tells_the_bytes_read_and_ends_at_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cotahist_records, "BLOCK", 1000)
    path = tmp_path / "c.txt"
    path.write_bytes(content([record(f"XPTO{number}") for number in range(20)]))
    seen: list[tuple[int, int | None]] = []
    parse(
        SourceFile(path, path.name, path.stat().st_size), ImportOptions(), lambda done, total, note="": seen.append((done, total))
    )
    assert len(seen) > 3
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


def test_markets_are_kept_by_their_code_and_the_rest_is_counted(tmp_path: Path) -> None:
    codes = ["010", "020", "070", "080", "030", "017", "012", "013", "050", "060"]
    data = content([record(f"XPTO{code}", market=code) for code in codes])

    def kept(*markets: str) -> set[str]:
        return {symbol[-3:] for symbol in read(tmp_path, data, markets=markets).table.symbols}

    assert kept() == kept("cash") == {"010"}
    for name, values in MARKETS.items():
        expected = set(codes) if name == "all" else {f"{value:03}" for value in values}
        assert kept(name) == expected
    assert kept("cash", "options") == {"010", "070", "080"}
    parsed = read(tmp_path, data)
    assert parsed.rows == 10
    assert any("9 of 10" in notice for notice in parsed.notices)
    with pytest.raises(UsageError, match="forex"):
        read(tmp_path, data, markets=("cash", "forex"))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (patched(record(), 24, b"0X0"), "TPMERC"),
        (patched(record(), 2, b"2024-1-2"), "DATA"),
        (patched(record(), 60, b" "), "PREABE"),
        (patched(record(), 75, b"A"), "PREMAX"),
        (patched(record(), 85, b"\xe7"), "PREMIN"),
        (patched(record(), 120, b","), "PREULT"),
        (patched(record(), 149, b"-"), "TOTNEG"),
        (patched(record(), 160, b"."), "QUATOT"),
        (patched(record(), 175, b"\x00"), "VOLTOT"),
        (patched(record(), 211, b"   "), "FATCOT"),
        (record(day="20240230"), "real date"),
        (record(day="00000000"), "real date"),
        (record(day="19851231"), "real date"),
        (record(day="21010101"), "real date"),
        (record(factor=0), "factor"),
        (record(open_=0), "no trade"),
        (record(close=0, open_=0, high=0, low=0), "no trade"),
        (record(low=1200), "high or the low"),
        (record(high=1049), "high or the low"),
        (record("xpto3"), "ticker"),
        (record("XP TO3"), "ticker"),
        (record(" XPTO3"), "ticker"),
        (record(""), "ticker"),
        (record("XPTO-3"), "ticker"),
        (patched(record(), 0, b"02"), "record type"),
    ],
)
def test_a_bad_row_is_rejected_with_its_line_and_the_good_ones_are_kept(tmp_path: Path, broken: bytes, reason: str) -> None:
    parsed = read(tmp_path, content([record("AAAA3"), broken, record("CCCC3")]))
    (rejected,) = parsed.rejected
    assert rejected.line == 3
    assert reason in rejected.reason
    assert parsed.table.symbols == ("AAAA3", "CCCC3")
    assert parsed.table.line.tolist() == [2, 4]


def test_a_row_that_was_not_asked_for_is_not_judged(tmp_path: Path) -> None:
    assert read(tmp_path, content([record(market="070", open_=0)])).rejected == ()


def test_rows_without_a_trade_are_counted_in_a_notice(tmp_path: Path) -> None:
    parsed = read(tmp_path, content([record("AAAA3", close=0), record("BBBB3", low=0), record("CCCC3")]))
    assert any(notice.startswith("2 rows without a trade") for notice in parsed.notices)


def test_of_two_rows_of_a_session_the_round_lot_is_kept_else_the_larger_turnover(tmp_path: Path) -> None:
    parsed = read(
        tmp_path,
        content(
            [
                record("AAAA3", bdi="08", turnover=900),
                record("AAAA3", bdi="02", turnover=100),
                record("BBBB3", bdi="46", turnover=100),
                record("BBBB3", bdi="48", turnover=900),
                record("BBBB3", "20240103", bdi="46", turnover=100),
                record("AAAA3", bdi="10", turnover=800),
            ]
        ),
    )
    assert parsed.table.line.tolist() == [3, 5, 6]
    assert [rejected.line for rejected in parsed.rejected] == [2, 4, 7]
    assert "AAAA3" in parsed.rejected[0].reason
    assert "line 3" in parsed.rejected[0].reason
    assert "2024-01-02" in parsed.rejected[0].reason
    assert any(notice.startswith("3 rows") for notice in parsed.notices)


def test_a_trailer_that_contradicts_the_file_refuses_it_and_names_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match=r"promises 9 records.* it has 3"):
        read(tmp_path, content([record()], count=9))
    with pytest.raises(RefusedFileError, match=r"promises 2 records.* it has 3"):
        read(tmp_path, content([record()], count=2))
    with pytest.raises(RefusedFileError, match="trailer"):
        read(tmp_path, content([record()]).replace(b"00000000003", b"0000000000X"))


def test_without_a_trailer_the_file_is_taken_and_the_notice_says_so(tmp_path: Path) -> None:
    parsed = read(tmp_path, content([record()], count=-1))
    assert len(parsed.table) == 1
    assert "no trailer" in parsed.notices[0]


@pytest.mark.parametrize("block", [200, cotahist_records.BLOCK])
@pytest.mark.parametrize("after", [record(), header(), trailer(3), b"\x00" * 245])
def test_anything_after_the_trailer_refuses_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, after: bytes
) -> None:
    monkeypatch.setattr(cotahist_records, "BLOCK", block)
    with pytest.raises(RefusedFileError, match="line 4"):
        read(tmp_path, content([record()]) + after + b"\r\n")


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "broken", [record()[:-1], record() + b" ", record()[:100], b"01", record() * 2, record().replace(b"XPTO3", "XPTÃ3".encode())]
)
def test_a_record_of_another_length_refuses_the_file_with_its_line(tmp_path: Path, newline: bytes, broken: bytes) -> None:
    with pytest.raises(RefusedFileError, match="line 3"):
        read(tmp_path, content([record(), broken, record()], newline))


def test_a_file_cut_inside_a_record_is_refused(tmp_path: Path) -> None:
    data = content([record("AAAA3"), record("BBBB3")])
    with pytest.raises(RefusedFileError, match="line 3"):
        read(tmp_path, data[: 2 * 247 + 100])


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_two_short_lines_as_long_as_one_record_are_not_taken_for_one(tmp_path: Path, newline: bytes) -> None:
    split = patched(record(), 30, newline)
    with pytest.raises(RefusedFileError, match="line 3"):
        read(tmp_path, content([record("AAAA3"), split, record("CCCC3")], newline))


def test_endless_content_without_line_ends_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cotahist_records, "BLOCK", 1000)
    with pytest.raises(RefusedFileError, match="line 2"):
        read(tmp_path, header() + b"\n" + b"0" * 10_000)


@pytest.mark.parametrize("data", [b"", b"\n", record() + b"\n", trailer(1) + b"\n"])
def test_a_file_without_a_header_is_not_a_cotahist_file(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnrecognisedFileError):
        read(tmp_path, data)


def test_a_file_without_records_has_an_empty_table(tmp_path: Path) -> None:
    parsed = read(tmp_path, content([]))
    assert (parsed.rows, len(parsed.table), parsed.instruments) == (0, 0, {})


@pytest.mark.parametrize(
    ("fields", "market", "lot"),
    [
        ({}, Market.CASH, 100),
        ({"bdi": "12", "kind": "CI      MB"}, Market.FII, 1),
        ({"bdi": "14", "kind": "CI"}, Market.ETF, 1),
        ({"bdi": "14", "kind": "UNT*    N1"}, Market.CASH, 100),
        ({"kind": "DRN"}, Market.BDR, 1),
        ({"bdi": "14", "kind": "BDR"}, Market.BDR, 1),
        ({"kind": "DIR ORD N1", "bdi": "10"}, Market.CASH, 100),
        ({"market": "020", "bdi": "96"}, Market.FRACTIONAL, 1),
        ({"market": "070", "bdi": "78"}, Market.OPTION, 100),
        ({"market": "030", "bdi": "62"}, Market.TERM, 100),
        ({"market": "050", "bdi": "70"}, Market.FUTURE, 1),
        ({"market": "017", "bdi": "46"}, Market.CASH, 100),
        ({"market": "555"}, Market.OTHER, 1),
    ],
)
def test_the_kind_of_instrument_comes_from_market_bdi_and_specification(
    tmp_path: Path, fields: dict[str, str], market: Market, lot: int
) -> None:
    parsed = read(tmp_path, content([record("XPTO11", **fields)]), markets=("all",))  # type: ignore[arg-type]
    instrument = parsed.instruments["XPTO11"]
    assert (instrument.market, instrument.lot, instrument.isin, instrument.tick) == (market, lot, "BRXPTOACNOR1", 0.01)


def test_the_last_row_names_the_instrument_and_its_text_is_made_safe(tmp_path: Path) -> None:
    rows = [
        record("XPTO3", "20240102", name="OLD NAME"),
        record("XPTO3", "20240103", name="S\xc3O \x1b[2J", isin="BR\x07PTOACNOR1"),
    ]
    instrument = read(tmp_path, content(rows)).instruments["XPTO3"]
    assert instrument.name == "S\xc3O [2J"
    assert instrument.isin == ""


def test_a_ticker_with_two_isins_is_pointed_out(tmp_path: Path) -> None:
    rows = [record("XPTO3", "20240102"), record("XPTO3", "20240103", isin="BRXPTOACNOR9"), record("AAAA3")]
    assert any(
        "XPTO3" in notice and "ISIN" in notice and "AAAA3" not in notice for notice in read(tmp_path, content(rows)).notices
    )


def test_another_currency_is_pointed_out_and_stored_as_it_stands(tmp_path: Path) -> None:
    parsed = read(tmp_path, content([record("XPTO3", "19930601", currency="CR$"), record("XPTO3", "19940704")]))
    assert any("CR$" in notice and notice.startswith("1 rows") for notice in parsed.notices)
    assert parsed.table.close.tolist() == [10.5, 10.5]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"trades": 90_000}, True),
        ({"trades": 25_075, "turnover": 300_000_000_000}, True),
        ({"trades": 0, "turnover": 300_000_000_000}, True),
        ({"trades": 72_178, "turnover": 110_349_979_500}, False),
        ({"trades": 3, "turnover": 50_000_000_00}, False),
        ({"trades": 3, "turnover": 300_000_000_000, "currency": "CR$"}, False),
    ],
)
def test_a_count_of_trades_that_may_have_wrapped_is_said_once(tmp_path: Path, fields: dict[str, int], said: bool) -> None:
    parsed = read(tmp_path, content([record("AAAA3", **fields), record("BBBB3", **fields)]))  # type: ignore[arg-type]
    assert sum("five digits" in notice for notice in parsed.notices) == said


def test_a_made_year_reads_whole_from_its_zip(tmp_path: Path) -> None:
    path = tmp_path / "COTAHIST_A2024.ZIP"
    year_zip(path, 20_000, sessions=20)
    (file,) = open_files(path, 1 << 30)
    cash, everything = parse(file, ImportOptions()), parse(file, ImportOptions(markets=("all",)))
    assert cash.rows == everything.rows == 20_000
    assert len(cash.table) == 20 * 180
    assert cash.rejected == ()
    assert len(everything.table) + len(everything.rejected) == 20_000
    assert np.all(np.diff(cash.table.line) > 0)


@real_files
def test_a_real_session_of_2003_reads_whole() -> None:
    parsed = read_real("COTAHIST_D12022003.TXT")
    assert (parsed.rows, len(parsed.table), parsed.rejected) == (551, 188, ())
    petrobras = row(parsed, "PETR4")
    assert [petrobras[name] for name in ("open", "high", "low", "close", "quantity")] == [46.70, 47.10, 45.90, 46.85, 1_291_300]
    assert petrobras["session"] == day_number(date(2003, 2, 12))
    assert petrobras["time"] == datetime(2003, 2, 12, 12, tzinfo=UTC).timestamp()
    assert row(parsed, "ITAU4")["close"] == 0.16
    assert row(parsed, "ITAU4")["open"] == 0.1573
    assert parsed.instruments["TEFC11"].market is Market.BDR


@real_files
def test_the_average_price_of_a_real_session_is_turnover_per_share() -> None:
    table = read_real("COTAHIST_D12022003.TXT").table
    average = table.turnover / table.quantity
    large = table.turnover > 1e6
    assert large.sum() > 40
    assert np.all(average[large] <= table.high[large] * 1.01)
    assert np.all(average[large] >= table.low[large] * 0.99)


@real_files
def test_a_real_truncated_file_is_refused_with_both_numbers() -> None:
    with pytest.raises(RefusedFileError, match=r"1745.*506"):
        read_real("COTAHIST_D04012016_truncated.TXT")


@real_files
def test_the_kinds_of_instrument_of_a_real_session(tmp_path: Path) -> None:
    lines = (REAL / "COTAHIST_D04012016_truncated.TXT").read_bytes().splitlines(keepends=True)
    parsed = read(tmp_path, b"".join(lines[:-1]))
    kinds = {symbol: parsed.instruments[symbol].market for symbol in ("AAPL34", "BOVA11", "BRCR11", "BBDC1", "CBEE3")}
    assert kinds == {
        "AAPL34": Market.BDR, "BOVA11": Market.ETF, "BRCR11": Market.FII, "BBDC1": Market.CASH, "CBEE3": Market.CASH
    }  # fmt: skip
    assert (parsed.rows, len(parsed.table), parsed.rejected) == (504, 86, ())
    assert row(parsed, "CBEE3")["open"] == 0.00088


@real_files
def test_the_head_of_a_real_year_is_taken_with_a_notice() -> None:
    parsed = read_real("COTAHIST_A2024_head.TXT")
    assert len(parsed.table) == 49
    assert "no trailer" in parsed.notices[0]
    assert row(parsed, "AALR3")["close"] == 8.5
