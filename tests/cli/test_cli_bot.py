"""`pregao bot`: pairing, who may speak with it, and a real process that answers and ends on SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.notifications.pairing import pair
from tests.desk_maker import at_desk, call
from tests.notifications.telegram_server import TOKEN, telegram_server

ROOT = Path(__file__).parents[2]
ANA = 1001


def paired(home: Path) -> None:
    code = call("bot", "--pair", "--json", home=home).json["code"]
    assert at_desk(home, lambda desk: pair(desk.store, code, chat_id=ANA, user_id=ANA, title="Ana & Co", now=desk.now()))


def test_a_code_is_shown_as_what_is_to_be_sent(home: Path) -> None:
    shown = call("bot", "--pair", home=home)
    assert shown.code == 0
    assert shown.out.startswith("/start ")
    assert "before 08:10" in shown.err
    made = call("bot", "--pair", "--json", home=home).json
    assert set(made) == {"code", "expires_at", "demo"}
    assert made["expires_at"] == "2025-07-01T08:10:00-03:00"


def test_chats_are_listed_and_taken_out(home: Path) -> None:
    assert "Nobody may speak" in call("bot", "--list", home=home).err
    paired(home)
    assert "Ana & Co" in call("bot", "--list", home=home).out
    (chat,) = call("bot", "--list", "--json", home=home).json["chats"]
    assert (chat["chat_id"], chat["paused"]) == (ANA, False)
    assert call("bot", "--remove", str(ANA), home=home).code == 0
    assert call("bot", "--list", "--json", home=home).json["chats"] == []
    gone = call("bot", "--remove", str(ANA), "--json", home=home)
    assert (gone.code, gone.error["message"]) == (2, "Chat 1001 is not paired")


def test_wrong_usage_is_one_sentence(home: Path) -> None:
    assert call("bot", "--json", home=home).code == 2
    assert call("bot", "--pair", "--list", home=home).code == 2
    without = call("bot", home=home)
    assert without.code == 2
    assert "no Telegram bot token" in without.err


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_the_process_answers_sends_and_ends_when_it_is_told_to(home: Path) -> None:
    paired(home)
    with telegram_server(chats={ANA}) as server:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREGAO_")}
        environment |= {
            "PREGAO_SECRETS__TELEGRAM_BOT_TOKEN": TOKEN,
            "PREGAO_NOTIFICATIONS__TELEGRAM_API": server.url,
            "LANG": "C",
        }
        command = [sys.executable, "-m", "tui.cli", "bot", "--home", str(home)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            server.write("/status", ANA)
            assert server.wait(lambda: bool(server.said), 30)
            again = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
        assert (process.returncode, out, err) == (0, "", "@desk_bot\n")
        assert "Status" in server.said[0].text
        assert again.returncode == 1
        assert "Another process takes the commands of this bot" in again.stderr
    log = (home / "data" / "logs" / "pregao.log").read_text("utf-8")
    assert "takes commands" in log
    assert TOKEN.partition(":")[2] not in log + out + err + again.stderr + json.dumps(server.requests)
