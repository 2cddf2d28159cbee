"""The settings: the commented file, where a value comes from, and what is said about a wrong one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.settings import RESERVED, load_settings, peek, secrets_notice
from engine.settings_model import Section, Settings, environment_names
from engine.workspace import Workspace
from tests.desk_maker import call, plain_environment

SHIPPED = Path(__file__).parents[1] / "config" / "pregao.toml"


@pytest.fixture(autouse=True)
def _plain() -> Iterator[None]:
    with plain_environment():
        yield


def workspace(folder: Path, toml: str = "", private: str | bytes = b"") -> Workspace:
    """A workspace with these two files."""
    made = Workspace(folder)
    made.config.mkdir(parents=True, exist_ok=True)
    made.settings_file.write_text(toml, encoding="utf-8")
    if private:
        made.secrets_file.write_bytes(private.encode() if isinstance(private, str) else private)
        made.secrets_file.chmod(0o600)
    return made


def refusal(folder: Path, toml: str = "", private: str | bytes = b"") -> SettingsError:
    """The error that these files give; it is one sentence."""
    with pytest.raises(SettingsError) as caught:
        load_settings(workspace(folder, toml, private))
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2
    return caught.value


def uncommented() -> str:
    """The shipped file with every default switched on; comments in words stay."""
    return re.sub(r"(?m)^# ?(?=[a-z_]+ *= )", "", SHIPPED.read_text(encoding="utf-8"))


def test_the_shipped_file_alone_changes_nothing(tmp_path: Path) -> None:
    assert load_settings(workspace(tmp_path, SHIPPED.read_text(encoding="utf-8"))) == load_settings(workspace(tmp_path / "none"))


def test_the_shipped_file_uncommented_is_the_defaults(tmp_path: Path) -> None:
    assert load_settings(workspace(tmp_path, uncommented())) == load_settings(workspace(tmp_path / "none"))


def test_the_shipped_file_names_every_setting_and_no_secret() -> None:
    written = tomllib.loads(uncommented())
    sections = {name: field.annotation for name, field in Settings.model_fields.items() if name != "secrets"}
    known = {name: kind for name, kind in sections.items() if isinstance(kind, type) and issubclass(kind, Section)}
    assert {name: set(written.get(name, {})) for name in known} == {name: set(kind.model_fields) for name, kind in known.items()}
    assert set(written) <= set(sections)
    assert "secrets" not in written


@pytest.mark.parametrize(
    ("toml", "line", "said", "hint"),
    [
        ("[backtest]\n\ncapitl = 1", 3, "no setting backtest.capitl", "Did you mean capital?"),
        ("[bcktest]\ncapital = 1", 1, "no setting bcktest", "Did you mean backtest?"),
        ("general = 5", 1, "general cannot be 5", "language, log_level"),
        ("[backtest]\ncapital = 'much'", 2, "backtest.capital cannot be much", "a number > 0"),
        ("[backtest]\ncapital = true", 2, "backtest.capital cannot be True", "a number > 0"),
        ("[backtest]\ncapital = -1.5", 2, "backtest.capital cannot be -1.5", "a number > 0"),
        ("[backtest]\ncapital = nan", 2, "backtest.capital cannot be nan", "a number > 0"),
        ("[backtest]\ncapital = inf", 2, "backtest.capital cannot be inf", "a number > 0"),
        ("backtest.capital = 0", 1, "backtest.capital cannot be 0", "a number > 0"),
        ("[backtest]\n'capital' = 0", 2, "backtest.capital cannot be 0", "a number > 0"),
        ("[backtest]\nallow_short = 'maybe'", 2, "backtest.allow_short cannot be maybe", "true, false"),
        ("[backtest]\nsizing = 'all'", 2, "backtest.sizing cannot be all", "fraction, risk"),
        ("[general]\nlanguage = 'fr'", 2, "general.language cannot be fr", "auto, en, pt_BR"),
        ("[daily]\nwatchlist = 5", 2, "daily.watchlist cannot be 5", "text"),
        ("[daily]\nsources = ['inbox', 'moon']", 2, "daily.sources.1 cannot be moon", "inbox, cotahist"),
        ("[daily]\nclose_delay_minutes = 1.5", 2, "daily.close_delay_minutes cannot be 1.5", "a whole number >= 0 <= 600"),
        ("[ingestion]\nmarkets = 'cash'", 2, "ingestion.markets cannot be cash", "cash, fractional"),
        ("[market]\nextra_sessions = ['2025-02-30']", 2, "market.extra_sessions.0 cannot be 2025-02-30", "YYYY-MM-DD"),
        ("[fetch]\ncotahist_url = 'file:///etc'", 2, "fetch.cotahist_url cannot be file:///etc", "https?"),
        ("[[backtest]]\ncapital = 1", 1, "backtest cannot be", "capital"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_with_line_and_accepted_values(tmp_path: Path, toml: str, line: int, said: str, hint: str) -> None:
    error = refusal(tmp_path, toml)
    assert error.message.startswith(f"{tmp_path / 'config' / 'pregao.toml'}, line {line}: ")
    assert said in error.message
    assert hint in error.hint


@pytest.mark.parametrize("toml", ["[secrets]\nbrapi_token = 'hush-hush'", "secrets.brapi_token = 'hush-hush'"])
def test_secrets_in_the_file_are_refused_and_not_repeated(tmp_path: Path, toml: str) -> None:
    error = refusal(tmp_path, toml)
    assert "line 1: secrets do not belong in this file" in error.message
    assert ".env" in error.hint
    assert "hush" not in error.message + error.hint


def test_bad_toml_is_named_with_its_line(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, "[general]\nlanguage = \n").message
    made = workspace(tmp_path)
    made.settings_file.write_bytes(b"\xff\xfe[general]")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(made)


def test_the_environment_stands_over_the_private_file_over_the_file(tmp_path: Path) -> None:
    toml = "[backtest]\ncapital = 1\nfraction = 0.1\nrisk = 0.1"
    made = workspace(tmp_path, toml, "PREGAO_BACKTEST__CAPITAL=2\nPREGAO_BACKTEST__FRACTION=0.2\n")
    with patch.dict("os.environ", {"PREGAO_BACKTEST__CAPITAL": "3"}):
        found = load_settings(made).backtest
    assert (found.capital, found.fraction, found.risk, found.sizing) == (3.0, 0.2, 0.1, "fraction")


def test_lists_and_dates_come_from_the_environment_as_json(tmp_path: Path) -> None:
    with patch.dict("os.environ", {"PREGAO_INGESTION__MARKETS": '["cash", "options"]', "PREGAO_MARKET__EXTRA_SESSIONS": "[]"}):
        assert load_settings(workspace(tmp_path)).ingestion.markets == ("cash", "options")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PREGAO_BACKTEST__CAPITAL", "abc", "backtest.capital cannot be abc"),
        ("PREGAO_INGESTION__MARKETS", "cash", "PREGAO_INGESTION__MARKETS is not JSON"),
        ("PREGAO_MARKET__EXTRA_SESSIONS", '["x"]', "market.extra_sessions.0 cannot be x"),
        ("PREGAO_BACKTEST", "abc", "PREGAO_BACKTEST is not JSON"),
        ("PREGAO_BACKTEST", '{"capitl": 1}', "no setting backtest.capitl"),
        ("PREGAO_SECRETS", '{"brapi_token": 5}', "secrets.brapi_token has no possible value"),
    ],
)
def test_a_wrong_environment_is_blamed_even_where_the_file_sets_the_key(tmp_path: Path, name: str, value: str, said: str) -> None:
    toml = "[backtest]\ncapital = 7\n[ingestion]\nmarkets = ['cash']\n[market]\nextra_sessions = []"
    with patch.dict("os.environ", {name: value}):
        error = refusal(tmp_path, toml)
    assert error.message.startswith(f"The environment variable {name}: ")
    assert said in error.message
    assert error.hint


@pytest.mark.parametrize("name", ["PREGAO_BACKTEST__CAPITL", "PREGAO_CAPITAL", "pregao_bcktest__capital", "PREGAO_"])
def test_an_environment_variable_that_is_no_setting_is_refused(tmp_path: Path, name: str) -> None:
    with patch.dict("os.environ", {name: "1"}):
        assert f"{name} is not a setting" in refusal(tmp_path).message


def test_the_names_of_home_and_demo_are_no_settings(tmp_path: Path) -> None:
    with patch.dict("os.environ", dict.fromkeys(RESERVED, "1")):
        load_settings(workspace(tmp_path))
    assert not RESERVED & environment_names()


@pytest.mark.parametrize(
    ("private", "said"),
    [
        ("# mine\nPREGAO_BACKTEST__CAPITAL=abc\n", ", line 2: backtest.capital cannot be abc"),
        ("\n\nPREGAO_SECRETS__BRAPI=x\n", ", line 3: there is no setting secrets.brapi"),
        ("FOO=bar\n", ", line 1: there is no setting foo"),
        ("PREGAO_GENERAL__LANGUAGE=en\nwhat is this\n", ", line 2: this is not NAME=value"),
        ("PREGAO_SECRETS__BRAPI_TOKEN='half\n", ", line 1: this is not NAME=value"),
        (b"\xff\xfe=1", " cannot be read"),
    ],
)
def test_a_wrong_private_file_is_named_with_its_line(tmp_path: Path, private: str | bytes, said: str) -> None:
    error = refusal(tmp_path, "[backtest]\ncapital = 7", private)
    assert error.message.startswith(f"{tmp_path / 'config' / '.env'}{said}")


def test_secrets_come_from_the_private_file_and_show_nowhere(tmp_path: Path) -> None:
    found = load_settings(workspace(tmp_path, "", "PREGAO_SECRETS__BRAPI_TOKEN=hush-hush\n"))
    assert found.secrets.brapi_token.get_secret_value() == "hush-hush"
    assert found.secret_values() == ("hush-hush",)
    assert "hush" not in repr(found) + str(found) + found.model_dump_json()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_private_file_that_others_can_read_is_said(tmp_path: Path, mode: int) -> None:
    made = workspace(tmp_path, "", "PREGAO_SECRETS__BRAPI_TOKEN=hush-hush\n")
    made.secrets_file.chmod(mode)
    assert f"mode {mode:o}" in secrets_notice(made)
    shown = call("runs", home=tmp_path)
    assert shown.code == 0
    assert shown.err.count("chmod 600") == 1
    assert "hush" not in shown.err
    assert made.log_file.read_text(encoding="utf-8").count("chmod 600") == 1
    assert call("runs", "--json", home=tmp_path).err == ""


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_of_ones_own_is_not_worth_a_word(tmp_path: Path, mode: int) -> None:
    made = workspace(tmp_path, "", "PREGAO_SECRETS__BRAPI_TOKEN=hush-hush\n")
    made.secrets_file.chmod(mode)
    assert secrets_notice(made) == "" == secrets_notice(Workspace(tmp_path / "none"))
    assert "chmod" not in call("runs", home=tmp_path).err


def test_peek_reads_one_text_without_validation(tmp_path: Path) -> None:
    made = workspace(tmp_path, "[general]\nlanguage = 'pt_BR'\nlog_level = 5\n[other]\n")
    assert peek(made, "general", "language", "auto") == "pt_BR"
    assert peek(made, "general", "log_level", "INFO") == "INFO"
    assert peek(made, "daily", "strategy", "none") == "none"
    with patch.dict("os.environ", {"PREGAO_GENERAL__LANGUAGE": "en"}):
        assert peek(made, "general", "language", "auto") == "en"


SCALARS = st.one_of(
    st.integers(-(10**6), 10**6), st.booleans(), st.sampled_from(["", "x", "auto", "b3", "trend_following", "risk"]), st.just([]),
)  # fmt: skip


@given(
    section=st.sampled_from(["general", "ingestion", "fetch", "market", "costs", "backtest", "daily", "other"]),
    key=st.sampled_from(["language", "markets", "max_file_mb", "timeout_seconds", "iss", "capital", "sizing", "sources", "odd"]),
    value=SCALARS,
)
@settings(max_examples=60, deadline=None)
def test_any_value_is_taken_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, section: str, key: str, value: object
) -> None:
    written = str(value).lower() if isinstance(value, bool) else repr(value)
    made = workspace(tmp_path_factory.mktemp("any"), f"[{section}]\n{key} = {written}\n")
    try:
        found = load_settings(made)
    except SettingsError as error:
        assert re.match(rf"{re.escape(str(made.settings_file))}, line [12]: .*{section}", error.message)  # noqa: PT017
        assert error.hint  # noqa: PT017
    else:
        kept = getattr(getattr(found, section), key)
        assert kept == (tuple(value) if isinstance(value, list) else value)
        assert isinstance(kept, bool) == isinstance(value, bool)
