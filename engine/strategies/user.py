"""A user's own strategies: one file each in config/strategies/, loaded from there alone. The files are code and are run."""

from __future__ import annotations

import hashlib
import inspect
import keyword
import math
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache, wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from engine.errors import FileError, PregaoError, UsageError
from engine.i18n import _
from engine.strategies.base import Decisions, Strategy

TEMPLATE = Path(__file__).parents[1] / "resources" / "strategy_template.txt"
GUARDED = ("__post_init__", "decide", "reason", "context")
#: What a context tells, None where it is not known.
CONTEXT = ("adx", "atr", "rsi", "volume_avg")


def files(folder: Path | None) -> dict[str, Path]:
    """The strategy files of a folder by name; those whose name begins with _ or is no name of a module are left out."""
    if folder is None or not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.glob("*.py")) if _is_name(path.stem)}


def load(path: Path) -> type[Strategy]:
    """The one strategy of a file, whose name is that of the file. The file is run, once for each of its contents.

    What goes wrong later inside its methods is raised as FileError too, with the line. Raises FileError when the file cannot
    be read, fails while it is run, or does not hold one frozen dataclass of ranged parameters derived from Strategy.
    """
    return _load(path, read(path))


def run(path: Path) -> ModuleType:
    """The file as a module, run once for each of its contents. Raises FileError, with the line, when it cannot be or fails."""
    return _run(path, read(path))


def classes(module: ModuleType) -> list[type[Strategy]]:
    """The classes derived from Strategy that the module itself defines."""
    return [
        item
        for item in vars(module).values()
        if inspect.isclass(item) and issubclass(item, Strategy) and item.__module__ == module.__name__
    ]


