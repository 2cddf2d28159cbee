"""The paper account in words: its heading, its risk, and one row in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from engine.i18n import _, ngettext
from tui.paper.account import Row, Shown
from tui.paper.names import side_name, state_name, type_name
from tui.paper.tables import moment, order_price
from tui.quick_format import DASH, GLYPH, day, money, number, percent, price, trend

Colours = Mapping[str, str]
#: Cells of the bar of a limit, and the share of it from which its use is a warning.
BAR, NEAR = 5, 0.8
LABEL = 16


def heading(shown: Shown, colours: Colours) -> Text:
    """Two lines: the money, then what is held and how far the account is."""
    found = shown.status
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(_(" Equity {amount} ").format(amount=money(found["equity"])), style="bold")
    _gain(text, found["total_return"], percent(found["total_return"]), colours)
    if shown.day is not None:
        gain, fraction = shown.day
        text.append(_(" · day "))
        _gain(text, gain, f"{money(gain)} {percent(fraction)}", colours)
    text.append(_(" · cash {amount}").format(amount=money(found["cash"])) + "\n ")
    if not shown.there:
        text.append(_("no account is open yet"))
        return text
    if found["risk"]["kill_switch"]:
        text.append(_("✖ KILL SWITCH ON"), style=f"bold {colours['down']}")
        text.append(" · ")
    if found["behind"]:
        said = ngettext("! {count} session behind", "! {count} sessions behind", found["behind"])
        text.append(said.format(count=found["behind"]) + " · ", style=colours["warn"])
    facts = [
        ngettext("{count} position", "{count} positions", len(found["positions"])).format(count=len(found["positions"])),
        _("exposure {share}").format(share=_plain(found["risk"]["exposure"])),
        day(found["session"]),
        (_("simulated #{id}") if shown.live else _("simulated in the past #{id}")).format(id=found["account"]),
    ]
    text.append(" · ".join(facts))
    return text


def _gain(text: Text, value: float, words: str, colours: Colours) -> None:
    style = trend(value)
    text.append(f"{GLYPH[style]} {words}", style=colours[style])


def risk_text(shown: Shown, colours: Colours) -> Text:
    """Each limit with what is used and left, the kill switch, the newest refusal, and what is to be known."""
    risk, limits = shown.status["risk"], shown.status["risk"]["limits"]
    text = Text()
    switch = _("Kill switch")
    text.append(f"{switch:<{LABEL}} ")
    on = risk["kill_switch"]
    text.append(_("ON: nothing opens") if on else _("off"), style=f"bold {colours['down']}" if on else "")
    heads = "".join(f"{head:>8}" for head in (_("used"), _("left"), _("limit")))
    text.append("\n" + " " * (LABEL + BAR + 1) + heads + "\n", style=colours["dim"])
    for label, used, limit, show in (
        (_("Loss at a stop"), risk["risk_per_trade"], limits["risk_per_trade"], _plain),
        (_("Loss of session"), risk["daily_loss"], limits["daily_loss"], _plain),
        (_("Positions"), risk["positions"], limits["positions"], _count),
        (_("Exposure"), risk["exposure"], limits["exposure"], _plain),
    ):
        share = (used or 0.0) / limit
        over = share > 1.0 or (label == _("Loss of session") and risk["blocked"])
        tone = "down" if over else "warn" if share >= NEAR else "accent"
        text.append(f"{label[:LABEL]:<{LABEL}} ")
        text.append(_bar(share), style=colours[tone])
        text.append(
            f"{show(used):>8}{show(max(limit - (used or 0.0), 0)):>8}{show(limit):>8}\n", style=colours[tone] if over else ""
        )
    free = _("Free for orders")
    text.append(f"{free[:LABEL]:<{LABEL}} {money(shown.status['buying_power'])}")
    if shown.status["reserved"]:
        text.append(" " + _("({amount} reserved)").format(amount=money(shown.status["reserved"])), style=colours["dim"])
    text.append("\n")
    if shown.refused is not None:
        text.append(_("Refused: {symbol}").format(symbol=shown.refused["symbol"]), style=colours["down"])
        text.append(f" {'; '.join(shown.refused['reasons'])}\n")
    for notice in shown.status["notices"] if shown.there else ():
        text.append(f"! {notice}\n", style=colours["warn"])
    text.rstrip()
    return text


def _bar(share: float) -> str:
    done = min(round(share * BAR + (0.49 if share > 0 else 0.0)), BAR)
    return "▓" * done + "░" * (BAR - done)


def _plain(value: float | None) -> str:
    return percent(value).lstrip("+")


def _count(value: float) -> str:
    return number(value, 0)


def order_line(order: Row) -> str:
    """An order in a few words: buy 100 PETR4, limit 30.10."""
    quantity = _("all") if order["quantity"] is None else number(order["quantity"], 0)
    line = f"{side_name(order['side'])} {quantity} {order['symbol']}, {type_name(order['type'])}"
    at = order_price(order)
    return line if at == DASH else f"{line} {at}"


def row_text(table: str, row: Row) -> Text:
    """All that is known of one row."""
    text = Text()
    text.append(f"{row['symbol']}\n", style="bold")
    facts = {"positions": _position_facts, "orders": _order_facts, "fills": _fill_facts, "trades": _trade_facts}[table](row)
    for label, value in facts:
        text.append(f"{label}: ", style="bold")
        text.append(f"{value}\n")
    text.rstrip()
    return text


def note(table: str, row: Row) -> str:
    """What the columns of the marked row leave out, on one line."""
    if table == "positions":
        return _("stop {stop}, target {target}, opened {day}, {share} of the equity at risk").format(
            stop=price(row["stop"]), target=price(row["target"]), day=day(row["opened_at"]), share=_plain(row["risk"])
        )
    if table == "orders":
        levels = _("{order}: stop {stop}, target {target}").format(
            order=row["id"], stop=price(row["stop"]), target=price(row["target"])
        )
        return "; ".join(row["reasons"]) or levels
    if table == "fills":
        return _("costs {costs}, order {order}").format(costs=money(row["costs"]), order=row["order"] or DASH)
    return _("from {start} at {entry} to {end} at {exit}, costs {costs}").format(
        start=moment(row["entry_time"]),
        entry=price(row["entry_price"]),
        end=moment(row["exit_time"]),
        exit=price(row["exit_price"]),
        costs=money(row["costs"]),
    )


def _position_facts(row: Row) -> list[tuple[str, str]]:
    return [
        (_("Position"), f"{side_name(row['side'])} {number(row['quantity'], 0)}"),
        (_("Average price"), price(row["average_price"])),
        (_("Last"), price(row["last_price"])),
        (_("Value"), _("{amount}, {share} of the equity").format(amount=money(row["value"]), share=_plain(row["share"]))),
        (_("Result"), f"{money(row['pnl'])} ({percent(row['return'])})"),
        (_("Costs so far"), money(row["costs"])),
        (_("Income"), money(row["income"])),
        (_("Stop"), price(row["stop"])),
        (_("Target"), price(row["target"])),
        (_("Loss at the stop"), _("{share} of the equity").format(share=_plain(row["risk"]))),
        (_("Opened"), moment(row["opened_at"])),
        (_("Bars"), number(row["bars"], 0)),
    ]


def _order_facts(row: Row) -> list[tuple[str, str]]:
    origin = {"hand": _("by hand"), "signal": _("from a signal"), "position": _("of the position")}
    facts = [
        (_("Order"), row["id"]),
        (_("What"), order_line(row)),
        (_("State"), state_name(row["state"])),
        (_("Filled"), number(row["filled"], 0) + (f" @ {price(row['average_price'])}" if row["filled"] else "")),
        (_("Stop"), price(row["stop"])),
        (_("Target"), price(row["target"])),
        (_("Placed"), f"{moment(row['placed_at'])} {origin.get(row['origin'], row['origin'])}"),
        (_("Lives"), _("until cancelled") if row["bars"] is None else _("{count} bars").format(count=row["bars"])),
    ]
    facts += [(_("Signal"), row["signal"])] if row["signal"] else []
    return [*facts, *((_("Why"), reason) for reason in row["reasons"])]


def _fill_facts(row: Row) -> list[tuple[str, str]]:
    from engine.paper.words import fill_reason

    return [
        (_("Fill"), f"{side_name(row['side'])} {number(row['quantity'], 0)} @ {price(row['price'])}"),
        (_("Time"), moment(row["time"])),
        (_("Costs"), money(row["costs"])),
        (_("Why"), fill_reason(row["reason"])),
        (_("Order"), row["order"] or DASH),
    ]


def _trade_facts(row: Row) -> list[tuple[str, str]]:
    from engine.paper.words import fill_reason

    return [
        (_("Trade"), f"{side_name(row['side'])} {number(row['quantity'], 0)}"),
        (_("Entry"), f"{moment(row['entry_time'])} @ {price(row['entry_price'])}"),
        (_("Exit"), f"{moment(row['exit_time'])} @ {price(row['exit_price'])} ({fill_reason(row['exit_reason'])})"),
        (_("Costs"), money(row["costs"])),
        (_("Result"), f"{money(row['pnl'])} ({percent(row['return'])})"),
        (_("Furthest against it"), percent(row["mae"])),
        (_("Furthest for it"), percent(row["mfe"])),
    ]


def outlook_text(found: Mapping[str, Any], colours: Colours) -> Text:
    """What an order would cost, lose and take of each limit; see `engine.paper.preview`."""
    order, text = found["order"], Text()
    text.append(order_line({**order, "quantity": found["units"] or None}), style="bold")
    text.append(_(" at about {price} (last {last}): {value}\n").format(
        price=price(found["price"]), last=price(found["last"]), value=money(found["value"])
    ))  # fmt: skip
    parts = [_("costs {amount}").format(amount=money(found["costs"]))]
    if found["loss"] is not None:
        parts.append(_("stop {price} loses {amount}").format(price=price(order["stop"]), amount=money(found["loss"])))
    if found["gain"] is not None:
        parts.append(_("target {price} gains {amount}").format(price=price(order["target"]), amount=money(found["gain"])))
    text.append("; ".join(parts) + "\n")
    if order["closes"]:
        text.append(_("It closes a position, which no limit holds back.") + "\n")
    for item in found["limits"]:
        over = item["rule"] in order["rules"]
        text.append(f"{'✖' if over else '✔'} {_limit(item)}\n", style=colours["down" if over else "up"])
    others = [
        reason for rule, reason in zip(order["rules"], order["reasons"]) if rule not in [it["rule"] for it in found["limits"]]
    ]
    for reason in others:
        text.append(f"✖ {reason}\n", style=colours["down"])
    if found["refused"]:
        text.append(_("Refused: it would only be recorded, with its reasons."), style=f"bold {colours['down']}")
    elif found["session"] is not None:
        text.append(_("It is tried from the session of {day} on.").format(day=day(found["session"])), style=colours["dim"])
    text.rstrip()
    return text


def _limit(item: Mapping[str, Any]) -> str:
    value, limit = item["value"], item["limit"]
    if item["rule"] == "cash":
        return _("takes {value} of {limit} that are free").format(value=money(value), limit=money(limit))
    if item["rule"] == "max_positions":
        return _("position {value} of {limit}").format(value=number(value, 0), limit=number(limit, 0))
    if item["rule"] == "exposure":
        return _("exposure {value}; the limit is {limit}").format(value=_plain(value), limit=_plain(limit))
    lost = _("loses {value} of the equity at the stop; the limit is {limit}")
    whole = _("may lose {value} of the equity, as it has no stop; the limit is {limit}")
    return (lost if item["stop"] else whole).format(value=_plain(value), limit=_plain(limit))
