"""Binary files are read byte by byte as their authors wrote them; damaged ones are refused with their name."""

import pickle
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from t2c.flows.suite.binary import check_as_many, read_cifar10, read_idx, read_stl10, read_svhn
from t2c.schemas.errors import InputError
from tests.planted.layouts import idx, write_cifar10, write_mnist, write_stl10, write_svhn


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("zipped", [True, False])
def test_idx_gives_images_and_labels(tmp_path: Path, zipped: bool) -> None:
    images = noise(3, 28, 28)
    folder = write_mnist(tmp_path, images, [7, 0, 9], zipped=zipped)
    end = ".gz" if zipped else ""
    np.testing.assert_array_equal(read_idx(folder / f"t10k-images-idx3-ubyte{end}", dimensions=3), images)
    np.testing.assert_array_equal(read_idx(folder / f"t10k-labels-idx1-ubyte{end}", dimensions=1), [7, 0, 9])


def test_idx_with_another_magic_number_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "labels"
    file.write_bytes(idx(np.array([1, 2], np.uint8)))
    want = "labels: expected an idx file with magic number 0x00000803, but got 0x00000801. Get the file again"
    with pytest.raises(InputError, match=re.escape(want)):
        read_idx(file, dimensions=3)
    file.write_bytes(b"")
    with pytest.raises(InputError, match="but got an empty file"):
        read_idx(file, dimensions=1)


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (-1, "expected 802 bytes, but got 801: it is not whole"),
        (10, "expected 16 bytes, but got 10: it is not whole"),
    ],
)
def test_a_truncated_idx_is_refused(tmp_path: Path, cut: int, message: str) -> None:
    file = tmp_path / "images"
    file.write_bytes(idx(noise(1, 2, 393))[:cut])
    with pytest.raises(InputError, match=message):
        read_idx(file, dimensions=3)


def test_an_idx_with_bytes_left_over_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "labels"
    file.write_bytes(idx(np.array([1, 2], np.uint8)) + b"\0")
    with pytest.raises(InputError, match="expected 10 bytes, but got more than 10"):
        read_idx(file, dimensions=1)


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, noise(4, 28, 28), [1, 2, 3, 4])
    file = tmp_path / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"t10k-images-idx3-ubyte.gz: expected a whole gzip file"):
        read_idx(file, dimensions=3)


def test_cifar10_planes_become_pixels(tmp_path: Path) -> None:
    images = noise(2, 32, 32, 3)
    found, labels = read_cifar10(write_cifar10(tmp_path, images, [9, 3]) / "test_batch.bin")
    np.testing.assert_array_equal(found, images)
    np.testing.assert_array_equal(labels, [9, 3])


def test_a_damaged_cifar10_is_refused(tmp_path: Path) -> None:
    file = write_cifar10(tmp_path, noise(2, 32, 32, 3), [9, 3]) / "test_batch.bin"
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    with pytest.raises(InputError, match="expected 6,146 bytes, but got 6,141: it is not whole"):
        read_cifar10(file)
    file.write_bytes(b"")
    with pytest.raises(InputError, match="expected 3,073 bytes, but got 0"):
        read_cifar10(file)
    file.write_bytes(whole[:3073] + b"\x0a" + whole[3074:])
    with pytest.raises(InputError, match=r"labels of .*test_batch.bin: expected 0 to 9, but got 10 for image 1"):
        read_cifar10(file)


def test_stl10_columns_become_rows(tmp_path: Path) -> None:
    images = noise(2, 96, 96, 3)
    folder = write_stl10(tmp_path, images, [10, 1])
    found, labels = read_stl10(folder / "test_X.bin", folder / "test_y.bin")
    np.testing.assert_array_equal(found, images)
    np.testing.assert_array_equal(labels, [10, 1])


def test_a_damaged_stl10_is_refused(tmp_path: Path) -> None:
    folder = write_stl10(tmp_path, noise(2, 96, 96, 3), [10, 1])
    images, labels = folder / "test_X.bin", folder / "test_y.bin"
    labels.write_bytes(bytes([10, 0]))
    with pytest.raises(InputError, match="expected 1 to 10, but got 0 for image 1"):
        read_stl10(images, labels)
    labels.write_bytes(bytes([10]))
    with pytest.raises(InputError, match=r"labels of .*test_y.bin: expected 2, one an image, but got 1"):
        read_stl10(images, labels)
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"test_X.bin: expected 55,296 bytes, but got 55,295"):
        read_stl10(images, labels)


def test_svhn_digits_in_order_with_ten_as_zero(tmp_path: Path) -> None:
    images = noise(4, 32, 32, 3)
    found, labels = read_svhn(write_svhn(tmp_path, images, [0, 1, 9, 0]) / "test_32x32.mat")
    np.testing.assert_array_equal(found, images)
    np.testing.assert_array_equal(labels, [0, 1, 9, 0])


def test_a_damaged_svhn_is_refused(tmp_path: Path) -> None:
    file = write_svhn(tmp_path, noise(4, 32, 32, 3), [0, 1, 9, 0]) / "test_32x32.mat"
    whole = file.read_bytes()
    for data in (whole[: len(whole) // 2], b"not a MATLAB file at all, only some text" * 5, b""):
        file.write_bytes(data)
        with pytest.raises(InputError, match=r"test_32x32.mat: expected a whole MATLAB 5 file"):
            read_svhn(file)


def test_a_matlab_file_of_something_else_is_refused(tmp_path: Path) -> None:
    from scipy.io import savemat

    file = tmp_path / "test_32x32.mat"
    savemat(file, {"Z": np.zeros(3)})
    with pytest.raises(InputError, match="expected variables X and y, but got none called X and y"):
        read_svhn(file)
    savemat(file, {"X": np.zeros((32, 32, 3, 2)), "y": np.ones((2, 1))})
    with pytest.raises(InputError, match=r"expected bytes of shape \(32, 32, 3, n\), but got \(32, 32, 3, 2\) float64"):
        read_svhn(file)


def test_one_label_an_image() -> None:
    with pytest.raises(InputError, match="labels of y: expected 3, one an image, but got 2"):
        check_as_many(noise(3, 2, 2), np.array([1, 2]), Path("y"))


class Gadget:
    """An object whose unpickling would write a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return _run, (str(self.file), "executed")


def _run(file: str, text: str) -> None:
    Path(file).write_text(text)


def test_no_pickle_is_executed_wherever_it_lies(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    file = tmp_path / "file"
    file.write_bytes(pickle.dumps(Gadget(trace)))
    for read in (read_cifar10, read_svhn, partial(read_idx, dimensions=3), lambda path: read_stl10(path, path)):
        with pytest.raises(InputError):
            read(file)
    assert not trace.exists()
    pickle.loads(file.read_bytes())
    assert trace.read_text() == "executed"


def test_sizes_beyond_any_file_are_a_truncated_file(tmp_path: Path) -> None:
    file = tmp_path / "images"
    file.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"pixels")
    with pytest.raises(InputError, match=r"it is not whole"):
        read_idx(file, dimensions=3)
