"""Today's signal of one decision time: up, down or nothing said, with its probability, its reasons and how much it may be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import day_number, from_day_number, iso, sao_paulo
from engine.errors import NoDataError, UsageError
from engine.i18n import _
from engine.market.instruments import normalise_symbol
from engine.ml.direction import models, suited
from engine.ml.direction.answer import answer
from engine.ml.direction.data import WIDEST_MOVE, IndexData, load, with_index_price, with_own_print, with_price
from engine.ml.direction.evaluate import FIRST_LEARNT
from engine.ml.direction.features import OVERNIGHT, columns
from engine.ml.direction.feed import write_feed
from engine.ml.direction.lacking import lacking
from engine.ml.direction.openings import opening_caveat
from engine.ml.direction.past import past_of
from engine.ml.direction.reasons import in_words, of_probability, parts
from engine.ml.direction.standing import standing
from engine.ml.direction.times import CLOSE, NOWCAST, OPEN, OTHER_MARKETS, PREOPEN, DecisionTime
from engine.ml.direction.training import configuration
from engine.store.bars import Cut, live_cut, read_many
from engine.store.directions import StoredDirection, fill_outcomes, read_directions, read_evaluation, record_direction

if TYPE_CHECKING:
    from engine.desk import Desk

#: Seconds after its instant in which what is said during the session still counts as said in time.
TIMELY = 30 * 60


@dataclass(frozen=True, slots=True)
class Direction:
    """What is said of one target session at one decision time; sessions are days since 1970-01-01.

    signal: 1 up, 0 not up, None where nothing is said. probability: of up, None where nothing is known; baseline: the share of up
    sessions in what the model learnt from; coverage: share of past sessions on which something was said, None when never evaluated.
    timely: said before the session made it worthless, so that it may be recorded. gate, monitoring: None when never evaluated.
    contributions: the parts of the log-odds, see `reasons.parts`. series: the other markets that are stored, with their age at the
    decision; series_used: those that the model learnt from; series_left_out: those that it did not, with the reason.
    """

    symbol: str
    session: int
    target_session: int
    decision_time: str
    label: str
    signal: int | None
    probability: float | None
    baseline: float | None
    coverage: float | None
    model: str
    reasons: tuple[str, ...]
    gate: Mapping[str, Any] | None
    monitoring: Mapping[str, Any] | None
    decided_at: int
    price: float | None = None
    contributions: tuple[Mapping[str, Any], ...] = ()
    series: tuple[Mapping[str, Any], ...] = ()
    series_used: tuple[Mapping[str, Any], ...] = ()
    series_left_out: tuple[Mapping[str, Any], ...] = ()
    notices: tuple[str, ...] = ()
    timely: bool = True
    demo: bool = False
    rows: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint."""
        return {
            "symbol": self.symbol,
            "session": from_day_number(self.session).isoformat(),
            "target_session": from_day_number(self.target_session).isoformat(),
            "decision_time": self.decision_time,
            "label": self.label,
            "decided_at": iso(self.decided_at),
            "signal": self.signal,
            "probability": self.probability,
            "baseline": self.baseline,
            "coverage": self.coverage,
            "model": self.model,
            "rows": self.rows,
            "price": self.price,
            "reasons": list(self.reasons),
            "gate": None if self.gate is None else dict(self.gate),
            "monitoring": None if self.monitoring is None else dict(self.monitoring),
            "contributions": [dict(item) for item in self.contributions],
            "series": [dict(item) for item in self.series],
            "series_used": [dict(item) for item in self.series_used],
            "series_left_out": [dict(item) for item in self.series_left_out],
            "notices": list(self.notices),
            "timely": self.timely,
            "demo": self.demo,
        }


def default_symbol(desk: Desk) -> str:
    """The index of the settings; that of the demo market in the demo."""
    from engine.ingestion.demo import INDEX

    return INDEX if desk.workspace.demo else desk.settings.direction.symbol


def direction(
    desk: Desk,
    symbol: str,
    at: DecisionTime,
    *,
    price: float | None = None,
    as_of: date | None = None,
    target: int | None = None,
) -> Direction:
    """What is to be said of a symbol at a decision time, by a model fitted on everything known then.

    as_of: a past session: the one after whose close is asked, for "close", else the target session itself, judged with what was
    known at its decision. target: the target session, where the caller has chosen it already. price: of the opening or of the moment, typed: of the index or of BOVA11.
    Raises UsageError for a time that has not come or a price that cannot be, NoDataError when bars are missing or too few.
    """
    symbol = normalise_symbol(symbol)
    target, instant = target_of(desk, at, as_of) if target is None else (target, _instant(desk, at, target))
    now = desk.now()
    cut = live_cut(desk.store, now, now) if as_of is None else Cut(instant, min(now, instant + TIMELY))
    data = load(desk.store, desk.calendar, symbol, cut=cut)
    if int(data.session[-1]) < target:
        raise _stale(desk, data, target)
    data = data.until(target)
    if price is not None:
        data = _priced(data, at, price)
    elif at.name == OPEN:
        data = _opened(data)
    return _said(desk, data, at, price=price, decided_at=min(instant, desk.now()), replay=as_of is not None)


