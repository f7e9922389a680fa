"""What commands print: tables that fit 80 columns, JSON that machines can read, no terminal control from data."""

import io
import json
import os
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.cli.output import Output, json_line, plain, printable
from t2c.flows.engine.text_table import shorten, show


def test_json_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output("top", as_json=True)
    out.say("for people")
    out.table("images", pa.table({"row": [1], "similarity": [0.5]}))
    out.wrote("/tmp/a.html")
    out.suggest("t2c report photos")
    out.close()
    assert json.loads(capsys.readouterr().out) == {
        "command": "top",
        "images": [{"row": 1, "similarity": 0.5}],
        "wrote": ["/tmp/a.html"],
        "next": "t2c report photos",
    }


def test_a_wide_table_is_shortened_to_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    Output("top", as_json=False).table("images", pa.table({"row": [123456], "image_id": ["x" * 300], "z": [1.23456]}))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "123,456" in lines[1]
    assert "1.235" in lines[1]


def test_names_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in show("\x1b[2Jgone\n")
    assert show(None) == "-"


def test_times_are_shown_to_the_second() -> None:
    assert show(datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)) == "2026-01-02 03:04:05"


def test_shorten_keeps_both_ends() -> None:
    assert shorten("abcdefghij", 5) == "ab\N{HORIZONTAL ELLIPSIS}ij"
    assert shorten("abc", 5) == "abc"


def test_plain_values_survive_json() -> None:
    value = {"when": datetime(2026, 1, 2, tzinfo=UTC), "nan": float("nan"), "rows": (1, 2)}
    assert json.loads(json.dumps(plain(value))) == {"when": "2026-01-02T00:00:00+00:00", "nan": None, "rows": [1, 2]}


def test_json_has_neither_nan_nor_infinity_of_any_kind() -> None:
    values = [float("inf"), float("-inf"), np.float32("nan"), np.float32("inf"), np.float32(0.5), np.int64(3)]
    assert plain(values) == [None, None, None, None, 0.5, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_is_written_in_any_encoding(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    value = {"ids": ["\N{DOG FACE} é", os.fsdecode(b"bad\xff.jpg")]}
    stream.write(json_line(value, to=stream))
    stream.seek(0)
    assert json.loads(stream.read()) == value


def test_messages_keep_their_lines_and_lose_what_a_terminal_obeys() -> None:
    assert (
        printable("a\x1b[2J\n  b\N{RIGHT-TO-LEFT OVERRIDE}")
        == "a\N{REPLACEMENT CHARACTER}[2J\n  b\N{REPLACEMENT CHARACTER}"
    )
    assert printable(os.fsdecode(b"x\xff")) == r"x\udcff"


def test_a_table_of_too_many_columns_is_stacked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = pa.table({f"column_{index}": [0.123456, 7.5] for index in range(20)})
    Output("sql", as_json=False).table("rows", table)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["column_0", "0.1235"]
    assert len(lines) == 2 * 20 + 1


def test_notes_are_lines_of_80_columns_and_a_list_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    notes = ("images of " + "photos-and-other-names " * 6 + "\x1b[31m", "short")
    Output("trust", as_json=False).notes(notes)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("  note: images of photos-and-other-names")
    assert lines[1].startswith("    photos-and-other-names")
    assert lines[-1] == "  note: short"
    assert "\x1b" not in "".join(lines)
    out = Output("trust", as_json=True)
    out.notes(notes)
    assert out.body["notes"] == list(notes)
