"""A written analysis as Markdown or HTML: headings, paragraphs, lists, tables and plots, with every text from outside escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from engine.feed import write_text

STYLE = (
    "body{font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2933;line-height:1.5}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #cbd2d9;padding:.25rem .6rem;text-align:left}"
    "th{background:#f5f7fa}svg{max-width:100%;height:auto}figcaption{font-style:italic}code{background:#f5f7fa}"
)


MARKS = {"h2": "## ", "h3": "### ", "p": ""}
CODE = re.compile(r"(`[^`<>|]+`)")
#: What Markdown would read anywhere in a line: `<` only where a tag may begin, `_` only at the edge of a word.
SPECIAL = re.compile(r"[\\`*\[\]]|<(?=[A-Za-z/!?])|~(?=~)|(?<![^\W_])_|_(?![^\W_])")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts: each row as long as the heads."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot: SVG text and what it shows."""

    title: str
    svg: str


@dataclass
class Document:
    """Parts in their order: ("h2" | "h3" | "p", text), lists of texts, tables, plots. What stands between backticks in a text is code."""

    title: str
    parts: list[tuple[str, str] | list[str] | Table | Plot] = field(default_factory=list)

    def heading(self, text: str) -> None:
        self.parts.append(("h2", text))

    def subheading(self, text: str) -> None:
        self.parts.append(("h3", text))

    def text(self, text: str) -> None:
        self.parts.append(("p", text))

    def points(self, texts: Sequence[str]) -> None:
        self.parts.append(list(texts))

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.parts.append(Table(tuple(heads), tuple(tuple(row) for row in rows)))

    def plot(self, title: str, svg: str) -> None:
        self.parts.append(Plot(title, svg))


def to_html(document: Document) -> str:
    """One HTML page that needs nothing else."""
    drawn = []
    for part in document.parts:
        if isinstance(part, Table):
            heads = "".join(f"<th>{_html(head)}</th>" for head in part.heads)
            rows = "".join("<tr>" + "".join(f"<td>{_html(cell)}</td>" for cell in row) + "</tr>" for row in part.rows)
            drawn.append(f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
        elif isinstance(part, Plot):
            drawn.append(f"<figure>{part.svg}<figcaption>{escape(part.title)}</figcaption></figure>")
        elif isinstance(part, list):
            drawn.append("<ul>" + "".join(f"<li>{_html(text)}</li>" for text in part) + "</ul>")
        else:
            drawn.append(f"<{part[0]}>{_html(part[1])}</{part[0]}>")
    title = escape(document.title)
    return (
        f'<!doctype html>\n<html><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>\n<body>'
        f"<h1>{title}</h1>\n" + "\n".join(drawn) + "\n</body></html>\n"
    )


def to_markdown(document: Document, folder: str) -> tuple[str, dict[str, str]]:
    """The text and, by file name, the plots that it shows from `folder`."""
    drawn, plots = [f"# {plain(document.title)}"], dict[str, str]()
    for part in document.parts:
        if isinstance(part, Table):
            lines = [_row(part.heads), _row(["---"] * len(part.heads), escaped=False), *(_row(row) for row in part.rows)]
            drawn.append("\n".join(lines))
        elif isinstance(part, Plot):
            name = f"{len(plots) + 1}.svg"
            plots[name] = part.svg + "\n"
            drawn.append(f"![{plain(part.title)}]({folder}/{name})\n\n*{plain(part.title)}*")
        elif isinstance(part, list):
            drawn.append("\n".join(f"- {_line(text)}" for text in part))
        else:
            drawn.append(MARKS[part[0]] + plain(part[1]) if MARKS[part[0]] else _line(part[1]))
    return "\n\n".join(drawn) + "\n", plots


def write(document: Document, path: Path) -> None:
    """Write the document: HTML for .html and .htm, else Markdown with its plots in a folder beside it. Raises FileError."""
    if path.suffix.lower() in (".html", ".htm"):
        write_text(path, to_html(document))
        return
    folder = f"{re.sub('[^A-Za-z0-9_-]', '-', path.stem)}-plots"
    text, plots = to_markdown(document, folder)
    for name, svg in plots.items():
        write_text(path.parent / folder / name, svg)
    write_text(path, text)


def plain(text: str) -> str:
    """A text on one line in which Markdown sees nothing but text and, between backticks, code; escaped is only what would be read."""
    parts = CODE.split(" ".join(text.split()))
    return "".join(part if at % 2 else SPECIAL.sub(r"\\\g<0>", part) for at, part in enumerate(parts))


def _line(text: str) -> str:
    """The same at the beginning of a line, where Markdown would take it for a list, a quotation or a heading."""
    return re.sub(r"^(?=[-+] |>|#{1,6} )|(?<=^\d)(?=[.)] )", r"\\", plain(text))


def _row(cells: Sequence[str], *, escaped: bool = True) -> str:
    return "| " + " | ".join(plain(cell).replace("|", r"\|") if escaped else cell for cell in cells) + " |"


def _html(text: str) -> str:
    """A text for HTML: escaped, with what stands between backticks as code."""
    return "".join(f"<code>{escape(part[1:-1])}</code>" if at % 2 else escape(part) for at, part in enumerate(CODE.split(text)))
