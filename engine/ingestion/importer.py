"""From files to the store: recognise each by its content, say what was understood, write all of it or nothing."""

from __future__ import annotations

import glob
import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import PriceBase, Progress, day_number, from_day_number, iso, sao_paulo, silent
from engine.errors import FileError, PregaoError, UnrecognisedFileError
from engine.i18n import _
from engine.ingestion import cotahist, events, investing, profit, tabular
from engine.ingestion.files import SourceFile, open_files
from engine.ingestion.price_base import settle_price_bases
from engine.ingestion.series import read_series
from engine.ingestion.series_change import publish_checked
from engine.ingestion.table import ImportOptions, ParsedFile, Rejected
from engine.store.events import publish_events
from engine.store.publish import Origin, Published, publish

if TYPE_CHECKING:
    from engine.market.adjust import CorporateEvent
    from engine.market.calendar import Calendar
    from engine.store.database import Store

#: Asked in this order; each answers from the content alone.
FORMATS: tuple[ModuleType, ...] = (cotahist, investing, profit, tabular)
DEFAULT_MAX_BYTES = 4 << 30
LISTED = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Understood:
    """What a file was taken for, before anything is written. first and last are rows as parsed, in words.

    A file of corporate events has an empty timeframe and no price base.
    """

    path: str
    format: str
    symbols: tuple[str, ...]
    timeframe: str
    rows: int
    price_base: PriceBase | None
    first: str
    last: str
    rejected: tuple[Rejected, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file; `error` is set when nothing of it was taken."""

    path: str
    format: str | None = None
    symbols: tuple[str, ...] = ()
    timeframe: str | None = None
    rows: int = 0
    written: int = 0
    unchanged: int = 0
    revised: int = 0
    rejected: tuple[Rejected, ...] = ()
    provisional: int = 0
    price_base: PriceBase | None = None
    first: str | None = None
    last: str | None = None
    notices: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    error: PregaoError | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint."""
        return {
            "path": self.path,
            "format": self.format,
            "symbols": list(self.symbols),
            "timeframe": self.timeframe,
            "rows": self.rows,
            "written": self.written,
            "unchanged": self.unchanged,
            "revised": self.revised,
            "rejected": [{"line": row.line, "reason": row.reason} for row in self.rejected],
            "provisional": self.provisional,
            "price_base": None if self.price_base is None else str(self.price_base),
            "first": self.first,
            "last": self.last,
            "notices": list(self.notices),
            "revisions": list(self.revisions),
            "error": None if self.error is None else self.error.as_dict(),
        }


def expand(patterns: Iterable[str]) -> list[Path]:
    """Files, folders (their files, not hidden ones) and globs as a list of files, each once, in the order given.

    Raises FileError for a pattern that matches nothing.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern).expanduser()
        matches = [path] if path.exists() else [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        if not matches:
            raise FileError(_("There is no file {path}").format(path=pattern), _("Check the name, or quote a pattern with a *."))
        for match in matches:
            files = sorted(item for item in match.rglob("*") if _wanted(item, match)) if match.is_dir() else [match]
            if not files:
                raise FileError(_("The folder {path} holds no file").format(path=match))
            found.update(dict.fromkeys(files))
    return list(found)


def _wanted(item: Path, folder: Path) -> bool:
    return item.is_file() and not any(part.startswith(".") for part in item.relative_to(folder).parts)


def understand(file: SourceFile, options: ImportOptions, progress: Progress = silent) -> ParsedFile:
    """Recognise and parse one file. Raises UnrecognisedFileError, RefusedFileError or FileError."""
    head = file.head()
    if not head:
        raise UnrecognisedFileError(_("{name} is empty").format(name=file.name))
    for module in (tabular,) if options.mapping else FORMATS:
        if options.mapping or module.recognises(head, file.name):
            parsed: ParsedFile = module.parse(file, options, progress)
            if not len(parsed.table):
                raise UnrecognisedFileError(
                    _("{name} holds no row that could be taken").format(name=file.name),
                    "; ".join(_("line {line}: {reason}").format(line=row.line, reason=row.reason) for row in parsed.rejected[:3]),
                )
            if options.price_base is not None and parsed.price_base is not options.price_base:
                parsed = replace(parsed, price_base=options.price_base)
            return parsed
    raise UnrecognisedFileError(
        _("{name} is in no known format").format(name=file.name),
        _(
            "Known are COTAHIST, Investing.com and ProfitChart exports, and CSV or Parquet with a header such as"
            " date,open,high,low,close,volume; other columns are named with --mapping."
        ),
    )


def import_files(
    store: Store,
    paths: Sequence[Path],
    options: ImportOptions,
    *,
    now: int,
    max_bytes: int = DEFAULT_MAX_BYTES,
    dry_run: bool = False,
    progress: Progress = silent,
    on_understood: Callable[[Understood], None] | None = None,
    calendar: Calendar | None = None,
) -> list[FileReport]:
    """Import every file (and every member of a ZIP) and return one report each; an error stops only its own file.

    calendar: says for each file which day's bars were unfinished when it was written; None leaves that to `options`.
    """
    reports = []
    for path in paths:
        try:
            files = open_files(path, max_bytes)
        except PregaoError as error:
            reports.append(FileReport(str(path), error=error))
            continue
        digest = _digest(path)
        said = options if calendar is None else replace(options, today=unfinished_day(calendar, path.stat().st_mtime, now))
        for file in files:
            try:
                if _holds_events(file, said):
                    reports.append(_import_events(store, file, digest, said, now, dry_run, progress, on_understood, calendar))
                else:
                    reports.append(_import_one(store, file, digest, said, now, dry_run, progress, on_understood))
            except PregaoError as error:
                log.warning("import of %s refused: %s", file.name, error.message)
                reports.append(FileReport(str(path) if not file.member else f"{path}:{file.member}", error=error))
    return reports


def unfinished_day(calendar: Calendar, written: float, now: int) -> int:
    """The day whose bars may still change, as days since 1970-01-01: today until its session has closed, then tomorrow.

    written, now: UTC seconds. A file that was written today is judged by that instant, an older one by `now`.
    """
    today = sao_paulo(now).date()
    instant = int(written) if written < now and sao_paulo(int(written)).date() == today else now
    day = day_number(today)
    closed = calendar.is_session(day) and calendar.close_instant(day) <= instant
    return day + 1 if closed else day


def import_series(
    store: Store,
    path: Path,
    name: str,
    column: str,
    *,
    now: int,
    dry_run: bool = False,
    force: bool = False,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> FileReport:
    """Import a daily value series under `name`.

    dry_run: only say what would be written; refused is what would be. force: take also a file that is hardly the stored series, see
    `refuse_another_series`. Raises FileError and RefusedFileError.
    """
    files = open_files(path, max_bytes)
    if len(files) != 1:
        raise FileError(_("{path} holds {count} files; a series is one file").format(path=path, count=len(files)))
    parsed = read_series(files[0], name, column)
    digest = _digest(path)
    published, notices = publish_checked(store, parsed, files[0].name, digest, now, dry_run=dry_run, force=force)
    return FileReport(
        path=str(path),
        format="series",
        symbols=(parsed.name,),
        timeframe="1d",
        rows=parsed.rows,
        written=published.written,
        unchanged=published.unchanged,
        revised=published.revised,
        rejected=tuple(parsed.rejected),
        first=from_day_number(int(parsed.day[0])).isoformat(),
        last=from_day_number(int(parsed.day[-1])).isoformat(),
        notices=notices,
        revisions=published.revisions,
    )


def _import_one(
    store: Store,
    file: SourceFile,
    digest: str,
    options: ImportOptions,
    now: int,
    dry_run: bool,
    progress: Progress,
    on_understood: Callable[[Understood], None] | None,
) -> FileReport:
    parsed = understand(file, options, progress)
    facts = describe_file(file, parsed)
    if on_understood is not None:
        on_understood(facts)
    table = parsed.table
    oldest, newest = int(np.argmin(table.time)), int(np.argmax(table.time))
    notices = list(parsed.notices)
    published = Published(0, 0, 0, int(table.provisional.sum()))
    if not dry_run:
        origin = Origin(
            file=file.name,
            sha256=digest,
            format=parsed.format,
            source=parsed.source,
            timeframe=parsed.timeframe,
            price_base=parsed.price_base,
            rows=parsed.rows,
            rejected=len(parsed.rejected),
            detail={
                "notices": notices,
                "rejected": [[row.line, row.reason] for row in parsed.rejected[:LISTED]],
                "symbols": list(table.symbols[:LISTED]),
            },
        )
        published = publish(store, table, origin, parsed.instruments, now, progress)
        notices += _settled(store, table.symbols)
    return FileReport(
        path=str(file.path) if not file.member else f"{file.path}:{file.member}",
        format=parsed.format,
        symbols=table.symbols,
        timeframe=parsed.timeframe,
        rows=parsed.rows,
        written=published.written,
        unchanged=published.unchanged,
        revised=published.revised,
        rejected=parsed.rejected,
        provisional=published.provisional,
        price_base=parsed.price_base,
        first=iso(int(table.time[oldest])),
        last=iso(int(table.time[newest])),
        notices=tuple(notices),
        revisions=published.revisions,
    )


def _holds_events(file: SourceFile, options: ImportOptions) -> bool:
    return options.events or (not options.mapping and events.recognises(file))


def _import_events(
    store: Store,
    file: SourceFile,
    digest: str,
    options: ImportOptions,
    now: int,
    dry_run: bool,
    progress: Progress,
    on_understood: Callable[[Understood], None] | None,
    calendar: Calendar | None,
) -> FileReport:
    parsed = events.parse(file, options, calendar, progress)
    if on_understood is not None:
        on_understood(_describe_events(file, parsed))
    published = Published(0, 0, 0, 0) if dry_run else publish_events(store, parsed, file.name, digest, now)
    days = [event.ex_session for event in parsed.events]
    return FileReport(
        path=str(file.path) if not file.member else f"{file.path}:{file.member}",
        format="events",
        symbols=parsed.symbols,
        rows=parsed.rows,
        written=published.written,
        unchanged=published.unchanged,
        revised=published.revised,
        rejected=parsed.rejected,
        first=from_day_number(min(days)).isoformat() if days else None,
        last=from_day_number(max(days)).isoformat() if days else None,
        notices=parsed.notices,
        revisions=published.revisions,
    )


def _settled(store: Store, symbols: Sequence[str]) -> list[str]:
    return [
        _("{symbol} {timeframe} turns out to be {base}: {equal} of {compared} closes equal the raw ones").format(
            symbol=symbol, timeframe=timeframe, base=_(base), equal=equal, compared=compared
        )
        for symbol, timeframe, base, equal, compared in settle_price_bases(store, symbols)
    ]


def look_into(file: SourceFile, options: ImportOptions, calendar: Calendar | None = None) -> Understood:
    """What a file, of bars or of corporate events, is understood to be; errors as in `understand`."""
    if _holds_events(file, options):
        return _describe_events(file, events.parse(file, options, calendar))
    return describe_file(file, understand(file, options))


def _describe_events(file: SourceFile, parsed: events.EventFile) -> Understood:
    def row(event: CorporateEvent) -> str:
        value = event.factor if event.factor is not None else event.amount
        return f"{event.symbol}  {from_day_number(event.ex_session)}  {event.kind} {value:.10g}"

    return Understood(
        path=file.name,
        format="events",
        symbols=parsed.symbols,
        timeframe="",
        rows=parsed.rows,
        price_base=None,
        first=row(parsed.events[0]) if parsed.events else "",
        last=row(parsed.events[-1]) if parsed.events else "",
        rejected=parsed.rejected,
        notices=parsed.notices,
    )


def describe_file(file: SourceFile, parsed: ParsedFile) -> Understood:
    """What the file was understood to be, with its first and last row as parsed."""
    table = parsed.table

    def row(at: int) -> str:
        daily = parsed.timeframe in ("1d", "1w")
        when = (
            from_day_number(int(table.session[at])).isoformat() if daily else f"{sao_paulo(int(table.time[at])):%Y-%m-%d %H:%M}"
        )
        prices = " ".join(f"{getattr(table, name)[at]:.10g}" for name in ("open", "high", "low", "close"))
        parts = [table.symbols[table.symbol_index[at]], when, prices]
        if np.isfinite(table.quantity[at]):
            parts.append(_("quantity {value}").format(value=f"{table.quantity[at]:.10g}"))
        if np.isfinite(table.turnover[at]):
            parts.append(f"R$ {table.turnover[at]:.12g}")
        return "  ".join(parts)

    return Understood(
        path=file.name,
        format=parsed.format,
        symbols=table.symbols,
        timeframe=parsed.timeframe,
        rows=parsed.rows,
        price_base=parsed.price_base,
        first=row(0),
        last=row(len(table) - 1),
        rejected=parsed.rejected,
        notices=parsed.notices,
    )


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
