"""What trust and shift can see, measured on planted data: `python -m benchmarks.power [trust] [recall] [blocks] [demo]`.

Prints the tables of docs/trust.md and docs/shift.md; seeds are fixed, so the same code prints the same numbers. `demo` reads
the store that `make demo` leaves, and runs only when asked for.
"""

import math
import sys
from collections.abc import Iterator

import numpy as np
from scipy.special import ndtri

from t2c.core.concepts.trust import (
    Meaning,
    Transport,
    bank_directions,
    log10_p_random,
    sphere_directions,
    threshold,
)
from t2c.core.concepts.trust import judge as judge_trust
from t2c.core.shift.block_null import plan_blocks, self_distance
from t2c.core.shift.shift import compare, judge
from t2c.core.statistics.auroc import newcombe
from t2c.core.statistics.rank_agreement import Agreement, Known, measure
from t2c.core.statistics.ranks import spearman_interval

DIMENSIONS, CONCEPTS, NEGATIVES, DRAWS = 64, 60, 1000, 200
AREAS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
POSITIVES = (10, 20, 50, 100, 200, 500)
SCALE = 1 / np.sqrt(1 + np.arange(DIMENSIONS))


def trust_power() -> Iterator[str]:
    """Yield the share of draws marked trusted, by true AUROC and number of positives."""
    yield f"| true AUROC | {' | '.join(str(count) for count in POSITIVES)} |"
    yield "|---" * (len(POSITIVES) + 1) + "|"
    for area in AREAS:
        shares = [np.mean([_trusted(area, count, draw) for draw in range(DRAWS)]) for count in POSITIVES]
        yield f"| {area:.2f} | {' | '.join(f'{share:.0%}' for share in shares)} |"


def random_trusted() -> Iterator[str]:
    """Yield how often a random direction passes the floor on its AUROC alone, and how often it is trusted."""
    floor, trusted = zip(*(_random(draw) for draw in range(DRAWS)), strict=True)
    yield f"random directions with AUROC above 0.6 against a class that a concept separates with 0.9: {np.mean(floor):.1%}"
    yield f"random directions trusted: {np.mean(trusted):.1%} of {len(trusted) * 10:,}"


