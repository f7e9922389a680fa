"""Concept files: one a line or YAML; what cannot be read is said with its line or field."""

from pathlib import Path

import pytest

from t2c.flows.concepts.banks import read_concept_file
from t2c.schemas.errors import SpecError
from t2c.schemas.specs.base import DEFAULT_TEMPLATES


def test_a_text_file_has_one_concept_a_line(tmp_path: Path) -> None:
    path = tmp_path / "concepts.txt"
    path.write_text("\ufeffdog\n\n# animals\n in a tree \n<b>é</b>'); drop table c;--\n", encoding="utf-8")
    found = read_concept_file(path)
    assert found.concepts == ("dog", "in a tree", "<b>é</b>'); drop table c;--")
    assert found.templates == DEFAULT_TEMPLATES


def test_a_yaml_file_has_prompts_templates_and_contexts(tmp_path: Path) -> None:
    path = tmp_path / "concepts.YAML"
    path.write_text("concepts: [dog]\nprompts: {night: [a photo at night]}\ncontexts: {phrases: [in snow]}\n")
    found = read_concept_file(path)
    assert found.prompts == {"night": ("a photo at night",)}
    assert found.contexts is not None
    assert found.contexts.classes == ("object",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.txt", "dog\ncat\ndog\n", r"c.txt: expected each concept once, but got 'dog' in lines 1 and 3"),
        ("c.yaml", "concept: [dog]", r"c.yaml: concept: expected one of the fields concepts.*Did you mean 'concepts'"),
        ("c.yml", "averaging: median", r"c.yml: averaging: expected 'normalise-then-average' or"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SpecError, match=message):
        read_concept_file(tmp_path / name)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none.txt: expected a readable concept file, but got no such file"):
        read_concept_file(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(SpecError, match=r"latin.txt: expected a readable concept file, but got .*can't decode byte"):
        read_concept_file(tmp_path / "latin.txt")
