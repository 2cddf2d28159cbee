"""Where the daily run finds new bars: the inbox folder, and B3's own daily file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain import Progress, sao_paulo
from engine.errors import FileError, StoreError
from engine.i18n import _
from engine.ingestion.importer import FileReport, import_files
from engine.ingestion.table import ImportOptions
from engine.refusals import hint_of

if TYPE_CHECKING:
    from engine.market.calendar import Calendar
    from engine.settings_model import Settings
    from engine.store.database import Store
    from engine.workspace import Workspace


@dataclass(frozen=True)
class Inbox:
    """Imports what lies in a folder and files it under `imported` or `refused`, so that nothing is read again or lost.

    A file is moved after its rows are published: killed in between, the next call finds them unchanged and moves it.
    A file stays where it is when the store, not the file, was at fault.
    """

    folder: Path
    store: Store
    options: ImportOptions
    max_bytes: int
    now: Callable[[], int]
    name: str = "inbox"
    calendar: Calendar | None = None

    def collect(self, session: date, progress: Progress) -> list[FileReport]:  # noqa: ARG002 - the folder knows no dates
        reports = []
        waiting = sorted(item for item in self.folder.glob("*") if item.is_file() and not item.name.startswith("."))
        for path in waiting:
            found = import_files(
                self.store,
                [path],
                self.options,
                now=self.now(),
                max_bytes=self.max_bytes,
                progress=progress,
                calendar=self.calendar,
            )
            reports += found
            if not any(isinstance(report.error, StoreError) for report in found):
                _file_away(path, "refused" if any(report.error for report in found) else "imported")
        return reports


def _file_away(path: Path, place: str) -> None:
    folder = path.parent / place
    try:
        folder.mkdir(exist_ok=True)
        target = folder / path.name
        count = 1
        while target.exists():
            count += 1
            target = folder / f"{path.stem}-{count}{path.suffix}"
        path.replace(target)
    except OSError as error:
        raise FileError(
            _("{path} was read but cannot be moved to {folder}: {error}").format(
                path=path, folder=folder, error=error.strerror or error
            ),
            hint_of(error),
        ) from error


@dataclass(frozen=True)
class CotahistDaily:
    """B3's file of one session: downloaded, then imported where it is at hand."""

    folder: Path
    url: str
    timeout: float
    store: Store
    options: ImportOptions
    max_bytes: int
    now: Callable[[], int]
    name: str = "cotahist"

    def fetch(self, session: date, progress: Progress) -> int:
        from engine.ingestion.download import download_cotahist

        day = sao_paulo(self.now()).date()
        paths = download_cotahist(session.isoformat(), self.folder, self.url, progress, today=day, timeout=self.timeout)
        return len(paths)

    def collect(self, session: date, progress: Progress) -> list[FileReport]:
        from engine.ingestion.download import periods

        now = self.now()
        wanted = [self.folder / one.name for one in periods(session.isoformat(), sao_paulo(now).date())]
        here = [path for path in wanted if path.is_file()]
        return import_files(self.store, here, self.options, now=now, max_bytes=self.max_bytes, progress=progress)


def configured_sources(
    workspace: Workspace, settings: Settings, store: Store, now: Callable[[], int], calendar: Calendar
) -> list[Inbox | CotahistDaily]:
    """The sources that the settings name, in their order."""
    options = ImportOptions(markets=settings.ingestion.markets)
    limit = settings.ingestion.max_file_mb << 20
    made: list[Inbox | CotahistDaily] = []
    for name in settings.daily.sources:
        if name == "inbox":
            made.append(Inbox(workspace.inbox, store, options, limit, now, calendar=calendar))
        else:
            fetch = settings.fetch
            made.append(CotahistDaily(workspace.downloads, fetch.cotahist_url, fetch.timeout_seconds, store, options, limit, now))
    return made
