"""Which symbol a file speaks of: what its rows say, what the user says, or a ticker in its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import Market
from engine.errors import FileError, UsageError
from engine.i18n import _
from engine.market.instruments import ALIASES, LISTED, describe, normalise_symbol

if TYPE_CHECKING:
    from engine.domain import BoolArray, IntArray

_TICKER = re.compile(r"[A-Z][A-Z0-9]{3}(?:[3-8]|11|3[1-9])F?", re.ASCII)
_INDICES = frozenset(LISTED[Market.INDEX].split())


def clean_symbol(text: str) -> str:
    """A symbol in its usual form, or an empty text when it cannot be one."""
    try:
        return normalise_symbol(text)
    except UsageError:
        return ""


def asked_symbol(text: str) -> str:
    """The symbol the user named, empty when none was; UsageError when it cannot be a symbol."""
    return normalise_symbol(text) if text else ""


def symbol_in_name(name: str) -> str:
    """The one ticker or index that a file name holds ("ibov_2024.csv" -> IBOV); empty for none or several."""
    words = [word.upper() for word in re.findall(r"[A-Za-z0-9]+", name.rsplit(":", 1)[-1])]
    known = [ALIASES.get(word, word) for word in words]
    found = {word for word in known if word in _INDICES or _TICKER.fullmatch(word)}
    return found.pop() if len(found) == 1 else ""


def symbol_of_file(name: str, asked: str, notices: list[str]) -> str:
    """The symbol of a file whose content names none; adds a notice when it comes from the file's name.

    asked: ImportOptions.symbol. Raises FileError, with the option to give, when there is no way to know.
    """
    symbol = asked_symbol(asked)
    if symbol:
        return symbol
    symbol = symbol_in_name(name)
    if not symbol:
        raise FileError(
            _("{name} does not say which symbol it holds").format(name=name),
            _("Name it with --symbol PETR4; a rate or a foreign index is no share: import it with --series NAME."),
        )
    notices.append(_("The file does not name its symbol; {symbol} was taken from the file's name.").format(symbol=symbol))
    return symbol


class SymbolColumn:
    """Turns the symbol column of a file into indices, chunk by chunk."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._symbols: dict[str, int] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The distinct tickers so far, in the order of the file."""
        return tuple(self._symbols)

    def indices(self, texts: Sequence[str]) -> tuple[IntArray, BoolArray]:
        """(int64 index into `symbols` of each text, mask of texts that cannot be symbols)."""
        for text in dict.fromkeys(texts):
            if text not in self._known:
                symbol = clean_symbol(text)
                self._known[text] = self._symbols.setdefault(symbol, len(self._symbols)) if symbol else -1
        index = np.array([self._known[text] for text in texts], dtype=np.int64)
        return index, index < 0

    def check_asked(self, name: str, asked: str) -> None:
        """FileError when the user named a symbol and the file holds others."""
        symbol = asked_symbol(asked)
        others = [known for known in self._symbols if symbol and known != symbol]
        if others:
            raise FileError(
                _("{name} holds {found}, not only {symbol}").format(name=name, found=", ".join(others[:5]), symbol=symbol),
                _("Leave out --symbol: this file names its symbols itself."),
            )


def market_of(symbol: str) -> Market:
    """The kind of instrument by the shape of its symbol; OTHER when that says nothing."""
    return describe(symbol).market