def _world(rng: np.random.Generator, area: float, positives: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return unit features, class of each row (0: has the concept) and the bank; its first concept has this AUROC."""
    bank = rng.normal(size=(CONCEPTS, DIMENSIONS)) * SCALE
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    codes = np.repeat([0, 1], [positives, NEGATIVES]).astype(np.int32)
    x = rng.normal(size=(len(codes), DIMENSIONS)) * SCALE
    along = SCALE**2 * bank[0]
    x[codes == 0] += math.sqrt(2) * ndtri(area) * along / math.sqrt(bank[0] @ along)
    return x, codes, bank.astype(np.float32)


def _judged(rng: np.random.Generator, world: tuple[np.ndarray, ...], vectors: np.ndarray) -> list[str]:
    """Return the mark of each vector, named after class 0 of the world, alone in its bank (q is p)."""
    x, codes, bank = world
    own = x + 0.3 * rng.normal(size=x.shape) * SCALE
    unit = [(side / np.linalg.norm(side, axis=1, keepdims=True)).astype(np.float32) for side in (x, own)]
    known = [Known(codes, 2)]
    found = measure(unit[0], vectors, own=unit[1], known=known)
    pools = [measure(unit[0], pool, known=known) for pool in _pools(bank, rng)]
    return [_mark(found, pools, index, codes, code=0, rows=len(x)) for index in range(len(vectors))]


def _pools(bank: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return bank_directions(bank, 200, rng=rng), sphere_directions(bank.shape[1], 200, rng=rng)


def _mark(
    found: Agreement, pools: list[Agreement], index: int, codes: np.ndarray, *, code: int, rows: int, truth: int = 0
) -> str:
    """Return the mark of one direction as the concept of one class."""
    counts = int((codes == code).sum()), int(((codes >= 0) & (codes != code)).sum())
    area, carried = float(found.areas[truth][index, code]), float(found.spearman[index])
    random = [pool.areas[truth][:, code] for pool in pools]
    p = 10 ** max(log10_p_random(area, one, pairs=counts[0] * counts[1]) for one in random)
    means = Meaning(*counts, area, *newcombe(area, *counts), max(threshold(one) for one in random), p)
    transport = Transport(rows, carried, *spearman_interval(carried, rows), float(found.overlap[index]))
    return judge_trust(transport, means).mark


def demo() -> Iterator[str]:
    """Yield how often random directions are trusted in the demo's store, each for a value drawn at random."""
    from t2c.flows.rows.aligned import aligned_units
    from t2c.flows.rows.features_of_rows import features_of, find_features, folds_of
    from t2c.flows.rows.truths import truths_of
    from t2c.store.artifacts.concepts import open_concepts
    from t2c.store.artifacts.images import content_hashes, open_images
    from t2c.store.artifacts.linear_maps import identity_map, open_map
    from t2c.store.artifacts.similarities import resolve_scores
    from t2c.store.disk.root import open_store

    store = open_store("demo-store")
    images, scores = open_images(store, "reference"), resolve_scores(store, "reference")
    linear_map, bank = open_map(store, scores.map), open_concepts(store, scores.bank).vectors()
    rows = np.arange(images.rows)
    fold = folds_of(linear_map.fitted(), content_hashes(images))
    aligned = aligned_units(features_of(images, linear_map.source.id), linear_map, rows, fold=fold)
    theirs = find_features(images, linear_map.target.id)
    assert theirs is not None
    own = aligned_units(theirs, identity_map(store, theirs.space), rows, fold=np.full(len(rows), -1, np.int8))
    known = [Known(truth.codes, len(truth.values)) for truth in truths_of(images, [])]
    values = [(truth, code) for truth, one in enumerate(known) for code in range(one.classes)]
    rng = np.random.default_rng(99)
    pools = [measure(aligned, pool, known=known) for pool in _pools(bank, rng)]
    every = {
        "bank's statistics": bank_directions(bank, 1000, rng=rng),
        "sphere": sphere_directions(bank.shape[1], 1000, rng=rng),
    }
    for name, vectors in every.items():
        found = measure(aligned, vectors, own=own, known=known)
        drawn = [values[rng.integers(len(values))] for _ in vectors]
        marks = [
            _mark(found, pools, index, known[truth].codes, code=code, rows=len(rows), truth=truth)
            for index, (truth, code) in enumerate(drawn)
        ]
        above = np.mean([found.areas[truth][index, code] > 0.6 for index, (truth, code) in enumerate(drawn)])
        middle = np.median(found.spearman)
        yield f"{name}: {np.mean([mark == 'trusted' for mark in marks]):.1%} trusted, {above:.0%} above 0.6, median Spearman {middle:.2f}"


def _trusted(area: float, positives: int, draw: int) -> bool:
    rng = np.random.default_rng([draw, positives, round(100 * area)])
    world = _world(rng, area, positives)
    return _judged(rng, world, world[2][:1])[0] == "trusted"


def _random(draw: int) -> tuple[float, float]:
    rng = np.random.default_rng([draw, 7])
    world = _world(rng, 0.9, 500)
    vectors = np.concatenate([bank_directions(world[2], 5, rng=rng), sphere_directions(DIMENSIONS, 5, rng=rng)])
    x, codes, _ = world
    unit = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    areas = measure(unit, vectors, known=[Known(codes, 2)]).areas[0][:, 0]
    return float(np.mean(areas > 0.6)), float(np.mean([mark == "trusted" for mark in _judged(rng, world, vectors)]))


SIZES = (
    (10_000, 10_000),
    (100_000, 10_000),
    (10_000, 3_000),
    (10_000, 1_000),
    (10_000, 300),
    (1_000, 1_000),
    (100_000, 300),
)
SHIFTS = (0.05, 0.1, 0.2, 0.4)


def shift_recall() -> Iterator[str]:
    """Yield the recall of shifts in 5 of 60 concepts, by sizes of the two samples and size of the shift."""
    yield f"| reference | current | {' | '.join(f'{size} sigma' for size in SHIFTS)} | false discoveries |"
    yield "|---" * (len(SHIFTS) + 3) + "|"
    for sizes in SIZES:
        found = [_recall(size, *sizes) for size in SHIFTS]
        shares = " | ".join(f"{recall:.0%}" for recall, _ in found)
        yield f"| {sizes[0]:,} | {sizes[1]:,} | {shares} | {np.mean([false for _, false in found]):.1%} |"


def _table(rng: np.random.Generator, bank: np.ndarray, rows: int) -> np.ndarray:
    return ((rng.normal(size=(rows, DIMENSIONS)) * SCALE) @ bank.T).astype(np.float32)


def _recall(size: float, reference: int, current: int, *, tables: int = 10) -> tuple[float, float]:
    rng = np.random.default_rng([reference, current, round(1000 * size)])
    bank = rng.normal(size=(CONCEPTS, DIMENSIONS)) + 1
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    hits, false = 0, []
    for _ in range(tables):
        one, other = _table(rng, bank, reference), _table(rng, bank, current)
        moved = rng.choice(CONCEPTS, 5, replace=False)
        other[:, moved] += size * one[:, moved].std(axis=0)
        verdicts = judge([compare(a, b) for a, b in zip(one.T, other.T, strict=True)])
        keys = {key for key, (_, verdict) in enumerate(verdicts) if verdict != "none"}
        right = len(keys & set(moved.tolist()))
        hits += right
        false.append((len(keys) - right) / max(len(keys), 1))
    return hits / (5 * tables), float(np.mean(false))


def block_power() -> Iterator[str]:
    """Yield how often p is at most 0.05 against the reference's own blocks, with and without days that differ."""
    yield "| reference | current | days differ by | no shift | 0.1 sigma | 0.2 sigma | 0.4 sigma | KS alone, no shift |"
    yield "|---" * 8 + "|"
    for reference, current in ((10_000, 10_000), (10_000, 1_000), (10_000, 500), (2_000, 1_000)):
        for days in (0.0, 0.3):
            found = [_beyond(reference, current, days, shift) for shift in (0.0, 0.1, 0.2, 0.4)]
            shares = " | ".join(f"{share:.0%}" for share, _ in found)
            yield f"| {reference:,} | {current:,} | {days} sigma | {shares} | {found[0][1]:.0%} |"


def _beyond(reference: int, current: int, days: float, shift: float) -> tuple[float, float]:
    rng = np.random.default_rng([reference, current, round(10 * days), round(10 * shift)])
    blocks = plan_blocks(np.arange(reference), np.arange(current))
    found = []
    for _ in range(DRAWS):
        sides = [
            np.repeat(rng.normal(0, days, rows // 100), 100) + rng.normal(size=rows) for rows in (reference, current)
        ]
        assert blocks is not None
        p = self_distance(sides[0], sides[1] + shift, blocks=blocks).p_blocks
        found.append((p <= 0.05, compare(sides[0], sides[1]).log10_p <= math.log10(0.05)))
    return float(np.mean([one for one, _ in found])), float(np.mean([one for _, one in found]))


PARTS = {"trust": (trust_power, random_trusted), "recall": (shift_recall,), "blocks": (block_power,), "demo": (demo,)}


def main() -> None:
    for name in sys.argv[1:] or ("trust", "recall", "blocks"):
        for part in PARTS[name]:
            print("\n".join(["", *part()]), flush=True)


if __name__ == "__main__":
    main()
