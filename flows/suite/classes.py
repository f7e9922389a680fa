"""Class names of the suite's tasks in the order of their label numbers, as their authors write them (paper, table 3)."""

IN9 = ("dog", "bird", "wheeled vehicle", "reptile", "carnivore", "insect", "musical instrument", "primate", "fish")
"""The nine classes of ImageNet-9 (Xiao et al. 2020); folders are numbered in this order."""

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""CIFAR-10, labels 0 to 9."""

STL10 = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
"""STL-10, labels 1 to 10."""

FASHION_MNIST = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
"""Fashion-MNIST, labels 0 to 9."""

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""Digits as words, 0 to 9 (table 3 writes them so)."""

HAIR = {
    "Black_Hair": "black hair",
    "Blond_Hair": "blonde hair",
    "Brown_Hair": "brown hair",
    "Gray_Hair": "gray hair",
}
"""CelebA's four hair colours: attribute name to class."""

# fmt: off
DTD = (
    "banded", "blotchy", "braided", "bubbly", "bumpy", "chequered", "cobwebbed", "cracked", "crosshatched",
    "crystalline", "dotted", "fibrous", "flecked", "freckled", "frilly", "gauzy", "grid", "grooved", "honeycombed",
    "interlaced", "knitted", "lacelike", "lined", "marbled", "matted", "meshed", "paisley", "perforated", "pitted",
    "pleated", "polka-dotted", "porous", "potholed", "scaly", "smeared", "spiralled", "sprinkled", "stained",
    "stratified", "striped", "studded", "swirly", "veined", "waffled", "woven", "wrinkled", "zigzagged",
)
# fmt: on
"""The 47 textures of the Describable Textures Dataset, which are its folders."""

SHAPES = ("circle", "octagon", "square", "star", "triangle")
"""The five of the nine 2D geometric shapes that the paper uses."""
