"""Words from a head: a bank whose vectors are the rows of a classifier's head, in the encoder's own space.

It needs no CLIP and no map: an image's feature is compared with the classes that the encoder was trained to tell apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.concepts.head_bank import class_rows, group_rows
from t2c.flows.concepts.head_groups import groups_of
from t2c.flows.engine.answers import store_path
from t2c.flows.engine.shown import Shown
from t2c.flows.features.vector_files import open_vectors
from t2c.flows.maps.encoder_heads import own_head
from t2c.flows.rows.id_files import read_ids
from t2c.schemas.digest import digest_bytes
from t2c.schemas.errors import MismatchError, SpecError, expected, unknown
from t2c.schemas.names import check_name
from t2c.schemas.spaces import Space
from t2c.store.artifacts.bank_background import parse_background
from t2c.store.artifacts.concepts import CLASS, GROUP, HEAD, add_concepts, list_banks, open_concepts
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import list_datasets
from t2c.store.disk import paths
from t2c.store.disk.root import Store

BACKGROUNDS = (Path(__file__).with_name("lite0_background.npz"),)
"""Moments that travel with the package, each of one head; made by: python -m benchmarks.head_background"""


@dataclass(frozen=True, slots=True)
class HeadBankReport(Shown):
    """The bank of a head: where it is, and what it holds."""

    bank: str
    """Bank name."""
    path: str
    """Where the bank is."""
    snapshot: int
    """Its snapshot."""
    encoder: str
    """Whose head it is."""
    classes: int
    """Classes of the head, a concept each."""
    groups: tuple[str, ...]
    """Everyday words that are groups of classes, such as `dog`."""
    background: str
    """What the bank's own background is of; empty when it brings none."""
    new: bool
    """False when the bank was there already."""


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A head to make a bank of."""

    space: Space
    """Space that it reads."""
    weight: npt.NDArray[np.float32]
    """(classes, target)."""
    names: tuple[str, ...]
    """What each class is called."""
    lemmas: tuple[tuple[str, ...], ...]
    """Further names of each class, its own first; empty where none are known."""
    ids: tuple[str, ...] | None
    """Synsets, where the classes are ImageNet's."""


def from_head(
    store: Store,
    bank: str,
    *,
    encoder: str,
    weights: str | Path | None = None,
    classes: str | Path | None = None,
    device: str = "auto",
) -> HeadBankReport:
    """Make a bank of a head's classes and groups of them, in the encoder's own space.

    `encoder` is one with a linear head, or the name of imported features: then `weights` is a .npy of the head's weight
    (classes, dimensions). `classes` names its classes in order where the model does not. The same head again does
    nothing. Raises SpecError for no head or no names, UnknownName for features that are not there, MismatchError for a
    bank of that name that is another, InputError for files, or a class without a direction.
    """
    check_name(bank, what="concept bank")
    head = _imported(store, encoder, weights, classes) if weights else _own(encoder, classes, device=device)
    rows = class_rows(head.weight)
    groups = groups_of(head.names, head.ids)
    table = _table(head, rows, groups, group_rows(rows, list(groups.values())))
    old = bank in list_banks(store)
    if old:
        _check_same(store, bank, head.space, table)
    data, images = _packaged(head)
    stored = add_concepts(store, bank, table, space=head.space, text_encoder=f"{HEAD}{encoder}", background=data)
    path = store_path(store, paths.concepts(bank))
    return HeadBankReport(bank, path, stored.manifest.snapshot, encoder, len(rows), tuple(groups), images, new=not old)


