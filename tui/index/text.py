"""The direction in words: what is said at one decision time, the last sessions as a strip, the gate, and what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from engine.domain import from_day_number, sao_paulo
from engine.i18n import _, ngettext
from tui.index.record import JUDGED, REPLAY, THRESHOLD, Moment, Past
from tui.names import baseline_name, regime_name
from tui.quick_format import DASH, GLYPH, day, number, price

if TYPE_CHECKING:
    from engine.store.board_directions import BoardDirection

Colours = Mapping[str, str]
SIDES = {1: "up", 0: "down", None: "flat"}
GATE_STYLE = {"met": ("✔", "up"), "met by luck": ("!", "warn"), "not met": ("✖", "down")}
#: Hits and misses where a signal was given, and those of the likelier side where it abstained.
GIVEN, ABSTAINED = ("✔", "✖"), ("✓", "✗")


def side(signal: int | None) -> str:
    """Glyph and word of a signal."""
    words = {1: _("up"), 0: _("down"), None: _("abstains")}
    return f"{GLYPH[SIDES[signal]]} {words[signal]}"


def points(share: float | None, decimals: int = 1) -> str:
    """A share as a percentage."""
    return DASH if share is None or share != share else f"{number(share * 100, decimals)} %"


def session_day(session: int) -> str:
    return day(from_day_number(session))


def strip(window: Sequence[Past], right: Callable[[Past], bool], colours: Colours, *, abstained: bool = False) -> Text:
    """One glyph a session, oldest first. abstained: whether those without a signal are told apart."""
    text = Text(no_wrap=True)
    for past in window:
        hit = right(past)
        glyphs = ABSTAINED if abstained and not past.said else GIVEN
        text.append(glyphs[not hit], style=colours["up" if hit else "down"])
    return text


def record_text(moment: Moment, colours: Colours) -> Text:
    """The last sessions as hits and misses, beside those of always saying up."""
    window = moment.window
    text = Text()
    if not window:
        return text.append(_("No session of this decision time is over yet.") + "\n", style=colours["dim"])
    live = sum(past.live for past in window)
    title = ngettext("Last session out of sample, {day}", "Last {count} sessions out of sample, to {day}", len(window))
    text.append(title.format(count=len(window), day=session_day(window[-1].session)), style="bold")
    asked_live = _("{count} live").format(count=live)
    text.append(f" ({asked_live})\n", style=colours["dim"])
    rows: list[tuple[str, Callable[[Past], bool]]] = [
        (_("signal"), lambda past: past.hit),
        (_("always up"), lambda past: past.rose),
    ]
    width = max(len(name) for name, _right in rows) + 1
    for at, (name, right) in enumerate(rows):
        text.append(f"{name:<{width}}", style=colours["dim"])
        text.append_text(strip(window, right, colours, abstained=not at))
        hits = sum(map(right, window))
        text.append(f" {hits}/{len(window)} {points(hits / len(window))}\n")
    if silent := sum(not past.said for past in window):
        said = [past for past in window if past.said]
        text.append(
            ngettext("{glyphs} it abstained on {count} session", "{glyphs} it abstained on {count} sessions", silent).format(
                glyphs=" ".join(ABSTAINED), count=silent
            )
        )
        text.append("; " + _("{hits} of {count} right where it did not").format(hits=sum(p.hit for p in said), count=len(said)))
        text.append("\n")
    return text


def gate_of(moment: Moment) -> Mapping[str, Any] | None:
    """The gate as it was judged last: with the signal, else with the evaluation."""
    if moment.said is not None and moment.said.gate:
        return moment.said.gate
    return moment.evaluation.figures.get("gate") if moment.evaluation is not None else None


def gate_cell(moment: Moment) -> tuple[str, str]:
    """Glyph and verdict of the gate, and its style."""
    gate = gate_of(moment)
    if gate is None:
        return DASH, "dim"
    glyph, style = GATE_STYLE.get(gate["verdict"], ("●", "flat"))
    return f"{glyph} {_(gate['verdict'])}", style


def gate_text(moment: Moment, colours: Colours) -> Text:
    """The verdict on the last window with all that is needed to doubt it."""
    gate = gate_of(moment)
    if gate is None:
        return Text(_("The gate was not judged yet: an evaluation does it.") + "\n", style=colours["dim"])
    cell, style = gate_cell(moment)
    goal = _("Gate, {goal} over {window} sessions: {verdict}").format(
        goal=points(gate.get("threshold", THRESHOLD), 0), window=gate.get("window", DASH), verdict=cell
    )
    first, last = gate.get("first"), gate.get("last")
    dates = " · " + _("{first} to {last}").format(first=day(first), last=day(last)) if first and last else ""
    text = Text(f"{goal}{dates}\n", style=f"bold {colours[style]}")
    for reason in gate.get("reasons") or ():
        text.append(f"· {reason}\n", style="not bold default")
    same = ", ".join(
        f"{baseline_name(name)} {points(held.get('accuracy'))}" for name, held in (gate.get("baselines") or {}).items()
    )
    if same:
        text.append("· " + _("In the same window: {baselines}.").format(baselines=same) + "\n", style="not bold default")
    percentile = gate.get("percentile")
    if percentile is not None:
        told = _("{share} of the rolled windows before have no more hits.").format(share=points(percentile))
        text.append(f"· {told}\n", style="not bold default")
    return text


def canary_text(moment: Moment, colours: Colours) -> Text:
    """The canaries that failed; empty where none did."""
    text = Text()
    failed = [item for item in moment.evaluation.canaries if not item["passed"]] if moment.evaluation is not None else []
    canary = _("Canary")
    for item in failed:
        text.append(f"✖ {canary} {item['name']}: {item['meaning']}\n", style=colours["warn"])
    if failed:
        text.append(_("The model of this evaluation is not used.") + "\n", style=colours["warn"])
    return text


def said_text(moment: Moment, symbol: str, title: str, colours: Colours, *, due: bool) -> Text:
    """What is said now and why. title: what the decision time predicts; due: whether its time has come."""
    said = moment.said
    text = Text()
    text.append(f"{symbol} ", style="bold")
    if said is None:
        text.append(_("not asked") if due else _("to come"), style=colours["dim"])
        return text.append(f"\n{title}\n", style=colours["dim"])
    text.append(
        f"{side(said.signal)} ({'–' if said.signal is None else said.signal})", style=f"bold {colours[SIDES[said.signal]]}"
    )
    text.append(" · " + _("probability of up {p}").format(p=points(said.probability)))
    if said.baseline is not None:
        text.append(" · " + _("base rate {p}").format(p=points(said.baseline)))
    if said.coverage is not None:
        text.append(" · " + _("speaks on {p} of the sessions").format(p=points(said.coverage, 0)))
    if said.outcome is not None:
        came = _("it rose") if said.outcome else _("it did not rise")
        judged = _("right") if said.signal == said.outcome else _("wrong")
        verdict = "" if said.signal is None else f": {judged}"
        text.append(f"\n{came}{verdict}", style=f"bold {colours[SIDES[said.outcome]]}")
    text.append(f"\n{title}\n", style=colours["dim"])
    for reason in said.reasons:
        text.append(f"· {reason}\n")
    for note in (*([_("with the quote {price}").format(price=price(said.price))] if said.price else []), *_notes(said)):
        text.append(f"· {note}\n", style=colours["dim"])
    text.append(_made(moment.origin, said) + "\n", style=colours["dim"])
    return text


def _made(origin: str, said: BoardDirection) -> str:
    """Where what is shown comes from."""
    if origin == JUDGED:
        told = _("Not said live: what the evaluation of {day} answered out of sample. Ask to replay it with its reasons.")
        return told.format(day=day(sao_paulo(said.made_at).date()))
    if origin == REPLAY:
        return _("Replay: not said live, but worked out now from what was known then, by {model}").format(model=said.model)
    made = sao_paulo(said.made_at)
    return _("Said on {day} {clock} by {model}").format(day=day(made.date()), clock=f"{made:%H:%M}", model=said.model)


def _notes(said: BoardDirection) -> list[str]:
    """What the data of a signal lacked."""
    behind = [f"{item['name']} ({day(item['last'])})" for item in said.series if item["behind"] > 1]
    told = [_("Behind the index: {series}.").format(series=", ".join(behind))] if behind else []
    return [*told, *said.notices]


def monitoring_text(moment: Moment, colours: Colours) -> Text:
    """How the signals of this decision time fared lately, against what the evaluation promised; empty where nobody watched."""
    watched = moment.said.monitoring if moment.said is not None else None
    text = Text()
    if watched is not None:
        told = _("Monitoring over {count} sessions: {state}").format(count=watched["sessions"], state=_(watched["state"]))
        text.append(f"{told}\n", style=f"bold {colours['warn' if watched['state'] == 'watch' else '']}")
        for reason in watched["reasons"]:
            text.append(f"· {reason}\n", style=colours[""])
    return text


def figures_text(moment: Moment, colours: Colours) -> Text:
    """What the evaluation found, beyond the accuracy: skill, baselines, abstention, years, regimes, differences."""
    text = Text()
    if moment.evaluation is None:
        return text.append(_("This decision time was not evaluated yet.") + "\n", style=colours["dim"])
    found = moment.evaluation.figures
    text.append(
        _("{time}: {count} sessions, right on {accuracy} ({interval})").format(
            time=moment.time,
            count=number(found["sessions"], 0),
            accuracy=points(found["accuracy"]),
            interval=_span(found.get("interval")),
        )
        + "\n",
        style="bold",
    )
    if verdict := found.get("verdict"):
        good = verdict["label"] == "skill"
        text.append(f"{'✔' if good else '✖'} {_(verdict['label'])}\n", style=f"bold {colours['up' if good else 'down']}")
    text.append(
        _("Balanced accuracy {balanced} · MCC {mcc} · AUC {auc} · Brier {brier}, skill {skill}").format(
            balanced=number(found.get("balanced_accuracy"), 3),
            mcc=number(found.get("mcc"), 3),
            auc=number(found.get("auc"), 3),
            brier=number(found.get("brier"), 4),
            skill=points(found.get("brier_skill")),
        )
        + "\n"
    )
    same = ", ".join(f"{baseline_name(name)} {points(held.get('accuracy'))}" for name, held in found["baselines"].items())
    text.append(_("Baselines: {baselines}").format(baselines=same) + "\n")
    for name, held in (found.get("difference_to") or {}).items():
        text.append(_difference(name, held) + "\n")
    by_coverage = {points(row["coverage"], 0): row for row in found.get("selective") or ()}
    by_regime = {regime_name(name): row for name, row in (found.get("by_regime") or {}).items()}
    for title, parts in (
        (_("Accuracy by coverage, the surest sessions last, with 95 % intervals"), by_coverage),
        (_("By year"), found.get("by_year") or {}),
        (_("By regime"), by_regime),
    ):
        text.append(f"{title}\n" if parts else "", style="bold")
        width = max(map(len, parts), default=0)
        for name, row in parts.items():
            text.append(f"  {name:>{width}}  {_share_line(row)}\n")
    return text


def _share_line(row: Mapping[str, Any]) -> str:
    """An accuracy with its interval and the number of sessions it rests on."""
    low, high = row["interval"]
    return _("{accuracy} ({low} to {high}), n = {n}").format(
        accuracy=points(row["accuracy"]), low=points(low), high=points(high), n=number(row["n"], 0)
    )


def _difference(name: str, held: Mapping[str, Any]) -> str:
    value, (low, high) = held["difference"], held["interval"]
    return _("Against {baseline}: {value} points (95 % interval {low} to {high})").format(
        baseline=baseline_name(name), value=_signed(value), low=_signed(low), high=_signed(high)
    )


def _signed(share: float | None) -> str:
    """A difference of shares in points, with its sign."""
    if share is None:
        return DASH
    return ("+" if share > 0 else "") + number(share * 100, 1)


def _span(interval: Sequence[float | None] | None) -> str:
    if not interval:
        return DASH
    return _("95 % interval {low} to {high}").format(low=points(interval[0]), high=points(interval[1]))
