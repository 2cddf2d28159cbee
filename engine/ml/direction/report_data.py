"""Chapter 1 of the written analysis: what is stored, how returns are spread, whether they cluster, what goes together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.i18n import _
from engine.ml.direction import exploration, plots
from engine.ml.direction.exploration import TOLD
from engine.ml.direction.openings import opening_words
from engine.ml.direction.words import calendar_day, column_words, number_words, range_words
from engine.store.imports import imports_of
from engine.strategies.base import decimal, percent

if TYPE_CHECKING:
    from typing import Any

    from engine.desk import Desk
    from engine.ml.direction.analysis import Split
    from engine.ml.direction.data import IndexData
    from engine.ml.direction.document import Document


def chapter(document: Document, desk: Desk, data: IndexData, parts: Split) -> None:
    """Write the chapter; only the completeness of the bars looks at the held-out sessions."""
    found = exploration.distribution(data, parts)
    document.heading(_("1. The data"))
    document.text(
        _("{count} sessions of {symbol} from {first} to {last}; the last 30 are held out and not looked at here.").format(
            count=found["sessions"], symbol=data.symbol, first=calendar_day(found["first"]), last=calendar_day(found["last"])
        )
    )
    _stored(document, desk, data)
    _returns(document, data, parts, found)
    _clustering(document, found)
    _together(document, data, parts)
    _by_time(document, found)


def _stored(document: Document, desk: Desk, data: IndexData) -> None:
    """Missing values, duplicates, order and the checksum of the source."""
    held = exploration.completeness(data)
    document.subheading(_("What is stored"))
    document.table(
        (_("Check"), _("Found")),
        [
            (_("daily bars"), str(held["bars"])),
            (_("missing prices"), str(held["missing_prices"])),
            (_("sessions that are there twice"), str(held["twice"])),
            (_("sessions out of order"), str(held["out_of_order"])),
            (_("places where sessions of the calendar are missing"), str(held["gaps"])),
            (_("bars with neither quantity nor turnover"), str(held["without_volume"])),
            (_("bars whose volume is in shares"), str(held["in_shares"])),
            (_("bars whose volume is in R$"), str(held["in_money"])),
        ],
    )
    said = []
    for item in imports_of(desk.store, data.symbol, data.bars.timeframe):
        told = _("{file}: {rows} rows, {written} bars written, {rejected} rows rejected.").format(
            file=item.file, rows=item.rows, written=item.written, rejected=item.rejected
        )
        said.append(" ".join((told, *item.notices)))
    document.points([*said, opening_words(data), *data.notices])


def _returns(document: Document, data: IndexData, parts: Split, found: dict[str, Any]) -> None:
    document.subheading(_("The returns"))
    up, repeat, at = found["up"], found["repeat"], found["quantiles"]
    document.points(
        [
            _("Up on {share} of the sessions ({range}); {ties} ties, which count as not up.").format(
                share=percent(up["accuracy"]), range=range_words(up["interval"]), ties=found["ties"]
            ),
            _("A session moves by {deviation} (standard deviation), {mean} on average; half of them lie below {median}.").format(
                deviation=percent(found["deviation"], 2), mean=percent(found["mean"], 3), median=percent(at[0.5], 2)
            ),
            _("One session in 20 is below {low} and one above {high}; one in 100 below {lowest} and one above {highest}.").format(
                low=percent(at[0.05]), high=percent(at[0.95]), lowest=percent(at[0.01]), highest=percent(at[0.99])
            ),
            _("Skewness {skewness} (0 is symmetrical), kurtosis {kurtosis} (3 is normal); {share} lie beyond two standard deviations,"
              " where a normal law has 4.6 %.").format(
                skewness=number_words(found["skewness"], 2), kurtosis=number_words(found["kurtosis"], 1), share=percent(found["beyond_two"])
            ),
            _("Worst session: {worst} on {worst_day}; best: {best} on {best_day}.").format(
                worst=percent(found["worst"][1]), worst_day=calendar_day(found["worst"][0]),
                best=percent(found["best"][1]), best_day=calendar_day(found["best"][0]),
            ),
            _("A session repeats the direction of the one before in {share} of cases ({range}).").format(
                share=percent(repeat["accuracy"]), range=range_words(repeat["interval"])
            ),
        ]
    )  # fmt: skip
    close = _("Close by session")
    document.plot(close, plots.line(data.close[parts.learnt], calendar_day(found["first"]), calendar_day(found["last"]), close))
    bins, title = found["histogram"], _("Returns in standard deviations: share of the sessions, and in red that of a normal law")
    document.plot(title, plots.bars([f"{middle:+.1f}" for middle in bins["middle"]], bins["share"], title, curve=bins["normal"]))


def _clustering(document: Document, found: dict[str, Any]) -> None:
    """Whether returns, and whether their sizes, depend on those before."""
    document.subheading(_("Memory and clustering of volatility"))
    lags, sizes, limit = found["autocorrelation"], found["clustering"], found["limit"]
    beyond = [sum(abs(value) > limit for value in values) for values in (lags, sizes)]
    said = _("Autocorrelation of the {what} at lags 1 to {told}: {lags}; of {count} lags {beyond} lie outside of plus or minus {limit},"
             " where {expected} would by chance alone.")  # fmt: skip
    for what, values, count in ((_("returns"), lags, beyond[0]), (_("sizes of the returns"), sizes, beyond[1])):
        document.text(
            said.format(
                what=what, told=TOLD, lags=", ".join(decimal(value, 3) for value in values[:TOLD]), count=len(values), beyond=count,
                limit=decimal(limit, 3), expected=decimal(0.05 * len(values), 1),
            )
        )  # fmt: skip
    clear = beyond[1] > 3 * 0.05 * len(sizes)
    document.text(
        _("The sizes depend on those before: calm and rough times cluster, so that risk can be foreseen where direction cannot.")
        if clear
        else _("In this period the sizes hardly depend on those before: what clustering there is cannot be told from chance.")
    )
    names = [str(lag) for lag in range(1, len(sizes) + 1)]
    for title, values in (
        (_("Autocorrelation of the returns by lag; dashed what chance alone stays inside of"), lags),
        (_("Autocorrelation of the sizes of the returns by lag; dashed what chance alone stays inside of"), sizes),
    ):
        document.plot(title, plots.bars(names, values, title, limit=limit))
    title = _("Volatility of 21 sessions, in percent a session")
    moving = 100 * found["moving_volatility"]
    document.plot(title, plots.line(moving, calendar_day(found["first"]), calendar_day(found["last"]), title))


def _together(document: Document, data: IndexData, parts: Split) -> None:
    """Which of the requirement's columns say the same, and how each goes with the outcome."""
    document.subheading(_("Correlations of the requirement's columns"))
    names, matrix, outcome = exploration.correlations(data, parts)
    for group in exploration.alike(names, matrix):
        said = _("Correlated by more than {limit}, and so one column said {count} times: {names}.")
        listed = "; ".join(column_words(name) for name in group)
        document.text(said.format(limit=decimal(exploration.ALIKE, 2), count=len(group), names=listed))
    strongest = max(range(len(names)), key=lambda at: abs(outcome[at]) if outcome[at] == outcome[at] else 0.0)
    document.text(
        _("With the outcome the strongest correlation is {value}, of: {name}; chance alone stays inside of plus or minus {limit}.").format(
            value=number_words(float(outcome[strongest])), name=column_words(names[strongest]),
            limit=decimal(exploration.UNUSUAL / parts.learnt.size**0.5, 3),
        )
    )  # fmt: skip
    title = _("Correlations of the requirement's columns")
    document.plot(title, plots.heatmap([column_words(name) for name in names], matrix, title))


def _by_time(document: Document, found: dict[str, Any]) -> None:
    """How often it rose by year and by weekday."""
    document.subheading(_("Up sessions by year and weekday"))
    document.table(
        (_("Year"), _("Sessions"), _("Up"), _("95 %")),
        [
            (year, str(item["n"]), percent(item["accuracy"]), range_words(item["interval"]))
            for year, item in found["year"].items()
        ],
    )
    names = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"))
    weekday, title = found["weekday"], _("Share of up sessions by weekday, with 95 % intervals")
    rates, intervals = ([item[key] for item in weekday.values()] for key in ("accuracy", "interval"))
    document.plot(title, plots.shares([names[at] for at in weekday], rates, intervals, title, 0.5))
