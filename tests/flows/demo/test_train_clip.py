"""The training recipe runs: a tiny seeded draw learns something, twice the same, and a finished stage is not run again."""

import json
from dataclasses import replace

import pytest
from safetensors.numpy import load_file

from t2c.core.encoders.demo_clip.train import Recipe, Stage
from t2c.flows.demo.train_clip import run
from t2c.flows.demo.training_images import cached, render
from t2c.flows.world.world import VALUES, draw_attributes

TINY = Recipe(batch=32, stages=(Stage(seed=1, steps=6, horizon=8, learning_rate=1e-3), Stage(2, 2, 2, 5e-4)))


def trained(folder, cache, recipe=TINY):
    run(cache, folder, images=64, held_out=20, recipe=recipe)
    return load_file(folder / "open_clip_model.safetensors"), json.loads((folder / "training_log.json").read_text())


def test_rendered_images_come_with_the_indices_of_their_attributes():
    images, labels = render(7, 3, 5)
    assert images.shape == (2, 96, 96, 3)
    shown = draw_attributes(7, 4)
    assert [VALUES[name][i] for name, i in zip(VALUES, labels[1], strict=True)] == [
        shown.colour,
        shown.shape,
        shown.texture,
        shown.context,
    ]


@pytest.mark.slow
def test_a_recipe_gives_the_same_weights_twice_and_keeps_finished_stages(tmp_path, capsys):
    first, log = trained(tmp_path / "a", tmp_path / "cache-a")
    again, _ = trained(tmp_path / "b", tmp_path / "cache-b")
    assert all((first[name] == again[name]).all() for name in first)
    assert [entry[-1]["step"] for entry in log["log"]] == [6, 2]
    assert (tmp_path / "a" / "vocabulary.json").read_text() == (tmp_path / "b" / "vocabulary.json").read_text()
    printed = capsys.readouterr().out
    kept, _ = trained(tmp_path / "c", tmp_path / "cache-a")
    assert capsys.readouterr().out == ""
    assert printed.count('"step": 6') == 2
    assert all((first[name] == kept[name]).all() for name in first)


@pytest.mark.slow
def test_another_seed_gives_other_weights(tmp_path):
    first, _ = trained(tmp_path / "a", tmp_path / "cache-a")
    other, _ = trained(tmp_path / "b", tmp_path / "cache-b", replace(TINY, seed=99))
    assert any((first[name] != other[name]).any() for name in first)
    assert cached(tmp_path / "cache-a", 7, 64)[0].shape == (64, 96, 96, 3)
