"""Letting the system start the daily run every evening: a systemd user timer, a cron line or a Windows task.

The run is idempotent, so it is started more than once an evening: a later start finds the day done, or makes up for a file that came
late or a network that was down.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.domain import SAO_PAULO
from engine.errors import FileError, PregaoError, UsageError
from engine.i18n import _

KINDS = ("systemd", "cron", "windows")
#: The command of the system that each kind is made with.
COMMANDS = {"systemd": "systemctl", "cron": "crontab", "windows": "schtasks"}
NAME = "pregao-daily"
MARK = f"# {NAME}"
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
#: Starts an evening, and minutes between them. systemd waits so long after a failure, at most so often.
STARTS, PAUSE = 3, 60
#: Before it the daily bars of a session are not final.
EARLIEST = "18:30"
#: What `crontab -l` says where there is none.
NO_CRONTAB = ("no crontab", "No such file")
#: Seconds that a command of the system may take.
PATIENCE = 30


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is started when: `command` with its arguments, every weekday at `time` ("HH:MM" of Sao Paulo).

    shift: the clock of this machine minus that of Sao Paulo, in minutes; cron and Windows know only the former.
    """

    kind: str
    command: tuple[str, ...]
    time: str
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Installed:
    """What is (or would be) on the system. files: path and content. lines: of the crontab, or commands. notes: what to know, in sentences."""

    kind: str
    installed: bool
    files: Mapping[str, str]
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        kept = {"kind": self.kind, "installed": self.installed, "files": dict(self.files)}
        return {**kept, "lines": list(self.lines), "notes": list(self.notes)}


def checked_kind(kind: str) -> str:
    """One of KINDS; empty is what this platform has: Windows tasks, systemd where there is one, else cron. Raises UsageError."""
    if not kind:
        return "windows" if os.name == "nt" else "systemd" if shutil.which("systemctl") else "cron"
    if kind not in KINDS:
        raise UsageError(_("There is no schedule {kind}").format(kind=kind), _("Accepted: {list}.").format(list=", ".join(KINDS)))
    return kind


def kinds_here(kind: str = "") -> tuple[str, ...]:
    """Where a daily run may be installed on this system: each of KINDS whose command is there; `kind` alone where one is named.

    Raises UsageError for a kind that does not exist.
    """
    return (checked_kind(kind),) if kind else tuple(name for name in KINDS if shutil.which(COMMANDS[name]))


def plan_schedule(command: Sequence[str], time: str, kind: str, now: int) -> Schedule:
    """A schedule, checked. kind: as `checked_kind` takes it. now: UTC seconds, for the difference of the clocks.

    Raises UsageError for a kind that does not exist and a time that is none or lies before the daily bars are final.
    """
    kind = checked_kind(kind)
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time, re.ASCII):
        raise UsageError(_("--time: {text} is not a time of day").format(text=time or "''"), _("Write it as 19:30."))
    if time < EARLIEST:
        raise UsageError(
            _("At {time} the bars of the day are not final").format(time=time),
            _("Choose {earliest} or later, Sao Paulo's time.").format(earliest=EARLIEST),
        )
    here, there = (datetime.fromtimestamp(now, zone).replace(tzinfo=None) for zone in (None, SAO_PAULO))
    return Schedule(kind, tuple(command), time, round((here - there) / timedelta(minutes=1)))


def install(schedule: Schedule, *, dry_run: bool = False) -> Installed:
    """Put it on the system, in the place of an earlier one of whatever kind, or only say what that would be.

    Raises FileError for a place that cannot be written, PregaoError when the system refuses. Another kind that cannot be asked is a note.
    """
    made = _planned(schedule)
    others = [show(kind, strict=False) for kind in kinds_here() if kind != schedule.kind]
    if dry_run:
        would = _("The daily run of {kind} would be taken away, since both would start it.")
        return _noted(made, others, would)
    for path, text in made.files.items():
        _write(Path(path), text)
    if schedule.kind == "systemd":
        _call("systemctl", "--user", "daemon-reload")
        _call("systemctl", "--user", "enable", "--now", f"{NAME}.timer")
    elif schedule.kind == "cron":
        _call("crontab", "-", text="\n".join([*_crontab(), *made.lines]) + "\n")
    else:
        _call(*_windows(schedule))
    for other in others:
        remove(other)
    gone = _("The daily run of {kind} was taken away, since both would start it.")
    return replace(_noted(made, others, gone), installed=True)


