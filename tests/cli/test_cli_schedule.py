"""`pregao schedule`: what it installs, shows and removes, with a pretended system that keeps what it is told."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from engine import schedule
from engine.errors import UsageError
from engine.schedule import Schedule, checked_kind, install, kinds_here, plan_schedule, remove, show
from tests.desk_maker import MORNING, call

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the pretended commands are shell scripts")

#: Writes its arguments down; `crontab -l` and `crontab -` read and keep a file; with a file `refuse` it fails.
COMMAND = """#!/bin/sh
here="$(dirname "$0")"
echo "$(basename "$0") $*" >> "$here/calls"
if [ -f "$here/refuse" ]; then echo "not allowed" >&2; exit 1; fi
case "$(basename "$0") $*" in
  "crontab -l") if [ -f "$here/table" ]; then cat "$here/table"; else echo "no crontab for me" >&2; exit 1; fi ;;
  "crontab -") cat > "$here/table" ;;
  "systemctl --user list-timers"*) echo "NEXT pregao-daily.timer" ;;
  "schtasks /Create"*) touch "$here/task" ;;
  "schtasks /Delete"*) rm "$here/task" ;;
  "schtasks /Query"*) if [ -f "$here/task" ]; then echo "TaskName: pregao-daily"; else exit 1; fi ;;
esac
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pretended commands in front of PATH, and a configuration of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("systemctl", "crontab", "schtasks"):
        path = folder / name
        path.write_text(COMMAND, encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    return folder


def calls(system: Path) -> list[str]:
    """What was called, but for what only asks."""
    path = system / "calls"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if line != "crontab -l" and "list-timers" not in line and "/Query" not in line]


def table(system: Path) -> list[str]:
    return (system / "table").read_text(encoding="utf-8").splitlines()


def plan(kind: str, shift: int = 0, time: str = "19:30") -> Schedule:
    return Schedule(kind, ("/opt/pre gao/pregao", "--run-daily", "--home", "/home/me/50%"), time, shift)


def test_a_timer_is_installed_shown_and_removed(system: Path, tmp_path: Path) -> None:
    units = tmp_path / "xdg" / "systemd" / "user"
    installed = call("schedule", "install", "--kind", "systemd", "--time", "20:15", "--json", home=tmp_path / "home")
    assert (installed.code, installed.json["installed"]) == (0, True)
    timer, service = (units / f"pregao-daily.{kind}" for kind in ("timer", "service"))
    assert "OnCalendar=Mon..Fri 20:15:00 America/Sao_Paulo" in timer.read_text()
    assert "Persistent=true" in timer.read_text()
    text = service.read_text()
    assert f'"--run-daily" "--home" "{tmp_path / "home"}"' in text
    assert "Restart=on-failure" in text
    assert "RestartPreventExitStatus=2 4" in text
    assert calls(system) == ["systemctl --user daemon-reload", "systemctl --user enable --now pregao-daily.timer"]
    shown = call("schedule", "show", "--kind", "systemd", "--json").json
    assert (shown["installed"], [item["kind"] for item in shown["schedules"]]) == (True, ["systemd"])
    assert set(shown["schedules"][0]["files"]) == {str(timer), str(service)}
    removed = call("schedule", "remove", "--kind", "systemd", "--json").json
    assert not removed["installed"]
    assert "systemctl --user disable --now pregao-daily.timer" in calls(system)
    assert not list(units.iterdir())
    assert not call("schedule", "show", "--kind", "systemd", "--json").json["installed"]


def test_a_dry_run_prints_and_touches_nothing(system: Path, tmp_path: Path) -> None:
    for kind in ("systemd", "cron", "windows"):
        called = call("schedule", "install", "--kind", kind, "--dry-run", home=tmp_path / "home")
        assert called.code == 0
        assert "--run-daily" in called.out
        assert "Nothing was installed" in called.err
    assert not (tmp_path / "xdg").exists()
    assert calls(system) == []


def test_the_lines_of_others_in_the_crontab_stay(system: Path, tmp_path: Path) -> None:
    (system / "table").write_text("MAILTO=me\n5 4 * * * backup\n", encoding="utf-8")
    for time in ("19:30", "21:00"):
        assert call("schedule", "install", "--kind", "cron", "--time", time, home=tmp_path / "home").code == 0
    assert table(system)[:2] == ["MAILTO=me", "5 4 * * * backup"]
    assert len(table(system)) == 2 + schedule.STARTS
    assert all(line.endswith("# pregao-daily") for line in table(system)[2:])
    assert call("schedule", "remove", "--kind", "cron", home=tmp_path / "home").code == 0
    assert table(system) == ["MAILTO=me", "5 4 * * * backup"]


def test_a_crontab_that_cannot_be_read_is_not_replaced(system: Path, tmp_path: Path) -> None:
    (system / "table").write_text("5 4 * * * backup\n", encoding="utf-8")
    (system / "refuse").touch()
    called = call("schedule", "install", "--kind", "cron", "--json", home=tmp_path / "home")
    assert (called.code, called.error["type"]) == (1, "PregaoError")
    assert "not allowed" in called.error["message"]
    assert calls(system) == []
    assert table(system) == ["5 4 * * * backup"]


