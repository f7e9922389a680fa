"""What an extraction reports, and when bad images make it an error."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from t2c.flows.engine.shown import Shown
from t2c.flows.features.blocks import ItemResult
from t2c.flows.features.plan import ExtractPlan
from t2c.schemas.errors import InputError, expected
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images

_LOOK = "Look at them: t2c sql \"select image_id, outcome, error from images where outcome <> 'ok'\""


@dataclass(frozen=True, slots=True)
class ExtractReport(Shown):
    """What an extraction did, and how the dataset stands now."""

    dataset: str
    """Dataset name."""
    snapshot: int
    """Image snapshot after the run: outcomes found by decoding are in it."""
    path: str
    """Folder of the dataset's features: path or URL; each array is a folder in it."""
    outcomes: dict[str, int]
    """Current images by outcome: ok, corrupt, too_large, unsupported, missing."""
    duplicates: int
    """Current images whose bytes an earlier row has; they have features all the same."""
    decoded: int
    """Images decoded in this run."""
    failed: int
    """Images that gave no pixels in this run."""
    seconds: float
    """Wall time of decoding, encoding and writing."""
    images_per_s: float
    """Images decoded and encoded a second; 0 when there was nothing to do."""
    chunks: int
    """Chunks written in this run."""
    plan: ExtractPlan
    """What the run set out to do."""
    features: tuple[Features, ...]
    """One an encoder, as committed."""


def make_report(
    images: Images, results: Sequence[ItemResult], *, plan: ExtractPlan, seconds: float, features: tuple[Features, ...]
) -> ExtractReport:
    """Return the report of a run that committed these features; images is the index after it."""
    current = images.table(["outcome", "duplicate_of"])
    decoded = sum(result.decoded for result in results)
    return ExtractReport(
        dataset=images.dataset,
        snapshot=images.snapshot,
        path=images.store.files.uri(f"features/{images.dataset}"),
        outcomes=dict(Counter(current["outcome"].to_pylist())),
        duplicates=current.num_rows - current["duplicate_of"].null_count,
        decoded=decoded,
        failed=sum(len(result.failures) for result in results),
        seconds=seconds,
        images_per_s=decoded / seconds if decoded and seconds > 0 else 0.0,
        chunks=sum(result.chunks for result in results),
        plan=plan,
        features=features,
    )


def check_bad_rate(report: ExtractReport, most: float) -> None:
    """Raise InputError when more than this fraction of the current images is not ok."""
    total = sum(report.outcomes.values())
    bad = total - report.outcomes.get("ok", 0)
    if bad > most * total:
        todo = f"Features of the others are kept. {_LOOK}"
        want = f"at most {most:.2%} bad images"
        raise InputError(expected(f"images of {report.dataset}", want, f"{bad} of {total} ({bad / total:.2%})", todo))


def none_readable(images: Images, table: pa.Table) -> InputError:
    """Return the error for a dataset without a readable image; table holds all its rows."""
    current = table.filter(table["current"])
    counts = Counter(current["outcome"].to_pylist())
    actual = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "no image at all"
    todo = f"{_LOOK}. Then: t2c retry {images.dataset}"
    return InputError(expected(f"images of {images.dataset}", "at least one that can be read", actual, todo))
