"""One open installation: its workspace, settings, store and calendar, as the app, the commands and the daily run use it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from engine.i18n import set_language
from engine.log import start_log
from engine.settings import load_settings, secrets_notice
from engine.store.database import Store, open_store
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.market.calendar import Calendar
    from engine.settings_model import Settings


log = logging.getLogger(__name__)


def utc_now() -> int:
    """The present instant, UTC seconds."""
    return int(time.time())


@dataclass(frozen=True)
class Desk:
    """Everything that a piece of work needs; `now` is the only clock."""

    workspace: Workspace
    settings: Settings
    store: Store
    now: Callable[[], int] = field(default=utc_now)

    @cached_property
    def calendar(self) -> Calendar:
        """The sessions of B3 with the corrections of the settings."""
        from engine.market.calendar import load_calendar

        market = self.settings.market
        return load_calendar(self.workspace.cache, market.extra_sessions, market.extra_closures)

    def close(self) -> None:
        self.store.close()


def open_desk(workspace: Workspace, now: Callable[[], int] = utc_now) -> Desk:
    """Prepare the folders, read the settings, start the log, migrate and open the store.

    Raises SettingsError and StoreError.
    """
    workspace.prepare()
    settings = load_settings(workspace)
    set_language(settings.general.language)
    start_log(workspace.log_file, settings.general.log_level, settings.secret_values())
    if notice := secrets_notice(workspace):
        log.warning("%s", notice)
    return Desk(workspace, settings, open_store(workspace.database), now)
