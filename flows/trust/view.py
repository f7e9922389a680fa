"""How the mark of a concept is shown beside whatever is said of it."""

from collections.abc import Iterable

from t2c.flows.cli.output import Output
from t2c.flows.engine.text_table import show
from t2c.flows.trust.trust import marks_by_name
from t2c.store.disk.root import Store
from t2c.store.queries import resolve_scores

NOT_MEASURED = "not measured"
"""Said of a concept without a mark."""


def say_marks(
    out: Output,
    store: Store,
    dataset: str,
    concepts: Iterable[str],
    *,
    map: str,  # noqa: A002 - the store's word
    bank: str,
) -> None:
    """Say the mark of each concept that a question named, and what measures it where there is none."""
    marks = marks_by_name(store, dataset.partition("@")[0], map=map, bank=bank)
    named = {name: (marks or {}).get(name) for name in dict.fromkeys(concepts)}
    out.put("trust", named)
    listed = ", ".join(f"{show(name)} {mark or NOT_MEASURED}" for name, mark in named.items())
    todo = f" (t2c trust {dataset.partition('@')[0]})" if None in named.values() else ""
    out.say(f"  trust: {listed}{todo}")


def say_mark_of(out: Output, store: Store, dataset: str, concept: str, **scored: str | None) -> None:
    """Say the mark of one concept under the similarities that the options choose."""
    scores = resolve_scores(store, dataset, **scored)
    say_marks(out, store, dataset, [concept], map=scores.map, bank=scores.bank)
