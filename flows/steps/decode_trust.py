"""Trust of words as concepts: the marks of every bank in the words' space that were measured under the map."""

from flows.concepts.vocabularies import OpenVocabulary
from flows.trust.trust import marks_in_use
from store.artifacts.concepts import list_banks, open_concepts
from store.artifacts.linear_maps import StoredMap
from store.disk.manifest import Parent
from store.disk.root import Store


def trust_of_words(
    store: Store, dataset: str, linear_map: StoredMap, words: OpenVocabulary
) -> tuple[dict[str, str], list[Parent]]:
    """Return the trust mark of each word that was measured as a concept, and the answers that they come from."""
    banks = [words.bank] if words.bank else list_banks(store)
    trust: dict[str, str] = {}
    parents: list[Parent] = []
    for bank in banks:
        marks = marks_in_use(store, dataset, map=linear_map.name, bank=bank)
        if marks is None:
            continue
        parents += [one.as_parent() for one in marks.answers]
        names = open_concepts(store, bank).names()
        for key, mark in marks.by_key.items():
            trust.setdefault(names[key], mark)
    return trust, parents
