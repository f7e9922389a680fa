"""ImageNet's class ids (WordNet synsets such as n01440764), for datasets whose folders are named by them."""

from collections.abc import Sequence

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
