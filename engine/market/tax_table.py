"""The dated table of income-tax rules, and money in whole cents."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any

from engine.domain import day_number
from engine.errors import SettingsError
from engine.i18n import _

#: Rules that are fractions of an amount; the others are amounts in R$, or a code.
RATES = ("common", "day_trade", "fii", "irrf_sales", "irrf_day_trade", "interest", "dividend")
AMOUNTS = ("exemption", "irrf_minimum", "darf_minimum", "darf_code", "dividend_limit")
MAX_AMOUNT = 1_000_000_000
_KEYS = {"name": str, "valid_from": date, "value": Decimal, "source": str, "verified_on": date, "note": str}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table, in force from `valid_from` (days since 1970-01-01) on: a fraction, R$, or a code."""

    name: str
    valid_from: int
    value: Decimal
    source: str
    verified_on: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class TaxTable:
    """The rules; those of one name are in order of date."""

    rules: tuple[Rule, ...]

    def at(self, name: str, day: int) -> Decimal:
        """The value in force on `day` (days since 1970-01-01); before the first row of that name, the value of the first."""
        rows = [rule for rule in self.rules if rule.name == name]
        return next((rule.value for rule in reversed(rows) if rule.valid_from <= day), rows[0].value)

    def cents(self, name: str, day: int) -> int:
        """An amount in force on `day`, in cents."""
        return to_cents(self.at(name, day))

    def begins(self, name: str) -> int:
        """The day from which on the table knows a name."""
        return next(rule.valid_from for rule in self.rules if rule.name == name)


def to_cents(amount: float | Decimal) -> int:
    """R$ as whole cents, half up; a float is taken for the shortest decimal number that it stands for."""
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(float(amount)))
    return int((exact * 100).quantize(Decimal(1), ROUND_HALF_UP))


def portion(cents: int, rate: Decimal) -> int:
    """A rate of an amount in cents, half up to the cent."""
    return int((cents * rate).quantize(Decimal(1), ROUND_HALF_UP))


def load_tax_table(text: str | None = None) -> TaxTable:
    """The table in TOML, by default the packaged `resources/taxes.toml`.

    Raises SettingsError when a key is missing, unknown or of the wrong type, a rate lies outside [0, 1], an amount is
    negative, the rows of one name are not in order of date, or a rule is missing.
    """
    if text is None:
        return _packaged()
    try:
        rows = tomllib.loads(text, parse_float=Decimal).get("rule", [])
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_("The table of taxes is not valid TOML: {error}").format(error=error)) from error
    if not isinstance(rows, list):
        raise SettingsError(_("The table of taxes has no rows"))
    newest: dict[str, int] = {}
    rules = []
    for number, row in enumerate(rows, start=1):
        rule = _rule(number, row)
        if rule.valid_from <= newest.get(rule.name, rule.valid_from - 1):
            raise _bad_row(number, _("it is not newer than the row before it of that name"))
        newest[rule.name] = rule.valid_from
        rules.append(rule)
    missing = [name for name in (*RATES, *AMOUNTS) if name not in newest]
    if missing:
        raise SettingsError(_("The table of taxes lacks {names}").format(names=", ".join(missing)))
    return TaxTable(tuple(rules))


@lru_cache(maxsize=1)
def _packaged() -> TaxTable:
    return load_tax_table((files("engine") / "resources" / "taxes.toml").read_text("utf-8"))


def _rule(number: int, row: Any) -> Rule:
    if not isinstance(row, dict) or row.keys() != _KEYS.keys():
        raise _bad_row(number, _("its keys must be {keys}").format(keys=", ".join(_KEYS)))
    if isinstance(row["value"], int) and not isinstance(row["value"], bool):
        row = row | {"value": Decimal(row["value"])}
    for key, kind in _KEYS.items():
        if not isinstance(row[key], kind) or isinstance(row[key], datetime):
            raise _bad_row(number, _("{key} is not a {kind}").format(key=key, kind=kind.__name__.lower()))
    if row["name"] not in (*RATES, *AMOUNTS):
        raise _bad_row(number, _("{name} is not a rule").format(name=row["name"]))
    limit = 1 if row["name"] in RATES else MAX_AMOUNT
    if not (row["value"].is_finite() and 0 <= row["value"] <= limit):
        raise _bad_row(number, _("value must be from 0 to {limit}").format(limit=limit))
    return Rule(**(row | {"valid_from": day_number(row["valid_from"]), "verified_on": day_number(row["verified_on"])}))


def _bad_row(number: int, reason: str) -> SettingsError:
    return SettingsError(_("Row {number} of the table of taxes is wrong: {reason}").format(number=number, reason=reason))
