"""A frozen causal language model as the decoders see it: tokens and a context of keys and values in, logits out."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

Context = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of every layer, each (rows, heads, length, head dimension)."""


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A transformers causal model with its tokenizer, frozen, in float32."""

    name: str
    """What the user typed."""
    model: Any
    """The transformers model, in eval mode, without gradients of its own."""
    tokenizer: Any
    """Its tokenizer."""
    device: torch.device
    """Where it runs."""
    start: int
    """Token that every text begins with: the beginning-of-text token, or the end-of-text token that stands for it."""
    tokens: int
    """Tokens that the tokenizer knows; the model's further outputs, which pad its matrices, are never read."""

    def prompt_tokens(self, prompt: str) -> list[int]:
        """Return the start token and the prompt's tokens."""
        return [self.start, *self.tokenizer.encode(prompt, add_special_tokens=False)]

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, special ones left out."""
        return self.texts([tokens])[0]

    def texts(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of each row of tokens, special ones left out, spaces as they are."""
        texts = self.tokenizer.batch_decode(
            [list(row) for row in rows], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return [str(text) for text in texts]

    def read(self, tokens: torch.Tensor) -> Context:
        """Return the context that tokens (rows, length) leave behind."""
        with torch.no_grad():
            out = self.model(input_ids=tokens, use_cache=True)
        return context_of(out.past_key_values)

    def follow(self, context: Context, tokens: torch.Tensor) -> tuple[torch.Tensor, Context]:
        """Return logits (rows, tokens) of what follows one more token (rows,), and the longer context.

        Gradients flow into the context where it asks for them.
        """
        cache = cache_of(context, self.model.config)
        out = self.model(input_ids=tokens[:, None], use_cache=True, **{cache_argument(self.model): cache})
        return out.logits[:, -1, : self.tokens].float(), context_of(out.past_key_values)


def cache_argument(model: Any) -> str:
    """Return what a model calls the cache it is handed: `cache` from transformers 5.24 on, model by model."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


def cache_of(context: Context, config: Any) -> Any:
    """Return a context as the cache object that transformers models take."""
    from transformers import DynamicCache

    cache = DynamicCache(config=config)
    for layer, (keys, values) in enumerate(context):
        cache.update(keys, values, layer)
    return cache


def context_of(cache: Any) -> Context:
    """Return the keys and values of a cache object."""
    return [(layer.keys, layer.values) for layer in cache.layers]


def rows_of(context: Context, rows: torch.Tensor) -> Context:
    """Return the context of some rows, in that order, repeated where a row is named twice."""
    return [(keys[rows], values[rows]) for keys, values in context]
