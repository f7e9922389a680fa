"""User SQL reads the store's views and can do nothing else: every other statement is refused and no file changes."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from t2c.schemas.errors import SpecError
from t2c.store.disk.root import Store
from t2c.store.queries.catalog import connect, literal, open_catalog
from t2c.store.queries.user_sql import parse_select, run_user_sql
from tests.planted.scored import scored

MATRIX = np.random.default_rng(0).uniform(-1, 1, size=(12, 2)).astype(np.float32)


@pytest.fixture
def full(store: Store) -> Store:
    scored(store, MATRIX, ["dog", "x'); DROP TABLE c;--"])
    return store


def fingerprint(store: Store) -> dict[str, str]:
    files = [path for path in Path(store.url).rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def a_file(store: Store) -> str:
    return next(str(path) for path in sorted(Path(store.url).rglob("similarities/**/*.parquet")))


@pytest.mark.parametrize(
    "sql",
    [
        "select concept, mean from concept_stats order by concept",
        "SELECT concept, mean FROM concept_stats ORDER BY concept;",
        "with x as (select * from concept_stats) select concept, mean from x order by 1",
        "from (select concept, mean from concept_stats union all select concept, mean from concept_stats where false) order by 1",
        "-- a comment\nselect concept, mean from concept_stats order by concept",
    ],
)
def test_a_select_is_answered(full: Store, sql: str) -> None:
    table = run_user_sql(full, sql)
    assert table["concept"].to_pylist() == ["dog", "x'); DROP TABLE c;--"]
    assert table["mean"].to_pylist() == pytest.approx(MATRIX.mean(axis=0, dtype=float).tolist())


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "select 1; select 2",
        "select 1; drop view images",
        "copy (select 1) to '{file}'",
        "copy images to '{new}'",
        "explain select 1",
        "explain analyze select 1",
        "explain analyze copy (select 1) to '{file}'",
        "with x as (copy (select 1 as a) to '{file}') select * from x",
        "with x as (copy (select 1 as a) to '{file}' (use_tmp_file false)) select * from x",
        "with x as materialized (copy (select 1 as a) to '{file}' (format csv, use_tmp_file false)) from x",
        "with y as (select 1), x as (copy (select 1 as a) to '{file}' (use_tmp_file false)) select 1",
        "select * from (with x as (copy (select 1 as a) to '{file}' (use_tmp_file false)) select 1)",
        "select 1 union all (with x as (copy (select 1 as a) to '{file}' (use_tmp_file false)) select 1)",
        "from query('with x as (copy (select 1 as a) to ''{file}'' (use_tmp_file false)) select 1')",
        "from query('select 1')",
        "with x as (insert into images select * from images returning *) select * from x",
        "with x as (delete from images returning *) select * from x",
        "attach '{file}' as x",
        "attach '{new}' as x",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "reset allowed_paths",
        "pragma database_list",
        "call pragma_version()",
        "create table x as select 1",
        "create macro f() as 1",
        "export database '{new}'",
        "import database '{new}'",
        "insert into images select * from images",
        "prepare p as select 1",
        "use memory",
        "checkpoint",
        "vacuum",
        "pivot images on label using count(*)",
        "select * from read_text('/etc/passwd')",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from glob('/etc/*')",
        "select * from read_blob('{store}/t2c-store.json')",
        "select * from read_parquet('https://example.com/x.parquet')",
        "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
        "select getenv('HOME')",
        "select * from MATRIX",
        "select nothing from images",
        "select * from imags",
        "selec 1",
        "select '\ud800'",
    ],
)
def test_anything_else_is_refused_and_no_file_changes(full: Store, sql: str, tmp_path: Path) -> None:
    before = fingerprint(full)
    sql = sql.replace("{file}", a_file(full)).replace("{new}", str(tmp_path / "new")).replace("{store}", full.url)
    with pytest.raises(SpecError, match=r"^SQL: expected .*, but got "):
        run_user_sql(full, sql)
    assert fingerprint(full) == before
    assert not (tmp_path / "new").exists()


def test_the_check_is_needed(full: Store) -> None:
    """DuckDB calls a writing common table expression a SELECT, and its settings let it write to an allowed path."""
    with connect() as connection:
        path = str(Path(full.url) / "victim.parquet")
        sql = f"with x as (copy (select 1 as a) to '{path}' (use_tmp_file false)) select 1"
        (statement,) = connection.extract_statements(sql)
        assert str(statement.type).endswith("SELECT")
        connection.execute(f"set allowed_paths = [{literal(path)}]")
        connection.execute("set enable_external_access = false")
        connection.execute(sql)
        assert Path(path).exists()
    with pytest.raises(SpecError, match=r"expected one SELECT statement that only reads, but got COPY inside it"):
        parse_select(sql)


def test_hints_are_kept(full: Store) -> None:
    with pytest.raises(SpecError, match=r'(?s)Referenced column "concep" not found.*Candidate bindings: "concept"'):
        run_user_sql(full, "select concep from concept_stats")
    with pytest.raises(SpecError, match=r"(?s)Table with name concept_stat does not exist.*Did you mean"):
        run_user_sql(full, "select * from concept_stat")


def test_files_beside_the_committed_ones_cannot_be_read(full: Store) -> None:
    stray = Path(full.url) / "similarities" / "stray.parquet"
    stray.write_bytes(Path(a_file(full)).read_bytes())
    with pytest.raises(SpecError, match="Permission Error"):
        run_user_sql(full, f"select * from similarities, read_parquet('{stray}')")


def test_the_catalog_itself_is_locked(full: Store) -> None:
    with open_catalog(full) as connection:
        for sql in ("set threads = 1", "reset enable_external_access", "load httpfs"):
            with pytest.raises(Exception, match=r"locked|disabled"):
                connection.execute(sql)
