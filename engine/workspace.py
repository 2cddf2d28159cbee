"""Where things are: a workspace is the three folders config/, data/ and models/."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.errors import SettingsError
from engine.i18n import _
from engine.whole_file import write_whole

PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one installation. `demo` puts the data of the invented market beside, never among, the real."""

    home: Path
    demo: bool = False

    @property
    def config(self) -> Path:
        return self.home / "config"

    @property
    def settings_file(self) -> Path:
        return self.config / "pregao.toml"

    @property
    def secrets_file(self) -> Path:
        return self.config / ".env"

    @property
    def alerts_file(self) -> Path:
        return self.config / "alerts.toml"

    @property
    def strategies(self) -> Path:
        return self.config / "strategies"

    @property
    def data(self) -> Path:
        return self.home / "data" / "demo" if self.demo else self.home / "data"

    @property
    def models(self) -> Path:
        return self.home / "models" / "demo" if self.demo else self.home / "models"

    @property
    def database(self) -> Path:
        return self.data / "pregao.db"

    @property
    def inbox(self) -> Path:
        return self.data / "inbox"

    @property
    def out(self) -> Path:
        return self.data / "out"

    @property
    def downloads(self) -> Path:
        return self.data / "downloads"

    @property
    def cache(self) -> Path:
        return self.home / "data" / "cache"

    @property
    def session_file(self) -> Path:
        return self.home / "data" / "desk.json"

    @property
    def log_file(self) -> Path:
        return self.home / "data" / "logs" / "pregao.log"

    def prepare(self) -> None:
        """Make the folders and, where there are none, the commented settings file and rules of messages.

        Raises SettingsError when the place cannot be written.
        """
        try:
            for folder in (self.config, self.data, self.models, self.inbox, self.cache, self.log_file.parent):
                folder.mkdir(parents=True, exist_ok=True)
            for file in (self.settings_file, self.alerts_file):
                packaged = PACKAGE / "resources" / file.name
                if not file.exists() and packaged.exists():
                    write_whole(file, packaged.read_bytes())
        except OSError as error:
            raise SettingsError(
                _("The workspace {home} cannot be written: {error}").format(home=self.home, error=error.strerror or error),
                _("Choose another folder with --home or PREGAO_HOME."),
            ) from error


def find_workspace(home: str | Path | None = None, *, demo: bool = False) -> Workspace:
    """The workspace in force: `home`, else PREGAO_HOME, else the checkout, else the user data directory."""
    chosen = home or os.environ.get("PREGAO_HOME")
    if chosen:
        return Workspace(Path(chosen).expanduser().absolute(), demo)
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "config" / "pregao.toml").is_file():
        return Workspace(checkout, demo)
    from platformdirs import user_data_path

    return Workspace(user_data_path("pregao", appauthor=False), demo)
