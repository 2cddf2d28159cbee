"""`pregao import --series`: a trial run, a series that is another one, and a name that nothing reads."""

from __future__ import annotations

from pathlib import Path

from engine.store.values import list_values
from tests.desk_maker import at_desk, call

MARKETS = "CDI, SELIC, SP500"


def write(home: Path, name: str, value: float) -> str:
    path = home / f"{name}.csv"
    path.write_text("".join(["date,close\n", *(f"2024-01-{day:02},{value + day}\n" for day in range(1, 21))]), encoding="utf-8")
    return str(path)


def test_a_trial_run_stores_nothing(tmp_path: Path) -> None:
    done = call("import", "--series", "SP500", write(tmp_path, "sp", 4000), "--dry-run", home=tmp_path)
    assert done.code == 0
    assert "nothing written" in done.err
    assert "would add 20 values" in done.err
    assert at_desk(tmp_path, lambda desk: list_values(desk.store)) == []


def test_another_series_under_the_same_name_needs_force(tmp_path: Path) -> None:
    assert call("import", "--series", "SP500", write(tmp_path, "sp", 4000), home=tmp_path).code == 0
    vix = write(tmp_path, "vix", 10)
    refused = call("import", "--series", "SP500", vix, "--json", home=tmp_path)
    assert refused.code != 0
    assert "SP500" in refused.error["message"]
    assert "--force" in refused.error["hint"]
    forced = call("import", "--series", "SP500", vix, "--force", "--json", home=tmp_path)
    assert (forced.code, forced.json["files"][0]["revised"]) == (0, 20)


def test_a_name_that_nothing_reads_is_taken_with_a_word(tmp_path: Path) -> None:
    done = call("import", "--series", "spx", write(tmp_path, "sp", 4000), "--json", home=tmp_path)
    assert done.code == 0
    (notice,) = done.json["files"][0]["notices"]
    assert "SPX" in notice
    assert MARKETS in notice
    known = call("import", "--series", "sp500", write(tmp_path, "sp", 4000), "--json", home=tmp_path)
    assert known.json["files"][0]["notices"] == []


def test_force_belongs_to_a_series(tmp_path: Path) -> None:
    done = call("import", write(tmp_path, "sp", 4000), "--force", "--json", home=tmp_path)
    assert (done.code, done.error["message"]) == (2, "--force goes with --series")
