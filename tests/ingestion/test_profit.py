"""Exports of ProfitChart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.domain import PriceBase, day_number, sao_paulo
from engine.errors import FileError, RefusedFileError
from engine.ingestion import profit
from engine.ingestion.files import SourceFile
from engine.ingestion.table import ImportOptions, ParsedFile

DATA = Path(__file__).parents[2].parent / "shared" / "data"
REAL = DATA / "profit"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real market files are not here")
LONG_AGO = day_number(date(1990, 1, 1))
LAST_BAR = "PETR4;30/12/2025;17:00:00;30,93;30,96;30,82;30,82;175515252,00;5686700"
HOURS = [
    "PETR4;30/12/2025;16:00:00;30,88;30,94;30,87;30,94;44645966,00;1444500",
    "PETR4;30/12/2025;15:00:00;30,90;30,92;30,85;30,88;32455041,00;1050800",
]


@dataclass
class Export:
    folder: Path

    def parse(self, content: str | bytes, name: str = "export.csv", today: int = LONG_AGO, **options: str) -> ParsedFile:
        path = self.folder / "export"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert profit.recognises(path.read_bytes(), "any name")
        return profit.parse(SourceFile(path, name, path.stat().st_size), ImportOptions(today=today, **options))  # type: ignore[arg-type]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


def said(parsed: ParsedFile, *words: str) -> bool:
    return any(all(word in notice for word in words) for notice in parsed.notices)


def bar(stamp: str, price: str = "10,00", symbol: str = "PETR4", amount: str = "1000,00;100") -> str:
    return f"{symbol};{stamp};{price};{price};{price};{price};{amount}"


def test_turnover_and_quantity_are_never_mixed_and_the_decimal_comma_is_kept(export: Export) -> None:
    parsed = export.parse("\n".join([LAST_BAR, *HOURS]))
    table = parsed.table
    assert (parsed.format, parsed.source, parsed.timeframe, parsed.price_base) == (
        "profit_intraday",
        "profit",
        "60m",
        PriceBase.UNKNOWN,
    )
    assert table.turnover[0] == 175_515_252.00
    assert table.quantity[0] == 5_686_700
    assert (table.open[0], table.high[0], table.low[0], table.close[0]) == (30.93, 30.96, 30.82, 30.82)
    assert sao_paulo(table.time[0]).isoformat() == "2025-12-30T17:00:00-03:00"
    assert table.session[0] == day_number(date(2025, 12, 30))
    assert said(parsed, "price base is unknown")


def test_an_amount_in_scientific_notation_is_read(export: Export) -> None:
    parsed = export.parse(
        "\n".join(
            [bar("03/12/2025;10:00:00", symbol="IBOV", amount="1,013524404E10;1"), bar("03/12/2025;11:00:00", symbol="IBOV")]
        )
    )
    assert parsed.table.turnover[0] == 10_135_244_040.0
    assert not parsed.rejected


def test_a_bare_daily_export_has_eight_columns(export: Export) -> None:
    parsed = export.parse(
        "PETR4;30/12/2024;32,43;32,97;32,42;32,80;733138158,20;22355600\nPETR4;27/12/2024;32,43;32,97;32,42;32,80;1,00;1\n"
    )
    assert (parsed.format, parsed.timeframe) == ("profit_daily", "1d")
    assert parsed.table.turnover[0] == 733_138_158.20
    assert parsed.table.quantity[0] == 22_355_600
    assert sao_paulo(parsed.table.time[0]).isoformat() == "2024-12-30T10:00:00-03:00"
    assert not parsed.table.after_market.any()


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig"])
def test_a_formatted_export_has_a_header_and_thousands_dots(export: Export, encoding: str) -> None:
    text = (
        "Ativo;Data;Hora;Abertura;Máximo;Mínimo;Fechamento;Volume;Quantidade\r\n"
        "WINFUT;30/12/2025;09:05:00;124.080;124.100;124.000;124.050;600.822.115,84;24.210\r\n"
        "WINFUT;30/12/2025;09:00:00;124.000;124.100;123.900;124.080;1.000,00;10\r\n"
    )
    parsed = export.parse(text.encode(encoding))
    assert parsed.timeframe == "5m"
    assert parsed.table.open[0] == 124_080
    assert parsed.table.turnover[0] == 600_822_115.84
    assert parsed.table.quantity[0] == 24_210
    assert parsed.table.line.tolist() == [2, 3]


def test_a_header_without_hora_is_daily(export: Export) -> None:
    parsed = export.parse(
        "Ativo;Data;Abertura;Máximo;Mínimo;Fechamento;Volume;Quantidade\nVALE3;30/12/2025;72,50;72,84;71,91;71,96;1.233.267.162,00;17.085.400\n"
    )
    assert (parsed.format, parsed.timeframe) == ("profit_daily", "1d")
    assert parsed.table.quantity[0] == 17_085_400


def test_a_header_without_ativo_takes_the_symbol_from_the_option_or_the_name(export: Export) -> None:
    text = "Data;Hora;Abertura;Máxima;Mínima;Fechamento;Volume\n30/12/2025;10:15;1,00;1,00;1,00;1,00;5,00\n30/12/2025;10:00;1,00;1,00;1,00;1,00;5,00\n"
    parsed = export.parse(text, name="VALE3_B_0_15min.csv")
    assert parsed.table.symbols == ("VALE3",)
    assert parsed.table.turnover.tolist() == [5.0, 5.0]
    assert np.isnan(parsed.table.quantity).all()
    assert said(parsed, "VALE3", "name")
    assert said(parsed, "turnover")
    assert export.parse(text, symbol="petr4").table.symbols == ("PETR4",)
    with pytest.raises(FileError) as caught:
        export.parse(text)
    assert "--symbol" in caught.value.hint


def test_several_symbols_in_one_file_are_told_apart(export: Export) -> None:
    rows = [
        bar(f"30/12/2025;{hour}:00:00", symbol=symbol, price=price)
        for symbol, price in (("PETR4", "30,00"), ("IBOV", "160.000,00"))
        for hour in (10, 11)
    ]
    parsed = export.parse("\n".join(rows))
    assert parsed.table.symbols == ("PETR4", "IBOV")
    assert parsed.table.symbol_index.tolist() == [0, 0, 1, 1]
    assert parsed.table.close.tolist() == [30.0, 30.0, 160_000.0, 160_000.0]
    assert parsed.price_base is PriceBase.UNKNOWN
    with pytest.raises(FileError, match="IBOV"):
        export.parse("\n".join(rows), symbol="PETR4")


def test_an_index_is_raw_and_its_flat_bars_without_volume_are_kept(export: Export) -> None:
    rows = [
        bar(f"18/10/2024;{time}", symbol="IBOV", price="130499,26", amount="0,00;0")
        for time in ("16:00:00", "15:00:00", "17:15:00")
    ]
    parsed = export.parse("\n".join(rows))
    assert parsed.price_base is PriceBase.RAW
    assert len(parsed.table) == 3
    assert parsed.table.quantity.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("step", "timeframe"), [(1, "1m"), (5, "5m"), (15, "15m"), (30, "30m"), (60, "60m")])
def test_the_timeframe_is_the_most_common_step_within_a_session(export: Export, step: int, timeframe: str) -> None:
    rows = [bar(f"{day}/12/2025;{10 + step * i // 60}:{step * i % 60:02d}:00") for day in ("01", "02") for i in range(4)]
    assert export.parse("\n".join([*rows, bar("02/12/2025;17:45:00")])).timeframe == timeframe


def test_a_timeframe_that_cannot_be_known_or_does_not_exist_is_an_error(export: Export) -> None:
    alone = bar("01/12/2025;10:00:00") + "\n" + bar("02/12/2025;10:00:00")
    with pytest.raises(FileError) as caught:
        export.parse(alone)
    assert "--timeframe" in caught.value.hint
    assert export.parse(alone, timeframe="60m").timeframe == "60m"
    with pytest.raises(FileError, match="7 minutes"):
        export.parse(bar("01/12/2025;10:00:00") + "\n" + bar("01/12/2025;10:07:00"))
    with pytest.raises(FileError, match="different lengths"):
        export.parse(
            "\n".join([LAST_BAR, *HOURS, bar("30/12/2025;10:00:00", symbol="VALE3"), bar("30/12/2025;10:15:00", symbol="VALE3")])
        )
    with pytest.raises(FileError, match="not 15m"):
        export.parse("\n".join([LAST_BAR, *HOURS]), timeframe="15m")


def test_bars_from_the_regular_close_on_are_after_market(export: Export) -> None:
    summer = [bar(f"18/10/2024;{time}") for time in ("15:00:00", "16:00:00", "17:00:00", "17:15:00")]
    winter = [bar(f"30/12/2025;{time}") for time in ("16:00:00", "17:00:00", "17:45:00", "18:00:00", "18:15:00")]
    parsed = export.parse("\n".join(summer + winter))
    assert parsed.table.after_market.tolist() == [False, False, True, True, False, False, False, True, True]


def test_a_future_trades_past_the_close_of_shares(export: Export) -> None:
    parsed = export.parse("\n".join(bar(f"18/10/2024;{time}", symbol="WINZ24") for time in ("16:00:00", "17:00:00", "18:00:00")))
    assert not parsed.table.after_market.any()


def test_an_overnight_jump_is_said_and_kept(export: Export) -> None:
    rows = [
        bar("18/04/2024;10:00:00", "18,70"),
        bar("18/04/2024;11:00:00", "15,00"),
        bar("17/04/2024;10:00:00", "22,00"),
        bar("17/04/2024;11:00:00", "22,32"),
    ]
    parsed = export.parse("\n".join(rows))
    assert len(parsed.table) == 4
    assert said(parsed, "PETR4", "1 session,", "2024-04-18 (-16.2%)")


def test_a_file_that_starts_in_the_middle_of_a_session_is_said(export: Export) -> None:
    whole = [bar(f"0{day}/10/2024;{hour}:00:00") for day in (1, 2) for hour in (10, 11, 12)]
    assert not said(export.parse("\n".join(whole)), "starts at")
    assert said(export.parse("\n".join([*whole, bar("30/09/2024;16:00:00")])), "starts at 16:00 on 2024-09-30")


def test_bars_of_today_are_provisional(export: Export) -> None:
    parsed = export.parse("\n".join([LAST_BAR, *HOURS, bar("29/12/2025;10:00:00")]), today=day_number(date(2025, 12, 30)))
    assert parsed.table.provisional.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("PETR4;30/12/2025;14:00:00;30.90;30,92;30,85;30,88;1,00;1", "'30.90'"),
        ("PETR4;30/12/2025;14:00:00;30,90;30,92;30,85;31,00;1,00;1", "close is outside"),
        ("PETR4;30/12/2025;25:00:00;30,90;30,92;30,85;30,88;1,00;1", "'25:00:00'"),
        ("PETR4;30/13/2025;14:00:00;30,90;30,92;30,85;30,88;1,00;1", "'30/13/2025'"),
        ("../PETR4;30/12/2025;14:00:00;30,90;30,92;30,85;30,88;1,00;1", "'../PETR4'"),
        ("PETR4;30/12/2025;14:00:00;30,90;30,92;30,85;30,88;-1,00;1", "negative"),
        ("PETR4;30/12/2025;14:00:00;30,90;30,92;30,85;;1,00;1", "missing"),
        ("PETR4;30/12/2025;14:00:00;30,90", "4 columns"),
        (LAST_BAR.replace("30,82;17", "30,83;17"), "line 1"),
    ],
)
def test_a_bad_row_is_rejected_with_line_and_reason_and_the_rest_kept(export: Export, row: str, reason: str) -> None:
    parsed = export.parse("\n".join([LAST_BAR, *HOURS, row]))
    assert [bad.line for bad in parsed.rejected] == [4]
    assert reason in parsed.rejected[0].reason
    assert parsed.table.line.tolist() == [1, 2, 3]


def test_a_file_that_is_mostly_bad_is_refused(export: Export) -> None:
    with pytest.raises(RefusedFileError, match="3 of its 4 rows"):
        export.parse("\n".join([LAST_BAR, *["PETR4;x;x;x;x;x;x;x;x"] * 3]))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"00COTAHIST.2024BOVESPA 20241230",
        b"0120240102020PETR4       010PETROBRAS   PN",
        b"Data;Ultimo;Abertura;Maxima;Minima;Volume;Variacao\n02/01/1995;4.301;4.354;4.398;4.300;4,10B;-1,22%\n",
        b"date;open;high;low;close\n2025-01-02;1;1;1;1\n",
        b"data;abertura;maxima;minima;fechamento\n02/01/2025;10.50;10.50;10.50;10.50\n",
        b"\x00\x01;\x02",
    ],
)
def test_other_formats_are_not_claimed(head: bytes) -> None:
    assert not profit.recognises(head, "PETR4_B_0_60min.csv")


def real(name: str) -> ParsedFile:
    path = REAL / name
    return profit.parse(SourceFile(path, name, path.stat().st_size), ImportOptions(today=LONG_AGO))


@needs_real
def test_a_real_hourly_export_is_whole() -> None:
    parsed = real("PETR4_B_0_60min.csv")
    table = parsed.table
    assert (parsed.timeframe, parsed.rows, len(table), parsed.rejected) == ("60m", 4028, 4028, ())
    assert sao_paulo(table.time[0]).isoformat() == "2025-12-30T17:00:00-03:00"
    assert (table.quantity[0], table.turnover[0]) == (5_686_700, 175_515_252.00)
    assert not table.after_market[0]


@needs_real
@pytest.mark.parametrize("path", sorted(REAL.glob("*.csv")), ids=lambda path: path.name)
def test_every_real_export_is_read_without_a_rejected_row(path: Path) -> None:
    parsed = real(path.name)
    lines = len(path.read_bytes().splitlines())
    assert (parsed.rows, len(parsed.table), parsed.rejected) == (lines, lines, ())
    assert parsed.table.symbols == (path.name.split("_")[0],)
    assert parsed.timeframe == path.stem.split("_")[-1].replace("min", "m")
    assert parsed.price_base is (PriceBase.RAW if path.name.startswith("IBOV") else PriceBase.UNKNOWN)


@needs_real
def test_the_oddities_of_real_exports_are_said() -> None:
    assert said(real("GGBR4_B_0_60min.csv"), "2024-04-18")
    assert said(real("PETR4_B_0_15min.csv"), "17:45 on 2024-09-30")
    assert not said(real("VALE3_B_0_15min.csv"), "starts at")
    index = real("IBOV_B_0_60min.csv").table
    assert index.after_market[(index.quantity == 0) & (index.turnover == 0)].all()


@needs_real
def test_the_last_regular_bar_closes_where_the_exchange_says() -> None:
    official = {}
    for line in (DATA / "cotahist" / "four_tickers_2025.csv").read_text().splitlines()[1:]:
        cells = line.split(",")
        if cells[1] == "VALE3":
            official[day_number(date.fromisoformat(cells[0]))] = float(cells[6])
    table = real("VALE3_B_0_60min.csv").table
    for session, close in official.items():
        mine = np.flatnonzero((table.session == session) & ~table.after_market)
        assert table.close[mine[np.argmax(table.time[mine])]] == close
    assert len(official) == 250
