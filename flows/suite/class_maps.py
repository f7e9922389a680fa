"""How the labels of a task's pictures become its classes: as they are, one attribute of several, or superclasses."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from t2c.flows.suite.breeds import read_hierarchy, superclasses
from t2c.flows.suite.drawn import world_classes
from t2c.flows.suite.listed import NAMED
from t2c.flows.suite.readers import HIERARCHY
from t2c.flows.suite.tasks import Task
from t2c.schemas.errors import InputError, expected


@dataclass(frozen=True, slots=True)
class ClassMap:
    """The classes of a task, and what each label stands for."""

    classes: tuple[str, ...]
    """Class names."""
    mapping: Mapping[str, str]
    """Label to class; a label that is not named is itself."""


def class_map(task: Task, data: Path) -> ClassMap:
    """Return the classes of a task; for BREEDS derived from the class hierarchy in the data folder.

    Raises InputError when the hierarchy's files are not there, damaged, or give another number of classes than the
    task has.
    """
    if task.grouping is not None:
        mapping = superclasses(read_hierarchy(HIERARCHY.open(data)), task.grouping)
        classes = tuple(dict.fromkeys(mapping.values()))
        if len(classes) != task.size:
            want, actual = f"{task.size} superclasses", f"{len(classes)}"
            raise InputError(expected(f"class hierarchy for {task.title}", want, actual, f"Get: {HIERARCHY.origin}"))
        return ClassMap(classes, mapping)
    return ClassMap(task.classes, world_classes(task.attribute) if task.attribute else {})


def check_folders(task: Task, classes: ClassMap, *, labels: Collection[str | None], place: str) -> None:
    """Raise InputError naming the class folders that a grouping needs and the pictures' folder lacks."""
    missing = sorted(set(classes.mapping) - set(labels)) if task.grouping is not None else []
    if missing:
        more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        want, actual = (
            f"a folder with images for each of {len(classes.mapping)} classes",
            f"no {', '.join(missing[:NAMED])}",
        )
        raise InputError(expected(f"{place} for {task.title}", want, f"{actual}{more}", "Unpack it again."))
