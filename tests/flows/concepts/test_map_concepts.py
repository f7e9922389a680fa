"""Text carried into an encoder's own space scores its features as they are, and finds what the planted map says."""

import json

import numpy as np
import pytest

from t2c.flows.cli.app import run
from t2c.flows.concepts.map_concepts import carry
from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.schemas.errors import MismatchError, SpecError, UnknownName
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.features import open_features
from t2c.store.disk.root import Store
from t2c.store.queries import resolve_scores
from tests.planted.features import CONCEPTS, SOURCE, TARGET, Planted


@pytest.fixture
def planted(store: Store) -> Planted:
    made = Planted(store)
    made.dataset("photos", 400, noise=0.01)
    made.bank()
    align(store, "photos", source=TARGET.name, target=SOURCE.name)
    return made


def test_carried_text_lies_where_the_map_puts_it(planted: Planted) -> None:
    store = planted.store
    report = carry(store, "everyday", dataset="photos", target=SOURCE.name)
    carried = open_concepts(store, report.bank)
    assert (carried.space.id, carried.names(), report.new) == (SOURCE.id, list(CONCEPTS), True)
    assert report.bank == f"everyday-{report.map[:12]}"
    clip = open_features(store, "photos", TARGET.name).read(0, 400)
    assert report.length == pytest.approx(np.linalg.norm(clip, axis=1).mean(), rel=1e-6)
    fitted = np.linalg.lstsq(
        np.c_[clip, np.ones(400)].astype(np.float64),
        open_features(store, "photos", SOURCE.name).read(0, 400),
        rcond=None,
    )[0]
    want = np.c_[report.length * open_concepts(store, "everyday").vectors(), np.ones(3)] @ fitted
    want /= np.linalg.norm(want, axis=1, keepdims=True)
    assert (carried.vectors() * want).sum(1).min() > 0.99
    again = carry(store, "everyday", dataset="photos", target=SOURCE.name)
    assert (again.new, again.bank) == (False, report.bank)


def test_carried_text_scores_the_encoders_own_features(planted: Planted) -> None:
    store = planted.store
    report = carry(store, "everyday", dataset="photos", target=SOURCE.name, name="carried")
    made = score(store, "photos", source=SOURCE.name, bank="carried")
    assert made.map.startswith("identity")
    x, v = open_features(store, "photos", SOURCE.name).read(0, 400), open_concepts(store, "carried").vectors()
    want = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ v.T
    scores = resolve_scores(store, "photos", source=SOURCE.name, bank="carried")
    np.testing.assert_allclose(scores.values(0), want[:, 0], atol=1e-5)
    assert report.concepts == 3


def test_what_cannot_be_carried_is_refused(planted: Planted) -> None:
    store = planted.store
    with pytest.raises(UnknownName, match="concept bank: expected one of 'everyday'"):
        carry(store, "evryday", dataset="photos", target=SOURCE.name)
    forward = align(store, "photos", source=SOURCE.name, target=TARGET.name).digest
    with pytest.raises(
        MismatchError, match=r"map .*: expected from .*planted/test.* to timm:planted.*, but got from timm"
    ):
        carry(store, "everyday", dataset="photos", target=SOURCE.name, linear_map=forward)
    carry(store, "everyday", dataset="photos", target=SOURCE.name, name="carried")
    other = align(store, "photos", source=TARGET.name, target=SOURCE.name, ridge=5.0).digest
    with pytest.raises(MismatchError, match="concept bank carried: expected carried by map"):
        carry(store, "everyday", dataset="photos", target=SOURCE.name, name="carried", linear_map=other)
    planted.images("half", 50)
    planted.features("half", SOURCE, planted.x(50))
    with pytest.raises(SpecError, match=r"features of half: expected some in .*, but got none\. Extract them"):
        carry(store, "everyday", dataset="half", target=SOURCE.name)


def test_without_a_map_of_that_direction_the_command_to_fit_it_is_named(store: Store) -> None:
    planted = Planted(store)
    planted.dataset("photos", 60)
    planted.bank()
    with pytest.raises(UnknownName, match=f"Fit one: t2c align DATASET --source {TARGET.name} --target {SOURCE.name}"):
        carry(store, "everyday", dataset="photos", target=SOURCE.name)


def test_the_command_suggests_scoring_with_the_new_bank(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["concepts", "carry", "everyday", "--dataset", "photos", "--target", SOURCE.name, "--name", "carried"]
    assert run([*words, "--store", planted.store.url, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"]["concepts"] == 3
    assert said["next"] == f"t2c score photos --source {SOURCE.name} --concepts carried"
