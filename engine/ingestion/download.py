"""Fetching COTAHIST files from B3: resumable, verified, replaced atomically, and only when they may have changed."""

from __future__ import annotations

import calendar
import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.domain import Progress, silent
from engine.errors import FileError, NetworkError, UsageError
from engine.i18n import _
from engine.ingestion.files import UNSOUND

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

#: B3's public address, free and without a key.
BASE_URL = "https://bvmf.bmfbovespa.com.br/InstDados/SerHist"
FIRST_YEAR = 1986
MAX_BYTES = 512 << 20
CHUNK = 1 << 16
#: A copy fetched this long after the last day that its file covers is final: B3 rewrites a file for a few days.
SETTLED = timedelta(days=7)
ATTEMPTS = 4
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
ZIP_SIGNATURE = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Period:
    """One file of B3: its name and the last day it covers."""

    name: str
    last: date


class _Interrupted(NetworkError):
    """A failure that may pass; `pause` is what the server asked for, in seconds."""

    def __init__(self, message: str, hint: str = "", pause: float = 0.0) -> None:
        super().__init__(message, hint)
        self.pause = pause


def periods(text: str, today: date) -> list[Period]:
    """The files of `2024`, `2024..2025`, `2025-03` or `2025-06-30`; UsageError for anything else, or the future."""
    hint = _("Write a year (2024), a range of years (2024..2025), a month (2025-03) or a day (2025-06-30).")
    found = re.fullmatch(r"(\d{4})(?:\.\.(\d{4})|-(\d{2})(?:-(\d{2}))?)?", text.strip(), re.ASCII)
    if not found:
        raise UsageError(_("{text} is not a period").format(text=ascii(text)), hint)
    year, end, month, day = (int(group) if group else None for group in found.groups())
    if year is None or year < FIRST_YEAR or (end is not None and end < year):
        raise UsageError(_("{text} is not a period from {year} on").format(text=text, year=FIRST_YEAR), hint)
    try:
        first = date(year, month or 1, day or 1)
    except ValueError as error:
        raise UsageError(_("{text} is not in the calendar").format(text=text), hint) from error
    if first > today or (end is not None and end > today.year):
        raise UsageError(_("{text} is in the future").format(text=text), hint)
    if day is not None:
        return [Period(f"COTAHIST_D{first:%d%m%Y}.ZIP", first)]
    if month is not None:
        return [Period(f"COTAHIST_M{first:%m%Y}.ZIP", date(year, month, calendar.monthrange(year, month)[1]))]
    return [Period(f"COTAHIST_A{number}.ZIP", date(number, 12, 31)) for number in range(year, (end or year) + 1)]


def download_cotahist(
    period: str, folder: Path, base_url: str = BASE_URL, progress: Progress = silent, *, today: date, timeout: float = 30.0
) -> list[Path]:
    """The COTAHIST files of `period` in `folder`, oldest first, downloaded where they are missing or may have changed.

    period: as in `periods`. today: the date in Sao Paulo. timeout: seconds without an answer or a byte before a retry.
    A file fetched well after the last day it covers is final and not asked for again; another is asked for with the ETag or
    Last-Modified of the copy at hand. A download that was cut goes on where it stopped, in this call or in a later one, if
    the server still has the same file. `progress` is told bytes of one file and its name.

    Raises UsageError for a period, NetworkError when the server has no such file, does not answer after a few attempts,
    sends something else than a ZIP, one that is too large, or leads to another host; FileError when the folder cannot be written.
    """
    import httpx

    wanted = periods(period, today)
    base = _base(base_url)
    with _disk(folder), httpx.Client(timeout=timeout, follow_redirects=True, event_hooks={"response": [_stay_on_host]}) as client:
        folder.mkdir(parents=True, exist_ok=True)
        return [_fetch(client, base.join(one.name), folder / one.name, one.last, today, progress) for one in wanted]


