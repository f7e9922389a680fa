"""Word lists become vectors once: what is there is never encoded again, a killed run goes on, strange lists are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import t2c.flows.concepts.vocabularies as module
from t2c.core.encoders.base import TextEncoder
from t2c.core.encoders.load import load_text_encoder
from t2c.flows.concepts.banks import add_concepts
from t2c.flows.concepts.vocabularies import encode_words, english_words, open_vocabulary
from t2c.schemas.errors import InputError, MismatchError, SpecError, StoreWriteError, UnknownName
from t2c.schemas.specs.base import ConceptFile, parse_encoder
from t2c.store.disk.manifest import list_artifacts
from t2c.store.disk.root import Store
from tests.planted.features import TARGET

WORDS = ("red", "blue", "star", "in snow", "striped")


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    return load_text_encoder(parse_encoder("demo:clip"), device="cpu")


@pytest.fixture
def words_file(tmp_path: Path) -> str:
    (tmp_path / "words.txt").write_text("\n".join(WORDS))
    return f"file:{tmp_path / 'words.txt'}"


def test_the_english_list_holds_everyday_nouns_and_adjectives() -> None:
    words = english_words()
    assert 7_000 < len(words) == len(set(words))
    assert {"dog", "beach", "red", "wooden", "ice-cream"} <= set(words)
    assert all(word == word.casefold().strip() != "" for word in words)


def test_words_a_curated_list_has_and_the_text_encoder_does_not_are_left_out_and_counted(
    store: Store, text: TextEncoder
) -> None:
    opened = open_vocabulary(store, "english", target=text.space, device="cpu")
    assert {"red", "star", "snow"} <= set(opened.vocabulary.words)
    assert "aardvark" not in opened.vocabulary.words
    assert 100 < len(opened.vocabulary.words) < 200
    assert [note.split(" words")[0] for note in opened.notes] == [
        f"{len(english_words()) - len(opened.vocabulary.words):,} of {len(english_words()):,}"
    ]
    assert [parent.kind for parent in opened.parents] == ["vocabularies"]


def test_vectors_of_a_file_are_those_of_its_prompts(store: Store, text: TextEncoder, words_file: str) -> None:
    opened = open_vocabulary(store, words_file, target=text.space, device="cpu")
    raw = text.encode_text(["a photo of a star"])[0]
    assert (opened.name, opened.vocabulary.words) == ("file:words.txt", WORDS)
    assert np.abs(opened.vocabulary.vectors[2] - raw / np.linalg.norm(raw)).max() < 1e-6
    assert np.abs(encode_words(text, ["star"])[0] - opened.vocabulary.vectors[2]).max() < 1e-6


def test_a_yaml_file_keeps_its_own_templates(store: Store, text: TextEncoder, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("concepts: [red, blue]\ntemplates: ['art of the {}']\n")
    opened = open_vocabulary(store, f"file:{tmp_path / 'w.yaml'}", target=text.space, device="cpu")
    raw = text.encode_text(["art of the red"])[0]
    assert np.abs(opened.vocabulary.vectors[0] - raw / np.linalg.norm(raw)).max() < 1e-6


def test_what_was_encoded_is_not_encoded_again(
    store: Store, text: TextEncoder, words_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_vocabulary(store, words_file, target=text.space, device="cpu")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("every word has its vector")

    monkeypatch.setattr(module, "encode_prompts", refuse)
    again = open_vocabulary(store, words_file, target=text.space, device="cpu")
    assert np.array_equal(again.vocabulary.vectors, first.vocabulary.vectors)
    assert again.parents == first.parents


def test_a_killed_run_goes_on_where_it_stopped(
    store: Store, text: TextEncoder, words_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART", 2)
    encode, calls = module.encode_prompts, []

    def killed(prompts: Any, *rest: Any, **options: Any) -> Any:
        calls.append([one.concept for one in prompts])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(prompts, *rest, **options)

    monkeypatch.setattr(module, "encode_prompts", killed)
    with pytest.raises(KeyboardInterrupt):
        open_vocabulary(store, words_file, target=text.space, device="cpu")
    opened = open_vocabulary(store, words_file, target=text.space, device="cpu")
    assert calls == [["red", "blue"], ["star", "in snow"], ["star", "in snow"], ["striped"]]
    whole = encode_words(text, WORDS)
    assert np.abs(opened.vocabulary.vectors - whole).max() < 1e-6
    assert len(list_artifacts(store, "vocabularies")) == 1


def test_a_store_that_cannot_be_written_is_no_obstacle(
    store: Store, text: TextEncoder, words_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: Any, **__: Any) -> None:
        raise StoreWriteError("read-only")

    monkeypatch.setattr(module, "open_vocabulary_words", read_only)
    opened = open_vocabulary(store, words_file, target=text.space, device="cpu")
    assert (opened.vocabulary.words, opened.parents) == (WORDS, ())


def test_a_bank_serves_as_it_is(store: Store, text: TextEncoder) -> None:
    add_concepts(store, "colours", ConceptFile(concepts=("red", "blue")), encoder="demo:clip", device="cpu")
    opened = open_vocabulary(store, "bank:colours", target=text.space)
    assert (opened.vocabulary.words, opened.bank) == (("red", "blue"), "colours")
    with pytest.raises(MismatchError, match=r"vocabulary bank:colours: expected open_clip:planted/test .* demo:clip"):
        open_vocabulary(store, "bank:colours", target=TARGET)
    with pytest.raises(UnknownName, match="concept bank: expected one of 'colours', but got 'colour'"):
        open_vocabulary(store, "bank:colour", target=text.space)


@pytest.mark.parametrize("which", ["German", "bank:", "file:", "file", "words.txt", ""])
def test_a_name_that_is_none_says_what_to_type(store: Store, which: str) -> None:
    with pytest.raises(SpecError, match="vocabulary: expected english, bank:NAME or file:PATH, but got"):
        open_vocabulary(store, which, target=TARGET)


@pytest.mark.parametrize(("lines", "got"), [("# nothing\n", "0"), ("red\n", "1: 'red'")])
def test_an_empty_or_one_word_file_is_refused(
    store: Store, text: TextEncoder, tmp_path: Path, lines: str, got: str
) -> None:
    (tmp_path / "few.txt").write_text(lines)
    with pytest.raises(InputError, match=f"vocabulary file:few.txt: expected 2 words or more .*, but got {got}"):
        open_vocabulary(store, f"file:{tmp_path / 'few.txt'}", target=text.space, device="cpu")


def test_a_word_of_the_users_own_that_the_text_encoder_lacks_is_named(
    store: Store, text: TextEncoder, tmp_path: Path
) -> None:
    (tmp_path / "w.txt").write_text("red\naardvark\n")
    with pytest.raises(SpecError, match=r"text 'a photo of a aardvark': expected words .* but got 'aardvark'"):
        open_vocabulary(store, f"file:{tmp_path / 'w.txt'}", target=text.space, device="cpu")


def test_a_space_without_a_text_encoder_asks_for_a_bank(store: Store, words_file: str) -> None:
    with pytest.raises(SpecError, match=r"text encoder: expected one for imported .* imported features without one"):
        open_vocabulary(store, words_file, target=replace(TARGET, name="imported"))
