"""What ImageNet's classes are called: by id (WordNet synsets such as n01440764), by description, by a short name."""

import re
from collections import Counter
from collections.abc import Container, Sequence

_ID = re.compile(r"n\d{8}")
_SUBSETS = ("imagenet-1k", "imagenet-12k", "imagenet-21k-goog", "imagenet-22k")


def class_ids(names: Sequence[str]) -> tuple[str, ...] | None:
    """Return the synset of each class when `names` are timm's descriptions of a whole ImageNet label set, else None."""
    from timm.data import ImageNetInfo

    for subset in _SUBSETS:
        info = ImageNetInfo(subset)
        if info.num_classes() == len(names) and all(
            info.index_to_description(index) == name for index, name in enumerate(names)
        ):
            return tuple(str(one) for one in info.label_names())
    return None


def spoken(classes: Sequence[str]) -> tuple[str, ...]:
    """Return classes as a text encoder can read them: synsets of ImageNet-1k by name, any others as they are.

    The name is the first of the synset's (`tench` of `tench, Tinca tinca`); the two cranes and the two maillots, whose
    first names are one, are told apart by what follows. Classes that are not all synsets are left alone.
    """
    if not classes or not all(_ID.fullmatch(name) for name in classes):
        return tuple(classes)
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    known = {str(one): index for index, one in enumerate(info.label_names())}
    if not set(classes) <= set(known):
        return tuple(classes)
    whole = {name: str(info.index_to_description(index)) for name, index in known.items()}
    firsts = [text.partition(",")[0] for text in whole.values()]
    names = {one: first if firsts.count(first) == 1 else whole[one] for one, first in zip(whole, firsts, strict=True)}
    twice = {name for name in names.values() if list(names.values()).count(name) > 1}
    detailed = {
        one: str(info.index_to_description(known[one], detailed=True)) for one, name in names.items() if name in twice
    }
    return tuple(detailed.get(one, names[one]) for one in classes)


def head_names(names: Sequence[str], known: Container[str] = ()) -> tuple[str, ...]:
    """Return the classes of a head, each once, in the naming that most of `known` names (labels, a bank's) are written in.

    Of ImageNet's classes that is the whole description (`tench, Tinca tinca`, the default), the id (n01440764) or the
    short name (`tench`); of any other head it is what the model says. Equal names are told apart by their position.
    """
    whole = tuple(f"{name} (class {index})" if names.count(name) > 1 else name for index, name in enumerate(names))
    ids = class_ids(names)
    namings = (whole,) if ids is None else (whole, ids, short_names(names, ids))
    return max(namings, key=lambda naming: sum(name in known for name in naming))  # of equals the first


def short_names(names: Sequence[str], ids: Sequence[str]) -> tuple[str, ...]:
    """Return ImageNet's classes by the first lemma of each; those that share it, but for case, have their synset behind it.

    `tench` for `tench, Tinca tinca`; `crane (n02012849)`, the bird, and `crane (n03126707)`, the machine; `Cardigan
    (n02113186)`, the dog, and `cardigan (n02963159)`, the garment.
    """
    firsts = [name.partition(",")[0] for name in names]
    counts = Counter(map(str.casefold, firsts))
    pairs = zip(firsts, ids, strict=True)
    return tuple(f"{name} ({synset})" if counts[name.casefold()] > 1 else name for name, synset in pairs)
