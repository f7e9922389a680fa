"""Questions asked of committed similarities: nothing here encodes, scores or writes."""

from t2c.store.artifacts.similarities import resolve_scores
from t2c.store.queries.find import FindResult, find
from t2c.store.queries.rank import Extremes, extremes, top
from t2c.store.queries.searched import Searched, searched, values_for
from t2c.store.queries.summary import Summary, summary

__all__ = [
    "Extremes",
    "FindResult",
    "Searched",
    "Summary",
    "extremes",
    "find",
    "resolve_scores",
    "searched",
    "summary",
    "top",
    "values_for",
]
