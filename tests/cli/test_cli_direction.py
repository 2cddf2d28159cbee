"""`pregao direction`: the signal with its reasons, the evaluation and the gate, the analysis, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.desk import Desk
from engine.domain import SAO_PAULO, day_number, silent
from engine.errors import UsageError
from engine.jobs.kinds import Cancelled, direction_job, summary
from engine.ml.direction.generator import planted
from engine.ml.direction.times import parse
from engine.ml.direction.training import train
from engine.store.database import Store
from engine.store.directions import StoredEvaluation, read_directions, read_evaluation, record_evaluation
from tests.desk_maker import Called, at_desk, calendar, call
from tests.direction_desk import AFTER_ELEVEN, LAST, NEXT, fill


def at(day: date, hour: int, minute: int = 0) -> int:
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=SAO_PAULO).timestamp())


EVENING, OPENED = at(LAST, 21), at(NEXT, 10, 20)
KEYS = {
    "symbol", "session", "target_session", "decision_time", "label", "decided_at", "signal", "probability", "baseline", "coverage",
    "model", "rows", "price", "reasons", "contributions", "gate", "monitoring", "series", "series_used", "series_left_out", "notices",
    "timely", "demo",
}  # fmt: skip


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made index, nothing evaluated."""
    home = tmp_path_factory.mktemp("bare")
    fill(home)
    return home


@pytest.fixture(scope="module")
def judged(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Called]:
    """The made index with its evaluation, and what the command printed."""
    home = tmp_path_factory.mktemp("judged") / "home"
    shutil.copytree(bare, home)
    return home, call("direction", "evaluate", "--at", "open", "--at", "11:00,close", "--json", home=home, now=EVENING)


@pytest.fixture
def home(bare: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bare, tmp_path / "home"))


@pytest.fixture
def known(judged: tuple[Path, Called], tmp_path: Path) -> Path:
    return Path(shutil.copytree(judged[0], tmp_path / "known"))


def say(home: Path, *words: str, now: int = AFTER_ELEVEN) -> Called:
    return call("direction", *words, "--json", home=home, now=now)


def test_the_signal_has_the_promised_keys_and_is_what_the_price_says(home: Path) -> None:
    said = say(home, "--at", "11:00")
    assert said.code == 0, said.err
    found = said.json
    assert set(found) == KEYS
    assert (found["symbol"], found["session"], found["target_session"]) == ("IBOV", LAST.isoformat(), NEXT.isoformat())
    assert (found["decision_time"], found["signal"], found["gate"], found["coverage"]) == ("11:00", 1, None, None)
    assert found["probability"] > 0.5
    assert "11:00" in found["label"]
    assert any("speaks for up" in reason for reason in found["reasons"])
    assert any("never evaluated" in reason for reason in found["reasons"])


@pytest.mark.parametrize(("price", "signal"), [("83000", 0), ("83,0", 0), ("87.5", 1), ("87500", 1)])
def test_a_typed_price_is_of_the_index_or_of_bova11(home: Path, price: str, signal: int) -> None:
    said = say(home, "--at", "open", "--price", price, now=OPENED)
    assert said.code == 0, said.err
    assert said.json["signal"] == signal
    nowcast = say(home, "--at", "11:00", "--price", price)
    assert nowcast.json["signal"] == signal


