"""Any bytes give a parsed file or one of our own errors, quickly, and never a row that cannot be a bar."""

from __future__ import annotations

import io
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import FileError, RefusedFileError
from engine.ingestion import investing, profit, tabular, text
from engine.ingestion.files import SourceFile
from engine.ingestion.series import read_series
from engine.ingestion.table import ImportOptions, ParsedFile

OPTIONS = ImportOptions(symbol="PETR4", today=0)
PARSERS = (investing, profit, tabular)
FUZZ = settings(
    max_examples=120, deadline=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

INVESTING = (
    "\ufeff" + '"Data","Último","Abertura","Máxima","Mínima","Vol.","Var%"\n'
    + "".join(f'"{3 + i:02d}.03.2025","160.{700 + i}","160.{700 + i}","161.263","159.189","7,67B","0,99%"\n' for i in range(5))
).encode()  # fmt: skip
PROFIT = "".join(f"PETR4;30/12/2025;{10 + i}:00:00;30,93;30,96;30,82;30,82;175515252,00;5686700\r\n" for i in range(6)).encode()
FORMATTED = (
    "Ativo;Data;Hora;Abertura;Máximo;Mínimo;Fechamento;Volume;Quantidade\r\n"
    + "".join(f"PETR4;30/12/2025;{10 + i}:00:00;30,93;30,96;30,82;30,82;175.515.252,00;5.686.700\r\n" for i in range(6))
).encode("cp1252")  # fmt: skip
TABLE = (
    "date,open,high,low,close,volume\n" + "".join(f"2025-03-{3 + i:02d} 10:00,10.5,11,10,10.8,{i}00\n" for i in range(5))
).encode()


def parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    prices = {name: np.linspace(10, 11, 5) for name in ("open", "high", "low", "close")}
    pq.write_table(pa.table({"date": [f"2025-03-{3 + i:02d}" for i in range(5)], **prices}), stream)
    return stream.getvalue()


PARQUET = parquet()


def check(module: ModuleType, data: bytes, folder: Path) -> None:
    path = folder / "input"
    path.write_bytes(data)
    file = SourceFile(path, "input", len(data))
    assert module.recognises(data[:65_536], "input") in (True, False)
    try:
        parsed = module.parse(file, OPTIONS)
    except FileError:
        return
    assert isinstance(parsed, ParsedFile)
    table = parsed.table
    assert len(table) + len(parsed.rejected) <= parsed.rows
    assert 2 * len(parsed.rejected) <= parsed.rows
    for name in ("open", "high", "low", "close"):
        values = getattr(table, name)
        assert np.isfinite(values).all()
        assert (values > 0).all()
    assert (table.low <= np.minimum(table.open, table.close)).all()
    assert (table.high >= np.maximum(table.open, table.close)).all()
    assert len(set(zip(table.symbol_index.tolist(), table.time.tolist()))) == len(table)


def check_series(data: bytes, folder: Path) -> None:
    path = folder / "input"
    path.write_bytes(data)
    try:
        series = read_series(SourceFile(path, "input", len(data)), "CDI")
    except FileError:
        return
    assert np.isfinite(series.value).all()
    assert (np.diff(series.day) > 0).all()


@st.composite
def mutated(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file with a few bytes replaced, inserted or cut out."""
    data = bytearray(valid)
    for _change in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(data)))
        piece = draw(
            st.one_of(
                st.binary(max_size=3), st.sampled_from([b"\n", b";", b",", b'"', b".", b"-", b"E9", b"\r", b"\x00", "é".encode()])
            )
        )
        data[place : place + draw(st.integers(0, 3))] = piece
    return bytes(data[: draw(st.integers(len(data) // 2, len(data)))] if draw(st.booleans()) else data)


@FUZZ
@given(data=st.binary(max_size=400))
def test_any_bytes_give_a_file_or_our_error(data: bytes, tmp_path: Path) -> None:
    for module in PARSERS:
        check(module, data, tmp_path)
    check_series(data, tmp_path)


@FUZZ
@given(data=mutated(INVESTING))
def test_a_damaged_investing_export_gives_a_file_or_our_error(data: bytes, tmp_path: Path) -> None:
    check(investing, data, tmp_path)
    check_series(data, tmp_path)


@FUZZ
@given(data=st.one_of(mutated(PROFIT), mutated(FORMATTED)))
def test_a_damaged_profit_export_gives_a_file_or_our_error(data: bytes, tmp_path: Path) -> None:
    check(profit, data, tmp_path)


@FUZZ
@given(data=mutated(TABLE))
def test_a_damaged_table_gives_a_file_or_our_error(data: bytes, tmp_path: Path) -> None:
    check(tabular, data, tmp_path)
    check_series(data, tmp_path)


@FUZZ
@given(data=mutated(PARQUET))
def test_a_damaged_parquet_file_gives_a_file_or_our_error(data: bytes, tmp_path: Path) -> None:
    check(tabular, data, tmp_path)


@FUZZ
@given(data=st.binary(max_size=60))
def test_any_head_is_claimed_by_one_parser_at_most(data: bytes) -> None:
    assert sum(module.recognises(data, "x") for module in PARSERS) <= 1


@pytest.mark.parametrize("valid", [INVESTING, PROFIT, FORMATTED, TABLE, PARQUET])
def test_each_format_is_claimed_by_exactly_one_parser(valid: bytes, tmp_path: Path) -> None:
    claims = [module for module in PARSERS if module.recognises(valid, "x")]
    assert len(claims) == 1
    check(claims[0], valid, tmp_path)


def test_a_head_that_ends_inside_a_character_is_still_read() -> None:
    head = INVESTING[: INVESTING.index("Ú".encode()) + 1]
    assert not investing.recognises(head, "x")
    whole = INVESTING + "Ú".encode()[:1]
    assert investing.recognises(whole, "x")


@pytest.mark.parametrize(
    "data",
    [
        b'"' * 50_000,
        b";" * 200_000,
        b"date,open,high,low,close\n" + b"," * 300_000,
        b"date,open,high,low,close\n" + b"1" * 300_000 + b",1,1,1,1\n",
        b"date,open,high,low,close\n" + b'"' + b"\n" * 100_000,
        INVESTING + b'"' + b"9" * 200_000,
        b"date,open,high,low,close\n" + b"x\n" * 30_000,
    ],
    ids=["quotes", "semicolons", "wide row", "long field", "open quote", "huge field", "many bad rows"],
)
def test_hostile_shapes_are_refused_quickly(data: bytes, tmp_path: Path) -> None:
    start = time.perf_counter()
    for module in PARSERS:
        check(module, data, tmp_path)
    check_series(data, tmp_path)
    assert time.perf_counter() - start < 5


def test_rows_beyond_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "input"
    path.write_bytes(PROFIT)
    monkeypatch.setattr(text, "MAX_ROWS", 5)
    with pytest.raises(RefusedFileError, match="more than 5 rows"):
        profit.parse(SourceFile(path, "input", len(PROFIT)), OPTIONS)


def test_a_chunk_border_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "input"
    path.write_bytes(PROFIT)
    file = SourceFile(path, "input", len(PROFIT))
    whole = profit.parse(file, OPTIONS)
    seen: list[int] = []
    monkeypatch.setattr(text, "CHUNK", 2)
    cut = profit.parse(file, OPTIONS, lambda done, total, note="": seen.append(done))
    assert cut.table.time.tolist() == whole.table.time.tolist()
    assert cut.table.line.tolist() == whole.table.line.tolist()
    assert seen == sorted(seen)
    assert seen[-1] == len(PROFIT.decode())
