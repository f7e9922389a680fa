"""How the laboratory's answers are shown at 80 columns: encoders by number, means by group, points of a curve."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flows.cli.output import Output
from flows.laboratory.means import GroupMeans, group_means, source_means
from flows.laboratory.pairs import PairsReport
from flows.steps.curve_means import band


def show_pairs(out: Output, report: PairsReport) -> None:
    """Show the pair matrix, its means by group where there are groups, and by source."""
    numbers = {name: place for place, name in enumerate(report.encoders, start=1)}
    out.table("encoders", pa.table({"no": list(numbers.values()), "encoder": list(numbers)}))
    out.table(
        "shown", _numbered(report.table, numbers), title="pairs, on images not fitted, with 95 % intervals (low, high)"
    )
    out.put("pairs", report.table)
    grouped = {*report.table["source_group"].to_pylist()} != {*report.table["source"].to_pylist()}
    for column in ("retained", "r2_variance_weighted"):
        means = group_means(report.table, column)
        if grouped and not np.isnan(means.mean).all():
            out.table(f"groups_{column}", _matrix(means), title=f"mean {column} from group (row) to group (column)")
    best = source_means(report.table, "retained")
    if best.num_rows:
        out.table("sources", best, title="mean retained accuracy by source")


def _numbered(table: pa.Table, numbers: Mapping[str, int]) -> pa.Table:
    """Return the pairs with encoders by number and three digits, narrow enough for any names."""
    shown = {
        name: [numbers[one] for one in table[side].to_pylist()] for name, side in (("from", "source"), ("to", "target"))
    }
    chosen = {"aligned": "aligned", "low": "aligned_low", "high": "aligned_high", "own": "own", "retained": "retained"}
    chosen |= {"r2": "r2_variance_weighted", "cosine": "mean_cosine", "cka": "cka"}
    kept = {
        name: pc.round(table[column], 3) for name, column in chosen.items() if table[column].null_count < len(table)
    }
    return pa.table({**shown, **kept})


def _matrix(means: GroupMeans) -> pa.Table:
    columns = {
        name: pc.round(pa.array(means.mean[:, place], from_pandas=True), 3) for place, name in enumerate(means.groups)
    }
    return pa.table({"from": list(means.groups), **columns})


def curve_means(table: pa.Table) -> pa.Table:
    """Return a row for each point of a curve: its size, and mean and standard deviation over seeds of R2 and accuracy."""
    size = "classes" if table["by"][0].as_py() == "classes" else "fitted"
    sizes, r2 = band(table, size), band(table, "r2_variance_weighted")
    aligned, retained = band(table, "aligned"), band(table, "retained")
    columns = {
        size: np.rint(sizes.mean).astype(np.int64),
        "r2": r2.mean,
        "r2_sd": r2.sd,
        "aligned": aligned.mean,
        "aligned_sd": aligned.sd,
    }
    columns |= {"retained": retained.mean}
    found = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    return pa.table({name: one if name == size else pc.round(one, 4) for name, one in found.items()})
