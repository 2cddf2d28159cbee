"""The catalogue of Brazilian Portuguese: complete, sound, compiled; and the numbers of both formatters."""

from __future__ import annotations

import ast
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import strategies
from engine.backtest import evidence
from engine.domain import PriceBase
from engine.errors import UsageError
from engine.features.catalogue import FEATURES
from engine.i18n import LANGUAGES, LOCALES, _, mark, ngettext, pgettext, set_language
from engine.market.costs import load_rates
from engine.ml import effect, threshold, verdict
from engine.ml.anomalies import KINDS, SEVERITIES
from engine.ml.direction import gate
from engine.names import anomaly_name, severity_name
from tui import format as exact
from tui import quick_format as quick
from tui.actions import ACTIONS

ROOT = Path(__file__).parents[1]
PO = LOCALES / "pt_BR" / "LC_MESSAGES" / "pregao.po"
SOURCES = [*ROOT.glob("engine/**/*.py"), *ROOT.glob("tui/**/*.py")]

#: What a model's filter did to a strategy.
EFFECTS = (effect.BETTER, effect.WORSE, effect.ALIKE)

#: What may be translated without being a literal there; a test below holds the literals of each in the catalogue.
VARIABLES = {
    "action.label",
    "action.takes",
    "base",
    "choice['reason']",
    "feature.departs",
    "gate['verdict']",
    "item['verdict']['label']",
    "verdict['label']",
    "watched['state']",
    "feature.nan_rule",
    "bars.price_base",
    "facts.price_base",
    "item.price_base",
    "result.price_base",
    "label",
    "result.verdict.label",
    "verdict.label",
    "meaning",
    "row.note",
}


