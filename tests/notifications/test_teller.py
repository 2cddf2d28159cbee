"""What a run tells: each thing once, again only when late data make it another, at each limit that is crossed."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain import Bars
from engine.notifications.day import Teller
from engine.notifications.rules import Rule, Rules
from engine.store import outbox
from engine.store.database import Store
from tests.notifications.outbox_maker import ANOMALY, NOW, SIGNAL

RUN = "2025-06-30-close"


def test_late_data_correct_and_withdraw_what_was_said(store: Store) -> None:
    def tell(*signals: tuple[str, str], run: str = RUN) -> list[str]:
        with store.write() as connection:
            before = len(outbox.said(connection, ""))
            found = [{**SIGNAL, "symbol": symbol, "action": action} for symbol, action in signals]
            Teller(run, NOW).signals(connection, found)
            return [key.rpartition("/")[2] for key in outbox.said(connection, "")[before:]]

    assert tell(("PETR4", "BUY"), ("VALE3", "HOLD")) == ["rsi_divergence#1:BUY"]
    assert tell(("PETR4", "BUY"), ("VALE3", "HOLD")) == []
    assert tell(("PETR4", "HOLD")) == ["rsi_divergence#2:HOLD"]
    assert tell(("PETR4", "HOLD")) == []
    assert tell(("PETR4", "SELL")) == ["rsi_divergence#3:SELL"]
    assert tell(("PETR4", "BUY")) == ["rsi_divergence#4:BUY"]
    assert tell(("PETR4", "BUY"), run="2025-07-01-close") == ["rsi_divergence#1:BUY"]
    corrects = [message.payload["corrects"] for message in outbox.list_messages(store)][::-1]
    assert corrects == [None, "BUY", None, "SELL", None]


def test_an_anomaly_is_told_once_in_whichever_run_and_again_when_it_is_judged_otherwise(store: Store) -> None:
    with store.write() as connection:
        for run, severity in ((RUN, "medium"), (RUN, "medium"), ("2025-07-01-close", "medium"), (RUN, "high")):
            Teller(run, NOW).anomalies(connection, [{**ANOMALY, "severity": severity}])
        assert outbox.said(connection, "anomaly/") == [f"anomaly/{ANOMALY['id']}#1:medium", f"anomaly/{ANOMALY['id']}#2:high"]


def test_a_direction_is_told_once_and_to_abstain_only_takes_back(store: Store) -> None:
    base: dict[str, Any] = {"symbol": "IBOV", "session": "2025-06-30", "target_session": "2025-07-01", "decision_time": "close"}
    with store.write() as connection:
        for signal in (None, 1, 1, None, None):
            Teller(RUN, NOW).directions(connection, [{**base, "signal": signal, "gate": None, "reasons": []}])
        assert [key[-6:] for key in outbox.said(connection, "direction/")] == ["se#1:1", "2:None"]


def bars(closes: list[float]) -> Bars:
    """Daily bars with these closes; the newest session of each is the same number of days after the first."""
    close, days = np.array(closes), np.arange(len(closes)) + 20_269
    nothing, no = np.full(len(closes), np.nan), np.zeros(len(closes), dtype=bool)
    return Bars("PETR4", "1d", days * 86_400 + 46_800, days, close, close, close, close, nothing, nothing, no, no)


def test_a_close_that_crossed_a_limit_is_told_once_also_after_a_day_without_a_run(store: Store) -> None:
    rules = Rules((Rule(kinds=("price",), symbols=("PETR4",), price_above=40.0),))
    with store.write() as connection:
        for closes in ([39.0, 39.5], [39.0, 39.5, 41.0, 42.0], [39.0, 39.5, 41.0, 42.0, 43.0]):
            Teller(RUN, NOW).prices(connection, rules, [bars(closes)])
        assert len(outbox.said(connection, "price/PETR4/")) == 1


def test_a_drawdown_is_told_once_below_each_highest_equity(store: Store) -> None:
    rules = Rules((Rule(kinds=("drawdown",), drawdown=0.1), Rule(kinds=("drawdown",), drawdown=0.2)))
    with store.write() as connection:
        teller = Teller(RUN, NOW)
        for drawdown, top in ((-0.05, 100.0), (-0.1, 100.0), (-0.15, 100.0), (-0.25, 100.0), (-0.12, 120.0)):
            day = {"session": "2025-06-30", "drawdown": drawdown, "equity": top * (1 + drawdown)}
            teller.drawdown(connection, rules, 1, day, top)
        assert outbox.said(connection, "drawdown/") == [
            "drawdown/1/0.1/100.00#1:reached",
            "drawdown/1/0.2/100.00#1:reached",
            "drawdown/1/0.1/120.00#1:reached",
        ]
