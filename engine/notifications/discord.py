"""Discord: one embed for each message to a webhook. https://discord.com/developers/docs/resources/webhook#execute-webhook"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import SettingsError
from engine.i18n import _
from engine.notifications.channel import Delivered, Retry, digest
from engine.notifications.forms import discord
from engine.notifications.http import LOOPBACK, Answer, checked_url, open_client, post

if TYPE_CHECKING:
    import httpx

    from engine.settings_model import Settings
    from engine.store.database import Store

SETTING = "PREGAO_SECRETS__DISCORD_WEBHOOK_URL"
HOSTS = frozenset({"discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com"})
PATH = re.compile(r"/api(/v\d+)?/webhooks/\d+/[\w-]+/?", re.ASCII)
#: About 5 messages in 2 seconds are taken from one webhook.
PACE = 0.5
LONGEST_RESET = 60.0


class DiscordChannel:
    """One webhook. It confirms each message with the id that it gave it (`wait=true`), and nobody is ever mentioned."""

    name = "discord"
    pace = PACE

    def __init__(self, url: httpx.URL, timeout: float) -> None:
        self.address = digest(str(url))
        self._url = url.copy_merge_params({"wait": "true"})
        self._client = open_client(url, timeout)

    def recipients(self, store: Store) -> tuple[str, ...]:  # noqa: ARG002
        return ("",)

    def send(self, payload: Mapping[str, Any], *, recipient: str, reference: str, written_at: int) -> Delivered:  # noqa: ARG002
        """Send one embed. Raises Retry and Refused; 401, 403, 404 and 410 mean that the webhook was taken away."""
        body = {"embeds": [discord(payload, reference)], "allowed_mentions": {"parse": []}}
        answer = post(self._client, self._url, json.dumps(body).encode(), {})
        number = answer.json().get("id")
        if not number:
            raise Retry(_("{host} gave an answer that is not Discord's").format(host=self._url.host))
        return Delivered(str(number), _until_reset(answer))

    def close(self) -> None:
        self._client.close()


def open_channel(settings: Settings, store: Store) -> DiscordChannel | None:  # noqa: ARG001
    """The webhook in the secrets, None without one. Raises SettingsError for an address that is none of a Discord webhook."""
    text = settings.secrets.discord_webhook_url.get_secret_value()
    if not text:
        return None
    url = checked_url(text, SETTING, HOSTS)
    if url.host not in LOOPBACK and not PATH.fullmatch(url.path):
        raise SettingsError(
            _("{setting} is not the address of a Discord webhook").format(setting=SETTING),
            _("Copy it from Discord: channel settings, Integrations, Webhooks."),
        )
    return DiscordChannel(url, settings.notifications.timeout_seconds)


def _until_reset(answer: Answer) -> float:
    """Seconds to wait when the answer says that no further message would be taken before."""
    if answer.headers.get("x-ratelimit-remaining") != "0":
        return 0.0
    try:
        seconds = float(answer.headers.get("x-ratelimit-reset-after", "0"))
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), LONGEST_RESET) if math.isfinite(seconds) else 0.0
