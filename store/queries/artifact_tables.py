"""Tables about artifacts rather than of them: encoders, linear maps, lineage, snapshots; made from manifests."""

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from t2c.schemas.digest import SHORT
from t2c.schemas.spaces import space_from
from t2c.schemas.tables.catalog import ENCODERS, LINEAR_MAPS, SNAPSHOTS
from t2c.schemas.tables.tables import LINEAGE
from t2c.store.artifacts.linear_maps import StoredMap, list_maps
from t2c.store.disk.manifest import Manifest, list_artifacts, read_manifest, snapshots
from t2c.store.disk.paths import KINDS
from t2c.store.disk.root import Store


def encoders(store: Store) -> pa.Table:
    """Return ENCODERS: the features of every dataset in every space."""
    rows = []
    for artifact in list_artifacts(store, "features"):
        manifest = read_manifest(store, artifact)
        space = space_from(manifest.spec["space"])
        rows.append(
            {
                "dataset": manifest.name.partition("/")[0],
                "encoder": manifest.spec["encoder"],
                "space": space.short,
                "dimension": space.dimension,
                "dtype": manifest.spec["dtype"],
                "rows": manifest.rows,
                "snapshot": manifest.snapshot,
                "created_at": _time(manifest),
            }
        )
    return pa.Table.from_pylist(rows, schema=ENCODERS)


def linear_maps(store: Store) -> pa.Table:
    """Return LINEAR_MAPS: every map with its certificate."""
    return pa.Table.from_pylist([_map_row(linear_map) for linear_map in list_maps(store)], schema=LINEAR_MAPS)


def lineage(store: Store) -> pa.Table:
    """Return LINEAGE: a row for each parent of each snapshot, and one for each snapshot without parents."""
    rows = []
    for manifest in _every_snapshot(store):
        own = {
            "artifact": f"{manifest.kind}/{manifest.name}",
            "snapshot": manifest.snapshot,
            "digest": manifest.digest,
            "created_at": _time(manifest),
        }
        rows += [
            {
                **own,
                "parent": f"{parent.kind}/{parent.name}",
                "parent_snapshot": parent.snapshot,
                "parent_digest": parent.digest,
            }
            for parent in manifest.parents
        ] or [own]
    return pa.Table.from_pylist(rows, schema=LINEAGE)


def snapshot_table(store: Store) -> pa.Table:
    """Return SNAPSHOTS: every snapshot of every artifact."""
    rows = [
        {
            "kind": manifest.kind,
            "name": manifest.name,
            "snapshot": manifest.snapshot,
            "rows": manifest.rows,
            "files": len(manifest.files),
            "bytes": sum(entry.size for entry in manifest.files),
            "digest": manifest.digest,
            "created_at": _time(manifest),
        }
        for manifest in _every_snapshot(store)
    ]
    return pa.Table.from_pylist(rows, schema=SNAPSHOTS)


def _every_snapshot(store: Store) -> Iterator[Manifest]:
    for kind in KINDS:
        for artifact in list_artifacts(store, kind):
            yield from snapshots(store, artifact)


def _map_row(linear_map: StoredMap) -> dict[str, object]:
    certificate, manifest = linear_map.certificate, linear_map.manifest
    if certificate is None or manifest is None:
        return {}
    plain = ("aligner", "objective", "dataset", "snapshot", "ridge", "rank", "condition", "method", "fitted", "folds")
    row: dict[str, object] = {name: getattr(certificate, name) for name in (*plain, "measured_on")}
    if (quality := certificate.held_out) is not None:
        measured = ("r2_variance_weighted", "r2_uniform", "r2_global", "mean_global", "mean_cosine")
        row |= {name: getattr(quality, name) for name in measured} | {"held_out": quality.n}
    return row | {
        "map": linear_map.digest[:SHORT],
        "source": linear_map.source.name,
        "source_space": linear_map.source.short,
        "target": linear_map.target.name,
        "target_space": linear_map.target.short,
        "needed": list(certificate.needed),
        "notes": list(certificate.notes),
        "created_at": _time(manifest),
    }


def _time(manifest: Manifest) -> datetime:
    return datetime.fromisoformat(manifest.created_at)
