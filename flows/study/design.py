"""Which annotator judges which word on which collage: sampled from a seed, blinded, with checks of attention between."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from t2c.core.statistics.agreement import MAIN, UNRELATED
from t2c.schemas.digest import digest
from t2c.schemas.errors import InputError, SpecError, expected

FAR_WORDS = ("Tuesday", "arithmetic", "grammar", "seventeen", "mortgage", "philosophy", "syllable", "inflation")
"""Words that no photograph shows: an attention check says one of them, and the right answer is `unrelated`."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A word that was decoded for a class."""

    label: str
    """Class of images that it is judged on."""
    word: str
    """The word."""
    source: str = ""
    """Model that it was decoded from; empty where there is only one."""


@dataclass(frozen=True, slots=True)
class Check:
    """An item with a known answer."""

    label: str
    """Class of images."""
    word: str
    """A word that fits it, or one that does not."""
    answer: int
    """The known answer, 1 to 4; the annotator passes with one on the same side of related and unrelated."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question: a collage and a word."""

    id: str
    """Says nothing about the model, the class or the kind of item."""
    label: str
    """Class of the images."""
    word: str
    """The word asked about."""
    source: str
    """Model that the word was decoded from."""
    images: tuple[int, ...]
    """Image rows of the collage."""
    answer: int | None = None
    """Known answer of an attention check; None for an item of the study."""


@dataclass(frozen=True, slots=True)
class Study:
    """Everything about a study but the pictures: what the researcher keeps, and annotators do not see."""

    dataset: str
    """Dataset of the images, with snapshot: `photos@12`."""
    content: str
    """Digest of that snapshot's content."""
    seed: int
    """What the samples and orders were drawn from."""
    items: tuple[Item, ...]
    """All items, checks among them."""
    pages: Mapping[str, tuple[str, ...]]
    """Annotator to the ids of their items, in the order of their page."""

    @property
    def digest(self) -> str:
        """What a page and a result name the study by."""
        return digest(asdict(self))

    @property
    def by_id(self) -> dict[str, Item]:
        """Items by their ids."""
        return {item.id: item for item in self.items}


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a study is; raises SpecError for one that cannot be."""

    annotators: int = 2
    """Pages made."""
    per_item: int = 2
    """Annotators who judge each item."""
    classes: int | None = None
    """Classes drawn at random; None takes all."""
    images: int = 9
    """Pictures in a collage, at most."""
    attention: int = 4
    """Attention checks on each page."""
    seed: int = 0
    """Of every draw."""

    def __post_init__(self) -> None:
        if not 1 <= self.per_item <= self.annotators:
            want = f"1 to the {self.annotators} annotators"
            raise SpecError(expected("annotators an item", want, str(self.per_item), "Ask for more annotators"))
        for name, least in (("images", 1), ("attention", 0), ("seed", 0), ("classes", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise SpecError(expected(f"{name} of a study", f"{least} or more", str(value)))


def design(
    sayings: Sequence[Saying],
    rows: Mapping[str, Sequence[int]],
    *,
    plan: Plan,
    dataset: str,
    content: str,
    checks: Sequence[Check] = (),
) -> Study:
    """Return the study of some words; `rows` are the image rows of each class.

    A class has one collage, whatever is said of it. Without checks of the user's own, half of them say the class's own name
    and half a word that no photograph shows. Raises InputError for no words, a class without images, or a word said twice.
    """
    _check_sayings(sayings, rows, checks)
    labels = sorted({saying.label for saying in sayings})
    if plan.classes is not None and plan.classes < len(labels):
        drawn = _random(plan.seed, "classes").choice(len(labels), plan.classes, replace=False)
        labels = [labels[index] for index in sorted(drawn)]
    collages = {label: _collage(label, rows[label], plan) for label in {*labels, *(check.label for check in checks)}}
    questions = [
        Item("", saying.label, saying.word, saying.source, collages[saying.label])
        for saying in sorted(sayings, key=lambda saying: (saying.label, saying.source, saying.word))
        if saying.label in collages and saying.label in labels
    ]
    check_items = [
        Item("", check.label, check.word, "", collages[check.label], check.answer)
        for check in (checks or _own_checks(labels, plan))
    ]
    named = tuple(replace(item, id=_id(item, plan.seed)) for item in (*questions, *check_items))
    return Study(dataset, content, plan.seed, named, _pages(named, plan))


def _check_sayings(sayings: Sequence[Saying], rows: Mapping[str, Sequence[int]], checks: Sequence[Check]) -> None:
    if not sayings:
        raise InputError(expected("words of a study", "at least one", "none"))
    earlier: set[Saying] = set()
    entries: list[Saying | Check] = [*sayings, *checks]
    for entry in entries:
        if not entry.word.strip():
            raise InputError(expected(f"word of class {entry.label!r}", "text", repr(entry.word)))
        if not rows.get(entry.label):
            some = ", ".join(repr(label) for label in sorted(rows)[:5])
            todo = "Name classes as the dataset labels them"
            raise InputError(expected(f"class {entry.label!r}", f"a class with images ({some}, ...)", "no image", todo))
    for saying in sayings:
        if saying in earlier:
            raise InputError(expected("words of a study", "each word once for a class and model", f"twice {saying}"))
        earlier.add(saying)


def _random(seed: int, *what: str) -> np.random.Generator:
    """Return a generator of its own for each draw, so that one draw's size does not change another."""
    return np.random.default_rng([seed, int(digest(what)[:15], 16)])


def _collage(label: str, rows: Sequence[int], plan: Plan) -> tuple[int, ...]:
    count = min(plan.images, len(rows))
    drawn = _random(plan.seed, "collage", label).choice(len(rows), count, replace=False)
    return tuple(int(rows[index]) for index in drawn)


def _own_checks(labels: Sequence[str], plan: Plan) -> list[Check]:
    random = _random(plan.seed, "checks")
    drawn = [labels[index] for index in random.permutation(len(labels))]
    far = [FAR_WORDS[index] for index in random.permutation(len(FAR_WORDS))]
    checks = []
    for number in range(plan.attention):
        label = drawn[number % len(drawn)]
        own = number % 2 == 0
        word = label.replace("_", " ") if own else far[number // 2 % len(far)]
        checks.append(Check(label, word, MAIN if own else UNRELATED))
    return list(dict.fromkeys(checks))


def _id(item: Item, seed: int) -> str:
    return "q" + digest([seed, item.label, item.word, item.source, item.answer])[:10]


def _pages(items: Sequence[Item], plan: Plan) -> dict[str, tuple[str, ...]]:
    """Deal items to annotators evenly, each to `per_item` of them; checks go to all; each page has its own order."""
    questions = [item.id for item in items if item.answer is None]
    order = _random(plan.seed, "deal").permutation(len(questions))
    hands: list[list[str]] = [[] for _ in range(plan.annotators)]
    for place, index in enumerate(order):
        for turn in range(plan.per_item):
            hands[(place * plan.per_item + turn) % plan.annotators].append(questions[index])
    checks = [item.id for item in items if item.answer is not None]
    pages = {}
    for number, hand in enumerate(hands, start=1):
        name = f"annotator-{number}"
        # sorted first: the order of a page follows from its items and the seed alone, not from the order of the deal
        full = sorted(hand + checks)
        pages[name] = tuple(full[index] for index in _random(plan.seed, "page", name).permutation(len(full)))
    return pages