def test_what_was_said_is_a_row_and_a_feed_and_its_outcome_comes(home: Path) -> None:
    said = say(home, "--at", "11:00").json
    (row,) = at_desk(home, lambda desk: read_directions(desk.store, "IBOV"))
    assert (row.decision_time, row.signal, row.outcome, row.probability) == ("11:00", said["signal"], None, said["probability"])
    paths = [home / "data" / "out" / f"direction-IBOV.{ending}" for ending in ("json", "csv")]
    held = json.loads(paths[0].read_text(encoding="utf-8"))
    assert held["latest"]["11:00"]["signal"] == said["signal"]
    (home / "more.csv").write_text(f"date,open,high,low,close,volume\n{NEXT},84000,90000,83000,89000,1\n", encoding="utf-8")
    later = at(NEXT, 21)
    done = call("import", str(home / "more.csv"), "--symbol", "IBOV", "--price-base", "raw", home=home, now=later)
    assert done.code == 0, done.err
    assert say(home, "--at", "11:00", "--as-of", NEXT.isoformat(), now=later).code == 0
    assert at_desk(home, lambda desk: read_directions(desk.store, "IBOV"))[0].outcome is None
    assert say(home, "--at", "11:00", "--price", "89500", now=at(date(2025, 7, 2), 11, 5)).code == 0
    rows = at_desk(home, lambda desk: read_directions(desk.store, "IBOV"))
    assert [(row.target_session, row.outcome) for row in rows] == [(day_number(NEXT), 1), (day_number(NEXT) + 1, None)]
    with paths[1].open(encoding="utf-8", newline="") as file:
        assert [row["hit"] for row in csv.DictReader(file)] == ["", "1"]


def test_what_is_said_too_late_is_printed_and_not_recorded(home: Path) -> None:
    said = say(home, "--at", "11:00", now=at(NEXT, 12))
    assert said.json["timely"] is False
    assert said.json["signal"] == 1
    assert at_desk(home, lambda desk: read_directions(desk.store, "IBOV")) == []


def test_a_past_session_is_judged_by_what_was_known_then(known: Path) -> None:
    past = date(2025, 3, 12)
    first = say(known, "--at", "11:00", "--as-of", past.isoformat())
    assert first.code == 0, first.err
    assert first.json["target_session"] == past.isoformat()
    assert first.json["timely"] is False
    (known / "new.csv").write_text(f"date,open,high,low,close,volume\n{NEXT},84000,90000,83000,89000,1\n", encoding="utf-8")
    done = call("import", str(known / "new.csv"), "--symbol", "IBOV", "--price-base", "raw", home=known, now=at(NEXT, 21))
    assert done.code == 0, done.err
    again = say(known, "--at", "11:00", "--as-of", past.isoformat(), now=at(NEXT, 21))
    for key in ("signal", "probability", "baseline", "coverage", "gate", "monitoring", "reasons"):
        assert again.json[key] == first.json[key], key


def test_the_evaluation_prints_what_is_promised(judged: tuple[Path, Called]) -> None:
    called = judged[1]
    assert called.code == 0, called.err
    found = called.json
    assert [item["decision_time"] for item in found["decision_times"]] == ["open", "11:00"]
    assert "close" in found["skipped"]
    for item in found["decision_times"]:
        assert {
            "decision_time", "sessions", "accuracy", "interval", "balanced_accuracy", "mcc", "auc", "brier", "brier_skill", "baselines",
            "by_year", "by_regime", "calibration", "windows_30", "selective", "difference_to", "gate", "canaries", "promoted",
            "configuration",
        } <= set(item)  # fmt: skip
        assert item["interval"][0] > 0.55 > item["baselines"]["always_up"]["accuracy"]
        assert item["promoted"] is True
        assert all(canary["passed"] for canary in item["canaries"])
        assert item["gate"]["configurations"] == 1
        assert item["gate"]["verdict"] in ("met", "not met", "met by luck")


def test_an_evaluation_again_is_no_new_trial_and_another_one_is(known: Path) -> None:
    def tried() -> int:
        again = call("direction", "evaluate", "--at", "open", "--json", home=known, now=EVENING)
        return int(again.json["decision_times"][0]["gate"]["configurations"])

    assert tried() == 1
    (known / "config" / "pregao.toml").write_text("[direction]\nrefit = 42\n", encoding="utf-8")
    assert tried() == 2
    assert tried() == 2


def test_after_an_evaluation_the_signal_carries_gate_coverage_and_monitoring(known: Path) -> None:
    found = say(known, "--at", "11:00").json
    assert found["gate"]["sessions"] == 30
    assert found["gate"]["baselines"].keys() == {"always_up", "majority", "momentum"}
    assert 0 < found["coverage"] <= 1
    assert found["monitoring"]["sessions"] == 250
    shown = call("direction", "--at", "11:00", home=known, now=AFTER_ELEVEN)
    assert shown.code == 0
    assert "Gate" in shown.out
    assert "95 % interval" in shown.out


