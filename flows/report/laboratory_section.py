"""The report's section on the alignment laboratory: what the store holds about the report's own snapshots."""

from collections.abc import Iterable

from flows.report.laboratory_figures import Laboratory, component_figures, curve_figures, pair_figures
from flows.report.section import Context, Gathered
from store.answers import answer_table, list_answers
from store.images import Images
from store.manifest import Manifest


def gather(context: Context) -> Gathered | None:
    """Return the newest pair matrix and components of each dataset, and the newest curve of each kind; None without any."""
    store = context.asked.store
    images = {side.among.images.dataset: side.among.images for side in context.sides}
    pairs, components, curves = (
        _newest(_about(list_answers(store, kind), images.values()), says)
        for kind, says in (
            ("pairs", ("dataset",)),
            ("components", ("dataset",)),
            ("curves", ("dataset", "target", "by", "source")),
        )
    )
    if not (pairs or components or curves):
        return None
    where = {name: f"{name}@{one.snapshot}" for name, one in images.items()}
    tables = {one.name: answer_table(store, one) for one in (*pairs, *components, *curves)}
    together: dict[tuple[str, str, str], list[Manifest]] = {}
    for one in curves:
        together.setdefault((one.spec["dataset"], one.spec["target"], one.spec["by"]), []).append(one)
    found = Laboratory(
        tuple(pair_figures(tables[one.name], dataset=where[one.spec["dataset"]]) for one in pairs),
        tuple(
            curve_figures(
                [(one.spec["source"], tables[one.name]) for one in some], target=target, by=by, dataset=where[dataset]
            )
            for (dataset, target, by), some in together.items()
        ),
        tuple(component_figures(tables[one.name], dataset=where[one.spec["dataset"]]) for one in components),
    )
    return Gathered(found, (*pairs, *curves, *components))


def _about(answers: Iterable[Manifest], images: Iterable[Images]) -> list[Manifest]:
    """Return the answers that rest on one of these snapshots."""
    wanted = {(one.dataset, one.manifest.content_digest) for one in images}
    return [
        one
        for one in answers
        if any(part.kind == "images" and (part.name, part.digest) in wanted for part in one.parents)
    ]


def _newest(answers: Iterable[Manifest], says: tuple[str, ...]) -> list[Manifest]:
    """Return the newest answer of each question, as far as `says` tells questions apart; answers come oldest first."""
    found: dict[tuple[str, ...], Manifest] = {}
    for one in answers:
        found[tuple(str(one.spec[name]) for name in says)] = one
    return list(found.values())
