"""Where the workspace is, what is made in it, and what is said when it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.workspace import PACKAGE, Workspace, find_workspace
from tests.desk_maker import call, plain_environment


@pytest.fixture(autouse=True)
def _plain() -> Iterator[None]:
    with plain_environment():
        yield


def test_the_line_stands_over_the_environment_over_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = PACKAGE.parent
    assert find_workspace().home == checkout
    monkeypatch.setenv("PREGAO_HOME", str(tmp_path / "named"))
    assert find_workspace().home == tmp_path / "named"
    assert find_workspace(tmp_path / "told").home == tmp_path / "told"


def test_without_a_checkout_it_is_the_user_s_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.workspace.PACKAGE", tmp_path / "site-packages" / "engine")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setattr("sys.platform", "linux")
    found = find_workspace().home
    assert found.name == "pregao"
    assert PACKAGE.parent not in (found, *found.parents)


def test_a_home_may_be_relative_or_begin_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_workspace("here").home == tmp_path / "here"
    assert find_workspace("~/there").home == tmp_path / "there"


def test_demo_lies_beside_the_real_data_and_shares_settings_and_log(tmp_path: Path) -> None:
    real, demo = Workspace(tmp_path), Workspace(tmp_path, demo=True)
    for name in ("database", "inbox", "downloads", "data", "models"):
        assert getattr(real, name) != getattr(demo, name)
        assert "demo" in getattr(demo, name).parts
    assert (real.settings_file, real.secrets_file, real.log_file, real.cache) == (
        demo.settings_file, demo.secrets_file, demo.log_file, demo.cache,
    )  # fmt: skip


def test_everything_is_made_once_and_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "package" / "resources" / "pregao.toml"
    packaged.parent.mkdir(parents=True)
    packaged.write_text("# the commented file\n", encoding="utf-8")
    monkeypatch.setattr("engine.workspace.PACKAGE", tmp_path / "package")
    made = Workspace(tmp_path / "home")
    made.prepare()
    assert made.settings_file.read_text(encoding="utf-8") == "# the commented file\n"
    assert all(folder.is_dir() for folder in (made.config, made.data, made.models, made.inbox, made.cache, made.log_file.parent))
    made.settings_file.write_text("[general]\n", encoding="utf-8")
    made.prepare()
    assert made.settings_file.read_text(encoding="utf-8") == "[general]\n"


def test_a_home_that_cannot_be_made_is_said_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be written") as caught:
        Workspace(tmp_path / "file" / "home").prepare()
    assert "--home" in caught.value.hint
    shown = call("runs", "--json", home=tmp_path / "file" / "home")
    assert (shown.code, shown.out, shown.error["type"]) == (2, "", "SettingsError")


def test_the_environment_s_home_is_used_by_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREGAO_HOME", str(tmp_path / "named"))
    assert call("watchlist", "add", "PETR4").code == 0
    assert (tmp_path / "named" / "data" / "pregao.db").is_file()
    assert call("watchlist", "list", "--json", home=tmp_path / "other").json["symbols"] == []
