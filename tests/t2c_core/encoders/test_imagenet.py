"""ImageNet's folder names are read as words where a text encoder must read them, each class apart from all others."""

from timm.data import ImageNetInfo

from t2c.core.encoders.imagenet import class_ids, head_names, short_names, spoken


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


def test_short_names_are_first_lemmas_and_differ_in_more_than_case() -> None:
    names, ids = labels()
    short = short_names(names, ids)
    assert len({name.casefold() for name in short}) == 1000
    assert (short[0], short[134], short[517]) == ("tench", "crane (n02012849)", "crane (n03126707)")
    assert {short[264], short[474]} == {"Cardigan (n02113186)", "cardigan (n02963159)"}
    assert sum("(" in name for name in short) == 6, "crane, maillot and cardigan alone"


def test_a_head_is_called_as_those_who_know_it_call_it() -> None:
    names, ids = labels()
    assert head_names(names)[0] == head_names(names, {"no such label"})[0] == "tench, Tinca tinca"
    assert head_names(names)[134] == "crane (class 134)"
    assert head_names(names, {"n01440764", "dog"}) == ids
    assert head_names(names, {"tench", "great white shark"}) == short_names(names, ids)
    assert head_names(["a", "b", "a"], {"b"}) == ("a (class 0)", "b", "a (class 2)"), "no head of ImageNet"


def labels() -> tuple[list[str], tuple[str, ...]]:
    info = ImageNetInfo("imagenet-1k")
    return [info.index_to_description(index) for index in range(1000)], tuple(map(str, info.label_names()))
