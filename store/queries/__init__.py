"""Questions asked of committed similarities: nothing here encodes, scores or writes."""

from store.artifacts.similarities import resolve_scores
from store.queries.find import FindResult, find
from store.queries.rank import Extremes, extremes, top
from store.queries.searched import Searched, searched, values_for
from store.queries.summary import Summary, summary

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
