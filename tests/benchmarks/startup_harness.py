"""A program under an emulated terminal: when a text is on its screen, what it cost, how long a key waits for its paint.

The program runs under a pseudo-terminal; what it writes is stamped as it arrives, by a thread, and drawn by pyte. The
clock of a frame stops at the piece of output that completes it, so the emulator's own slowness does not count.
POSIX only; the processor time is read from /proc and is NaN elsewhere.
"""

from __future__ import annotations

import fcntl
import math
import os
import queue
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyte

COLUMNS, LINES = 120, 40
TIMEOUT = 20.0
#: Without this the emulator would hold the interpreter for 5 ms at a time, and stamps would be late by as much.
SWITCH_SECONDS = 0.0005
#: Queries and modes that pyte would print as text: the keyboard protocol, and anything with a `<`, `=` or `$`.
UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b\[\??[0-9;]*\$[a-z]|\x1bP[^\x1b]*\x1b\\")

Screen = Any
Condition = Callable[[Screen], bool]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one read gave: when it arrived (seconds of `time.perf_counter`) and the processor seconds used until then."""

    at: float
    cpu: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """From the start of a program to a screen: seconds to its first output, to the screen, processor seconds until then."""

    first_output: float
    wall: float
    cpu: float


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a user with a good terminal: bytecode is used and written, colours and motion as delivered."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONPROFILEIMPORTTIME"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8", **(extra or {})}


class Terminal:
    """One program in an emulated terminal, from start to the end of a `with` block, where it is ended."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = COLUMNS,
        lines: int = LINES,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        self.screen: Screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._pieces: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._unfinished = b""
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.began = time.perf_counter()
        self.first_output = math.nan
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=clean_environment(environment),
            cwd=folder,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(3)
        os.close(self._master)

    def text(self) -> str:
        """What is on the screen, line by line, without the colours."""
        width = self.screen.columns
        return "\n".join("".join(self.screen.buffer[y][x].data for x in range(width)).rstrip() for y in range(self.screen.lines))

    def press(self, keys: bytes) -> float:
        """Type `keys` and return when."""
        at = time.perf_counter()
        os.write(self._master, keys)
        return at

    def wait(self, condition: Condition, timeout: float = TIMEOUT) -> Piece:
        """The piece of output that made `condition` true. Raises TimeoutError, showing the screen, when none does."""
        until = time.perf_counter() + timeout
        while (left := until - time.perf_counter()) > 0:
            try:
                piece = self._pieces.get(timeout=left)
            except queue.Empty:
                break
            if piece is None:
                raise TimeoutError(f"the program ended with {self.process.wait()}; its screen:\n{self.text()}")
            self._feed(piece)
            if condition(self.screen):
                return piece
        raise TimeoutError(f"not within {timeout} s; the screen:\n{self.text()}")

    def wait_text(self, *texts: str, timeout: float = TIMEOUT) -> Piece:
        """The piece of output with which all of `texts` were on the screen."""
        return self.wait(lambda _screen: all(text in self.text() for text in texts), timeout)

    def settle(self, quiet: float = 0.05, limit: float = 2.0) -> None:
        """Draw all output until none has come for `quiet` seconds, at most for `limit` seconds."""
        until = time.perf_counter() + limit
        while time.perf_counter() < until:
            try:
                piece = self._pieces.get(timeout=quiet)
            except queue.Empty:
                return
            if piece is None:
                self._pieces.put(None)
                return
            self._feed(piece)

    def wait_idle(self, quiet: float = 0.6, share: float = 0.05, limit: float = 30.0) -> None:
        """Wait until the program has used less than `share` of a processor for `quiet` seconds; not without /proc."""
        until = time.perf_counter() + limit
        used, since = cpu_seconds(self.process.pid), time.perf_counter()
        while time.perf_counter() < until and time.perf_counter() - since < quiet:
            self.settle(0.05, 0.1)
            now = cpu_seconds(self.process.pid)
            if now - used > share * quiet:
                used, since = now, time.perf_counter()

    def paint(self, keys: bytes, condition: Condition, timeout: float = TIMEOUT) -> float:
        """Seconds from typing `keys` until `condition` holds on the screen."""
        pressed = self.press(keys)
        return self.wait(condition, timeout).at - pressed

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                data = b""
            at = time.perf_counter()
            if not data:
                self._pieces.put(None)
                return
            if math.isnan(self.first_output):
                self.first_output = at - self.began
            self._pieces.put(Piece(at, cpu_seconds(self.process.pid), data))

    def _feed(self, piece: Piece) -> None:
        data = UNKNOWN_TO_PYTE.sub(b"", self._unfinished + piece.data)
        cut = data.rfind(b"\x1b")
        whole = cut < 0 or re.match(rb"\x1b(\[[0-9;?<=>$]*[@-~]|[^\[])", data[cut:])
        self._unfinished = b"" if whole else data[cut:]
        self._stream.feed(data if whole else data[:cut])


def cpu_seconds(pid: int) -> float:
    """User and system seconds of one process so far, to the clock tick; NaN where /proc does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return math.nan
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_frame(
    command: Sequence[str],
    texts: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float = TIMEOUT,
) -> Frame:
    """Start `command` and stop the clock when all of `texts` are on the screen, then end it."""
    with Terminal(command, environment=environment, folder=folder) as terminal:
        piece = terminal.wait_text(*texts, timeout=timeout)
        return Frame(terminal.first_output, piece.at - terminal.began, piece.cpu)


def left_edge(columns: int = 7, first: int = 0, last: int = -4) -> Callable[[Screen], tuple[Any, ...]]:
    """What stands in the first columns, and how it is coloured: tells where a table's cursor is and what it shows."""

    def look(screen: Screen) -> tuple[Any, ...]:
        rows = (screen.buffer[y] for y in range(first, screen.lines + last))
        return tuple((row[x].data, row[x].bg, row[x].reverse) for row in rows for x in range(columns))

    return look


def moves(terminal: Terminal, keys: bytes, look: Callable[[Screen], Any], count: int, pause: float = 0.05) -> list[float]:
    """Seconds from key to paint of `count` presses, one at a time; a paint is the first change of what `look` sees."""
    waits = []
    for _number in range(count):
        terminal.settle(pause, limit=pause * 4)
        before = look(terminal.screen)
        waits.append(terminal.paint(keys, lambda screen, before=before: look(screen) != before))
    return waits


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
