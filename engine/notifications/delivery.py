"""The last steps of a daily run: what is left to say of the day, and sending."""

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


def tell_rest(
    desk: Desk,
    teller: Teller,
    report: Mapping[str, Any],
    series: Iterable[Bars],
    paper: Mapping[str, Any],
    *,
    whole_day: bool,
) -> dict[str, str]:
    """Say everything of the day that was not said yet; what is set up wrongly, by name, which holds back prices and drawdowns alone.

    report: of the run in its JSON form. series: the bars of its fresh symbols. paper: the detail of the step "paper", empty without it.
    whole_day: whether a summary is due. Raises StoreError.
    """
    day, path = paper.get("summary"), desk.workspace.alerts_file
    try:
        rules, wrong = load_rules(path), dict[str, str]()
    except SettingsError as error:
        rules, wrong = None, {path.name: error.message}
    with desk.store.write() as connection:
        teller.signals(connection, report["signals"])
        teller.anomalies(connection, report["anomalies"])
        teller.directions(connection, report["directions"])
        if whole_day:
            teller.summary(connection, report, paper)
        if rules is not None:
            teller.prices(connection, rules, series)
            if day is not None and paper.get("account") is not None:
                teller.drawdown(connection, rules, paper["account"], day, day["top"])
    return wrong


def send_waiting(desk: Desk, patience: float) -> tuple[str, dict[str, Any]]:
    """Send what waits, and return the status of the step and its detail {"channels", "wrong"}.

    patience: seconds to wait for messages that are to be tried again. Status "partial": a message is dead or could not be sent yet,
    or something is set up wrongly; what was said waits all the same. Raises StoreError.
    """
    try:
        done = send_all(desk.workspace, desk.settings, desk.store, desk.now, patience=patience)
    except SettingsError as error:
        return "partial", {"channels": {}, "wrong": {desk.workspace.alerts_file.name: error.message}}
    return _status(done["channels"].values(), done["wrong"]), done


def _status(counts: Iterable[Mapping[str, Any]], wrong: Sequence[str] | Mapping[str, str]) -> str:
    stuck = any(item["dead"] or item["failing"] or item["busy"] or item["disabled"] for item in counts)
    return "partial" if wrong or stuck else "done"
