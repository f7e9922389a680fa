"""Which tasks a suite does: those asked for, or all whose files are there; nothing starts with half of a task's files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from t2c.flows.suite.readers import missing, needed, state
from t2c.flows.suite.tasks import TASKS, Task, tasks_named
from t2c.schemas.errors import InputError, expected


@dataclass(frozen=True, slots=True)
class Skipped:
    """A task that is not done."""

    task: str
    """Task name."""
    reason: str
    """Why."""
    absent: bool = False
    """True when none of its files is there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks of a run."""

    data: Path
    """Folder of the tasks' files."""
    tasks: tuple[Task, ...]
    """Tasks to do, in the suite's order."""
    skipped: tuple[Skipped, ...]
    """Tasks whose files are not there."""
    explicit: bool
    """Whether the tasks were asked for by name."""


def plan_tasks(data: Path, names: Sequence[str]) -> Plan:
    """Return what can be done with a data folder.

    Tasks asked for by name need all of their files; otherwise a task without any is skipped, and one with some is an
    error. Raises InputError naming every missing file of every such task, UnknownName for a name that is no task.
    """
    if not data.is_dir():
        todo = f"Make it: mkdir {data}"
        raise InputError(expected(f"suite folder {data}", "a folder", "a file" if data.exists() else "nothing", todo))
    requested = tasks_named(names) if names else tuple(TASKS.values())
    states = {task: state(task, data) for task in requested}
    bad = [task for task in requested if states[task] == "incomplete" or (names and states[task] == "missing")]
    if bad:
        raise _incomplete(
            bad, data, complete=[task.name for task in requested if task not in bad and can_do(task, data)]
        )
    gone = [task for task in requested if states[task] == "missing"]
    skipped = tuple(Skipped(task.name, f"no {', no '.join(missing(task, data))}", absent=True) for task in gone)
    return Plan(data, tuple(task for task in requested if task not in gone), skipped, bool(names))


def can_do(task: Task, data: Path) -> bool:
    """Say whether all files of a task are there."""
    return state(task, data) in ("present", "no files needed")


def _incomplete(tasks: Sequence[Task], data: Path, *, complete: Sequence[str]) -> InputError:
    """Return the error that names every missing file, and what can be done without them."""
    gone = list(dict.fromkeys(path for task in tasks for path in missing(task, data)))
    origins = dict.fromkeys(folder.origin for task in tasks for folder in needed(task) if folder.missing(data))
    named = ", ".join(task.name for task in tasks)
    todo = f"Get: {'; '.join(origins)}."
    if complete:
        todo += f" Or do the others: {' '.join(f'--task {name}' for name in complete)}"
    return InputError(expected(f"suite folder {data}", f"every file of {named}", f"no {', no '.join(gone)}", todo))
