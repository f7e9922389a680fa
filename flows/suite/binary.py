"""Images and labels out of the binary files in which authors distribute them: idx, CIFAR-10, STL-10, SVHN.

Plain bytes only: no pickle is read, so no file can run code. Every function says which file is damaged and how.
"""

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from t2c.schemas.errors import InputError, expected

Bytes = npt.NDArray[np.uint8]

_GET_IT = "Get the file again from its authors."
_IDX_UINT8 = 0x08
_STEP = 2**22
_CIFAR_SIDE, _STL_SIDE, _SVHN_SIDE = 32, 96, 32


def read_idx(path: Path, *, dimensions: int) -> Bytes:
    """Return an idx file's unsigned bytes, shape as its header says (LeCun: magic 0, 0, 8, dimensions; big endian).

    Gzip is recognised by its own magic number. Raises InputError for another magic number and for too few or too many
    bytes.
    """
    with path.open("rb") as plain:
        zipped = plain.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else path.open("rb") as stream:
            return _read_idx(stream, path, dimensions)  # type: ignore[arg-type]
    except (EOFError, gzip.BadGzipFile, zlib.error) as reason:
        raise InputError(expected(str(path), "a whole gzip file", f"{reason}", _GET_IT)) from reason


def _read_idx(stream: BinaryIO, path: Path, dimensions: int) -> Bytes:
    header = stream.read(4 + 4 * dimensions)
    want = bytes([0, 0, _IDX_UINT8, dimensions])
    if header[:4] != want:
        actual = f"0x{header[:4].hex()}" if header else "an empty file"
        raise InputError(expected(str(path), f"an idx file with magic number 0x{want.hex()}", actual, _GET_IT))
    if len(header) < 4 + 4 * dimensions:
        raise _truncated(path, 4 + 4 * dimensions, len(header))
    shape = tuple(int(length) for length in np.frombuffer(header, ">u4", offset=4))
    size = math.prod(shape)
    data = _read_at_most(stream, size + 1)
    if len(data) != size:
        raise _truncated(path, len(header) + size, len(header) + len(data))
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read_at_most(stream: BinaryIO, size: int) -> bytes:
    """Return up to `size` bytes in steps: a header that promises more than the file holds takes no memory."""
    data = bytearray()
    while len(data) < size and (part := stream.read(min(_STEP, size - len(data)))):
        data += part
    return bytes(data)


def read_cifar10(path: Path) -> tuple[Bytes, Bytes]:
    """Return images (n, 32, 32, 3) and labels (n,) 0 to 9 of CIFAR-10's binary version.

    A record is a label byte and 3,072 pixel bytes: red, green, blue, each row by row (Krizhevsky). Raises InputError for
    a file that does not end with a record, or a label above 9.
    """
    record = 1 + 3 * _CIFAR_SIDE**2
    data = np.fromfile(path, np.uint8)
    if len(data) == 0 or len(data) % record:
        raise _truncated(path, (len(data) // record + 1) * record, len(data))
    rows = data.reshape(-1, record)
    _check_labels(rows[:, 0], path, low=0, high=9)
    return rows[:, 1:].reshape(-1, 3, _CIFAR_SIDE, _CIFAR_SIDE).transpose(0, 2, 3, 1), rows[:, 0]


def read_stl10(images: Path, labels: Path) -> tuple[Bytes, Bytes]:
    """Return images (n, 96, 96, 3) and labels (n,) 1 to 10 of STL-10's binary files.

    An image is its red, green and blue plane, each column by column (Coates). Raises InputError for a file that does
    not end with an image, a label outside 1 to 10, and another number of labels than of images.
    """
    record = 3 * _STL_SIDE**2
    data, classes = np.fromfile(images, np.uint8), np.fromfile(labels, np.uint8)
    if len(data) == 0 or len(data) % record:
        raise _truncated(images, (len(data) // record + 1) * record, len(data))
    pictures = data.reshape(-1, 3, _STL_SIDE, _STL_SIDE).transpose(0, 3, 2, 1)
    check_as_many(pictures, classes, labels)
    _check_labels(classes, labels, low=1, high=10)
    return pictures, classes


def read_svhn(path: Path) -> tuple[Bytes, Bytes]:
    """Return images (n, 32, 32, 3) and labels (n,) 0 to 9 of SVHN's cropped digits.

    The MATLAB file holds X (32, 32, 3, n) and y (n, 1), where 10 stands for the digit 0 (Netzer). Raises InputError for
    a file that is no such MATLAB file.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        variables = loadmat(path, variable_names=["X", "y"])
    except (MatReadError, ValueError, TypeError, OSError, EOFError, NotImplementedError, zlib.error) as reason:
        raise InputError(expected(str(path), "a whole MATLAB 5 file", f"{reason}", _GET_IT)) from reason
    images, labels = variables.get("X"), variables.get("y")
    if images is None or labels is None:
        missing = " and ".join(name for name in ("X", "y") if name not in variables)
        raise InputError(expected(str(path), "variables X and y", f"none called {missing}", _GET_IT))
    side = (_SVHN_SIDE, _SVHN_SIDE, 3)
    if images.ndim != 4 or images.shape[:3] != side or images.dtype != np.uint8:
        actual = f"{images.shape} {images.dtype}"
        raise InputError(expected(f"X of {path}", "bytes of shape (32, 32, 3, n)", actual, _GET_IT))
    digits = labels.reshape(-1)
    pictures = images.transpose(3, 0, 1, 2)
    check_as_many(pictures, digits, path)
    _check_labels(digits, path, low=1, high=10)
    return pictures, (digits % 10).astype(np.uint8)


def check_as_many(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.integer], path: Path) -> None:
    """Raise InputError unless there is one label an image."""
    if len(images) != len(labels):
        raise InputError(expected(f"labels of {path}", f"{len(images):,}, one an image", f"{len(labels):,}", _GET_IT))


def _check_labels(labels: npt.NDArray[np.integer], path: Path, *, low: int, high: int) -> None:
    wrong = np.flatnonzero((labels < low) | (labels > high))
    if len(wrong):
        actual = f"{labels[wrong[0]]} for image {wrong[0]:,}"
        raise InputError(expected(f"labels of {path}", f"{low} to {high}", actual, _GET_IT))


def _truncated(path: Path, want: int, size: int) -> InputError:
    actual = f"{size:,}" if size <= want else f"more than {want:,}"
    return InputError(expected(str(path), f"{want:,} bytes", f"{actual}: it is not whole", _GET_IT))
