"""Whatever bytes it is given, the COTAHIST parser answers with a table or with one of our errors."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import FileError
from engine.ingestion.cotahist import parse
from engine.ingestion.files import SourceFile, open_files
from engine.ingestion.table import ImportOptions, ParsedFile
from tests.ingestion.cotahist_maker import content, header, record

VALID = content([record(f"XPTO{number}", f"202401{number + 1:02}", high=2000 + number) for number in range(12)])


@dataclass(frozen=True, slots=True)
class Memory(SourceFile):
    """A source file whose content is in memory."""

    data: bytes = b""

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        yield io.BytesIO(self.data)


def survives(data: bytes) -> ParsedFile | None:
    """Parse; what is accepted holds what the table promises."""
    try:
        parsed = parse(Memory(Path("fuzz"), "fuzz", len(data), data=data), ImportOptions(markets=("all",)))
    except FileError:
        return None
    table = parsed.table
    for values in (table.open, table.high, table.low, table.close):
        assert np.all(np.isfinite(values))
        assert np.all(values > 0)
    assert np.all(table.low <= table.high)
    assert len(table) + len(parsed.rejected) >= parsed.rows
    assert set(parsed.instruments) == set(table.symbols)
    assert len({(symbol, day) for symbol, day in zip(table.symbol_index.tolist(), table.session.tolist(), strict=True)}) == len(
        table
    )
    lines = [*table.line.tolist(), *(rejected.line for rejected in parsed.rejected)]
    assert len(set(lines)) == len(lines)
    assert max(lines, default=1) <= data.count(b"\n") + 1
    return parsed


@given(st.binary(max_size=3000))
@settings(deadline=2000)
def test_random_bytes_are_refused(data: bytes) -> None:
    survives(data)


@given(st.binary(max_size=3000))
@example(b"")
@settings(deadline=2000)
def test_random_bytes_after_a_header_are_refused_or_rejected_by_line(data: bytes) -> None:
    parsed = survives(header() + b"\n" + data)
    assert parsed is None or len(parsed.table) == 0


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=6))
@settings(deadline=2000, max_examples=200)
def test_flipped_bytes_never_break_out(changes: list[tuple[int, int]]) -> None:
    data = bytearray(VALID)
    for position, value in changes:
        data[position] = value
    survives(bytes(data))


@given(st.integers(0, len(VALID)))
@settings(deadline=2000, max_examples=200)
def test_a_file_cut_anywhere_is_refused_or_says_that_its_trailer_is_missing(cut: int) -> None:
    parsed = survives(VALID[:cut])
    if parsed is not None and cut < len(VALID) - 2:
        assert cut < 247 or cut % 247 in (0, 245, 246) or VALID[cut:].isspace()
        assert cut > 13 * 247 or "no trailer" in parsed.notices[0]


@given(st.integers(0, len(VALID)), st.integers(0, 400), st.binary(max_size=400))
@settings(deadline=2000, max_examples=200)
def test_cut_out_and_inserted_bytes_never_break_out(start: int, removed: int, inserted: bytes) -> None:
    survives(VALID[:start] + inserted + VALID[start + removed :])


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "COTAHIST.ZIP"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("COTAHIST.TXT", VALID)
    good = path.read_bytes()
    refused = 0
    for position in range(0, len(good), 3):
        data = bytearray(good)
        data[position] ^= 0xFF
        path.write_bytes(data)
        try:
            for file in open_files(path, 1 << 20):
                parse(file, ImportOptions())
        except FileError:
            refused += 1
    assert refused > 50
    path.write_bytes(good)
    assert len(parse(open_files(path, 1 << 20)[0], ImportOptions()).table) == 12


def test_bounded_time_on_many_bad_rows() -> None:
    data = header() + b"\n" + (b"01" + b"?" * 243 + b"\n") * 20_000
    parsed = parse(Memory(Path("fuzz"), "fuzz", len(data), data=data), ImportOptions())
    assert len(parsed.rejected) == 20_000
    with pytest.raises(FileError):
        parse(Memory(Path("fuzz"), "fuzz", 0, data=data + b"x"), ImportOptions())