def test_the_gate_sets_the_exit_code(home: Path, known: Path) -> None:
    assert say(home, "--at", "11:00", "--gate").code == 4
    gate = say(known, "--at", "open", "--price", "87500", "--gate", now=OPENED)
    assert gate.code == (0 if gate.json["gate"]["verdict"] == "met" else 4)
    (known / "config" / "pregao.toml").write_text("[direction]\nthreshold = 0.99\n", encoding="utf-8")
    refused = say(known, "--at", "open", "--price", "87500", "--gate", now=OPENED)
    assert (refused.code, refused.json["gate"]["verdict"]) == (4, "not met")
    evaluated = call("direction", "evaluate", "--at", "open", "--gate", "--json", home=known, now=EVENING)
    assert evaluated.code == 4


def test_a_failed_canary_blocks_the_model(known: Path) -> None:
    def spoil(store: Store) -> None:
        kept = read_evaluation(store, "IBOV", "11:00")
        assert kept is not None
        failed = ({"name": "own_outcome", "passed": False, "meaning": "leak"},)
        record_evaluation(
            store,
            StoredEvaluation(
                0, "IBOV", "11:00", kept.configuration, EVENING + 1, 1, kept.evaluation, kept.history, failed, promoted=False
            ),
        )

    at_desk(known, lambda desk: spoil(desk.store))
    found = say(known, "--at", "11:00").json
    assert (found["signal"], found["probability"]) == (None, None)
    assert any("own_outcome" in reason for reason in found["reasons"])
    (row,) = at_desk(known, lambda desk: read_directions(desk.store, "IBOV"))
    assert (row.signal, row.probability) == (None, None)


def test_the_table_of_the_evaluation_is_shown(known: Path) -> None:
    shown = call("direction", "evaluate", "--at", "open", home=known, now=EVENING)
    assert shown.code == 0
    assert "Always up" in shown.out
    assert "gate" in shown.err


def test_the_details_of_an_evaluation_are_by_year_and_regime_and_against_each_baseline(known: Path) -> None:
    shown = call("direction", "evaluate", "--at", "open", "11:00", "--details", home=known, now=EVENING)
    assert shown.code == 0, shown.err
    words = " ".join(shown.out.split())
    for part in ("First Last", "MCC", "Brier skill", "Year", "Regime", "Against", "always up", "the majority", "windows before"):
        assert part in words
    assert "always_up" not in words
    judged = call("direction", "evaluate", "--at", "open", "--json", home=known, now=EVENING).json["decision_times"][0]
    for key in ("first", "last"):
        assert judged[key] in words
        assert judged["gate"][key] in words
    assert all(isinstance(item["hits"], int) for item in judged["gate"]["baselines"].values())


def test_series_are_told_as_used_or_left_out_with_the_reason_once() -> None:
    from tui.reports.direction import series_lines

    old = "Its newest value is too old."
    found = {
        "series_used": [{"name": "SP500", "last": "2025-06-30", "behind": 0}],
        "series_left_out": [{"name": "WTI", "last": "2025-03-31", "reason": old}, {"name": "VIX", "last": None, "reason": old}],
    }
    assert series_lines(found) == ["Series used: SP500 (2025-06-30)", f"Series left out: WTI (2025-03-31), VIX. {old}"]
    assert series_lines({}) == []


@pytest.mark.parametrize("words", [("--at", "open", "11:00"), ("--at", "open", "--at", "11:00"), ("--at", "open,11:00")])
def test_several_decision_times_are_named_in_any_way(words: tuple[str, ...]) -> None:
    from tui.cli import build_parser
    from tui.commands.direction import _params

    assert _params(build_parser().parse_args(["direction", "evaluate", *words]))["times"] == ["open", "11:00"]


