"""One signal in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.text import Text

from engine.domain import sao_paulo
from engine.i18n import _, ngettext
from tui.names import action_name, regime_name
from tui.quick_format import DASH, GLYPH, compact, day, number, percent, price

if TYPE_CHECKING:
    from engine.store.board import BoardSignal

ACTION_STYLE = {"BUY": "up", "SELL": "down", "HOLD": "flat"}
EIGHTHS = " ▏▎▍▌▋▊▉█"
BAR = 5


def strength_bar(strength: float) -> str:
    """A strength from 0 to 1 as a bar of five cells."""
    eighths = round(min(max(strength, 0.0), 1.0) * BAR * 8)
    return ("█" * (eighths // 8) + EIGHTHS[eighths % 8]).ljust(BAR)[:BAR]


def signal_text(item: BoardSignal, age: str, now: int, colours: Mapping[str, str]) -> Text:
    """All that a signal says: what, why, the levels, the market, and until when it holds. now: UTC seconds."""
    style = ACTION_STYLE[item.action]
    text = Text()
    text.append(item.symbol, style="bold")
    text.append(f" {GLYPH[style]} {action_name(item.action)}", style=colours[style])
    text.append(f" {item.name}\n" if item.name else "\n", style="dim")
    if item.stale_sessions:
        warning = ngettext(
            "! given on data {count} session old", "! given on data {count} sessions old", item.stale_sessions
        ).format(count=item.stale_sessions)
        text.append(f"{warning}\n", style=colours["warn"])
    text.append(f"{item.reason}\n")
    for label, value, tone in _facts(item, age, now):
        text.append(f"{label}: ", style="bold")
        text.append(f"{value}\n", style=colours[tone])
    text.rstrip()
    return text


def _facts(item: BoardSignal, age: str, now: int) -> list[tuple[str, str, str]]:
    until = sao_paulo(item.valid_until)
    expired = now > item.valid_until
    when = f"{day(until.date())} {until:%H:%M}"
    base = item.price_base
    facts = [
        (_("Strategy"), f"{item.strategy} · {item.timeframe}", ""),
        (_("Regime"), regime_name(item.regime), ""),
        (_("Strength"), f"{strength_bar(item.strength)} {number(item.strength)}", ""),
        (_("Price"), f"{price(item.price)} ({_(base)})", ""),
        (_("Stop"), _level(item.stop_loss, item.price), ""),
        (_("Target"), _level(item.take_profit, item.price), ""),
        (_("Size"), _("by the settings") if item.size is None else percent(item.size).lstrip("+"), ""),
        (_("Valid until"), _("{when} - over").format(when=when) if expired else when, "warn" if expired else ""),
        (_("Bar of"), f"{day(sao_paulo(item.time).date())} ({age})", ""),
        (_("Run"), item.run, ""),
    ]
    context = item.market_context
    market = [f"{name} {number(context[key], 1)}" for name, key in (("ADX", "adx"), ("RSI", "rsi")) if key in context]
    market += [f"ATR {price(context['atr'])}"] if "atr" in context else []
    market += [_("mean volume {volume}").format(volume=compact(context["volume_avg"]))] if "volume_avg" in context else []
    return [*facts, (_("Market"), ", ".join(market) or DASH, "")]


def _level(level: float | None, at: float) -> str:
    """A level with its distance from the price."""
    return DASH if level is None else f"{price(level)} ({percent(level / at - 1)})"
