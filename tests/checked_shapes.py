"""Axes in the signatures of t2c.core are checked at every call: on in every test process, off in production.

The modules import jaxtyping under TYPE_CHECKING alone (docs/decisions), so that is True while they are loaded here.
"""

import importlib
import typing
from collections.abc import Callable
from typing import Any

import pytest
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

import t2c.schemas.logic
import t2c.schemas.specs.base
import t2c.schemas.tables.tables  # noqa: F401  (loaded first, as TYPE_CHECKING is not theirs)

CHECKED = (
    "bottleneck.contribution",
    "bottleneck.bottleneck",
    "bottleneck.reading",
    "bottleneck.slices",
    "bottleneck.sparse_head",
    "concepts.concepts",
    "concepts.head_bank",
    "concepts.heads",
    "concepts.logic_eval",
    "concepts.refine",
    "concepts.similarity",
    "concepts.trust",
    "concepts.zeroshot",
    "laboratory.components",
    "laboratory.joint",
    "laboratory.retained",
    "laboratory.space_similarity",
    "maps.aligners",
    "maps.block_sums",
    "maps.cholesky",
    "maps.data_free",
    "maps.linear_map",
    "maps.moments",
    "maps.procrustes",
    "maps.quality",
    "maps.ridge",
    "maps.rotation_search",
    "maps.row_keys",
    "shift.block_null",
    "shift.class_shift",
    "shift.shift",
    "statistics.agreement",
    "statistics.auroc",
    "statistics.paired",
    "statistics.rank_agreement",
    "statistics.ranks",
    "statistics.stats",
    "words.fidelity",
    "words.sparse_code",
    "words.vocabulary",
)
"""Modules of t2c.core whose arrays have named axes."""

AXES = {"images", "source", "target", "concepts", "components", "classes", "prompts", "candidates"}
"""The one vocabulary of axes."""

_STRICT = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float, as for mypy


def checker(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return function with a check of its annotations; Self, which beartype knows in its own classes alone, is any."""
    function.__annotations__ = {
        name: Any if hint is typing.Self else hint for name, hint in function.__annotations__.items()
    }
    return _STRICT(function)


def load_checked() -> None:
    """Import the modules anew with a check around each function and dataclass."""
    modules = [f"t2c.core.{name}" for name in CHECKED]
    with pytest.MonkeyPatch.context() as patch, install_import_hook(modules, f"{__name__}.checker"):
        patch.setattr(typing, "TYPE_CHECKING", True)
        for module in modules:
            importlib.import_module(module)
