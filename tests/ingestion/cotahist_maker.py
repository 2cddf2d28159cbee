"""Made COTAHIST files: single records for tests, whole years for the benchmark. Nothing here comes from a real file."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LENGTH = 245
MARKET_SHARE = {"010": 0.18, "070": 0.38, "080": 0.30, "020": 0.11, "030": 0.03}
BDI = {"010": b"02", "070": b"78", "080": b"82", "020": b"96", "030": b"62"}


def record(
    ticker: str = "XPTO3",
    day: str = "20240102",
    *,
    market: str = "010",
    bdi: str = "02",
    name: str = "XPTO",
    kind: str = "ON      NM",
    term: str = "",
    currency: str = "R$",
    open_: int = 1000,
    high: int = 1100,
    low: int = 900,
    average: int = 1010,
    close: int = 1050,
    trades: int = 12,
    quantity: int = 3400,
    turnover: int = 3_434_000,
    factor: int = 1,
    isin: str = "BRXPTOACNOR1",
    distribution: str = "101",
) -> bytes:
    """One data record of 245 bytes; prices and turnover as they are stored, in hundredths."""
    text = (
        f"01{day:8}{bdi:2}{ticker:12}{market:3}{name:12}{kind:10}{term:3}{currency:4}"
        f"{open_:013}{high:013}{low:013}{average:013}{close:013}{close:013}{close:013}"
        f"{trades:05}{quantity:018}{turnover:018}{0:013}0{99991231}{factor:07}{0:013}{isin:12}{distribution:3}"
    )
    data = text.encode("latin-1")
    assert len(data) == LENGTH, len(data)
    return data


def patched(data: bytes, position: int, content: bytes) -> bytes:
    """A record with `content` written at a zero-based position."""
    return data[:position] + content + data[position + len(content) :]


def header(year: int = 2024) -> bytes:
    return f"00COTAHIST.{year}BOVESPA {year}1230".encode().ljust(LENGTH)


def trailer(count: int, year: int = 2024) -> bytes:
    return f"99COTAHIST.{year}BOVESPA {year}1230{count:011}".encode().ljust(LENGTH)


def content(records: Sequence[bytes], newline: bytes = b"\r\n", count: int | None = None, last: bool = True) -> bytes:
    """A whole file. count: what the trailer promises, None = the truth, -1 = no trailer. last: end the last line too."""
    lines = [header(), *records]
    if count != -1:
        lines.append(trailer(len(records) + 2 if count is None else count))
    return newline.join(lines) + (newline if last else b"")


def _digits(block: NDArray[np.uint8], start: int, end: int, values: NDArray[np.int64]) -> None:
    rest = values.copy()
    for column in range(end - 1, start - 1, -1):
        rest, digit = np.divmod(rest, 10)
        block[:, column] = digit + ord("0")


def _letters(block: NDArray[np.uint8], column: int, texts: NDArray[np.bytes_]) -> None:
    width = texts.dtype.itemsize
    block[:, column : column + width] = np.ascontiguousarray(texts).view(np.uint8).reshape(-1, width)


def year_zip(path: Path, records: int, seed: int = 7, sessions: int = 250) -> None:
    """A ZIP with one made year of about `records` records: mostly options, prices and quantities that vary as real ones do."""
    rng = np.random.default_rng(seed)
    per_session = records // sessions
    sizes = {market: round(per_session * share) for market, share in MARKET_SHARE.items()}
    alphabet = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)
    stems = rng.permutation(np.unique(np.ascontiguousarray(rng.choice(alphabet, (5000, 4))).view("S4")))[:4000]
    total = sum(sizes.values()) * sessions + 2
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(path.stem + ".TXT", "w") as stream:
        stream.write(header() + b"\r\n")
        listed = {market: _listed(rng, stems, market, size) for market, size in sizes.items()}
        for session in range(sessions):
            day = int(f"{date(2024, 1, 1) + timedelta(days=session):%Y%m%d}")
            for market, block in listed.items():
                _trade(rng, block, day)
                if market in ("070", "080"):
                    listed[market] = _renew(rng, stems, market, block)
                stream.write(block.tobytes())
        stream.write(trailer(total) + b"\r\n")


def _listed(rng: np.random.Generator, stems: NDArray[np.bytes_], market: str, size: int) -> NDArray[np.uint8]:
    """`size` records of distinct tickers of one market, without prices yet."""
    empty = record(market=market, bdi=BDI[market].decode()) + b"\r\n"
    block = np.tile(np.frombuffer(empty, dtype=np.uint8), (size, 1))
    of = np.sort(rng.integers(0, len(stems) // 4, size)) if market in ("070", "080") else np.arange(size) % len(stems)
    _letters(block, 12, stems[of])
    _letters(block, 27, stems[of])
    _letters(block, 232, stems[of])
    _digits(block, 236, 241, of)
    if market in ("070", "080"):
        block[:, 16] = ord("A") + (12 if market == "080" else 0) + rng.integers(0, 12, size)
        strike = rng.integers(100, 9999, size)
        _digits(block, 17, 21, strike)
        _digits(block, 188, 201, strike)
        _digits(block, 202, 210, 20240100 + rng.integers(1, 12, size) * 100 + 19)
    return block


def _renew(rng: np.random.Generator, stems: NDArray[np.bytes_], market: str, block: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The options of the next session: a twentieth of them new."""
    fresh = rng.random(len(block)) < 0.05
    renewed = block.copy()
    renewed[fresh] = _listed(rng, stems, market, len(block))[fresh]
    return renewed


def _trade(rng: np.random.Generator, block: NDArray[np.uint8], day: int) -> None:
    size = len(block)
    opened = np.exp(rng.normal(7, 1, size)).astype(np.int64) + 20
    closed = (opened * rng.normal(1, 0.02, size)).astype(np.int64) + 1
    high = np.maximum(opened, closed) + rng.integers(0, 15, size)
    low = np.maximum(np.minimum(opened, closed) - rng.integers(0, 15, size), 1)
    average = (high + low) // 2
    trades = np.minimum(np.exp(rng.normal(4, 2, size)).astype(np.int64) + 1, 99_999)
    quantity = trades * rng.integers(1, 30, size) * 100
    bid, ask = closed - rng.integers(0, 3, size), closed + rng.integers(0, 3, size)
    _digits(block, 2, 10, np.full(size, day))
    for start, values in zip((56, 69, 82, 95, 108, 121, 134), (opened, high, low, average, closed, bid, ask), strict=True):
        _digits(block, start, start + 13, values)
    _digits(block, 147, 152, trades)
    _digits(block, 152, 170, quantity)
    _digits(block, 170, 188, quantity * average)
