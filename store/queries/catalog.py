"""The catalog: an in-memory DuckDB with one documented view a table of the store, made from its manifests.

There is no database file: opening reads the newest manifests, so a view shows exactly what was committed, and files
that no manifest names are never read. The connection is locked: it reads the store's files and nothing else.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from t2c.schemas.errors import StoreError, expected
from t2c.schemas.tables.answers import ANSWERS
from t2c.schemas.tables.catalog import DOCUMENTATION, MACROS, VIEWS
from t2c.schemas.tables.tables import doc
from t2c.store.artifacts.answers import list_answers
from t2c.store.artifacts.concepts import list_banks, open_concepts
from t2c.store.artifacts.images import Images, list_datasets, open_images
from t2c.store.artifacts.similarities import STATS_ROLE, list_similarities
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.manifest import find_manifest
from t2c.store.disk.paths import attributes, predictions
from t2c.store.disk.root import Store
from t2c.store.queries import artifact_tables

SQL = Path(__file__).with_name("sql")
"""Folder of the SQL files beside this module."""
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


MACRO_VIEWS = frozenset({"images", "similarities"})
"""Views that the macros read."""

DATASET_TABLES: Mapping[str, Callable[[str], str]] = {"attributes": attributes, "predictions": predictions}
"""Views of what users import for a dataset, and the path of each dataset's artifact."""

_COMPUTED: Mapping[str, Callable[[Store], pa.Table]] = {
    "encoders": artifact_tables.encoders,
    "linear_maps": artifact_tables.linear_maps,
    "lineage": artifact_tables.lineage,
    "snapshots": artifact_tables.snapshot_table,
}


def open_catalog(store: Store, *, only: frozenset[str] | None = None) -> duckdb.DuckDBPyConnection:
    """Return a locked connection with the views of `t2c.schemas.tables.catalog.VIEWS` and the macros.

    `only` limits the work to views (or macros) of these names, which makes opening quicker; None makes all. A table
    the store does not hold yet is an empty view with the right columns. Close the connection after use.
    """
    views = set(VIEWS) if only is None else set(VIEWS) & only
    macros = only is None or bool(only & set(MACROS))
    views |= MACRO_VIEWS if macros else set()
    builder = _Builder(store)
    for name in VIEWS:
        if name in views:
            builder.add(name)
    if macros:
        builder.connection.execute(sql_text("macros"))
    return builder.locked()


def open_images_view(images: Images, *, imported: frozenset[str] = frozenset()) -> duckdb.DuckDBPyConnection:
    """Return a locked connection with nothing but the images view of one dataset as of its snapshot.

    `imported` adds its newest `attributes` or `predictions`.
    """
    builder = _Builder(images.store)
    builder.create("images", [builder.images_select(images)])
    for name in imported:
        builder.create(name, list(builder.imported_selects(images.dataset, DATASET_TABLES[name])))
    return builder.locked()


def documentation() -> pa.Table:
    """Return DOCUMENTATION: every view, column and macro with its meaning."""
    rows: list[dict[str, Any]] = []
    for name, (about, schema) in VIEWS.items():
        rows.append({"view": name, "column": None, "type": "view", "meaning": about})
        rows += [
            {"view": name, "column": column.name, "type": str(column.type), "meaning": doc(column)} for column in schema
        ]
    rows += [{"view": name, "column": None, "type": "macro", "meaning": about} for name, about in MACROS.items()]
    return pa.Table.from_pylist(rows, schema=DOCUMENTATION)


