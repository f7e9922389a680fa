"""Functions that a --where predicate has besides SQL's own: what the user imported about the row at hand.

`attribute('colour')` is the attribute's value as text, `attribute_number('blur')` the same as a number, and
`prediction('prod-v7')` the class with that model's largest score (the first by name of equal ones). Each is null where
the row has none. A call becomes a column of the images view, joined under a name that holds nothing the user wrote.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from t2c.schemas.errors import SpecError, expected, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

USAGE = "attribute('NAME'), attribute_number('NAME'), prediction('MODEL')"
"""How the functions are called."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a function's values are."""

    view: str
    """View that holds them."""
    key: str
    """Column of the view that the argument names a value of."""
    sql: str
    """Name of the file in sql that selects row and found."""
    what: str
    """What the argument names."""
    load: str
    """Command that imports it, with {dataset} and {name}."""


_IMPORT_ATTRIBUTES = "t2c attributes import {dataset} attributes.parquet"
FUNCTIONS: Mapping[str, _Source] = {
    "attribute": _Source("attributes", "name", "where_attribute", "attribute", _IMPORT_ATTRIBUTES),
    "attribute_number": _Source("attributes", "name", "where_number", "attribute", _IMPORT_ATTRIBUTES),
    "prediction": _Source(
        "predictions",
        "model",
        "where_prediction",
        "model with predictions",
        "t2c predictions import {dataset} --model {name} predictions.parquet",
    ),
}
"""Function name to where its values are."""


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """One call in a predicate."""

    start: int
    """First byte of the call in the text that was parsed as UTF-8."""
    stop: int
    """First byte after it."""
    function: str
    """Name in FUNCTIONS."""
    name: str
    """The attribute or model it names."""


def calls(tree: "Iterable[dict[str, Any]]", *, subject: str) -> list[Call]:
    """Return the calls among the nodes of a parse tree, in order; raises SpecError for an argument that is no text."""
    nodes = [node for node in tree if str(node.get("function_name", "")).casefold() in FUNCTIONS]
    return sorted(_call(node, subject) for node in nodes)


def views(found: Sequence[Call]) -> frozenset[str]:
    """Return the views that some calls read."""
    return frozenset(FUNCTIONS[call.function].view for call in found)


def rewrite(text: str, found: Sequence[Call]) -> str:
    """Return the text with each call replaced by the column that `joins` gives it."""
    columns, data = _columns(found), text.encode()
    for call in reversed(found):
        data = data[: call.start] + columns[call.function, call.name].encode() + data[call.stop :]
    return data.decode()


def joins(found: Sequence[Call]) -> str:
    """Return the SQL that joins a column to the images view for each function and name called."""
    from t2c.store.queries.catalog import literal, render_sql

    parts = []
    for (function, name), column in _columns(found).items():
        source = render_sql(FUNCTIONS[function].sql, {"name": literal(name)})
        parts.append(render_sql("where_join", {"source": source, "column": column, "key": f'{column[:-1]} row"'}))
    return "".join(parts)


def check_names(connection: "duckdb.DuckDBPyConnection", found: Sequence[Call], *, dataset: str) -> None:
    """Raise UnknownName for an attribute or model of which the dataset has nothing."""
    from t2c.store.queries.catalog import identifier, render_sql
    from t2c.store.queries.user_sql import fetch

    for call in found:
        source = FUNCTIONS[call.function]
        stored = fetch(connection, render_sql("where_names", {"key": identifier(source.key), "view": source.view}))
        names = stored["name"].to_pylist()
        if call.name not in names:
            load = source.load.format(dataset=dataset, name=shlex.quote(call.name))
            raise unknown(f"{source.what} of {dataset}", call.name, names, todo=f"Import it: {load}")


def _columns(requested: Sequence[Call]) -> dict[tuple[str, str], str]:
    """Return the quoted column of each function and name called."""
    pairs = dict.fromkeys((call.function, call.name) for call in requested)
    return {pair: f'"looked up {index}"' for index, pair in enumerate(pairs)}


def _call(node: dict[str, Any], subject: str) -> Call:
    function = str(node["function_name"]).casefold()
    start = int(node["query_location"])
    stop = start + int(node["query_location_length"])
    arguments = [argument["expression"] for argument in node.get("arguments", [])]
    plain = (
        node["class"] == "FUNCTION"
        and len(node["qualified_name"]["path"]) == 1
        and not (node["distinct"] or node.get("filter") or node["order_bys"].get("orders"))
        and [argument["class"] for argument in arguments] == ["CONSTANT"]
        and arguments[0]["literal"]["kind"] == "STRING"
        and start < int(arguments[0]["query_location"]) < stop
    )
    if not plain:
        example = "prediction('prod-v7')" if function == "prediction" else f"{function}('colour')"
        want = f"{function} of one name written as text, such as {example}"
        raise SpecError(expected(subject, want, "another argument, or a call of another form"))
    return Call(start, stop, function, str(arguments[0]["literal"]["text"]))
