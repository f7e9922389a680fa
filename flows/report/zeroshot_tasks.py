"""Zero-shot tables of a report: from tasks just done, or from answers the store already holds; nothing is classified."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from t2c.core.concepts.zeroshot import accuracy, accuracy_by_class
from t2c.flows.report.data import ACCURACIES, CLASS_ACCURACIES, Zeroshot
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.linear_maps import StoredMap
from t2c.store.disk.manifest import Manifest

if TYPE_CHECKING:
    from t2c.flows.zeroshot.zeroshot import ZeroshotReport

_TASK = ("labels", "truth", "classes", "templates", "bank", "target")
"""Keys of an answer's spec that two encoders of one task share."""


def table_of(report: "ZeroshotReport") -> Zeroshot:
    """Return a task just done as the report shows it."""
    rows = [{name: getattr(score, name) for name in ACCURACIES.names} for score in report.scores]
    return Zeroshot(
        report.name,
        report.dataset,
        len(report.classes),
        report.chance,
        pa.Table.from_pylist(rows, schema=ACCURACIES),
        _hardest_first(report.by_class.select(CLASS_ACCURACIES.names).cast(CLASS_ACCURACIES)),
    )


def stored_tasks(images: Images, linear_map: StoredMap) -> tuple[list[Zeroshot], list[Manifest]]:
    """Return the labelled tasks that were done on this image snapshot under a map, and the answers read for them."""
    stored = [manifest for manifest in list_answers(images.store, "zeroshot") if _is_of(manifest, images)]
    own = {_task(manifest): manifest for manifest in stored if str(manifest.spec["map"]).startswith("identity-")}
    aligned = {_task(manifest): manifest for manifest in stored if manifest.spec["map"] == linear_map.digest}
    tasks, read = [], []
    for task, answer in aligned.items():
        other = None if linear_map.identity else own.get(task)
        table = _from_answers(images, answer, other, encoders=(linear_map.source.name, linear_map.target.name))
        if table is not None:
            tasks.append(table)
            read += [answer, *([other] if other else [])]
    return tasks, read


def _is_of(answer: Manifest, images: Images) -> bool:
    images_parent = images.manifest.as_parent()
    return any(parent == images_parent for parent in answer.parents)


def _task(answer: Manifest) -> tuple[str, ...]:
    return tuple(str(answer.spec[key]) for key in _TASK)


def _from_answers(
    images: Images, answer: Manifest, other: Manifest | None, *, encoders: tuple[str, str]
) -> Zeroshot | None:
    """Return a task's table over the images that both encoders classified, or None when none of them has a label."""
    classes: list[str] = list(answer.spec["classes"])
    tables = [_table(images, manifest) for manifest in (answer, other) if manifest is not None]
    rows = (
        tables[0]["row"] if len(tables) == 1 else tables[0]["row"].filter(pc.is_in(tables[0]["row"], tables[1]["row"]))
    )
    tables = [
        table.filter(pc.and_(pc.is_in(table["row"], rows), pc.is_in(table["label"], pa.array(classes))))
        for table in tables
    ]
    if tables[0].num_rows == 0:
        return None
    roles = (
        [("aligned", encoders[0]), ("target", encoders[1])]
        if answer.spec["map"][:9] != "identity-"
        else [("target", encoders[1])]
    )
    return Zeroshot(
        str(answer.spec["labels"]),
        f"{images.dataset}@{images.snapshot}",
        len(classes),
        1 / len(classes),
        _accuracies(tables, roles, classes),
        _by_class(tables, classes),
    )


def _table(images: Images, answer: Manifest) -> pa.Table:
    return answer_table(images.store, answer, columns=["row", "label", "predicted"])


def _accuracies(tables: Sequence[pa.Table], roles: Sequence[tuple[str, str]], classes: Sequence[str]) -> pa.Table:
    rows = []
    for (role, encoder), table in zip(roles, tables, strict=False):
        measured = accuracy(table["predicted"].to_pylist(), table["label"].to_pylist(), classes=classes)
        rows.append(
            {
                "encoder": encoder,
                "role": role,
                **{name: getattr(measured, name) for name in ("n", "accuracy", "low", "high")},
            }
        )
    return pa.Table.from_pylist(rows, schema=ACCURACIES)


def _by_class(tables: Sequence[pa.Table], classes: Sequence[str]) -> pa.Table:
    accuracies = [
        accuracy_by_class(table["predicted"].to_pylist(), table["label"].to_pylist(), classes=classes)
        for table in tables
    ]
    rows: list[dict[str, Any]] = [
        {
            "class": name,
            "n": aligned.n,
            "aligned": aligned.accuracy,
            "target": accuracies[1][name].accuracy if len(accuracies) > 1 else None,
        }
        for name, aligned in accuracies[0].items()
    ]
    return _hardest_first(pa.Table.from_pylist(rows, schema=CLASS_ACCURACIES))


def _hardest_first(table: pa.Table) -> pa.Table:
    return table.sort_by([("aligned", "ascending"), ("n", "descending"), ("class", "ascending")])
