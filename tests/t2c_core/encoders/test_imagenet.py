"""ImageNet's folder names are read as words where a text encoder must read them, each class apart from all others."""

from timm.data import ImageNetInfo

from t2c.core.encoders.imagenet import class_ids, spoken


def test_synsets_are_spoken_by_their_first_name() -> None:
    assert spoken(["n01443537", "n01440764"]) == ("goldfish", "tench")
    assert spoken(["dog", "n01440764"]) == ("dog", "n01440764"), "names that are not all synsets stay as they are"
    assert spoken(["n99999999"]) == ("n99999999",)
    assert spoken([]) == ()


def test_every_class_has_a_name_of_its_own() -> None:
    info = ImageNetInfo("imagenet-1k")
    names = spoken(info.label_names())
    assert len(set(names)) == 1000
    assert sum(len(name.split()) <= 4 for name in names) > 990
    cranes = [name for name in names if name.startswith("crane")]
    assert len(cranes) == 2
    assert {name.split()[1] for name in cranes} == {"large", "lifts"}


def test_descriptions_of_a_whole_label_set_have_ids() -> None:
    info = ImageNetInfo("imagenet-1k")
    found = class_ids([info.index_to_description(index) for index in range(1000)])
    assert found is not None
    assert found[0] == "n01440764"
    assert class_ids(["tench"]) is None
