"""A message in words of the reader's language, before it takes the form of a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from engine.domain import Market
from engine.errors import UsageError
from engine.figures import day, instant, money, number, percent, price
from engine.i18n import _, ngettext, pgettext
from engine.market.instruments import describe
from engine.names import action_name, anomaly_name, regime_name, severity_name, step_name

Tone = Literal["good", "bad", "warning", "neutral"]
#: Symbols that a summary names after each count.
NAMED = 10


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a message: what, its value, and a sign before it."""

    label: str
    value: str
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A message in words, before it takes the form of a channel.

    brief: its gist in two or three words. when: ISO 8601, empty where it has no instant of its own.
    """

    sign: str
    title: str
    lead: str
    facts: tuple[Fact, ...]
    notes: tuple[str, ...] = ()
    tone: Tone = "neutral"
    when: str = ""
    brief: str = ""


def content(payload: Mapping[str, Any]) -> Content:
    """A payload in words.

    An unknown kind, or a payload that another version wrote otherwise, shows its "title", its "text" and its plain values by their keys.
    """
    makers = {
        "signal": _signal,
        "anomaly": _anomaly,
        "direction": _direction,
        "summary": _summary,
        "price": _price,
        "drawdown": _drawdown,
        "failure": _failure,
        "paper": _paper,
        "test": _test,
    }
    try:
        made = makers.get(payload["kind"], _anything)(payload)
    except (KeyError, TypeError, ValueError, AttributeError, UsageError):
        made = _anything(payload)
    if not payload.get("demo"):
        return made
    warning = _("DEMO - invented companies and prices, nothing here is real")
    return replace(made, title=f"DEMO - {made.title}", lead=warning, notes=_said((made.lead, *made.notes)))


def _signal(payload: Mapping[str, Any]) -> Content:
    action, symbol, corrects = payload["action"], payload["symbol"], payload.get("corrects")
    if action == "HOLD":
        title = _("Signal withdrawn")
        lead = _("Late or corrected data: {strategy} no longer says {action} for {symbol}.")
    elif corrects:
        title = _("Corrected trading signal")
        lead = _("Late or corrected data: {strategy} no longer says {action} for {symbol}.")
    else:
        title = _("New trading signal")
        lead = _("{strategy} sees an opportunity in {symbol}.")
    facts = [
        Fact(_("Symbol"), symbol, "📊"),
        Fact(_("Action"), action_name(action), "📉" if action == "SELL" else "📈"),
        Fact(_("Strength"), number(payload["strength"]), "💪"),
        Fact(_("Price"), _price_of(symbol, payload["price"]), "💰"),
        Fact(_("Stop loss"), _price_of(symbol, payload["stop_loss"]), "🛑"),
        Fact(_("Take profit"), _price_of(symbol, payload["take_profit"]), "🎯"),
        Fact(_("Strategy"), f"{payload['strategy']} · {payload['timeframe']}"),
        Fact(_("Regime"), regime_name(payload["regime"])),
        Fact(_("Model"), _opinion(payload.get("filter"))),
        Fact(_("Bar of"), day(payload["time"]), "📅"),
        Fact(_("Valid until"), instant(payload["valid_until"]), "⏳"),
    ]
    notes = [payload["reason"] or ""]
    if stale := payload.get("stale_sessions"):
        notes.append(
            ngettext("Given on data {count} session old.", "Given on data {count} sessions old.", stale).format(count=stale)
        )
    tone: Tone = "warning" if action == "HOLD" else "good" if action == "BUY" else "bad"
    said = lead.format(strategy=payload["strategy"], action=action_name(corrects or ""), symbol=symbol)
    brief = f"{symbol} {action_name(action)}"
    return Content("🎯", title, said, _filled(facts), _said(notes), tone, payload["time"], brief)


def _opinion(judged: Mapping[str, Any] | None) -> str:
    """What a model said to a signal; empty where none was asked."""
    if not judged:
        return ""
    states = {"accepted": _("confirms"), "rejected": _("does not confirm"), "fallback": _("was not asked")}
    state = states.get(judged["state"], judged["state"])
    return f"{judged['model']}: {state}. {judged['reason']}".strip() if judged.get("reason") else f"{judged['model']}: {state}"


def _anomaly(payload: Mapping[str, Any]) -> Content:
    severity = payload["severity"]
    facts = [
        Fact(_("Symbol"), f"{payload['symbol']} · {payload['timeframe']}", "⚠️"),
        Fact(_("Kind"), anomaly_name(payload["anomaly"])),
        Fact(_("Severity"), severity_name(severity)),
        Fact(_("Score"), number(payload["score"], 3), "📊"),
        Fact(_("Day"), day(payload["session"]), "📅"),
        Fact(_("Explained by"), payload["explained_by"] or ""),
        Fact(_("Recommendation"), payload["advice"], "⚡"),
    ]
    sign = {"high": "🔴", "medium": "🟡"}.get(severity, "⚪")
    tone: Tone = "bad" if severity == "high" else "warning" if severity == "medium" else "neutral"
    lead = _("Abnormal market condition in {symbol}.").format(symbol=payload["symbol"])
    brief = f"{payload['symbol']} {anomaly_name(payload['anomaly'])}"
    return Content(sign, _("Anomaly detected"), lead, _filled(facts), _said(payload["drivers"]), tone, payload["time"], brief)


def _direction(payload: Mapping[str, Any]) -> Content:
    signal, gate = payload["signal"], payload["gate"]
    says = {1: _("up"), 0: _("not up")}.get(signal, _("no signal"))
    facts = [
        Fact(_("Session"), day(payload["target_session"]), "📅"),
        Fact(_("Direction"), says, {1: "📈", 0: "📉"}.get(signal, "⏸️")),
        Fact(_("Probability of up"), percent(payload["probability"]), "🎲"),
        Fact(_("Share of up sessions"), percent(payload["baseline"])),
        Fact(_("Decided at"), str(payload["decision_time"] or "")),
        Fact(_("Model"), payload["model"] or ""),
    ]
    met = gate == "met"
    warnings = {
        "met": "",
        "met by luck": "🔴 " + _("The quality gate is met by luck, as far as can be told: this is no basis for a trade."),
        None: "🔴 " + _("The quality gate was never evaluated: this is no basis for a trade."),
    }
    warning = warnings.get(gate, "🔴 " + _("The quality gate is not met: this is no basis for a trade."))
    title = _("Direction of {symbol}").format(symbol=payload["symbol"])
    lead = _("{symbol}: {says}.").format(symbol=payload["symbol"], says=says)
    notes = _said([warning, *(payload["reasons"] or ())])
    return Content("🧭", title, lead, _filled(facts), notes, "neutral" if met else "bad", brief=says)


def _summary(payload: Mapping[str, Any]) -> Content:
    status, anomalies = payload["status"], payload["anomalies"]
    facts = [
        Fact(_("P&L"), money(payload["pnl"]), "💰") if payload["pnl"] is not None else None,
        Fact(_("Return"), percent(payload["return"], signed=True), "📈") if payload["return"] is not None else None,
        Fact(_("Trades"), number(payload["trades"], 0), "🎯") if payload["trades"] is not None else None,
        Fact(_("Win rate"), percent(payload["win_rate"]), "✅") if payload["win_rate"] is not None else None,
        Fact(_("Equity"), money(payload["equity"])) if payload["equity"] is not None else None,
        Fact(_("Drawdown"), percent(payload["drawdown"])) if payload["drawdown"] is not None else None,
        Fact(action_name("BUY"), _listed(payload["buy"])),
        Fact(action_name("SELL"), _listed(payload["sell"])),
        Fact(_("Anomalies"), ", ".join(f"{severity_name(key)} {count}" for key, count in anomalies.items()) or "0"),
        Fact(_("Session"), day(payload["session"]), "📅"),
    ]
    states = {
        "done": "",
        "partial": _("The daily run was only partly done."),
        "stale": _("The data of the day are not complete."),
    }
    notes = [states.get(status, _("The daily run failed."))]
    if waiting := payload.get("waiting_for"):
        notes.append(_("The paper account waits for the bars of {symbols}.").format(symbols=", ".join(waiting[:NAMED])))
    tone: Tone = "neutral" if status == "done" else "warning"
    lead = _("What the session of {date} brought.").format(date=day(payload["session"]))
    return Content(
        "📊",
        _("Daily summary"),
        lead,
        _filled([fact for fact in facts if fact]),
        _said(notes),
        tone,
        brief=day(payload["session"]),
    )


def _price(payload: Mapping[str, Any]) -> Content:
    above = payload["side"] == "above"
    lead = _("{symbol} has closed above {limit}.") if above else _("{symbol} has closed below {limit}.")
    facts = [
        Fact(_("Symbol"), payload["symbol"], "📊"),
        Fact(pgettext("price", "Close"), _price_of(payload["symbol"], payload["price"]), "📈" if above else "📉"),
        Fact(_("Limit"), _price_of(payload["symbol"], payload["limit"])),
        Fact(_("Session"), day(payload["session"]), "📅"),
    ]
    said = lead.format(symbol=payload["symbol"], limit=_price_of(payload["symbol"], payload["limit"]))
    return Content("🔔", _("Price alert"), said, _filled(facts), (), "good" if above else "bad", brief=payload["symbol"])


def _drawdown(payload: Mapping[str, Any]) -> Content:
    facts = [
        Fact(_("Drawdown"), percent(payload["drawdown"]), "📉"),
        Fact(_("Limit"), percent(payload["limit"])),
        Fact(_("Equity"), money(payload["equity"]), "💰"),
        Fact(_("Session"), day(payload["session"]), "📅"),
    ]
    lead = _("The paper account is {drawdown} below its highest equity.").format(drawdown=percent(-payload["drawdown"]))
    return Content("🔻", _("Drawdown alert"), lead, _filled(facts), (), "bad")


def _failure(payload: Mapping[str, Any]) -> Content:
    facts = [Fact(_("Run"), payload["run_id"], "📅"), Fact(_("Step"), step_name(payload["step"]))]
    again = _("The next call of `pregao --run-daily` goes on from there.")
    notes = _said([payload["hint"] or "", again])
    return Content(
        "❌", _("The daily run failed"), payload["error"], _filled(facts), notes, "bad", brief=step_name(payload["step"])
    )


def _paper(payload: Mapping[str, Any]) -> Content:
    """A fill, or an order that the rules refused."""
    from engine.paper.words import fill_reason

    symbol, text = payload["symbol"], payload["text"]
    if payload.get("refused"):
        facts = [Fact(_("Symbol"), symbol, "📊")]
        return Content("🚫", _("Order refused in the paper account"), text, tuple(facts), (), "warning", brief=symbol)
    bought = payload["side"] > 0
    facts = [
        Fact(_("Symbol"), symbol, "📊"),
        Fact(_("Action"), _("bought") if bought else _("sold"), "📈" if bought else "📉"),
        Fact(_("Quantity"), number(payload["quantity"], 0)),
        Fact(_("Price"), _price_of(symbol, payload["price"]), "💰"),
        Fact(_("Reason"), fill_reason(payload["reason"])),
    ]
    return Content("💼", _("Fill in the paper account"), text, tuple(facts), brief=text)


def _test(payload: Mapping[str, Any]) -> Content:
    facts = (Fact(_("Sent"), instant(payload["time"]), "📅"),)
    return Content("✅", _("Test message"), _("Messages of Pregão reach you here."), facts, (), "good", payload["time"])


def _anything(payload: Mapping[str, Any]) -> Content:
    hidden = {"kind", "demo", "title", "text", "tone"}
    shown = {key: value for key, value in payload.items() if key not in hidden and isinstance(value, (str, int, float))}
    facts = [Fact(key.replace("_", " "), number(item) if isinstance(item, float) else str(item)) for key, item in shown.items()]
    tone: Tone = payload.get("tone", "neutral")
    return Content("🔔", payload.get("title") or payload.get("kind", ""), payload.get("text") or "", _filled(facts), (), tone)


def _price_of(symbol: str, value: float | None) -> str:
    """A price in R$, in points for an index or a future, empty where there is none."""
    if value is None:
        return ""
    return price(value) if describe(symbol).market in (Market.INDEX, Market.FUTURE) else f"R$ {price(value)}"


def _listed(symbols: Sequence[str]) -> str:
    """How many, and the first of them by name."""
    more = ", …" if len(symbols) > NAMED else ""
    return f"{len(symbols)} ({', '.join(symbols[:NAMED])}{more})" if symbols else "0"


def _filled(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if fact.value)


def _said(notes: Sequence[str]) -> tuple[str, ...]:
    return tuple(note for note in notes if note)
