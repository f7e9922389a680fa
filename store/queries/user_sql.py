"""SQL that a user wrote: one SELECT over the catalog's views, in a connection that reads the store's files and nothing else.

DuckDB's settings alone do not make files safe: with their paths allowed, `COPY ... TO`, `EXPLAIN ANALYZE COPY` and, since
2.0, a common table expression whose body is a COPY (`with x as (copy ... to ...) select ...`, which DuckDB itself calls
a SELECT) write to them. So the statement's parse tree is checked for anything that is not a query.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from t2c.schemas.errors import SpecError, expected
from t2c.store.queries.catalog import connect, open_catalog

if TYPE_CHECKING:
    from t2c.store.disk.root import Store

QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""Kinds of parse-tree node that only read."""

REFUSED_FUNCTIONS = frozenset({"query", "json_execute_serialized_sql"})
"""Table functions that run text as SQL, unseen by the check."""

_TODO = 'Ask one question of the views; see them with: t2c sql "select * from documentation"'


def run_user_sql(store: "Store", sql: str) -> pa.Table:
    """Return the result of one SELECT over the catalog's views as an Arrow table.

    Raises SpecError for anything but one SELECT (EXPLAIN, COPY, SET, ... and writing common table expressions
    included), and for a query that DuckDB refuses, with its message and hint.
    """
    tree = parse_select(sql)
    connection = open_catalog(store, only=views_named(tree))
    try:
        return fetch(connection, sql)
    finally:
        connection.close()


def fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """Run a checked SELECT; DuckDB's errors become SpecError."""
    try:
        return connection.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        raise _refused(error) from error


def parse_select(sql: str) -> dict[str, Any]:
    """Return DuckDB's parse tree of one SELECT, or raise SpecError for anything else."""
    try:
        sql.encode()
    except UnicodeError as error:
        raise SpecError(expected("SQL", "text that can be written as UTF-8", f"{error}")) from error
    with connect() as connection:
        try:
            statements = connection.extract_statements(sql)
        except duckdb.Error as error:
            raise _refused(error) from error
        kinds = [str(statement.type).rpartition(".")[2] for statement in statements]
        if kinds != ["SELECT"]:
            raise SpecError(expected("SQL", "one SELECT statement", ", ".join(kinds) or "no statement", _TODO))
        row = connection.execute("select json_serialize_sql(?)", [statements[0].query]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree.get("error"):
        raise SpecError(expected("SQL", "one SELECT statement", str(tree.get("error_message")), _TODO))
    for node in nodes(tree):
        _check_node(node)
    return tree


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a parse tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def views_named(tree: dict[str, Any]) -> frozenset[str] | None:
    """Return the tables and functions that a tree names, in lower case; None when names come from text (query_table)."""
    tables = {str(node["table_name"]).casefold() for node in nodes(tree) if node.get("table_name")}
    functions = {str(node["function_name"]).casefold() for node in nodes(tree) if node.get("function_name")}
    listing = any(node.get("type") == "SHOW_REF" for node in nodes(tree))
    if listing or any(name.startswith(("query_table", "duckdb_", "pragma_")) for name in functions):
        return None
    return frozenset(tables | functions)


def _check_node(node: dict[str, Any]) -> None:
    kind = str(node.get("type"))
    if "cte_map" in node and kind not in QUERY_NODES:
        actual = f"{kind.removesuffix('_NODE').removesuffix('_QUERY')} inside it"
        raise SpecError(expected("SQL", "one SELECT statement that only reads", actual, _TODO))
    if str(node.get("function_name", "")).casefold() in REFUSED_FUNCTIONS:
        raise SpecError(expected("SQL", "a query written out", f"the function {node['function_name']}", _TODO))


def _refused(error: Exception) -> SpecError:
    """Return DuckDB's complaint in the grammar of our errors: its first line is the sentence, the rest is kept."""
    first, _, rest = str(error).partition("\n")
    details = f"\n{rest.strip(chr(10))}" if rest.strip() else ""
    return SpecError(expected("SQL", "a query DuckDB can answer", first.strip()) + details)
