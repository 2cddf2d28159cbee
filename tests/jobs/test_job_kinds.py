"""What each kind of job takes and gives back: the same as its command."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from engine.domain import Progress, silent
from engine.errors import NetworkError, NoDataError, PregaoError
from engine.jobs.client import JobClient
from engine.jobs.kinds import KINDS, Cancelled, Failed, Kind, summary
from engine.store.ledger import list_runs
from engine.workspace import Workspace
from tests.desk_maker import DAILY, at_desk, call, make_market
from tests.ingestion.cotahist_maker import content, record
from tests.jobs.made_worker import COMMAND, wait_until

Said = list[tuple[str, dict[str, Any]]]


def do(kind: str, home: Path, params: dict[str, Any], progress: Progress = silent) -> tuple[dict[str, Any], Said]:
    """The work of one kind in this process: its result and what it emitted."""
    said: Said = []
    work: Kind = KINDS[kind]
    result = at_desk(home, lambda desk: work(desk, params, progress, lambda name, payload: said.append((name, payload))))
    return result, said


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return make_market(tmp_path / "files")


@pytest.fixture
def home(workspace: Workspace, files: list[Path]) -> Path:
    """A workspace that holds the made market."""
    do("import", workspace.home, {"paths": [*map(str, files)], "price_base": "raw"})
    return workspace.home


class Recorder:
    """A Progress that remembers, and is cancelled at one call."""

    def __init__(self, cancel_at: int = -1) -> None:
        self.calls: list[tuple[int, int | None, str]] = []
        self._cancel_at = cancel_at

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        self.calls.append((done, total, note))
        if len(self.calls) - 1 == self._cancel_at:
            raise Cancelled


def bars_stored(home: Path) -> int:
    def count(desk: Any) -> int:
        with desk.store.read() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM bars").scalar_one())

    return int(at_desk(home, count))


def test_an_import_gives_what_the_command_gives(workspace: Workspace, files: list[Path], tmp_path: Path) -> None:
    result, said = do("import", workspace.home, {"paths": [str(files[0].parent)], "price_base": "raw", "symbol": None})
    commanded = call("import", str(files[0].parent), "--price-base", "raw", "--json", home=tmp_path / "other")
    assert result == commanded.json
    assert said == [("file", report) for report in result["files"]]
    assert summary("import", result).endswith(f"{sum(report['written'] for report in result['files'])} bars written, 0 unchanged")


def test_an_import_in_a_process_of_its_own_gives_the_same(client: JobClient, files: list[Path], tmp_path: Path) -> None:
    real = JobClient(client._workspace)
    job = wait_until(real, real.submit("import", {"paths": [str(files[0])], "price_base": "raw"}))
    commanded = call("import", str(files[0]), "--price-base", "raw", "--json", home=tmp_path / "other")
    assert job.status == "done"
    assert job.result == commanded.json
    assert job.note == f"{DAILY[0]}: {commanded.json['files'][0]['written']} bars written, 0 unchanged"
    assert [event.payload for event in real.events(job.id)] == commanded.json["files"]


def test_an_import_of_a_value_series(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "cdi.csv"
    path.write_text("date,value\n2025-06-26,14.90\n2025-06-27,14.90\n", encoding="utf-8")
    result, _said = do("import", workspace.home, {"paths": [str(path)], "series": "cdi", "column": None})
    assert (result["files"][0]["symbols"], result["files"][0]["written"]) == (["CDI"], 2)


def test_a_refused_file_among_good_ones_is_in_the_result_and_alone_fails(
    workspace: Workspace, files: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing to see\n", encoding="utf-8")
    result, _said = do("import", workspace.home, {"paths": [str(bad), str(files[0])], "price_base": "raw"})
    assert [report["error"] is None for report in result["files"]] == [False, True]
    assert summary("import", result).endswith(", 1 file refused")
    with pytest.raises(Failed) as failed:
        do("import", workspace.home, {"paths": [str(bad)]})
    assert failed.value.error.as_dict() == failed.value.result["files"][0]["error"]


def test_a_refused_file_fails_its_job_with_error_and_report(client: JobClient, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing to see\n", encoding="utf-8")
    job = wait_until(client, client.submit("import", {"paths": [str(bad)]}))
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["type"] == "UnrecognisedFileError"
    assert job.result is not None
    assert job.result["files"][0]["path"] == str(bad)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("import", {}),
        ("import", {"paths": []}),
        ("import", {"paths": "PETR4.csv"}),
        ("import", {"paths": [1]}),
        ("import", {"paths": ["there is none.csv"]}),
        ("import", {"paths": ["*"], "nonsense": 1}),
        ("import", {"paths": ["FILE"], "price_base": "cooked"}),
        ("import", {"paths": ["FILE"], "timeframe": "2d"}),
        ("import", {"paths": ["FILE"], "markets": ["moon"]}),
        ("import", {"paths": ["FILE"], "symbol": "!"}),
        ("fetch", {}),
        ("fetch", {"periods": ["soon"]}),
        ("backtest", {}),
        ("backtest", {"symbols": ["MEAA3"], "strategy": "luck"}),
        ("backtest", {"symbols": ["MEAA3"], "params": {"luck": 1}}),
        ("backtest", {"symbols": ["MEAA3"], "timeframe": "2d"}),
        ("backtest", {"symbols": ["MEAA3"], "from": "2025-02-30"}),
        ("backtest", {"symbols": ["MEAA3"], "from": "2025-06-30", "to": "2025-06-01"}),
        ("backtest", {"symbols": ["MEAA3"], "capital": 0}),
        ("backtest", {"symbols": ["MEAA3"], "costs": "free"}),
        ("backtest", {"symbols": ["MEAA3"], "execution": {"entry": "magic"}}),
        ("backtest", {"symbols": ["MEAA3"], "execution": {"time_exit": 1.5}}),
        ("backtest", {"symbols": ["MEAA3"], "execution": {"patience": 1}}),
        ("backtest", {"symbols": ["NONE3"]}),
        ("daily", {"as_of": "2025-06-29"}),
        ("daily", {"as_of": 20250630}),
    ],
)
def test_wrong_parameters_are_said_in_one_sentence(
    kind: str, params: dict[str, Any], workspace: Workspace, files: list[Path]
) -> None:
    named = {name: [str(files[0])] if value == ["FILE"] else value for name, value in params.items()}
    with pytest.raises(PregaoError) as error:
        do(kind, workspace.home, named)
    assert error.value.message
    assert "\n" not in error.value.message
    assert bars_stored(workspace.home) == 0


def test_nothing_real_goes_into_the_demo_market(tmp_path: Path, files: list[Path]) -> None:
    client = JobClient(Workspace(tmp_path / "home", demo=True), command=COMMAND)
    job = wait_until(client, client.submit("import", {"paths": [str(files[0])]}))
    assert job.error is not None
    assert (job.error["type"], "demo" in job.error["message"]) == ("UsageError", True)
    assert JobClient(Workspace(tmp_path / "home")).jobs() == []


def test_an_import_cancelled_before_it_is_published_leaves_nothing_and_one_after_is_kept(
    workspace: Workspace, files: list[Path]
) -> None:
    params = {"paths": [str(files[0])], "price_base": "raw"}
    whole = Recorder()
    do("import", workspace.home / "whole", params, whole)
    assert len(whole.calls) >= 3
    for at in range(len(whole.calls)):
        with pytest.raises(Cancelled):
            do("import", workspace.home, params, Recorder(at))
        assert bars_stored(workspace.home) == 0
    assert {note for _done, _total, note in whole.calls} == {files[0].name}
    two = {"paths": [str(files[0]), str(files[1])], "price_base": "raw"}
    with pytest.raises(Cancelled):
        do("import", workspace.home, two, Recorder(len(whole.calls)))
    assert bars_stored(workspace.home) == bars_stored(workspace.home / "whole")
    result, _said = do("import", workspace.home, two)
    assert [report["written"] > 0 for report in result["files"]] == [False, True]


async def test_a_large_import_is_cancelled_in_its_process_and_leaves_nothing(
    client: JobClient, workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "minutes.csv"
    rows = (
        f"2025-06-{day:02} {at // 60:02}:{at % 60:02},10,11,9,10,{at + 1}" for day in (2, 3, 4, 5, 6) for at in range(600, 1000)
    )
    lines = "\n".join(rows) + "\n"
    path.write_text("date,open,high,low,close,volume\n" + lines + lines * 40, encoding="utf-8")
    job_id = client.submit("import", {"paths": [str(path)], "symbol": "XPTO3"})
    async for event in client.attach(job_id):
        if event.kind == "progress" and event.payload["done"] > 0:
            client.cancel(job_id)
    assert client.job(job_id).status == "cancelled"
    assert bars_stored(workspace.home) == 0


def test_a_backtest_gives_what_the_command_gives_and_is_recorded_once(home: Path) -> None:
    params = {"symbols": ["meaa3", "NHAA3"], "params": {"ema_fast": 5}, "timeframe": None, "from": "2025-03-01", "to": None}
    seen = Recorder()
    result, said = do("backtest", home, params, seen)
    commanded = call("backtest", *DAILY, "--param", "ema_fast=5", "--from", "2025-03-01", "--json", home=home)
    assert result == commanded.json
    assert all("equity" not in item for item in result["results"])
    assert said == []
    assert seen.calls == [(0, 2, "MEAA3"), (1, 2, "NHAA3")]
    assert summary("backtest", result) == "2 backtests"

    def recorded(desk: Any) -> int:
        with desk.store.read() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM backtests").scalar_one())

    assert at_desk(home, recorded) == 2


def test_the_orders_of_a_job_stand_over_those_of_the_settings(home: Path) -> None:
    result, _said = do("backtest", home, {"symbols": ["MEAA3"], "execution": {"time_exit": 2, "trail_atr": None}})
    commanded = call("backtest", "MEAA3", "--time-exit", "2", "--json", home=home)
    assert result["results"] == [commanded.json]
    plain, _said = do("backtest", home, {"symbols": ["MEAA3"]})
    assert plain["results"][0]["order_hash"] != commanded.json["order_hash"]


def test_a_symbol_without_bars_is_skipped_while_another_has_some(home: Path) -> None:
    result, said = do("backtest", home, {"symbols": ["NONE3", DAILY[0]]})
    assert [item["symbol"] for item in result["results"]] == [DAILY[0]]
    ((name, payload),) = said
    assert (name, payload["symbol"], payload["error"]["type"]) == ("skipped", "NONE3", "NoDataError")
    with pytest.raises(NoDataError):
        do("backtest", home, {"symbols": ["NONE3"]})


def test_a_cancelled_list_of_backtests_keeps_those_done(home: Path) -> None:
    with pytest.raises(Cancelled):
        do("backtest", home, {"symbols": [*DAILY]}, Recorder(1))
    result, _said = do("backtest", home, {"symbols": [DAILY[0]]})
    assert result["results"]


def test_the_daily_run_gives_what_the_command_gives(home: Path) -> None:
    def timeless(report: dict[str, Any]) -> dict[str, Any]:
        return {**report, "notes": [], "steps": [{**step, "seconds": 0} for step in report["steps"]]}

    result, _said = do("daily", home, {})
    assert timeless(result) == timeless(call("--run-daily", "--json", home=home).json)
    assert summary("daily", result) == f"{result['run_id']} done"
    replay, _said = do("daily", home, {"as_of": "2025-06-27"})
    assert replay["run_id"].endswith("-replay")


def test_a_cancelled_daily_run_says_so_and_is_completed_by_the_next(home: Path) -> None:
    with pytest.raises(Cancelled):
        do("daily", home, {}, Recorder(2))
    (run,) = at_desk(home, lambda desk: list_runs(desk.store))
    assert run["status"] == "cancelled"
    result, _said = do("daily", home, {})
    assert result["status"] == "done"
    (run,) = at_desk(home, lambda desk: list_runs(desk.store))
    assert run["status"] == "done"


class OneFile(BaseHTTPRequestHandler):
    """A server of one COTAHIST file."""

    def __init__(self, body: bytes, *arguments: Any) -> None:
        self._body = body
        super().__init__(*arguments)

    def do_GET(self) -> None:
        found = self.path == "/COTAHIST_D27062025.ZIP"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(self._body) if found else 0))
        self.end_headers()
        if found:
            self.wfile.write(self._body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("COTAHIST_D27062025.TXT", content([record(day="20250627")]))
    made = HTTPServer(("127.0.0.1", 0), partial(OneFile, packed.getvalue()))
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("PREGAO_FETCH__COTAHIST_URL", f"http://127.0.0.1:{made.server_port}")
    yield
    made.shutdown()
    made.server_close()


@pytest.mark.usefixtures("server")
def test_a_fetch_downloads_and_imports(workspace: Workspace) -> None:
    result, said = do("fetch", workspace.home, {"periods": ["2025-06-27"]})
    assert (result["files"][0]["symbols"], result["files"][0]["written"]) == (["XPTO3"], 1)
    assert [name for name, _payload in said] == ["file"]
    with pytest.raises(NetworkError, match="no file"):
        do("fetch", workspace.home, {"periods": ["2025-06-26"]})
