"""What a ticker is: market, lot, tick and point value, told from its shape and a few short tables."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from engine.domain import Instrument, Market
from engine.errors import UsageError
from engine.i18n import _

#: Names that other systems give to B3's symbols.
ALIASES = {"^BVSP": "IBOV", "BVSP": "IBOV", "IBOVESPA": "IBOV", "^IBX50": "IBXL"}

#: What the shape of a ticker does not tell. One that ends in 11 may be a unit, an ETF or a fund; those not here are OTHER.
LISTED = {
    Market.INDEX: "IBOV IBRX IBXX IBXL IBRA SMLL MLCX IDIV IFIX IFIL IEEX IFNC IMOB INDX ICON IMAT UTIL ICO2 ISEE IGCX IGCT IGNM "
    "ITAG IVBX BDRX IAGR",
    Market.CASH: "ALUP11 BPAC11 ENGI11 IGTI11 KLBN11 SANB11 SAPR11 TAEE11",
    Market.ETF: "ACWI11 BBSD11 BOVA11 BOVB11 BOVV11 BOVX11 BRAX11 DIVO11 ECOO11 EURP11 FIND11 GOLD11 GOVE11 HASH11 ISUS11 IVVB11 "
    "MATB11 NASD11 PIBB11 SMAC11 SMAL11 SPXI11 TECK11 WRLD11 XFIX11 XINA11",
    Market.FII: "BCFF11 BRCR11 BTLG11 HGBS11 HGLG11 HGRE11 HGRU11 IRDM11 KNCR11 KNIP11 KNRI11 MXRF11 VISC11 XPLG11 XPML11",
}
_LISTED = {symbol: market for market, symbols in LISTED.items() for symbol in symbols.split()}

#: Root of a future: R$ per point of one contract, tick in points, contracts per lot.
FUTURES = {"WIN": (0.20, 5.0, 1), "IND": (1.0, 5.0, 5), "WDO": (10.0, 0.5, 1), "DOL": (50.0, 0.5, 5)}

_SYMBOL = re.compile(r"(?=.*[A-Z])[A-Z0-9]{2,12}(\$[A-Z]?)?", re.ASCII)
_FUTURE = re.compile(r"(WIN|IND|WDO|DOL)(?:FUT|\$[A-Z]?|[FGHJKMNQUVXZ]\d{2})", re.ASCII)
_EQUITY = re.compile(r"([A-Z][A-Z0-9]{3})(\d{1,2})(F?)", re.ASCII)
_OPTION = re.compile(r"[A-Z][A-Z0-9]{3}[A-X]\d{1,4}(?:W[1-5])?", re.ASCII)


def normalise_symbol(text: str) -> str:
    """The symbol that `text` names: upper case, without spaces around it, without Yahoo's `.SA`; `^BVSP` is IBOV.

    Raises UsageError for what cannot be a symbol.
    """
    symbol = text.strip().upper().removesuffix(".SA")
    symbol = ALIASES.get(symbol, symbol)
    if not _SYMBOL.fullmatch(symbol):
        raise UsageError(
            _("{text} cannot be a symbol").format(text=repr(text.strip()[:40])),
            _("A symbol has 2 to 12 letters and digits, such as PETR4, BOVA11, IBOV or WINFUT."),
        )
    return symbol


def describe(symbol: str, **known: Any) -> Instrument:
    """The instrument of a symbol, told by its shape; `known` fields of Instrument replace what is guessed.

    Shares and units have a lot of 100, all else of the cash market 1; the tick is R$ 0.01. Futures have the exchange's
    point value (R$ per point and contract) and tick in points. A shape that says nothing gives Market.OTHER with lot 1.
    Raises UsageError for what cannot be a symbol, or a lot, tick or point value that is not positive.
    """
    instrument = replace(_by_shape(normalise_symbol(symbol)), **known)
    for name in ("lot", "tick", "point_value"):
        if not getattr(instrument, name) > 0:
            raise UsageError(_("The {name} of {symbol} must be greater than zero").format(name=name, symbol=instrument.symbol))
    return instrument


def _by_shape(symbol: str) -> Instrument:
    if symbol in _LISTED:
        market = _LISTED[symbol]
        return Instrument(symbol, market, lot=100 if market is Market.CASH else 1)
    if match := _FUTURE.fullmatch(symbol):
        point_value, tick, lot = FUTURES[match[1]]
        return Instrument(symbol, Market.FUTURE, lot=lot, tick=tick, point_value=point_value)
    if match := _EQUITY.fullmatch(symbol):
        return _equity(symbol, int(match[2]), fractional=bool(match[3]))
    if _OPTION.fullmatch(symbol):
        return Instrument(symbol, Market.OPTION, lot=100)
    return Instrument(symbol, Market.OTHER, lot=1)


def _equity(symbol: str, suffix: int, fractional: bool) -> Instrument:
    if fractional:
        return Instrument(symbol, Market.FRACTIONAL, lot=1)
    if 3 <= suffix <= 8:
        return Instrument(symbol, Market.CASH, lot=100)
    return Instrument(symbol, Market.BDR if 31 <= suffix <= 39 else Market.OTHER, lot=1)
