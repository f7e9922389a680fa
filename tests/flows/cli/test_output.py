"""What commands print: tables that fit 80 columns, JSON that machines can read, no terminal control from data."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from flows.cli.output import Output, plain, shorten, show


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


def test_shorten_keeps_both_ends() -> None:
    assert shorten("abcdefghij", 5) == "ab\N{HORIZONTAL ELLIPSIS}ij"
    assert shorten("abc", 5) == "abc"


def test_plain_values_survive_json() -> None:
    value = {"when": datetime(2026, 1, 2, tzinfo=UTC), "nan": float("nan"), "rows": (1, 2)}
    assert json.loads(json.dumps(plain(value))) == {"when": "2026-01-02T00:00:00+00:00", "nan": None, "rows": [1, 2]}
