"""The work that a command does in its own process and a job in another one: import, fetch, backtest, the daily run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from engine.domain import Progress, silent
from engine.errors import UsageError
from engine.i18n import _
from engine.market import asked

if TYPE_CHECKING:
    from engine.backtest.engine import BacktestResult
    from engine.backtest.execution import Execution
    from engine.daily import Plan
    from engine.desk import Desk
    from engine.ingestion.importer import FileReport, Understood
    from engine.ingestion.table import ImportOptions
    from engine.strategies import Strategy


def import_options(
    desk: Desk,
    *,
    symbol: str = "",
    timeframe: str = "",
    price_base: str = "",
    mapping: str = "",
    markets: Sequence[str] = (),
    events: bool = False,
) -> ImportOptions:
    """What the user says about the files, checked; no markets means those of the settings. Raises UsageError."""
    from engine.domain import PriceBase
    from engine.ingestion.table import ImportOptions
    from engine.market.instruments import normalise_symbol
    from engine.settings_model import MarketGroup

    kept = tuple(part.strip().lower() for part in markets if part.strip()) or desk.settings.ingestion.markets
    for market in kept:
        if market not in get_args(MarketGroup):
            raise UsageError(
                _("--markets: there is no market {name}").format(name=market),
                _("Accepted: {list}.").format(list=", ".join(get_args(MarketGroup))),
            )
    if price_base and price_base not in tuple(PriceBase):
        raise UsageError(
            _("There is no price base {name}").format(name=price_base), _("Accepted: {list}.").format(list=", ".join(PriceBase))
        )
    return ImportOptions(
        symbol=normalise_symbol(symbol) if symbol else "",
        timeframe=asked.timeframe(timeframe) if timeframe else "",
        price_base=PriceBase(price_base) if price_base else None,
        mapping=mapping,
        markets=kept,
        events=events,
    )


def import_paths(
    desk: Desk,
    paths: Sequence[Path],
    options: ImportOptions,
    *,
    dry_run: bool = False,
    progress: Progress = silent,
    on_understood: Callable[[Understood], None] | None = None,
    on_report: Callable[[FileReport], None] | None = None,
) -> list[FileReport]:
    """Import the files one after the other; an error stops only its own file, and each report is told when it is made.

    `progress` counts bytes, then rows of the file that its note names.
    """
    from engine.ingestion.importer import import_files

    reports: list[FileReport] = []
    for path in paths:
        progress(0, None, path.name)
        found = import_files(
            desk.store,
            [path],
            options,
            now=desk.now(),
            max_bytes=desk.settings.ingestion.max_file_mb << 20,
            dry_run=dry_run,
            progress=_noted(progress, path.name),
            on_understood=on_understood,
            calendar=desk.calendar,
        )
        for report in found:
            if on_report is not None:
                on_report(report)
        reports += found
    return reports


def _noted(progress: Progress, name: str) -> Progress:
    def report(done: int, total: int | None, note: str = "") -> None:
        progress(done, total, note or name)

    return report


def import_values(
    desk: Desk, paths: Sequence[Path], name: str, column: str = "", *, dry_run: bool = False, force: bool = False
) -> FileReport:
    """Import one file as the daily value series `name`, with a notice where nothing reads a series of that name.

    dry_run, force: as `import_series`, whose errors it raises. Raises UsageError for several files.
    """
    from engine.ingestion.importer import import_series
    from engine.ingestion.series import RATES
    from engine.ml.direction.sources import SOURCES

    if len(paths) != 1:
        raise UsageError(_("--series takes one file"))
    name = name.strip().upper()
    report = import_series(desk.store, paths[0], name, column, now=desk.now(), dry_run=dry_run, force=force)
    read = (*RATES, *(source.name for source in SOURCES))
    if name in read:
        return report
    said = _("Nothing reads a series called {name}; these names are read: {names}.").format(name=name, names=", ".join(read))
    return replace(report, notices=(*report.notices, said))


def refuse_demo(desk: Desk) -> None:
    """Raises UsageError in the demo market, which holds invented prices alone."""
    if desk.workspace.demo:
        raise UsageError(_("Real files are not imported into the demo market"), _("Leave out --demo."))


def download(desk: Desk, periods: Sequence[str], progress: Progress = silent) -> list[Path]:
    """B3's files of these periods in the workspace's downloads, oldest first. Raises UsageError and NetworkError."""
    from engine.domain import sao_paulo
    from engine.ingestion.download import download_cotahist

    if desk.workspace.demo:
        raise UsageError(_("Nothing is fetched into the demo market"), _("Leave out --demo."))
    fetch, today = desk.settings.fetch, sao_paulo(desk.now()).date()
    paths: list[Path] = []
    for text in periods:
        paths += download_cotahist(
            text, desk.workspace.downloads, fetch.cotahist_url, progress, timeout=fetch.timeout_seconds, today=today
        )
    return paths


def backtest_symbols(
    desk: Desk,
    symbols: Sequence[str],
    strategy: Strategy,
    *,
    timeframe: str = "1d",
    start: int | None = None,
    end: int | None = None,
    capital: float | None = None,
    costs: str | None = None,
    execution: Execution | None = None,
    progress: Progress = silent,
) -> list[BacktestResult]:
    """One recorded backtest per symbol, in order; `progress` counts symbols. Arguments as in `run_backtest`."""
    from engine.backtest.run import run_backtest

    results = []
    for count, symbol in enumerate(symbols):
        progress(count, len(symbols), symbol)
        results.append(
            run_backtest(
                desk.store,
                desk.settings,
                symbol,
                strategy,
                now=desk.now(),
                timeframe=timeframe,
                start=start,
                end=end,
                capital=capital,
                costs=costs,
                execution=execution,
                proofs=desk.workspace.cache,
            )
        )
    return results


def plan_day(desk: Desk, as_of: date | None = None, progress: Progress = silent, at: str = "", *, notify: bool = True) -> Plan:
    """The daily run (at a decision time, by default that of the settings) with the sources of the settings (the demo market has none) and the live models that existed by its session.

    Raises UsageError as `plan_run` does.
    """
    from dataclasses import replace

    from engine.daily import plan_run
    from engine.ingestion.sources import configured_sources
    from engine.ml.live import predictors

    demo, store = desk.workspace.demo, desk.store
    sources = [] if demo else configured_sources(desk.workspace, desk.settings, store, desk.now, desk.calendar)
    plan = plan_run(desk, as_of, at=at, sources=sources, notify=notify, progress=progress)
    if plan.decision_time != desk.settings.daily.decision_time:
        return plan
    return replace(plan, predictors=predictors(desk.workspace.models, store, plan.cut.known_at))
