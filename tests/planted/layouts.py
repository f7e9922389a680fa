"""Small files in the byte layouts in which authors distribute them, written from the formats' own specifications."""

import gzip
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def idx(values: np.ndarray) -> bytes:
    """An idx file: two zero bytes, 8 for unsigned bytes, the number of dimensions, each size as big-endian uint32."""
    return struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_mnist(folder: Path, images: np.ndarray, labels: Sequence[int], *, zipped: bool = True) -> Path:
    """The two t10k files of MNIST or Fashion-MNIST; images (n, 28, 28)."""
    folder.mkdir(parents=True, exist_ok=True)
    pack, end = (gzip.compress, ".gz") if zipped else (bytes, "")
    (folder / f"t10k-images-idx3-ubyte{end}").write_bytes(pack(idx(images.astype(np.uint8))))
    (folder / f"t10k-labels-idx1-ubyte{end}").write_bytes(pack(idx(np.array(labels, np.uint8))))
    return folder


def write_cifar10(folder: Path, images: np.ndarray, labels: Sequence[int]) -> Path:
    """CIFAR-10's binary version: a label byte, then 1,024 red, 1,024 green and 1,024 blue bytes, each row by row."""
    folder.mkdir(parents=True, exist_ok=True)
    records = b""
    for pixels, label in zip(images, labels, strict=True):
        records += bytes([label])
        for channel in range(3):
            for row in range(32):
                records += bytes(pixels[row, column, channel] for column in range(32))
    (folder / "test_batch.bin").write_bytes(records)
    return folder


def write_stl10(folder: Path, images: np.ndarray, labels: Sequence[int]) -> Path:
    """STL-10's binary files: planes red, green, blue, each column by column; labels from 1."""
    folder.mkdir(parents=True, exist_ok=True)
    records = b""
    for pixels in images:
        for channel in range(3):
            for column in range(96):
                records += bytes(pixels[row, column, channel] for row in range(96))
    (folder / "test_X.bin").write_bytes(records)
    (folder / "test_y.bin").write_bytes(bytes(labels))
    return folder


def write_svhn(folder: Path, images: np.ndarray, labels: Sequence[int]) -> Path:
    """SVHN's cropped digits: X (32, 32, 3, n) and y (n, 1) in a MATLAB 5 file, the digit 0 labelled 10."""
    from scipy.io import savemat

    folder.mkdir(parents=True, exist_ok=True)
    x = np.stack(list(images), axis=3)
    y = np.array([[10 if label == 0 else label] for label in labels], np.uint8)
    savemat(folder / "test_32x32.mat", {"X": x, "y": y}, do_compression=True)
    return folder


def picture(path: Path, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 20), colour).save(path)


def write_celeba(folder: Path, rows: Mapping[str, tuple[int, set[str]]], attributes: Sequence[str]) -> Path:
    """CelebA: a count, attribute names, then `name  1 -1 ...` a line; partitions 0, 1, 2; one folder of pictures."""
    lines = [str(len(rows)), " ".join(attributes) + " "]
    for name, (_, marked) in rows.items():
        lines.append(name + " " + " ".join(f"{1 if one in marked else -1:2d}" for one in attributes))
        picture(folder / "img_align_celeba" / name, (200, 20 + len(lines), 20))
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    parts = "".join(f"{name} {part}\n" for name, (part, _) in rows.items())
    (folder / "list_eval_partition.txt").write_text(parts)
    return folder


def write_dtd(folder: Path, names: Iterable[str], *, listed: Iterable[str]) -> Path:
    """DTD: images/<texture>/<texture>_0001.jpg, and lines of such paths in labels/test1.txt."""
    for number, name in enumerate(names):
        picture(folder / "images" / name, (10 * number % 256, 100, 50))
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "test1.txt").write_text("".join(f"{name}\n" for name in listed))
    return folder


def write_breeds(
    folder: Path, edges: Sequence[tuple[str, str]], names: Mapping[str, str], leaves: Sequence[str]
) -> Path:
    """BREEDS: `parent child` lines, `node<TAB>name` lines, and a JSON list of [number, node, name]."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "class_hierarchy.txt").write_text("".join(f"{parent} {child}\n" for parent, child in edges))
    (folder / "node_names.txt").write_text("".join(f"{node}\t{name}\n" for node, name in names.items()))
    info = [[number, node, names.get(node, node)] for number, node in enumerate(leaves)]
    (folder / "dataset_class_info.json").write_text(json.dumps(info))
    return folder
