"""The report's section on what people say of decoded words: the newest study of the dataset, as the paper's tables 5 and 6."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from t2c.flows.page.section import Context, Gathered
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.disk.manifest import Manifest
from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True)
class StudySection:
    """What the section shows."""

    rates: tuple[Mapping[str, Any], ...]
    """Rows of STUDY that are rates."""
    agreements: tuple[Mapping[str, Any], ...]
    """Rows of STUDY that are agreements; none where no item has two annotators."""
    annotators: int
    """Annotators whose answers were given."""
    checks: int
    """Checks of attention that they answered."""
    failed: int
    """Of these, on the wrong side of related and unrelated."""


def gather(context: Context) -> Gathered | None:
    """Return the newest study of the reference's pictures, or None when nobody was asked."""
    store, dataset = context.asked.store, context.sides[0].among.scores.dataset
    newest = _newest(store, "study", dataset)
    if newest is None:
        return None
    rows = answer_table(store, newest).to_pylist()
    answers_manifest = next(
        manifest for manifest in list_answers(store, "study_answers") if _asked(manifest) == _asked(newest)
    )
    answers = answer_table(store, answers_manifest).to_pylist()
    passed = [row["passed"] for row in answers if row["passed"] is not None]
    section = StudySection(
        rates=tuple(row for row in rows if row["figure"] == "rate"),
        agreements=tuple(row for row in rows if row["figure"] == "agreement"),
        annotators=len({row["annotator"] for row in answers}),
        checks=len(passed),
        failed=passed.count(False),
    )
    return Gathered(section, (newest, answers_manifest))


def _newest(store: Store, kind: str, dataset: str) -> Manifest | None:
    manifests = [manifest for manifest in list_answers(store, kind) if manifest.spec["dataset"] == dataset]
    return manifests[-1] if manifests else None


def _asked(manifest: Manifest) -> dict[str, Any]:
    """Return the question without the kind of answer."""
    return {key: value for key, value in manifest.spec.items() if key != "kind"}
