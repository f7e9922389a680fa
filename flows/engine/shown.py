"""Reports that show themselves: text in a terminal, a table with pictures in a notebook, Arrow and pandas on request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import Any, ClassVar

import pyarrow as pa

from t2c.flows.engine.small_pictures import data_uri
from t2c.flows.engine.text_table import print_columns, show, terminal_width
from t2c.schemas.digest import SHORT
from t2c.schemas.errors import MissingExtra, expected
from t2c.schemas.extras import pip_install

ROWS = 12
"""Rows of a table that are shown; `to_arrow()` has them all."""
PICTURES = 12
"""Pictures that a notebook shows, at most: each is read when it is shown."""
EDGE = 96
"""Longest side of a picture in a notebook, pixels."""


class Shown:
    """A verb's report: one of its tables is the answer, the rest are facts about it."""

    __slots__ = ()
    ANSWER: ClassVar[str] = ""
    """Name of the field that holds the answer's table; empty takes the first that has images, else the first."""
    COLUMNS: ClassVar[tuple[str, ...]] = ()
    """Columns of it that are shown; empty takes as many as fit."""

    def to_arrow(self) -> pa.Table:
        """Return the answer's table; its columns are documented with the table schemas."""
        tables = {name: value for name, value in _values(self) if isinstance(value, pa.Table)}
        if self.ANSWER:
            return tables[self.ANSWER]
        with_images = [table for table in tables.values() if "uri" in table.column_names]
        return [*with_images, *tables.values(), pa.Table.from_pylist([dict(_facts(self))])][0]

    def to_pandas(self) -> Any:
        """Return the answer's table as a pandas data frame; raises MissingExtra without pandas."""
        try:
            return self.to_arrow().to_pandas()
        except ModuleNotFoundError as error:
            todo = f"Type: {pip_install('pandas')}"
            raise MissingExtra(expected("to_pandas", "the pandas package", "none", todo)) from error

    def __str__(self) -> str:
        """Facts a line, then the first rows of the answer."""
        lines = [f"  {name:<16}{text}" for name, text in _facts(self)]
        table = self.to_arrow()
        if any(isinstance(value, pa.Table) for _, value in _values(self)):
            cells = {name: [show(value) for value in table[name].slice(0, ROWS).to_pylist()] for name in _columns(self)}
            names = list(cells) if self.COLUMNS else _fitting(cells)
            chosen = [cells[name] for name in names]
            print_columns(names, chosen, [_is_number(table, name) for name in names], say=lines.append)
            lines += [f"  ... {table.num_rows - ROWS:,} more rows"] if table.num_rows > ROWS else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the same as HTML, a picture beside each row that is an image's."""
        facts = " &middot; ".join(f"{escape(name)} <b>{escape(text)}</b>" for name, text in _facts(self))
        table = self.to_arrow()
        names, pictured = _columns(self), "uri" in table.column_names
        head = "".join(f"<th>{escape(name)}</th>" for name in ([""] if pictured else []) + names)
        body = []
        for number, row in enumerate(table.slice(0, ROWS).to_pylist()):
            cells = [f"<td>{escape(show(row[name]))}</td>" for name in names]
            if pictured:
                cells.insert(0, f"<td>{_picture(row['uri']) if number < PICTURES else ''}</td>")
            body.append(f"<tr>{''.join(cells)}</tr>")
        more = f"<p>{table.num_rows - ROWS:,} more rows</p>" if table.num_rows > ROWS else ""
        return f"<p>{facts}</p><table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>{more}"


@dataclass(frozen=True, slots=True, eq=False)
class TableAnswer(Shown):
    """An answer that is a table and nothing else."""

    table: pa.Table
    """The table."""


def _values(report: Shown) -> Iterator[tuple[str, Any]]:
    """Yield each field of a report with its value."""
    for field in fields(report):  # type: ignore[arg-type]  # every report is a dataclass
        yield field.name, getattr(report, field.name)


def _facts(report: Shown) -> Iterator[tuple[str, str]]:
    """Yield the fields that fit on a line: names, numbers, yes or no, and notes."""
    for name, value in _values(report):
        if value is not None and value != "" and isinstance(value, str | int | float | bool):
            yield name.replace("_", " "), show(str(value)[:SHORT] if name == "digest" else value)
        elif name == "notes":
            for note in value:
                yield "note", show(note)


def _columns(report: Shown) -> list[str]:
    """Return the columns that are shown: no lists, no addresses, none without a value."""
    table = report.to_arrow()
    if report.COLUMNS:
        return list(report.COLUMNS)
    nested = {field.name for field in table.schema if pa.types.is_nested(field.type) or pa.types.is_binary(field.type)}
    hidden = nested | ({"uri", "row"} if "image_id" in table.column_names else {"key"})
    full = [name for name in table.column_names if table.num_rows == 0 or table[name].null_count < table.num_rows]
    return [name for name in full if name not in hidden]


def _fitting(cells: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the leading columns that fit the terminal side by side, at least one."""
    names: list[str] = []
    room = terminal_width()
    for name, column in cells.items():
        room -= 2 + max([len(name), *map(len, column)])
        if room < 0 and names:
            break
        names.append(name)
    return names


def _is_number(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _picture(uri: str) -> str:
    """Return an image element with the picture inside; nothing where it cannot be read: the numbers still stand."""
    from t2c.store.sources.image_bytes import open_bytes

    picture = data_uri(uri, read=open_bytes, edge=EDGE)
    return "" if picture is None else '<img src="{}" width="{}" height="{}" alt="">'.format(*picture)
