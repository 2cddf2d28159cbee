"""The trained models: list, look into, check, make live, take back, compare, delete."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, desk_of, is_json
from tui.commands.model_drift import drift
from tui.output import console, demo_banner, narrate, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engine.desk import Desk


def add_commands(commands: Any, common: Any) -> None:
    summary = _("the trained models: list, check, compare, make live or delete them")
    parser = add(commands, common, "models", summary, "pregao models promote signals-xgb-20260105-190000-4f2a")
    parser.add_argument("action", nargs="?", choices=tuple(ACTIONS), default="list")
    parser.add_argument("ids", nargs="*", metavar="ID", help=_("the models; `latest` is the live one, else the newest"))
    parser.add_argument("--force", action="store_true", help=_("with delete: a live model too"))
    parser.set_defaults(run=run_models)


def run_models(arguments: argparse.Namespace) -> int:
    """`pregao models [list | show ID | verify [ID...] | promote ID | rollback ID | compare ID ID | delete ID... | drift [ID]]`."""
    least, most, work = ACTIONS[arguments.action]
    given = len(arguments.ids)
    if given < least or (most is not None and given > most):
        wanted = {
            "list": _("list takes no id"),
            "compare": _("Name the two models to compare"),
            "delete": _("Name the models to delete"),
        }
        raise UsageError(wanted.get(arguments.action, _("Name one model")), _("`pregao models` lists them."))
    if arguments.force and arguments.action != "delete":
        raise UsageError(_("--force goes with delete"))
    with desk_of(arguments) as desk:
        return work(desk, arguments)


def _list(desk: Desk, arguments: argparse.Namespace) -> int:
    from engine.ml.registry import list_models

    found = list_models(desk.store)
    if not found and not is_json(arguments):
        narrate(_("No model was trained yet: `pregao train signals SYMBOL` makes one."))
        return 0
    return _answer(desk, arguments, {"models": [model.as_dict() for model in found]}, lambda shown: _report().models_table(shown))


def _show(desk: Desk, arguments: argparse.Namespace) -> int:
    from engine.ml import registry
    from engine.store.models import read_promotions

    row = registry.find(desk.store, arguments.ids[0])
    whole = {
        **row.as_dict(),
        "path": str(desk.workspace.models / row.id),
        "promotions": [item.as_dict() for item in read_promotions(desk.store, row.id)],
        "manifest": registry.read_manifest(desk.workspace.models, desk.store, row.id),
    }
    return _answer(desk, arguments, {"models": [whole]}, lambda _shown: _report().model_details(whole))


def _verify(desk: Desk, arguments: argparse.Namespace) -> int:
    from engine.ml.registry import LATEST, find, verify

    ids = [find(desk.store).id if model_id == LATEST else model_id for model_id in arguments.ids]
    checks = verify(desk.workspace.models, desk.store, ids)
    found = {"models": [check.as_dict() for check in checks]}
    _answer(desk, arguments, found, lambda shown: _report().checks_table(shown))
    return 0 if all(check.ok for check in checks) else 1


def _promote(desk: Desk, arguments: argparse.Namespace) -> int:
    from engine.ml import registry

    row = registry.find(desk.store, arguments.ids[0])
    before = registry.live(desk.store, row)
    changed = registry.promote(desk.workspace.models, desk.store, row.id, now=desk.now())
    if is_json(arguments):
        print_json({"model_id": row.id, "changed": changed, "before": None if before is None else before.id})
        return 0
    verdict = row.summary.get("verdict")
    narrate((_("{id} is live now.") if changed else _("{id} was live already.")).format(id=row.id))
    if verdict:
        narrate(_("What its training said of it: {verdict}.").format(verdict=_(verdict["label"])))
    return 0


def _roll_back(desk: Desk, arguments: argparse.Namespace) -> int:
    from engine.ml import registry

    row = registry.find(desk.store, arguments.ids[0])
    now_live = registry.rollback(desk.store, row.id, now=desk.now())
    if is_json(arguments):
        print_json({"model_id": row.id, "live": None if now_live is None else now_live.id})
        return 0
    narrate(_("{id} is not live any more.").format(id=row.id))
    narrate(_("No model of its symbols is live.") if now_live is None else _("{id} is live again.").format(id=now_live.id))
    return 0


def _compare(desk: Desk, arguments: argparse.Namespace) -> int:
    from engine.ml.model_compare import compare

    found = compare(desk.workspace.models, desk.store, *arguments.ids)
    return _answer(desk, arguments, found.as_dict(), lambda _shown: _report().comparison(found))


def _delete(desk: Desk, arguments: argparse.Namespace) -> int:
    from engine.ml.registry import delete

    ids = list(dict.fromkeys(arguments.ids))
    for model_id in ids:
        delete(desk.workspace.models, desk.store, model_id, force=arguments.force)
        narrate(_("{id} was deleted.").format(id=model_id), quiet=is_json(arguments))
    if is_json(arguments):
        print_json({"deleted": ids})
    return 0


def _answer(desk: Desk, arguments: argparse.Namespace, found: dict[str, Any], shown: Callable[[Any], RenderableType]) -> int:
    """Print the JSON form, or the report that `shown` makes of its models."""
    if is_json(arguments):
        print_json({**found, "demo": desk.workspace.demo})
        return 0
    demo_banner(desk.workspace.demo)
    console().print(shown(found["models"]))
    return 0


def _report() -> Any:
    from tui.reports import models as models_report

    return models_report


#: Each action with the least and the most ids it takes.
ACTIONS: Mapping[str, tuple[int, int | None, Callable[[Desk, argparse.Namespace], int]]] = {
    "list": (0, 0, _list),
    "show": (1, 1, _show),
    "verify": (0, None, _verify),
    "promote": (1, 1, _promote),
    "rollback": (1, 1, _roll_back),
    "compare": (2, 2, _compare),
    "delete": (1, None, _delete),
    "drift": (0, 1, drift),
}