def read(path: Path) -> bytes:
    """What a strategy file holds. Raises FileError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(_("{path} cannot be read: {error}").format(path=path, error=error.strerror or error)) from error


def digest(path: Path) -> str:
    """SHA-256 of what a strategy file holds. Raises FileError."""
    return hashlib.sha256(read(path)).hexdigest()


def create(folder: Path, name: str, taken: Collection[str]) -> Path:
    """Write a new strategy from the template and return its file. Raises UsageError for a name that cannot be used or is taken."""
    if not _is_name(name) or not name.islower() or not name.isascii():
        raise UsageError(
            _("{name} cannot be the name of a strategy").format(name=name or '""'),
            _("Use small letters, digits and _, beginning with a letter, as in my_idea."),
        )
    path = folder / f"{name}.py"
    if name in taken or path.exists():
        raise UsageError(_("There is a strategy {name} already").format(name=name), _("Choose another name."))
    title = "".join(part.capitalize() for part in name.split("_"))
    text = TEMPLATE.read_text(encoding="utf-8").replace("my_strategy", name).replace("MyStrategy", title)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise FileError(_("{path} cannot be written: {error}").format(path=path, error=error.strerror or error)) from error
    return path


def _is_name(stem: str) -> bool:
    return stem.isidentifier() and not keyword.iskeyword(stem) and not stem.startswith("_")


@lru_cache(maxsize=64)
def _run(path: Path, source: bytes) -> ModuleType:
    module = ModuleType(f"pregao_strategy_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise _failed(path, error) from error
    return module


@lru_cache(maxsize=64)
def _load(path: Path, source: bytes) -> type[Strategy]:
    found = classes(_run(path, source))
    if len(found) != 1:
        raise FileError(
            _("{path} must hold one class derived from Strategy, not {count}").format(path=path, count=len(found)), _hint()
        )
    strategy = found[0]
    if problem := _problem(strategy, path):
        raise FileError(_("{path}: {problem}").format(path=path, problem=problem), _hint())
    for method in GUARDED:
        setattr(strategy, method, guarded(getattr(strategy, method), path, _CHECKS.get(method)))
    needed = inspect.getattr_static(strategy, "warm_up")
    if isinstance(needed, property) and needed.fget is not None:
        setattr(strategy, "warm_up", property(guarded(needed.fget, path)))  # noqa: B010
    strategy.code = hashlib.sha256(source).hexdigest()
    return strategy


def _hint() -> str:
    return _("`pregao strategies new NAME` writes a file that works.")


def _problem(strategy: type[Strategy], path: Path) -> str:
    """What is wrong with the class, in words; empty when nothing is."""
    if inspect.isabstract(strategy):
        return _("the strategy does not define {names}").format(names=", ".join(sorted(strategy.__abstractmethods__)))
    if getattr(strategy, "name", None) != path.stem:
        return _("the name of the strategy must be that of its file, {name}").format(name=path.stem)
    parameters = strategy.__dict__.get("__dataclass_params__")
    if not is_dataclass(strategy) or parameters is None or not parameters.frozen:
        return _("the strategy must be a frozen dataclass")
    plain = [item.name for item in fields(strategy) if not item.metadata.get("help") or not {"low", "high"} <= set(item.metadata)]
    if plain:
        return _("these parameters are not made by ranged(default, low, high, help): {names}").format(names=", ".join(plain))
    try:
        needed: object = strategy().warm_up
    except PregaoError as error:
        return _("its defaults cannot be used: {error}").format(error=error.message)
    except (Exception, SystemExit) as error:
        raise _failed(path, error) from error
    return "" if isinstance(needed, int) else _("warm_up must be a whole number of bars")


def guarded(
    function: Callable[..., Any], path: Path, check: Callable[[Any, tuple[Any, ...]], Any] | None = None
) -> Callable[..., Any]:
    """The function of a user's file whose every failure, an exit too, is a FileError that names the line.

    check: what makes of its result and its arguments the one that is given on; it raises ValueError for one that cannot be used.
    """

    @wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            result = function(*arguments)
        except PregaoError:
            raise
        except (Exception, SystemExit) as error:
            raise _failed(path, error) from error
        try:
            return result if check is None else check(result, arguments)
        except ValueError as error:
            raise FileError(_("{path}: {problem}").format(path=path, problem=error)) from error

    return call


def _decided(found: object, arguments: tuple[Any, ...]) -> object:
    if problem := _wrong_decisions(found, len(arguments[1])):
        raise ValueError(problem)
    return found


def _reasoned(found: object, _arguments: tuple[Any, ...]) -> str:
    if not isinstance(found, str):
        raise ValueError(_("reason must return a text, not {type}").format(type=type(found).__name__))
    return found


def _known(found: object, _arguments: tuple[Any, ...]) -> dict[str, float | None]:
    """The context with None for what it leaves out, for NaN, and for all when it is None."""
    if found is not None and not isinstance(found, Mapping):
        raise ValueError(_("context must return its figures by name, or None, not {type}").format(type=type(found).__name__))
    known: dict[str, float | None] = dict.fromkeys(CONTEXT)
    for name, value in (found or {}).items():
        try:
            figure = None if value is None else float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(_("{name} of the context must be a number or None").format(name=name)) from error
        known[str(name)] = None if figure is None or not math.isfinite(figure) else figure
    return known


_CHECKS: Mapping[str, Callable[[Any, tuple[Any, ...]], Any]] = {"decide": _decided, "reason": _reasoned, "context": _known}


def _wrong_decisions(found: object, count: int) -> str:
    if not isinstance(found, Decisions):
        return _("decide must return Decisions")
    for column in fields(Decisions):
        values, kind = getattr(found, column.name), np.int8 if column.name == "action" else np.float64
        if values is None and column.default is None:
            continue
        if not isinstance(values, np.ndarray) or values.shape != (count,) or values.dtype != kind:
            return _("{column} must be an array of {count} values of type {kind}").format(
                column=column.name, count=count, kind=np.dtype(kind).name
            )
    return ""


def _failed(path: Path, error: BaseException) -> FileError:
    """The failure of a user's code with the line of the file at which it happened."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == str(path) else lines[-1] if lines else None
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if line is None:
        return FileError(_("{path} failed: {what}").format(path=path, what=what))
    return FileError(_("{path}, line {line}, failed: {what}").format(path=path, line=line, what=what))
