"""Every kind of answer table that a store keeps, each declared beside its neighbours in one module of this package."""

from collections.abc import Mapping

from t2c.schemas.tables.answers import (
    audit,
    bottleneck,
    decode,
    laboratory,
    maps,
    objectives,
    prominence,
    proposals,
    reading,
    refine,
    rows,
    study,
    suite,
    trust,
)
from t2c.schemas.tables.answers.kind import AnswerKind

ANSWERS: Mapping[str, AnswerKind] = {
    **audit.ANSWERS,
    **prominence.ANSWERS,
    **maps.ANSWERS,
    **laboratory.ANSWERS,
    **objectives.ANSWERS,
    **trust.ANSWERS,
    **suite.ANSWERS,
    **bottleneck.ANSWERS,
    **refine.ANSWERS,
    **reading.ANSWERS,
    **proposals.ANSWERS,
    **decode.ANSWERS,
    **study.ANSWERS,
    **rows.ANSWERS,
}
"""Kind -> what it holds; the kinds in the order in which documentation lists them."""
