"""A certificate comes back from JSON as it went in, ignores what it does not know, and names what is not one."""

import json
from dataclasses import replace

import pytest

from t2c.schemas.certificate import Certificate, Fidelity, HeldOut, parse_certificate
from t2c.schemas.errors import CorruptError
from t2c.schemas.spaces import Space

SOURCE = Space("encoder", "timm:a", 4, "aa", preprocessing="resize 224", pooling="avg")
TARGET = Space("imported", "words", 3, "bb")
QUALITY = HeldOut(100, 0.69, 0.5, 0.75, 0.0, -0.001, 0.16)
FULL = Certificate(
    source=SOURCE,
    target=TARGET,
    dataset="photos",
    snapshot=3,
    ridge=0.1 + 0.2,
    rank=4,
    condition=1e5 / 3,
    method="cholesky",
    fitted=900,
    folds=5,
    seed=7,
    held_out=QUALITY,
    fidelity=(Fidelity("everyday", "<b>dog</b>", 100, 0.93), Fidelity("everyday", "flat", 100, None)),
    notes=("fewer rows than source dimensions",),
    aligner="sgd",
    objective="mean squared error",
    needed=("features of both encoders",),
    settings=(("epochs", "6"),),
    measured_on="others@2",
    claims=(("r2_variance_weighted", "0.7"),),
)


@pytest.mark.parametrize("certificate", [FULL, replace(FULL, held_out=None, condition=None, fidelity=(), notes=())])
def test_round_trip(certificate: Certificate) -> None:
    assert parse_certificate(certificate.to_json()) == certificate


def test_unknown_keys_are_ignored_at_every_level() -> None:
    value = json.loads(FULL.to_json())
    for part in (value, value["source"], value["held_out"], value["fidelity"][0]):
        part["from_the_future"] = [1]
    assert parse_certificate(json.dumps(value)) == FULL


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"source": 3}', b"\xff"])
def test_anything_else_is_named(text: str | bytes) -> None:
    with pytest.raises(CorruptError, match=r"map 12/certificate\.json: expected a certificate in JSON, but got"):
        parse_certificate(text, subject="map 12/certificate.json")


@pytest.mark.parametrize(("ridge", "aligner"), [(0.0, "least-squares"), (2.5, "ridge")])
def test_a_certificate_from_before_there_were_other_aligners_says_which_of_two_it_was(
    ridge: float, aligner: str
) -> None:
    value = json.loads(replace(FULL, ridge=ridge).to_json())
    for name in ("aligner", "objective", "needed", "settings", "measured_on"):
        del value[name]
    del value["held_out"]["mean_cosine"]
    read = parse_certificate(json.dumps(value))
    assert (read.aligner, read.objective, read.needed, read.settings, read.measured_on) == (aligner, "", (), (), "")
    assert read.held_out == QUALITY
