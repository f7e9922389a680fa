"""What a recipe costs before it is run: images, bytes, memory, and hours on every device that was measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from t2c.flows.recipes.costs import Again, Peak, largest, read_again, without_hours
from t2c.flows.recipes.rates import A100, DECODE, PHOTO, Estimate, Rate, is_core
from t2c.flows.recipes.steps import read_steps
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.specs.recipe import RecipeEncoder, RecipeSpec

FLOAT16 = 2
"""Bytes of a stored feature value."""
SIMILARITY = 17
"""Bytes of a similarity as stored, before compression: concept 4, row 8, value 4, fold 1."""

Rates = Mapping[tuple[str, tuple[str, int]], Rate]
"""Device and encoder to the rate that counts."""


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
    hours: Mapping[str, float | None]
    """Hours by device, of one core where that is a processor, decoding apart; None where it was never measured."""


@dataclass(frozen=True, slots=True)
class Hours:
    """What the recipe's forward passes and decoding take on one device."""

    device: str
    """Device, as a table of rates names it; `1 core of ...` is a processor, of which `cores` run."""
    hours: float | None
    """Processors: forward passes and decoding. Others: the longer of the two. A lower bound when `unmeasured` is not empty."""
    unmeasured: tuple[str, ...]
    """Keys of encoders without a rate on it, which the hours leave out."""
    estimated: bool = False
    """Whether nobody measured it: `assumptions` say what the hours rest on."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a recipe costs."""

    lines: tuple[Line, ...]
    """One line an encoder."""
    images: int
    """Images decoded, each once for all encoders that read it."""
    download_bytes: int
    """Bytes fetched for the datasets that say so."""
    download_unknown: tuple[str, ...]
    """Datasets that do not say what is fetched for them."""
    decoded_bytes: int
    """Bytes of their pixels, which pass through memory and are never stored."""
    feature_bytes: int
    """Bytes of all features at float16."""
    similarity_bytes: int
    """Bytes of the similarities that the steps store, before compression."""
    peak: Peak | None
    """The step that needs the most memory for joint moments; None where no step holds any."""
    cores: int
    """Cores that decode and compute."""
    decode_hours: float | None
    """Hours of decoding on these cores; None when it was never measured."""
    hours: tuple[Hours, ...]
    """One entry a device: processors, then others; an estimate where no other was measured."""
    without: tuple[str, ...]
    """Kinds of work that the hours leave out."""
    again: tuple[Again, ...]
    """Which steps read rows again after the pass that gives all moments."""
    assumptions: tuple[str, ...]
    """What the hours rest on."""


def price(recipe: RecipeSpec, rates: Iterable[Rate], *, cores: int, gpu: Estimate = A100) -> Bill:
    """Return the bill of a recipe from a table of measured rates, the last measured row of an encoder and device counting.

    Raises SpecError for a dimension that the encoder was measured not to have, or a step that cannot work.
    """
    rate_table = {(rate.device, rate.key): rate for rate in rates}
    check_dimensions(recipe, rate_table.values())
    steps = read_steps(recipe)
    passes = _passes(recipe)
    devices = _devices(recipe, rate_table)
    guess = gpu if all(is_core(device) for device in devices) else None
    lines = tuple(
        _line(
            key,
            encoder,
            passes[key],
            {at: rate_table.get((at, (encoder.encoder, encoder.dimension))) for at in devices},
            guess,
        )
        for key, encoder in recipe.encoders.items()
        if key in passes
    )
    read = {extraction.dataset for extraction in recipe.extract}
    datasets = {name: dataset for name, dataset in recipe.datasets.items() if name in read}
    pixels = sum(dataset.images * dataset.width * dataset.height for dataset in datasets.values())
    decoding = {device: _decode_hours(pixels, rate_table, device, cores) for device in devices}
    decode = next(iter(decoding.values()), _decode_hours(pixels, rate_table, "", cores))
    columns = [_hours(device, lines, decoding[device], cores) for device in devices]
    columns += [_hours(guess.name, lines, decode, cores, estimated=True)] if guess else []
    return Bill(
        lines=lines,
        images=sum(dataset.images for dataset in datasets.values()),
        download_bytes=sum(dataset.download_bytes or 0 for dataset in datasets.values()),
        download_unknown=tuple(name for name, dataset in datasets.items() if dataset.download_bytes is None),
        decoded_bytes=3 * pixels,
        feature_bytes=sum(line.feature_bytes for line in lines),
        similarity_bytes=sum(recipe.datasets[name].images * n * SIMILARITY for name, n in recipe.score.items()),
        peak=largest(recipe, steps),
        cores=cores,
        decode_hours=decode,
        hours=tuple(columns),
        without=without_hours(recipe, steps),
        again=read_again(steps),
        assumptions=_assumptions(devices, cores, guess),
    )


