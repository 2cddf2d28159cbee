"""The bot against a real server on loopback: who is answered, what, by which process, and through which failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.desk import Desk
from engine.domain import day_number
from engine.errors import NetworkError, PregaoError, SettingsError
from engine.notifications import bot as bot_module
from engine.notifications import service
from engine.notifications.bot import LEASE, CommandBot, poller_of
from engine.notifications.channel import digest
from engine.notifications.pairing import allowed, new_code, recipients
from engine.notifications.service import serve
from engine.store import outbox
from engine.store.telegram import hold_poller, list_chats
from tests.desk_fixtures import _plain, home, made_home
from tests.desk_maker import call
from tests.notifications.telegram_desk import Time, put, telegram_desk
from tests.notifications.telegram_server import TOKEN, Said, TelegramServer, telegram_server

__all__ = ["_plain", "home", "made_home"]
pytestmark = pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")
ANA, EVE, GROUP = 1001, 6666, -5001


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with telegram_server(chats={ANA, EVE, GROUP}) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path, server: TelegramServer, time: Time) -> Iterator[Desk]:
    with telegram_desk(tmp_path / "desk", server, time, telegram_chat_ids=f"[{ANA}]") as made:
        yield made


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_module, "FIRST_PAUSE", 0.05)


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[CommandBot]:
    bot = CommandBot(desk, poll=1)
    await bot.start()
    try:
        yield bot
    finally:
        await bot.stop()


async def comes(server: TelegramServer, until: Callable[[], bool]) -> bool:
    return await asyncio.to_thread(server.wait, until)


async def ask(server: TelegramServer, text: str, chat: int = ANA, user: int | None = None) -> Said:
    """The answer to what somebody writes."""
    before = len(server.answers(chat))
    server.write(text, chat, user)
    assert await comes(server, lambda: len(server.answers(chat)) > before), f"no answer to {text}"
    return server.answers(chat)[-1]


async def silence(server: TelegramServer, text: str, chat: int, user: int | None = None) -> bool:
    """Whether nothing is sent: an allowed chat, which asks afterwards, is answered first."""
    before = len(server.said)
    server.write(text, chat, user)
    await ask(server, "/help")
    return len(server.said) == before + 1


def log_of(desk: Desk) -> str:
    file = desk.workspace.log_file
    return file.read_text("utf-8") if file.exists() else ""


async def test_every_command_answers_before_there_is_anything(desk: Desk, server: TelegramServer) -> None:
    expected = {
        "/start": "Alerts come to this chat",
        "/status": "No daily run yet",
        "/signals": "There is no daily run yet",
        "/positions": "No open position",
        "/daily": "There is no daily run yet",
        "/anomalies": "There is no daily run yet",
        "/direction": "direction of IBOV",
        "/chart PETR4": "There are no bars yet",
        "/chart": "Name one symbol",
        "/chart PETR4 7d": "There is no timeframe 7d",
        "/nonsense": "/signals - ",
        "/stop": "No more alerts",
    }
    async with running(desk):
        for text, words in expected.items():
            assert words in (await ask(server, text)).text


async def test_the_day_is_answered_with_its_figures_and_charts(home: Path, server: TelegramServer, time: Time) -> None:
    ran = [call("--run-daily", "--no-notify", "--json", home=home).json["status"]]
    assert ran == ["done"], ran
    with telegram_desk(home, server, time, telegram_chat_ids=f"[{ANA}]") as desk:
        async with running(desk):
            signals = await ask(server, "/signals")
            assert "MEAA3: BUY" in signals.text or "MEAA3: SELL" in signals.text
            assert "2025-06-30" in signals.text
            assert "Daily run of 2025-06-30" in (await ask(server, "/status")).text
            assert "DAILY SUMMARY" in (await ask(server, "/daily@desk_bot")).text
            assert "Anomalies of 2025-06-30" in (await ask(server, "/anomalies")).text
            chart = await ask(server, "/chart meaa3")
            assert chart.picture is not None
            assert "MEAA3 1d" in chart.text
            assert (await ask(server, "/chart HHHH3 60m")).picture is not None
            assert "Equity: R$" in (await ask(server, "/positions")).text


async def test_the_paper_account_is_answered_with_its_positions_and_its_curve(
    home: Path, server: TelegramServer, time: Time
) -> None:
    from engine.paper.account import PaperAccount
    from engine.paper.tickets import Ticket

    assert call("--run-daily", "--no-notify", "--json", home=home).json["status"] == "done"
    with telegram_desk(home, server, time, telegram_chat_ids=f"[{ANA}]") as desk:
        account = PaperAccount(desk)
        account.reset(day_number(date(2025, 6, 18)))
        account.place(Ticket("MEAA3", 1, 100, stop=1.0))
        assert account.replay_to()["fills"] == 1
        async with running(desk):
            positions = await ask(server, "/positions")
            assert "MEAA3: 100 @" in positions.text
            assert positions.picture is not None
            daily = await ask(server, "/daily")
            assert "P&L: " in daily.text
            assert daily.picture is not None


async def test_strangers_get_silence_and_a_line_in_the_log(desk: Desk, server: TelegramServer) -> None:
    async with running(desk):
        assert await silence(server, "/signals", EVE)
        assert await silence(server, "/start", EVE)
        assert await silence(server, "/status", GROUP, ANA)
    assert f"no answer to user {EVE} in chat {EVE}" in log_of(desk)
    assert f"no answer to user {ANA} in chat {GROUP}" in log_of(desk)
    assert not server.answers(EVE)
    assert not server.answers(GROUP)


async def test_with_empty_lists_nobody_is_answered(tmp_path: Path, server: TelegramServer, time: Time) -> None:
    with telegram_desk(tmp_path, server, time) as desk:
        async with running(desk):
            for chat in (ANA, EVE, GROUP):
                server.write("/start", chat, ANA)
            for _ in range(50):
                if log_of(desk).count("no answer to") == 3:
                    break
                await asyncio.sleep(0.1)
        assert log_of(desk).count("no answer to") == 3
        assert recipients(desk.store, desk.settings) == ()
    assert server.said == []


async def test_in_a_group_the_chat_and_the_user_must_be_allowed(tmp_path: Path, server: TelegramServer, time: Time) -> None:
    named = {"telegram_chat_ids": f"[{ANA}, {GROUP}]", "telegram_user_ids": f"[{ANA}]"}
    with telegram_desk(tmp_path, server, time, **named) as desk:
        async with running(desk):
            assert "Status" in (await ask(server, "/status@desk_bot", GROUP, ANA)).text
            assert await silence(server, "/status", GROUP, EVE)
            assert await silence(server, "/status@another_bot", GROUP, ANA)
            assert await silence(server, "no command", GROUP, ANA)


async def test_a_code_pairs_one_chat_once(desk: Desk, server: TelegramServer) -> None:
    made = new_code(desk.store, desk.now())
    async with running(desk):
        assert await silence(server, "/start WRONGONE", EVE)
        assert await silence(server, f"/status {made.code}", EVE)
        assert "Alerts come to this chat" in (await ask(server, f"/start {made.code.lower()}", EVE)).text
        assert "Status" in (await ask(server, "/status", EVE)).text
        assert await silence(server, f"/start {made.code}", GROUP, ANA)
    assert recipients(desk.store, desk.settings) == (str(ANA), str(EVE))
    assert [(chat.chat_id, chat.user_id) for chat in list_chats(desk.store) if chat.paired_at] == [(EVE, EVE)]


async def test_a_code_pairs_a_group_with_who_sent_it(desk: Desk, server: TelegramServer) -> None:
    made = new_code(desk.store, desk.now())
    async with running(desk):
        await ask(server, f"/start {made.code}", GROUP, EVE)
        assert await silence(server, "/status", GROUP, 7777)
        assert await silence(server, "/status", EVE)
    assert allowed(desk.store, desk.settings).may(GROUP, EVE)


async def test_a_late_code_and_one_after_too_many_wrong_ones_are_void(desk: Desk, server: TelegramServer, time: Time) -> None:
    made = new_code(desk.store, desk.now())
    time.sleep(600)
    async with running(desk):
        assert await silence(server, f"/start {made.code}", EVE)
        made = new_code(desk.store, desk.now())
        for _ in range(10):
            server.write("/start AAAA-AAAA", EVE)
        assert await silence(server, f"/start {made.code}", EVE)
        assert new_code(desk.store, desk.now()).code != made.code


async def test_stop_ends_alerts_and_start_brings_them_back(desk: Desk, server: TelegramServer) -> None:
    put(desk, ANA, {"kind": "paper", "demo": False, "text": "x"}, "a")
    async with running(desk):
        await ask(server, "/stop")
        assert recipients(desk.store, desk.settings) == ()
        assert "off" in (await ask(server, "/status")).text
        (dead,) = outbox.list_messages(desk.store)
        assert (dead.state, dead.last_error) == ("dead", "The chat asked for no alerts")
        await ask(server, "/start")
        assert recipients(desk.store, desk.settings) == (str(ANA),)


async def test_only_one_process_polls_a_token(desk: Desk, time: Time) -> None:
    other = CommandBot(desk, poll=1)
    async with running(desk) as bot:
        assert poller_of(desk).owner == bot.owner
        with pytest.raises(PregaoError, match="Another process takes the commands") as caught:
            await other.start()
        assert "08:01" in caught.value.hint
        assert bot.running
    assert poller_of(desk) is None
    async with running(desk):
        assert poller_of(desk) is not None


async def test_the_right_of_a_killed_process_ends_by_itself(desk: Desk, time: Time) -> None:
    killed = hold_poller(desk.store, digest(TOKEN), "machine:1:dead", desk.now(), LEASE)
    assert killed.owner == "machine:1:dead"
    with pytest.raises(PregaoError):
        await CommandBot(desk).start()
    time.sleep(LEASE)
    async with running(desk) as bot:
        assert poller_of(desk).owner == bot.owner


async def test_a_right_from_before_the_clock_was_set_back_is_void(desk: Desk, time: Time) -> None:
    hold_poller(desk.store, digest(TOKEN), "machine:1:dead", desk.now() + 5000, LEASE)
    async with running(desk) as bot:
        assert poller_of(desk).owner == bot.owner


async def test_a_bot_whose_right_was_taken_over_ends(desk: Desk, server: TelegramServer, time: Time) -> None:
    async with running(desk) as bot:
        time.sleep(LEASE)
        hold_poller(desk.store, digest(TOKEN), "machine:2:other", desk.now(), LEASE)
        with pytest.raises(PregaoError, match="Another process"):
            await asyncio.wait_for(bot.ended(), 5)
    assert poller_of(desk).owner == "machine:2:other"


async def test_another_program_that_polls_the_token_ends_the_bot(
    desk: Desk, server: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot_module, "CONFLICTS", 2)
    with server.lock:
        server.polling = 1
    async with running(desk) as bot:
        with pytest.raises(PregaoError, match="Another program takes the commands"):
            await asyncio.wait_for(bot.ended(), 8)


async def test_a_conflict_that_passes_does_not_end_it(desk: Desk, server: TelegramServer) -> None:
    with server.lock:
        server.polling = 1
    async with running(desk):
        await comes(server, lambda: server.requests.count("getUpdates") >= 1)
        with server.lock:
            server.polling = 0
        assert "Status" in (await ask(server, "/status")).text


async def test_it_lives_through_a_server_that_fails(desk: Desk, server: TelegramServer) -> None:
    """Cut polls, and answers that are refused, cut or slowed down before they get through."""
    async with running(desk):
        await ask(server, "/status")
        server.faults = ["cut", "500"]
        assert "Status" in (await ask(server, "/status")).text
        assert server.happened == ["cut", "500"]
        server.poll_faults = ["cut", "502", "garbage", "429"]
        assert "Status" in (await ask(server, "/status")).text
        assert await comes(server, lambda: server.poll_faults == [])


async def test_nothing_is_left_in_the_loop(desk: Desk, server: TelegramServer) -> None:
    async with running(desk):
        await ask(server, "/status")
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert left == set()


async def test_what_was_answered_is_not_asked_again_after_a_restart(desk: Desk, server: TelegramServer) -> None:
    async with running(desk):
        await ask(server, "/status")
    assert server.confirmed == 1
    async with running(desk):
        await ask(server, "/signals")
    assert len(server.answers(ANA)) == 2


async def test_it_does_not_start_without_token_or_server(tmp_path: Path, server: TelegramServer, time: Time) -> None:
    with (
        telegram_desk(tmp_path / "a", server, time, token="") as desk,
        pytest.raises(SettingsError, match="no Telegram bot token"),
    ):
        await CommandBot(desk).start()
    with telegram_desk(tmp_path / "b", server, time, token="1234:" + "x" * 35) as desk:
        with pytest.raises(SettingsError, match="does not know this bot token") as caught:
            await CommandBot(desk).start()
        assert "x" * 35 not in f"{caught.value} {caught.value.hint} {log_of(desk)}"
        assert poller_of(desk) is None
    with telegram_server() as gone:
        url = gone.url
    with telegram_desk(tmp_path / "c", server, time, telegram_api=url) as desk:
        with pytest.raises(NetworkError):
            await CommandBot(desk).start()
        assert poller_of(desk) is None


async def test_a_token_that_is_revoked_ends_it(desk: Desk, server: TelegramServer) -> None:
    async with running(desk) as bot:
        await comes(server, lambda: "getUpdates" in server.requests)
        server.token = "1:" + "y" * 35
        with pytest.raises(SettingsError, match="does not know this bot token"):
            await asyncio.wait_for(bot.ended(), 5)


async def test_the_service_sends_and_answers_until_it_is_stopped(
    desk: Desk, server: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LOOK", 0.1)
    stop, told = asyncio.Event(), []
    task = asyncio.create_task(serve(desk, stop, told.append, lambda asked: CommandBot(asked, poll=1)))
    assert "Status" in (await ask(server, "/status")).text
    put(desk, ANA, {"kind": "paper", "demo": False, "title": "fill", "text": "100 MEAA3"}, "f")
    assert await comes(server, lambda: any("100 MEAA3" in one.text for one in server.said))
    stop.set()
    await asyncio.wait_for(task, 5)
    assert told == ["@desk_bot"]
    assert poller_of(desk) is None
    assert [message.state for message in outbox.list_messages(desk.store)] == ["sent"]


async def test_the_service_waits_for_the_network(
    tmp_path: Path, server: TelegramServer, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "AGAIN", 0.1)
    stop, told = asyncio.Event(), []
    server.down = 2
    with telegram_desk(tmp_path, server, time, telegram_chat_ids=f"[{ANA}]") as desk:
        task = asyncio.create_task(serve(desk, stop, told.append, lambda asked: CommandBot(asked, poll=1)))
        await ask(server, "/status")
        stop.set()
        await asyncio.wait_for(task, 5)
    assert len(told) == 3
    assert told[-1] == "@desk_bot"


async def test_the_service_ends_with_the_error_of_the_bot(tmp_path: Path, server: TelegramServer, time: Time) -> None:
    with telegram_desk(tmp_path, server, time, token="") as desk, pytest.raises(SettingsError):
        await asyncio.wait_for(serve(desk, asyncio.Event(), print), 5)


async def test_it_runs_inside_an_app(desk: Desk, server: TelegramServer) -> None:
    """Started when the app is mounted, stopped when it ends."""
    from textual.app import App

    class Desktop(App[None]):
        async def on_mount(self) -> None:
            self.bot = CommandBot(desk, poll=1)
            await self.bot.start()

        async def on_unmount(self) -> None:
            await self.bot.stop()

    app: Any = Desktop()
    async with app.run_test():
        assert "Status" in (await ask(server, "/status")).text
    assert not app.bot.running
    assert poller_of(desk) is None
