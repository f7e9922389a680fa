"""Tasks are data: every task of the paper's table 3 is there with its prompt, and chance follows from its classes."""

import pytest

from t2c.flows.suite.tasks import GROUPS, PAPER, STAND_INS, TASKS, WORLD, tasks_named
from t2c.flows.world.world import VALUES
from t2c.schemas.errors import UnknownName

TABLE_3 = {
    "in9": (9, "a photo of {}"),
    "living17": (17, "a photo of a {}"),
    "nonliving26": (26, "a photo of a {}"),
    "entity13": (13, "a photo of a {}"),
    "entity30": (30, "a photo of a {}"),
    "cifar10": (10, "a pixelated photo of a {}"),
    "stl10": (10, "a photo of a {}"),
    "fashion-mnist": (10, "a black and white photo of {}"),
    "celeba-hair": (4, "a headshot of a person with {}"),
    "svhn": (10, "a photo of the digit {} on a building"),
    "mnist": (10, "a photo of the digit {}"),
    "dtd": (47, "a photo of something with {} texture"),
    "color": (11, "a swatch of the color {}"),
    "shape": (5, "a diagram of the shape {}"),
}


def test_the_paper_s_tasks_are_table_3() -> None:
    assert {task.name: (task.size, task.prompt) for task in PAPER} == TABLE_3


def test_chance_is_one_in_the_number_of_classes() -> None:
    for task in TASKS.values():
        assert task.chance == 1 / task.size
        assert task.classes == () or len(set(task.classes)) == task.size


def test_only_groupings_leave_the_classes_to_their_files() -> None:
    assert {task.name for task in TASKS.values() if not task.classes} == {
        task.name for task in TASKS.values() if task.grouping
    }


def test_groups_split_into_the_two_figures() -> None:
    assert {task.group for task in PAPER} == set(GROUPS)
    assert [task.title for task in PAPER if task.group == "characters"] == ["SVHN", "MNIST"]


def test_table_2_counts_ten_tasks_as_related_or_not() -> None:
    related = [task.name for task in PAPER if task.related]
    assert related == [*list(TABLE_3)[:8]]
    assert [task.name for task in PAPER if task.related is False] == ["celeba-hair", "svhn", "dtd", "color", "shape"]


def test_the_world_of_primitives_has_a_task_an_attribute() -> None:
    assert {task.attribute: task.classes for task in WORLD} == VALUES
    assert all(task.stand_in for task in STAND_INS)


def test_tasks_are_named_in_the_suite_s_order() -> None:
    assert [task.name for task in tasks_named(["color", "in9", "color"])] == ["in9", "color"]


def test_an_unknown_task_gets_the_nearest_names() -> None:
    with pytest.raises(UnknownName, match=r"task: expected one of .* but got 'cifar'. Did you mean 'cifar10'"):
        tasks_named(["cifar"])
