"""A workspace on the evening before its run: a paper account with orders that wait, new files in the inbox, two channels.

`kept` is everything that a run leaves behind, in a form in which a run that was killed and completed equals one left alone.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from engine.domain import SAO_PAULO
from tests.desk_maker import call, daily_csv, sessions, walk
from tests.notifications.webhook_server import Hook, webhook_server

DAYS = sessions(130)
#: Symbols whose moving averages cross in the last week; the account opens, closes and turns positions.
CROSSING = ("AAHH3", "AAKK3", "BBGG3", "CCJJ3", "DDFF3", "EEFF3")
#: Its last bar is like none before it.
SHOCKED = "SSSS3"
INDEX = "IBOV"
TOML = """
[daily]
strategy = "macd_crossover"
[paper]
follow = true
volume_cap = 0.0005
exposure = 5.0
[notifications]
patience_seconds = 0
"""
#: What a run leaves behind; columns that say only when, how long or under which number are left out.
TABLES = {
    "runs": "id, session, status, snapshot",
    "run_steps": "run_id, position, name, status",
    "signals": "run_id, symbol, timeframe, strategy, action, signal",
    "anomalies": "id, symbol, timeframe, time, anomaly",
    "directions": "symbol, target_session, decision_time, session, signal, probability, direction",
    "paper_accounts": "id, session, kill_switch, state",
    "paper_orders": "*",
    "paper_fills": "*",
    "paper_events": "*",
    "outbox": "channel, recipient, kind, dedupe_key, state, json_remove(payload, '$.steps')",
    "bars": "*",
    "bar_revisions": "*",
}


def evening(day: date) -> int:
    """The instant at which the run of a day begins: 20:00 in Sao Paulo, UTC seconds."""
    return int(datetime.combine(day, time(20), SAO_PAULO).timestamp())


NOW = evening(DAYS[-1])


def put_files(home: Path, count: int) -> None:
    """The files of the first `count` sessions in the inbox."""
    inbox = home / "data" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    for symbol in (*CROSSING, SHOCKED):
        bars = walk(symbol, len(DAYS))
        if symbol == SHOCKED:
            bars[-1] *= (1.0, 1.3, 1.0, 1.3, 25.0)
        daily_csv(inbox / f"{symbol}.csv", DAYS[:count], bars[:count])
    days = sessions(560)
    known = len(days) - len(DAYS) + count
    daily_csv(inbox / f"{INDEX}.csv", days[:known], walk(INDEX, len(days))[:known])


def make_desk(home: Path) -> Path:
    """The workspace: the runs of two evenings of the last week are done and nobody was told, the last one is to come."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "pregao.toml").write_text(TOML, encoding="utf-8")
    for before_last in (4, 2):
        put_files(home, len(DAYS) - before_last)
        done = call("--run-daily", "--json", home=home, now=evening(DAYS[-1 - before_last]))
        assert done.code == 0, done.err or done.out
    put_files(home, len(DAYS))
    return home


def make_first_desk(home: Path) -> Path:
    """A workspace in which nothing was ever started: files in its inbox, and that the account is to follow the signals."""
    (home / "config").mkdir(parents=True)
    put_files(home, len(DAYS))
    return home


@dataclass(frozen=True)
class Servers:
    """A Discord webhook and one of the user's own, which write down what they take."""

    discord: Hook
    webhook: Hook

    def set_up(self, home: Path) -> None:
        """Name both in the secrets of a workspace."""
        secrets = home / "config" / ".env"
        lines = (f"DISCORD_WEBHOOK_URL={self.discord.url}", f"WEBHOOK_URL={self.webhook.url}")
        secrets.write_text("".join(f"PREGAO_SECRETS__{line}\n" for line in lines), encoding="utf-8")
        secrets.chmod(0o600)

    def taken(self) -> Counter[int]:
        """How often each message, by its id in the outbox, was taken; what came is forgotten."""
        found = Counter(int(body["embeds"][0]["footer"]["text"].rpartition("#")[2]) for body in self.discord.taken)
        found += Counter(int(body["id"]) for body in self.webhook.taken)
        for hook in (self.discord, self.webhook):
            assert hook.refused == []
            hook.taken.clear()
        return found


@contextmanager
def both_servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack.enter_context(webhook_server()), stack.enter_context(webhook_server(strict=False)))


def rows(home: Path, asked: str) -> list[tuple[Any, ...]]:
    """What a query finds in the database of a workspace."""
    with closing(sqlite3.connect(home / "data" / "pregao.db")) as connection:
        return connection.execute(asked).fetchall()


def has_table(home: Path, name: str) -> bool:
    """Whether the database of a workspace has a table."""
    path = home / "data" / "pregao.db"
    return path.exists() and bool(rows(home, f"SELECT 1 FROM sqlite_master WHERE name = '{name}'"))


def kept(home: Path) -> Mapping[str, Any]:
    """Everything that a run leaves behind, by table, and the files in data/out and data/inbox."""
    assert rows(home, "PRAGMA integrity_check") == [("ok",)]
    assert rows(home, "PRAGMA foreign_key_check") == []
    found: dict[str, Any] = {
        table: sorted(rows(home, f"SELECT {columns} FROM {table}"), key=repr) for table, columns in TABLES.items()
    }
    for place in ("out", "inbox"):
        folder = home / "data" / place
        found[place] = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return found
