"""What the paper account says in words: why an order was refused or ended, and its messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from engine.i18n import _, ngettext
from engine.strategies.base import decimal


def reason_text(reason: Mapping[str, Any]) -> str:
    """One stored reason as a sentence."""
    rule, value, limit = reason["rule"], reason.get("value"), reason.get("limit")
    if rule == "risk_per_trade":
        text = (
            _("The position would lose {value} of the equity at its stop; at most {limit} is allowed")
            if reason.get("stop", True)
            else _("Without a stop all of it counts as its risk: {value} of the equity; at most {limit} is allowed")
        )
        return text.format(value=_percent(value), limit=_percent(limit))
    if rule == "exposure":
        return _("All positions would be worth {value} of the equity; at most {limit} is allowed").format(
            value=_percent(value), limit=_percent(limit)
        )
    if rule == "max_positions":
        return _("These would be {value} positions; at most {limit} are allowed").format(value=value, limit=limit)
    if rule == "cash":
        if value is None:
            return _("The cash did not cover the order when its price came")
        return _("The order needs R$ {value}; R$ {limit} are free").format(
            value=decimal(value), limit=decimal(max(limit or 0.0, 0.0))
        )
    if rule == "daily_loss":
        if value is None:
            return _("The session lost more of the equity than the rules allow")
        return _(
            "The session lost {value} of the equity, with a limit of {limit}; nothing opens until a better one is over"
        ).format(value=_percent(value), limit=_percent(limit))
    if rule == "more_than_held":
        return _("The order would sell {value} of the {limit} that are held; it may close a position, not turn it").format(
            value=value, limit=limit
        )
    if rule == "part":
        return _("{value} of {limit} were dealt; the cash or the position ended there").format(value=value, limit=limit)
    if rule == "part_expired":
        count = reason["bars"]
        return ngettext(
            "{value} of {limit} were dealt; its {count} bar is over",
            "{value} of {limit} were dealt; its {count} bars are over",
            count,
        ).format(value=value, limit=limit or _("all"), count=count)
    if rule == "gap":
        return _("At R$ {price}, where its price came, the risk rules allowed {value} of {limit}").format(
            price=decimal(reason["price"]), value=value, limit=limit
        )
    texts = {
        "kill_switch": _("The kill switch is on: nothing opens"),
        "ruined": _("The account has no equity left"),
        "already_waiting": _("Another order of this symbol waits to open a position"),
        "short": _("Short positions are not allowed"),
        "too_small": _("What the risk rules allow is less than one lot"),
        "late": _("The signal is no longer valid at the next opening"),
        "expired": _("Its price did not come while it was valid"),
        "closed": _("The position was closed"),
        "by_hand": _("Cancelled by hand"),
        "signal": _("The signal that it followed no longer stands"),
        "cancelling": _("It is cancelled before the next bar"),
    }
    return texts.get(rule, str(rule))


def hint_of(reasons: Collection[Mapping[str, Any]]) -> str:
    """What to do about a refusal."""
    rules = {reason["rule"] for reason in reasons}
    if "kill_switch" in rules:
        return _("`pregao paper risk --kill-switch off` turns it off.")
    if any(reason["rule"] == "risk_per_trade" and not reason.get("stop", True) for reason in reasons):
        return _("Give a stop, or a smaller quantity.")
    if "risk_per_trade" in rules:
        return _("Give a closer stop or a smaller quantity.")
    if "already_waiting" in rules:
        return _("`pregao paper cancel ID` takes it back.")
    return _("The limits are in the section [paper] of config/pregao.toml.")


def all_reasons(reasons: Iterable[Mapping[str, Any]]) -> str:
    """Every reason, as one text."""
    return "; ".join(reason_text(reason) for reason in reasons)


def fill_message(symbol: str, side: int, quantity: int, price: float, reason: str) -> tuple[str, str]:
    """Title and text of a message about a fill."""
    words = {"symbol": symbol, "quantity": quantity, "price": decimal(price)}
    text = (
        _("{quantity} {symbol} bought at R$ {price}").format(**words)
        if side > 0
        else _("{quantity} {symbol} sold at R$ {price}").format(**words)
    )
    if reason not in ("entry", "signal"):
        text += f" ({fill_reason(reason)})"
    return _("Paper account: fill"), text


def refusal_message(symbol: str, reasons: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """Title and text of a message about an order that the rules refused."""
    return _("Paper account: order refused"), f"{symbol}: {all_reasons(reasons)}"


def fill_reason(reason: str) -> str:
    """Why units were dealt."""
    names = {
        "entry": _("entry"),
        "signal": _("order"),
        "stop": _("stop"),
        "target": _("target"),
        "trailing": _("trailing stop"),
        "time": _("time exit"),
        "partial": _("partial exit"),
        "liquidation": _("liquidation"),
        "event": _("corporate event"),
    }
    return names.get(reason, reason)


def _percent(value: float | None) -> str:
    return f"{decimal(100 * (value or 0.0))} %"
