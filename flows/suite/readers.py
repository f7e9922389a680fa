"""Which files each task needs, where in the data folder they lie, what is there, and what reads them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from t2c.flows.suite import classes, drawn, listed, unpacked
from t2c.flows.suite.pictures import Pictures
from t2c.flows.suite.tasks import Task
from t2c.schemas.errors import InputError, expected
from t2c.store.sources.source import Source

State = Literal["present", "incomplete", "missing", "no files needed"]


@dataclass(frozen=True, slots=True)
class Folder:
    """Files that belong together, as their authors lay them out."""

    homes: tuple[str, ...]
    """Folder of the data folder that holds them: the first that is there; ours, then the archives' own names."""
    files: Mapping[str, tuple[str, ...]]
    """Role to the relative paths under which it may lie; one that ends in `/` is a folder."""
    origin: str
    """Who publishes the files, and which."""

    def home(self, data: Path) -> Path:
        """Return the folder: the first that is there, else where it should be."""
        return next((data / name for name in self.homes if (data / name).is_dir()), data / self.homes[0])

    def found(self, data: Path) -> dict[str, Path]:
        """Return role to path, for what is there."""
        home = self.home(data)
        places = {role: [home / path for path in paths if _is_there(home, path)] for role, paths in self.files.items()}
        return {role: existing[0] for role, existing in places.items() if existing}

    def missing(self, data: Path) -> list[str]:
        """Return the paths, relative to the data folder, that are not there."""
        return [path for path, exists in self.listing(data).items() if not exists]

    def listing(self, data: Path) -> dict[str, bool]:
        """Return each path, relative to the data folder, and whether it is there."""
        home, existing = self.home(data), self.found(data)
        paths = {role: existing.get(role, home / choices[0]) for role, choices in self.files.items()}
        slash = {role: "/" if choices[0].endswith("/") else "" for role, choices in self.files.items()}
        return {f"{path.relative_to(data).as_posix()}{slash[role]}": role in existing for role, path in paths.items()}

    def state(self, data: Path) -> State:
        """Say whether all of it, some of it, or nothing is there."""
        gone = self.missing(data)
        if not gone:
            return "present"
        return "missing" if len(gone) == len(self.files) else "incomplete"

    def open(self, data: Path) -> dict[str, Path]:
        """Return role to path. Raises InputError naming every file that is not there."""
        gone = self.missing(data)
        if gone:
            subject = f"suite folder {self.home(data)}"
            raise InputError(
                expected(subject, "every file of the task", f"no {', no '.join(gone)}", f"Get: {self.origin}")
            )
        return self.found(data)


def _is_there(home: Path, path: str) -> bool:
    return (home / path).is_dir() if path.endswith("/") else (home / path).is_file()


NOTHING = Folder((), {}, "nothing to get")
"""What drawn and packaged pictures need."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the pictures of one or several tasks."""

    read: Callable[[Mapping[str, Path]], Source | Pictures]
    """Role to path in; image files, or pictures that can be made, out."""
    folder: Folder = field(default=NOTHING)
    """Files it reads."""

    @property
    def drawn(self) -> bool:
        """Whether it needs no files."""
        return not self.folder.files


def _idx_names(stem: str, kind: str) -> tuple[str, ...]:
    return f"{stem}-{kind}-ubyte.gz", f"{stem}-{kind}-ubyte", f"{stem}.{kind}-ubyte"


_IDX = {"images": _idx_names("t10k-images", "idx3"), "labels": _idx_names("t10k-labels", "idx1")}
_IN9 = {f"{n:02d}": (f"original/val/{n:02d}_{name}/",) for n, name in enumerate(classes.IN9)}

HIERARCHY = Folder(
    ("breeds", "BREEDS-Benchmarks/imagenet_class_hierarchy/modified"),
    {
        "edges": ("class_hierarchy.txt",),
        "names": ("node_names.txt",),
        "classes": ("dataset_class_info.json", "../wordnet/dataset_class_info.json"),
    },
    "BREEDS-Benchmarks of MadryLab, folder imagenet_class_hierarchy/modified",
)
"""The class hierarchy of the BREEDS tasks."""