#: Labels that are the same word in Portuguese.
ALIKE = {"Backtest", "SMA", "EMA", "Bollinger", "RSI MACD ADX ATR"}


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    set_language("en")


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="pt_BR", domain="pregao")


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What `make messages` extracts, by its own options."""
    line = re.search(r"pybabel -q (extract .*) -o ", (ROOT / "Makefile").read_text("utf-8"))
    assert line is not None
    words = line[1].replace("$(LOCALES)", str(LOCALES)).split()
    made = tmp_path_factory.mktemp("messages") / "pregao.pot"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        CommandLineInterface().run(["pybabel", "-q", *words, "-o", str(made), "engine", "tui"])
    with made.open("rb") as file:
        return read_po(file)


def messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return text if isinstance(text, tuple) else (text,)


def key(message: Message) -> tuple[str | None, tuple[str, ...]]:
    return message.context, forms(message.id)


def placeholders(text: str) -> Counter[str]:
    """`{name:format}` and `%(name)s` as they stand, with how often."""
    if re.search(r"%(\(\w+\))?[sr]", text):
        return Counter(re.findall(r"%(?:\(\w+\))?[sr]", text))
    return Counter(f"{name}:{form}" for _text, name, form, _conversion in Formatter().parse(text) if name is not None)


def test_every_text_is_in_the_catalogue_and_nothing_else(extracted: Catalog, catalogue: Catalog) -> None:
    wanted, held = set(map(key, messages(extracted))), set(map(key, messages(catalogue)))
    assert len(wanted) > 700
    new, gone = wanted - held, held - wanted
    assert not new, "run `make messages` and translate what is new"
    assert not gone, "run `make messages`: these texts are gone"


def test_every_text_is_translated(catalogue: Catalog) -> None:
    assert catalogue.num_plurals == 2
    assert catalogue.plural_expr == "(n > 1)"
    for message in messages(catalogue):
        assert not message.fuzzy, message.id
        assert len(forms(message.string)) == len(forms(message.id)), message.id
        assert all(forms(message.string)), message.id


def test_a_translation_keeps_the_placeholders_and_the_blanks_around(catalogue: Catalog) -> None:
    for message in messages(catalogue):
        for original, translated in zip(forms(message.id), forms(message.string)):
            assert placeholders(original) == placeholders(translated), message.id
            assert len(original) - len(original.lstrip()) == len(translated) - len(translated.lstrip()), message.id
            assert len(original) - len(original.rstrip()) == len(translated) - len(translated.rstrip()), message.id


def test_commands_and_options_are_not_translated(catalogue: Catalog) -> None:
    def typed(text: str) -> Counter[str]:
        return Counter(re.findall(r"--[a-z][a-z-]*|ctrl\+[a-z]|\bpregao [a-z]+|\b[a-z]+_[a-z]+\b", text))

    for message in messages(catalogue):
        for original, translated in zip(forms(message.id), forms(message.string)):
            assert typed(original) == typed(translated), message.id


def test_the_compiled_catalogue_is_that_of_the_texts(catalogue: Catalog) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    assert PO.with_suffix(".mo").read_bytes() == compiled.getvalue(), "run `make messages`"


def marked(path: Path) -> Iterator[tuple[int, ast.expr]]:
    """Line and expression of everything that is to be translated in a file."""
    texts = {"_": (0,), "mark": (0, 1), "ngettext": (0, 1), "pgettext": (0, 1), "ranged": (3,)}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in texts:
            for at in texts[node.func.id]:
                if at < len(node.args):
                    yield node.lineno, node.args[at]


def test_only_literals_are_translated_and_every_one_is_found(extracted: Catalog) -> None:
    """An f-string, a concatenation or a formatted text is not found by the extraction, nor is a literal inside an f-string."""
    seen, found = set(), {text for message in messages(extracted) for text in (message.context, *forms(message.id))}
    for path in SOURCES:
        for line, text in marked(path):
            if isinstance(text, ast.Constant):
                assert text.value in found, f"{path}:{line}: {text.value}"
            else:
                seen.add(ast.unparse(text))
                assert ast.unparse(text) in VARIABLES, f"{path}:{line}: {ast.unparse(text)}"
    assert seen == VARIABLES


def shown_by_variable() -> list[str]:
    """Every text that reaches the reader through one of VARIABLES."""
    actions = [text for action in ACTIONS for text in (action.label, action.takes) if text]
    meanings = [field.metadata["help"] for name in strategies.names() for field in fields(strategies.strategy_class(name))]
    notes = [row.note for row in load_rates() if row.note]
    rules = [text for feature in FEATURES for text in (feature.nan_rule, feature.departs) if text]
    verdicts = [evidence.INSUFFICIENT, evidence.LUCK, evidence.SKILL, *EFFECTS, verdict.SKILL, verdict.NO_SKILL]
    gates = [gate.MET, gate.NOT_MET, gate.BY_LUCK]
    return [*actions, *meanings, *notes, *rules, *PriceBase, *verdicts, *gates, threshold.CHOSEN, threshold.KEPT]


def test_what_is_shown_by_variable_is_marked_where_it_is_written(catalogue: Catalog) -> None:
    known = {message.id for message in messages(catalogue)}
    texts = shown_by_variable()
    assert len(texts) > len(ACTIONS)
    assert set(map(str, texts)) <= known


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_has_a_label_in_portuguese(action: object, catalogue: Catalog) -> None:
    label = action.label  # type: ignore[attr-defined]
    set_language("pt_BR")
    assert catalogue.get(label) is not None
    assert _(label) == catalogue[label].string
    assert _(label) != label or label in ALIKE


def test_a_mark_is_the_text_itself_and_a_context_tells_homonyms_apart() -> None:
    assert mark("raw") == "raw"
    assert mark("{count} row", "{count} rows") == "{count} row"
    assert (pgettext("price", "Open"), _("Open")) == ("Open", "Open")
    set_language("pt_BR")
    assert (pgettext("price", "Open"), _("Open")) == ("Abertura", "Abrir")
    assert (pgettext("price", "Close"), _("Close")) == ("Fechamento", "Fechar")


def test_portuguese_counts_zero_and_one_alike() -> None:
    set_language("pt_BR")
    texts = [ngettext("{count} row", "{count} rows", count).format(count=count) for count in (0, 1, 2)]
    assert texts == ["0 linha", "1 linha", "2 linhas"]


# --- what must fit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_heads_fit_their_columns_and_labels_their_place(language: str) -> None:
    from tui.backtest import compare, trades
    from tui.backtest.panel import _rows
    from tui.index import table as index_table
    from tui.index.text import side
    from tui.names import kind_name, status_name
    from tui.training import history
    from tui.training.form import label_name
    from tui.views.anomalies import AnomaliesView
    from tui.views.data import DataView
    from tui.views.signals import SignalsView
    from tui.views.watchlist import WatchlistView

    set_language(language)
    tables = (
        trades._columns(),
        WatchlistView._columns(),
        DataView._coverage_columns(),
        DataView._job_columns(),
        DataView._run_columns(),
        compare._columns(),
        AnomaliesView._columns(),
        index_table.columns(),
        SignalsView._columns(),
        history.columns(),
    )
    for column in (column for table in tables for column in table):
        assert len(column.label) <= column.width, column.label
    assert all(len(label) <= 15 for label, _key, _show in _rows())
    jobs, runs = ({column.key: column.width for column in table} for table in tables[3:5])
    assert max(len(kind_name(kind)) for kind in ("import", "fetch", "backtest", "daily")) <= jobs["kind"]
    assert (
        max(len(status_name(status)) for status in ("queued", "running", "done", "failed", "cancelled", "lost")) <= jobs["status"]
    )
    assert max(len(status_name(status)) for status in ("running", "done", "failed", "stale", "partial")) <= runs["status"]
    base = next(column.width for column in tables[2] if column.key == "base")
    assert max(len(_(name)) for name in PriceBase) <= base
    anomalies = {column.key: column.width for column in AnomaliesView._columns()}
    assert max(len(severity_name(name)) for name in SEVERITIES) + 2 <= anomalies["severity"]
    assert max(len(anomaly_name(kind)) for kind in KINDS) <= anomalies["kind"]
    index = {column.key: column.width for column in index_table.columns()}
    assert max(len(side(given)) for given in (1, 0, None)) <= index["signal"]
    assert max(len(_(name)) + 2 for name in (gate.MET, gate.NOT_MET, gate.BY_LUCK)) <= index["gate"]
    trained = {column.key: column.width for column in history.columns()}
    assert max(len(label_name(name)) for name in ("fixed", "scaled", "triple_barrier")) <= trained["label"]
    signal = next(column.width for column in tables[1] if column.key == "signal")
    assert max(len(f"▲ {_(name)}") for name in ("BUY", "SELL", "HOLD")) <= signal


# --- argparse -------------------------------------------------------------------------------------------------------


def test_argparse_helps_in_portuguese() -> None:
    from tui.cli import build_parser

    set_language("pt_BR")
    (commands,) = [action for action in build_parser()._actions if action.dest == "command"]
    helps = [build_parser().format_help(), *(parser.format_help() for parser in commands.choices.values())]  # type: ignore[union-attr]
    assert len(helps) > 5
    for text in helps:
        assert text.startswith("uso: pregao")
        assert "\nopções:\n" in text
        assert "mostra esta ajuda e sai" in text
        english = ("usage:", "\noptions:", "positional arguments:", "show this help", "show program")
        assert not [words for words in english if words in text]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bars PETR4 --frob", "argumentos não reconhecidos: --frob"),
        ("bars", "faltam argumentos obrigatórios: SYMBOL"),
        ("bars PETR4 --timeframe", "argumento --timeframe: espera-se um argumento"),
        ("compare --strategies x", "faltam argumentos obrigatórios: SYMBOL"),
        ("runs --limit x", "argumento --limit: valor inválido para o tipo int: 'x'"),
        ("fetch nowhere 2024", "escolha inválida: 'nowhere' (escolha entre "),
        ("import x --dry-run=1", "argumento explícito ignorado: '1'"),
    ],
)
def test_argparse_refuses_in_portuguese(line: str, said: str) -> None:
    from tui.cli import build_parser

    set_language("pt_BR")
    with pytest.raises(UsageError, match=re.escape(said)):
        build_parser().parse_args(line.split())


def test_argparse_speaks_english_again() -> None:
    from tui.cli import build_parser

    set_language("pt_BR")
    build_parser()
    set_language("en")
    assert build_parser().format_help().startswith("usage: pregao")


# --- numbers and dates ----------------------------------------------------------------------------------------------

#: Up to where a float64 holds four decimals.
FIGURES = st.floats(-1e10, 1e10, allow_nan=False) | st.integers(-(10**12), 10**12).map(lambda cents: cents / 100)


def plain(text: str) -> str:
    return text.replace("\xa0", " ")


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=300, deadline=None)
@given(value=FIGURES, decimals=st.integers(0, 4))
def test_quick_numbers_equal_the_exact_ones(language: str, value: float, decimals: int) -> None:
    set_language(language)
    assert quick.number(value, decimals) == plain(exact.number(value, decimals))


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=300, deadline=None)
@given(value=FIGURES)
def test_quick_prices_and_money_equal_the_exact_ones(language: str, value: float) -> None:
    set_language(language)
    assert quick.price(value) == plain(exact.price(value))
    assert quick.money(value) == plain(exact.money(value))


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=300, deadline=None)
@given(
    value=st.floats(-1e6, 1e6, allow_nan=False)
    | st.floats(-1, 1)
    | st.integers(-10_000, 10_000).map(lambda points: points / 10_000)
)
def test_quick_percentages_equal_the_exact_ones(language: str, value: float) -> None:
    set_language(language)
    assert quick.percent(value) == plain(exact.percent(value, signed=True))


@pytest.mark.parametrize("language", LANGUAGES)
@given(day=st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_quick_days_equal_the_exact_ones(language: str, day: date) -> None:
    set_language(language)
    assert quick.day(day) == exact.day(day) == quick.day(day.isoformat()) == exact.day(day.isoformat())


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_number_is_a_dash(value: float | None) -> None:
    for show in (quick.number, quick.price, quick.money, quick.percent, exact.number, exact.price, exact.money, exact.percent):
        assert show(value) == exact.DASH == quick.DASH


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("value", [0.0, -0.0, 1e-9, -1e-9])
def test_what_rounds_to_zero_has_no_sign(language: str, value: float) -> None:
    set_language(language)
    shown = [quick.number(value), quick.price(value), quick.money(value), quick.percent(value)]
    assert shown == [plain(show(value)) for show in (exact.number, exact.price, exact.money, exact.percent)]
    assert not [text for text in shown if text[0] in "+-"]


def test_portuguese_writes_points_and_commas_the_other_way_round() -> None:
    set_language("pt_BR")
    assert quick.number(1234567.891) == "1.234.567,89"
    assert quick.money(-1234.5) == "-R$ 1.234,50"
    assert quick.percent(0.0123) == "+1,23%"
    assert quick.day(date(2025, 3, 9)) == "09/03/2025"
