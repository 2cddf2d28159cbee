"""Universal Binary JSON as XGBoost writes it, read strictly: XGBoost's own reader trusts its input and can be crashed by it.

Source of the format: ubjson.org (draft 12), with XGBoost's strongly typed arrays.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

DEEPEST = 32
_NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_CONSTANTS = {"T": True, "F": False, "Z": None}


def decode(data: bytes) -> Any:
    """The value in `data`: objects as dicts, lists as lists, typed arrays as big-endian NumPy arrays, 1-dimensional.

    Raises ValueError where the bytes are not what XGBoost writes: cut off, followed by more, a name twice, too deep.
    """
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise ValueError("bytes after the end")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise ValueError("too deep")
        mark = self.mark()
        if mark == "{":
            return self.object(depth)
        if mark == "[":
            return self.array(depth)
        if mark == "S":
            return self.take(self.length()).decode()
        if mark in _NUMBERS:
            return np.frombuffer(self.take(np.dtype(_NUMBERS[mark]).itemsize), _NUMBERS[mark])[0].item()
        return _CONSTANTS[mark] if mark in _CONSTANTS else self.unknown(mark)

    def object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.peek() != "}":
            name = self.take(self.length()).decode()
            if name in found:
                raise ValueError(f"{name} twice")
            found[name] = self.value(depth + 1)
        self.at += 1
        return found

    def array(self, depth: int) -> Any:
        mark = self.mark()
        kind = self.mark() if mark == "$" else ""
        if (self.mark() if kind else mark) != "#":
            self.unknown(mark)
        count = self.length()
        if not kind:
            return [self.value(depth + 1) for _item in range(count)]
        if kind not in _NUMBERS:
            self.unknown(kind)
        return np.frombuffer(self.take(count * np.dtype(_NUMBERS[kind]).itemsize), _NUMBERS[kind])

    def length(self) -> int:
        if (mark := self.mark()) != "L":
            self.unknown(mark)
        (count,) = struct.unpack(">q", self.take(8))
        if not 0 <= count <= len(self.data) - self.at:
            raise ValueError("cut off")
        return int(count)

    def mark(self) -> str:
        return self.take(1).decode("latin-1")

    def peek(self) -> str:
        return self.data[self.at : self.at + 1].decode("latin-1")

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if len(taken) < count:
            raise ValueError("cut off")
        self.at += count
        return taken

    def unknown(self, mark: str) -> Any:
        raise ValueError(f"unknown mark {mark!r} before byte {self.at}")