def keep(desk: Desk, said: Direction) -> bool:
    """Record what a live run said as `record` does, and write the feed. Raises FileError when the feed cannot be written."""
    recorded = record(desk, said)
    write_feed(desk.workspace.out, desk.store, said.symbol)
    return recorded


def record(desk: Desk, said: Direction) -> bool:
    """Store what a live run said and what came of earlier rows; whether it was recorded.

    What was said too late is not recorded; that nothing could be said is, unless something was said at this decision time before.
    """
    settle(desk, said.symbol)
    return said.timely and record_direction(
        desk.store,
        StoredDirection(
            said.symbol, said.target_session, said.decision_time, said.session, said.signal, said.probability, said.baseline,
            said.model, said.as_dict(), desk.now(),
        ),
    )  # fmt: skip


def settle(desk: Desk, symbol: str) -> int:
    """Write the outcome of every stored target session that has closed; how many rows changed.

    As the label of the data: 1 when the close is above that of the session just before, 0 for a tie; a session whose neighbour is
    missing among the bars has none.
    """
    rows = read_directions(desk.store, symbol)
    bars = read_many(desk.store, [symbol], "1d").get(symbol) if rows else None
    if bars is None:
        return 0
    close = dict(zip(bars.session.tolist(), bars.close.tolist()))
    outcomes = {}
    for target in {row.target_session for row in rows} & close.keys():
        before = desk.calendar.previous_session(target)
        if before in close:
            outcomes[target] = int(close[target] > close[before])
    return fill_outcomes(desk.store, symbol, outcomes, desk.now())


def target_of(desk: Desk, at: DecisionTime, as_of: date | None) -> tuple[int, int]:
    """The target session and the instant of its decision. Raises UsageError."""
    calendar, now = desk.calendar, desk.now()
    if as_of is not None:
        day = day_number(as_of)
        if not calendar.is_session(day):
            raise UsageError(
                _("{date} is not a session of B3").format(date=as_of),
                _("The one before is {date}.").format(date=from_day_number(calendar.session_on_or_before(day))),
            )
        target = calendar.next_session(day) if at.name == CLOSE else day
        instant = _instant(desk, at, target)
        if (calendar.close_instant(day) if at.name == CLOSE else instant) > now:
            raise UsageError(_("{date} has not come so far").format(date=as_of), _("Ask for an earlier session."))
        return target, instant
    if at.name == CLOSE:
        target = calendar.next_session(calendar.last_closed_session(now))
        return target, _instant(desk, at, target)
    today = day_number(sao_paulo(now).date())
    open_now = calendar.is_session(today) and now < calendar.close_instant(today)
    target = today if open_now else calendar.next_session(today)
    if at.name in (OPEN, NOWCAST) and now < _instant(desk, at, target):
        raise UsageError(
            _("{time} of {date} has not come yet").format(time=at.text, date=from_day_number(target).isoformat()),
            _("Before the opening ask for preopen, or ask about a past session."),
        )
    return target, _instant(desk, at, target)


def _instant(desk: Desk, at: DecisionTime, target: int) -> int:
    previous = desk.calendar.previous_session(target)
    opened = desk.calendar.open_instant(target)
    days = (np.array([value], dtype=np.int64) for value in (previous, target, opened))
    return int(at.instants(*days)[0])


def _stale(desk: Desk, data: IndexData, target: int) -> NoDataError:
    newest = from_day_number(int(data.bars.session[-1])).isoformat()
    needed = from_day_number(desk.calendar.previous_session(target)).isoformat()
    return NoDataError(
        _("The newest bar of {symbol} is of {newest}; the direction of {target} needs that of {needed}").format(
            symbol=data.symbol, newest=newest, target=from_day_number(target).isoformat(), needed=needed
        ),
        _("Import the missing sessions with `pregao import FILE`."),
    )


def _opened(data: IndexData) -> IndexData:
    """The data, with the first print of the index in the place of BOVA11's opening where that of the target is not known and the print is."""
    gap = np.isnan(data.opening[-1]) or np.isnan(data.opening_previous[-1])
    if not gap or data.opening_symbol in ("", data.symbol) or np.isnan(data.open_print[-1]):
        return data
    said = _("The opening of {fund} is not known: the first print of {symbol} is used.").format(
        fund=data.opening_symbol, symbol=data.symbol
    )
    return replace(with_own_print(data), notices=(*data.notices, said))


