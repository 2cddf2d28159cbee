"""The settings: config/pregao.toml, then config/.env, then the environment (PREGAO_SECTION__KEY), validated.

`peek` reads the file with the standard library alone, for what is needed before anything heavy is imported.
`load_settings` validates everything with pydantic-settings and names the key, the line and the accepted values.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import SettingsError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.settings_model import Settings
    from engine.workspace import Workspace

PREFIX = "PREGAO_"
#: Environment names that are not settings.
RESERVED = frozenset({"PREGAO_HOME", "PREGAO_DEMO"})
#: Characters of a wrong value that are shown.
SHOWN = 60


def read_toml(path: Path) -> dict[str, Any]:
    """The file as nested dictionaries; an absent file is an empty one. Raises SettingsError naming the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_("{path} is not valid TOML: {error}").format(path=path, error=error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(_("{path} cannot be read: {error}").format(path=path, error=error)) from error


def peek(workspace: Workspace, section: str, key: str, default: str) -> str:
    """One text setting without validation, from the environment or the file (standard library only)."""
    value = os.environ.get(f"{PREFIX}{section}__{key}".upper())
    if value is None:
        table = read_toml(workspace.settings_file).get(section)
        value = table.get(key) if isinstance(table, dict) else None
    return str(value) if isinstance(value, str) else default


def load_settings(workspace: Workspace) -> Settings:
    """All settings in force. Raises SettingsError for an unknown key or a wrong value, wherever it was set."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError as UnreadableError

    from engine.settings_model import Settings, environment_names

    known = environment_names()
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper() not in known | RESERVED:
            raise SettingsError(
                _("The environment variable {name} is not a setting").format(name=name), _suggest(name.upper(), known)
            )
    values = read_toml(workspace.settings_file)
    if "secrets" in values:
        raise SettingsError(
            _("{path}, line {line}: secrets do not belong in this file").format(
                path=workspace.settings_file, line=_line_of(workspace.settings_file, ("secrets",))
            ),
            _("Put them in {path} as PREGAO_SECRETS__NAME=value.").format(path=workspace.secrets_file),
        )
    private = _read_env_file(workspace.secrets_file)
    try:
        return Settings(_env_file=workspace.secrets_file, **values)
    except ValidationError as error:
        raise _explain(error, workspace, private) from None
    except UnreadableError:
        raise _unreadable_list(workspace, private) from None


def secrets_notice(workspace: Workspace) -> str:
    """What is wrong with the permissions of config/.env, in words; empty when only its owner can read it."""
    try:
        mode = workspace.secrets_file.stat().st_mode & 0o777
    except OSError:
        return ""
    if os.name != "posix" or not mode & 0o077:
        return ""
    return _("{path} can be read by others (mode {mode:o}): make it yours alone with `chmod 600 {path}`.").format(
        path=workspace.secrets_file, mode=mode
    )


def _read_env_file(path: Path) -> dict[str, tuple[int, str]]:
    """Line and value of every name in config/.env, names in capitals. Raises SettingsError for a line that is no NAME=value."""
    from io import StringIO

    from dotenv.parser import parse_stream

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(_("{path} cannot be read: {error}").format(path=path, error=error)) from error
    found = {}
    for entry in parse_stream(StringIO(text)):
        line = entry.original.line + len(entry.original.string) - len(entry.original.string.lstrip("\n"))
        if entry.error or (entry.key is not None and entry.value is None):
            raise SettingsError(_("{path}, line {line}: this is not NAME=value").format(path=path, line=line))
        if entry.key is not None:
            found[entry.key.upper()] = (line, entry.value or "")
    return found


def _explain(error: Any, workspace: Workspace, private: dict[str, tuple[int, str]]) -> SettingsError:
    from engine.settings_model import accepted_keys, accepted_values

    first = error.errors(include_url=False)[0]
    location = tuple(str(part) for part in first["loc"])
    dotted, where = ".".join(location), _where(workspace, private, location)
    if first["type"] == "extra_forbidden":
        accepted = accepted_keys(location[:-1])
        return SettingsError(
            _("{where}: there is no setting {key}").format(where=where, key=dotted), _suggest(location[-1], accepted)
        )
    hint = _("Accepted: {values}.").format(values=accepted_values(location))
    if location[0] == "secrets":
        return SettingsError(_("{where}: {key} has no possible value").format(where=where, key=dotted), hint)
    shown = str(first["input"])
    value = shown if len(shown) <= SHOWN else shown[:SHOWN] + "..."
    return SettingsError(_("{where}: {key} cannot be {value}").format(where=where, key=dotted, value=value), hint)


def _unreadable_list(workspace: Workspace, private: dict[str, tuple[int, str]]) -> SettingsError:
    """The error of a list in the environment or in config/.env that is not written as JSON."""
    from engine.settings_model import json_names

    given = {name.upper(): value for name, value in os.environ.items()}
    for name in sorted(json_names()):
        value = given.get(name, private.get(name, (0, ""))[1])
        try:
            json.loads(value or "null")
        except ValueError:
            where = _where(workspace, private, tuple(name.removeprefix(PREFIX).lower().split("__")))
            return SettingsError(
                _("{where}: {name} is not JSON").format(where=where, name=name), _('Write a list as ["a", "b"].')
            )
    raise AssertionError("no setting in the environment is unreadable")


def _where(workspace: Workspace, private: dict[str, tuple[int, str]], location: tuple[str, ...]) -> str:
    """Where the value in force at `location` was set: the environment before config/.env before config/pregao.toml."""
    path, names = workspace.settings_file, [PREFIX + "__".join(location[:count]).upper() for count in (2, 1)]
    for name in names:
        if name in {known.upper() for known in os.environ}:
            return _("The environment variable {name}").format(name=name)
    line = next((private[name][0] for name in (*names, location[0].upper()) if name in private), None)
    if line is not None:
        path = workspace.secrets_file
    else:
        line = _line_of(path, location)
    return str(path) if line is None else _("{path}, line {line}").format(path=path, line=line)


def _suggest(name: str, accepted: frozenset[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, accepted, n=1)
    listed = ", ".join(sorted(accepted)) if len(accepted) <= 12 else _("the names in config/pregao.toml")
    if close:
        return _("Did you mean {name}? Accepted: {accepted}.").format(name=close[0], accepted=listed)
    return _("Accepted: {accepted}.").format(accepted=listed)


def _line_of(path: Path, location: tuple[str, ...]) -> int | None:
    """The line on which `section.key` (or `[section]`) stands in the file."""
    section, key = location[0], location[1] if len(location) > 1 else None
    current = ""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        header = re.match(r"\s*\[+\s*[\"']?([\w-]+)", text)
        entry = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*[=.]", text)
        if header:
            current = header[1]
            if key is None and current == section:
                return number
        elif entry and ((current, entry[1]) == (section, key) or (not current and entry[1] == section)):
            return number
    return None
