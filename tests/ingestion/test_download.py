"""Downloads from a real HTTP server on loopback that fails in the ways servers do."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.errors import FileError, NetworkError, UsageError
from engine.ingestion import download
from engine.ingestion.download import download_cotahist, periods

TODAY = date(2025, 6, 30)
NAME = "COTAHIST_A2024.ZIP"


def zip_of(text: str, size: int = 200_000) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("COTAHIST.TXT"), text.ljust(size))
    return buffer.getvalue()


@dataclass
class Server:
    """What the server holds and how it answers. `script` holds one behaviour per request; when it is used up, all is well."""

    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    script: list[Callable[[BaseHTTPRequestHandler], bool]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def put(self, name: str, data: bytes, etag: str) -> None:
        self.files[name], self.etags[name] = data, etag


def serve(handler: BaseHTTPRequestHandler, server: Server, *, ranges: bool = True, careless: bool = False) -> None:
    """Answer as a good server does; without `ranges` it ignores Range, `careless` it ignores If-Range."""
    name = handler.path.rsplit("/", 1)[-1]
    if name not in server.files:
        handler.send_error(404)
        return
    data, etag = server.files[name], server.etags[name]
    if handler.headers.get("If-None-Match") == etag:
        handler.send_response(304)
        handler.end_headers()
        return
    asked = handler.headers.get("Range")
    start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
    if start and ranges and (careless or handler.headers.get("If-Range") == etag):
        if start >= len(data):
            handler.send_error(416)
            return
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        data = data[start:]
    else:
        handler.send_response(200)
    if etag:
        handler.send_header("ETag", etag)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(download, "LONGEST_PAUSE", 0.05)
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, dict(self.headers)))
            if not state.script or not state.script.pop(0)(self):
                serve(self, state)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}/hist"
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], bool]:
    def answer(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return answer


def cut_after(server: Server, size: int) -> Callable[[BaseHTTPRequestHandler], bool]:
    """Promise the whole file and close the connection after `size` bytes."""

    def answer(handler: BaseHTTPRequestHandler) -> bool:
        name = handler.path.rsplit("/", 1)[-1]
        data = server.files[name]
        handler.send_response(200)
        if server.etags[name]:
            handler.send_header("ETag", server.etags[name])
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:size])
        return True

    return answer


def body(data: bytes, kind: str = "text/html") -> Callable[[BaseHTTPRequestHandler], bool]:
    def answer(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)
        return True

    return answer


def fetch(server: Server, folder: Path, period: str = "2024", today: date = TODAY, timeout: float = 5) -> list[Path]:
    return download_cotahist(period, folder, server.url, today=today, timeout=timeout)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name or path.name.endswith(".new"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2024", ["COTAHIST_A2024.ZIP"]),
        ("2023..2025", ["COTAHIST_A2023.ZIP", "COTAHIST_A2024.ZIP", "COTAHIST_A2025.ZIP"]),
        ("2025-03", ["COTAHIST_M032025.ZIP"]),
        ("2025-06-30", ["COTAHIST_D30062025.ZIP"]),
        ("1986", ["COTAHIST_A1986.ZIP"]),
    ],
)
def test_a_period_names_the_files_of_b3(text: str, names: list[str]) -> None:
    assert [period.name for period in periods(text, TODAY)] == names


def test_a_period_ends_with_its_last_day() -> None:
    assert [periods(text, TODAY)[0].last for text in ("2024", "2024-02", "2025-06-30")] == [
        date(2024, 12, 31), date(2024, 2, 29), date(2025, 6, 30),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "24", "PETR4", "2024..2023", "2024-13", "2025-02-30", "2026", "2024..2026", "2025-07", "2025-07-01", "1985", "2024-01..2024-03",
     "0000", "2024\n2", "../2024", "٢٠٢٤"],
)  # fmt: skip
def test_what_is_no_past_period_is_wrong_usage(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        download_cotahist(text, tmp_path, "http://127.0.0.1:9", today=TODAY)
    assert "2024..2025" in caught.value.hint


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/", "file:///etc", "bvmf.com", "http://", "http://[::1"])
def test_an_address_that_is_none_is_wrong_usage(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        download_cotahist("2024", tmp_path, url, today=TODAY)


def test_a_file_is_downloaded_whole_with_progress(server: Server, tmp_path: Path) -> None:
    data = zip_of("a")
    server.put(NAME, data, '"a"')
    seen: list[tuple[int, int | None, str]] = []
    folder = tmp_path / "new" / "folder"
    (path,) = download_cotahist("2024", folder, server.url + "/", lambda *told: seen.append(told), today=TODAY)  # type: ignore[arg-type]
    assert path == folder / NAME
    assert path.read_bytes() == data
    assert seen[-1] == (len(data), len(data), NAME)
    assert server.asked[0][0] == f"/hist/{NAME}"
    assert leftovers(folder) == []


def test_a_range_of_years_gives_its_files_in_order(server: Server, tmp_path: Path) -> None:
    for year in (2023, 2024, 2025):
        server.put(f"COTAHIST_A{year}.ZIP", zip_of(str(year)), f'"{year}"')
    assert [path.name[10:14] for path in fetch(server, tmp_path, "2023..2025")] == ["2023", "2024", "2025"]


def test_a_settled_year_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.put(NAME, zip_of("a"), '"a"')
    first = fetch(server, tmp_path)
    server.put(NAME, zip_of("b"), '"b"')
    assert fetch(server, tmp_path) == first
    assert len(server.asked) == 1


def test_the_current_year_is_asked_for_and_replaced_only_when_it_changed(server: Server, tmp_path: Path) -> None:
    name = "COTAHIST_A2025.ZIP"
    server.put(name, zip_of("a"), '"a"')
    (path,) = fetch(server, tmp_path, "2025")
    before = path.stat()
    assert fetch(server, tmp_path, "2025") == [path]
    assert server.asked[1][1]["If-None-Match"] == '"a"'
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    server.put(name, zip_of("b"), '"b"')
    fetch(server, tmp_path, "2025")
    assert path.read_bytes() == zip_of("b")


def test_a_year_fetched_before_it_was_over_is_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.put(NAME, zip_of("half a year"), '"a"')
    fetch(server, tmp_path, today=date(2024, 7, 1))
    server.put(NAME, zip_of("the year"), '"b"')
    (path,) = fetch(server, tmp_path)
    assert path.read_bytes() == zip_of("the year")


def test_a_copy_of_which_nothing_is_known_is_replaced(server: Server, tmp_path: Path) -> None:
    server.put(NAME, zip_of("a"), '"a"')
    (tmp_path / NAME).write_bytes(b"mine")
    (tmp_path / f"{NAME}.state").write_bytes(b"[\xff")
    (path,) = fetch(server, tmp_path)
    assert path.read_bytes() == zip_of("a")


def test_last_modified_serves_where_there_is_no_etag(server: Server, tmp_path: Path) -> None:
    stamp = "Mon, 30 Jun 2025 22:00:00 GMT"

    def dated(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Last-Modified", stamp)
        handler.send_header("Content-Length", str(len(zip_of("a"))))
        handler.end_headers()
        handler.wfile.write(zip_of("a"))
        return True

    server.script = [dated, status(304)]
    fetch(server, tmp_path, "2025")
    fetch(server, tmp_path, "2025")
    assert server.asked[1][1]["If-Modified-Since"] == stamp


def test_a_cut_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    data = zip_of("a")
    server.put(NAME, data, '"a"')
    server.script = [cut_after(server, 150_000)]
    (path,) = fetch(server, tmp_path)
    assert path.read_bytes() == data
    asked = server.asked[1][1]
    start = int(asked["Range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 150_000
    assert asked["If-Range"] == '"a"'
    assert leftovers(tmp_path) == []


def test_a_later_call_goes_on_too(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    server.put(NAME, zip_of("a"), '"a"')
    server.script = [cut_after(server, 150_000)]
    with pytest.raises(NetworkError) as caught:
        fetch(server, tmp_path)
    assert type(caught.value) is NetworkError
    assert not (tmp_path / NAME).exists()
    assert leftovers(tmp_path) == [f"{NAME}.part", f"{NAME}.part.etag"]
    (path,) = fetch(server, tmp_path)
    assert "Range" in server.asked[1][1]
    assert path.read_bytes() == zip_of("a")


@pytest.mark.parametrize("etag", ["", 'W/"a"'])
def test_without_a_strong_validator_a_cut_download_starts_again(server: Server, tmp_path: Path, etag: str) -> None:
    server.put(NAME, zip_of("a"), etag)
    server.script = [cut_after(server, 150_000)]
    (path,) = fetch(server, tmp_path)
    assert "Range" not in server.asked[1][1]
    assert path.read_bytes() == zip_of("a")


def test_a_server_that_ignores_range_starts_again_cleanly(server: Server, tmp_path: Path) -> None:
    server.put(NAME, zip_of("a"), '"a"')
    server.script = [cut_after(server, 150_000), lambda handler: serve(handler, server, ranges=False) is None]
    (path,) = fetch(server, tmp_path)
    assert path.read_bytes() == zip_of("a")


@pytest.mark.parametrize("careless", [False, True])
def test_a_file_that_changed_in_between_is_not_joined_to_the_old_half(server: Server, tmp_path: Path, careless: bool) -> None:
    server.put(NAME, zip_of("a", 200_000), '"a"')

    def changed(handler: BaseHTTPRequestHandler) -> bool:
        server.put(NAME, zip_of("b", 300_000), '"b"')
        serve(handler, server, careless=careless)
        return True

    server.script = [cut_after(server, 150_000), changed]
    (path,) = fetch(server, tmp_path)
    assert path.read_bytes() == zip_of("b", 300_000)


def test_a_file_that_became_shorter_starts_again(server: Server, tmp_path: Path) -> None:
    server.put(NAME, zip_of("a", 200_000), '"a"')
    server.script = [cut_after(server, 150_000), status(416)]
    (path,) = fetch(server, tmp_path)
    assert "Range" not in server.asked[2][1]
    assert path.read_bytes() == zip_of("a")


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path, code: int) -> None:
    server.put(NAME, zip_of("a"), '"a"')
    server.script = [status(code, Retry_After="0"), status(code)]
    assert fetch(server, tmp_path)[0].read_bytes() == zip_of("a")


def test_a_server_that_stays_busy_is_given_up(server: Server, tmp_path: Path) -> None:
    server.script = [status(503)] * 20
    with pytest.raises(NetworkError, match="503"):
        fetch(server, tmp_path)
    assert len(server.asked) == download.ATTEMPTS


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7), ("", 0), ("soon", 0), ("Mon, 30 Jun 2025 22:00:09 GMT", 9), ("-5", 0), ("9" * 30, 0)]
)
def test_retry_after_is_read_as_seconds_or_by_the_clock_of_the_server(value: str, seconds: float) -> None:
    import httpx

    headers = {"Retry-After": value, "Date": "Mon, 30 Jun 2025 22:00:00 GMT"}
    assert download._retry_after(httpx.Response(503, headers=headers)) == seconds


def test_the_pause_is_what_the_server_asks_for_but_bounded(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", pauses.append)
    monkeypatch.setattr(download, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(download, "LONGEST_PAUSE", 30.0)
    server.put(NAME, zip_of("a"), '"a"')
    server.script = [status(503, Retry_After="7"), status(429, Retry_After="86400")]
    fetch(server, tmp_path)
    assert pauses == [7.0, 30.0]


def test_a_missing_file_is_said_in_plain_words_and_asked_for_once(server: Server, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=f"has no file {NAME}") as caught:
        fetch(server, tmp_path)
    assert caught.value.hint
    assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"<html><body>Access denied</body></html>", b"PK\x03\x04 but no more", b"P", b""])
def test_what_is_no_zip_is_refused_and_removed(server: Server, tmp_path: Path, data: bytes) -> None:
    old = zip_of("old")
    (tmp_path / NAME).write_bytes(old)
    server.script = [body(data)]
    with pytest.raises(NetworkError, match="ZIP"):
        fetch(server, tmp_path)
    assert (tmp_path / NAME).read_bytes() == old
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_above_the_size_cap_is_refused_and_removed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, announced: bool
) -> None:
    def unannounced(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(zip_of("a"))
        return True

    monkeypatch.setattr(download, "MAX_BYTES", 100_000)
    server.put(NAME, zip_of("a"), '"a"')
    server.script = [] if announced else [unannounced]
    with pytest.raises(NetworkError, match="larger than"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["http://localhost:9/x.zip", "https://example.org/x.zip", "//example.org/x"])
def test_a_redirect_to_another_host_is_not_followed(server: Server, tmp_path: Path, target: str) -> None:
    server.script = [status(302, Location=target)]
    with pytest.raises(NetworkError, match="another address"):
        fetch(server, tmp_path)
    assert len(server.asked) == 1


def test_a_redirect_on_the_same_host_is_followed_but_not_for_ever(server: Server, tmp_path: Path) -> None:
    server.put("moved.zip", zip_of("a"), '"a"')
    server.script = [status(301, Location="/elsewhere/moved.zip")]
    assert fetch(server, tmp_path)[0].read_bytes() == zip_of("a")
    server.script = [status(302, Location="/again")] * 100
    with pytest.raises(NetworkError):
        fetch(server, tmp_path, "2023")


def test_no_server_and_a_silent_server_are_network_errors(server: Server, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="did not send"):
        download_cotahist("2024", tmp_path, "http://127.0.0.1:1", today=TODAY)
    done = threading.Event()
    server.script = [lambda handler: done.wait(5)] * 4
    with pytest.raises(NetworkError, match="did not send"):
        fetch(server, tmp_path, timeout=0.05)
    done.set()


def test_a_folder_that_cannot_be_written_is_a_file_error(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match="cannot be written"):
        fetch(server, tmp_path / "file")
