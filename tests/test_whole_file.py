"""A file is written whole or not at all, and what killed processes left beside it goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.whole_file import write_whole


def test_a_file_is_replaced_and_nothing_else_stays_behind(tmp_path: Path) -> None:
    path = tmp_path / "day.json"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "day.json"
    write_whole(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="only POSIX tells whether a process runs without ending it")
def test_parts_of_processes_that_have_ended_are_cleared_away_and_those_of_others_stay(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    mine, others = (
        tmp_path / f".day.json.{int(ended.stdout)}.part",
        [".day.json.1.part", ".day.csv.999999.part", ".day.json.x.part"],
    )
    for part in (mine, *(tmp_path / name for name in others)):
        part.write_bytes(b"half")
    write_whole(tmp_path / "day.json", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, "day.json"])
