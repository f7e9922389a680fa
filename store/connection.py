"""DuckDB connections that can do little harm: in memory, no extensions, and, once locked, only the files they were given."""

from collections.abc import Iterable

import duckdb

_HARDENING = {
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "TimeZone": "'UTC'",
}


def connect() -> duckdb.DuckDBPyConnection:
    """Return an in-memory connection that sees no Python variable and loads no extension; times are in UTC."""
    connection = duckdb.connect(":memory:", config={"allow_unsigned_extensions": "false"})
    for name, value in _HARDENING.items():
        if name != "allow_unsigned_extensions":
            connection.execute(f"set {name} = {value}")
    return connection


def lock(connection: duckdb.DuckDBPyConnection, files: Iterable[str]) -> None:
    """Limit a connection to some files for good: no other path, no network, no setting can be changed afterwards."""
    connection.execute(f"set allowed_paths = {literal(sorted(set(files)))}")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def literal(value: str | list[str]) -> str:
    """Return text, or a list of texts, as a SQL literal; for the places where SQL takes no bound value, such as views."""
    if isinstance(value, list):
        return f"[{', '.join(literal(item) for item in value)}]::varchar[]"
    return "'" + value.replace("'", "''") + "'"
