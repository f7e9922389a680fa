"""What decides the pixels is shared between encoders; what decides the numbers is in the space id."""

from dataclasses import replace

from t2c.core.encoders.base import Preprocessing, space_of

OWN = Preprocessing((224, 224), (256, 256), mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))


def test_mean_and_std_do_not_change_the_pixels() -> None:
    assert OWN.pixels == replace(OWN, mean=(0.1, 0.2, 0.3)).pixels
    for other in (
        replace(OWN, size=(192, 192)),
        replace(OWN, resize=(224, 224)),
        replace(OWN, mode="squash"),
        replace(OWN, interpolation="bilinear"),
        replace(OWN, fill=(1, 1, 1)),
    ):
        assert other.pixels != OWN.pixels


def test_every_part_but_the_name_is_in_the_space_id() -> None:
    parts = {"dimension": 4, "weights": "w", "pooling": "avg", "precision": "float32"}
    base = space_of("a", OWN, **parts)
    assert space_of("b", OWN, **parts).id == base.id
    changes = [{"dimension": 5}, {"weights": "v"}, {"pooling": "token"}, {"precision": "bfloat16"}]
    ids = {space_of("a", OWN, **{**parts, **change}).id for change in changes}
    ids.add(space_of("a", replace(OWN, std=(0.3, 0.2, 0.2)), **parts).id)
    assert len(ids | {base.id}) == 6
