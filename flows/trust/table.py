"""Marks from what was measured: one row a concept with transport, meaning, the random directions and the neighbours."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.concepts.trust import (
    Meaning,
    Transport,
    judge,
    log10_p_random,
    neighbours,
    q_values,
    threshold,
)
from t2c.core.statistics.auroc import newcombe
from t2c.core.statistics.ranks import spearman_interval
from t2c.flows.engine.progress import Progress
from t2c.flows.trust.measure import Measured, TrustQuestion, measure_trust
from t2c.schemas.tables.answers.trust import TRUST


def trust_table(asked: TrustQuestion, *, progress: Progress) -> pa.Table:
    """Return TRUST of every concept, in order of key. Raises InputError when no row may be judged."""
    measured = measure_trust(asked, progress=progress)
    names = asked.concepts.names()
    places, cosines = neighbours(asked.concepts.vectors())
    meanings = _meanings(asked, measured)
    rows = []
    for key, name in enumerate(names):
        transport, meaning = _transport(measured, key), meanings.get(key)
        verdict = judge(transport, meaning)
        facts = {"mark": verdict.mark, "why": verdict.why, "transport": verdict.transport, "meaning": verdict.meaning}
        facts |= _of_transport(measured, transport) | _of_meaning(asked, key, meaning)
        near = {"neighbours": [names[place] for place in places[key]], "cosines": cosines[key].tolist()}
        rows.append({"key": key, "concept": name, **facts, **near})
    return pa.Table.from_pylist(rows, schema=TRUST)


def _transport(measured: Measured, key: int) -> Transport | None:
    if not measured.agreed:
        return None
    correlation, overlap = float(measured.concepts.spearman[key]), float(measured.concepts.overlap[key])
    return Transport(measured.agreed, correlation, *spearman_interval(correlation, measured.agreed), overlap)


def _meanings(question: TrustQuestion, measured: Measured) -> dict[int, Meaning]:
    """Return the meaning of each concept that something bears out, with q-values over all of those with an area."""
    by_key: dict[int, tuple[tuple[int, int], float, list[npt.NDArray[np.float64]]]] = {}
    for key, match in question.matches.items():
        concept_areas, *random = measured.areas(match.truth, match.codes[0])
        by_key[key] = measured.counts(match.truth, match.codes[0]), float(concept_areas[key]), random
    # of the two kinds of random directions, the one that flatters the concept less
    log10_p = {
        key: max(log10_p_random(area, areas, pairs=counts[0] * counts[1]) for areas in random)
        for key, (counts, area, random) in by_key.items()
        if not math.isnan(area)
    }
    q = dict(zip(log10_p, q_values(list(log10_p.values())), strict=True))
    meanings = {}
    for key, (counts, area, random) in by_key.items():
        if key in q:
            reached = max(threshold(areas) for areas in random)
            meanings[key] = Meaning(*counts, area, *newcombe(area, *counts), reached, q[key])
        else:
            meanings[key] = Meaning(*counts, math.nan, 0.0, 1.0, 1.0, 1.0)
    return meanings


def _of_transport(measured: Measured, transport: Transport | None) -> dict[str, Any]:
    if transport is None:
        return {"n": 0}
    medians = [_median(values) for values in (measured.bank.spearman, measured.bank.overlap)]
    facts = {"n": transport.n, "random_spearman": medians[0], "random_overlap": medians[1]}
    if math.isnan(transport.spearman):
        return facts
    bounds = {"spearman_low": transport.low, "spearman_high": transport.high}
    return {**facts, **bounds, "spearman": transport.spearman, "overlap": transport.overlap}


def _of_meaning(question: TrustQuestion, key: int, meaning: Meaning | None) -> dict[str, Any]:
    if meaning is None:
        return {"positives": 0, "negatives": 0}
    match = question.matches[key]
    truth = question.truths[match.truth]
    value = ", ".join(truth.values[code] for code in match.codes)
    facts: dict[str, Any] = {"labels": truth.name, "value": value}
    facts |= {"positives": meaning.positives, "negatives": meaning.negatives}
    if math.isnan(meaning.auroc):
        return facts
    bounds = {"auroc_low": meaning.low, "auroc_high": meaning.high}
    return {**facts, **bounds, "auroc": meaning.auroc, "random_auroc": meaning.threshold, "q_random": meaning.q}


def _median(values: npt.NDArray[np.float64]) -> float | None:
    """Return the median of the values that are numbers; None without any."""
    numbers = values[~np.isnan(values)]
    return float(np.median(numbers)) if len(numbers) else None