@pytest.mark.parametrize(
    ("action", "shown", "hidden"),
    [
        ("signal", ("--price", "--as-of", "--gate"), ("--out", "--from", "--details")),
        ("evaluate", ("--from", "--details", "--gate"), ("--out", "--price", "--as-of", "--to")),
        ("report", ("--out", "--from", "--to"), ("--price", "--at", "--gate", "--details")),
    ],
)
def test_the_help_of_an_action_has_its_own_options_and_an_example(
    action: str, shown: tuple[str, ...], hidden: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    from tui.cli import build_parser

    with pytest.raises(SystemExit):
        build_parser().parse_args(["direction", action, "--help"])
    text = capsys.readouterr().out
    assert f"pregao direction {action} --" in text
    options = text.split("Example")[0]
    assert all(option in options for option in shown)
    assert not any(f"{option} " in options for option in hidden)


@pytest.mark.parametrize("ending", ["md", "html"])
def test_the_analysis_is_written_with_its_plots(known: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / "analysis" / f"index.{ending}"
    done = call("direction", "report", "--out", str(path), "--json", home=known, now=EVENING)
    assert done.code == 0, done.err
    assert done.json["file"] == str(path)
    text = path.read_text(encoding="utf-8")
    for part in ("1. The data", "2. The columns", "3. The target", "4. The models", "5. Results", "6. The same", "7. Limits"):
        assert part in text
    assert "the gate is" in text
    if ending == "md":
        plots = sorted((tmp_path / "analysis" / "index-plots").iterdir())
        assert text.count("![") == len(plots) > 3
        for plot in plots:
            assert ElementTree.parse(plot).getroot().tag.endswith("svg")
    else:
        assert text.count("<svg") > 3
        assert text.count("<h1>") == 1
        again = call("direction", "evaluate", "--at", "11:00", "--json", home=known, now=EVENING).json
        assert again["decision_times"][0]["gate"]["configurations"] == 2, "the models of an analysis count as trials"


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--at", "noon"), 2, "noon"),
        (("--at", "11:00,open"), 2, "one decision time"),
        (("--at", "15:00"), 2, "has not come"),
        (("--price", "abc", "--at", "open"), 2, "--price"),
        (("--price", "1", "--at", "open"), 2, "no price"),
        (("--price", "85000"), 2, "at the opening"),
        (("--as-of", "2025-03-15"), 2, "not a session"),
        (("--as-of", "2026-03-16"), 2, "has not come"),
        (("--as-of", "soon"), 2, "not a date"),
        (("--symbol", "PETR4"), 3, "PETR4"),
        (("--at", "close"), 3, "too few"),
        (("report",), 2, "--out"),
        (("report", "--out", "x.pdf"), 2, "x.pdf"),
        (("report", "--out", "x.md", "--gate"), 2, "--gate"),
        (("evaluate", "--price", "1"), 2, "--price"),
        (("--out", "x.md"), 2, "--out"),
        (("report", "--out", "x.md", "--as-of", "2025-03-12"), 2, "--as-of"),
        (("--details",), 2, "--details"),
        (("evaluate", "--at", "close"), 3, "too few"),
    ],
)
def test_what_cannot_be_is_one_sentence(bare: Path, words: tuple[str, ...], code: int, part: str) -> None:
    done = say(bare, *words)
    assert (done.code, done.out) == (code, "")
    assert part in done.error["message"]
    assert done.error["hint"] or code == 2


def test_a_day_without_the_newest_bars_is_stale(home: Path) -> None:
    done = say(home, "--at", "open", "--price", "85000", now=at(date(2025, 7, 4), 10, 20))
    assert done.code == 3
    assert "2025-07-04" in done.error["message"]


def test_a_name_from_outside_is_escaped_in_the_analysis(tmp_path: Path) -> None:
    from engine.ml.direction.document import Document, to_html, to_markdown

    document = Document("<b>x</b>")
    document.text("<script>alert(1)</script> [a](b) | c")
    document.table(["a|b"], [["<i>", "*"]])
    html, (text, _plots) = to_html(document), to_markdown(document, "plots")
    assert "<script>" not in html
    assert "<i>" not in html
    assert "\\<script>" in text
    assert "a\\|b" in text


