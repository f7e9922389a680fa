"""The device is chosen or refused by name; a device without memory gets smaller batches, and the same answer."""

import pytest
import torch

from t2c.core.encoders.devices import choose_device, halving, precision_context
from t2c.schemas.errors import PlanError, SpecError


def test_auto_gives_a_device_and_absent_ones_are_refused() -> None:
    assert choose_device().type in ("cuda", "mps", "cpu")
    assert choose_device("cpu").type == "cpu"
    for wanted in ("cuda:99", "quantum", "meta"):
        with pytest.raises(SpecError, match=r"device: expected auto or one that is here \(.*cpu\), but got"):
            choose_device(wanted)


def test_out_of_memory_halves_the_batch_down_to_one() -> None:
    seen: list[int] = []

    def forward(batch: torch.Tensor) -> torch.Tensor:
        seen.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("planted")
        return batch * 2

    batch = torch.arange(7.0).reshape(7, 1)
    assert torch.equal(halving(forward, batch), batch * 2)
    assert seen == [7, 3, 1, 2, 4, 2, 2]


def test_one_image_that_does_not_fit_is_an_error() -> None:
    def forward(batch: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("planted")

    with pytest.raises(PlanError, match="expected a device with room for one image, but got out of memory on cpu"):
        halving(forward, torch.zeros(4, 1))


def test_precision_is_what_the_name_says() -> None:
    a = torch.ones(2, 2)
    for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with precision_context(torch.device("cpu"), precision):
            assert (a @ a).dtype == dtype


@pytest.mark.gpu
def test_a_gpu_agrees_with_the_cpu() -> None:
    from t2c.core.encoders.load import load_encoder
    from t2c.schemas.specs.base import parse_encoder

    batch = torch.randint(0, 256, (4, 3, 128, 128), dtype=torch.uint8)
    spec = parse_encoder("demo:efficientnet-lite0-128")
    cpu, gpu = (torch.from_numpy(load_encoder(spec, device=d).encode(batch)) for d in ("cpu", "cuda"))
    assert torch.nn.functional.cosine_similarity(cpu, gpu).min() > 0.999
