"""What a daily run says: in the transaction of what it reports, once, corrected by late data, sent by the rules, nothing in a replay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from engine.daily import plan_run, run_daily
from engine.desk import Desk
from engine.notifications.day import Teller
from engine.notifications.delivery import send_waiting, tell_rest
from engine.store import outbox
from engine.store.ledger import list_runs
from tests.desk_maker import MORNING, at_desk, call
from tests.notifications.webhook_server import Fault, Hook, webhook_server

RUN = "2025-06-30-close"


@pytest.fixture
def hook(home: Path) -> Iterator[Hook]:
    """A Discord webhook that is set up in the workspace."""
    with webhook_server() as server:
        (home / "config").mkdir(exist_ok=True)
        secrets = home / "config" / ".env"
        secrets.write_text(f"PREGAO_SECRETS__DISCORD_WEBHOOK_URL={server.url}\n", encoding="utf-8")
        secrets.chmod(0o600)
        yield server


def said(desk: Desk) -> list[str]:
    with desk.store.read() as connection:
        return outbox.said(connection, "")


def listed(home: Path) -> list[outbox.Message]:
    return at_desk(home, lambda desk: outbox.list_messages(desk.store))[::-1]


def titles(hook: Hook) -> Counter[str]:
    return Counter(body["embeds"][0]["title"].split(" ", 1)[1] for body in hook.taken)


def test_a_run_sends_its_signals_and_summary_once(home: Path, hook: Hook) -> None:
    first = call("--run-daily", "--json", home=home)
    assert (first.code, first.err) == (0, "")
    detail = first.json["steps"][-1]["detail"]
    assert first.json["steps"][-1]["name"] == "notifications"
    assert (detail["channels"]["discord"]["sent"], detail["wrong"]) == (3, {})
    assert titles(hook) == {"New trading signal": 2, "Daily summary": 1}
    assert [message.state for message in listed(home)] == ["sent"] * 3
    second = call("--run-daily", "--json", home=home)
    assert second.json["steps"][-1]["detail"]["channels"]["discord"]["sent"] == 0
    assert len(hook.taken) == 3


def test_messages_are_written_in_the_transaction_of_their_step(home: Path) -> None:
    """The run breaks before the anomalies: what they say waits, though nothing else of the run exists."""

    def broken(desk: Desk) -> list[str]:
        with patch("engine.daily.signal_steps.scan", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
            run_daily(plan_run(desk, notify=True))
        assert [step["name"] for step in list_runs(desk.store)[0]["steps"]][-2:] == ["signals", "directions"]
        return said(desk)

    assert at_desk(home, broken) == [
        f"signal/{RUN}/MEAA3/1d/trend_following#1:BUY",
        f"signal/{RUN}/NHAA3/1d/trend_following#1:SELL",
    ]


def test_a_step_that_is_not_recorded_says_nothing(home: Path) -> None:
    def broken(desk: Desk) -> list[str]:
        with patch.object(Teller, "signals", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
            run_daily(plan_run(desk, notify=True))
        assert "signals" not in [step["name"] for step in list_runs(desk.store)[0]["steps"]]
        return said(desk)

    assert at_desk(home, broken) == []


def test_without_notify_nothing_is_said_and_the_next_run_makes_up_for_it(home: Path, hook: Hook) -> None:
    silent = call("--run-daily", "--no-notify", "--json", home=home)
    assert silent.json["steps"][-1]["detail"] == {"channels": {}, "wrong": {}}
    assert (hook.taken, listed(home)) == ([], [])
    call("--run-daily", home=home)
    assert titles(hook) == {"New trading signal": 2, "Daily summary": 1}


def test_a_replay_says_nothing(home: Path, hook: Hook) -> None:
    assert call("--run-daily", "--as-of", "2025-06-30", "--json", home=home).code == 0
    assert (hook.taken, at_desk(home, said)) == ([], [])


def test_without_a_channel_nothing_waits_and_a_channel_that_comes_later_is_not_flooded(home: Path) -> None:
    shown = call("--run-daily", home=home)
    assert "no channel is set up" in shown.out
    assert listed(home) == []
    with webhook_server() as server, patch.dict("os.environ", {"PREGAO_SECRETS__DISCORD_WEBHOOK_URL": server.url}):
        assert call("--run-daily", home=home).code == 0
        assert server.taken == []


def test_a_server_that_is_down_makes_the_run_partial_and_the_next_call_sends_what_waits(home: Path, hook: Hook) -> None:
    (home / "config" / "pregao.toml").write_text("[notifications]\npatience_seconds = 0\n", encoding="utf-8")
    hook.fault(Fault(503))
    first = call("--run-daily", "--json", home=home)
    assert (first.code, first.json["status"]) == (1, "partial")
    assert first.json["steps"][-1]["detail"]["channels"]["discord"]["failing"] == 1
    assert [message.state for message in listed(home)] == ["waiting"] * 3
    later = call("--run-daily", "--json", home=home, now=MORNING + 60)
    assert later.code == 0
    assert titles(hook) == {"New trading signal": 2, "Daily summary": 1}


def test_a_channel_that_is_set_up_wrongly_or_wrong_rules_lose_nothing(home: Path) -> None:
    with patch.dict("os.environ", {"PREGAO_SECRETS__DISCORD_WEBHOOK_URL": "https://evil.example/x"}):
        called = call("--run-daily", "--json", home=home)
    assert called.code == 1
    assert "evil.example" in called.json["steps"][-1]["detail"]["wrong"]["discord"]
    assert [message.state for message in listed(home)] == ["waiting"] * 3
    (home / "config" / "alerts.toml").write_text("[[rule]]\nkind = 1\n", encoding="utf-8")
    called = call("--run-daily", "--json", home=home)
    assert (called.code, list(called.json["steps"][-1]["detail"]["wrong"])) == (1, ["alerts.toml"])


def test_rules_choose_what_is_sent(home: Path, hook: Hook) -> None:
    (home / "config" / "alerts.toml").write_text(
        '[[rule]]\nactions = ["SELL"]\n[[rule]]\nkinds = ["price"]\nsymbols = ["MEAA3"]\nprice_above = 0.01\n', encoding="utf-8"
    )
    call("--run-daily", home=home)
    assert [body["embeds"][0]["fields"][0]["value"] for body in hook.taken] == ["NHAA3"]


def test_the_summary_has_the_day_of_the_paper_account(home: Path, hook: Hook) -> None:
    (home / "config" / "alerts.toml").write_text(
        '[[rule]]\nkinds = ["drawdown"]\ndrawdown = 0.1\n[[rule]]\nkinds = ["summary"]\n'
    )
    day = {
        "session": "2025-06-30",
        "pnl": -500.0,
        "return": -0.005,
        "trades": 2,
        "win_rate": 0.5,
        "equity": 88_000.0,
        "drawdown": -0.12,
        "top": 100_000.0,
    }
    report = {"run_id": RUN, "session": "2025-06-30", "status": "done", "signals": [], "anomalies": [], "directions": []}

    def send(desk: Desk) -> Any:
        assert tell_rest(desk, Teller(RUN, MORNING), report, [], {"account": 1, "summary": day}, whole_day=True) == {}
        return send_waiting(desk, 0.0)

    assert at_desk(home, send)[0] == "done"
    assert titles(hook) == {"Daily summary": 1, "Drawdown alert": 1}
    assert "R$88,000.00" in json.dumps(hook.taken)
