"""Data in and data shown: import, fetch, coverage, bars, events, watchlist."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import FileError, UsageError
from engine.i18n import _, ngettext
from tui.commands.common import add, add_period, add_timeframe, desk_of, is_json, period, symbols, timeframe
from tui.output import console, demo_banner, narrate, print_json, progress_bar

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.ingestion.importer import FileReport, Understood
    from engine.ingestion.table import ImportOptions

SHOWN_SYMBOLS = 6
SHOWN_REJECTED = 10


def add_commands(commands: Any, common: Any) -> None:
    parser = add(
        commands,
        common,
        "import",
        _("import price files, folders, globs or ZIPs"),
        "pregao import PETR4_B_0_60min.csv COTAHIST_A2025.ZIP",
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--symbol", default="", help=_("the symbol, for files whose content names none"))
    parser.add_argument(
        "--timeframe", default="", metavar="TF", help=_("the timeframe, for plain OHLCV files that do not show it")
    )
    parser.add_argument("--price-base", choices=("raw", "adjusted", "unknown"), help=_("what the prices mean, if you know it"))
    parser.add_argument("--mapping", default="", help=_("columns of a plain OHLCV file: date=Data,close=Fech,quantity=Vol"))
    parser.add_argument(
        "--markets", default="", help=_("markets kept from COTAHIST, comma separated (cash, fractional, options, ... all)")
    )
    parser.add_argument(
        "--series", default="", metavar="NAME", help=_("import a daily value series (CDI, SELIC, SP500 ...) under this name")
    )
    parser.add_argument("--column", default="", help=_("with --series: the value column"))
    parser.add_argument(
        "--events",
        action="store_true",
        help=_("the files hold corporate events: symbol, kind, ex_date, factor or amount, pay_date"),
    )
    parser.add_argument(
        "--force", action="store_true", help=_("with --series: also a file that changes more than a tenth of what is stored")
    )
    parser.add_argument("--dry-run", action="store_true", help=_("only say what each file was understood to be"))
    parser.set_defaults(run=run_import)

    parser = add(commands, common, "fetch", _("download from a source and import"), "pregao fetch cotahist 2024..2025")
    parser.add_argument("source", choices=("cotahist",))
    parser.add_argument("periods", nargs="+", metavar="PERIOD", help=_("2024, 2024..2025, 2025-03 or 2025-06-30"))
    parser.set_defaults(run=run_fetch)

    parser = add(commands, common, "coverage", _("what is stored, what is missing and what is odd"), "pregao coverage PETR4")
    parser.add_argument("symbols", nargs="*", metavar="SYMBOL")
    parser.set_defaults(run=run_coverage)

    parser = add(commands, common, "bars", _("show the stored bars of a symbol"), "pregao bars PETR4 --timeframe 60m --limit 20")
    parser.add_argument("symbol", metavar="SYMBOL")
    add_timeframe(parser)
    add_period(parser)
    parser.add_argument("--limit", type=int, help=_("only the newest so many"))
    parser.set_defaults(run=run_bars)

    parser = add(commands, common, "events", _("list the stored corporate events of a symbol"), "pregao events PETR4")
    parser.add_argument("symbol", metavar="SYMBOL")
    parser.set_defaults(run=run_events)

    parser = add(
        commands, common, "watchlist", _("list, add, remove or import symbols to watch"), "pregao watchlist add PETR4 VALE3"
    )
    parser.add_argument("action", nargs="?", default="list", choices=("list", "add", "remove", "import"))
    parser.add_argument("items", nargs="*", metavar="SYMBOL", help=_("symbols, or with import the files that list them"))
    parser.add_argument("--list", default="default", dest="list_name", metavar="NAME", help=_("the watchlist (default: default)"))
    parser.set_defaults(run=run_watchlist)


def run_import(arguments: argparse.Namespace) -> int:
    from engine.ingestion.importer import expand
    from engine.jobs import work

    with desk_of(arguments) as desk:
        work.refuse_demo(desk)
        paths = expand(arguments.files)
        if arguments.series and arguments.events:
            raise UsageError(_("Give --series or --events, not both"))
        if arguments.force and not arguments.series:
            raise UsageError(_("--force goes with --series"))
        if arguments.series:
            report = work.import_values(
                desk, paths, arguments.series, arguments.column, dry_run=arguments.dry_run, force=arguments.force
            )
            return _finish([report], is_json(arguments), dry_run=arguments.dry_run)
        options = work.import_options(
            desk,
            symbol=arguments.symbol,
            timeframe=arguments.timeframe,
            price_base=arguments.price_base or "",
            mapping=arguments.mapping,
            markets=arguments.markets.split(","),
            events=arguments.events,
        )
        return _import(desk, paths, options, is_json(arguments), arguments.dry_run)


def _import(desk: Desk, paths: list[Path], options: ImportOptions, as_json: bool, dry_run: bool) -> int:
    from engine.jobs.work import import_paths

    with progress_bar(_("Importing"), quiet=as_json) as progress:
        reports = import_paths(
            desk, paths, options, dry_run=dry_run, progress=progress, on_understood=None if as_json else _say_understood
        )
    return _finish(reports, as_json, dry_run=dry_run)


def _say_understood(facts: Understood) -> None:
    listed = ", ".join(facts.symbols[:SHOWN_SYMBOLS])
    more = len(facts.symbols) - SHOWN_SYMBOLS
    if more > 0:
        listed += " " + ngettext("and {count} more", "and {count} more", more).format(count=more)
    narrate(facts.path)
    rows = (
        (_("format"), facts.format),
        (_("symbols"), listed),
        (_("timeframe"), facts.timeframe),
        (_("price base"), "" if facts.price_base is None else _(facts.price_base)),
        (_("rows"), str(facts.rows)),
        (_("first row"), facts.first),
        (_("last row"), facts.last),
        *((_("note"), notice) for notice in facts.notices),
    )
    width = max(len(label) for label, _value in rows)
    for label, value in rows:
        if value:
            narrate(f"  {label:<{width}} {value}")


def _finish(reports: list[FileReport], as_json: bool, *, dry_run: bool = False) -> int:
    """Print the reports; the exit code is that of the first error, 0 without one."""
    failed = [report.error for report in reports if report.error is not None]
    if as_json:
        print_json({"files": [report.as_dict() for report in reports]})
        return failed[0].exit_code if failed else 0
    for report in reports:
        _say_result(report, dry_run)
    if len(reports) > 1:
        narrate(
            _(
                "{files} files: {written} bars written, {unchanged} unchanged, {rejected} rows rejected, {failed} files refused"
            ).format(
                files=len(reports),
                written=sum(report.written for report in reports),
                unchanged=sum(report.unchanged for report in reports),
                rejected=sum(len(report.rejected) for report in reports),
                failed=len(failed),
            )
        )
    return failed[0].exit_code if failed else 0


def _say_result(report: FileReport, dry_run: bool) -> None:
    if report.error is not None:
        narrate(_("{path}: refused: {message}").format(path=report.path, message=report.error.message))
        if report.error.hint:
            narrate(f"  {report.error.hint}")
        return
    if dry_run:
        narrate(_("{path}: nothing written (dry run)").format(path=report.path))
        for notice in report.notices if report.format == "series" else ():
            narrate(f"  {notice}")
        return
    narrate(
        _(
            "{path}: {written} written, {unchanged} unchanged, {revised} revised, {rejected} rejected, {provisional} provisional"
        ).format(
            path=report.path,
            written=report.written,
            unchanged=report.unchanged,
            revised=report.revised,
            rejected=len(report.rejected),
            provisional=report.provisional,
        )
    )
    if report.format in ("series", "events"):
        for notice in report.notices:
            narrate(f"  {notice}")
    for row in report.rejected[:SHOWN_REJECTED]:
        narrate("  " + _("line {line}: {reason}").format(line=row.line, reason=row.reason))
    if len(report.rejected) > SHOWN_REJECTED:
        narrate("  " + _("... and {count} more; --json lists all").format(count=len(report.rejected) - SHOWN_REJECTED))
    for line in report.revisions:
        narrate("  " + _("revised: {line}").format(line=line))


def run_fetch(arguments: argparse.Namespace) -> int:
    from engine.jobs import work

    with desk_of(arguments) as desk:
        with progress_bar(_("Downloading"), quiet=is_json(arguments)) as progress:
            paths = work.download(desk, arguments.periods, progress)
        return _import(desk, paths, work.import_options(desk), is_json(arguments), False)


def run_coverage(arguments: argparse.Namespace) -> int:
    from engine.errors import NoDataError
    from engine.store.coverage import coverage

    with desk_of(arguments) as desk:
        wanted = symbols(arguments.symbols)
        found = coverage(desk.store, desk.calendar, wanted)
        absent = [symbol for symbol in wanted if symbol not in {item.symbol for item in found}]
        if absent:
            from engine.store.bars import read_bars

            read_bars(desk.store, absent[0])
        if not found:
            raise NoDataError(
                _("There are no bars yet."),
                _("Import a file with `pregao import FILE`, or look at the demo with `pregao --demo --run-daily`."),
            )
        if is_json(arguments):
            print_json({"series": [item.as_dict() for item in found], "demo": desk.workspace.demo})
            return 0
        from tui.reports.bars import coverage_table

        demo_banner(desk.workspace.demo)
        console().print(coverage_table(found))
        return 0


def run_bars(arguments: argparse.Namespace) -> int:
    from engine.domain import from_day_number, iso
    from engine.errors import NoDataError
    from engine.store.bars import read_bars

    start, end = period(arguments)
    if arguments.limit is not None and arguments.limit < 1:
        raise UsageError(_("--limit takes a number from 1 up"))
    with desk_of(arguments) as desk:
        (symbol,) = symbols([arguments.symbol])
        bars = read_bars(
            desk.store, symbol, timeframe(arguments.timeframe), start=start, end=end, provisional=True, after_market=True
        )
        if not len(bars):
            raise NoDataError(_("{symbol} has no bars in this period").format(symbol=symbol))
        if arguments.limit:
            bars = bars.take(slice(-arguments.limit, None))
        if is_json(arguments):
            rows = [
                {
                    "time": iso(int(bars.time[at])),
                    "session": from_day_number(int(bars.session[at])).isoformat(),
                    **{name: getattr(bars, name)[at] for name in ("open", "high", "low", "close", "quantity", "turnover")},
                    "provisional": bars.provisional[at],
                    "after_market": bars.after_market[at],
                }
                for at in range(len(bars))
            ]
            print_json(
                {
                    "symbol": symbol,
                    "timeframe": bars.timeframe,
                    "price_base": str(bars.price_base),
                    "source": bars.source,
                    "derived_from": bars.derived_from or None,
                    "demo": desk.workspace.demo,
                    "bars": rows,
                }
            )
            return 0
        from tui.reports.bars import bars_table

        demo_banner(desk.workspace.demo)
        console().print(bars_table(bars))
        return 0


def run_events(arguments: argparse.Namespace) -> int:
    from engine.store.bars import list_series, read_bars
    from engine.store.events import read_events
    from tui.reports.events import event_dict, events_table

    with desk_of(arguments) as desk:
        (symbol,) = symbols([arguments.symbol])
        found = read_events(desk.store, symbol)
        if not found and not list_series(desk.store, [symbol]):
            read_bars(desk.store, symbol)
        if is_json(arguments):
            print_json({"symbol": symbol, "events": [event_dict(event) for event in found], "demo": desk.workspace.demo})
            return 0
        demo_banner(desk.workspace.demo)
        if found:
            console().print(events_table(found))
        else:
            narrate(
                _("No corporate events of {symbol} are stored; `pregao import --events FILE` brings some.").format(symbol=symbol)
            )
        return 0


def run_watchlist(arguments: argparse.Namespace) -> int:
    from engine.store.bars import symbols_with_bars
    from engine.store.watchlists import add_symbols, list_watchlists, read_watchlist, remove_symbols

    with desk_of(arguments) as desk:
        name = arguments.list_name
        if arguments.action == "list":
            held = read_watchlist(desk.store, name)
            if is_json(arguments):
                print_json({"list": name, "symbols": held, "lists": list_watchlists(desk.store), "demo": desk.workspace.demo})
            elif held:
                demo_banner(desk.workspace.demo)
                console().print("\n".join(held), markup=False)
            else:
                narrate(_("The list {name} is empty: the daily run takes every symbol with bars.").format(name=name))
            return 0
        if not arguments.items:
            raise UsageError(_("Name at least one symbol") if arguments.action != "import" else _("Name at least one file"))
        wanted = symbols(_listed(arguments.items) if arguments.action == "import" else arguments.items)
        if arguments.action == "remove":
            changed = remove_symbols(desk.store, wanted, name)
            message = _("{count} removed from {name}: {symbols}")
        else:
            changed = add_symbols(desk.store, wanted, name)
            message = _("{count} added to {name}: {symbols}")
        if is_json(arguments):
            print_json(
                {"list": name, "changed": changed, "symbols": read_watchlist(desk.store, name), "demo": desk.workspace.demo}
            )
        else:
            narrate(message.format(count=len(changed), name=name, symbols=", ".join(changed) or "-"))
            known = set(symbols_with_bars(desk.store))
            unknown = [symbol for symbol in changed if symbol not in known] if arguments.action != "remove" else []
            if unknown:
                narrate(
                    _("No bars yet of {symbols}: the daily run stays stale until they are imported.").format(
                        symbols=", ".join(unknown)
                    )
                )
        return 0


def _listed(files: list[str]) -> list[str]:
    """The symbols in text files: one or several a line, separated by blanks, commas or semicolons; # starts a comment."""
    import re

    found: list[str] = []
    for name in files:
        path = Path(name).expanduser()
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(_("{path} cannot be read: {error}").format(path=name, error=error)) from error
        for line in text.splitlines():
            found += [word for word in re.split(r"[\s,;]+", line.partition("#")[0]) if word]
    return found
