"""Names name the thing: of all names that are assigned, few are pronouns or participles that point at something nearby."""

import ast
from collections import Counter

from tests.house.conftest import ROOT

POINTING = frozenset(
    [
        "one",
        "ones",
        "found",
        "said",
        "mine",
        "theirs",
        "asked",
        "judged",
        "given",
        "made",
        "wanted",
        "done",
        "others",
        "both",
        "each",
        "here",
        "there",
        "shown",
        "known",
        "left",
        "taken",
        "kept",
        "told",
        "seen",
        "got",
        "had",
    ]
)
MOST = 0.03
"""Share of assigned names that may be such words."""


def share(sources: list[str]) -> tuple[float, Counter[str]]:
    """Return the share of pointing words among assigned names, and how often each is there."""
    names = Counter(
        node.id
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    words = Counter({name: count for name, count in names.items() if name in POINTING})
    return words.total() / names.total(), words


def test_few_names_point() -> None:
    files = [path for top in ("flows", "store", "schemas", "t2c_core") for path in (ROOT / top).rglob("*.py")]
    found, words = share([path.read_text() for path in files])
    assert found <= MOST, words.most_common(10)


def test_the_count_can_fail() -> None:
    assert share(["one = 1\nfor found in ():\n    rows = found\n"])[0] == 2 / 3