def check_dimensions(recipe: RecipeSpec, rates: Iterable[Rate]) -> None:
    """Raise SpecError for an encoder whose dimension is not the one it was measured to have."""
    measured: dict[str, set[int]] = {}
    for rate in rates:
        measured.setdefault(rate.encoder, set()).add(rate.dimension)
    for key, encoder in recipe.encoders.items():
        dimensions = measured.get(encoder.encoder, {encoder.dimension})
        # the layout of SimCLR has several widths under one name
        if encoder.dimension not in dimensions and "layout=simclr" not in encoder.encoder:
            want = " or ".join(map(str, sorted(dimensions)))
            raise SpecError(expected(f"dimension of encoder {key} ({encoder.encoder})", want, str(encoder.dimension)))


def _passes(recipe: RecipeSpec) -> Mapping[str, int]:
    """Return the forward passes of every encoder that is extracted; a dataset named twice is read once."""
    reads = {(key, extraction.dataset) for extraction in recipe.extract for key in recipe.extracted(extraction)}
    counts = {key: sum(recipe.datasets[name].images for at, name in reads if at == key) for key in recipe.encoders}
    return {key: n for key, n in counts.items() if n}


def _devices(recipe: RecipeSpec, rate_table: Rates) -> list[str]:
    """Return the devices on which an encoder of the recipe was measured: processors first."""
    encoders = {(encoder.encoder, encoder.dimension) for encoder in recipe.encoders.values()}
    devices = dict.fromkeys(device for device, key in rate_table if key in encoders)
    return sorted(devices, key=lambda device: not is_core(device))


def _decode_hours(pixels: int, rate_table: Rates, device: str, cores: int) -> float | None:
    """Return the hours of decoding on some cores: of this processor, else of any that was measured."""
    rates = {at: rate.images_per_second for (at, key), rate in rate_table.items() if key == (DECODE, 0)}
    rate = rates.get(device, next(iter(rates.values()), None))
    return None if rate is None else pixels / (PHOTO[0] * PHOTO[1]) / rate / 3600 / cores


def _line(
    key: str, encoder: RecipeEncoder, images: int, rates: Mapping[str, Rate | None], guess: Estimate | None
) -> Line:
    hours = {at: None if rate is None else images / rate.images_per_second / 3600 for at, rate in rates.items()}
    gflops = next((rate.gflops for rate in rates.values() if rate is not None), None)
    if guess is not None:
        hours[guess.name] = images / guess.images_per_second(gflops) / 3600 if gflops else None
    return Line(key, encoder.title, images, encoder.dimension, images * encoder.dimension * FLOAT16, gflops, hours)


def _hours(device: str, lines: Sequence[Line], decode: float | None, cores: int, *, estimated: bool = False) -> Hours:
    measured = [hours for line in lines if (hours := line.hours[device]) is not None]
    missing = tuple(line.key for line in lines if line.hours[device] is None)
    if not measured:
        return Hours(device, None, missing, estimated)
    # a processor decodes and computes on the same cores; a GPU computes while the cores decode
    beside = decode or 0.0
    total = sum(measured) / cores + beside if is_core(device) else max(sum(measured), beside)
    return Hours(device, total, missing, estimated)


def _assumptions(devices: Sequence[str], cores: int, guess: Estimate | None) -> tuple[str, ...]:
    measured = ", ".join(devices) or "nothing"
    assumptions = [
        f"measured: {measured}; {cores} cores are taken to be {cores} times as fast, decoding to cost by the pixel"
    ]
    assumptions += [guess.assumption] if guess else []
    if guess or not all(is_core(device) for device in devices):
        assumptions.append(f"a GPU: decoding on the {cores} cores runs beside it, so the longer of the two counts")
    return tuple(assumptions)
