"""`pregao notify` on a real webhook on loopback: test, list, send, resend."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.desk import Desk
from engine.notifications.messages import signal_payload
from engine.store import outbox
from tests.desk_maker import MORNING, at_desk, call
from tests.notifications.outbox_maker import SIGNAL
from tests.notifications.webhook_server import Fault, Hook, webhook_server

KEYS = {"id", "channel", "kind", "state", "attempts", "last_error"}


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Hook]:
    """A Discord webhook that is set up in the empty workspace `tmp_path`."""
    with webhook_server() as server:
        (tmp_path / "config").mkdir()
        secrets = tmp_path / "config" / ".env"
        secrets.write_text(f"PREGAO_SECRETS__DISCORD_WEBHOOK_URL={server.url}\n", encoding="utf-8")
        secrets.chmod(0o600)
        yield server


def put(home: Path, *keys: str, channel: str = "discord") -> None:
    def work(desk: Desk) -> None:
        with desk.store.write() as connection:
            for key in keys:
                outbox.enqueue(connection, channel, "signal", key, signal_payload(SIGNAL), MORNING)

    at_desk(home, work)


def test_without_a_channel_a_test_says_how_to_set_one_up(tmp_path: Path) -> None:
    called = call("notify", "test", "--json", home=tmp_path)
    assert (called.code, called.out, called.error["type"]) == (2, "", "UsageError")
    assert "docs/notifications.md" in called.error["hint"]
    assert call("notify", "list", "--json", home=tmp_path).json == {"messages": [], "demo": False}
    assert "no such message" in call("notify", "list", home=tmp_path).err


def test_a_test_message_arrives_and_is_listed(tmp_path: Path, hook: Hook) -> None:
    called = call("notify", "test", "--json", home=tmp_path)
    assert (called.code, called.err) == (0, "")
    (message,) = called.json["messages"]
    assert set(message) >= KEYS
    assert {key: message[key] for key in KEYS} == {
        "id": 1, "channel": "discord", "kind": "test", "state": "sent", "attempts": 1, "last_error": None
    }  # fmt: skip
    assert (message["remote_id"], message["subject"]) == ("1001", "Test message")
    assert call("notify", "list", "--json", home=tmp_path).json["messages"] == [message]
    assert "Test message" in hook.taken[0]["embeds"][0]["title"]
    shown = call("notify", "list", home=tmp_path)
    assert "discord" in shown.out
    assert "sent" in shown.out


def test_a_test_of_the_demo_says_so(tmp_path: Path, hook: Hook) -> None:
    called = call("notify", "test", "--demo", "--json", home=tmp_path)
    assert (called.code, called.json["demo"]) == (0, True)
    assert "DEMO" in hook.taken[0]["embeds"][0]["title"]


def test_a_test_that_fails_gives_1_and_the_reason_without_the_address(tmp_path: Path, hook: Hook) -> None:
    hook.fault(Fault(404, {"message": "Unknown Webhook"}))
    called = call("notify", "test", "--channel", "discord", "--json", home=tmp_path)
    (message,) = called.json["messages"]
    assert (called.code, message["state"]) == (1, "dead")
    assert message["last_error"] == "127.0.0.1 answered 404: Unknown Webhook"
    assert "s3cr3t" not in called.out + called.err + call("notify", "list", home=tmp_path).out
    assert "s3cr3t" not in (tmp_path / "data" / "logs" / "pregao.log").read_text(encoding="utf-8")


def test_what_waits_is_sent_and_what_is_dead_is_revived_with_its_id(tmp_path: Path, hook: Hook) -> None:
    put(tmp_path, "a", "b", "c")
    hook.fault(Fault(400, {"message": "no"}), Fault(400, {"message": "no"}))
    sent = call("notify", "send", "--json", home=tmp_path)
    assert (sent.code, sent.json["wrong"]) == (1, {})
    counts = sent.json["channels"]["discord"]
    assert (counts["sent"], counts["dead"]) == (1, 2)
    dead = call("notify", "list", "--state", "dead", "--json", home=tmp_path).json["messages"]
    assert [(item["id"], item["attempts"]) for item in dead] == [(2, 1), (1, 1)]
    one = call("notify", "resend", "1", "--json", home=tmp_path)
    assert (one.code, one.json["messages"][0]["state"], one.json["messages"][0]["id"]) == (0, "sent", 1)
    rest = call("notify", "resend", "--dead", "--json", home=tmp_path)
    assert [(item["id"], item["state"]) for item in rest.json["messages"]] == [(2, "sent")]
    assert [body["embeds"][0]["footer"]["text"][-1] for body in hook.taken] == ["3", "1", "2"]
    assert call("notify", "resend", "--dead", "--json", home=tmp_path).json["messages"] == []
    assert "discord: 0 sent" in call("notify", "send", home=tmp_path).out


def test_quiet_hours_hold_back_what_is_sent_by_hand_too_but_not_a_test(tmp_path: Path, hook: Hook) -> None:
    (tmp_path / "config" / "alerts.toml").write_text('[quiet]\nfrom = "07:00"\nto = "09:00"\n', encoding="utf-8")
    put(tmp_path, "a")
    held = call("notify", "send", "--json", home=tmp_path).json["channels"]["discord"]
    assert (held["held"], held["waiting"], hook.taken) == (1, 1, [])
    assert call("notify", "test", home=tmp_path).code == 0
    later = call("notify", "send", "--json", home=tmp_path, now=MORNING + 3600).json["channels"]["discord"]
    assert (later["sent"], later["waiting"]) == (1, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["notify", "list", "--state", "lost"], "lost"),
        (["notify", "list", "--limit", "0"], "--limit"),
        (["notify", "test", "--channel", "pigeon"], "pigeon"),
        (["notify", "send", "--channel", "pigeon"], "pigeon"),
        (["notify", "test", "--channel", "email"], "email"),
        (["notify", "resend"], "--dead"),
        (["notify", "resend", "1", "--dead"], "--dead"),
        (["notify", "resend", "77"], "77"),
        (["notify", "resend", "x"], "x"),
        (["notify"], "notify"),
    ],
)
def test_wrong_usage_is_one_sentence(tmp_path: Path, hook: Hook, words: list[str], said: str) -> None:
    called = call(*words, "--json", home=tmp_path)
    assert (called.code, called.out) == (2, "")
    assert said in called.error["message"] + (called.error["hint"] or "")


def test_wrong_rules_are_refused_by_name(tmp_path: Path, hook: Hook) -> None:
    (tmp_path / "config" / "alerts.toml").write_text("[[rule]]\nkind = 1\n", encoding="utf-8")
    called = call("notify", "send", "--json", home=tmp_path)
    assert (called.code, called.error["type"]) == (2, "SettingsError")
    assert "alerts.toml" in called.error["message"]


def test_the_list_needs_no_network_library(tmp_path: Path) -> None:
    script = "import sys; from tui.cli import main; main(sys.argv[1:]); print(sorted({'httpx', 'telegram', 'pandas', 'sklearn'} & set(sys.modules)))"
    command = [sys.executable, "-c", script, "notify", "list", "--json", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
