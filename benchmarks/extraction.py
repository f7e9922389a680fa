"""Extraction against the work it cannot avoid, and against the loop that everyone writes first.

The bound is the time to decode every image with every core plus the time of the bare forward passes on batches that
are already in memory, each measured alone; of the two ways to run the passes (all threads on one batch, or one thread
on each of several batches) the faster counts. Photographs are those of $T2C_ASSETS, or drawn where there are none.
"""

import io
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.harness import Row, at_least, at_most, ratio_of, seconds
from t2c.core.encoders.base import Encoder
from t2c.core.encoders.load import load_encoder
from t2c.core.encoders.pixels import decode
from t2c.core.encoders.resize import resize_and_crop
from t2c.flows.data.index import index
from t2c.flows.features.extract import extract
from t2c.schemas.specs.base import parse_encoder
from t2c.store.disk.root import Store, open_store

IMAGES, LARGE_IMAGES, BATCH, PAIRS = 256, 128, 32, 3
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
PHOTOGRAPHS = (
    Path(os.environ.get("T2C_ASSETS", Path(__file__).parents[2] / "shared" / "assets"))
    / "photos/imagenet-one-per-class"
)


def rows() -> list[Row]:
    """Return the rows of this group."""
    lite0, clip = (load_encoder(parse_encoder(name)) for name in ("demo:efficientnet-lite0", "demo:clip"))
    with tempfile.TemporaryDirectory() as folder:
        usual = _photographs(Path(folder) / "usual", IMAGES, scale=1)
        large = _photographs(Path(folder) / "large", LARGE_IMAGES, scale=4)
        return [
            at_most("extraction, EfficientNet-Lite0, against the bound", _against_bound(usual, [lite0]), 1.1),
            at_most("two encoders in one pass, against the bound", _against_bound(usual, [lite0, clip]), 1.1),
            at_least("demo CLIP on full-size photographs, against a plain loop", _against_loop(large, clip), 1.5),
        ]


def _against_bound(photos: Path, encoders: Sequence[Encoder]) -> Any:
    files = sorted(photos.iterdir())
    batches = [
        [torch.stack(_pixels(files[at : at + BATCH], encoder)) for at in range(0, len(files), BATCH)]
        for encoder in encoders
    ]
    passes = [(encoder, batch) for encoder, mine in zip(encoders, batches, strict=True) for batch in mine]
    times = []
    _extract(photos, encoders)
    for _ in range(PAIRS):
        wall = _extract(photos, encoders)
        decoding = seconds(lambda: _decode_all(files, encoders))
        forward = min(seconds(lambda: _one_by_one(passes)), seconds(lambda: _side_by_side(passes)))
        times.append((wall, decoding + forward))
    return ratio_of(times)


def _extract(photos: Path, encoders: Sequence[Encoder]) -> float:
    """Return the seconds of a whole extraction: plan, decode, encode, write, commit; models are loaded before."""
    with tempfile.TemporaryDirectory() as folder:
        store: Store = open_store(folder, create=True)
        index(store, str(photos), "photos")
        return seconds(lambda: extract(store, "photos", encoders, chunk_rows=4096, workers=CORES))


def _pixels(files: Sequence[Path], encoder: Encoder) -> list[torch.Tensor]:
    return [resize_and_crop(decode(file.read_bytes()), encoder.preprocessing) for file in files]


def _decode_all(files: Sequence[Path], encoders: Sequence[Encoder]) -> None:
    def one(file: Path) -> None:
        image = decode(file.read_bytes())
        for encoder in encoders:
            resize_and_crop(image, encoder.preprocessing)

    _on_every_core(one, files)


def _one_by_one(passes: Sequence[tuple[Encoder, torch.Tensor]]) -> None:
    torch.set_num_threads(CORES)
    for encoder, batch in passes:
        encoder.encode(batch)


def _side_by_side(passes: Sequence[tuple[Encoder, torch.Tensor]]) -> None:
    _on_every_core(lambda work: work[0].encode(work[1]), passes)


def _on_every_core(function: Callable[[Any], Any], items: Sequence[Any]) -> None:
    with ThreadPoolExecutor(CORES, initializer=lambda: torch.set_num_threads(1)) as pool:
        list(pool.map(function, items))
    torch.set_num_threads(CORES)


class _Files(torch.utils.data.Dataset[torch.Tensor]):
    """A folder of photographs the usual way: Pillow, then open_clip's own transform."""

    def __init__(self, files: Sequence[Path], transform: Callable[[Image.Image], torch.Tensor]) -> None:
        self.files, self.transform = files, transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, place: int) -> torch.Tensor:
        with Image.open(self.files[place]) as image:
            return self.transform(image.convert("RGB"))


def _plain_loop(files: Sequence[Path], clip: Any, out: Path) -> None:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    own = clip.preprocessing
    config = PreprocessCfg(size=own.size, mean=own.mean, std=own.std, interpolation=own.interpolation)
    dataset = _Files(files, image_transform_v2(config, is_train=False))
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, num_workers=CORES)
    model = clip.forward.model
    with torch.inference_mode():
        features = [model.encode_image(batch).numpy() for batch in loader]
    np.save(out, np.concatenate(features))


def _against_loop(photos: Path, clip: Encoder) -> Any:
    files = sorted(photos.iterdir())
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "features.npy"
        times = []
        for turn in range(PAIRS + 1):
            loop = seconds(lambda: _plain_loop(files, clip, out))
            ours = _extract(photos, [clip])
            times += [(loop, ours)] if turn else []
        return ratio_of(times)


def _photographs(folder: Path, count: int, *, scale: int) -> Path:
    """Fill a folder with JPEGs, each `scale` times the size of its original."""
    folder.mkdir()
    originals = sorted(PHOTOGRAPHS.glob("*.jpg"))[:count]
    for number in range(count):
        image = _opened(originals[number]) if originals else _drawn(number)
        size = (image.width * scale, image.height * scale)
        image.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number:04d}.jpg", quality=90)
    return folder


def _opened(file: Path) -> Image.Image:
    with Image.open(io.BytesIO(file.read_bytes())) as image:
        return image.convert("RGB")


def _drawn(seed: int) -> Image.Image:
    """Return noise of photograph-like spectrum, 400 x 300."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (400, 300))
    for cells in (4, 16, 64):
        noise = Image.fromarray(rng.integers(0, 256, (cells * 3 // 4, cells, 3), dtype=np.uint8))
        image = Image.blend(image, noise.resize((400, 300), Image.Resampling.BICUBIC), 0.5)
    return image
