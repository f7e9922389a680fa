"""What an objective comparison is asked: its tasks, written in one word each, and its block of an audit file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.laboratory import LaboratorySpec

Objective = Literal["cross-entropy", "self-labels", "data-free"]
OBJECTIVE_NAMES: tuple[Objective, ...] = get_args(Objective)
"""What regression is compared with: labels, or the source model's own predictions, through the target's text head; or the
two heads alone, without an image."""
PROMPT = "a photo of a {}"
"""Prompt of a task that names none: that of most of the paper's tasks."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task: `[DATASET:]LABELS[=PROMPT]`."""

    labels: str
    """`label`, or the attribute that holds the class."""
    related: bool
    """Whether its classes are related to those that the maps were fitted with."""
    dataset: str = ""
    """Dataset, such as `photos@3`; empty is the one that the maps are fitted on."""
    prompt: str = ""
    """Text with {} where the class goes; empty is PROMPT."""

    @property
    def name(self) -> str:
        """What tables call it, unless another prompt on the same labels needs telling apart."""
        return f"{self.dataset}:{self.labels}" if self.dataset else self.labels

    @property
    def template(self) -> str:
        """The prompt, or else PROMPT."""
        return self.prompt or PROMPT


def parse_task(text: str, *, related: bool) -> TaskSpec:
    """Read `LABELS`, `LABELS=PROMPT`, `DATASET:LABELS` or `DATASET:LABELS=PROMPT`; raises SpecError."""
    head, equals, prompt = text.partition("=")
    dataset, colon, labels = head.rpartition(":")
    if not labels or (colon and not dataset) or (equals and "{}" not in prompt):
        want = "[DATASET:]LABELS[=PROMPT], the prompt with {} for the class"
        raise SpecError(expected("task", want, repr(text), "Try: --related 'shape=a diagram of the shape {}'"))
    if dataset:
        parse_dataset_ref(dataset)
    return TaskSpec(labels, related, dataset, prompt)


def parse_tasks(related: Sequence[str], unrelated: Sequence[str]) -> list[TaskSpec]:
    """Read the tasks on the classes of the fit, then those on others; raises SpecError as `check_tasks` does."""
    tasks = [parse_task(text, related=True) for text in related]
    tasks += [parse_task(text, related=False) for text in unrelated]
    check_tasks(tasks)
    return tasks


def check_tasks(tasks: Sequence[TaskSpec], *, datasets: Sequence[str] = (), bank: str = "") -> None:
    """Raise SpecError where there is no task, the same one twice, or one both related and unrelated.

    One attribute under two prompts is two tasks, unless a bank names the classes. `datasets` are those that the tasks
    are on where that is known: `photos:label` and `label` may be one task.
    """
    if not tasks:
        raise SpecError(expected("tasks", "one or more", "none"))
    by_question: dict[tuple[str, str, str], TaskSpec] = {}
    sides: dict[tuple[str, str], TaskSpec] = {}
    for task, dataset in zip(tasks, datasets or [task.dataset for task in tasks], strict=True):
        about = (dataset, task.labels)
        question = (*about, "" if bank else task.template)
        if question in by_question:
            same = by_question[question]
            todo = f"Both ask for {task.labels} of {dataset}." if same.name != task.name else ""
            raise SpecError(expected("tasks", "each once", f"{same.name}, {task.name}", todo))
        by_question[question] = task
        if sides.setdefault(about, task).related != task.related:
            raise SpecError(expected(f"task {task.name}", "related or unrelated to the classes of the fit", "both"))


def task_names(tasks: Sequence[TaskSpec]) -> tuple[str, ...]:
    """Return what tables call each task: its name, and the prompt too where several tasks share the name."""
    names = [task.name for task in tasks]
    return tuple(
        f"{name}={task.template}" if names.count(name) > 1 else name for name, task in zip(names, tasks, strict=True)
    )


def check_once(what: str, given: Sequence[str]) -> None:
    """Raise SpecError naming what is given twice."""
    for name in given:
        if given.count(name) > 1:
            raise SpecError(expected(what, "each once", f"{name} {given.count(name)} times", "Leave out the others."))


class ObjectivesSpec(LaboratorySpec):
    """Regression compared with other objectives of the aligner; what is left out is the default of `t2c objectives`."""

    sources: tuple[str, ...] = ()
    """Encoders to align; empty takes the audit's source. Those named `library:model` are extracted first."""
    target: str | None = None
    """Encoder mapped to; None is the audit's target."""
    related: tuple[str, ...] = ()
    """Tasks on the classes of the fit, `[DATASET:]LABELS[=PROMPT]`."""
    unrelated: tuple[str, ...] = ()
    """Tasks on other classes, written the same."""
    against: tuple[Objective, ...] = Field(default=("cross-entropy",), min_length=1)
    """What regression is compared with."""
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Group to the sources that are averaged together."""
    labels: str = "label"
    """`label`, or the attribute with the classes that cross-entropy is fitted on."""
    source_head: str = "classifier"
    """Head whose predictions self-labels are, and that data-free carries over: classifier or probe[:ATTRIBUTE]."""
    bank: str | None = None
    """Concept bank that holds the classes' vectors; None encodes prompts with the target's text encoder."""
    epochs: int | None = Field(default=None, ge=1)
    """Passes of cross-entropy over the rows; None is the published 6."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Its learning rate; None is the published 0.01."""
    holdout: float = Field(default=0.1, gt=0, lt=1)
    """Share of the rows that no map is fitted on: those are judged."""
    seed: int = Field(default=0, ge=0)
    """Seed of the row blocks and of SGD."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        parse_tasks(self.related, self.unrelated)
        check_once("sources", self.sources)
        check_once("against", self.against)
        members = [name for group in self.groups.values() for name in group]
        if len(set(members)) < len(members):
            raise SpecError(expected("groups", "each source in one", ", ".join(members)))
        return self

    @property
    def tasks(self) -> list[TaskSpec]:
        """The tasks, related ones first."""
        return parse_tasks(self.related, self.unrelated)

    @property
    def group_of(self) -> dict[str, str]:
        """Source to its group, of those that are in one."""
        return {name: group for group, members in self.groups.items() for name in members}
