from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Market
from engine.errors import UsageError
from engine.market.instruments import describe, normalise_symbol


@pytest.mark.parametrize(
    ("symbol", "market", "lot"),
    [
        ("PETR3", Market.CASH, 100),
        ("PETR4", Market.CASH, 100),
        ("ELET6", Market.CASH, 100),
        ("B3SA3", Market.CASH, 100),
        ("SANB11", Market.CASH, 100),
        ("BOVA11", Market.ETF, 1),
        ("IVVB11", Market.ETF, 1),
        ("HGLG11", Market.FII, 1),
        ("XYZW11", Market.OTHER, 1),
        ("AAPL34", Market.BDR, 1),
        ("M1TA34", Market.BDR, 1),
        ("PETR4F", Market.FRACTIONAL, 1),
        ("SANB11F", Market.FRACTIONAL, 1),
        ("PETR1", Market.OTHER, 1),
        ("IBOV", Market.INDEX, 1),
        ("SMLL", Market.INDEX, 1),
        ("PETRA345", Market.OPTION, 100),
        ("BRENT", Market.OTHER, 1),
    ],
)
def test_a_ticker_is_described_by_its_shape(symbol: str, market: Market, lot: int) -> None:
    instrument = describe(symbol)
    assert (instrument.market, instrument.lot, instrument.tick, instrument.point_value) == (market, lot, 0.01, 1.0)


@pytest.mark.parametrize(
    ("symbol", "tick", "point_value", "lot"),
    [
        ("WING26", 5.0, 0.2, 1),
        ("WINFUT", 5.0, 0.2, 1),
        ("WIN$", 5.0, 0.2, 1),
        ("WIN$N", 5.0, 0.2, 1),
        ("WDOF26", 0.5, 10.0, 1),
        ("INDZ25", 5.0, 1.0, 5),
        ("DOLFUT", 0.5, 50.0, 5),
    ],
)
def test_a_future_has_the_point_value_and_tick_of_its_contract(symbol: str, tick: float, point_value: float, lot: int) -> None:
    future = describe(symbol)
    assert future.market is Market.FUTURE
    assert (future.tick, future.point_value, future.lot) == (tick, point_value, lot)


@pytest.mark.parametrize("symbol", ["WINA26", "WINI26", "WING2", "WINS26"])
def test_a_letter_that_is_no_month_makes_no_future(symbol: str) -> None:
    assert describe(symbol).market is not Market.FUTURE


def test_what_is_known_replaces_what_the_shape_says() -> None:
    fund = describe("XYZW11", market=Market.FII, name="XYZ Logistics", lot=10)
    assert (fund.symbol, fund.market, fund.name, fund.lot) == ("XYZW11", Market.FII, "XYZ Logistics", 10)


@pytest.mark.parametrize("known", [{"lot": 0}, {"tick": -0.01}, {"point_value": float("nan")}])
def test_a_lot_tick_or_point_value_must_be_positive(known: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="greater than zero"):
        describe("PETR4", **known)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("petr4", "PETR4"),
        (" PETR4.SA\n", "PETR4"),
        ("^BVSP", "IBOV"),
        ("^bvsp", "IBOV"),
        ("Ibovespa", "IBOV"),
        ("win$n", "WIN$N"),
    ],
)
def test_a_symbol_is_normalised(text: str, symbol: str) -> None:
    assert normalise_symbol(text) == symbol


@pytest.mark.parametrize(
    "text", ["", " ", "P", "PETR 4", "../PETR4", "PETR4;", "12345", "PÉTR4", "A" * 13, "$", "=A1", "PETR4\x00"]
)
def test_what_cannot_be_a_symbol_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be a symbol") as raised:
        normalise_symbol(text)
    assert "PETR4" in raised.value.hint


@given(st.text(max_size=14))
def test_any_text_gives_a_symbol_that_stays_itself_or_a_usage_error(text: str) -> None:
    try:
        symbol = normalise_symbol(text)
    except UsageError:
        return
    assert normalise_symbol(symbol) == symbol
    assert symbol.isascii()
    assert describe(symbol).symbol == symbol
