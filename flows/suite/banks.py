"""Class vectors of the suite's tasks: a concept bank a task and target, encoded once from the task's prompt."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from t2c.flows.concepts.banks import add_concepts
from t2c.flows.suite.class_maps import ClassMap, class_map
from t2c.flows.suite.models import EncoderRun, name_of
from t2c.flows.suite.plan import Plan, Skipped
from t2c.flows.suite.tasks import Task
from t2c.schemas.digest import digest
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.specs.base import ConceptFile, parse_encoder
from t2c.store.disk.root import Store

if TYPE_CHECKING:
    from t2c.core.encoders.base import Encoder


@dataclass(frozen=True, slots=True)
class Vectors:
    """Where a task's class vectors are."""

    bank: str
    """Concept bank."""
    classes: ClassMap
    """Classes, and the labels that stand for them."""


def bank_of(task: Task, target: str) -> str:
    """Return the name of the bank that holds a task's class vectors in a target's space."""
    return f"suite-{task.name}-{digest(target)[:6]}"


def class_banks(
    store: Store, plan: Plan, target: "str | Encoder", *, machine: EncoderRun
) -> tuple[dict[Task, Vectors], tuple[Skipped, ...]]:
    """Return the bank of each task, encoded unless the store holds it, and the tasks that have none.

    A target whose text encoder lacks a word cannot do a task: an error when the task was asked for by name, or when it
    can do none. Raises SpecError for a target that reads no text.
    """
    name = name_of(target)
    if isinstance(target, str) and not parse_encoder(target).reads_text:
        raise SpecError(expected("target", "a CLIP, which reads text", repr(target), "Try: t2c encoders clip"))
    vectors: dict[Task, Vectors] = {}
    unread: list[Skipped] = []
    for task in plan.tasks:
        classes = class_map(task, plan.data)
        file = ConceptFile(prompts={label: (task.prompt.replace("{}", label),) for label in classes.classes})
        bank = bank_of(task, name)
        try:
            add_concepts(store, bank, file, encoder=name, device=machine.device, progress=machine.progress)
        except SpecError as error:
            if plan.explicit:
                raise
            unread.append(Skipped(task.name, str(error)))
        else:
            vectors[task] = Vectors(bank, classes)
    if not vectors:
        raise SpecError(expected("tasks of the suite", f"one that {name} can read", unread[0].reason))
    return vectors, tuple(unread)
