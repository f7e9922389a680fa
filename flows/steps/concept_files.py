"""Concept files: one concept a line, or YAML with prompts, templates and context concepts."""

from pathlib import Path

from schemas.errors import SpecError, expected
from schemas.specs import ConceptFile
from schemas.yaml_specs import load_spec

EXAMPLE = "A text file has one concept a line; YAML has concepts, prompts, contexts, templates, averaging."
YAML_SUFFIXES = (".yaml", ".yml")


def read_concept_file(path: str | Path) -> ConceptFile:
    """Read a concept file: `.yaml` or `.yml`, else UTF-8 text with one concept a line (`#` starts a comment line).

    Raises SpecError for a file that cannot be read, has no concept, or names one twice (with its line).
    """
    file = Path(path)
    spec = load_spec(file, ConceptFile, example=EXAMPLE) if file.suffix in YAML_SUFFIXES else _read_lines(file)
    check_concepts(spec, subject=file.name)
    return spec


def check_concepts(spec: ConceptFile, *, subject: str) -> None:
    """Raise SpecError unless a spec names at least one concept, each once and not empty."""
    contexts = spec.contexts.phrases if spec.contexts else ()
    names = [*spec.concepts, *spec.prompts, *contexts]
    if not names:
        raise SpecError(expected(subject, "at least one concept", "none", EXAMPLE))
    for index, name in enumerate(names):
        if not name.strip():
            raise SpecError(expected(subject, "concepts with some text", repr(name)))
        if name in names[:index]:
            raise SpecError(expected(subject, "each concept once", f"{name!r} twice"))
    for template in spec.templates:
        if "{}" not in template:
            raise SpecError(expected(f"{subject}: templates", "{} where the concept goes", repr(template)))
    for name, prompts in spec.prompts.items():
        if not prompts:
            raise SpecError(expected(f"{subject}: prompts.{name}", "at least one prompt", "none"))


def _read_lines(file: Path) -> ConceptFile:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        got = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError(expected(str(file), "a readable concept file", got.lower(), EXAMPLE)) from error
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        if name in seen:
            got = f"{name!r} in lines {seen[name]} and {number}"
            raise SpecError(expected(file.name, "each concept once", got, "Remove one of the lines."))
        seen[name] = number
    return ConceptFile(concepts=tuple(seen))
