"""Who takes part in a suite: encoders under test, each with the map that brings it into the CLIP's space."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from t2c.flows.engine.progress import Progress
from t2c.flows.engine.runner import Runner
from t2c.flows.features.extract import extract
from t2c.flows.maps.align import align
from t2c.schemas.errors import MismatchError, SpecError, UnknownName, expected
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.base import EncoderSpec, parse_encoder
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import StoredMap, open_map, preferred_maps
from t2c.store.disk.root import Store

if TYPE_CHECKING:
    from t2c.core.encoders.base import Encoder


@dataclass(frozen=True, slots=True)
class EncoderRun:
    """How encoders run."""

    runner: Runner
    """Where block work runs."""
    progress: Progress
    """Who watches."""
    device: str = "auto"
    """cpu, cuda, mps, or auto."""
    batch_size: int | None = None
    """Images a forward pass; None chooses."""
    workers: int | None = None
    """Decode threads; None chooses."""


@dataclass(frozen=True, slots=True)
class TestedModel:
    """One encoder under test."""

    name: str
    """Encoder name."""
    linear_map: StoredMap | None
    """Map into the CLIP's space; None for the CLIP itself."""


def name_of(encoder: "str | Encoder") -> str:
    """Return the name of an encoder given by name or as it is."""
    return encoder if isinstance(encoder, str) else encoder.name


def named_maps(store: Store, digests: Sequence[str], *, target: "str | Encoder") -> tuple[StoredMap, ...]:
    """Return maps by digest; raises UnknownName for one that is not there, MismatchError for one into another space."""
    named = tuple(open_map(store, digest) for digest in digests)
    for linear_map in named:
        if linear_map.target.name != name_of(target):
            subject = f"map {linear_map.name} from {linear_map.source.name}"
            want, actual = f"a map to {name_of(target)}", f"one to {linear_map.target.name}"
            raise MismatchError(expected(subject, want, actual, f"Name its target: --target {linear_map.target.name}"))
    return named


def check_models(models: Sequence["str | Encoder"], maps: Sequence[StoredMap]) -> None:
    """Raise SpecError for nobody to test and for a name that is no encoder's."""
    if not models and not maps:
        raise SpecError(expected("models of the suite", "at least one encoder", "none", "Add --model ENCODER"))
    for model in models:
        _runnable(model)


def tested_models(
    store: Store,
    models: Sequence["str | Encoder"],
    *,
    target: "str | Encoder",
    maps: Sequence[StoredMap],
    align_on: str | None,
    machine: EncoderRun,
) -> tuple[TestedModel, ...]:
    """Return every contestant: the models, in order, and then the models that only a named map brings.

    A model's map is fitted on `align_on` (features missing there are extracted first), or is the one that the store
    holds from it to the target. A model that named maps start from is tested under those alone. Raises UnknownName for a
    model without a map, naming what fits one.
    """
    brought: dict[str, list[StoredMap]] = {}
    for linear_map in maps:
        brought.setdefault(linear_map.source.name, []).append(linear_map)
    models = list({name_of(model): model for model in models}.values())
    to_fit = [model for model in models if name_of(model) not in (*brought, name_of(target))]
    if align_on is not None and to_fit:
        extract_missing(store, parse_dataset_ref(align_on).name, [*to_fit, target], machine=machine)
    entered: list[TestedModel] = []
    for model in models:
        # popped: what stays belongs to models that only a named map brings
        own = brought.pop(name_of(model), [])
        entered += [TestedModel(name_of(model), linear_map) for linear_map in own]
        entered += [] if own else [TestedModel(name_of(model), _map_of(store, model, target, align_on, machine))]
    brought_alone = [
        TestedModel(linear_map.source.name, linear_map) for several in brought.values() for linear_map in several
    ]
    return tuple(dict.fromkeys([*entered, *brought_alone]))


def _map_of(
    store: Store, model: "str | Encoder", target: "str | Encoder", align_on: str | None, machine: EncoderRun
) -> StoredMap | None:
    """Return the map from a model to the target: fitted now, or the store's; None when the model is the target."""
    source, goal = name_of(model), name_of(target)
    if source == goal:
        return None
    if align_on is not None:
        report = align(store, align_on, source=source, target=goal, runner=machine.runner, progress=machine.progress)
        return open_map(store, report.digest)
    for linear_map in preferred_maps(store):
        if (linear_map.source.name, linear_map.target.name) == (source, goal):
            return linear_map
    todo = f"Add --align-on DATASET, or fit one: t2c align DATASET --source {source} --target {goal}"
    raise UnknownName(expected(f"linear map of {source}", f"a map to {goal}", "none", todo))


def extract_missing(
    store: Store, dataset: str, encoders: Iterable["str | Encoder"], *, machine: EncoderRun
) -> tuple[str, ...]:
    """Extract the features that a dataset lacks, in one pass, and return by which encoders; no other is even loaded."""
    rows = open_images(store, dataset).rows
    covering = {feature.encoder for feature in list_features(store, dataset) if feature.rows >= rows}
    lacking = {name_of(encoder): encoder for encoder in encoders if name_of(encoder) not in covering}
    if lacking:
        extract(
            store,
            dataset,
            [_runnable(encoder) for encoder in lacking.values()],
            runner=machine.runner,
            device=machine.device,
            batch_size=machine.batch_size,
            workers=machine.workers,
            progress=machine.progress,
        )
    return tuple(lacking)


def _runnable(encoder: "str | Encoder") -> "EncoderSpec | Encoder":
    return parse_encoder(encoder) if isinstance(encoder, str) else encoder
