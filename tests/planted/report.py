"""A report with everything in it: planted similarities over the world of primitives, small and seeded."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from t2c.flows.page.pictures import Strip, Thumbnail
from t2c.flows.page.thumbnails import thumbnail
from t2c.flows.report.data import (
    ACCURACIES,
    ARTIFACTS,
    CLASS_ACCURACIES,
    DUPLICATES,
    FUNNEL,
    LABELS,
    OUTCOME_COUNTS,
    PROBLEMS,
    QUALITY,
    SIZES,
    Aligner,
    ConceptImages,
    DatasetAccount,
    LogicResult,
    ReportData,
    Zeroshot,
)
from t2c.flows.shift.verdict import Verdict
from t2c.flows.world.world import VALUES, draw
from t2c.schemas.tables.tables import CONCEPT_STATS, HISTOGRAM_BINS, OUTCOMES, QUANTILES, SHIFT

MOVED = {"indoors": 0.9, "red": 0.45, "on grass": -0.6, "yellow": -0.2}


def stats_rows(values: dict[str, np.ndarray]) -> pa.Table:
    rows = []
    for key, (concept, column) in enumerate(values.items()):
        counts, _ = np.histogram(np.clip(column, -1, 1), bins=HISTOGRAM_BINS, range=(-1, 1))
        rows.append(
            {
                "key": key,
                "concept": concept,
                "count": len(column),
                "mean": column.mean(),
                "std": column.std(),
                "min": column.min(),
                "max": column.max(),
                **{f"q{round(q * 100):02d}": np.quantile(column, q) for q in QUANTILES},
                "histogram": counts.tolist(),
            }
        )
    return pa.Table.from_pylist(rows, schema=CONCEPT_STATS)


def shift_rows(reference: dict[str, np.ndarray], current: dict[str, np.ndarray]) -> pa.Table:
    rows = []
    for key, concept in enumerate(reference):
        before, after = np.sort(reference[concept]), np.sort(current[concept])
        grid = np.concatenate([before, after])
        gap = np.searchsorted(before, grid, "right") / len(before) - np.searchsorted(after, grid, "right") / len(after)
        widest = gap[np.argmax(np.abs(gap))]
        weight = len(before) * len(after) / (len(before) + len(after))
        log10_q = min(0.0, (np.log(2) - 2 * weight * widest**2) / np.log(10) + 1)
        effect = (after.mean() - before.mean()) / before.std()
        verdict = "none" if log10_q > np.log10(0.05) else "risen" if widest > 0 else "fallen"
        rows.append(
            {
                "key": key,
                "concept": concept,
                "n_reference": len(before),
                "n_current": len(after),
                "mean_reference": before.mean(),
                "mean_current": after.mean(),
                "effect": effect,
                "d": abs(widest),
                "sign": int(np.sign(widest)),
                "log10_p": log10_q - 1,
                "log10_q": log10_q,
                "q": 10**log10_q,
                "wasserstein": abs(effect),
                "verdict": verdict,
            }
        )
    return pa.Table.from_pylist(rows, schema=SHIFT)


def pictures(n: int, *, seed: int, mix: Any = None, facts: Callable[[int], tuple[str, ...]]) -> tuple[Thumbnail, ...]:
    made = []
    for index in range(n):
        out = io.BytesIO()
        Image.fromarray(draw(seed, index, mix=mix)[0]).save(out, "JPEG", quality=92)
        made.append(thumbnail(f"{index:06d}.jpg", "", read=lambda _, data=out: data.getvalue(), facts=facts(index)))
    return tuple(made)


def account(name: str, role: Any, counts: dict[str, int], problems: list[dict[str, str]]) -> DatasetAccount:
    return DatasetAccount(
        name=name,
        snapshot=3 if role == "reference" else 1,
        role=role,
        outcomes=pa.Table.from_pylist(
            [{"outcome": outcome, "count": counts.get(outcome, 0)} for outcome in OUTCOMES], schema=OUTCOME_COUNTS
        ),
        problems=pa.Table.from_pylist(problems, schema=PROBLEMS),
        duplicates=pa.Table.from_pylist([{"image_id": "copy.jpg", "first": "000000.jpg"}], schema=DUPLICATES),
        n_duplicates=1,
        labels=pa.Table.from_pylist(
            [{"label": shape, "count": 620 - 11 * rank} for rank, shape in enumerate(VALUES["shape"])], schema=LABELS
        ),
        sizes=pa.Table.from_pylist(
            [
                {"measure": "width", "smallest": 128.0, "median": 128.0, "largest": 1024.0},
                {"measure": "height", "smallest": 128.0, "median": 128.0, "largest": 768.0},
                {"measure": "bytes", "smallest": 4_812.0, "median": 11_204.0, "largest": 381_220.0},
            ],
            schema=SIZES,
        ),
    )


@pytest.fixture(scope="session")
def full_report() -> ReportData:
    """A finished report of the demo's kind: 26 concepts, four of them moved."""
    rng = np.random.default_rng(7)
    concepts = [value for values in VALUES.values() for value in values]
    before = {
        name: rng.normal(0.22, 0.09, 3000) + (rng.random(3000) < 0.15) * rng.normal(0.3, 0.05) for name in concepts
    }
    after = {
        name: rng.normal(0.22, 0.09, 1000) + (rng.random(1000) < 0.15) * 0.3 + 0.13 * MOVED.get(name, 0)
        for name in concepts
    }
    for name in concepts:
        if name not in MOVED:
            after[name] = rng.choice(before[name], 1000)
    problems = [
        {"image_id": "broken/empty.jpg", "outcome": "corrupt", "error": "the file is empty (0 bytes)"},
        {"image_id": "broken/half.jpg", "outcome": "corrupt", "error": "the file ends inside the picture"},
        {
            "image_id": "broken/page.jpg",
            "outcome": "unsupported",
            "error": "the first bytes are not those of an allowed format",
        },
        {
            "image_id": "broken/bomb.png",
            "outcome": "too_large",
            "error": "50,000 x 50,000 pixels, the cap is 178,956,970",
        },
    ]
    near = pictures(8, seed=5, mix={"context": {"indoors": 500.0}}, facts=lambda i: (f"{0.71 - i / 100:.3f}",))
    far = pictures(8, seed=6, mix={"context": {"indoors": 0.0}}, facts=lambda i: (f"−{0.18 - i / 100:.3f}",))
    found = pictures(
        12,
        seed=8,
        mix={"colour": {"red": 400.0}, "context": {"indoors": 400.0}},
        facts=lambda i: (f"red +{2.9 - i / 20:.2f}", f"indoors +{2.1 - i / 30:.2f}"),
    )
    zeroshot = tuple(
        Zeroshot(
            title=title,
            dataset="demo@3",
            classes=len(VALUES[title]),
            chance=1 / len(VALUES[title]),
            accuracies=pa.Table.from_pylist(
                [
                    {
                        "encoder": "demo:efficientnet-lite0-128",
                        "role": "aligned",
                        "n": 600,
                        "accuracy": aligned,
                        "low": aligned - 0.037,
                        "high": min(1, aligned + 0.037),
                    },
                    {
                        "encoder": "demo:clip",
                        "role": "target",
                        "n": 600,
                        "accuracy": target,
                        "low": target - 0.02,
                        "high": min(1, target + 0.01),
                    },
                ],
                schema=ACCURACIES,
            ),
            per_class=pa.Table.from_pylist(
                [
                    {
                        "class": value,
                        "n": 50 + rank,
                        "aligned": max(0.05, aligned - 0.2 + 0.04 * rank),
                        "target": min(1.0, target - 0.01 * rank),
                    }
                    for rank, value in enumerate(VALUES[title])
                ],
                schema=CLASS_ACCURACIES,
            ),
        )
        for title, aligned, target in (("colour", 0.62, 0.99), ("shape", 0.45, 0.52), ("context", 0.995, 1.0))
    )
    digest = "3f2a9c5d7e1b4860a1c2d3e4f5061728394a5b6c7d8e9f00112233445566778899"[:64]
    when = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    artifacts = [
        {
            "artifact": "images demo",
            "snapshot": 3,
            "digest": digest,
            "created_at": when,
            "files": 2,
            "bytes": 311_400,
            "checked": True,
            "parents": [],
        },
        {
            "artifact": "linear map 3f2a9c5d7e1b",
            "snapshot": 1,
            "digest": digest[::-1],
            "created_at": when,
            "files": 6,
            "bytes": 2_911_400,
            "checked": True,
            "parents": [f"images demo@3 {digest[:12]}", f"features demo/demo-clip@1 {digest[5:17]}"],
        },
        {
            "artifact": "features demo/demo-clip",
            "snapshot": 1,
            "digest": digest,
            "created_at": None,
            "files": None,
            "bytes": None,
            "checked": False,
            "parents": [],
        },
    ]
    return ReportData(
        title="demo and its second batch",
        created_at=when,
        sides=("demo@3", "demo-new@1"),
        verdict=Verdict("changed", "some concepts have risen or fallen"),
        accounts=(
            account("demo", "reference", {"ok": 3000, "corrupt": 2, "unsupported": 1, "too_large": 1}, problems),
            account("demo-new", "current", {"ok": 1000}, []),
        ),
        aligner=Aligner(
            source="demo:efficientnet-lite0-128 (1280 dimensions, space 4f7a11c09be2)",
            target="demo:clip (128 dimensions, space 90ab12cd34ef)",
            digest=digest,
            facts=(
                ("rows fitted", "2,400"),
                ("rows held out", "600"),
                ("ridge", "3.2 (chosen on held-out rows)"),
                ("folds", "5"),
                ("rank", "1,280 of 1,280"),
                ("seed", "0"),
            ),
            quality=pa.Table.from_pylist(
                [
                    {"definition": "variance-weighted", "r2": 0.694, "baseline": -0.001},
                    {"definition": "uniform", "r2": 0.652, "baseline": -0.002},
                    {"definition": "global", "r2": 0.741, "baseline": 0.158},
                ],
                schema=QUALITY,
            ),
            notes=("Fitted rows are scored by the map of the fold that never saw them.",),
        ),
        bank="everyday",
        reference_stats=stats_rows(before),
        current_stats=stats_rows(after),
        shift=shift_rows(before, after),
        logic=(
            LogicResult(
                "red > 1.5 & indoors > 1 & 'on grass' < 0",
                "demo@3",
                pa.Table.from_pylist(
                    [
                        {"step": "all images", "remaining": 3000},
                        {"step": "red > 1.5", "remaining": 214},
                        {"step": "indoors > 1", "remaining": 41},
                        {"step": "'on grass' < 0", "remaining": 38},
                    ],
                    schema=FUNNEL,
                ),
                found,
            ),
        ),
        zeroshot=zeroshot,
        grids=tuple(
            ConceptImages(
                name,
                (
                    Strip("most similar in demo@3", near),
                    Strip("least similar in demo@3", far),
                    Strip("most similar in demo-new@1", near[::-1]),
                    Strip("least similar in demo-new@1", far[::-1]),
                ),
            )
            for name in ("indoors", "red", "on grass")
        ),
        artifacts=pa.Table.from_pylist(artifacts, schema=ARTIFACTS),
        commands=("t2c report demo demo-new --query \"red > 1.5 & indoors > 1 & 'on grass' < 0\" -o report.html",),
        versions=(("t2c-audit-store", "0.1.0"), ("Python", "3.12.3"), ("numpy", "2.3.1"), ("duckdb", "2.0.0")),
    )


@pytest.fixture
def bare_report(full_report: ReportData) -> ReportData:
    """One dataset, nothing compared, no optional section."""
    return replace(
        full_report,
        sides=full_report.sides[:1],
        accounts=full_report.accounts[:1],
        current_stats=None,
        shift=None,
        logic=(),
        zeroshot=(),
        grids=(),
        missing=(("zeroshot", "No labels were given."),),
    )
