"""What a command prints: tables a person can read at 80 columns, or one JSON object for machines."""

import json
import math
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import date, datetime
from typing import Any, TextIO

import click
import pyarrow as pa

from t2c.flows.engine.text_table import print_columns, show


def plain(value: Any) -> Any:
    """Return value as something json can write: Arrow tables as lists of rows, dataclasses as objects."""
    if isinstance(value, pa.Table | pa.RecordBatch):
        return [plain(row) for row in value.to_pylist()]
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):  # JSON has neither NaN nor infinity
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def encodable(text: str) -> str:
    """Return text with what UTF-8 cannot hold (a byte of a file name that is no UTF-8) written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def json_line(value: Mapping[str, Any], *, to: TextIO) -> str:
    """Return value as JSON without a line break; a stream that is not UTF-8 gets ASCII alone."""
    ascii_only = (to.encoding or "ascii").lower() not in ("utf-8", "utf8")
    return encodable(json.dumps(value, ensure_ascii=ascii_only, allow_nan=False))


def printable(text: str) -> str:
    """Return text, line breaks kept, without other control characters that a terminal would obey."""
    return "\n".join(show(line) for line in encodable(text).split("\n"))


def compact_json(value: Any) -> str:
    """Return a value of a spec on one line: text as it is, anything else as JSON."""
    return show(value) if isinstance(value, str) else show(json.dumps(plain(value), ensure_ascii=False, default=str))


@dataclass(slots=True)
class Output:
    """Collects what a command has to say and prints it at once (JSON) or as it comes (text)."""

    command: str
    """The command's name, repeated in the JSON."""
    as_json: bool
    """True prints one JSON object on standard output and nothing else there."""
    body: dict[str, Any] = field(default_factory=dict)
    """What the JSON will hold."""

    def say(self, line: str) -> None:
        """Print a line for people; machines do not see it."""
        if not self.as_json:
            click.echo(line)

    def sentence(self, text: str, *, indent: str = "  ") -> None:
        """Print a sentence for people in lines of 80 columns, those after the first indented further."""
        lines = textwrap.wrap(
            show(text), 80, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
        )
        for line in lines:
            self.say(line)

    def notes(self, notes: Sequence[str], *, indent: str = "  ") -> None:
        """Say what a reader of the answer must know, a note a line; machines get them as a list."""
        self.put("notes", notes)
        for note in notes:
            self.sentence(f"note: {note}", indent=indent)

    def put(self, name: str, value: Any) -> None:
        """Add a value for machines; people do not see it."""
        self.body[name] = plain(value)

    def facts(self, name: str, values: Mapping[str, Any]) -> None:
        """Show a few named values, one a line."""
        self.put(name, values)
        width = max((len(key) for key in values), default=0)
        for key, value in values.items():
            self.say(f"  {key:<{width}}  {show(value)}")

    def table(self, name: str, table: pa.Table, *, columns: Sequence[str] | None = None, title: str = "") -> None:
        """Show a table: all of its columns to machines, the named ones to people."""
        self.put(name, table)
        if self.as_json:
            return
        if title:
            self.say(title)
        chosen = list(columns or table.column_names)
        cells = [[show(value) for value in table[name].to_pylist()] for name in chosen]
        numeric = [
            pa.types.is_floating(table.schema.field(name).type) or pa.types.is_integer(table.schema.field(name).type)
            for name in chosen
        ]
        print_columns(chosen, cells, numeric, say=self.say)

    def wrote(self, *paths: str) -> None:
        """Say what was written."""
        self.body.setdefault("wrote", []).extend(paths)
        for path in paths:
            self.say(f"wrote {path}")

    def suggest(self, command: str) -> None:
        """Suggest the next command."""
        self.body["next"] = command
        self.say(f"next  {command}")

    def close(self) -> None:
        """Print the JSON object, when that is what was asked for."""
        if self.as_json:
            sys.stdout.write(json_line({"command": self.command, **self.body}, to=sys.stdout) + "\n")
