"""The Telegram bot inside the app, against a real server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.notifications.pairing import recipients
from tests.notifications.telegram_server import TOKEN, TelegramServer, telegram_server
from tests.tui.desk_host import app_of, at_desk, said, screen_text, until
from tui.screens.dialogs import Reader

pytestmark = pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")
ANA = 1001


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TelegramServer]:
    with telegram_server(chats={ANA}) as made:
        monkeypatch.setenv("PREGAO_SECRETS__TELEGRAM_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("PREGAO_NOTIFICATIONS__TELEGRAM_API", made.url)
        yield made


async def test_a_chat_is_paired_and_answered_while_the_app_works(real_home: Path, server: TelegramServer) -> None:
    async with at_desk(real_home) as pilot:
        app = app_of(pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, Reader) and "/start " in screen_text(pilot))
        code = screen_text(pilot).split("/start ")[1].split()[0]
        await pilot.press("q")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "Telegram bot: @desk_bot" in said(pilot))
        server.write(f"/start {code}", ANA)
        await until(pilot, lambda: bool(server.answers(ANA)))
        assert "Alerts come to this chat" in server.answers(ANA)[0].text
        assert app.desk is not None
        assert recipients(app.desk.store, app.desk.settings) == (str(ANA),)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "The Telegram bot is off." in said(pilot))
        polls = server.requests.count("getUpdates")
        server.write("/status", ANA)
        await asyncio.sleep(0.2)
        assert (len(server.answers(ANA)), server.requests.count("getUpdates")) == (1, polls)


async def test_leaving_the_app_stops_the_bot(real_home: Path, server: TelegramServer) -> None:
    for _again in range(2):
        async with at_desk(real_home) as pilot:
            await pilot.press("ctrl+g")
            await until(pilot, lambda: "Telegram bot: @desk_bot" in said(pilot))
        assert {task.get_name() for task in asyncio.all_tasks()} & {"telegram-bot"} == set()