def test_show_and_remove_look_at_every_kind(system: Path, tmp_path: Path) -> None:
    assert kinds_here() == ("systemd", "cron", "windows")
    assert call("schedule", "install", "--kind", "cron", home=tmp_path / "home").code == 0
    shown = call("schedule", "show")
    assert "is started every weekday evening" in shown.err
    assert shown.out.count("# pregao-daily") == schedule.STARTS
    found = call("schedule", "show", "--json").json
    assert (found["installed"], [item["installed"] for item in found["schedules"]]) == (True, [False, True, False])
    assert not call("schedule", "show", "--kind", "systemd", "--json").json["installed"]
    assert "Nothing was taken away" in call("schedule", "remove", "--dry-run").err
    assert len(table(system)) == schedule.STARTS
    assert "not started by itself" in call("schedule", "remove").err
    assert table(system) == []
    assert not call("schedule", "show", "--json").json["installed"]


@pytest.mark.parametrize("first", schedule.KINDS)
@pytest.mark.parametrize("second", schedule.KINDS)
def test_only_one_kind_stays_installed(system: Path, first: str, second: str) -> None:
    install(plan(first))
    said = [f"{first} would be taken away" in note for note in install(plan(second), dry_run=True).notes]
    assert any(said) is (first != second)
    assert show(first).installed
    assert any(f"{first} was taken away" in note for note in install(plan(second)).notes) is (first != second)
    assert [kind for kind in schedule.KINDS if show(kind).installed] == [second]


def test_a_kind_that_cannot_be_asked_is_said_and_hides_no_other(system: Path) -> None:
    install(plan("systemd"))
    (system / "refuse").touch()
    shown = call("schedule", "show", "--json").json
    assert shown["installed"]
    assert "not allowed" in next(item for item in shown["schedules"] if item["kind"] == "cron")["notes"][0]
    assert call("schedule", "show", "--kind", "cron").code == 1


def test_without_a_crontab_one_is_made(system: Path) -> None:
    install(plan("cron"))
    assert len(table(system)) == schedule.STARTS
    assert show("cron").installed
    remove(show("cron"))
    assert table(system) == []


@pytest.mark.parametrize(
    ("shift", "starts"),
    [
        (0, ["30 19 * * 1,2,3,4,5", "30 20 * * 1,2,3,4,5", "30 21 * * 1,2,3,4,5"]),
        (180, ["30 22 * * 1,2,3,4,5", "30 23 * * 1,2,3,4,5", "30 0 * * 2,3,4,5,6"]),
        (720, ["30 7 * * 2,3,4,5,6", "30 8 * * 2,3,4,5,6", "30 9 * * 2,3,4,5,6"]),
        (-300, ["30 14 * * 1,2,3,4,5", "30 15 * * 1,2,3,4,5", "30 16 * * 1,2,3,4,5"]),
        (330, ["0 1 * * 2,3,4,5,6", "0 2 * * 2,3,4,5,6", "0 3 * * 2,3,4,5,6"]),
    ],
)
def test_cron_gets_the_clock_of_its_machine(shift: int, starts: list[str]) -> None:
    lines = install(plan("cron", shift), dry_run=True).lines
    assert [" ".join(line.split()[:5]) for line in lines] == starts
    assert all(r"'/opt/pre gao/pregao' --run-daily --home /home/me/50\% >/dev/null" in line for line in lines)


def test_a_windows_task_starts_again_in_the_same_evening(system: Path) -> None:
    install(plan("windows"))
    (line,) = calls(system)
    assert line.startswith(
        "schtasks /Create /F /TN pregao-daily /SC WEEKLY /D MON,TUE,WED,THU,FRI /ST 19:30 /RI 60 /DU 0003:00 /TR"
    )
    assert remove(show("windows")).installed is False


def test_a_systemd_command_keeps_its_signs(system: Path) -> None:
    text = next(text for path, text in install(plan("systemd"), dry_run=True).files.items() if path.endswith(".service"))
    assert 'ExecStart="/opt/pre gao/pregao" "--run-daily" "--home" "/home/me/50%%"' in text


@pytest.mark.parametrize(
    "words", [("--time", "17:59"), ("--time", "7pm"), ("--time", "24:00"), ("--time", ""), ("--kind", "launchd")]
)
def test_what_cannot_be_scheduled_is_wrong_usage(system: Path, words: tuple[str, str]) -> None:
    called = call("schedule", "install", *words, "--dry-run", "--json")
    assert (called.code, called.error["type"]) == (2, "UsageError")
    assert calls(system) == []


def test_without_systemd_it_is_cron(system: Path) -> None:
    assert checked_kind("") == ("windows" if sys.platform == "win32" else "systemd")
    (system / "systemctl").unlink()
    os.environ["PATH"] = str(system)
    assert checked_kind("") == "cron"
    with pytest.raises(UsageError):
        plan_schedule((), "19:30", "at", MORNING)


def test_removing_what_is_not_there_is_no_error(system: Path) -> None:
    for kind in ("systemd", "cron"):
        called = call("schedule", "remove", "--kind", kind)
        assert called.code == 0
        assert "not started by itself" in called.err
