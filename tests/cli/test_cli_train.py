"""`pregao train signals`: what it prints, saves and refuses; the same work as a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.jobs.kinds import KINDS, Cancelled, summary
from tests.desk_maker import DAILY, at_desk, call, daily_csv, plain_environment, sessions
from tests.ml.training_maker import trending
from tui.reports.training import event_line

TREND = "TRND3"
SMALL = ("--features", "momentum_5,momentum_20,rsi_14", "--folds", "2", "--model", "xgboost")


@pytest.fixture(scope="session")
def trend_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one symbol that can be foretold; tests only add models to it."""
    import numpy as np

    home = tmp_path_factory.mktemp("trend")
    bars = trending(420)
    prices = np.column_stack([bars.open, bars.high, bars.low, bars.close]).round(2)
    table = np.column_stack([prices, bars.quantity])
    table[:, 1], table[:, 2] = prices.max(axis=1), prices.min(axis=1)
    days = sessions(420)
    with plain_environment():
        done = call("import", str(daily_csv(home / f"{TREND}.csv", days, table)), "--price-base", "adjusted", home=home)
    assert done.code == 0, done.err
    return home


@pytest.fixture(scope="session")
def trained(trend_home: Path) -> dict:
    with plain_environment():
        done = call("train", "signals", TREND, *SMALL, "--name", "first", "--json", home=trend_home)
    assert done.code == 0, done.err
    return done.json


def test_the_json_is_the_report_with_the_id_of_the_saved_model(trained: dict, trend_home: Path) -> None:
    assert trained["model_id"].startswith("signals-xgb-")
    assert (trend_home / "models" / trained["model_id"] / "manifest.json").exists()
    assert trained["symbols"] == [TREND]
    assert trained["timeframe"] == "1d"
    assert [fold["fold"] for fold in trained["folds"]] == [1, 2]
    assert trained["verdict"]["label"] in ("skill", "no skill", "insufficient evidence")
    assert trained["demo"] is False
    assert set(trained["strategy_effect"]) >= {"strategy", "base", "filtered", "verdict"}
    assert trained["strategy_effect"]["strategy"] == "trend_following"


def test_the_saved_model_loads(trained: dict, trend_home: Path) -> None:
    from engine.ml.registry import load

    model = at_desk(trend_home, lambda desk: load(desk.workspace.models, desk.store, trained["model_id"]))
    assert list(model.features) == trained["features"] == ["momentum_5", "momentum_20", "rsi_14"]


def test_the_text_begins_with_the_verdict_and_ends_with_the_id(trend_home: Path) -> None:
    done = call("train", "signals", TREND, *SMALL, "--label", "triple_barrier", "--label-param", "horizon=8", home=trend_home)
    assert done.code == 0, done.err
    for words in (
        "XGBoost on TRND3 1d",
        "Verdict:",
        "Out of fold",
        "Accuracy",
        "majority",
        "Calibration",
        "Threshold",
        "horizon 8",
    ):
        assert words in done.out, words
    assert done.out.rstrip().splitlines()[-1].startswith("Saved as signals-xgb-")
    assert "fold 1 of 2" in done.err


def test_the_search_is_counted_and_its_ranges_are_printed(trend_home: Path) -> None:
    done = call("train", "signals", TREND, *SMALL, "--trials", "2", home=trend_home)
    assert done.code == 0, done.err
    assert "6 trials inside the training rows" in done.out
    assert "max_depth 2..8" in done.out
    assert "trial 2" in done.err


