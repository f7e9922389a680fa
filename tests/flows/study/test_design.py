"""A study is drawn from its seed alone: samples, deals, orders and checks; it is blinded, and refuses what it cannot ask."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from t2c.flows.study.design import FAR_WORDS, Check, Plan, Saying, Study, design
from t2c.schemas.errors import InputError, SpecError

LABELS = [f"class {number}" for number in range(10)]
ROWS = {label: list(range(20 * place, 20 * place + 20)) for place, label in enumerate(LABELS)}
SAYINGS = [Saying(label, f"word {place}", model) for model in ("a", "b") for place, label in enumerate(LABELS)]


def made(sayings: Any = SAYINGS, rows: Any = ROWS, *, checks: Any = (), **plan: Any) -> Study:
    return design(sayings, rows, plan=Plan(**plan), dataset="photos@1", content="c" * 64, checks=checks)


def test_the_same_seed_gives_the_same_study_whatever_the_order_of_the_words() -> None:
    assert made() == made(SAYINGS[::-1])
    assert made().digest == made(SAYINGS[::-1]).digest


def test_another_seed_gives_another() -> None:
    assert made(seed=1).pages != made().pages
    assert made(seed=1).items[0].images != made().items[0].images


def test_two_annotators_judge_everything_in_orders_of_their_own() -> None:
    first, second = made().pages.values()
    assert sorted(first) == sorted(second)
    assert len(first) == 20 + 4
    assert first != second


def test_items_are_dealt_evenly_to_as_many_as_asked_for() -> None:
    study = made(annotators=5, per_item=2, attention=0)
    assert Counter(name for page in study.pages.values() for name in page) == dict.fromkeys(study.by_id, 2)
    assert {len(page) for page in study.pages.values()} == {8}
    assert all(len(set(page)) == len(page) for page in study.pages.values())


def test_a_class_has_one_collage_whatever_is_said_of_it() -> None:
    collages = {(item.label, item.images) for item in made().items}
    assert len(collages) == 10
    assert all(len(set(images)) == 9 and set(images) <= set(ROWS[label]) for label, images in collages)


def test_a_small_class_shows_what_it_has() -> None:
    study = made([Saying("few", "word")], {"few": [4, 7]}, attention=0)
    assert sorted(study.items[0].images) == [4, 7]


def test_classes_are_drawn_for_all_models_alike() -> None:
    study = made(classes=4, attention=0)
    assert Counter(item.source for item in study.items) == {"a": 4, "b": 4}
    assert len({item.label for item in study.items}) == 4


def test_half_the_checks_name_the_class_and_half_nothing_a_picture_shows() -> None:
    checks = [item for item in made(attention=6).items if item.answer is not None]
    assert Counter(item.answer for item in checks) == {1: 3, 4: 3}
    assert all(item.word == item.label for item in checks if item.answer == 1)
    assert all(item.word in FAR_WORDS for item in checks if item.answer == 4)


def test_own_checks_replace_them() -> None:
    study = made(checks=[Check("class 3", "teapot", 4)])
    assert [(item.word, item.answer) for item in study.items if item.answer is not None] == [("teapot", 4)]
    assert all(study.items[-1].id in page for page in study.pages.values())


def test_an_id_says_nothing_and_is_never_used_twice() -> None:
    study = made()
    assert len(study.by_id) == len(study.items) == 24
    assert all(len(item.id) == 11 and item.id[0] == "q" for item in study.items)


def test_the_digest_covers_every_field() -> None:
    study = made()
    others = [replace(study, seed=9), replace(study, items=study.items[1:]), replace(study, content="d" * 64)]
    assert len({study.digest, *(other.digest for other in others)}) == 4


@pytest.mark.parametrize(
    ("sayings", "message"),
    [
        ([], "words of a study: expected at least one, but got none"),
        ([Saying("class 99", "x")], "class 'class 99': expected a class with images .*, but got no image"),
        ([Saying("class 1", " ")], "word of class 'class 1': expected text, but got ' '"),
        ([Saying("class 1", "x"), Saying("class 1", "x")], "each word once for a class and model, but got twice"),
    ],
)
def test_words_that_cannot_be_asked_are_refused(sayings: list[Saying], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(sayings)


def test_a_check_of_another_class_is_refused() -> None:
    with pytest.raises(InputError, match="class 'nothing': expected a class with images"):
        made(checks=[Check("nothing", "teapot", 4)])


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"per_item": 3}, "annotators an item: expected 1 to the 2 annotators, but got 3"),
        ({"per_item": 0}, "annotators an item: expected 1 to the 2 annotators, but got 0"),
        ({"images": 0}, "images of a study: expected 1 or more, but got 0"),
        ({"classes": 0}, "classes of a study: expected 1 or more, but got 0"),
        ({"attention": -1}, "attention of a study: expected 0 or more, but got -1"),
        ({"seed": -1}, "seed of a study: expected 0 or more, but got -1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan: dict[str, int], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Plan(**plan)
