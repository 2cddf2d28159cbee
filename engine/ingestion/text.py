"""Delimited text in bounded memory: decoding, the header, and the data rows in chunks of columns."""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import Progress, silent
from engine.errors import FileError, RefusedFileError
from engine.i18n import _
from engine.ingestion.files import HEAD, SourceFile
from engine.ingestion.table import Rejected

if TYPE_CHECKING:
    from engine.domain import IntArray

MAX_BYTES = 256 << 20
MAX_ROWS = 3_000_000
MAX_COLUMNS = 200
MAX_REJECTED = 100_000
CHUNK = 50_000
DELIMITERS = (",", ";", "\t")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def decode(data: bytes, name: str) -> str:
    """Text in UTF-8 (with or without a byte order mark) or else cp1252; FileError when it is neither."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as error:
            raise FileError(_("{name} is not a text file").format(name=name)) from error
    if "\0" in text:
        raise FileError(_("{name} is not a text file").format(name=name))
    return text


def read_text(file: SourceFile) -> str:
    """The whole text of a file of at most MAX_BYTES; FileError or RefusedFileError in plain words."""
    return decode(file.read(MAX_BYTES), file.name)


def first_lines(head: bytes, count: int = 5) -> list[str]:
    """The first lines of a file that are not blank, from its first bytes, which may end inside a character."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        text = head.decode("cp1252", errors="replace")
    lines = (line.strip(" ") for line in re.split(r"\r\n|\r|\n", text))
    return [line for line in lines if line][:count]


def first_line(text: str) -> str:
    """The first line of a text that is not blank, empty when there is none."""
    return next(iter(first_lines(text[:HEAD].encode(), 1)), "")


def split_line(line: str, delimiter: str) -> list[str]:
    """The cells of one line; no cells when its quotes are broken."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def find_delimiter(line: str) -> str:
    """The delimiter that splits a header line into most cells; empty when none splits it."""
    cells = {delimiter: len(split_line(line, delimiter)) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: cells[delimiter])
    return best if cells[best] > 1 else ""


def label(cell: str) -> str:
    """A column name reduced to plain small letters and digits: "Máxima" -> "maxima", "Vol." -> "vol"."""
    plain = unicodedata.normalize("NFKD", cell)
    return "".join(char for char in plain.lower() if char.isascii() and char.isalnum())


def shown(text: str) -> str:
    """A piece of a file as it may be shown in a message: short, quoted, control characters escaped."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some data rows, by column. line: int64, 1-based; columns: one tuple of text per column, all as long as `line`."""

    line: IntArray
    columns: tuple[tuple[str, ...], ...]


class DelimitedText:
    """The rows of a delimited text. `rows` counts data rows seen so far, `rejected` holds those of a wrong width."""

    def __init__(self, text: str, delimiter: str, name: str) -> None:
        self.rows = 0
        self.rejected: list[Rejected] = []
        self._name = name
        self._text = text
        self._position = 0
        self._reader = csv.reader(self._split(), delimiter=delimiter, strict=True)

    def header(self) -> list[str]:
        """The cells of the first line that is not blank; FileError for an empty file."""
        for _line, cells in self._lines():
            if len(cells) > MAX_COLUMNS:
                raise FileError(_("{name} has more than {limit} columns").format(name=self._name, limit=MAX_COLUMNS))
            return [cell.strip() for cell in cells]
        raise FileError(_("{name} is empty").format(name=self._name))

    def chunks(self, width: int, progress: Progress = silent) -> Iterator[Chunk]:
        """The remaining rows of `width` cells; blank lines are skipped, rows of another width go to `rejected`.

        Raises RefusedFileError for broken quotes, more than MAX_ROWS rows or more than MAX_REJECTED rows of a wrong width.
        """
        lines: list[int] = []
        rows: list[list[str]] = []
        for line, cells in self._lines():
            self.rows += 1
            if self.rows > MAX_ROWS:
                raise RefusedFileError(
                    _("{name} has more than {limit} rows").format(name=self._name, limit=MAX_ROWS), _("Split the file.")
                )
            if len(cells) != width:
                self._reject_width(line, len(cells), width)
                continue
            lines.append(line)
            rows.append(cells)
            if len(rows) == CHUNK:
                yield Chunk(np.array(lines, dtype=np.int64), tuple(zip(*rows)))
                progress(self._position, len(self._text), self._name)
                lines, rows = [], []
        if rows:
            yield Chunk(np.array(lines, dtype=np.int64), tuple(zip(*rows)))
        progress(len(self._text), len(self._text), self._name)

    def _reject_width(self, line: int, found: int, expected: int) -> None:
        reason = _("the line has {found} columns instead of {expected}").format(found=found, expected=expected)
        self.rejected.append(Rejected(line, reason))
        if len(self.rejected) > MAX_REJECTED:
            raise RefusedFileError(_("{name} has too many broken lines; line {line}: {reason}").format(
                name=self._name, line=line, reason=reason))  # fmt: skip

    def _split(self) -> Iterator[str]:
        for found in _LINE.finditer(self._text):
            self._position = found.end()
            yield found[0]

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in self._reader:
                if cells and (len(cells) > 1 or cells[0].strip()):
                    yield self._reader.line_num, cells
        except csv.Error as error:
            raise RefusedFileError(_("{name}: line {line} is broken: {error}").format(
                name=self._name, line=self._reader.line_num, error=error)) from error  # fmt: skip
