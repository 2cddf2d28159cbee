"""Files of corporate events: what is understood of them, in both languages and three forms, and what is not taken."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import day_number
from engine.errors import FileError, PregaoError, RefusedFileError
from engine.ingestion import events
from engine.ingestion.events import EventFile
from engine.ingestion.files import SourceFile
from engine.ingestion.table import ImportOptions
from engine.market.adjust import CorporateEvent
from engine.market.calendar import Calendar

#: Weekdays of 2024 and 2025 but for 2024-05-30, a holiday.
CALENDAR = Calendar(
    np.array([day for day in range(19_723, 20_454) if (day + 3) % 7 < 5 and day != 19_873], dtype=np.int64), 19_723, 20_453
)


def source(tmp_path: Path, content: str | bytes, name: str = "events.csv") -> SourceFile:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return SourceFile(path, name, path.stat().st_size)


def parse(tmp_path: Path, content: str | bytes, name: str = "events.csv", symbol: str = "") -> EventFile:
    return events.parse(source(tmp_path, content, name), ImportOptions(symbol=symbol), CALENDAR)


def on(text: str) -> int:
    return day_number(date.fromisoformat(text))


PLAIN = """symbol,kind,ex_date,factor,amount,pay_date,source
PETR4,dividend,2024-04-26,,0.55,2024-05-20,RI
PETR4,dividend,2024-04-26,,0.55,2024-06-20,RI
PETR4,jcp,2024-04-26,,1.25,,RI
MGLU3,reverse_split,2024-05-27,0.1,,,
VALE3,split,2024-08-01,4,,,
GGBR4,bonus,2024-04-18,1.2,,,
"""


def test_a_plain_table_gives_its_events(tmp_path: Path) -> None:
    parsed = parse(tmp_path, PLAIN)
    ex = on("2024-04-26")
    assert parsed.events == (
        CorporateEvent("PETR4", "dividend", ex, None, 0.55, on("2024-05-20"), "RI"),
        CorporateEvent("PETR4", "dividend", ex, None, 0.55, on("2024-06-20"), "RI"),
        CorporateEvent("PETR4", "jcp", ex, None, 1.25, None, "RI"),
        CorporateEvent("MGLU3", "reverse_split", on("2024-05-27"), 0.1),
        CorporateEvent("VALE3", "split", on("2024-08-01"), 4.0),
        CorporateEvent("GGBR4", "bonus", on("2024-04-18"), 1.2),
    )
    assert parsed.symbols == ("PETR4", "MGLU3", "VALE3", "GGBR4")
    assert (parsed.rows, parsed.rejected, parsed.notices) == (6, (), ())


def test_a_portuguese_table_in_latin_letters_with_the_last_date_and_decimal_commas(tmp_path: Path) -> None:
    content = (
        "Ativo;Tipo;Data com;Valor;Fator;Pagamento\n"
        "petr4;Dividendo;02/05/2024;R$ 0,55;;20/05/2024\n"
        "PETR4;JCP;29/05/2024;1.25;;-\n"
        "MGLU3;Grupamento;24/05/2024;;0,1;\n"
        "VALE3;Desdobramento;01/08/2024;;4;\n"
        "GGBR4;Bonificação;17/04/2024;;1,2;\n"
        "KNRI11;Rendimento;30/04/2024;0,95;;15/05/2024\n"
    )
    parsed = parse(tmp_path, content.encode("cp1252"))
    assert parsed.rejected == ()
    assert [(event.symbol, event.kind, event.factor, event.amount) for event in parsed.events] == [
        ("PETR4", "dividend", None, 0.55),
        ("PETR4", "jcp", None, 1.25),
        ("MGLU3", "reverse_split", 0.1, None),
        ("VALE3", "split", 4.0, None),
        ("GGBR4", "bonus", 1.2, None),
        ("KNRI11", "dividend", None, 0.95),
    ]
    ex = [event.ex_session for event in parsed.events]
    assert ex == [on("2024-05-03"), on("2024-05-31"), on("2024-05-27"), on("2024-08-02"), on("2024-04-18"), on("2024-05-01")]
    assert parsed.events[0].pay_session == on("2024-05-20")


def test_the_last_date_before_the_calendar_leads_to_the_next_weekday(tmp_path: Path) -> None:
    parsed = parse(tmp_path, "ativo,tipo,data com,valor\nPETR4,dividendo,1990-03-16,1\n")
    assert parsed.events[0].ex_session == on("1990-03-19")


def test_an_ex_date_is_taken_before_the_last_date(tmp_path: Path) -> None:
    content = "symbol,kind,ex date,data com,amount\nPETR4,dividend,2024-05-06,2024-05-02,1\nPETR4,dividend,,2024-06-06,1\n"
    assert [event.ex_session for event in parse(tmp_path, content).events] == [on("2024-05-06"), on("2024-06-07")]


@pytest.mark.parametrize("wrapped", [False, True])
def test_json_is_a_list_or_what_the_command_prints(tmp_path: Path, wrapped: bool) -> None:
    items = [
        {"kind": "jcp", "ex_session": "2024-04-26", "factor": None, "amount": 1e-2, "pay_session": None, "source": "RI"},
        {"kind": "split", "ex_session": "2024-08-01", "factor": 4, "amount": None, "pay_session": None, "source": ""},
    ]
    content = {"symbol": "PETR4", "events": items} if wrapped else [{"symbol": "PETR4", **item} for item in items]
    file = source(tmp_path, json.dumps(content), "any.name")
    assert events.recognises(file)
    parsed = events.parse(file, ImportOptions(), CALENDAR)
    assert parsed.events == (
        CorporateEvent("PETR4", "jcp", on("2024-04-26"), None, 0.01, None, "RI"),
        CorporateEvent("PETR4", "split", on("2024-08-01"), 4.0),
    )


def test_parquet_keeps_its_dates_and_numbers(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "ticker": ["PETR4", "VALE3"],
            "kind": ["dividend", "split"],
            "ex_date": pa.array([date(2024, 4, 26), date(2024, 8, 1)]),
            "pay_date": pa.array([date(2024, 5, 20), None], pa.date32()),
            "amount": [0.55, None],
            "factor": [None, 4],
        }
    )
    pq.write_table(table, tmp_path / "table")
    file = SourceFile(tmp_path / "table", "table", (tmp_path / "table").stat().st_size)
    assert events.recognises(file)
    assert events.parse(file, ImportOptions()).events == (
        CorporateEvent("PETR4", "dividend", on("2024-04-26"), None, 0.55, on("2024-05-20")),
        CorporateEvent("VALE3", "split", on("2024-08-01"), 4.0),
    )


def test_a_file_without_symbols_is_that_of_the_option_or_of_its_name(tmp_path: Path) -> None:
    content = "kind,ex_date,amount\ndividend,2024-04-26,1\n"
    assert parse(tmp_path, content, symbol="VALE3").symbols == ("VALE3",)
    named = parse(tmp_path, content, "dividends_petr4.csv")
    assert (named.symbols, len(named.notices)) == (("PETR4",), 1)
    with pytest.raises(FileError, match="which symbol"):
        parse(tmp_path, content)
    with pytest.raises(FileError, match="not only VALE3"):
        parse(tmp_path, PLAIN, symbol="VALE3")


BAD = [
    ("PETR4,merger,2024-04-26,,1,", "'merger' is not a kind"),
    ("PETR4,dividend,2024-04-31,,1,", "ex_date is not readable: '2024-04-31'"),
    ("PETR4,dividend,,,1,", "no ex date"),
    ("PETR4,dividend,2024-04-26,,,", "no amount"),
    ("PETR4,dividend,2024-04-26,,0,", "more than 0"),
    ("PETR4,dividend,2024-04-26,,-1,", "more than 0"),
    ("PETR4,dividend,2024-04-26,,abc,", "amount is not readable: 'abc'"),
    ("PETR4,dividend,2024-04-26,,1e400,", "amount"),
    ("PETR4,dividend,2024-04-26,,1,2024-04-25", "before the ex date"),
    ("PETR4,dividend,2024-04-26,,1,soon", "pay_date is not readable"),
    ("PETR4,split,2024-04-26,,4,", "no factor"),
    ("PETR4,split,2024-04-26,0.25,,", "of a split"),
    ("PETR4,split,2024-04-26,1,,", "of a split"),
    ("PETR4,split,2024-04-26,4:1,,", "factor is not readable"),
    ("PETR4,reverse_split,2024-04-26,10,,", "of a reverse_split"),
    ("PETR4,bonus,2024-04-26,0.1,,", "of a bonus"),
    ("PETR4,bonus,2024-04-26,10,,", "of a bonus"),
    ("P,dividend,2024-04-26,,1,", "symbol is not readable: 'P'"),
    ("PETR4,dividend,2024-04-26", "columns instead of 6"),
]


@pytest.mark.parametrize(("row", "reason"), BAD)
def test_a_bad_row_is_rejected_with_its_line_and_the_reason(tmp_path: Path, row: str, reason: str) -> None:
    content = f"symbol,kind,ex_date,factor,amount,pay_date\n{row}\nVALE3,jcp,2024-05-02,,1,\n"
    parsed = parse(tmp_path, content)
    assert [item.line for item in parsed.rejected] == [2]
    assert reason in parsed.rejected[0].reason
    assert ([event.symbol for event in parsed.events], parsed.rows) == (["VALE3"], 2)


def test_a_file_without_one_good_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match="no event") as caught:
        parse(tmp_path, "symbol,kind,ex_date,amount\nPETR4,merger,2024-04-26,1\n")
    assert "line 2" in caught.value.hint


def test_subscriptions_and_repeated_rows_are_said_and_left_out(tmp_path: Path) -> None:
    content = PLAIN + "PETR4,subscription,2024-04-26,1,,,\nPETR4,jcp,2024-04-26,,1.25,,B3\nVALE3,split,2024-08-01,2,,,\n"
    parsed = parse(tmp_path, content)
    assert parsed.events == parse(tmp_path, PLAIN).events
    assert parsed.notices == ("1 subscription was ignored.", "1 row repeats another one and was taken once.")
    assert [(item.line, item.reason) for item in parsed.rejected] == [(10, "line 6 gives another factor for the same event")]


def test_dates_that_prove_no_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="day/month or as month/day") as caught:
        parse(tmp_path, "symbol,kind,ex_date,amount\nPETR4,dividend,02/03/2024,1\n")
    assert "--mapping" not in caught.value.hint
    proven = "symbol,kind,ex_date,amount\nPETR4,dividend,02/03/2024,1\nPETR4,dividend,02/29/2024,1\n"
    assert parse(tmp_path, proven).events[0].ex_session == on("2024-02-03")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("symbol,ex_date,amount\nPETR4,2024-04-26,1\n", "no column for kind"),
        ("symbol,kind,amount\nPETR4,dividend,1\n", "no column for ex_date / last_date"),
        ("symbol,kind,ex_date\nPETR4,dividend,2024-04-26\n", "no column for factor / amount"),
        ("symbol,kind,tipo,ex_date,amount\nPETR4,jcp,jcp,2024-04-26,1\n", "could all be the kind"),
        ("", "is empty"),
        ("[1, 2", "not valid JSON"),
        ('{"a": 1}', "no list of events"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_file_that_cannot_be_understood_says_why(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(PregaoError, match=message) as caught:
        parse(tmp_path, content)
    assert "\n" not in caught.value.message


def test_prices_are_not_taken_for_events(tmp_path: Path) -> None:
    for content in (
        "date,symbol,open,high,low,close,volume\n2024-01-02,PETR4,1,1,1,1,1\n",
        "Ativo;Data;Hora;Abertura;Máximo;Mínimo;Fechamento;Volume;Quantidade\n",
        "symbol,type,date,close\nPETR4,cash,2024-01-02,1\n",
        "00COTAHIST.2024BOVESPA 20240102",
    ):
        assert not events.recognises(source(tmp_path, content))
    assert events.recognises(source(tmp_path, PLAIN))


money = st.floats(1e-6, 1e5).map(lambda value: float(f"{value:.8g}"))
days = st.integers(19_800, 20_300)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda kind, ex, amount, late: CorporateEvent("PETR4", kind, ex, None, amount, None if late is None else ex + late),
                st.sampled_from(["dividend", "jcp"]), days, money, st.none() | st.integers(0, 90),
            ),
            st.builds(lambda ex, factor: CorporateEvent("VALE3", "split", ex, factor), days, st.sampled_from([2.0, 3.0, 1.5])),
        ),
        min_size=1, max_size=20, unique_by=lambda event: (event.kind, event.ex_session, event.pay_session),
    ),
    st.booleans(),
)  # fmt: skip
def test_what_is_written_in_either_language_is_read_alike(
    tmp_path_factory: pytest.TempPathFactory, made: list[CorporateEvent], portuguese: bool
) -> None:
    words = {"dividend": "Dividendo", "jcp": "JCP", "split": "Desdobramento"}
    lines = ["Ativo;Provento;Data ex;Fator;Valor;Pagamento" if portuguese else "symbol;kind;ex_date;factor;amount;pay_date"]
    for event in made:
        numbers = ["" if value is None else repr(value) for value in (event.factor, event.amount)]
        moments = [
            "" if day is None else f"{date.fromordinal(719_163 + day):{'%d/%m/%Y' if portuguese else '%Y-%m-%d'}}"
            for day in (event.ex_session, event.pay_session)
        ]
        kind = words[event.kind] if portuguese else event.kind
        numbers = [text.replace(".", ",") if portuguese and "e" not in text else text for text in numbers]
        lines.append(";".join([event.symbol, kind, moments[0], *numbers, moments[1]]))
    parsed = parse(tmp_path_factory.mktemp("made"), "\n".join(lines))
    assert parsed.events == tuple(made)
    assert not parsed.rejected