def show(kind: str, *, strict: bool = True) -> Installed:
    """What of a kind is on the system now. Raises PregaoError when the system refuses, which without `strict` is a note."""
    try:
        return _found(kind)
    except PregaoError as error:
        if strict:
            raise
        return Installed(kind, False, {}, (), (error.message,))


def _found(kind: str) -> Installed:
    if kind == "systemd":
        files = {str(path): path.read_text(encoding="utf-8") for path in _unit_paths() if path.is_file()}
        timers = _answer("systemctl", "--user", "list-timers", f"{NAME}.timer", "--no-pager") if files else ()
        return Installed(kind, bool(files), files, tuple(timers))
    if kind == "cron":
        lines = tuple(_crontab(ours=True))
        return Installed(kind, bool(lines), {}, lines)
    lines = tuple(_answer("schtasks", "/Query", "/TN", NAME, "/FO", "LIST"))
    return Installed(kind, bool(lines), {}, lines)


def remove(found: Installed) -> Installed:
    """Take what `show` found off the system. Nothing is no error. Raises FileError and PregaoError."""
    if not found.installed:
        return found
    if found.kind == "systemd":
        _answer("systemctl", "--user", "disable", "--now", f"{NAME}.timer")
        for path in found.files:
            try:
                Path(path).unlink()
            except OSError as error:
                raise FileError(
                    _("{path} cannot be deleted: {error}").format(path=path, error=error.strerror or error)
                ) from error
        _call("systemctl", "--user", "daemon-reload")
    elif found.kind == "cron":
        _call("crontab", "-", text="".join(f"{line}\n" for line in _crontab()))
    else:
        _call("schtasks", "/Delete", "/TN", NAME, "/F")
    return replace(found, installed=False)


def _noted(made: Installed, others: Sequence[Installed], sentence: str) -> Installed:
    """`made` with a sentence on each other kind that is installed, and with what is to know of the others."""
    said = [sentence.format(kind=other.kind) for other in others if other.installed]
    return replace(made, notes=(*made.notes, *said, *(note for other in others for note in other.notes)))


def _planned(schedule: Schedule) -> Installed:
    if schedule.kind == "systemd":
        service, timer = _unit_paths()
        note = _("Timers of a user run while that user is logged in; `loginctl enable-linger` lets them run always.")
        return Installed("systemd", False, {str(service): _service(schedule), str(timer): _timer(schedule)}, (), (note,))
    note = _("The times are those of this machine's clock; install it again if its time zone changes.")
    lines = _cron_lines(schedule) if schedule.kind == "cron" else (subprocess.list2cmdline(_windows(schedule)),)
    return Installed(schedule.kind, False, {}, lines, (note,))


def _unit_paths() -> tuple[Path, Path]:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    folder = Path(home) / "systemd" / "user"
    return folder / f"{NAME}.service", folder / f"{NAME}.timer"


def _service(schedule: Schedule) -> str:
    """Exit code 2 is wrong usage, which waiting does not mend; on any other failure, stale data too, it is started again."""
    words = " ".join(_quoted(word) for word in schedule.command)
    return "\n".join(
        [
            "[Unit]",
            "Description=Pregao: the daily run",
            f"StartLimitIntervalSec={(STARTS + 1) * PAUSE}min",
            f"StartLimitBurst={STARTS}",
            "",
            "[Service]",
            "Type=oneshot",
            f"ExecStart={words}",
            "Restart=on-failure",
            f"RestartSec={PAUSE}min",
            "RestartPreventExitStatus=2 4",
            "",
        ]
    )


