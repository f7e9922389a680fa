"""How a language model is led by CLIP: the published settings of the decoder (paper, section 4; Tewel et al. 2021)."""

from dataclasses import dataclass

from t2c.schemas.errors import SpecError, expected

FACTORS = ("logits", "probability")
"""What factors of single tokens can act on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides a text beside the models and the vector; the defaults are the published values.

    Raises SpecError for a value outside its range.
    """

    prompt: str = "Image of a"
    """What every text begins with; it guides with the text, and is left out where texts are ranked at the end."""
    length: int = 1
    """Tokens written after the prompt: 1 for the vectors of classification heads, longer for captions."""
    beams: int = 5
    """Texts kept at each step; the one nearest to the vector is the answer."""
    top: int = 5
    """Texts returned for each vector, at most `beams`."""
    candidates: int = 512
    """Likeliest next tokens whose texts CLIP compares with the vector."""
    temperature: float = 0.01
    """Of the softmax that turns the candidates' cosines into the guiding distribution."""
    steps: int = 5
    """Gradient steps that move the keys and values of the context, for each token written."""
    step_size: float = 0.3
    """Length of a step, before the normalisation."""
    norm_exponent: float = 0.9
    """A step is the gradient over its norm to this power: 1 forgets the norm, 0 keeps it."""
    divergence: float = 0.2
    """Weight of the divergence from the unmoved model, beside the cross-entropy to the guiding distribution."""
    guidance: float = 0.99
    """0 is the language model alone, 1 the guided one alone: the exponent of the moved distribution in the fused one
    (`zerocap`), the weight of the cosines (`rescore`)."""
    forbidden: tuple[str, ...] | None = None
    """Words that should not be written; None is the default rule of `t2c.core.words.language.forbidden`, () forbids none."""
    forbidden_factor: float = 20.0
    """A forbidden token is lowered by this."""
    end: tuple[str, ...] = (".",)
    """Texts that end a caption, beside the model's own end token; they are not part of the answer."""
    end_factor: float = 1.01
    """An end token is raised by this, from the second token on."""
    first_end_factor: float = 1.6
    """An end token is lowered by this where it would be the first; with factors of probabilities it never comes first."""
    factors: str = "logits"
    """What the factors act on. `logits`, as published, are those of the moved model, before softmax and fusion: to raise
    multiplies a positive one and divides a negative one. `probability` is that of the fused model; so it is where no model
    is moved (`rescore`, guidance 0)."""

    def __post_init__(self) -> None:
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if not least <= value <= most:
                want = f"{least:g} to {most:g}" if most < float("inf") else f"{least:g} or more"
                raise SpecError(expected(f"language decoder's {name}", want, repr(value)))
        if self.top > self.beams:
            todo = "Ask for more beams or fewer words"
            raise SpecError(expected("language decoder's top", f"at most its {self.beams} beams", str(self.top), todo))
        if self.factors not in FACTORS:
            raise SpecError(expected("language decoder's factors", " or ".join(FACTORS), repr(self.factors)))
        if not self.prompt.strip():
            raise SpecError(expected("language decoder's prompt", "text such as 'Image of a'", repr(self.prompt)))


_TINY, _ANY = 1e-6, float("inf")
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("length", 1, 64),
    ("beams", 1, 64),
    ("top", 1, 64),
    ("candidates", 1, _ANY),
    ("temperature", _TINY, _ANY),
    ("steps", 0, _ANY),
    ("step_size", 0, _ANY),
    ("norm_exponent", 0, 1),
    ("divergence", 0, _ANY),
    ("guidance", 0, 1),
    ("forbidden_factor", 1, _ANY),
    ("end_factor", 1, _ANY),
    ("first_end_factor", 1, _ANY),
)