def _own(encoder: str, classes: str | Path | None, *, device: str) -> _Opened:
    from t2c.core.encoders.imagenet import class_ids, head_names, short_names

    space, head = own_head(encoder, device=device)
    if classes is not None:
        names = _names(classes, len(head.weight))
        return _Opened(space, head.weight, names, ((),) * len(names), None)
    if head.classes is None:
        want = f"names of its {len(head.weight):,} classes, which the model does not say"
        raise SpecError(expected(f"classifier of {encoder}", want, "none", "Name them in order: --classes FILE"))
    ids = class_ids(head.classes)
    names = head_names(head.classes) if ids is None else short_names(head.classes, ids)
    lemmas = tuple(tuple(lemma.strip() for lemma in name.split(",")) if ids else () for name in head.classes)
    return _Opened(space, head.weight, names, lemmas, ids)


def _imported(store: Store, encoder: str, weights: str | Path, classes: str | Path | None) -> _Opened:
    """Return a head that came as a file, over features that came as a file."""
    if classes is None:
        raise SpecError(
            expected(f"classes of {weights}", "a file that names them in order", "none", "Give it: --classes")
        )
    features = [features for name in list_datasets(store) for features in list_features(store, name)]
    space = next((one.space for one in features if encoder in (one.encoder, one.space.name, one.space.id)), None)
    if space is None:
        todo = f"Import them: t2c features import DATASET VECTORS IDS --encoder {encoder}"
        raise unknown("features by encoder", encoder, [one.encoder for one in features], todo=todo)
    opened = open_vectors(weights, classes)
    if opened.dimension != space.dimension:
        want = f"{space.dimension:,} numbers a class, as {space.describe()}"
        raise MismatchError(expected(f"head {weights}", want, f"{opened.dimension:,}"))
    weight = opened.take(np.arange(opened.rows)).astype(np.float32)
    return _Opened(space, weight, opened.ids, ((),) * opened.rows, None)


def _names(path: str | Path, count: int) -> tuple[str, ...]:
    return tuple(read_ids(Path(path), rows=count).column(0).to_pylist())


def _table(
    head: _Opened,
    rows: npt.NDArray[np.float32],
    groups: Any,
    vectors: npt.NDArray[np.float32],
) -> pa.Table:
    """Return the bank's concepts: the classes, whose prompts are their lemmas, then the groups, whose are classes."""
    members = [[head.names[place] for place in places] for places in groups.values()]
    kinds: Sequence[str] = [CLASS] * len(rows) + [GROUP] * len(groups)
    ways = ["row of a head"] * len(rows) + ["mean of classes"] * len(groups)
    return pa.table(
        {
            "concept": pa.array([*head.names, *groups], pa.string()),
            "prompts": pa.array([*map(list, head.lemmas), *members], pa.list_(pa.string())),
            "vector": pa.array(np.concatenate([rows, vectors]).tolist(), pa.list_(pa.float32())),
            "averaging": pa.array(ways, pa.string()),
            "kind": pa.array(kinds, pa.string()),
        }
    )


def _check_same(store: Store, bank: str, space: Space, table: pa.Table) -> None:
    """Raise MismatchError when a bank is there that does not begin with these very concepts."""
    existing = open_concepts(store, bank)
    names, vectors = table["concept"].to_pylist(), np.asarray(table["vector"].to_pylist(), np.float32)
    held = existing.names()[: len(names)]
    if existing.space.id != space.id or held != names or not np.array_equal(existing.vectors()[: len(names)], vectors):
        want, actual = f"the {len(names):,} classes and groups of this head", f"{existing.count:,} other concepts"
        raise MismatchError(expected(f"concept bank {bank}", want, actual, "Choose another name for the bank."))


def _packaged(head: _Opened) -> tuple[bytes | None, str]:
    """Return the packaged background of this very head over this very space, and what it is of; or nothing."""
    for path in BACKGROUNDS:
        data = path.read_bytes()
        about = parse_background(data, subject=path.name).provenance
        if (about["space"], about["weights"]) == (head.space.id, weights_digest(head.weight)):
            return data, str(about["images"])
    return None, ""


def weights_digest(weight: npt.NDArray[np.float32]) -> str:
    """Return the sha256 of a head's weight, by which a packaged background knows its own."""
    return digest_bytes(weight.astype("<f4").tobytes())