def sql_text(name: str) -> str:
    """Return the text of sql/<name>.sql."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def render_sql(name: str, values: Mapping[str, str]) -> str:
    """Return sql/<name>.sql with each {placeholder} replaced by SQL text, in one pass; values are never rescanned."""
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], sql_text(name))


class _Builder:
    """Makes views in one connection, and remembers the files they read."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.connection = connect()
        self.connection.execute("create schema parts")
        self._read: set[str] = set()
        self._selects: Mapping[str, Callable[[], Iterator[str]]] = {
            "images": self._images,
            "concepts": self._concepts,
            "similarities": self._similarities,
            "concept_stats": self._concept_stats,
            **{kind: partial(self._answers, kind) for kind in ANSWERS},
            "attributes": lambda: self._dataset_tables(DATASET_TABLES["attributes"]),
            "predictions": lambda: self._dataset_tables(DATASET_TABLES["predictions"]),
        }
        filesystem = store.files.filesystem
        if filesystem is not None:
            self.connection.register_filesystem(filesystem)

    def add(self, name: str) -> None:
        """Create one view of VIEWS."""
        if name in self._selects:
            self.create(name, list(self._selects[name]()))
        else:
            table = documentation() if name == "documentation" else _COMPUTED[name](self.store)
            self.create(name, [render_sql("table", {"table": self._keep(name, table)})])

    def create(self, name: str, selects: Sequence[str]) -> None:
        """Create a view of the union of some selects, with the documented columns in order, and comment on it."""
        about, schema = VIEWS[name]
        columns = ", ".join(identifier(column.name) for column in schema)
        empty = self._keep(f"empty {name}", schema.empty_table())
        every = [render_sql("table", {"table": empty}), *selects]
        parts = "union all\n".join(render_sql("part", {"columns": columns, "select": select}) for select in every)
        try:
            self.connection.execute(render_sql("view", {"name": name, "selects": parts}))
        except duckdb.IOException as error:
            todo = "Run: t2c verify"
            raise StoreError(expected(f"view {name}", "the store's committed files", str(error), todo)) from error
        self.connection.execute(f"comment on view {name} is {literal(about)}")
        for column in schema:
            self.connection.execute(f"comment on column {name}.{identifier(column.name)} is {literal(doc(column))}")

    def locked(self) -> duckdb.DuckDBPyConnection:
        """Return the connection, limited to the files its views read."""
        lock(self.connection, self._read)
        return self.connection

    def images_select(self, images: Images) -> str:
        """Return the select of one dataset's images."""
        outcomes = self._keep(f"outcomes of {images.dataset}", images.outcomes())
        names = {"dataset": literal(images.dataset), "outcomes": outcomes}
        return render_sql("images", {**names, "files": self._files(images.manifest.with_role("data"))})

    def imported_selects(self, dataset: str, path: Callable[[str], str]) -> Iterator[str]:
        """Yield the select of what was imported for one dataset, if anything was."""
        manifest = find_manifest(self.store, path(dataset))
        if manifest is not None:
            yield self._select("dataset_table", {"dataset": dataset}, manifest.with_role("data"))

    def _keep(self, name: str, table: pa.Table) -> str:
        """Copy a small Arrow table into the connection, out of sight of `show tables`; returns how SQL names it."""
        qualified_name = f"parts.{identifier(name)}"
        self.connection.register("handed over", table)
        self.connection.execute(render_sql("keep", {"name": qualified_name, "table": identifier("handed over")}))
        self.connection.unregister("handed over")
        return qualified_name

    def _images(self) -> Iterator[str]:
        for dataset in list_datasets(self.store):
            yield self.images_select(open_images(self.store, dataset))

    def _concepts(self) -> Iterator[str]:
        for name in list_banks(self.store):
            bank = open_concepts(self.store, name)
            constants = {"bank": name, "space": bank.space.short, "text_encoder": bank.text_encoder}
            yield self._select("concepts", constants, bank.manifest.with_role("data"))

    def _similarities(self) -> Iterator[str]:
        for scores in list_similarities(self.store):
            entries = scores.manifest.with_role("data")
            if entries:
                stats = self._files(scores.manifest.with_role(STATS_ROLE))
                yield self._select("similarities", _sides(scores), entries, stats=stats)

    def _concept_stats(self) -> Iterator[str]:
        for scores in list_similarities(self.store):
            yield self._select("concept_stats", _sides(scores), scores.manifest.with_role(STATS_ROLE))

    def _answers(self, kind: str) -> Iterator[str]:
        blank = self._keep(f"columns of {kind}", ANSWERS[kind].schema.empty_table())
        for manifest in list_answers(self.store, kind):
            named = {"answer": manifest.name.rpartition("/")[2], "created_at": manifest.created_at}
            spec_columns = (f"{literal(str(manifest.spec[name]))} as {name}, " for name in ANSWERS[kind].says)
            yield self._select("answer", named, manifest.with_role("data"), says="".join(spec_columns), blank=blank)

    def _dataset_tables(self, path: Callable[[str], str]) -> Iterator[str]:
        for dataset in list_datasets(self.store):
            yield from self.imported_selects(dataset, path)

    def _select(self, sql: str, constants: Mapping[str, str], entries: Sequence[FileEntry], **more: str) -> str:
        named = {name: literal(value) for name, value in constants.items()}
        return render_sql(sql, {**named, **more, "files": self._files(entries)})

    def _files(self, entries: Sequence[FileEntry]) -> str:
        uris = [self.store.files.uri(entry.path) for entry in entries]
        self._read.update(uris)
        filesystem = self.store.files.filesystem
        if filesystem is not None:  # what DuckDB makes of the address once it has passed through fsspec
            self._read.update(filesystem.unstrip_protocol(filesystem._strip_protocol(uri)) for uri in uris)
        patterns = [escape_glob(uri) for uri in uris]
        self._read.update(patterns)
        return literal(patterns)


def _sides(scores: Any) -> dict[str, str]:
    return {
        "dataset": scores.dataset,
        "map": scores.map,
        "bank": scores.bank,
        "source": scores.source.name,
        "target": scores.target.name,
    }


def identifier(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def escape_glob(path: str) -> str:
    """Return a path that DuckDB reads as itself even when it holds *, ? or [."""
    return re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", path)
