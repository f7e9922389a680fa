"""Captions tell the truth about an image, use every default template, and stay inside the vocabulary."""

import numpy as np
import pytest

from t2c.core.encoders.demo_clip.tokenizer import CONTEXT_LENGTH, words_of
from t2c.flows.world.captions import (
    ATTRIBUTES,
    SYNONYMS,
    ZERO_SHOT_PROMPTS,
    caption,
    filler,
    prompts_of,
    template,
    vocabulary,
)
from t2c.flows.world.world import VALUES
from t2c.schemas.specs.base import DEFAULT_TEMPLATES

SHOWN = np.array([8, 3, 1, 4])


def mentions(text, value):
    return any(name in text for name in (value, *SYNONYMS.get(value, ())))


def test_a_caption_says_what_it_tells_and_at_least_one_thing():
    rng = np.random.default_rng(0)
    for _ in range(300):
        text, told = caption(rng, SHOWN)
        assert told.any()
        for place, name in enumerate(ATTRIBUTES):
            if told[place]:
                assert mentions(text, VALUES[name][SHOWN[place]]), text


def test_captions_vary_from_one_attribute_to_all_four():
    rng = np.random.default_rng(1)
    counts = {int(caption(rng, SHOWN)[1].sum()) for _ in range(200)}
    assert counts == {1, 2, 3, 4}


def test_every_default_template_is_trained_on():
    rng = np.random.default_rng(2)
    assert set(DEFAULT_TEMPLATES) <= {template(rng) for _ in range(500)}


@pytest.mark.parametrize("name", list(VALUES))
def test_prompts_hold_one_text_a_value_from_one_template(name):
    prompts = prompts_of(np.random.default_rng(3), name)
    assert len(prompts) == len(VALUES[name])
    assert all(mentions(text, value) for text, value in zip(prompts, VALUES[name], strict=True))


def test_no_caption_leaves_the_vocabulary_or_the_context_length():
    rng = np.random.default_rng(4)
    known = {word for text in vocabulary() for word in words_of(text)}
    for _ in range(500):
        text = filler(rng, caption(rng, SHOWN)[0])
        assert set(words_of(text)) <= known
        assert len(words_of(text)) + 2 <= CONTEXT_LENGTH


def test_zero_shot_prompts_cover_every_attribute():
    assert set(ZERO_SHOT_PROMPTS) == set(VALUES)
