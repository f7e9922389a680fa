"""Superclasses follow from the hierarchy by level, ancestor and number of classes, and classes are drawn as BREEDS draws."""

from pathlib import Path

import numpy as np
import pytest

from t2c.flows.suite.breeds import read_hierarchy, superclasses
from t2c.flows.suite.class_maps import class_map
from t2c.flows.suite.readers import HIERARCHY
from t2c.flows.suite.tasks import Grouping, tasks_named
from t2c.schemas.errors import InputError
from tests.planted.layouts import write_breeds

EDGES = [
    ("root", "living"),
    ("root", "thing"),
    ("living", "dog"),
    ("living", "bird"),
    ("root", "bird"),
    ("living", "fungus"),
    ("thing", "boat"),
    ("thing", "unused"),
    ("unused", "nothing"),
    *(("dog", f"d{n}") for n in range(4)),
    *(("bird", f"b{n}") for n in range(3)),
    ("fungus", "f0"),
    *(("boat", f"s{n}") for n in range(3)),
]
NAMES = {
    "root": "entity",
    "living": "living thing",
    "dog": "dog, domestic dog",
    "bird": "bird",
    "boat": "boat",
    "fungus": "fungus",
}
LEAVES = ["d0", "d1", "d2", "d3", "b0", "b1", "b2", "f0", "s0", "s1", "s2"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_breeds(tmp_path / "breeds", EDGES, NAMES, LEAVES)


def grouped(folder: Path, **rule: object) -> dict[str, str]:
    found = read_hierarchy(HIERARCHY.open(folder.parent))
    return superclasses(found, Grouping(**{"level": 2, "ancestor": "", "subclasses": 3, **rule}))  # type: ignore[arg-type]


def test_every_superclass_at_the_level_keeps_as_many_classes(folder: Path) -> None:
    found = grouped(folder)
    assert sorted(found.values()) == ["bird"] * 3 + ["boat"] * 3 + ["dog"] * 3
    assert {node for node, name in found.items() if name == "bird"} == {"b0", "b1", "b2"}


def test_a_superclass_with_too_few_classes_is_left_out(folder: Path) -> None:
    assert set(grouped(folder, subclasses=4).values()) == {"dog"}
    assert "fungus" in grouped(folder, subclasses=1).values()


def test_an_ancestor_restricts_the_superclasses(folder: Path) -> None:
    assert set(grouped(folder, ancestor="living").values()) == {"dog", "bird"}
    assert set(grouped(folder, ancestor="thing").values()) == {"boat"}


def test_depth_is_the_longest_path(folder: Path) -> None:
    """`bird` is also a child of the root, one step down; its place is two steps down all the same."""
    hierarchy = read_hierarchy(HIERARCHY.open(folder.parent))
    assert hierarchy.depths()["bird"] == 2
    assert "unused" not in hierarchy.depths()


def test_classes_are_drawn_with_the_benchmark_s_seed_superclass_by_superclass(folder: Path) -> None:
    generator = np.random.RandomState(2)
    drawn = [generator.choice(sorted(group), 2, replace=False) for group in (LEAVES[4:7], LEAVES[8:], LEAVES[:4])]
    assert sorted(grouped(folder, subclasses=2)) == sorted(str(one) for group in drawn for one in group)


def test_the_number_of_superclasses_is_checked(folder: Path) -> None:
    (living17,) = tasks_named(["living17"])
    with pytest.raises(InputError, match="class hierarchy: expected the node n00004258, but got no such node"):
        class_map(living17, folder.parent)
    (entity13,) = tasks_named(["entity13"])
    with pytest.raises(InputError, match="class hierarchy for Entity13: expected 13 superclasses, but got 0"):
        class_map(entity13, folder.parent)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([("root", "a"), ("top", "b")], "expected one root above all classes, but got root, top"),
        ([("a", "x"), ("x", "a")], "one root above all classes, but got none: its edges go in a circle"),
        (
            [("root", "x"), ("x", "a"), ("a", "x"), ("x", "b")],
            "expected edges that lead down, but got a circle through",
        ),
    ],
)
def test_edges_that_are_no_hierarchy_are_refused(tmp_path: Path, edges: list[tuple[str, str]], message: str) -> None:
    write_breeds(tmp_path / "breeds", edges, {}, ["a", "b"])
    with pytest.raises(InputError, match=message):
        read_hierarchy(HIERARCHY.open(tmp_path))


def test_lines_of_another_form_are_refused(folder: Path) -> None:
    files = HIERARCHY.open(folder.parent)
    (folder / "node_names.txt").write_text("n1 no tab\n")
    with pytest.raises(InputError, match=r"line 1 of .*node_names.txt: expected a node, a tab and its name"):
        read_hierarchy(files)
    (folder / "class_hierarchy.txt").write_text("a b\na b c\n")
    with pytest.raises(
        InputError, match=r"line 2 of .*class_hierarchy.txt: expected a parent and a child, but got 'a b c'"
    ):
        read_hierarchy(files)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '[["a"]]'])
def test_class_info_of_another_form_is_refused(folder: Path, text: str) -> None:
    (folder / "dataset_class_info.json").write_text(text)
    with pytest.raises(InputError, match=r"dataset_class_info.json: expected a list of \[number, node, name\]"):
        read_hierarchy(HIERARCHY.open(folder.parent))


def test_two_superclasses_of_one_name_are_refused(tmp_path: Path) -> None:
    write_breeds(tmp_path / "breeds", EDGES, {**NAMES, "boat": "dog, hot"}, LEAVES)
    with pytest.raises(InputError, match="names of superclasses: expected each once, but got 'dog' twice"):
        grouped(tmp_path / "breeds")
