"""Everyday words cover the classes that they should: a class of each in and, where one could be mistaken for it, one out."""

import pytest
from timm.data import ImageNetInfo

from t2c.core.encoders.imagenet import short_names
from t2c.flows.concepts.head_groups import groups_of, imagenet_groups

INFO = ImageNetInfo("imagenet-1k")
IDS = tuple(map(str, INFO.label_names()))
NAMES = short_names([INFO.index_to_description(index) for index in range(1000)], IDS)
GROUPS = imagenet_groups()

CHECKS = {
    "dog": ("Chihuahua, Great Dane, Mexican hairless, German shepherd", "timber wolf, red fox, dingo, hyena", 118),
    "cat": ("tabby, Siamese cat, Egyptian cat", "lion, cougar, lynx", 5),
    "big cat": ("leopard, lion, tiger, cheetah, jaguar, snow leopard", "tabby", 6),
    "wolf": ("timber wolf, white wolf, red wolf, coyote", "German shepherd", 4),
    "fox": ("red fox, kit fox, Arctic fox, grey fox", "fox squirrel", 4),
    "bear": ("brown bear, ice bear, sloth bear", "giant panda, teddy", 4),
    "elephant": ("Indian elephant, African elephant", "tusker", 2),
    "monkey": ("baboon, spider monkey, proboscis monkey", "gorilla, indri", 13),
    "ape": ("gorilla, chimpanzee, orangutan", "baboon", 5),
    "rodent": ("hamster, beaver, guinea pig", "wood rabbit, mink", 6),
    "hoofed animal": ("sorrel, zebra, hippopotamus, llama, ox", "African elephant", 17),
    "bird": ("robin, ostrich, king penguin, flamingo, bald eagle", "monarch, balloon", 59),
    "fish": ("tench, great white shark, lionfish, sturgeon", "grey whale, starfish, jellyfish", 16),
    "snake": ("king snake, boa constrictor, sidewinder", "African chameleon", 17),
    "lizard": ("common iguana, Komodo dragon, African chameleon", "African crocodile, common newt", 11),
    "turtle": ("loggerhead, box turtle", "snail", 5),
    "frog": ("bullfrog, tree frog, tailed frog", "axolotl", 3),
    "insect": ("bee, dragonfly, monarch, ladybug, cockroach", "black widow, scorpion, centipede", 27),
    "butterfly": ("monarch, admiral, lycaenid", "dragonfly", 6),
    "beetle": ("ladybug, dung beetle, weevil", "fly, ant", 8),
    "spider": ("black widow, tarantula, wolf spider", "spider web, spider monkey, harvestman", 6),
    "person": ("ballplayer, groom, scuba diver", "mask", 3),
    "vehicle": ("convertible, school bus, airliner, canoe, mountain bike, bullet train", "missile, parking meter", 70),
    "car": ("convertible, minivan, sports car, cab", "trailer truck, freight car, car mirror", 10),
    "truck": ("trailer truck, pickup, fire engine, tow truck", "sports car", 8),
    "bus": ("school bus, minibus, trolleybus", "streetcar", 3),
    "bicycle": ("mountain bike, bicycle-built-for-two", "unicycle, moped", 2),
    "boat": ("canoe, speedboat, yawl, catamaran, container ship", "boathouse, paddle", 15),
    "aircraft": ("airliner, airship, balloon, warplane", "space shuttle, wing", 4),
    "food": ("pizza, banana, broccoli, espresso, ice cream", "menu, hay, plate rack", 45),
    "fruit": ("banana, Granny Smith, strawberry", "zucchini, acorn", 10),
    "vegetable": ("broccoli, cucumber, zucchini, mushroom", "banana, agaric", 13),
    "fungus": ("agaric, stinkhorn, hen-of-the-woods", "mushroom, daisy", 7),
    "flower": ("daisy, yellow lady's slipper", "rapeseed", 2),
    "furniture": ("desk, dining table, wardrobe, rocking chair", "window screen", 22),
    "seat": ("rocking chair, throne, studio couch", "dining table", 7),
    "clothing": ("jean, kimono, sock, sweatshirt", "running shoe, backpack", 49),
    "hat": ("sombrero, cowboy hat, bonnet", "crash helmet", 4),
    "shoe": ("running shoe, sandal, cowboy boot", "sock, shoe shop", 5),
    "musical instrument": ("violin, acoustic guitar, drum, grand piano, flute", "stage, microphone", 26),
    "guitar": ("acoustic guitar, electric guitar", "banjo, violin", 2),
    "tool": ("hammer, screwdriver, power drill", "spatula, nail", 14),
    "weapon": ("rifle, revolver, bow, cannon", "warplane, tank", 7),
    "kitchen utensil": ("wok, teapot, frying pan", "refrigerator, hammer", 7),
    "bottle": ("beer bottle, wine bottle, pop bottle", "bottlecap, vase", 7),
    "bag": ("backpack, purse, plastic bag", "wallet, crate", 5),
    "ball": ("soccer ball, tennis ball, basketball", "balloon", 10),
    "building": ("church, mosque, barn, palace, library", "castle, bakery", 14),
    "shop": ("bakery, bookshop, shoe shop", "restaurant, grocery store", 8),
    "landscape": ("alp, volcano, seashore, valley", "bubble", 10),
}
"""Word -> classes inside, classes outside, and how many it covers."""


def test_every_word_is_checked() -> None:
    assert list(CHECKS) == list(GROUPS)


@pytest.mark.parametrize("word", CHECKS)
def test_a_word_covers_what_it_should(word: str) -> None:
    inside, outside, count = CHECKS[word]
    members = {NAMES[place] for place in GROUPS[word]}
    assert set(inside.split(", ")) <= members
    assert set(outside.split(", ")) <= set(NAMES) - members
    assert len(GROUPS[word]) == count
    assert list(GROUPS[word]) == sorted(set(GROUPS[word]))


def test_words_inside_words_and_beside_each_other() -> None:
    for inner, outer in (("guitar", "musical instrument"), ("car", "vehicle"), ("hat", "clothing")):
        assert set(GROUPS[inner]) < set(GROUPS[outer])
    for one, other in (("dog", "cat"), ("bird", "fish"), ("vehicle", "food"), ("clothing", "person")):
        assert not set(GROUPS[one]) & set(GROUPS[other])


def test_a_word_that_is_a_class_and_another_label_set_are_left_alone() -> None:
    assert not set(GROUPS) & set(NAMES)
    assert "dog" not in groups_of(["dog", *NAMES[1:]], IDS)
    assert groups_of(NAMES, None) == groups_of(NAMES[:3], IDS[:3]) == {}
