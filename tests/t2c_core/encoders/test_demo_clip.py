"""The demo's CLIP is a real open_clip model whose tokenizer refuses words that training never saw."""

import json

import pytest

from t2c.core.encoders import demo_clip
from t2c.core.encoders.demo_clip.tokenizer import CONTEXT_LENGTH, DemoTokenizer, trim, words_of
from t2c.schemas.errors import SpecError, WeightsMissing
from t2c.schemas.specs.base import DEFAULT_TEMPLATES


@pytest.fixture(scope="module")
def clip():
    return demo_clip.load_model()


def test_words_are_split_as_clips_tokenizer_splits_them():
    assert words_of("A close-up photo, of 2 STARS.") == ["a", "close", "-", "up", "photo", ",", "of", "2", "stars", "."]


def test_trimmed_tokens_are_open_clips_tokens_in_the_same_order():
    from open_clip.tokenizer import SimpleTokenizer

    full, trimmed = SimpleTokenizer(), demo_clip.load_tokenizer()
    text = "itap of a black-and-white checkered octagon in snow."
    want = [full.sot_token_id, *full.encode(text), full.eot_token_id]
    assert [trimmed.original_ids[token] for token in trimmed.encode(text)] == want
    assert trimmed.original_ids == sorted(trimmed.original_ids)


def test_trim_keeps_only_the_words_of_the_texts():
    vocabulary = trim(["a red star", "red"])
    assert sorted(vocabulary["words"]) == ["a", "red", "star"]
    tokenizer = DemoTokenizer(vocabulary["words"], start=vocabulary["start"], end=vocabulary["end"])
    assert tokenizer.vocab_size == 6
    assert tokenizer.encode("star")[-1] == tokenizer.vocab_size - 1


def test_tokens_are_padded_to_the_context_length():
    tokens = demo_clip.load_tokenizer()(["a star", "a photo of a red star"])
    assert tuple(tokens.shape) == (2, CONTEXT_LENGTH)
    assert (tokens != 0).sum(1).tolist() == [4, 8]


def test_a_word_outside_the_vocabulary_is_named_with_its_neighbours():
    want = "text 'a photo of a dog': expected words that the demo's CLIP was trained on, but got 'dog'"
    with pytest.raises(SpecError, match=want):
        demo_clip.load_tokenizer()(["a photo of a dog"])
    with pytest.raises(SpecError, match=r"but got 'octogon'\. Did you mean 'octagon'"):
        demo_clip.load_tokenizer().encode("octogon")
    assert demo_clip.load_tokenizer().unknown_words("a dog and a cat and a dog") == ["dog", "cat"]


def test_a_text_longer_than_the_context_is_refused():
    with pytest.raises(SpecError, match=r"expected at most 22 tokens for the demo's CLIP, but got 23\. Shorten it"):
        demo_clip.load_tokenizer().encode("a " * 23)


def test_missing_weights_name_the_file_to_put_there(monkeypatch, tmp_path):
    monkeypatch.setattr(demo_clip, "WEIGHTS", tmp_path / "open_clip_model.safetensors")
    with pytest.raises(WeightsMissing, match=r"weights of demo:clip: expected a file .*open_clip_model.safetensors"):
        demo_clip.load_model()


def test_open_clips_own_factory_builds_the_model(clip):
    from open_clip.model import CustomTextCLIP

    assert type(clip.model) is CustomTextCLIP
    assert not clip.model.training
    assert clip.image_size == 96
    assert (clip.mean, clip.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_weights_and_vocabulary_stay_under_8_mb():
    files = [path for path in demo_clip.FOLDER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 8_000_000


def test_every_default_template_can_be_read(clip):
    vectors = clip.model.encode_text(clip.tokenizer([form.replace("{}", "star") for form in DEFAULT_TEMPLATES]))
    assert tuple(vectors.shape) == (7, 128)
    assert vectors.isfinite().all()


def test_the_training_log_says_how_the_weights_came_about():
    log = json.loads((demo_clip.FOLDER / "training_log.json").read_text())
    assert log["recipe"]["seed"] == 17
    assert [stage[-1]["step"] for stage in log["log"]] == [stage["steps"] for stage in log["recipe"]["stages"]]
    final = log["log"][-1][-1]
    assert min(value for name, value in final.items() if name.endswith("templates")) > 0.98