def _base(base_url: str) -> httpx.URL:
    import httpx

    try:
        base = httpx.URL(base_url.rstrip("/") + "/")
    except httpx.InvalidURL:
        base = httpx.URL("")
    if base.scheme not in ("http", "https") or not base.host:
        raise UsageError(_("{url} is not an address to download from").format(url=ascii(base_url)))
    return base


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(_("{name} cannot be written: {error}").format(name=folder, error=error.strerror or error)) from error


def _stay_on_host(response: httpx.Response) -> None:
    if not response.has_redirect_location:
        return
    target = response.url.join(response.headers["location"])
    if target.host != response.url.host or target.scheme not in (response.url.scheme, "https"):
        raise NetworkError(
            _("{host} sends the download to another address, {target}, which is not followed").format(
                host=response.url.host, target=ascii(target.host)
            )
        )


def _fetch(client: httpx.Client, url: httpx.URL, path: Path, last: date, today: date, progress: Progress) -> Path:
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

    known = _read_state(_beside(path, ".state")) if path.exists() else {}
    if known.get("fetched", "") >= (last + SETTLED).isoformat():
        return path
    attempts = Retrying(stop=stop_after_attempt(ATTEMPTS), wait=_pause, retry=retry_if_exception_type(_Interrupted), reraise=True)
    try:
        state = attempts(_attempt, client, url, path, known, progress)
    except _Interrupted as error:
        raise NetworkError(error.message, error.hint) from error
    _write(_beside(path, ".state"), json.dumps({**state, "fetched": today.isoformat()}))
    return path


