"""Language decoders follow their guide: more guidance nears the vector, none leaves the plain model's text, batches change nothing."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from t2c.core.words.decoders import LANGUAGE_DECODERS
from t2c.core.words.language.decoder import LanguageDecoder, fused, load_language_decoder
from t2c.core.words.language.move import Target, moved
from t2c.core.words.language.settings import Settings
from t2c.schemas.errors import InputError, MismatchError, PlanError, SpecError, UnknownName
from tests.planted.language import WORDS, save_gpt2, tokenizer

Make = Callable[..., LanguageDecoder]
PLAIN = {"guidance": 0, "forbidden": (), "end_factor": 1}


def best(decoder: LanguageDecoder, vectors: np.ndarray) -> list[str]:
    return [one.words[0].text for one in decoder.decode(vectors)]


@pytest.mark.parametrize(
    ("name", "weights"), [("zerocap", (0, 0.25, 0.5, 0.75, 0.99)), ("rescore", (0, 0.01, 0.03, 0.1))]
)
def test_more_guidance_gives_texts_nearer_to_the_vector(
    decoder: Make, vectors: np.ndarray, name: str, weights: tuple[float, ...]
) -> None:
    reached = [
        np.mean([one.cosine for one in decoder(name, guidance=weight, beams=1, top=1).decode(vectors)])
        for weight in weights
    ]
    assert all(less < more for less, more in pairwise(reached))
    assert reached[-1] > reached[0] + 0.3


def test_more_gradient_steps_near_the_vector(decoder: Make, vectors: np.ndarray) -> None:
    none, published, many = (
        np.mean([one.cosine for one in decoder(steps=steps, beams=1, top=1).decode(vectors)]) for steps in (0, 5, 20)
    )
    assert none < published < many
    assert many > 0.9


def test_without_guidance_the_text_is_the_models_own(decoder: Make, vectors: np.ndarray) -> None:
    made = decoder(length=6, beams=1, top=1, end=(), **PLAIN)
    start, end = torch.tensor([made.prompt]), made.language.start
    written = made.language.model.generate(
        start,
        attention_mask=torch.ones_like(start),
        max_new_tokens=6,
        do_sample=False,
        suppress_tokens=list(range(end + 1, 48)),
        begin_suppress_tokens=[end],
        pad_token_id=end,
    )
    assert set(best(made, vectors)) == {made.language.text(written[0]).removeprefix("Image of a").strip()}


def test_without_guidance_beams_find_the_likeliest_text(decoder: Make, vectors: np.ndarray) -> None:
    made = decoder(length=2, beams=40, top=1, end=(), **PLAIN)
    words = list(range(38))
    rows = torch.tensor([[*made.prompt, first, second] for first in words for second in words])
    with torch.no_grad():
        log_p = made.language.model(input_ids=rows).logits[:, :, : made.language.tokens].log_softmax(-1)
    likelihood = log_p[:, -3, :].gather(1, rows[:, -2:-1]) + log_p[:, -2, :].gather(1, rows[:, -1:])
    likeliest = made.language.text(rows[likelihood.argmax()].tolist())
    assert set(best(made, vectors[:2])) == {likeliest.removeprefix("Image of a").strip()}


def test_rescoring_with_every_word_a_candidate_finds_the_word_itself(decoder: Make, vectors: np.ndarray) -> None:
    from tests.t2c_core.words.language.conftest import MEANT

    assert best(decoder("rescore"), vectors) == list(MEANT)


@pytest.mark.parametrize("name", LANGUAGE_DECODERS)
def test_a_batch_says_what_one_by_one_says(decoder: Make, vectors: np.ndarray, name: str) -> None:
    some, made, other = vectors[::3], decoder(name, length=3), decoder(name, length=3)
    together, alone = made.decode(some), [other.decode(vector[None])[0] for vector in some]
    for one, two in zip(together, alone, strict=True):
        assert [word.text for word in one.words] == [word.text for word in two.words]
        assert one.cosine == pytest.approx(two.cosine, abs=1e-5)


def test_the_same_question_has_the_same_answer(decoder: Make, vectors: np.ndarray) -> None:
    assert decoder(length=3).decode(vectors[:4]) == decoder(length=3).decode(vectors[:4])


def test_the_length_of_a_vector_does_not_matter(decoder: Make, vectors: np.ndarray) -> None:
    made = decoder()
    assert best(made, 1000 * vectors) == best(made, vectors)
    assert best(made, 1e200 * vectors.astype(np.float64)) == best(made, vectors)


@pytest.mark.parametrize("length", [1, 3])
def test_texts_have_the_length_asked_for_when_nothing_ends_them(
    decoder: Make, vectors: np.ndarray, length: int
) -> None:
    banned = decoder(length=length, end=(), factors="probability")
    banned.rules.later[banned.rules.ends] = 0
    assert {len(one.words[0].text.split()) for one in banned.decode(vectors[:6])} == {length}


def test_words_come_nearest_first_with_margins(decoder: Make, vectors: np.ndarray) -> None:
    for one in decoder(top=3).decode(vectors):
        scores = [word.score for word in one.words]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)
        assert one.cosine == scores[0]
        assert one.words[0].margin == pytest.approx(scores[0] - scores[1])


def test_texts_are_ranked_without_the_prompt(decoder: Make, clip: Any, vectors: np.ndarray) -> None:
    for answer, vector in zip(decoder().decode(vectors[:6]), vectors[:6], strict=True):
        alone = clip.encode_text([word.text for word in answer.words])
        cosines = alone @ vector / np.linalg.norm(alone, axis=1) / np.linalg.norm(vector)
        assert [word.score for word in answer.words] == pytest.approx(cosines.tolist(), abs=1e-6)


def test_fused_probabilities_are_a_weighted_geometric_mean() -> None:
    led, plain = torch.tensor([[0.9, 0.1]]).log(), torch.tensor([[0.1, 0.9]]).log()
    assert fused(led, plain, 0.5)[0].exp().tolist() == pytest.approx([0.5, 0.5])
    assert fused(led, plain, 0.75)[0].exp().tolist() == pytest.approx([0.75, 0.25])  # 3 ** (0.75 - 0.25) to 3 ** -0.5


def test_the_first_token_is_chosen_as_published(decoder: Make, vectors: np.ndarray) -> None:
    made = decoder(beams=40, top=40, forbidden=("photo", "red"))
    vector = functional.normalize(torch.from_numpy(vectors[:1]), dim=1)
    context = made.language.read(torch.tensor([made.prompt[:-1]]))
    last = torch.tensor(made.prompt[-1:])
    with torch.no_grad():
        plain = made.language.follow(context, last)[0].log_softmax(dim=1)
    ids, cosines = made.guide.of([made.prompt], plain, vector)
    target = Target(ids, (cosines / 0.01).softmax(dim=1), plain)
    logits = moved(made.language, context, tokens=last, target=target, settings=made.settings)[0].tolist()
    lowered = {WORDS.index("photo"): 20, WORDS.index("red"): 20, WORDS.index("."): 1.6, len(WORDS): 1.6}
    acted = [
        logit / lowered.get(token, 1) if logit > 0 else logit * lowered.get(token, 1)
        for token, logit in enumerate(logits)
    ]
    acted = [-math.inf if token in (len(WORDS) + 1, len(WORDS) + 2) else logit for token, logit in enumerate(acted)]
    assert {logits[token] > 0 for token in lowered} == {True, False}, "both signs are met"
    p = 0.99 * torch.tensor(acted).log_softmax(dim=0) + 0.01 * plain[0]
    by_hand = p.log_softmax(dim=0).sort(descending=True).values[:39].tolist()
    assert [beam.total for beam in made._write(vector)] == pytest.approx(by_hand, abs=1e-4)


def test_the_last_of_all_beams_has_no_margin(decoder: Make, vectors: np.ndarray) -> None:
    assert decoder("rescore").decode(vectors)[0].words[-1].margin is None


def test_a_forbidden_word_loses_its_place(decoder: Make, vectors: np.ndarray) -> None:
    red = vectors[:1]
    free, forbidden = decoder("rescore", guidance=0.02, beams=1, top=1, forbidden=()), ("red",)
    factors = [
        best(decoder("rescore", guidance=0.02, beams=1, top=1, forbidden=forbidden, forbidden_factor=by), red)
        for by in (1, 1e6)
    ]
    assert factors[0] == best(free, red)
    assert factors[1] != ["red"]


@pytest.mark.slow
def test_an_end_factor_shortens_texts(decoder: Make, vectors: np.ndarray) -> None:
    lengths = [
        np.mean([len(text.split()) for text in best(decoder("rescore", length=4, end_factor=factor), vectors[:8])])
        for factor in (1.0, 1e4)
    ]
    assert lengths[1] < lengths[0]


def test_an_answer_is_never_empty_and_holds_no_end(decoder: Make, vectors: np.ndarray) -> None:
    for text in best(decoder("rescore", length=4, end_factor=1e6), vectors[:8]):
        assert text
        assert "." not in text


def test_a_word_that_clip_cannot_read_is_never_an_answer(decoder: Make, clip: Any, vectors: np.ndarray) -> None:
    texts = {word.text for one in decoder(length=2, guidance=0.01).decode(vectors) for word in one.words}
    clip.check_texts(sorted(texts))
    with pytest.raises(SpecError, match="zebra"):
        clip.check_texts(["zebra"])


def test_a_language_model_and_a_clip_without_common_words_are_refused(
    clip: Any, tmp_path: Path, vectors: np.ndarray
) -> None:
    words = ("Image", "of", "a", *(f"zebra{number}" for number in range(30)))
    folder = save_gpt2(tmp_path / "zoo", tokenizer(words), rows=64)
    settings = Settings(candidates=20)
    made = load_language_decoder(
        "zerocap", encode=clip.encode_text, check=clip.check_texts, model=str(folder), settings=settings, device="cpu"
    )
    made.guide.never[:3] = True
    with pytest.raises(
        SpecError, match=r"guiding texts: expected at least one of 20 candidates of .*zoo that CLIP can read"
    ):
        made.decode(vectors)


def test_vectors_of_another_space_are_refused(decoder: Make, vectors: np.ndarray) -> None:
    with pytest.raises(MismatchError, match=r"zerocap: expected shape \(vectors, 128\), but got \(18, 100\)"):
        decoder().decode(vectors[:, :100])


def test_vectors_with_nan_are_refused(decoder: Make, vectors: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"vector 1 .* finite numbers"):
        decoder().decode(np.where(np.arange(18)[:, None] == 1, np.nan, vectors))


def test_no_vector_has_no_answer(decoder: Make) -> None:
    assert decoder().decode(np.empty((0, 128), np.float32)) == []


@pytest.mark.gpu
def test_a_gpu_says_what_the_cpu_says(clip: Any, tiny: Path, vectors: np.ndarray) -> None:
    options = {
        "encode": clip.encode_text,
        "check": clip.check_texts,
        "model": str(tiny),
        "settings": Settings(length=3),
    }
    cpu, gpu = (
        load_language_decoder("zerocap", device=device, **options).decode(vectors) for device in ("cpu", "cuda")
    )
    same = sum(one.words[0].text == other.words[0].text for one, other in zip(cpu, gpu, strict=True))
    assert same >= 0.9 * len(vectors)


def test_another_decoder_is_refused(clip: Any) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'zerocap'"):
        load_language_decoder("zerocaps", encode=clip.encode_text, check=clip.check_texts)


def test_a_prompt_that_clip_cannot_read_is_refused(clip: Any, tiny: Path) -> None:
    with pytest.raises(SpecError, match="zebra"):
        load_language_decoder(
            "zerocap",
            encode=clip.encode_text,
            check=clip.check_texts,
            model=str(tiny),
            settings=Settings(prompt="zebra"),
        )


def test_a_batch_too_large_for_the_device_is_halved(decoder: Make, vectors: np.ndarray) -> None:
    made = decoder()
    whole = best(made, vectors)
    with torch_out_of_memory_above(made, rows=5):
        assert best(made, vectors) == whole
    with torch_out_of_memory_above(made, rows=0), pytest.raises(PlanError, match="room for one vector"):
        made.decode(vectors)


def torch_out_of_memory_above(made: LanguageDecoder, *, rows: int) -> Any:
    """A hook on the model that raises as a device does when more rows come at once."""

    class Limited:
        def __enter__(self) -> None:
            self.hook = made.language.model.register_forward_pre_hook(self.check, with_kwargs=True)

        def __exit__(self, *_: object) -> None:
            self.hook.remove()

        def check(self, _module: Any, _arguments: Any, options: dict[str, Any]) -> None:
            if len(options["input_ids"]) > rows:
                raise torch.OutOfMemoryError

    return Limited()


def test_settings_are_kept(decoder: Make) -> None:
    made = decoder(top=2)
    assert replace(made.settings, top=5) == Settings()
    assert made.batch > 1000
    assert not made.centred
