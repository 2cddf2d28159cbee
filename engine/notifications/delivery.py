"""The last step of a daily run: what is left to say of the day, and sending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import SettingsError
from engine.notifications.rules import load_rules
from engine.notifications.sender import send_all

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.domain import Bars
    from engine.notifications.day import Teller


def tell_and_send(
    desk: Desk,
    teller: Teller,
    report: Mapping[str, Any],
    series: Iterable[Bars],
    paper: Mapping[str, Any],
    *,
    whole_day: bool,
) -> tuple[str, dict[str, Any]]:
    """Say everything of the day that was not said yet, send what waits, and return the status of the step and its detail.

    report: of the run in its JSON form. series: the bars of its fresh symbols. paper: the detail of the step "paper", empty without it.
    whole_day: whether a summary is due. Status "partial": a message is dead or could not be sent yet, or something is set up wrongly;
    what was said waits all the same. Raises StoreError.
    """
    store, day = desk.store, paper.get("summary")
    try:
        rules = load_rules(desk.workspace.alerts_file)
    except SettingsError as error:
        rules, wrong = None, error
    with store.write() as connection:
        teller.signals(connection, report["signals"])
        teller.anomalies(connection, report["anomalies"])
        teller.directions(connection, report["directions"])
        if whole_day:
            teller.summary(connection, report, day)
        if rules is not None:
            teller.prices(connection, rules, series)
            if day is not None and paper.get("account") is not None:
                teller.drawdown(connection, rules, paper["account"], day, day["equity"] / (1.0 + day["drawdown"]))
    if rules is None:
        return "partial", {"channels": {}, "wrong": {desk.workspace.alerts_file.name: wrong.message}}
    patience = desk.settings.notifications.patience_seconds
    done = send_all(desk.workspace, desk.settings, store, desk.now, patience=patience)
    return _status(done["channels"].values(), done["wrong"]), done


def _status(counts: Iterable[Mapping[str, Any]], wrong: Sequence[str] | Mapping[str, str]) -> str:
    stuck = any(item["dead"] or item["failing"] or item["busy"] or item["disabled"] for item in counts)
    return "partial" if wrong or stuck else "done"