def _pause(state: RetryCallState) -> float:
    """Seconds before the next attempt: what the server asked for, else exponential with jitter; bounded."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome else None
    asked = error.pause if isinstance(error, _Interrupted) else 0.0
    return min(max(asked, wait_random_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE)(state)), LONGEST_PAUSE)


def _attempt(client: httpx.Client, url: httpx.URL, path: Path, known: Mapping[str, str], progress: Progress) -> dict[str, str]:
    """Ask once. The validators of the file now in `path`, which may be as before."""
    import httpx

    part, tag = _beside(path, ".part"), _beside(path, ".part.etag")
    validator = tag.read_text("ascii", "ignore").strip() if tag.exists() else ""
    start = part.stat().st_size if part.exists() and validator else 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    elif known.get("etag"):
        headers["If-None-Match"] = known["etag"]
    elif known.get("last_modified"):
        headers["If-Modified-Since"] = known["last_modified"]
    try:
        with client.stream("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED and known:
                return dict(known)
            resumed = _resumed(response, start, validator)
            if resumed is None:
                _forget(part, tag)
                raise _Interrupted(_("{host} no longer has the rest of {name}").format(host=url.host, name=path.name))
            _check_status(response, path.name)
            if not resumed:
                _forget(part, tag)
                _write(tag, _validator(response))
            _receive(response, part, resumed, path.name, progress)
            state = {"etag": _header(response, "etag"), "last_modified": _header(response, "last-modified")}
    except httpx.TransportError as error:
        raise _Interrupted(
            _("{host} did not send {name}: {error}").format(
                host=url.host, name=path.name, error=str(error) or type(error).__name__
            ),
            _("Check the connection and try again: the download goes on where it stopped."),
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NetworkError(_("{host} gave an answer that cannot be used: {error}").format(host=url.host, error=error)) from error
    if not _is_zip(part):
        _forget(part, tag)
        raise NetworkError(
            _("What {host} sent as {name} is not a sound ZIP file; it was removed").format(host=url.host, name=path.name)
        )
    part.replace(path)
    _sync_folder(path.parent)
    _forget(tag)
    return state


def _resumed(response: httpx.Response, start: int, validator: str) -> int | None:
    """From which byte the answer goes on: `start`, 0 for a whole file, None when it fits no part of the file at hand."""
    if response.status_code == 206:
        fits = _range_start(response) == start and _validator(response) in ("", validator)
        return start if fits else None
    return None if response.status_code == 416 and start else 0


def _check_status(response: httpx.Response, name: str) -> None:
    """Pass 200 and 206; NetworkError for the rest, one that may be retried for 429 and 5xx."""
    status = response.status_code
    if status in (200, 206):
        return
    if status == 404:
        raise NetworkError(
            _("{host} has no file {name}").format(host=response.url.host, name=name),
            _("The file of a session appears after it has closed; there is none for a day without a session."),
        )
    message = _("{host} refused {name} with status {status}").format(host=response.url.host, name=name, status=status)
    if status == 429 or status >= 500:
        raise _Interrupted(message, _("Try again later."), _retry_after(response))
    raise NetworkError(message)


def _retry_after(response: httpx.Response) -> float:
    """The seconds that the server asks to wait, whether it names them or a time (by its own clock)."""
    asked = response.headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,6}", asked, re.ASCII):
        return float(asked)
    with suppress(ValueError, TypeError, KeyError):
        return (parsedate_to_datetime(asked) - parsedate_to_datetime(response.headers["date"])).total_seconds()
    return 0.0


def _range_start(response: httpx.Response) -> int:
    found = re.match(r"bytes (\d{1,18})-", response.headers.get("content-range", ""), re.ASCII)
    return int(found.group(1)) if found else -1


def _validator(response: httpx.Response) -> str:
    """What If-Range may carry: a strong ETag, else Last-Modified, else nothing (and the download cannot be resumed)."""
    etag = _header(response, "etag")
    return etag if etag and not etag.startswith("W/") else _header(response, "last-modified")


def _header(response: httpx.Response, name: str) -> str:
    """A header that may be sent back as it is; empty when it is missing or not plain text."""
    value: str = response.headers.get(name, "")
    return value if value.isascii() and value.isprintable() else ""


def _receive(response: httpx.Response, part: Path, done: int, name: str, progress: Progress) -> None:
    """Append the body to `part` and force it to disk; NetworkError for what is no ZIP or too large, which is removed."""
    length = response.headers.get("content-length", "")
    total = done + int(length) if re.fullmatch(r"\d{1,18}", length, re.ASCII) else None
    try:
        _check_size(total or 0, name)
        with part.open("ab" if done else "wb") as stream:
            try:
                for chunk in response.iter_raw(CHUNK):
                    if not done:
                        _check_signature(chunk, response.url.host, name)
                    done += len(chunk)
                    _check_size(done, name)
                    stream.write(chunk)
                    progress(done, total, name)
            finally:
                _sync(stream)
    except NetworkError:
        _forget(part, _beside(part, ".etag"))
        raise


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise NetworkError(_("{name} is larger than {limit} MB and was not downloaded").format(name=name, limit=MAX_BYTES >> 20))


def _check_signature(chunk: bytes, host: str, name: str) -> None:
    if not chunk.startswith(ZIP_SIGNATURE[: len(chunk)]):
        raise NetworkError(
            _("{host} sent something else than the ZIP file {name}").format(host=host, name=name),
            _("It may be a page that asks for something; open the address in a browser and import the file by hand."),
        )


def _is_zip(path: Path) -> bool:
    """Whether a ZIP is whole enough to have its directory; what it holds is checked when it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(archive.infolist())
    except UNSOUND:
        return False


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _forget(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _read_state(path: Path) -> dict[str, str]:
    """What is known of the copy at hand; nothing when that cannot be read, so that the file is asked for again."""
    try:
        state = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in state.items() if isinstance(value, str)} if isinstance(state, dict) else {}


def _write(path: Path, text: str) -> None:
    """Replace a small text file atomically."""
    new = _beside(path, ".new")
    with new.open("w", encoding="utf-8") as stream:
        stream.write(text)
        _sync(stream)
    new.replace(path)


def _sync(stream: IO[bytes] | IO[str]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
