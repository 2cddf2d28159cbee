"""The dated table of taxes: its figures, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from importlib.resources import files

import pytest

from engine.domain import day_number
from engine.errors import SettingsError
from engine.market.tax_table import AMOUNTS, RATES, load_tax_table, portion, to_cents

PACKAGED = (files("engine") / "resources" / "taxes.toml").read_text("utf-8")


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("common", "0.15"),
        ("day_trade", "0.2"),
        ("fii", "0.2"),
        ("exemption", "20000"),
        ("irrf_sales", "0.00005"),
        ("irrf_day_trade", "0.01"),
        ("irrf_minimum", "1"),
        ("darf_minimum", "10"),
        ("darf_code", "6015"),
        ("interest", "0.225"),
    ],
)
def test_the_rules_of_2025_and_2026(name, value):
    table = load_tax_table()
    assert table.at(name, day("2025-06-30")) == table.at(name, day("2026-06-30")) == Decimal(value)


def test_dividends_are_withheld_from_2026_on():
    table = load_tax_table()
    assert [table.at("dividend", day(text)) for text in ("2025-12-31", "2026-01-01")] == [0, Decimal("0.1")]
    assert table.cents("dividend_limit", day("2026-01-01")) == 5_000_000


def test_before_the_first_row_the_first_row_holds():
    table = load_tax_table()
    assert table.at("common", day("1999-01-04")) == Decimal("0.15")
    assert table.begins("common") == day("2005-01-01")


def test_every_row_says_where_it_comes_from():
    for rule in load_tax_table().rules:
        assert rule.source
        assert rule.verified_on >= rule.valid_from


def test_a_new_row_changes_the_rate_from_its_day_on():
    newer = '[[rule]]\nname = "common"\nvalid_from = 2027-01-01\nvalue = 0.175\nsource = "a law"\nverified_on = 2026-01-02\nnote = ""\n'
    table = load_tax_table(PACKAGED + newer)
    assert [table.at("common", day(text)) for text in ("2026-12-31", "2027-01-01")] == [Decimal("0.15"), Decimal("0.175")]


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("[[rule]]", "[[rule", "not valid TOML"),
        ("value = 0.15", "value = 1.5", "value must be"),
        ("value = 0.15", "value = -0.1", "value must be"),
        ("value = 0.15", "value = nan", "value must be"),
        ("value = 0.15", "value = true", "value is not a"),
        ("value = 0.15", 'value = "x"', "value is not a"),
        ("valid_from = 1999-01-01", "valid_from = 1999-01-01T10:00:00", "valid_from is not a date"),
        ('name = "fii"', 'name = "crypto"', "not a rule"),
        ('name = "fii"', 'name = "day_trade"', "not newer"),
        ("note = ", "remark = ", "keys"),
    ],
)
def test_a_wrong_table_is_refused(before, after, complaint):
    assert before in PACKAGED
    with pytest.raises(SettingsError, match=complaint):
        load_tax_table(PACKAGED.replace(before, after))


def test_a_table_without_a_rule_is_refused_by_name():
    with pytest.raises(SettingsError, match="lacks " + ", ".join((*RATES, *AMOUNTS))):
        load_tax_table("")
    with pytest.raises(SettingsError, match="no rows"):
        load_tax_table("rule = 3")


def test_money_is_rounded_half_up_to_the_cent():
    assert [to_cents(value) for value in (1.005, 0.015, 2.675, 10.1, 0.0)] == [101, 2, 268, 1010, 0]
    assert to_cents(Decimal("0.005")) == 1
    assert [portion(cents, Decimal("0.15")) for cents in (10, 3, 4, 0)] == [2, 0, 1, 0]
