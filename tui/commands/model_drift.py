"""`pregao models drift`: how far the live models, or the one that is named, have drifted from what they learnt."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from engine.i18n import _
from tui.commands.common import is_json
from tui.output import console, demo_banner, narrate, print_json

if TYPE_CHECKING:
    from engine.desk import Desk

#: States of earlier daily runs that are shown.
HISTORY = 10


def drift(desk: Desk, arguments: argparse.Namespace) -> int:
    """Compare on the stored bars of now; nothing is recorded, which is the daily run's part."""
    from engine.ml.registry import find, list_models

    rows = [find(desk.store, arguments.ids[0])] if arguments.ids else [row for row in list_models(desk.store) if row.live]
    found = [_state(desk, row.id) for row in rows]
    if is_json(arguments):
        print_json({"models": found, "demo": desk.workspace.demo})
        return 0
    if not found:
        narrate(_("No model is live: `pregao models promote ID` makes one live."))
        return 0
    from tui.reports.filter import drift_report

    demo_banner(desk.workspace.demo)
    console().print(drift_report(found))
    return 0


def _state(desk: Desk, model_id: str) -> dict[str, Any]:
    from engine.domain import from_day_number, jsonable
    from engine.ml.live import drift_of, load_model
    from engine.store.bars import read_many
    from engine.store.events import adjusted
    from engine.store.predictions import read_drift

    live = load_model(desk.workspace.models, desk.store, model_id)
    bars = read_many(desk.store, live.symbols, live.timeframe)
    now = drift_of(live, desk.store, {symbol: adjusted(desk.store, item)[0] for symbol, item in bars.items()})
    history = [
        {"session": from_day_number(item.session).isoformat(), "state": item.state}
        for item in read_drift(desk.store, live.name, HISTORY)
    ]
    told: dict[str, Any] = jsonable(now.as_dict())
    return {"model_id": live.name, **told, "history": history}
