"""The settings: config/pregao.toml, then config/.env, then the environment (PREGAO_SECTION__KEY), validated.

`peek` reads the file with the standard library alone, for what is needed before anything heavy is imported.
`load_settings` validates everything with pydantic-settings and names the key, the line and the accepted values.
"""

from __future__ import annotations

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
    try:
        return Settings(_env_file=workspace.secrets_file, **values)
    except ValidationError as error:
        raise _explain(error, workspace, values) from None


def _explain(error: Any, workspace: Workspace, values: dict[str, Any]) -> SettingsError:
    from engine.settings_model import accepted_keys, accepted_values

    first = error.errors(include_url=False, include_input=False)[0]
    location = tuple(str(part) for part in first["loc"])
    dotted = ".".join(location)
    line = _line_of(workspace.settings_file, location) if _in_file(values, location) else None
    if line is not None:
        where = _("{path}, line {line}").format(path=workspace.settings_file, line=line)
    elif (variable := f"{PREFIX}{'__'.join(location)}".upper()) in {name.upper() for name in os.environ}:
        where = _("the environment variable {name}").format(name=variable)
    else:
        where = str(workspace.secrets_file)
    if first["type"] == "extra_forbidden":
        accepted = accepted_keys(location[:-1])
        return SettingsError(
            _("{where}: there is no setting {key}").format(where=where, key=dotted), _suggest(location[-1], accepted)
        )
    return SettingsError(
        _("{where}: {key} is wrong: {reason}").format(where=where, key=dotted, reason=first["msg"]),
        _("Accepted: {values}.").format(values=accepted_values(location)),
    )


def _suggest(name: str, accepted: frozenset[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, accepted, n=1)
    listed = ", ".join(sorted(accepted)) if len(accepted) <= 12 else _("the names in config/pregao.toml")
    if close:
        return _("Did you mean {name}? Accepted: {accepted}.").format(name=close[0], accepted=listed)
    return _("Accepted: {accepted}.").format(accepted=listed)


def _in_file(values: dict[str, Any], location: tuple[str, ...]) -> bool:
    node: Any = values
    for part in location:
        if isinstance(node, list) and part.isdigit():
            return True
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


def _line_of(path: Path, location: tuple[str, ...]) -> int | None:
    """The line on which `section.key` (or `[section]`) stands in the file."""
    section, key = location[0], location[1] if len(location) > 1 else None
    current = ""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        header = re.match(r"\s*\[\s*([\w-]+)\s*\]", text)
        entry = re.match(r"\s*\"?([\w-]+)\"?\s*[=.]", text)
        if header:
            current = header[1]
            if key is None and current == section:
                return number
        elif entry and ((current, entry[1]) == (section, key) or (not current and entry[1] == section)):
            return number
    return None