READERS: dict[str, Reader] = {
    "in9": Reader(
        listed.in9,
        Folder(("in9", "bg_challenge"), _IN9, "Backgrounds Challenge of MadryLab, backgrounds_challenge_data.tar.gz"),
    ),
    "imagenet": Reader(
        listed.imagenet,
        Folder(
            ("imagenet", "ILSVRC2012"),
            {"val": ("val/",)},
            "ImageNet ILSVRC 2012, ILSVRC2012_img_val.tar, sorted into one folder a WordNet id",
        ),
    ),
    "cifar10": Reader(
        unpacked.cifar10,
        Folder(
            ("cifar10", "cifar-10-batches-bin"),
            {"batch": ("test_batch.bin", "cifar-10-batches-bin/test_batch.bin")},
            "CIFAR-10 of A. Krizhevsky, binary version, cifar-10-binary.tar.gz",
        ),
    ),
    "stl10": Reader(
        unpacked.stl10,
        Folder(
            ("stl10", "stl10_binary"),
            {
                "images": ("test_X.bin", "stl10_binary/test_X.bin"),
                "labels": ("test_y.bin", "stl10_binary/test_y.bin"),
            },
            "STL-10 of A. Coates, stl10_binary.tar.gz",
        ),
    ),
    "fashion-mnist": Reader(
        unpacked.fashion_mnist,
        Folder(("fashion-mnist",), _IDX, "Fashion-MNIST of Zalando Research, the two t10k files"),
    ),
    "celeba": Reader(
        listed.celeba,
        Folder(
            ("celeba", "CelebA"),
            {
                "images": ("img_align_celeba/", "Img/img_align_celeba/"),
                "attributes": ("list_attr_celeba.txt", "Anno/list_attr_celeba.txt"),
                "partition": ("list_eval_partition.txt", "Eval/list_eval_partition.txt"),
            },
            "CelebA of Liu, Luo, Wang and Tang: img_align_celeba.zip and the two lists",
        ),
    ),
    "svhn": Reader(
        unpacked.svhn,
        Folder(("svhn",), {"digits": ("test_32x32.mat",)}, "SVHN of Netzer et al., format 2, test_32x32.mat"),
    ),
    "mnist": Reader(unpacked.mnist, Folder(("mnist",), _IDX, "MNIST of LeCun, Cortes and Burges, the two t10k files")),
    "dtd": Reader(
        listed.dtd,
        Folder(
            ("dtd",),
            {"images": ("images/", "dtd/images/"), "split": ("labels/test1.txt", "dtd/labels/test1.txt")},
            "Describable Textures Dataset of Cimpoi et al., dtd-r1.0.1.tar.gz",
        ),
    ),
    "shape": Reader(
        listed.shape,
        Folder(
            ("shapes", "2D geometric shapes dataset"),
            {"images": ("output/", "./")},
            "2D geometric shapes dataset of El Korchi and Ghanou (2020)",
        ),
    ),
    "color": Reader(drawn.color),
    "digits": Reader(drawn.digits),
    "world": Reader(drawn.world),
}
"""Every reader by name."""


def needed(task: Task) -> tuple[Folder, ...]:
    """Return the folders of files that a task needs."""
    own = READERS[task.reader]
    return (*(() if own.drawn else (own.folder,)), *((HIERARCHY,) if task.grouping else ()))


def missing(task: Task, data: Path) -> list[str]:
    """Return the paths, relative to the data folder, that a task lacks."""
    return [path for folder in needed(task) for path in folder.missing(data)]


def state(task: Task, data: Path) -> State:
    """Say whether a task can be done; a task is incomplete when some of its files are there and some are not."""
    states = {folder.state(data) for folder in needed(task)}
    if not states:
        return "no files needed"
    return states.pop() if len(states) == 1 else "incomplete"
