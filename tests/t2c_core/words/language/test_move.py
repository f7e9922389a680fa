"""Moving a context lowers the loss it is moved for, row by row, with the step the formula says."""

from pathlib import Path

import pytest
import torch

from t2c.core.words.language.load import load_language_model
from t2c.core.words.language.model import LanguageModel, rows_of
from t2c.core.words.language.move import Target, moved
from t2c.core.words.language.settings import Settings

RED = 5


@pytest.fixture(scope="module")
def language(tiny: Path) -> LanguageModel:
    return load_language_model(str(tiny), prompt="Image of a", device="cpu")


def after(language: LanguageModel, guide: list[int], settings: Settings) -> tuple[torch.Tensor, torch.Tensor]:
    """Moved and unmoved log-probabilities after the prompt; each row is led to one token."""
    prompt = torch.tensor([language.prompt_tokens("Image of a")])
    context = rows_of(language.read(prompt[:, :-1]), torch.zeros(len(guide), dtype=torch.long))
    last = prompt[:, -1].expand(len(guide))
    unmoved = language.follow(context, last)[0].log_softmax(dim=1)
    target = Target(torch.tensor(guide)[:, None], torch.ones(len(guide), 1), unmoved)
    return moved(language, context, tokens=last, target=target, settings=settings).log_softmax(dim=1), unmoved


def test_the_guides_token_becomes_likelier(language: LanguageModel) -> None:
    led, unmoved = after(language, [RED, RED + 1], Settings())
    assert led[0, RED] > unmoved[0, RED] + 1
    assert led[1, RED + 1] > unmoved[1, RED + 1] + 1


def test_no_step_moves_nothing(language: LanguageModel) -> None:
    led, unmoved = after(language, [RED], Settings(steps=0))
    torch.testing.assert_close(led, unmoved)


def test_rows_do_not_touch_each_other(language: LanguageModel) -> None:
    together, _ = after(language, [RED, RED + 4, RED + 8], Settings())
    alone, _ = after(language, [RED + 4], Settings())
    torch.testing.assert_close(together[1:2], alone, rtol=1e-5, atol=1e-5)


def test_divergence_holds_the_model_back(language: LanguageModel) -> None:
    free, unmoved = after(language, [RED], Settings(divergence=0, steps=20))
    held, _ = after(language, [RED], Settings(divergence=5, steps=20))
    away = [float((led.exp() * (led - unmoved)).sum()) for led in (free, held)]
    assert away[1] < away[0]


def test_one_step_is_the_gradient_over_its_norm_to_the_exponent(language: LanguageModel) -> None:
    prompt = torch.tensor([language.prompt_tokens("Image of a")])
    context = [(keys.requires_grad_(), values.requires_grad_()) for keys, values in language.read(prompt[:, :-1])]
    parts = [part for layer in context for part in layer]
    loss = -language.follow(context, prompt[:, -1])[0].log_softmax(dim=1)[0, RED]
    gradients = torch.autograd.grad(loss, parts)
    shifted = iter(
        [part - 0.3 * gradient / gradient.norm() ** 0.9 for part, gradient in zip(parts, gradients, strict=True)]
    )
    by_hand = language.follow([(next(shifted), next(shifted)) for _ in context], prompt[:, -1])[0]
    led, _ = after(language, [RED], Settings(steps=1))
    torch.testing.assert_close(led, by_hand.detach().log_softmax(dim=1), rtol=1e-4, atol=1e-5)


def test_no_gradient_is_no_step(language: LanguageModel) -> None:
    prompt = torch.tensor([language.prompt_tokens("Image of a")])
    context, last = language.read(prompt[:, :-1]), prompt[:, -1]
    unmoved = language.follow(context, last)[0]
    nothing = Target(torch.tensor([[RED]]), torch.zeros(1, 1), unmoved.log_softmax(dim=1))
    led = moved(language, context, tokens=last, target=nothing, settings=Settings(divergence=0))
    torch.testing.assert_close(led, unmoved, rtol=0, atol=0)
