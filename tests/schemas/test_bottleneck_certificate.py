"""A bottleneck's certificate survives JSON, tolerates keys of a later version, and says what is wrong with a bad one."""

import json

import pytest

from t2c.schemas.bottleneck_certificate import BottleneckCertificate, Edit, LeftOut, parse_bottleneck
from t2c.schemas.errors import CorruptError

CERTIFICATE = BottleneckCertificate(
    dataset="photos",
    snapshot=3,
    labels="label",
    classes=("ship", "truck"),
    bank="everyday",
    map="0123456789ab",
    source="timm:resnet50.a1_in1k",
    head="sgd",
    recipe="40 epochs",
    concepts=5,
    used=5,
    left_out=(LeftOut("blue", "untrusted"),),
    fitted=80,
    held_out=20,
    unlabelled=1,
    other_labels=0,
    edits=(Edit("wet", 0.0),),
    notes=("a note",),
)


def test_it_comes_back_as_it_was_and_ignores_what_it_does_not_know() -> None:
    assert parse_bottleneck(CERTIFICATE.to_json()) == CERTIFICATE
    later = json.dumps({**json.loads(CERTIFICATE.to_json()), "mood": "fine"})
    assert parse_bottleneck(later) == CERTIFICATE


@pytest.mark.parametrize("text", ["{", "[]", '{"dataset": "photos"}'])
def test_what_is_none_is_named(text: str) -> None:
    with pytest.raises(CorruptError, match=r"some/file: expected a certificate in JSON, but got"):
        parse_bottleneck(text, subject="some/file")
