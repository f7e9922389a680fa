"""Outputs of the recipe's commands, sorted by the paper's figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.laboratory.components import diagonal_share, random_share
from t2c.flows.laboratory.components import P, component_pairs
from t2c.flows.laboratory.means import band
from t2c.flows.recipes.run import RunReport
from t2c.schemas.specs.recipe import RecipeSpec
from t2c.schemas.tables.answers.laboratory import CURVES
from t2c.store.disk.root import Store
from t2c.store.queries.user_sql import run_user_sql

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One efficiency curve, averaged over its seeds."""

    by: str
    """samples or classes."""
    size: list[float]
    """Samples or classes at each point."""
    r2: list[float]
    """Mean R2 on images not fitted."""
    r2_spread: list[float]
    """Its standard deviation over seeds."""
    aligned: list[float]
    """Mean accuracy of the target's head."""
    aligned_spread: list[float]
    """Its standard deviation over seeds."""

    def reaching(self, share: float) -> float:
        """Return the least share of the samples (or classes) whose accuracy is `share` of that of all of them."""
        enough = [
            size for size, value in zip(self.size, self.aligned, strict=True) if value >= share * self.aligned[-1]
        ]
        return enough[0] / self.size[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Nearness:
    """How much of each target component the source components near it explain, averaged over the pairs of one kind."""

    label: str
    """Which pairs."""
    pairs: int
    """Ordered pairs."""
    mean: list[float]
    """Mean of diag_i by component, 0 to 1."""
    spread: list[float]
    """Its standard deviation over pairs."""

    def over(self, first: int | None = None) -> float:
        """Return the mean over the first components, or over all."""
        return float(np.mean(self.mean[:first]))


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Everything that the page tells."""

    names: dict[str, str]
    """Encoder as it is typed to its short name."""
    pairs: list[Row]
    """PAIRS."""
    curves: list[Curve]
    """By samples, by classes."""
    diagonals: list[Row]
    """source, target, diag, random."""
    components: npt.NDArray[np.float64]
    """(k, k) mean of |W'| over the ordered pairs of the first group."""
    nearness: list[Nearness]
    """diag_i among the first group, from it to the others, from the others to it."""
    random: list[float]
    """diag_i of a random matrix of the same shape."""
    objectives: list[Row]
    """OBJECTIVES."""
    suite: list[Row]
    """SUITE; empty when the recipe did not run it."""
    prompts: list[Row]
    """For each query: logic and prompt, with relevant and base rate."""
    zeroshot: list[Row]
    """Colours: by aligned images, by carried text."""
    images: int
    """Images of the world."""


def findings(recipe: RecipeSpec, report: RunReport, store: Store) -> Findings:
    """Return what the commands of a run said; needs a run with `as_json`."""
    outputs = [(step["command"][0], step["said"]) for step in report.steps]
    short = {encoder.text("weights"): key for key, encoder in recipe.encoders.items()}
    first = [key for keys in list(recipe.groups().values())[:1] for key in keys]
    components = run_user_sql(store, "SELECT source, target, i, j, weight FROM components")
    inside = [name for name, key in short.items() if key in first]
    nearness, random = _nearness(components, inside)
    return Findings(
        names=short,
        pairs=_first(outputs, "pairs")["pairs"],
        curves=[_curve(output["curves"]) for name, output in outputs if name == "curves"],
        diagonals=_first(outputs, "components")["diagonals"],
        components=_mean_components(components, inside),
        nearness=nearness,
        random=random,
        objectives=_first(outputs, "objectives")["objectives"],
        suite=next((output["rows"] for name, output in outputs if name == "suite"), []),
        prompts=[_prompt(output) for name, output in outputs if name == "prompt"],
        zeroshot=[output["accuracy"][0] for name, output in outputs if name == "zeroshot"],
        images=int(_first(outputs, "pairs")["rows"]["fitted"] + _first(outputs, "pairs")["rows"]["held out"]),
    )


def _first(outputs: Sequence[tuple[str, Row]], command: str) -> Row:
    return next(output for name, output in outputs if name == command)


def _curve(rows: list[Row]) -> Curve:
    table = pa.Table.from_pylist(rows, schema=CURVES)
    by = rows[0]["by"]
    size = band(table, "classes" if by == "classes" else "fitted").mean
    r2, aligned = band(table, "r2_variance_weighted"), band(table, "aligned")
    numbers = (size, r2.mean, r2.sd, aligned.mean, aligned.sd)
    return Curve(by, *(column.tolist() for column in numbers))


def _prompt(output: Row) -> Row:
    logic, prompt = output["ways"]
    return {"logic": logic, "prompt": prompt, **output["report"]}


def _mean_components(table: pa.Table, encoders: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the mean of |W'| over ordered pairs of encoders, (k, k); signs would cancel."""
    rows = [row for row in table.to_pylist() if row["source"] in encoders and row["target"] in encoders]
    k = max(max(row["i"], row["j"]) for row in rows)
    total = np.zeros((k, k))
    for row in rows:
        total[row["i"] - 1, row["j"] - 1] += abs(row["weight"])
    pairs = len({(row["source"], row["target"]) for row in rows})
    return total / pairs


def _nearness(table: pa.Table, inside: Sequence[str]) -> tuple[list[Nearness], list[float]]:
    """Return diag_i by kind of pair and that of a random matrix; `inside` are the encoders of the first group."""
    pairs = component_pairs(table)
    k = min(len(pair.rows) for pair in pairs)
    shares: dict[tuple[bool, bool], list[npt.NDArray[np.float64]]] = {}
    for pair in pairs:
        kind = pair.source in inside, pair.target in inside
        shares.setdefault(kind, []).append(diagonal_share(pair.rows, p=P)[:k])
    labels = {(True, True): "among EfficientNets", (True, False): "to the CLIP", (False, True): "from the CLIP"}
    nearness = [
        Nearness(
            label, len(shares[kind]), np.mean(shares[kind], axis=0).tolist(), np.std(shares[kind], axis=0).tolist()
        )
        for kind, label in labels.items()
        if kind in shares
    ]
    random = np.mean([random_share(pair.rows.shape[1], p=P, rows=len(pair.rows))[:k] for pair in pairs], axis=0)
    return nearness, random.tolist()
