"""The written analysis: what is looked at, what each column is worth, that no model gives way, and that plots and Markdown can be read."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from engine.ml.direction import analysis, exploration, influence, models, plots
from engine.ml.direction.document import Document, to_html, to_markdown
from engine.ml.direction.generator import planted
from engine.ml.direction.openings import opening_caveat, opening_words, repeated_share
from engine.ml.direction.times import parse
from engine.ml.direction.words import column_words, group, purpose
from tests.desk_maker import calendar
from tests.ml.direction_maker import made_data

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(item.itertext()) for item in ElementTree.fromstring(svg).iter(f"{SVG}text")]


# --- the columns ----------------------------------------------------------------------------------------------------


def test_a_column_that_tells_has_a_gain_surely_above_nothing_and_noise_has_none() -> None:
    data = planted(7, calendar(), {}, sessions=600).data
    random = np.random.default_rng(1)
    told = np.where(random.random(len(data)) < 0.7, data.label, 1 - np.nan_to_num(data.label))
    X = np.column_stack([np.nan_to_num(told), random.standard_normal(len(data))])
    parts, time, names = analysis.split(data), parse("close"), ("told", "noise")
    whole = influence.walk(data, parts, time, models.SEED_TREE, names, X)
    assert whole is not None
    assert not set(whole.rows.tolist()) & set(parts.held_out.tolist())
    assert whole.hits.mean() > 0.6
    shuffled = influence.shuffled(names, X, whole)
    groups = {name: [name] for name in names}
    without = influence.without(data, parts, time, models.SEED_TREE, names, X, groups, whole)
    for found in (shuffled, without):
        assert found["told"]["interval"][0] > 0.05
        assert found["noise"]["interval"][0] <= 0 <= found["noise"]["interval"][1] or found["noise"]["difference"] < 0


def test_each_third_and_the_drift_are_of_that_column_alone() -> None:
    data = made_data("none", sessions=400)
    parts = analysis.split(data)
    rising = np.arange(len(data), dtype=np.float64)
    steady = np.random.default_rng(3).standard_normal(len(data))
    drifting, still = influence.worth(data, parts, ("rising", "steady"), np.column_stack([rising, steady]))
    assert drifting.drift > 2 > 0.5 > abs(still.drift)
    assert (drifting.outside, len(drifting.periods)) == (1.0, 3)
    assert still.outside < 0.2
    empty = influence.worth(data, parts, ("never",), np.full((len(data), 1), np.nan))[0]
    assert (empty.rows, np.isnan(empty.auc), np.isnan(empty.drift)) == (0, True, True)


def test_columns_of_one_purpose_share_its_name_and_every_name_is_its_own() -> None:
    assert group("return_lag1") == group("return0") != group("volatility5")
    assert group("sp500_return") == group("evening_brent_return")
    assert purpose("volume").startswith(group("volume"))
    data = made_data()
    for plan in analysis.plans(data):
        words = [column_words(name) for name in plan.features]
        assert len(set(words)) == len(words)


# --- exploration ----------------------------------------------------------------------------------------------------


def test_what_is_missing_is_counted() -> None:
    data = made_data("none", sessions=300)
    found = exploration.completeness(data)
    assert (found["bars"], found["missing_prices"], found["twice"], found["out_of_order"]) == (len(data.bars), 0, 0, 0)
    quantity = data.bars.quantity.copy()
    quantity[:7] = np.nan
    opening = data.bars.open.copy()
    opening[3] = np.nan
    found = exploration.completeness(replace(data, bars=replace(data.bars, quantity=quantity, open=opening)))
    assert (found["without_volume"], found["missing_prices"]) == (7, 1)


def test_returns_that_cluster_are_told_from_those_that_do_not() -> None:
    random = np.random.default_rng(2)
    calm = random.standard_normal(2000)
    rough = calm * np.repeat(np.where(random.random(100) < 0.5, 0.3, 2.0), 20)
    limit = exploration.UNUSUAL / 2000**0.5
    assert sum(abs(value) > limit for value in exploration.autocorrelation(np.abs(rough))) > 10
    assert sum(abs(value) > limit for value in exploration.autocorrelation(np.abs(calm))) < 6
    assert np.isnan(exploration.autocorrelation(np.ones(50))).all()


def test_columns_that_say_the_same_are_one_group() -> None:
    matrix = np.eye(4)
    matrix[0, 1] = matrix[1, 0] = 0.97
    matrix[1, 3] = matrix[3, 1] = -0.99
    assert exploration.alike(("a", "b", "c", "d"), matrix) == [("a", "b", "d")]


def test_the_histogram_holds_every_session_once() -> None:
    data = made_data("none", sessions=400)
    found = exploration.distribution(data, analysis.split(data))
    bins = found["histogram"]
    assert sum(bins["share"]) == pytest.approx(1)
    assert sum(bins["normal"]) == pytest.approx(1)
    assert found["sessions"] == analysis.split(data).learnt.size


def test_an_opening_that_repeats_the_close_is_told_with_its_tolerance_only_where_it_counts() -> None:
    data = made_data("none", sessions=300)
    bars = data.bars
    repeating = replace(data, bars=replace(bars, open=np.append(bars.open[:1], bars.close[:-1])), opening_symbol="")
    assert repeated_share(repeating) == 1
    assert "within 0.1 %" in opening_words(repeating)
    assert "not an opening price" in opening_caveat(repeating, parse("open"))
    assert opening_caveat(repeating, parse("close")) == ""
    assert opening_caveat(replace(repeating, opening_symbol="BOVA11"), parse("open")) == ""
    honest = replace(data, bars=replace(bars, open=np.append(bars.open[:1], bars.close[:-1] * 1.01)), opening_symbol="")
    assert (repeated_share(honest), opening_caveat(honest, parse("open"))) == (0, "")


# --- the models -----------------------------------------------------------------------------------------------------


def test_with_few_sessions_no_model_gives_way_and_what_is_not_tried_has_its_reason() -> None:
    data = planted(4, calendar(), {"open": "weak"}, sessions=320).data
    parts = analysis.split(data)
    tried, untried = analysis.trials(data, parts, analysis.plans(data))
    fitted = [item for item in tried if item.kind]
    assert [item.kind for item in fitted] == [models.SEED_TREE, models.ENSEMBLE, models.ENSEMBLE, models.OPENING]
    assert len({item.name for item in tried}) == len(tried) == 7
    assert all(item.hits.size == 30 for item in tried)
    for item in fitted:
        assert item.before is not None
        assert item.before.rows.max() < parts.held_out.min()
    assert fitted[0].figures["n"] == 30
    assert [("Before the opening" in item.reason, "within the session" in item.reason) for item in untried] == [
        (True, False),
        (False, True),
    ]


def test_what_ends_before_the_held_out_sessions_is_not_tried() -> None:
    data = planted(4, calendar(), {"open": "weak"}, sessions=420).data
    opening = data.opening.copy()
    opening[-60:] = np.nan
    _tried, untried = analysis.trials(
        replace(data, opening=opening), analysis.split(data), analysis.plans(replace(data, opening=opening))
    )
    assert any("before the held-out sessions" in item.reason for item in untried)


# --- plots and documents --------------------------------------------------------------------------------------------

LONG = "mean of logistic regression, random forest and boosted trees, on the columns after the close"


def test_no_name_in_a_plot_is_cut() -> None:
    hits = np.array([True, False] * 15)
    assert texts(plots.strip([(LONG, hits)], "t"))[0] == LONG
    for drawn in (
        plots.accuracies([LONG], [0.6], [(0.5, 0.7)], "t", 0.75),
        plots.gains([LONG], [0.01], [(-0.02, 0.04)], "t"),
        plots.shares([LONG], [0.6], [(0.5, 0.7)], "t", 0.75),
    ):
        assert LONG.replace(" ", "") in "".join(texts(drawn)).replace(" ", "")


@pytest.mark.parametrize("values", [[0.5, 0.95], [0.44, 0.8], [0.16, 0.6]])
def test_shares_have_a_line_at_75_percent(values: list[float]) -> None:
    intervals = [(value - 0.05, value + 0.04) for value in values]
    for drawn in (
        plots.shares(["a", "b"], values, intervals, "t", 0.75),
        plots.accuracies(["a", "b"], values, intervals, "t", 0.75),
    ):
        assert "75 %" in texts(drawn)
        assert "50 %" in texts(drawn)


def test_levels_of_an_axis_are_round() -> None:
    shown = [
        text for text in texts(plots.bars([str(at) for at in range(31)], [float(at % 7) for at in range(31)], "t")) if "." in text
    ]
    assert shown == []


def test_a_heatmap_names_every_row_and_writes_every_value() -> None:
    matrix = np.array([[1.0, -0.5], [-0.5, 1.0]])
    shown = texts(plots.heatmap(["first", "second"], matrix, "t"))
    assert sum("first" in text for text in shown) == 1
    assert shown.count("-0.50") == 2


def test_markdown_escapes_only_what_would_be_read() -> None:
    document = Document("t")
    document.heading("1. A head with `code`")
    document.text("share >= 75 % of |z|, a_b and `pregao direction evaluate`")
    document.points(["- 1", "> x", "[a](b) <b> * 5 < 6"])
    document.table(["a|b"], [["-0.5 to 3"]])
    text, _plots = to_markdown(document, "plots")
    assert "## 1. A head with `code`" in text
    assert "share >= 75 % of |z|, a_b and `pregao direction evaluate`" in text
    assert "\\- 1" in text
    assert "\\> x" in text
    assert "\\[a\\](b) \\<b> \\* 5 < 6" in text
    assert "a\\|b" in text
    assert "| -0.5 to 3 |" in text
    html = to_html(document)
    assert "<code>pregao direction evaluate</code>" in html
    assert "`" not in re.sub("<style>.*</style>", "", html)