def _priced(data: IndexData, at: DecisionTime, price: float) -> IndexData:
    """The data with a typed price, of the index or of BOVA11, told apart by the closes before; the one is turned into the other.

    Raises UsageError as `with_price`, and NoDataError when the close before of what the price seems to be of is not stored.
    """
    own = float(data.previous_close[-1]) if at.name == OPEN else data.quoted_before()
    fund = float(data.opening_previous[-1])
    wanted = fund if at.name == OPEN and data.opening_symbol else own
    if not np.isnan(wanted):
        before = next((close for close in (own, fund) if price > 0 and abs(price / close - 1) <= WIDEST_MOVE), wanted)
        return with_price(data, at, price / before * wanted)
    if price > 0 and abs(price / own - 1) <= WIDEST_MOVE:
        return with_index_price(data, price)
    raise NoDataError(
        _("The close of {symbol} on {date} is not stored, so that its opening cannot be judged").format(
            symbol=data.opening_symbol, date=from_day_number(int(data.previous[-1])).isoformat()
        ),
        _("Import its newest bars, or type the price of {symbol}.").format(symbol=data.symbol),
    )


def _said(desk: Desk, data: IndexData, at: DecisionTime, *, price: float | None, decided_at: int, replay: bool) -> Direction:
    target, kind, decision = int(data.session[-1]), models.kind_of(at), int(data.decisions(at)[-1])
    refit = desk.settings.direction.refit
    used, left_out = suited.for_signal(data, at)
    names, X = columns(used, at)
    learnt = ~np.isnan(data.label) & ~np.isnan(X).all(axis=1) & (data.session >= day_number(FIRST_LEARNT))
    learnt &= data.closed < decision
    if np.count_nonzero(learnt) < models.LEAST_ROWS[kind]:
        raise NoDataError(lacking(used, at, X), _("Import what is missing, or a longer history."))
    name = configuration(kind, names, refit)
    kept = None if replay else desk.workspace.cache / "direction" / f"{data.symbol}-{at.text.replace(':', '')}.json"
    found = answer(kind, names, X[learnt], data.label[learnt], X[-1], kept=kept, about=name)
    evaluated = read_evaluation(desk.store, data.symbol, at.text, before=desk.now())
    past = None if evaluated is None else past_of(desk, evaluated, target)
    band = 0.0 if past is None else past.band
    judged = standing(desk, evaluated, data, at, left_out)
    told = parts(found, names, X[-1])
    signal: int | None = None
    probability: float | None = None
    if np.isnan(found.probability):
        reasons = [_nothing_known(at)]
    elif judged.blocks:
        reasons = []
    else:
        probability = found.probability
        signal = None if abs(probability - 0.5) < band - 1e-12 else int(probability >= 0.5)
        reasons = [of_probability(probability, found.base_rate, band, signal), *in_words(told)]
    return Direction(
        symbol=data.symbol,
        session=int(data.previous[-1]),
        target_session=target,
        decision_time=at.text,
        label=at.label,
        signal=signal,
        probability=probability,
        baseline=found.base_rate,
        coverage=None if past is None else past.coverage,
        model=name,
        reasons=(*reasons, *judged.reasons),
        contributions=() if probability is None else tuple(part.as_dict() for part in told),
        gate=None if past is None else past.gate(desk).as_dict(),
        monitoring=None if past is None else past.monitoring(desk).as_dict(),
        decided_at=decided_at,
        price=price,
        series=tuple(age.as_dict() for age in suited.known_at(data, decision).ages),
        series_used=tuple(age.as_dict() for age in used.ages) if at.name in OTHER_MARKETS else (),
        series_left_out=tuple(item.as_dict() for item in left_out),
        notices=(*data.notices, *([caveat] if (caveat := opening_caveat(data, at)) else [])),
        timely=not replay and _timely(at, desk.now(), decision, int(data.opened[-1])),
        demo=desk.workspace.demo,
        rows=found.rows,
    )


def _timely(at: DecisionTime, now: int, decision: int, opened: int) -> bool:
    """Whether what is said now could still be of use: before the opening, or soon after its instant during the session."""
    return now <= decision + TIMELY if at.name in (OPEN, NOWCAST) else now <= opened


def _nothing_known(at: DecisionTime) -> str:
    if at.name == PREOPEN:
        return _("Nothing of the night is known at this time: at least one of {names} must have a value of it.").format(
            names=", ".join(OVERNIGHT)
        )
    if at.name in (OPEN, NOWCAST):
        return _("No price of the target session is known at this time: import bars of it, or type one with --price.")
    return _("Nothing new is known at this time: import the series of other markets with `pregao import --series NAME FILE`.")
