"""The records of a COTAHIST file: where each field is, how blocks of records are read, and how a field is converted.

Layout: B3, SeriesHistoricas_Layout.pdf, revision of 13/04/2017. Positions are zero-based and half open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import RefusedFileError
from engine.i18n import _
from engine.ingestion.files import SourceFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain import BoolArray, IntArray

    Records = NDArray[np.uint8]

HEADER = b"00COTAHIST."
LENGTH = 245
#: A whole number of records, whether a line ends in LF (246 bytes) or in CR LF (247).
BLOCK = 246 * 247 * 16

TPMERC = (24, 27)
TICKER = (12, 24)
TRAILER_COUNT = slice(31, 42)
PRICES: Mapping[str, tuple[int, int]] = {"PREABE": (56, 69), "PREMAX": (69, 82), "PREMIN": (82, 95), "PREULT": (108, 121)}
NUMBERS: Mapping[str, tuple[int, int]] = {
    "DATA": (2, 10),
    "TPMERC": TPMERC,
    **PRICES,
    "TOTNEG": (147, 152),
    "QUATOT": (152, 170),
    "VOLTOT": (170, 188),
    "FATCOT": (210, 217),
}
#: What describes an instrument, as one key: CODBDI, CODNEG, TPMERC, NOMRES, ESPECI, MODREF, CODISI.
DESCRIPTION = np.r_[10:49, 52:56, 230:242]

_ALPHANUMERIC = np.zeros(256, dtype=bool)
_ALPHANUMERIC[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] = True
BLANK = ord(" ")


def read_blocks(file: SourceFile) -> Iterator[tuple[Records, int]]:
    """Blocks of whole records, uint8 of shape (n, 245), each with the number of bytes read so far.

    One line is one record: block after block, rows and lines of the file count alike. Blank lines are rows of blanks.
    Raises RefusedFileError for a line of another length, and FileError when the file cannot be read.
    """
    with file.open() as stream:
        line, done, rest = 1, 0, b""
        while chunk := stream.read(BLOCK):
            done += len(chunk)
            data = rest + chunk
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            if end:
                block = _records(data[:end], line, file.name)
                line += len(block)
                yield block, done
            if len(rest) > LENGTH + 1:
                raise _wrong_length(file.name, line)
        if rest:
            yield _records(rest + b"\n", line, file.name), done


def _records(data: bytes, line: int, name: str) -> Records:
    """The records of `data`, which ends in LF; `line` is the number of its first line."""
    stride = data.find(b"\n") + 1
    count = len(data) // stride
    if stride in (LENGTH + 1, LENGTH + 2) and count * stride == len(data) and data.count(b"\n") == count:
        lines = np.frombuffer(data, dtype=np.uint8).reshape(count, stride)
        if (lines[:, -1] == ord("\n")).all() and (lines[:, LENGTH:-1] == ord("\r")).all():
            return lines[:, :LENGTH]
    return _uneven_records(data, line, name)


def _uneven_records(data: bytes, line: int, name: str) -> Records:
    """As `_records`, line by line: for mixed line ends, and headers, trailers and blank lines without their padding."""
    records = []
    for number, content in enumerate(data[:-1].split(b"\n"), line):
        record = content.removesuffix(b"\r")
        if len(record) < LENGTH and (record[:2] in (b"00", b"99") or not record.strip(b" \x1a")):
            record = record.replace(b"\x1a", b" ").ljust(LENGTH)
        if len(record) != LENGTH:
            raise _wrong_length(name, number)
        records.append(record)
    return np.frombuffer(b"".join(records), dtype=np.uint8).reshape(-1, LENGTH)


def _wrong_length(name: str, line: int) -> RefusedFileError:
    return RefusedFileError(
        _("{name} is damaged: line {line} does not have the {length} characters of a COTAHIST record").format(
            name=name, line=line, length=LENGTH
        ),
        _("Download the file again; do not edit it or convert its encoding."),
    )


def parse_number(records: Records, start: int, end: int) -> tuple[IntArray, BoolArray]:
    """The int64 value of a field of up to 18 digits, and where it is all digits (elsewhere the value means nothing)."""
    digits = records[:, start:end] - np.uint8(ord("0"))
    value = np.zeros(len(records), dtype=np.int64)
    for column in digits.T:
        value *= 10
        value += column
    readable: BoolArray = np.all(digits <= 9, axis=1)
    return value, readable


def is_ticker(records: Records) -> BoolArray:
    """Where CODNEG is one or more of A-Z and 0-9, padded with blanks on the right only."""
    code = records[:, slice(*TICKER)]
    written = _ALPHANUMERIC[code]
    gap = ~written[:, :-1] & written[:, 1:]
    sound: BoolArray = (written | (code == BLANK)).all(axis=1) & written[:, 0] & ~gap.any(axis=1)
    return sound


def clean_text(data: bytes) -> str:
    """Text of a file as it may be shown: Latin-1, printable characters only, single blanks."""
    characters = (character if character.isprintable() else " " for character in data.decode("latin-1"))
    return " ".join("".join(characters).split())
