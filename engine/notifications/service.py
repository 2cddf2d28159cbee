"""Commands and messages for as long as it is wanted, through every failure of the network: `pregao bot`, and the app's own loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.errors import NetworkError, StoreError
from engine.notifications.bot import CommandBot
from engine.notifications.sender import send_all

if TYPE_CHECKING:
    from engine.desk import Desk

log = logging.getLogger(__name__)

#: Seconds between two looks into the outbox, and before the bot is started again where the server did not answer.
LOOK, AGAIN = 5.0, 15.0


async def serve(
    desk: Desk, stop: asyncio.Event, tell: Callable[[str], None], bot: Callable[[Desk], CommandBot] = CommandBot
) -> None:
    """Take commands and send what is due until `stop`. tell: is told the name of the bot when it is up, and what keeps it from it.

    Raises SettingsError (no token, or an unknown one), StoreError, and PregaoError where another process takes the commands.
    """
    sending = asyncio.create_task(_send(desk, stop))
    taking = asyncio.create_task(_take(desk, stop, tell, bot))
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((sending, taking, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        await asyncio.wait((sending, taking, waiting))
    for task in (taking, sending):
        task.result()


async def _take(desk: Desk, stop: asyncio.Event, tell: Callable[[str], None], make: Callable[[Desk], CommandBot]) -> None:
    while not stop.is_set():
        bot = make(desk)
        try:
            await bot.start()
        except NetworkError as error:
            tell(error.message)
            await _pause(stop, AGAIN)
            continue
        tell(f"@{bot.username}")
        over, stopped = asyncio.create_task(bot.ended()), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((over, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await bot.stop()
            stopped.cancel()
        await over


async def _send(desk: Desk, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await asyncio.to_thread(send_all, desk.workspace, desk.settings, desk.store, desk.now, stop=stop.is_set)
        except StoreError as error:
            log.warning("the outbox could not be sent: %s", error.message)
        await _pause(stop, LOOK)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
