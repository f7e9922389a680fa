"""How fast each encoder was measured to be, kept as a small table; what was not measured is estimated and says so."""

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from t2c.schemas.errors import InputError, SpecError, expected

RATES = Path(__file__).with_name("rates.csv")
"""The committed table; made by: t2c plan recipes/paper.yaml --measure all --rates flows/recipes/rates.csv"""

COLUMNS = ("device", "encoder", "dimension", "size", "gflops", "images_per_second")
CORE = "1 core of "
"""What the name of a processor begins with; any other device is a GPU."""
DECODE = "decode"
"""Name under which the table keeps decoding and resizing one JPEG of PHOTO's size on one core."""
PHOTO = (500, 375)
"""Width and height of the decoded photograph, pixels: ImageNet's commonest size."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One measured encoder."""

    device: str
    """What it ran on; a CPU means one core of it."""
    encoder: str
    """Encoder as a recipe writes it, without the file of its weights; or `decode`."""
    dimension: int
    """Length of its features; 0 for decoding."""
    size: int
    """Height of its input, pixels."""
    gflops: float
    """Billions of floating-point operations an image, matrix products and convolutions alone."""
    images_per_second: float
    """Images a second on the device."""

    @property
    def key(self) -> tuple[str, int]:
        """What tells encoders apart: one name may stand for two widths."""
        return self.encoder, self.dimension


@dataclass(frozen=True, slots=True)
class Estimate:
    """A device nobody measured here, priced from operations alone."""

    name: str
    """Device."""
    tflops: float
    """Peak of its data sheet, float32 matrices on tensor cores where it has them."""
    share: float
    """Share of the peak that is assumed to be reached."""

    @property
    def assumption(self) -> str:
        """What the hours rest on, one sentence."""
        return (
            f"{self.name}: not measured; estimated from each encoder's operations at {self.share:.0%} of the "
            f"{self.tflops:g} TFLOP/s that its data sheet gives for TF32"
        )

    def images_per_second(self, gflops: float) -> float:
        """Return the images a second that the assumption gives an encoder."""
        return self.share * self.tflops * 1e3 / gflops


A100 = Estimate("one A100", tflops=156.0, share=0.25)
"""The GPU that the bill is estimated for."""


def is_core(device: str) -> bool:
    """Say whether a device is one core of a processor."""
    return device.startswith(CORE)


def read_rates(path: str | Path = RATES) -> tuple[Rate, ...]:
    """Read a table of rates; raises InputError for a file that is none, naming its line."""
    file = Path(path)
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    except FileNotFoundError as error:
        todo = f"Make it: t2c plan RECIPE --measure all --rates {file}"
        raise InputError(expected(f"rates {file}", "a table that can be read", "nothing there", todo)) from error
    except (OSError, ValueError) as error:
        actual = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(expected(f"rates {file}", "a table that can be read", actual)) from error
    rows = csv.DictReader(lines)
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise InputError(expected(f"rates {file}", f"columns {','.join(COLUMNS)}", ",".join(rows.fieldnames or ())))
    return tuple(_rate(row, file, number) for number, row in enumerate(rows, 1))


def _rate(row: Mapping[str, str], file: Path, number: int) -> Rate:
    try:
        numbers = int(row["dimension"]), int(row["size"]), float(row["gflops"]), float(row["images_per_second"])
    except (TypeError, ValueError) as error:
        raise InputError(expected(f"rates {file}, row {number}", "numbers", f"{error}")) from error
    if not numbers[3] > 0:
        raise InputError(expected(f"rates {file}, row {number}", "a rate above 0", str(numbers[3])))
    return Rate(row["device"], row["encoder"], *numbers)


def check_writable(path: str | Path) -> Path:
    """Return the path of a table that can be written; raises SpecError, before anything is measured."""
    file = Path(path)
    if file.suffix.lower() != ".csv":
        raise SpecError(expected("--rates", "a .csv file", repr(str(path))))
    if not file.parent.is_dir():
        raise SpecError(expected(f"--rates {path}", "a file in a folder", f"no folder {file.parent}"))
    if not os.access(file if file.exists() else file.parent, os.W_OK) or file.is_dir():
        raise SpecError(expected(f"--rates {path}", "a file that can be written", "one that cannot"))
    return file


def write_rates(path: str | Path, rates: Iterable[Rate], *, about: str) -> None:
    """Write a table of rates, sorted, under comments that say how it was made; those that it has already stay."""
    file = check_writable(path)
    old = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    comments = dict.fromkeys([*(line[2:] for line in old if line.startswith("# ")), *about.splitlines()])
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write("".join(f"# {line}\n" for line in comments))
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for rate in sorted(rates, key=lambda rate: (rate.device, rate.encoder, rate.dimension)):
            numbers = rate.dimension, rate.size, f"{rate.gflops:.3f}", f"{rate.images_per_second:.3g}"
            writer.writerow((rate.device, rate.encoder, *numbers))


def merged(known: Iterable[Rate], new: Iterable[Rate]) -> tuple[Rate, ...]:
    """Return the known rates with the new ones in the place of those of the same device and encoder."""
    by_key = {(rate.device, rate.key): rate for rate in (*known, *new)}
    return tuple(by_key.values())
