"""Which message goes where: config/alerts.toml, read with the standard library. Without the file everything goes everywhere.

A rule is met by a message that meets every condition of it; a message goes to the channels of all the rules that it meets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from engine.domain import SAO_PAULO, Action, sao_paulo
from engine.errors import SettingsError
from engine.i18n import _
from engine.settings import read_toml
from engine.store.outbox import CHANNELS

KINDS = ("signal", "anomaly", "direction", "summary", "paper", "price", "drawdown", "failure", "test")
SEVERITIES = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions, and the channels of what meets them all. An empty one is no condition.

    A condition on what a message does not have (a strength, say, on an anomaly) is not met.
    kinds, symbols, strategies, actions: one of them. strength, severity, drawdown: at least. price_above, price_below: the price of
    the symbol; in a rule of the kind "price", whose closes are told when they cross it.
    """

    channels: tuple[str, ...] = CHANNELS
    kinds: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    strength: float | None = None
    severity: str = ""
    price_above: float | None = None
    price_below: float | None = None
    drawdown: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of Sao Paulo's clock, over midnight too, in which messages wait; start = end is never. urgent: kinds that do not wait.

    severity: anomalies of this severity or more do not wait either; empty: they do.
    """

    start: time = time(0)
    end: time = time(0)
    urgent: tuple[str, ...] = ()
    severity: str = "high"


@dataclass(frozen=True, slots=True)
class Rules:
    """All that config/alerts.toml says."""

    rules: tuple[Rule, ...] = (Rule(),)
    quiet: Quiet = Quiet()


def load_rules(path: Path) -> Rules:
    """The rules in the file; without it, or without a rule in it, the one that lets everything through to every channel.

    Raises SettingsError naming the rule and the key.
    """
    found = read_toml(path)
    _refuse_unknown(path, _("the file"), found, ("rule", "quiet"))
    listed, quiet = found.get("rule", []), found.get("quiet", {})
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise SettingsError(_("{path}: write each rule under [[rule]]").format(path=path))
    if not isinstance(quiet, dict):
        raise SettingsError(_("{path}: write quiet hours under [quiet]").format(path=path))
    rules = tuple(_rule(path, number, item) for number, item in enumerate(listed, 1))
    return Rules(rules or (Rule(),), _quiet(path, quiet))


def channels_for(rules: Rules, payload: Mapping[str, Any]) -> tuple[str, ...]:
    """The channels that a message goes to, in the order of CHANNELS. A test goes to all of them."""
    if payload["kind"] == "test":
        return CHANNELS
    wanted = {name for rule in rules.rules if meets(rule, payload) for name in rule.channels}
    return tuple(name for name in CHANNELS if name in wanted)


def meets(rule: Rule, payload: Mapping[str, Any]) -> bool:
    """Whether a message meets every condition of a rule."""
    for key, accepted in (
        ("kind", rule.kinds), ("symbol", rule.symbols), ("strategy", rule.strategies), ("action", rule.actions)
    ):  # fmt: skip
        if accepted and payload.get(key) not in accepted:
            return False
    if rule.severity and _rank(payload.get("severity")) < _rank(rule.severity):
        return False
    if rule.strength is not None and not _number(payload.get("strength"), -1.0) >= rule.strength:
        return False
    if rule.drawdown is not None and not -_number(payload.get("drawdown"), 1.0) >= rule.drawdown:
        return False
    if payload["kind"] == "price":
        mine = {"above": rule.price_above, "below": rule.price_below}[payload["side"]]
        return mine == payload["limit"] or (mine is None and rule.price_above is None and rule.price_below is None)
    price = payload.get("price")
    if rule.price_above is not None and not _number(price, rule.price_above) > rule.price_above:
        return False
    return rule.price_below is None or _number(price, rule.price_below) < rule.price_below


def crossings(rules: Rules, symbol: str, before: float, close: float) -> tuple[tuple[float, str], ...]:
    """The limits of price rules that the close of `symbol` has crossed since the close before: (limit, "above" or "below")."""
    found = set()
    for rule in rules.rules:
        if "price" in rule.kinds and (not rule.symbols or symbol in rule.symbols):
            if rule.price_above is not None and before <= rule.price_above < close:
                found.add((rule.price_above, "above"))
            if rule.price_below is not None and close < rule.price_below <= before:
                found.add((rule.price_below, "below"))
    return tuple(sorted(found))


def drawdown_limits(rules: Rules, drawdown: float) -> tuple[float, ...]:
    """The limits of drawdown rules that a drawdown (a fraction, >= 0) reaches, smallest first."""
    limits = {rule.drawdown for rule in rules.rules if rule.drawdown is not None and "drawdown" in (rule.kinds or ("drawdown",))}
    return tuple(sorted(limit for limit in limits if limit <= drawdown))


def quiet_until(rules: Rules, payload: Mapping[str, Any], now: int) -> int | None:
    """When the quiet hours that hold a message back at `now` end (UTC seconds), None when nothing holds it back."""
    quiet = rules.quiet
    urgent = payload["kind"] in ("test", *quiet.urgent)
    if urgent or (quiet.severity and _rank(payload.get("severity")) >= _rank(quiet.severity)) or quiet.start == quiet.end:
        return None
    local = sao_paulo(now)
    clock, today = local.time(), local.date()
    if quiet.start < quiet.end:
        inside, ends = quiet.start <= clock < quiet.end, today
    else:
        inside, ends = clock >= quiet.start or clock < quiet.end, today + timedelta(days=clock >= quiet.start)
    return int(datetime.combine(ends, quiet.end, SAO_PAULO).timestamp()) if inside else None


def _rank(severity: Any) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _number(value: Any, otherwise: float) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else otherwise


def _rule(path: Path, number: int, found: Mapping[str, Any]) -> Rule:
    where = _("rule {number}").format(number=number)
    _refuse_unknown(path, where, found, tuple(item.name for item in fields(Rule)))
    accepted = {"channels": CHANNELS, "kinds": KINDS, "actions": tuple(str(action) for action in Action)}
    read: dict[str, Any] = {}
    for key, value in found.items():
        if key in ("channels", "kinds", "symbols", "strategies", "actions"):
            read[key] = _texts(path, where, key, value, accepted.get(key))
        elif key in ("severity", "name"):
            read[key] = _text(path, where, key, value, SEVERITIES if key == "severity" else None)
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise SettingsError(_("{path}, {where}: {key} takes a number from 0 up").format(path=path, where=where, key=key))
        else:
            read[key] = float(value)
    limits = {"price_above", "price_below"} & set(read)
    if "price" in read.get("kinds", ()) and not limits:
        raise SettingsError(
            _("{path}, {where}: an alert of prices needs price_above or price_below").format(path=path, where=where)
        )
    return Rule(**{**read, "symbols": tuple(symbol.upper() for symbol in read.get("symbols", ()))})


def _quiet(path: Path, found: Mapping[str, Any]) -> Quiet:
    where = "[quiet]"
    _refuse_unknown(path, where, found, ("from", "to", "urgent", "severity"))
    read: dict[str, Any] = {
        "start": _clock(path, where, "from", found.get("from", "00:00")),
        "end": _clock(path, where, "to", found.get("to", "00:00")),
        "urgent": _texts(path, where, "urgent", found.get("urgent", []), KINDS),
        "severity": _text(path, where, "severity", found.get("severity", "high"), ("", *SEVERITIES)),
    }
    return Quiet(**read)


def _clock(path: Path, where: str, key: str, value: Any) -> time:
    try:
        return value if isinstance(value, time) else datetime.strptime(value, "%H:%M").time()
    except (TypeError, ValueError) as error:
        raise SettingsError(
            _('{path}, {where}: {key} takes a time such as "22:00"').format(path=path, where=where, key=key)
        ) from error


def _texts(path: Path, where: str, key: str, value: Any, accepted: tuple[str, ...] | None) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(_('{path}, {where}: {key} takes a list such as ["a", "b"]').format(path=path, where=where, key=key))
    return tuple(_text(path, where, key, item, accepted) for item in value)


def _text(path: Path, where: str, key: str, value: Any, accepted: tuple[str, ...] | None) -> str:
    if not isinstance(value, str) or (accepted is not None and value not in accepted):
        raise SettingsError(
            _("{path}, {where}: {key} cannot be {value}").format(path=path, where=where, key=key, value=value),
            "" if accepted is None else _("Accepted: {list}.").format(list=", ".join(name for name in accepted if name)),
        )
    return value


def _refuse_unknown(path: Path, where: str, found: Mapping[str, Any], accepted: tuple[str, ...]) -> None:
    for key in found:
        if key not in accepted:
            raise SettingsError(
                _("{path}, {where}: there is no {key}").format(path=path, where=where, key=key),
                _("Accepted: {list}.").format(list=", ".join(accepted)),
            )