def test_a_cancelled_evaluation_keeps_the_decision_times_that_were_done(home: Path) -> None:
    done: list[str] = []

    def cancel(_done: int, _total: int | None, _note: str = "") -> None:
        if done:
            raise Cancelled

    def evaluate(desk: Desk) -> None:
        params = {"do": "evaluate", "times": ["open", "11:00"]}
        direction_job(desk, params, cancel, lambda kind, item: done.append(f"{kind} {item['decision_time']}"))

    with pytest.raises(Cancelled):
        at_desk(home, evaluate, now=EVENING)
    assert done == ["decision_time open"]
    kept = at_desk(home, lambda desk: [read_evaluation(desk.store, "IBOV", text) is not None for text in ("open", "11:00")])
    assert kept == [True, False]


def test_the_job_says_what_came_of_it_in_a_line(home: Path) -> None:
    def work(desk: Desk, **params: object) -> str:
        return summary("direction", direction_job(desk, params, silent, lambda _kind, _item: None))

    assert at_desk(home, lambda desk: work(desk, at="11:00"), now=AFTER_ELEVEN) == "IBOV 2025-07-01 11:00: up"
    assert at_desk(home, lambda desk: work(desk, do="evaluate", times=["open"]), now=EVENING).startswith("open 7")
    path = str(home / "a.html")
    assert at_desk(home, lambda desk: work(desk, do="report", out=path), now=EVENING) == path
    for wrong in ({"do": "guess"}, {"do": "report"}, {"speed": 1}, {"at": 11}):
        with pytest.raises(UsageError):
            at_desk(home, lambda desk, wrong=wrong: work(desk, **wrong), now=EVENING)


@pytest.mark.parametrize(("declared", "promoted"), [(False, False), (True, True)])
def test_what_is_too_good_after_the_close_is_not_promoted_unless_it_is_declared(
    tmp_path: Path, declared: bool, promoted: bool
) -> None:
    given = planted(3, calendar(), {"close": "strong"}, sessions=1100).data
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "pregao.toml").write_text("[direction]\nrefit = 250\n", encoding="utf-8")
    found = at_desk(tmp_path, lambda desk: train(desk, given, [parse("close")], declared=declared))
    (item,) = found["decision_times"]
    assert item["promoted"] is promoted
    failed = {canary["name"] for canary in item["canaries"] if not canary["passed"]}
    assert failed == (set() if declared else {"too_good", "shifted_features"})
    kept = at_desk(tmp_path, lambda desk: read_evaluation(desk.store, "IBOV", "close", promoted=True))
    assert (kept is not None) is promoted
    assert item["gate"]["configurations"] == 2


def test_the_analysis_of_the_file_of_the_requirement(tmp_path: Path) -> None:
    file = Path(__file__).parents[2].parent / "shared" / "data" / "investing" / "ibov_2023-12_2025-12.csv"
    if not file.exists():
        pytest.skip("the real market files are not there")
    now = at(date(2025, 12, 13), 22)
    assert call("import", str(file), home=tmp_path, now=now).code == 0
    done = call("direction", "report", "--out", str(tmp_path / "r.md"), "--json", home=tmp_path, now=now)
    assert (done.code, done.json["sessions"]) == (0, 501)
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "471 sessions of IBOV from 2023-12-14 to 2025-10-30" in text
    assert "the last 30 (2025-10-31 to 2025-12-12) are held out" in text
    assert "The change column agrees with the closes on all 501 rows" in text
    assert "within 0.1 % of the close before on 99.8 % of the sessions" in text
    assert text.count("99.8 %") >= 3
    assert "the requirement's columns, decision tree | 471 | 20/30 |" in text
    assert "the requirement's columns, ensemble | 471 |" in text
    assert "34 columns after the close, ensemble | 471 |" in text
    for baseline in ("always up", "the majority of the sessions before", "momentum: as the session before"):
        assert f"| {baseline} | - |" in text
    assert "Not tried on this file: before the opening" in text
    for part in ("Accuracy without", "Accuracy shuffled", "AUC, first third", "Drift", "Memory and clustering", "Correlations"):
        assert part in text
    assert "too little out-of-sample history" not in text
    assert "hardly a price of the new session" in text
    assert "\\>=" not in text
    assert "\\`" not in text
