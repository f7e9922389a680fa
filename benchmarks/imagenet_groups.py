"""Write flows/concepts/imagenet_groups.tsv, everyday words over the classes of ImageNet-1k, from WordNet 3.0's files.

python -m benchmarks.imagenet_groups /usr/share/wordnet    (Debian: apt install wordnet-base)
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from timm.data import ImageNetInfo

TABLE = Path(__file__).parents[1] / "flows" / "concepts" / "imagenet_groups.tsv"

GROUPS = {
    "dog": "n02084071",
    "cat": "n02121808",
    "big cat": "n02127808",
    "wolf": "n02114100",
    "fox": "n02118333",
    "bear": "n02131653",
    "elephant": "n02503517",
    "monkey": "n02484322",
    "ape": "n02470325",
    "rodent": "n02329401",
    "hoofed animal": "n02370806",
    "bird": "n01503061",
    "fish": "n02512053",
    "snake": "n01726692",
    "lizard": "n01674464",
    "turtle": "n01662784",
    "frog": "n01639765",
    "insect": "n02159955",
    "butterfly": "n02274259",
    "beetle": "n02164464",
    "spider": "n01772222",
    "person": "n00007846",
    "vehicle": "n04524313 n02924116 n04468005 -n03773504",  # buses and trains are elsewhere, a missile is a vehicle
    "car": "n02958343",
    "truck": "n04490091",
    "bus": "n02924116",
    "bicycle": "n02834778",
    "boat": "n04530566",  # watercraft: WordNet's own boat is a small one, and its ships are others
    "aircraft": "n02686568",
    "food": "n07555863 n00021265 -n07565083 -n07802026 -n07930864",  # no menu, hay, or cup (a punch, photographed as cups)
    "fruit": "n07705931",
    "vegetable": "n07707451",
    "fungus": "n12992868",
    "flower": "n11669921",
    "furniture": "n03405725",
    "seat": "n04161981",
    "clothing": "n03051540",
    "hat": "n03497657",
    "shoe": "n03380867",
    "musical instrument": "n03800933",
    "guitar": "n03467517",
    "tool": "n04451818",
    "weapon": "n04565375",
    "kitchen utensil": "n03621049",
    "bottle": "n02876657",
    "bag": "n02773037",
    "ball": "n02778669",
    "building": "n02913152",
    "shop": "n04202417",
    "landscape": "n09287968",
}
"""Word -> the synsets whose hyponyms it covers; `-` leaves a class out.

`animal` is left out: its 398 classes cancel in their mean, which tells a photograph of one from another with an area under
the curve of 0.74 (dog 0.80, all words 0.98 on average)."""

HEADER = """\
# Everyday words over the classes of ImageNet-1k: word, WordNet synsets whose hyponyms it covers (- leaves one out), classes.
# Made by: python -m benchmarks.imagenet_groups FOLDER-OF-WORDNET-3.0
#
# WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved.
# Permission to use, copy, modify and distribute this software and database and its documentation for any purpose and
# without fee or royalty is hereby granted, provided that you agree to comply with the following copyright notice and
# statements, including the disclaimer, and that the same appear on ALL copies of the software, database and documentation,
# including modifications that you make for internal use or for distribution.
# THIS SOFTWARE AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES, EXPRESS OR
# IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES OF MERCHANT-
# ABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE OR THAT THE USE OF THE LICENSED SOFTWARE, DATABASE OR DOCUMENTATION WILL NOT
# INFRINGE ANY THIRD PARTY PATENTS, COPYRIGHTS, TRADEMARKS OR OTHER RIGHTS.
# The name of Princeton University or Princeton may not be used in advertising or publicity pertaining to distribution of the
# software and/or database. Title to copyright in this software, database and any associated documentation shall at all times
# remain with Princeton University and LICENSEE agrees to preserve same.
"""


def hypernyms(data: Path) -> dict[str, list[str]]:
    """Return synset -> the synsets it is a kind or an instance of, as `data.noun` holds them."""
    above = {}
    for line in data.read_text(encoding="latin1").splitlines():
        if line.startswith("  "):
            continue  # the licence
        fields = line.partition(" | ")[0].split()
        words = int(fields[3], 16)
        first = 4 + 2 * words
        pointers = zip(fields[first + 1 :: 4], fields[first + 2 :: 4], strict=False)
        above[f"n{fields[0]}"] = [f"n{synset}" for symbol, synset in pointers if symbol in ("@", "@i")]
    return above


def reaches(synset: str, tops: set[str], above: Mapping[str, list[str]]) -> bool:
    """Say whether a synset is one of `tops`, or a kind of one."""
    return synset in tops or any(reaches(parent, tops, above) for parent in above[synset])


def ranges(numbers: list[int]) -> str:
    """Return ascending numbers as `7-24,80`."""
    starts = [number for number in numbers if number - 1 not in numbers]
    ends = [number for number in numbers if number + 1 not in numbers]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def main(folder: str) -> None:
    """Write the table."""
    above = hypernyms(Path(folder) / "data.noun")
    classes = [str(synset) for synset in ImageNetInfo("imagenet-1k").label_names()]
    lines = []
    for word, text in GROUPS.items():
        tops = {synset for synset in text.split() if not synset.startswith("-")}
        out = {synset.removeprefix("-") for synset in text.split() if synset.startswith("-")}
        members = [index for index, one in enumerate(classes) if one not in out and reaches(one, tops, above)]
        lines.append(f"{word}\t{text}\t{ranges(members)}\n")
    TABLE.write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
