"""How far a backtest can be believed: luck, trials, resampling, and what its trades looked like while held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import on, work
from textual.message import Message
from textual.worker import Worker, WorkerState

from engine.i18n import _, ngettext
from tui.widgets.panels import ReadingPanel

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult


class EvidencePanel(ReadingPanel):
    """The evidence of one result; the bands by resampling are worked out when asked for."""

    @dataclass
    class Resampled(Message):
        """The bands of a result are there."""

        result: BacktestResult
        bands: dict[str, Any]

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.bands: dict[str, Any] | None = None
        self._working = False

    def new_result(self) -> None:
        self.bands, self._working = None, False

    def ask_bands(self) -> None:
        """Resample the result that is shown, in a thread."""
        if self.result is not None and self.bands is None and not self._working:
            self._working = True
            self.renew()
            self._resample(self.result)

    @work(thread=True, exclusive=True, group="bands", exit_on_error=False)
    def _resample(self, result: BacktestResult) -> None:
        self.post_message(self.Resampled(result, result.bands()))

    @on(Resampled)
    def _resampled(self, event: Resampled) -> None:
        if event.result is self.result:
            self.bands, self._working = event.bands, False
            self.renew()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """After a defect the bands can be asked for again."""
        super().on_worker_state_changed(event)
        if event.state is WorkerState.ERROR:
            self._working = False
            self.renew()

    def content(self, result: BacktestResult) -> RenderableType:
        key = self.desk_app.key_of("backtest.bands")
        if self.bands is not None:
            from tui.reports.compare import bands_of

            bands: RenderableType = bands_of(result, self.bands)
        elif self._working:
            bands = Text(_("Resampling..."), style="dim")
        else:
            bands = Text(
                _("{key} resamples the returns: bands of return, drawdown and Sharpe ratio.").format(key=key), style="dim"
            )
        return Group(*reasons(result), "", _head(_("Resampled")), bands, "", luck(result), "", *trades(result))


def _head(text: str) -> Text:
    return Text(text, style="bold underline")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0), show_header=any(columns))
    for at, column in enumerate(columns):
        table.add_column(column, justify="right" if at else "left")
    return table


def reasons(result: BacktestResult) -> list[RenderableType]:
    """The verdict and every reason for it in words, and what may be otherwise within a bar."""
    from tui.backtest.panel import verdict_text

    found: list[RenderableType] = [verdict_text(result)]
    said = outcome_text(result)
    return [*found, Text(f"  {said}")] if said else found


def outcome_text(result: BacktestResult) -> str:
    """Between what the total return lies where stop and target were touched in one bar; empty where none was."""
    from tui.format import percent

    count = int(result.metrics["ambiguous_trades"])
    best = result.best_outcome
    if not count or best is None:
        return ""
    returns = sorted((result.metrics["total_return"], float(best.equity[-1] / best.equity[0]) - 1.0))
    return ngettext(
        "{count} trade touched stop and target in one bar: the total return lies between {low} and {high}.",
        "{count} trades touched stop and target in one bar: the total return lies between {low} and {high}.",
        count,
    ).format(count=count, low=percent(returns[0], signed=True), high=percent(returns[1], signed=True))


def luck(result: BacktestResult) -> RenderableType:
    """The Sharpe ratio against luck and against the trials, and the interval of the mean excess return."""
    from tui.format import number, percent

    found = result.full_metrics
    over = _("over the CDI") if result.risk_free is not None else _("over 0, no CDI is known")
    table = _table("", "")
    rows = (
        (_("Sharpe ratio a year, {over}").format(over=over), number(found["sharpe_ratio"])),
        (_("Probability that it is above 0 (probabilistic Sharpe)"), percent(found["probabilistic_sharpe_ratio"])),
        (_("Trials on this series, this one included"), number(found["trials"], 0)),
        (_("Hurdle: the best to expect of them without skill"), number(found["expected_best_sharpe_ratio"])),
        (_("Probability that it is above the hurdle (deflated Sharpe)"), percent(found["deflated_sharpe_ratio"])),
        (_("Mean excess return a year"), percent(found["mean_excess_return"], signed=True)),
        (_("  95 % interval, from"), percent(found["mean_excess_return_low"], signed=True)),
        (_("  to"), percent(found["mean_excess_return_high"], signed=True)),
        (_("Returns; skewness; kurtosis"), _three(found["bars"], found["skewness"], found["kurtosis"])),
    )
    for label, value in rows:
        table.add_row(label, value)
    return Group(_head(_("Luck and trials")), table)


def _three(count: float, skewness: float, kurtosis: float) -> str:
    from tui.format import number

    return f"{number(count, 0)}; {number(skewness)}; {number(kurtosis)}"


def trades(result: BacktestResult) -> list[RenderableType]:
    """Excursions, streaks, expectancy and Kelly's stake, with the number of trades they rest on."""
    from engine.backtest.evidence import MIN_TRADES
    from engine.backtest.excursions import excursions
    from tui.format import money, number, percent

    found = result.full_metrics
    count = int(found["trades"])
    title = ngettext("{count} closed trade", "{count} closed trades", count).format(count=count)
    head = _head(title)
    if count < MIN_TRADES:
        head.append(
            " " + _("(insufficient evidence: at least {least} are needed)").format(least=MIN_TRADES),
            style="bold red not underline",
        )
    held = _table("", _("trades"), _("against"), _("1 in 10"), _("in favour"), _("1 in 10"))
    names = {"winners": _("Winners while held"), "losers": _("Losers while held")}
    for key, kind in excursions(result.outcome.trades).items():
        far = (percent(kind[name], signed=True) for name in ("mae", "mae_far", "mfe", "mfe_far"))
        held.add_row(names[key], number(kind["trades"], 0), *far)
    table = _table("", "")
    rows = (
        (
            _("Longest run of winners; of losers"),
            f"{_count(found, 'longest_winning_streak')}; {_count(found, 'longest_losing_streak')}",
        ),
        (_("Best trade; worst trade"), f"{money(found['best_trade'])}; {money(found['worst_trade'])}"),
        (_("Expectancy: a trade; in multiples of the risk"), f"{money(found['expectancy'])}; {number(found['expectancy_r'])}"),
        (_("System quality number, of at most 100 trades"), number(found["sqn_100"])),
        (_("Kelly's stake; half of it"), f"{percent(found['kelly'])}; {percent(found['half_kelly'])}"),
        (_("Share to invest that would have grown fastest"), percent(found["kelly_best"])),
    )
    for label, value in rows:
        table.add_row(label, value)
    note = Text(_("Kelly's stake is an estimate from the past and too bold in practice; half of it is usual."), style="dim")
    return [head, held, "", table, note]


def _count(found: dict[str, float], name: str) -> str:
    from tui.format import number

    return number(found[name], 0)
