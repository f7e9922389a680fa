"""Guided decoding against the bare language model: tokens a second of `zerocap` and `rescore` beside plain forward passes.

A `zerocap` token is one forward pass of the unmoved model, five with a backward pass, and one of the moved model. A backward
pass to the keys and values costs about a forward one, as no weight has a gradient, so 12 / 7 = 1.7 is about the least.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.harness import Row, at_most, paired
from t2c.core.words.language.decoder import LanguageDecoder, load_language_decoder
from t2c.core.words.language.model import cache_argument, cache_of, rows_of
from t2c.core.words.language.settings import Settings

VOCABULARY = 8_000
VECTORS = 64
TARGET = 512
FORWARDS = 7
"""Forward passes of a zerocap token, those that a backward pass follows among them."""


def save_model(folder: Path, *, words: int, width: int, layers: int) -> Path:
    """Write a seeded GPT-2 and a tokenizer with one token a word to a folder."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    names = ["Image", "of", "a", *(f"word{chr(97 + n % 26)}{n}" for n in range(words)), "<|end|>", "<|unk|>"]
    made = Tokenizer(WordLevel({name: number for number, name in enumerate(names)}, unk_token="<|unk|>"))
    made.pre_tokenizer = WhitespaceSplit()
    special = {"bos_token": "<|end|>", "eos_token": "<|end|>", "unk_token": "<|unk|>"}
    PreTrainedTokenizerFast(tokenizer_object=made, **special).save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(names), n_embd=width, n_layer=layers, n_head=8, n_positions=64, bos_token_id=3, eos_token_id=3
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def encode(texts: list[str]) -> np.ndarray:
    """Stand for a CLIP: a seeded vector a text, at no cost worth measuring."""
    seeds = [np.frombuffer(text.encode().ljust(8)[-8:], np.uint64)[0] for text in texts]
    return np.stack([np.random.default_rng(int(seed)).standard_normal(TARGET, np.float32) for seed in seeds])


def bare(decoder: LanguageDecoder, vectors: int, *, passes: int) -> Any:
    """Return forward passes of the same rows after the same context, and nothing else."""
    prompt = torch.tensor([decoder.prompt], device=decoder.language.device)
    rows = torch.zeros(vectors, dtype=torch.long)
    context = rows_of(decoder.language.read(prompt[:, :-1]), rows)
    last = prompt[:, -1:].expand(vectors, 1)

    def run() -> None:
        with torch.no_grad():
            for _ in range(passes):
                cache = cache_of(context, decoder.language.model.config)
                decoder.language.model(
                    input_ids=last, use_cache=True, **{cache_argument(decoder.language.model): cache}
                )

    return run


def rows(
    *, words: int = VOCABULARY, width: int = 384, layers: int = 8, vectors: int = VECTORS, pairs: int = 5
) -> list[Row]:
    """Decode heads (one token each) with both decoders, beside the forward passes that they cannot do without."""
    with tempfile.TemporaryDirectory() as folder:
        model = save_model(Path(folder), words=words, width=width, layers=layers)
        asked = np.random.default_rng(1).standard_normal((vectors, TARGET)).astype(np.float32)
        found = []
        for name, passes, limit in (("zerocap", FORWARDS, 3.0), ("rescore", 1, 2.5)):
            decoder = load_language_decoder(
                name, encode=encode, check=len, model=str(model), settings=Settings(), device="cpu"
            )
            ratio = paired(lambda made=decoder: made.decode(asked), bare(decoder, vectors, passes=passes), pairs=pairs)
            speed = vectors / ratio.seconds_a
            claim = (
                f"{name}, {vectors} vectors x 1 token, GPT-2 of {layers} x {width}, {words:,} tokens: against {passes} bare "
                f"forward passes a token ({speed:,.0f} tokens/s against {vectors * passes / ratio.seconds_b:,.0f} passes/s)"
            )
            found.append(at_most(claim, ratio, limit))
    return found
