"""What a recipe costs before it is run: images, bytes, and hours on this kind of processor and on a GPU."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.recipes.rates import A100, DECODE, PHOTO, Estimate, Rate
from schemas.recipe_specs import RecipeEncoder, RecipeSpec

FLOAT16 = 2
"""Bytes of a stored feature value."""
SIMILARITY = 17
"""Bytes of a similarity as stored, before compression: concept 4, row 8, value 4, fold 1."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one encoder costs over all the datasets that it reads."""

    key: str
    """Key in the recipe."""
    title: str
    """Name in the paper."""
    images: int
    """Forward passes."""
    dimension: int
    """Length of its features."""
    feature_bytes: int
    """Bytes of its features at float16."""
    gflops: float | None
    """Billions of operations an image; None when it was never measured."""
    cpu_hours: float | None
    """Hours of one core, decoding apart; None when it was never measured."""
    gpu_hours: float | None
    """Estimated hours of the GPU; None when its operations are not known."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a recipe costs."""

    lines: tuple[Line, ...]
    """One line an encoder."""
    images: int
    """Images decoded, each once for all encoders that read it."""
    decoded_bytes: int
    """Bytes of their pixels, which pass through memory and are never stored."""
    feature_bytes: int
    """Bytes of all features at float16."""
    similarity_bytes: int
    """Bytes of the similarities that the steps store, before compression."""
    gram_bytes: int
    """Bytes of one Gram matrix over all encoders of the largest extraction at float64: what all pairs need in memory."""
    cores: int
    """Cores that decode and compute."""
    decode_hours: float | None
    """Hours of decoding on these cores; None when it was never measured."""
    cpu_hours: float | None
    """Hours on these cores, decoding included; a lower bound when `unmeasured` is not empty, None when nothing is known."""
    gpu_hours: float | None
    """Hours with the GPU: the longer of its forward passes (estimated) and the decoding on these cores."""
    unmeasured: tuple[str, ...]
    """Keys of encoders without a measured rate, which the hours leave out."""
    device: str
    """Processor whose measured rates were used."""
    assumptions: tuple[str, ...]
    """What the hours rest on."""


def price(recipe: RecipeSpec, rates: Iterable[Rate], *, cores: int, gpu: Estimate = A100) -> Bill:
    """Return the bill of a recipe from a table of measured rates, the last measured row of an encoder counting."""
    known = {rate.key: rate for rate in rates}
    passes = _passes(recipe)
    lines = tuple(_line(key, recipe.encoders[key], n, known, gpu) for key, n in passes.items())
    read = {one.dataset for one in recipe.extract}
    datasets = [recipe.datasets[name] for name in recipe.datasets if name in read]
    images = sum(one.images for one in datasets)
    decode = known.get((DECODE, 0))
    pixels = sum(one.images * one.width * one.height for one in datasets)
    photographs = pixels / (PHOTO[0] * PHOTO[1])
    decode_hours = photographs / decode.images_per_second / 3600 / cores if decode else None
    forward = [line.cpu_hours for line in lines if line.cpu_hours is not None]
    on_gpu = [line.gpu_hours for line in lines if line.gpu_hours is not None]
    widest = max(sum(recipe.encoders[key].dimension for key in recipe.extracted(one)) for one in recipe.extract)
    devices = dict.fromkeys(rate.device for rate in known.values())
    return Bill(
        lines=lines,
        images=images,
        decoded_bytes=3 * pixels,
        feature_bytes=sum(line.feature_bytes for line in lines),
        similarity_bytes=sum(recipe.datasets[name].images * n * SIMILARITY for name, n in recipe.score.items()),
        gram_bytes=8 * widest * widest,
        cores=cores,
        decode_hours=decode_hours,
        cpu_hours=sum(forward) / cores + (decode_hours or 0.0) if forward else None,
        gpu_hours=max(sum(on_gpu), decode_hours or 0.0) if on_gpu else None,
        unmeasured=tuple(line.key for line in lines if line.cpu_hours is None),
        device=", ".join(devices) or "none",
        assumptions=_assumptions(devices, cores, gpu),
    )


def _passes(recipe: RecipeSpec) -> Mapping[str, int]:
    """Return the forward passes of every encoder that is extracted; a dataset named twice is read once."""
    wanted = {(key, one.dataset) for one in recipe.extract for key in recipe.extracted(one)}
    counts = {key: sum(recipe.datasets[name].images for at, name in wanted if at == key) for key in recipe.encoders}
    return {key: n for key, n in counts.items() if n}


def _line(key: str, encoder: RecipeEncoder, images: int, known: Mapping[tuple[str, int], Rate], gpu: Estimate) -> Line:
    rate = known.get((encoder.encoder, encoder.dimension))
    hours = None if rate is None else images / rate.images_per_second / 3600
    estimated = None if rate is None or not rate.gflops else images / gpu.images_per_second(rate.gflops) / 3600
    stored = images * encoder.dimension * FLOAT16
    gflops = None if rate is None else rate.gflops
    return Line(key, encoder.title, images, encoder.dimension, stored, gflops, hours, estimated)


def _assumptions(devices: Iterable[str], cores: int, gpu: Estimate) -> tuple[str, ...]:
    names = ", ".join(devices) or "nothing measured"
    return (
        f"cpu: measured, {names}; {cores} cores are taken to be {cores} times as fast, decoding to cost by the pixel",
        gpu.assumption + f"; decoding on the {cores} cores runs beside it, so the longer of the two counts",
    )
