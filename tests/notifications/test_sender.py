"""Delivery: addressed by the rules, in order, paced, tried again, dead at last, one process per channel; nothing lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter, deque
from datetime import time
from itertools import pairwise
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError, UsageError
from engine.notifications.channel import Refused, Retry
from engine.notifications.messages import anomaly_payload, signal_payload
from engine.notifications.rules import Quiet, Rule, Rules
from engine.notifications.sender import (
    FIRST_RETRY,
    LONGEST_RETRY,
    Clock,
    address,
    deliver,
    open_channels,
    retry_pause,
    send_all,
    send_test,
)
from engine.store import outbox
from engine.store.database import Store
from engine.store.file_lock import file_lock
from engine.workspace import Workspace
from tests.notifications.outbox_maker import ANOMALY, NOW, SIGNAL, Fine, Memory, Moved, made_settings, put
from tests.notifications.webhook_server import Fault, webhook_server

SETTINGS = made_settings()
#: Sends what waits for a Discord webhook, and says what it did.
SEND = """
import json, sys, time
from pathlib import Path
from engine.notifications.sender import Clock, deliver, open_channels
from engine.settings_model import Secrets, Settings
from engine.store.database import open_store
store = open_store(Path(sys.argv[1]))
settings = Settings(secrets=Secrets(discord_webhook_url=sys.argv[2]))
channels, wrong = open_channels(settings, store)
channels[0].pace = 0.0
done = deliver(store, settings, Clock(lambda: int(time.time())), channels)
print(json.dumps(done["discord"].as_dict()))
"""


def states(store: Store) -> list[str]:
    return [message.state for message in outbox.list_messages(store)][::-1]


def test_what_is_due_is_sent_in_order_and_marked(store: Store) -> None:
    put(store, "a", "b", "c")
    channel = Memory()
    done = deliver(store, SETTINGS, Moved().clock, [channel])["discord"]
    assert channel.taken == [("", "1"), ("", "2"), ("", "3")]
    assert (done.sent, done.dead, done.again, done.repeated, done.waiting) == (3, 0, 0, 0, 0)
    assert [(item.state, item.remote_id, item.sent_at) for item in outbox.list_messages(store)] == [
        ("sent", f"r{number}", NOW) for number in (3, 2, 1)
    ]
    assert deliver(store, SETTINGS, Moved().clock, [channel])["discord"].sent == 0


def test_messages_to_one_recipient_are_paced_and_to_others_are_not(store: Store) -> None:
    for key in "abc":
        for chat in ("1", "2"):
            put(store, key, channel="telegram", recipient=chat)
    moved = Moved()
    channel = Memory("telegram", pace=1.0, chats=("1", "2"), clock=moved)
    deliver(store, SETTINGS, moved.clock, [channel])
    assert [recipient for recipient, _id in channel.taken] == ["1", "2"] * 3
    assert moved.at - NOW == pytest.approx(2.0)
    for chat in ("1", "2"):
        times = [at for at, (recipient, _id) in zip(channel.at, channel.taken, strict=True) if recipient == chat]
        assert [later - earlier for earlier, later in pairwise(times)] == [1.0, 1.0]


def test_a_channel_may_ask_for_a_longer_pause(store: Store) -> None:
    put(store, "a", "b")
    moved = Moved()
    deliver(store, SETTINGS, moved.clock, [Memory(pace=0.5, pause=3.0)])
    assert moved.at - NOW == pytest.approx(3.0)


def test_a_failed_message_waits_holds_back_the_next_and_is_sent_first(store: Store) -> None:
    put(store, "a", "b")
    channel, moved = Memory(faults=deque([Retry("down")])), Moved()
    done = deliver(store, SETTINGS, moved.clock, [channel])["discord"]
    assert (channel.taken, done.again, done.waiting) == ([], 1, 2)
    first = outbox.read_message(store, 1)
    assert (first.state, first.attempts, first.last_error) == ("waiting", 1, "down")
    assert NOW + FIRST_RETRY / 2 <= first.next_at <= NOW + FIRST_RETRY + 1
    moved.at = first.next_at
    assert deliver(store, SETTINGS, moved.clock, [channel])["discord"].sent == 2
    assert channel.taken == [("", "1"), ("", "2")]
    assert (outbox.read_message(store, 1).attempts, outbox.read_message(store, 1).last_error) == (2, "")


def test_patience_waits_for_the_next_attempt(store: Store) -> None:
    put(store, "a")
    moved = Moved()
    channel = Memory(faults=deque([Retry("down"), Retry("down")]))
    assert deliver(store, SETTINGS, moved.clock, [channel], patience=60)["discord"].sent == 1
    assert 7.5 <= moved.at - NOW <= 17
    put(store, "b")
    channel.faults.extend([Retry("later", after=61.0)])
    before = moved.at
    assert deliver(store, SETTINGS, moved.clock, [channel], patience=60)["discord"].waiting == 1
    assert moved.at == before


def test_what_the_other_side_asks_for_is_waited_for(store: Store) -> None:
    put(store, "a")
    deliver(store, SETTINGS, Moved().clock, [Memory(faults=deque([Retry("slow down", after=12.3)]))])
    assert outbox.read_message(store, 1).next_at == NOW + 13


@given(st.integers(1, 10**6), st.integers(1, 100))
def test_the_pause_grows_with_jitter_up_to_the_longest(message: int, attempts: int) -> None:
    pause = retry_pause(message, attempts, None)
    whole = min(FIRST_RETRY * 2.0 ** min(attempts - 1, 20), LONGEST_RETRY)
    assert whole / 2 <= pause <= whole
    assert pause == retry_pause(message, attempts, None)
    assert retry_pause(message, attempts, 7.0) == 7.0


def test_messages_that_failed_together_do_not_come_back_together() -> None:
    assert len({round(retry_pause(message, 5, None), 3) for message in range(100)}) > 90


def test_after_so_many_attempts_a_message_is_dead_and_the_next_one_goes_out(store: Store) -> None:
    put(store, "a", "b")
    channel = Memory(faults=deque([Retry("down")] * 3))
    done = deliver(store, made_settings(attempts=3), Moved().clock, [channel], patience=600)["discord"]
    assert (channel.taken, done.dead, done.again, done.sent) == ([("", "2")], 1, 2, 1)
    assert (outbox.read_message(store, 1).state, outbox.read_message(store, 1).attempts) == ("dead", 3)
    outbox.resend(store, 1, NOW)
    assert deliver(store, SETTINGS, Moved().clock, [channel])["discord"].sent == 1
    assert channel.taken[-1] == ("", "1")


def test_a_refused_message_is_dead_at_once_and_the_channel_goes_on(store: Store) -> None:
    put(store, "a", "b")
    done = deliver(store, SETTINGS, Moved().clock, [Memory(faults=deque([Refused("400: too long")]))])["discord"]
    assert (done.sent, done.dead, done.disabled) == (1, 1, {})
    assert states(store) == ["dead", "sent"]


def test_a_recipient_that_is_gone_is_disabled_until_its_address_changes(store: Store) -> None:
    for chat in ("1", "2"):
        put(store, "a", "b", channel="telegram", recipient=chat)
    channel = Memory("telegram", chats=("1", "2"), faults=deque([Refused("gone", channel_dead=True)]))
    done = deliver(store, SETTINGS, Moved().clock, [channel])["telegram"]
    assert (done.dead, done.sent, done.disabled) == (2, 2, {"1": "gone"})
    put(store, "c", channel="telegram", recipient="1")
    assert deliver(store, SETTINGS, Moved().clock, [channel])["telegram"].dead == 1
    assert {item.last_error for item in outbox.list_messages(store, "dead")} == {"gone"}
    put(store, "d", channel="telegram", recipient="1")
    assert deliver(store, SETTINGS, Moved().clock, [Memory("telegram", address="there")])["telegram"].sent == 1


def test_quiet_hours_hold_messages_back_and_nothing_is_lost(store: Store) -> None:
    put(store, "a", payload=signal_payload(SIGNAL))
    put(store, "b", payload=anomaly_payload(ANOMALY))
    put(store, "c", payload=signal_payload(SIGNAL))
    quiet = Rules(quiet=Quiet(time(15), time(17), (), "high"))
    channel, moved = Memory(), Moved()
    done = deliver(store, SETTINGS, moved.clock, [channel], rules=quiet)["discord"]
    assert (channel.taken, done.held, done.waiting) == ([("", "2")], 2, 2)
    assert [item.attempts for item in outbox.list_messages(store, "waiting")] == [0, 0]
    moved.at += 3600
    assert deliver(store, SETTINGS, moved.clock, [channel], rules=quiet)["discord"].sent == 2
    assert channel.taken == [("", "2"), ("", "1"), ("", "3")]


def test_stop_ends_a_delivery_between_two_messages_and_during_a_pause(store: Store) -> None:
    put(store, "a", "b", "c")
    channel, moved = Memory(pace=100.0), Moved()
    deliver(store, SETTINGS, moved.clock, [channel], lambda: len(channel.taken) == 1)
    assert len(channel.taken) == 1
    assert moved.slept == []
    deliver(store, SETTINGS, moved.clock, [channel], lambda: len(moved.slept) >= 3)
    assert states(store) == ["sent", "sent", "waiting"]


def test_messages_without_a_channel_are_addressed_by_the_rules(store: Store) -> None:
    put(store, "a", channel=outbox.ANY, payload=signal_payload(SIGNAL))
    put(store, "b", channel=outbox.ANY, payload=anomaly_payload(ANOMALY))
    known = Rules((Rule(kinds=("signal",), channels=("telegram", "discord", "email")),))
    channels = [Memory("telegram", chats=("1", "2")), Memory("discord")]
    address(store, known, channels, {})
    found = [(item.channel, item.recipient, item.dedupe_key, item.created_at) for item in outbox.list_messages(store)][::-1]
    assert found == [("telegram", "1", "a", NOW), ("telegram", "2", "a", NOW), ("discord", "", "a", NOW)]
    put(store, "a", channel=outbox.ANY, payload=signal_payload(SIGNAL))
    address(store, known, channels, {})
    assert len(outbox.list_messages(store)) == 3


def test_what_is_meant_for_a_channel_that_is_set_up_wrongly_waits(store: Store) -> None:
    put(store, "a", channel=outbox.ANY, payload=signal_payload(SIGNAL))
    address(store, Rules(), [], {"discord": "no address", "telegram": "no token"})
    assert [(item.channel, item.state) for item in outbox.list_messages(store)] == [("discord", "waiting")]


def test_only_one_process_sends_on_a_channel(store: Store) -> None:
    put(store, "a")
    put(store, "a", channel="email")
    with file_lock(store.path.with_name("pregao-discord.lock")) as taken:
        assert taken
        done = deliver(store, SETTINGS, Moved().clock, [Memory(), Memory("email")])
        assert (done["discord"].busy, done["discord"].sent, done["email"].sent) == (True, 0, 1)
        moved = Moved()
        assert deliver(store, SETTINGS, moved.clock, [Memory()], patience=3)["discord"].busy
        assert 2 <= moved.at - NOW <= 3
    assert deliver(store, SETTINGS, Moved().clock, [Memory()])["discord"].sent == 1


def test_a_defect_of_a_channel_loses_nothing(store: Store) -> None:
    put(store, "a")
    with pytest.raises(ZeroDivisionError):
        deliver(store, SETTINGS, Moved().clock, [Memory(faults=deque([ZeroDivisionError()]))])
    assert states(store) == ["sending"]
    done = deliver(store, SETTINGS, Moved().clock, [Memory()])["discord"]
    assert (done.sent, done.repeated) == (1, 1)


def test_no_secret_is_kept_with_an_error(store: Store) -> None:
    put(store, "a")
    settings = made_settings(secrets={"webhook_secret": "hush-hush"})
    said = "https://discord.com/api/webhooks/1/tok3n answered hush-hush"
    deliver(store, settings, Moved().clock, [Memory(faults=deque([Retry(said)]))])
    assert outbox.read_message(store, 1).last_error == "https://discord.com/api/webhooks/*** answered ***"


@hypothesis.settings(deadline=None, max_examples=10)
@given(st.lists(st.sampled_from(["fine", "retry", "asked"]), max_size=60), st.integers(1, 12), st.integers(1, 3))
def test_with_any_faults_every_message_is_taken_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, faults: list[str], count: int, chats: int
) -> None:
    import shutil

    path = tmp_path_factory.mktemp("any") / "pregao.db"
    shutil.copy2(empty_database, path)
    store = Store(path)
    try:
        for key in range(count):
            for chat in range(chats):
                put(store, f"k{key}", channel="telegram", recipient=str(chat))
        made = {"fine": Fine(), "retry": Retry("down"), "asked": Retry("slow", after=3.2)}
        channel = Memory("telegram", pace=1.0, faults=deque(made[name] for name in faults))
        done = deliver(store, made_settings(attempts=1000), Moved().clock, [channel], patience=10**9)["telegram"]
        assert (done.sent, done.dead, done.waiting) == (count * chats, 0, 0)
        for chat in range(chats):
            got = [int(reference) for recipient, reference in channel.taken if recipient == str(chat)]
            assert got == sorted(set(got))
            assert len(got) == count
    finally:
        store.close()


def test_the_channels_that_are_set_up_are_opened_and_a_wrong_one_is_named(store: Store) -> None:
    assert open_channels(made_settings(), store) == ([], {})
    settings = made_settings(
        secrets={"discord_webhook_url": "https://example.org/hook", "webhook_url": "https://example.org/hook"}
    )
    channels, wrong = open_channels(settings, store)
    assert [channel.name for channel in channels] == ["webhook"]
    assert list(wrong) == ["discord"]
    assert "example.org" in wrong["discord"]
    for channel in channels:
        channel.close()


def test_a_delivery_reads_the_rules_and_sends_by_what_is_set_up(store: Store, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.config.mkdir()
    workspace.alerts_file.write_text('[[rule]]\nkinds = ["anomaly"]\n', encoding="utf-8")
    put(store, "a", channel=outbox.ANY, payload=signal_payload(SIGNAL))
    put(store, "b", channel=outbox.ANY, payload=anomaly_payload(ANOMALY))
    with webhook_server() as hook:
        settings = made_settings(secrets={"discord_webhook_url": hook.url})
        done = send_all(workspace, settings, store, lambda: NOW)
        assert done["channels"]["discord"]["sent"] == 1
        assert [body["embeds"][0]["title"] for body in hook.taken] == ["🔴 Anomaly detected"]
    assert outbox.list_messages(store)[0].remote_id == "1001"


def test_a_test_message_goes_before_what_waits_and_to_a_disabled_channel_too(store: Store) -> None:
    put(store, "a")
    outbox.claim(store, 1)
    outbox.mark_failed(store, 1, "down", NOW + 3600)
    with webhook_server() as hook:
        settings = made_settings(secrets={"discord_webhook_url": hook.url})
        (channel,), _wrong = open_channels(settings, store)
        outbox.disable(store, "discord", "", channel.address, "gone", NOW)
        channel.close()
        (message,) = send_test(settings, store, lambda: NOW, demo=True)
        assert (message.state, message.id, message.remote_id) == ("sent", 2, "1001")
        assert "DEMO" in hook.taken[0]["embeds"][0]["title"]
        assert outbox.disabled(store, "discord", channel.address) == {}
        hook.fault(Fault(500))
        (failed,) = send_test(settings, store, lambda: NOW)
        assert (failed.state, failed.last_error) == ("waiting", "127.0.0.1 answered 500")
        with pytest.raises(UsageError, match="telegram"):
            send_test(settings, store, lambda: NOW, only=("telegram",))


def test_a_test_without_a_channel_or_with_a_wrong_one_says_so(store: Store) -> None:
    with pytest.raises(UsageError, match="No channel is set up"):
        send_test(made_settings(), store, lambda: NOW)
    with pytest.raises(SettingsError, match="WEBHOOK_URL"):
        send_test(made_settings(secrets={"webhook_url": "ftp://x"}), store, lambda: NOW)


def killed_deliveries(store: Store, messages: int, kills: int, seed: int) -> None:
    """Deliver in processes that are killed at random answers of the server: before it or just after it has taken the message."""
    chance = random.Random(seed)
    put(store, *(f"k{number}" for number in range(messages)))
    done = 0
    with webhook_server() as hook:
        command = [sys.executable, "-c", SEND, str(store.path), hook.url]
        for _kill in range(kills):
            after = chance.randint(1, max(1, messages // kills - 1))
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
            taken = len(hook.taken)

            def strike(process: subprocess.Popen[bytes] = process, goal: int = taken + after) -> None:
                if len(hook.taken) == goal:
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait()

            hook.on_taken = strike
            process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL
            done += 1
        hook.on_taken = None
        last = subprocess.run(command, capture_output=True, timeout=60, check=True)
        assert b'"repeated": 1' in last.stdout
        numbers = Counter(body["embeds"][0]["footer"]["text"] for body in hook.taken)
    assert set(numbers) == {f"Pregão #{number}" for number in range(1, messages + 1)}
    assert sum(count - 1 for count in numbers.values()) == done == kills
    assert set(states(store)) == {"sent"}


@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX does")
def test_a_kill_between_the_answer_and_the_commit_repeats_that_message_with_its_id(store: Store) -> None:
    killed_deliveries(store, messages=8, kills=2, seed=1)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX does")
def test_many_kills_between_the_answer_and_the_commit(store: Store) -> None:
    killed_deliveries(store, messages=150, kills=30, seed=2)


def test_an_answer_that_is_cut_off_repeats_the_message_with_its_id(store: Store) -> None:
    put(store, "a", "b")
    with webhook_server() as hook:
        hook.fault(Fault(cut=True))
        settings = made_settings(secrets={"discord_webhook_url": hook.url})
        channels, _wrong = open_channels(settings, store)
        done = deliver(store, settings, Moved().clock, channels, patience=60)["discord"]
        channels[0].close()
        footers = [body["embeds"][0]["footer"]["text"] for body in hook.taken]
    assert (done.sent, done.again) == (2, 1)
    assert footers == ["Pregão #1", "Pregão #1", "Pregão #2"]


def test_two_processes_that_send_at_once_send_each_message_once(store: Store) -> None:
    put(store, *(f"k{number}" for number in range(20)))
    with webhook_server() as hook:
        command = [sys.executable, "-c", SEND, str(store.path), hook.url]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _number in range(2)]
        for process in both:
            process.communicate(timeout=60)
            assert process.returncode == 0
        numbers = Counter(body["embeds"][0]["footer"]["text"] for body in hook.taken)
    assert numbers == {f"Pregão #{number}": 1 for number in range(1, 21)}


def test_a_long_queue_goes_out_in_order(store: Store) -> None:
    put(store, *(f"k{number}" for number in range(250)))
    channel = Memory()
    deliver(store, SETTINGS, Clock(lambda: NOW, Moved().elapsed, Moved().sleep), [channel])
    assert [int(reference) for _recipient, reference in channel.taken] == list(range(1, 251))
