"""What a file was understood to be, as a text to read before importing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from engine.errors import PregaoError
from engine.i18n import _, ngettext

if TYPE_CHECKING:
    from engine.desk import Desk

LIMIT = 4 << 30


def facts_text(path: Path, desk: Desk | None, symbol: str) -> tuple[Text, bool, bool]:
    """(text, whether it can be imported, whether a symbol must be named first). Nothing is written."""
    from engine.ingestion.files import open_files
    from engine.ingestion.importer import look_into
    from engine.ingestion.table import ImportOptions

    markets = desk.settings.ingestion.markets if desk is not None else ("cash",)
    options = ImportOptions(symbol=symbol, markets=markets)
    limit = desk.settings.ingestion.max_file_mb << 20 if desk is not None else LIMIT
    text = Text()
    try:
        files = open_files(path, limit)
        facts = look_into(files[0], options, None if desk is None else desk.calendar)
    except PregaoError as error:
        needs_symbol = not symbol and "--symbol" in error.hint
        text.append(f"✖ {error.message}", style="bold red")
        if error.hint and not needs_symbol:
            text.append(f"\n  {error.hint}")
        return text, False, needs_symbol
    listed = ", ".join(facts.symbols[:5]) + (" ..." if len(facts.symbols) > 5 else "")
    rows = ngettext("{count} row", "{count} rows", facts.rows).format(count=facts.rows)
    parts = [listed, *filter(None, [facts.timeframe]), rows]
    text.append(f"✔ {facts.format}: {' · '.join(parts)}", style="bold")
    if facts.price_base is not None:
        text.append(" · ", style="bold")
        text.append(_("price base {base}").format(base=_(facts.price_base)))
    text.append("\n  " + _("first row  {row}").format(row=facts.first))
    text.append("\n  " + _("last row   {row}").format(row=facts.last))
    if facts.rejected:
        text.append(
            "\n  "
            + ngettext("{count} row is rejected", "{count} rows are rejected", len(facts.rejected)).format(
                count=len(facts.rejected)
            )
        )
    for notice in facts.notices[:3]:
        text.append(f"\n  ! {notice}", style="dim")
    if len(files) > 1:
        text.append("\n  " + _("and {count} more files in this ZIP").format(count=len(files) - 1))
    return text, True, False
