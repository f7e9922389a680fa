"""The report's section on the alignment laboratory: what the store holds about the report's own snapshots."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from t2c.flows.laboratory.figures import (
    CurveFigures,
    Laboratory,
    component_figures,
    curve_figures,
    judged_by,
    pair_figures,
)
from t2c.flows.objectives.figures import ObjectiveFigures, labels_fitted, objective_figures
from t2c.flows.page.section import Context, Gathered
from t2c.schemas.certificate import Certificate
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.linear_maps import StoredMap, open_map
from t2c.store.disk import paths
from t2c.store.disk.manifest import Manifest, find_manifest
from t2c.store.disk.root import Store


def gather(context: Context) -> Gathered | None:
    """Return the newest pair matrix and components of each dataset, and the newest curve and comparison of each kind.

    None without any.
    """
    store = context.asked.store
    images = {side.among.images.dataset: side.among.images for side in context.sides}
    answers = {kind: _about(list_answers(store, kind), images.values()) for kind in ("pairs", "components", "curves")}
    pairs, components = (_newest(answers[kind], _dataset) for kind in ("pairs", "components"))
    curves = _newest(answers["curves"], lambda spec: (*_card(spec), str(spec["source"])))
    where = {name: f"{name}@{dataset.snapshot}" for name, dataset in images.items()}
    objectives, compared = _objectives(store, _about(list_answers(store, "objectives"), images.values()), where)
    if not (pairs or components or curves or objectives):
        return None
    tables = {answer.name: answer_table(store, answer) for answer in (*pairs, *components, *curves)}
    together: dict[tuple[str, ...], list[Manifest]] = {}
    for answer in curves:
        together.setdefault(_card(answer.spec), []).append(answer)
    figures = Laboratory(
        tuple(pair_figures(tables[answer.name], dataset=where[answer.spec["dataset"]]) for answer in pairs),
        tuple(_curves(some, tables, where) for some in together.values()),
        tuple(component_figures(tables[answer.name], dataset=where[answer.spec["dataset"]]) for answer in components),
        objectives,
    )
    return Gathered(figures, (*pairs, *curves, *components, *compared))


def _curves(curves: Sequence[Manifest], tables: Mapping[str, pa.Table], where: Mapping[str, str]) -> CurveFigures:
    """Return the card of curves that share their target and what judges them."""
    spec = curves[0].spec
    return curve_figures(
        [(curve.spec["source"], tables[curve.name]) for curve in curves],
        target=spec["target"],
        by=spec["by"],
        dataset=where[spec["dataset"]],
        judged=judged_by(spec),
    )


def _dataset(spec: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(spec["dataset"]),)


def _card(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the curves of one card have in common: the target, what grows, and the head with its labels."""
    _, head = spec.get("heads") or (None, None)
    labels = spec["labels"] if spec["by"] == "classes" else ""
    return (spec["dataset"], spec["target"], spec["by"], labels, json.dumps(head, sort_keys=True))


def _objectives(
    store: Store, answers: Iterable[Manifest], where: Mapping[str, str]
) -> tuple[tuple[ObjectiveFigures, ...], tuple[Manifest, ...]]:
    """Return the newest comparison with each objective, for each dataset, target, choice of sources and labels fitted.

    And what was read for them.
    """
    newest: dict[tuple[str, ...], tuple[Manifest, str, list[StoredMap]]] = {}
    for comparison in answers:
        for objective in comparison.spec["against"]:
            fitted_maps = _other_maps(store, comparison, objective)
            labels = labels_fitted(_certificates(fitted_maps))
            about = (
                comparison.spec["dataset"],
                comparison.spec["target"],
                *comparison.spec["sources"],
                objective,
                labels,
            )
            newest[about] = comparison, objective, fitted_maps
    figures: list[ObjectiveFigures] = []
    read: dict[str, Manifest] = {}
    for comparison, objective, fitted_maps in newest.values():
        table, dataset = answer_table(store, comparison), where[comparison.spec["dataset"]]
        fits = _certificates(fitted_maps)
        figures.append(objective_figures(table, objective, spec=comparison.spec, dataset=dataset, fits=fits))
        read |= {
            part.artifact: part for part in (comparison, *(other.manifest for other in fitted_maps)) if part is not None
        }
    return tuple(figures), tuple(read.values())


def _other_maps(store: Store, comparison: Manifest, objective: str) -> list[StoredMap]:
    """Return the maps of a comparison that were fitted by an objective, as far as the store still holds them."""
    names = [parent.name for parent in comparison.parents if parent.kind == "linear_maps"]
    held = [open_map(store, name) for name in names if find_manifest(store, paths.linear_map(name))]
    return [other for other in held if other.certificate is not None and other.certificate.aligner == objective]


def _certificates(maps: Iterable[StoredMap]) -> list[Certificate]:
    return [linear_map.certificate for linear_map in maps if linear_map.certificate is not None]


def _about(answers: Iterable[Manifest], images: Iterable[Images]) -> list[Manifest]:
    """Return the answers that rest on one of these snapshots."""
    snapshots = {(dataset.dataset, dataset.manifest.content_digest) for dataset in images}
    return [
        answer
        for answer in answers
        if any(part.kind == "images" and (part.name, part.digest) in snapshots for part in answer.parents)
    ]


def _newest(answers: Iterable[Manifest], question: Callable[[Mapping[str, Any]], tuple[str, ...]]) -> list[Manifest]:
    """Return the newest answer of each question, as `question` tells specs apart; answers come oldest first."""
    return list({question(answer.spec): answer for answer in answers}.values())
