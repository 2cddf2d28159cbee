"""The board as the app reads it: a read that fails is told to the app and gives nothing, so that no frame is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from engine.errors import StoreError
from engine.store.board import Board, BoardRow, BoardSignal, Candle
from engine.store.board_anomalies import BoardAnomaly

Value = TypeVar("Value")


class DeskBoard:
    """`Board` for the event loop; `failed` is called with every StoreError, and the caller gets an empty value instead."""

    def __init__(self, board: Board, failed: Callable[[StoreError], None]) -> None:
        self._board = board
        self._failed = failed

    def _read(self, read: Callable[[], Value], nothing: Value) -> Value:
        try:
            return read()
        except StoreError as error:
            self._failed(error)
            return nothing

    def version(self) -> int:
        return self._read(self._board.version, 0)

    def state(self) -> tuple[object, ...]:
        return self._read(self._board.state, (None,))

    def lists(self) -> dict[str, int]:
        return self._read(self._board.lists, {})

    def names(self) -> dict[str, str]:
        return self._read(self._board.names, {})

    def all_symbols(self) -> list[str]:
        return self._read(self._board.all_symbols, [])

    def symbols(self, list_name: str) -> list[str]:
        return self._read(lambda: self._board.symbols(list_name), [])

    def timeframes(self, symbol: str) -> list[str]:
        return self._read(lambda: self._board.timeframes(symbol), [])

    def row(self, symbol: str) -> BoardRow | None:
        return self._read(lambda: self._board.row(symbol), None)

    def candles(self, symbol: str, count: int) -> list[Candle]:
        return self._read(lambda: self._board.candles(symbol, count), [])

    def signals(self, *, hold: bool) -> list[BoardSignal]:
        return self._read(lambda: self._board.signals(hold=hold), [])

    def newest_run(self) -> int | None:
        return self._read(self._board.newest_run, None)

    def anomalies(self) -> list[BoardAnomaly]:
        return self._read(self._board.anomalies, [])

    def direction_symbols(self) -> list[str]:
        return self._read(self._board.direction_symbols, [])

    def paper_state(self) -> object:
        return self._read(self._board.paper_state, None)

    def outbox_state(self) -> object:
        return self._read(self._board.outbox_state, None)

    def close(self) -> None:
        self._board.close()
