"""Which concepts of a bank were refined from exemplars, and on what: their AUROC on those images would flatter them."""

from t2c.schemas.tables.answers.refine import REFINED
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.disk.manifest import Manifest
from t2c.store.disk.root import Store


def refinements(store: Store, bank: str) -> dict[str, Manifest]:
    """Return the provenance of every refined concept of a bank, by the concept's name."""
    return {
        str(manifest.spec["concept"]): manifest
        for manifest in list_answers(store, REFINED)
        if manifest.spec["bank"] == bank
    }


def exemplars(store: Store, bank: str, concept: str) -> frozenset[str]:
    """Return the content hashes that a refined concept was fitted on; empty for any other concept."""
    manifest = refinements(store, bank).get(concept)
    return frozenset() if manifest is None else _fitted(store, manifest)


def every_exemplar(store: Store, bank: str) -> frozenset[str]:
    """Return the content hashes that any refined concept of a bank was fitted on."""
    return frozenset().union(*(_fitted(store, manifest) for manifest in refinements(store, bank).values()))


def _fitted(store: Store, manifest: Manifest) -> frozenset[str]:
    table = answer_table(store, manifest, columns=["content_hash", "use"])
    pairs = zip(table["content_hash"].to_pylist(), table["use"].to_pylist(), strict=True)
    return frozenset(content for content, use in pairs if use == "fitted")
