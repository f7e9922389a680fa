"""Superclasses of ImageNet out of a class hierarchy, by the rules of BREEDS (Santurkar, Tsipras and Madry 2020).

Three files, as the benchmark's authors distribute them: `class_hierarchy.txt` (a line `parent child` an edge),
`node_names.txt` (`node<TAB>name, synonym, ...`), `dataset_class_info.json` (a list of [number, node, name], the
dataset's own classes). A superclass is a node at a given depth, where depth is the longest path from the root; its
classes are the dataset's classes that are reached from it. Every superclass keeps as many classes as every other: they
are drawn with numpy's legacy generator, seeded as the benchmark does, from the sorted classes, superclass by superclass
in order of node, so the same classes are chosen as there (source and target half together).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from t2c.flows.suite.tasks import Grouping
from t2c.schemas.errors import InputError, expected


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A class hierarchy, kept to what leads to a class of the dataset."""

    children: Mapping[str, tuple[str, ...]]
    """Node to its children; nodes that lead to no class are not there."""
    names: Mapping[str, str]
    """Node to its name: the first of its synonyms."""
    classes: frozenset[str]
    """Nodes that are classes of the dataset."""
    root: str
    """The node that has no parent."""

    def depths(self) -> dict[str, int]:
        """Return the length of the longest path from the root to each node."""
        depths = {self.root: 0}
        todo = [self.root]
        while todo:
            node = todo.pop()
            for child in self.children.get(node, ()):
                if depths[node] + 1 > depths.get(child, -1):
                    depths[child] = depths[node] + 1
                    todo.append(child)
        return depths

    def below(self, node: str) -> set[str]:
        """Return a node and everything reached from it."""
        reached, todo = {node}, [node]
        while todo:
            new = [child for child in self.children.get(todo.pop(), ()) if child not in reached]
            reached.update(new)
            todo += new
        return reached

    def reached(self, node: str) -> list[str]:
        """Return the classes reached from a node, itself one of them when it is a class, sorted."""
        return sorted(self.below(node) & self.classes)


def read_hierarchy(files: Mapping[str, Path]) -> Hierarchy:
    """Read the three files (`edges`, `names`, `classes`); raises InputError for lines of another form, and for a circle."""
    edges = [_two(line, number, files["edges"], None) for number, line in _lines(files["edges"])]
    names = dict(_two(line, number, files["names"], "\t") for number, line in _lines(files["names"]))
    classes = _classes(files["classes"])
    children = _leading_to(classes, edges)
    nodes = set(children) | {child for under in children.values() for child in under}
    roots = sorted(nodes - {child for under in children.values() for child in under})
    if len(roots) != 1:
        actual = ", ".join(roots[:5]) or "none: its edges go in a circle"
        raise InputError(expected(str(files["edges"]), "one root above all classes", actual))
    _check_no_circle(children, files["edges"])
    return Hierarchy(children, {node: name.split(",")[0].strip() for node, name in names.items()}, classes, roots[0])


def superclasses(hierarchy: Hierarchy, grouping: Grouping) -> dict[str, str]:
    """Return class (node) to the name of its superclass, for the classes that the grouping draws, superclass by superclass.

    Raises InputError when the ancestor is not in the hierarchy or two superclasses have one name.
    """
    inside = set(hierarchy.depths()) if not grouping.ancestor else hierarchy.below(grouping.ancestor)
    depths = hierarchy.depths()
    if grouping.ancestor and grouping.ancestor not in depths:
        raise InputError(expected("class hierarchy", f"the node {grouping.ancestor}", "no such node"))
    nodes = sorted(node for node in inside if depths[node] == grouping.level)
    generator = np.random.RandomState(grouping.seed)  # the stream of the legacy generator is frozen
    superclass_of: dict[str, str] = {}
    names: set[str] = set()
    for node in nodes:
        reached = hierarchy.reached(node)
        if len(reached) >= grouping.subclasses:
            name = hierarchy.names.get(node, node)
            if name in names:
                raise InputError(expected("names of superclasses", "each once", f"{name!r} twice"))
            names.add(name)
            superclass_of |= {
                str(subclass): name for subclass in generator.choice(reached, grouping.subclasses, replace=False)
            }
    return superclass_of


def _lines(file: Path) -> list[tuple[int, str]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def _two(line: str, number: int, file: Path, between: str | None) -> tuple[str, str]:
    parts = line.split(between, 1) if between else line.split()
    if len(parts) != 2:
        want = "a node, a tab and its name" if between else "a parent and a child"
        raise InputError(expected(f"line {number} of {file}", want, repr(line[:80])))
    return parts[0], parts[1]


def _classes(file: Path) -> frozenset[str]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        classes = frozenset(str(node) for _, node, _ in entries)
    except (ValueError, TypeError) as reason:
        raise InputError(expected(str(file), "a list of [number, node, name]", f"{reason}")) from reason
    if not classes:
        raise InputError(expected(str(file), "the dataset's classes", "none"))
    return classes


def _leading_to(classes: frozenset[str], edges: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return node to children, of the nodes above a class only."""
    parents: dict[str, list[str]] = {}
    for parent, child in edges:
        parents.setdefault(child, []).append(parent)
    children: dict[str, set[str]] = {}
    todo, reached = sorted(classes), set(classes)
    while todo:
        node = todo.pop()
        for parent in parents.get(node, []):
            children.setdefault(parent, set()).add(node)
            if parent not in reached:
                reached.add(parent)
                todo.append(parent)
    return {node: tuple(sorted(under)) for node, under in sorted(children.items())}


def _check_no_circle(children: Mapping[str, tuple[str, ...]], file: Path) -> None:
    """Raise InputError when a node is below itself: take away nodes without children until none is left."""
    waiting = {node: set(under) & set(children) for node, under in children.items()}
    while waiting:
        leaves = {node for node, under in waiting.items() if not under}
        if not leaves:
            raise InputError(expected(str(file), "edges that lead down", f"a circle through {min(waiting)}"))
        waiting = {node: under - leaves for node, under in waiting.items() if node not in leaves}
