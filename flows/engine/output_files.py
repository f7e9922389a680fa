"""Files a user asked for outside the store: written beside, then renamed, so that a killed run leaves no half file."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from t2c.schemas.errors import SpecError, StoreWriteError, T2CError, expected


@contextmanager
def replacing(output: str | Path) -> Iterator[Path]:
    """Yield a temporary path in output's folder that becomes output when the block ends well.

    Raises SpecError when the folder is not there, StoreWriteError when it cannot be written.
    """
    target = Path(output)
    if not target.parent.is_dir():
        raise SpecError(
            expected(f"output {target}", "a folder that exists", str(target.parent), f"Run: mkdir -p {target.parent}")
        )
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise _refused(target, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes a file that nobody else may read
        temporary.chmod(0o644)
        temporary.replace(target)
    except T2CError:  # a damaged chunk that was read meanwhile is an OSError too, but not this file's
        raise
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_table(table: pa.Table, output: str | Path) -> None:
    """Write table as Parquet or, by the file's ending, as CSV.

    Raises SpecError for another ending and for columns of lists or structs in a CSV, before anything is written.
    """
    if Path(output).suffix.lower() == ".csv":
        _check_flat(table, Path(output))
        from pyarrow import csv

        with replacing(output) as temporary:
            csv.write_csv(table, temporary)
        return
    if Path(output).suffix.lower() != ".parquet":
        raise SpecError(expected(f"output {output}", "a name that ends in .parquet or .csv", repr(Path(output).name)))
    from pyarrow import parquet

    with replacing(output) as temporary:
        parquet.write_table(table, temporary)


def _check_flat(table: pa.Table, output: Path) -> None:
    """Raise SpecError for the columns that a CSV cannot hold."""
    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    if nested:
        want = "plain columns in a .csv"
        actual = f"lists or structs in {', '.join(map(repr, nested[:5]))}"
        todo = f"Write {output.with_suffix('.parquet')} instead: Parquet holds them."
        raise SpecError(expected(f"output {output}", want, actual, todo))


def _refused(target: Path, error: OSError) -> StoreWriteError:
    return StoreWriteError(
        expected(
            f"output {target}", "a place that can be written", str(error), "Choose another path or free some space."
        )
    )