def _timer(schedule: Schedule) -> str:
    """Persistent: an evening on which the machine was off is made up for when it is on again."""
    return "\n".join(
        [
            "[Unit]",
            "Description=Pregao: the daily run, every evening",
            "",
            "[Timer]",
            f"OnCalendar=Mon..Fri {schedule.time}:00 {SAO_PAULO.key}",
            "Persistent=true",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
        ]
    )


def _quoted(word: str) -> str:
    """One word of ExecStart, whose specifiers (%) and variables ($) stand for themselves."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _cron_lines(schedule: Schedule) -> tuple[str, ...]:
    """One line for each start, since each may fall on another day of this machine's clock. % ends a command for cron."""
    command = " ".join(shlex.quote(word) for word in schedule.command).replace("%", r"\%")
    lines = []
    for start in range(STARTS):
        days, minute = _local(schedule, start * PAUSE)
        numbers = ",".join(str((day + 1) % 7) for day in days)
        lines.append(f"{minute % 60} {minute // 60} * * {numbers} {command} >/dev/null {MARK}")
    return tuple(lines)


def _local(schedule: Schedule, later: int) -> tuple[list[int], int]:
    """A start on this machine's clock: the days of the week (Monday is 0) and the minute of the day."""
    hour, minute = map(int, schedule.time.split(":"))
    days, within = divmod(hour * 60 + minute + later + schedule.shift, 1440)
    return sorted((day + days) % 7 for day in range(5)), within


def _windows(schedule: Schedule) -> list[str]:
    days, minute = _local(schedule, 0)
    return [
        *("schtasks", "/Create", "/F", "/TN", NAME, "/SC", "WEEKLY", "/D", ",".join(DAYS[day] for day in days)),
        *(
            "/ST",
            f"{minute // 60:02d}:{minute % 60:02d}",
            "/RI",
            str(PAUSE),
            "/DU",
            f"{STARTS * PAUSE // 60:04d}:{STARTS * PAUSE % 60:02d}",
        ),
        *("/TR", subprocess.list2cmdline(schedule.command)),
    ]


def _crontab(*, ours: bool = False) -> list[str]:
    """The lines of the crontab that are ours, or all the others. Raises PregaoError when it cannot be read, lest it be replaced."""
    words = ("crontab", "-l")
    done = _run(words, None)
    if done.returncode and not any(said in done.stderr for said in NO_CRONTAB):
        raise _failed(words, done)
    lines = done.stdout.splitlines() if done.returncode == 0 else []
    return [line for line in lines if line.rstrip().endswith(MARK) is ours]


def _answer(*words: str) -> list[str]:
    """The lines that a command prints; none where it fails, which is how it says that there is nothing."""
    done = _run(words, None)
    return done.stdout.splitlines() if done.returncode == 0 else []


def _call(*words: str, text: str | None = None) -> None:
    """Raises PregaoError when the command fails."""
    done = _run(words, text)
    if done.returncode:
        raise _failed(words, done)


def _failed(words: Sequence[str], done: subprocess.CompletedProcess[str]) -> PregaoError:
    said = (done.stderr or done.stdout).strip().splitlines()
    reason = said[-1] if said else str(done.returncode)
    return PregaoError(_("{command} failed: {error}").format(command=" ".join(words[:3]), error=reason), _hint())


def _hint() -> str:
    return _("`pregao schedule install --dry-run` prints what to install by hand; --kind chooses another way.")


def _run(words: Sequence[str], text: str | None) -> subprocess.CompletedProcess[str]:
    """The answer of a command, in English."""
    plain, posix = {**os.environ, "LC_ALL": "C"}, os.name == "posix"
    encoding, errors = ("utf-8", "surrogateescape") if posix else (None, "replace")
    try:
        return subprocess.run(
            words,
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=plain,
            encoding=encoding,
            errors=errors,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PregaoError(_("{command} cannot be run: {error}").format(command=words[0], error=error), _hint()) from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(_("{path} cannot be written: {error}").format(path=path, error=error.strerror or error)) from error
