"""A file, a source or a model that fails: the rest of the day is done, what failed is said, and the next call completes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.domain import iso
from engine.errors import NetworkError
from engine.ingestion.sources import Inbox
from engine.ml import registry
from engine.store.bars import read_bars
from tests.daily.crash_desk import NOW, kept, rows
from tests.daily.fault_desk import Faults, _at_once, run, said, step
from tests.desk_maker import at_desk
from tests.ml.model_maker import BOOSTED, Made, made_training

__all__ = ["_at_once"]

#: It has a BUY on the day.
SYMBOL = "AAKK3"
LABEL = {"kind": "fixed", "horizon": 1, "up": 0.0, "down": 0.0}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.csv", b"date,open,high,low,close\n2025-06-30,1"),
        ("noise.zip", b"PK\x03\x04" + bytes(range(256)) * 40),
        ("empty.csv", b""),
    ],
)
def test_a_broken_file_in_the_inbox_is_put_aside_and_stops_nothing(
    faults: Faults, tmp_path: Path, name: str, content: bytes
) -> None:
    home = faults.copy(tmp_path / "home")
    (home / "data" / "inbox" / name).write_bytes(content)
    called = run(home)
    assert (called.code, called.err, called.json["status"]) == (1, "", "partial")
    (error,) = step(called, "import")["detail"]["inbox"]["errors"]
    assert error["path"].endswith(name)
    assert error["message"]
    assert "\n" not in error["message"]
    assert (home / "data" / "inbox" / "refused" / name).read_bytes() == content
    faults.check_completed(home, but_for=("inbox", "outbox", "out"))


def test_a_source_that_fails_is_said_and_stops_nothing(faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = faults.copy(tmp_path / "home")

    def down(*_arguments: object) -> None:
        raise NetworkError("The share did not answer.", "Try again later.")

    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "collect", down)
        called = run(home)
    assert called.code in (1, 3)
    assert step(called, "import")["detail"]["inbox"]["error"]["message"] == "The share did not answer."
    faults.check_completed(home, but_for=("outbox", "out", "runs", "paper_orders", "paper_events", "paper_accounts"))
    assert kept(home)["paper_fills"] == faults.alone["paper_fills"]


def test_a_source_with_a_defect_ends_the_run_in_one_sentence(
    faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = faults.copy(tmp_path / "home")

    def defect(*_arguments: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "collect", defect)
        error = said(run(home))
    assert "defect of its own" in error["message"]
    assert "pregao.log" in error["hint"]
    assert not faults.servers.taken()
    faults.check_completed(home)


def with_model(faults: Faults, place: Path) -> tuple[Path, Path]:
    """A workspace in which a model of SYMBOL is live, and the folder of the model."""
    home = faults.copy(place)

    def save(desk) -> str:
        bars = read_bars(desk.store, SYMBOL, "1d")
        made = made_training(BOOSTED, symbols=(SYMBOL,))
        period = {"start": iso(int(bars.time[0])), "end": iso(int(bars.time[60]))}
        training = Made(made.model, {**made.report, "label": LABEL, "threshold": 0.0, "period": period})
        model_id = registry.save(desk.workspace.models, desk.store, training, now=NOW - 86_400)
        registry.promote(desk.workspace.models, desk.store, model_id, now=NOW - 86_400)
        return model_id

    return home, home / "models" / str(at_desk(home, save, NOW))


@pytest.mark.parametrize("fault", ["an altered byte", "a missing file", "no folder", "other features"])
def test_a_corrupt_model_is_said_and_the_signals_are_those_of_the_strategy(
    faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    home, model = with_model(faults, tmp_path / "home")
    aside = Path(shutil.copytree(model, tmp_path / "aside"))
    with monkeypatch.context() as patch:
        if fault == "an altered byte":
            content = bytearray((model / "model.ubj").read_bytes())
            content[len(content) // 2] ^= 1
            (model / "model.ubj").write_bytes(content)
        elif fault == "a missing file":
            (model / "manifest.json").unlink()
        elif fault == "no folder":
            shutil.rmtree(model)
        else:
            patch.setattr(registry, "_schema_of_today", lambda *_arguments: "0" * 64)
        called = run(home)
    assert (called.code, called.err, called.json["status"]) == (1, "", "partial")
    error = step(called, "predictions")["detail"][model.name]["error"]
    assert error["type"] == "ModelError"
    assert model.name in error["message"]
    assert error["hint"]
    (found,) = [signal for signal in called.json["signals"] if signal["symbol"] == SYMBOL]
    assert (found["action"], found["filter"]) == ("BUY", None)
    shutil.rmtree(model, ignore_errors=True)
    shutil.copytree(aside, model)
    called = run(home)
    assert called.code == 0, called.err
    (found,) = [signal for signal in called.json["signals"] if signal["symbol"] == SYMBOL]
    assert found["filter"]["model"] == model.name
    assert rows(home, "SELECT count(*) FROM predictions") == [(1,)]