def test_two_symbols_are_two_models_or_one(home: Path) -> None:
    words = (*DAILY, "--features", "momentum_5", "--folds", "1", "--model", "xgboost", "--json")
    apart = call("train", "signals", *words, home=home)
    assert apart.code == 0, apart.err
    assert [item["symbols"] for item in apart.json["trainings"]] == [[name] for name in DAILY]
    pooled = call("train", "signals", *words, "--pooled", home=home)
    assert pooled.json["symbols"] == list(DAILY)
    assert pooled.json["verdict"]["label"] == "insufficient evidence"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("NONE3",), 3, "NONE3"),
        ((TREND, "--folds", "0"), 2, "at least 1 fold"),
        ((TREND, "--trials", "-1"), 2, "trials"),
        ((TREND, "--select", "0"), 2, "at least 1 feature"),
        ((TREND, "--features", "momentum_6"), 2, "momentum_6"),
        ((TREND, "--groups", "moment"), 2, "moment"),
        ((TREND, "--features", ","), 2, "--features"),
        ((TREND, "--label-param", "horizon"), 2, "NAME=VALUE"),
        ((TREND, "--label-param", "width=2"), 2, "no parameter width"),
        ((TREND, "--strategy", "trend"), 2, "trend"),
        ((TREND, "--strategy", "auto"), 2, "auto"),
        ((TREND, "--from", "2025-06-28"), 3, ""),
    ],
)
def test_what_cannot_be_done_is_one_sentence(trend_home: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = call("train", "signals", *words, "--json", home=trend_home)
    assert done.code == code, done.err
    assert said in done.error["message"]


def test_a_period_is_kept(trend_home: Path) -> None:
    done = call("train", "signals", TREND, *SMALL, "--from", "2024-06-03", "--to", "2025-05-30", "--json", home=trend_home)
    assert done.code == 0, done.err
    assert done.json["period"]["start"][:10] == "2024-06-03"
    assert done.json["period"]["end"][:10] <= "2025-05-30"


def test_the_job_does_the_same_and_says_what_it_did(trained: dict, trend_home: Path) -> None:
    said = []
    params = {"symbols": [TREND], "features": trained["features"], "folds": 2, "model": "xgboost"}
    result = at_desk(
        trend_home, lambda desk: KINDS["train"](desk, params, lambda *_call: None, lambda *event: said.append(event))
    )
    (report,) = result["trainings"]
    assert report["metrics"]["accuracy"] == trained["metrics"]["accuracy"]
    assert [kind for kind, _payload in said] == ["fold", "fold", "trained"]
    assert all(payload["symbols"] == [TREND] for _kind, payload in said)
    assert report["model_id"] in summary("train", result)


def test_a_symbol_without_bars_is_skipped_while_another_has_some(trend_home: Path) -> None:
    said = []
    params = {"symbols": ["NONE3", TREND], "features": ["momentum_5"], "folds": 1, "model": "xgboost", "strategy": "breakout"}
    result = at_desk(
        trend_home, lambda desk: KINDS["train"](desk, params, lambda *_call: None, lambda *event: said.append(event))
    )
    assert [item["symbols"] for item in result["trainings"]] == [[TREND]]
    assert said[0][0] == "skipped"
    assert "NONE3" in event_line(*said[0])


def test_a_cancelled_job_saves_nothing(trend_home: Path) -> None:
    def models() -> list[str]:
        return sorted(path.name for path in (trend_home / "models").iterdir())

    def stop(_done: int, _total: int | None, note: str = "") -> None:
        if note == "fold 2 of 2":
            raise Cancelled

    before = models()
    params = {"symbols": [TREND], "features": ["momentum_5"], "folds": 2, "model": "xgboost"}
    with pytest.raises(Cancelled):
        at_desk(trend_home, lambda desk: KINDS["train"](desk, params, stop, lambda *_event: None))
    assert models() == before


def test_the_job_refuses_what_it_does_not_know(trend_home: Path) -> None:
    from engine.errors import UsageError

    for params in ({"symbols": [TREND], "fold": 3}, {"symbols": []}, {"symbols": [TREND], "folds": "many"}):
        with pytest.raises(UsageError):
            at_desk(
                trend_home, lambda desk, params=params: KINDS["train"](desk, params, lambda *_call: None, lambda *_event: None)
            )
