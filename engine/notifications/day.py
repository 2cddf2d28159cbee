"""What a daily run tells: each thing once, in the transaction that records it, and again only when late data make it another.

What was said is in the outbox under keys such as `signal/2025-06-30-close/PETR4/1d/trend_following#1:BUY`: the subject, how often it
was spoken of, and what was said of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.domain import from_day_number
from engine.notifications.messages import (
    anomaly_payload,
    direction_payload,
    drawdown_payload,
    failure_payload,
    price_payload,
    signal_payload,
    summary_payload,
)
from engine.notifications.rules import Rules, crossings, drawdown_limits
from engine.store import outbox

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.domain import Bars
    from engine.errors import PregaoError

#: Sessions whose closes are compared with the limits of price rules, so that a day without a run is made up for.
RECENT = 5
#: What is worth no message unless something else was said before.
NOTHING = ("HOLD", "None")


@dataclass(frozen=True, slots=True)
class Teller:
    """Writes the messages of one run within the caller's transactions. Saying the same twice adds nothing. now: UTC seconds."""

    run_id: str
    now: int
    demo: bool = False

    def signals(self, connection: Connection, found: Iterable[Mapping[str, Any]]) -> None:
        """BUY and SELL; a HOLD or an opposite only where an earlier computation of the same run said otherwise."""
        about = f"signal/{self.run_id}/"
        earlier = _newest(outbox.said(connection, about))
        for signal in found:
            subject = f"{about}{signal['symbol']}/{signal['timeframe']}/{signal['strategy']}"
            before = earlier.get(subject, (0, ""))[1]
            corrects = before if before in ("BUY", "SELL") and before != signal["action"] else None
            self._tell(connection, subject, signal["action"], signal_payload(signal, demo=self.demo, corrects=corrects), earlier)

    def anomalies(self, connection: Connection, found: Iterable[Mapping[str, Any]]) -> None:
        """Each anomaly once, in whichever run it is found, and again when it is judged to be of another severity."""
        for anomaly in found:
            subject = f"anomaly/{anomaly['id']}"
            payload = anomaly_payload(anomaly, demo=self.demo)
            self._tell(connection, subject, anomaly["severity"], payload, _newest(outbox.said(connection, subject)))

    def directions(self, connection: Connection, found: Iterable[Mapping[str, Any]]) -> None:
        """What is said of each target session at each decision time; to abstain is said only where it takes something back.

        What is said too late to be of use is not sent.
        """
        for direction in found:
            if not direction.get("timely", True):
                continue
            subject = f"direction/{direction['symbol']}/{direction['target_session']}/{direction['decision_time']}"
            payload = direction_payload(direction, demo=self.demo)
            self._tell(connection, subject, str(direction["signal"]), payload, _newest(outbox.said(connection, subject)))

    def prices(self, connection: Connection, rules: Rules, series: Iterable[Bars]) -> None:
        """The closes of the newest sessions that crossed a limit of a price rule."""
        for bars in series:
            for at in range(max(1, len(bars) - RECENT), len(bars)):
                before, close = float(bars.close[at - 1]), float(bars.close[at])
                for limit, side in crossings(rules, bars.symbol, before, close):
                    session = from_day_number(int(bars.session[at])).isoformat()
                    payload = price_payload(bars.symbol, session, close, limit, side, demo=self.demo)
                    subject = f"price/{bars.symbol}/{session}/{side}/{limit:g}"
                    self._tell(connection, subject, "crossed", payload, _newest(outbox.said(connection, subject)))

    def drawdown(self, connection: Connection, rules: Rules, account: int, day: Mapping[str, Any], top: float) -> None:
        """The limits of drawdown rules that the paper account reaches, once below each of its highest equities.

        day: as `engine.paper.day.day_summary` gives it. top: the highest equity, R$.
        """
        for limit in drawdown_limits(rules, -day["drawdown"]):
            payload = drawdown_payload(str(day["session"]), day["drawdown"], limit, day["equity"], demo=self.demo)
            subject = f"drawdown/{account}/{limit:g}/{top:.2f}"
            self._tell(connection, subject, "reached", payload, _newest(outbox.said(connection, subject)))

    def summary(self, connection: Connection, report: Mapping[str, Any], paper: Mapping[str, Any]) -> None:
        """The summary of the day, and again when the run ends in another state (stale data that came later).

        paper: the detail of the step "paper", empty without it.
        """
        subject = f"summary/{self.run_id}"
        payload = summary_payload(report, paper.get("summary"), paper.get("waiting_for") or ())
        what = f"{report['status']}, waiting" if payload["waiting_for"] else report["status"]
        self._tell(connection, subject, what, payload, _newest(outbox.said(connection, subject)))

    def failure(self, connection: Connection, step: str, error: PregaoError) -> None:
        """The step of the run that failed and why, once for each error."""
        digest = hashlib.sha256(error.message.encode()).hexdigest()[:12]
        subject = f"failure/{self.run_id}/{step}/{digest}"
        payload = failure_payload(self.run_id, step, error, demo=self.demo)
        self._tell(connection, subject, "failed", payload, _newest(outbox.said(connection, subject)))

    def _tell(
        self,
        connection: Connection,
        subject: str,
        what: str,
        payload: Mapping[str, Any],
        earlier: Mapping[str, tuple[int, str]],
    ) -> None:
        count, before = earlier.get(subject, (0, ""))
        if before != what and (before or what not in NOTHING):
            outbox.enqueue(connection, outbox.ANY, payload["kind"], f"{subject}#{count + 1}:{what}", payload, self.now)


def _newest(keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    """How often each subject was spoken of, and what was said last."""
    found: dict[str, tuple[int, str]] = {}
    for key in keys:
        subject, _hash, rest = key.rpartition("#")
        count, _colon, what = rest.partition(":")
        if int(count) > found.get(subject, (0, ""))[0]:
            found[subject] = int(count), what
    return found
