"""A seeded causal language model of a few thousand parameters with a word tokenizer, in a local folder as transformers keeps it."""

from pathlib import Path
from typing import Any

WORDS = (
    "Image", "of", "a", "an", "the", "red", "blue", "green", "yellow", "black", "white", "orange", "purple", "pink", "star",
    "circle", "square", "triangle", "octagon", "striped", "dotted", "checkered", "grass", "snow", "sand", "water", "in",
    "on", "sky", "big", "small", "paper", "sign", "toy", "photo", "zebra", ".", "7",
)  # fmt: skip
"""Words of the demo's CLIP, but for zebra, which it cannot read, and 7; a medium word, an end and a numeral among them."""


def tokenizer(words: tuple[str, ...] = WORDS, *, special: tuple[str, ...] = ("<|end|>", "<|pad|>")) -> Any:
    """A tokenizer with one token a word; the first special token begins and ends texts."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate((*words, *special, "<|unk|>"))}
    made = Tokenizer(WordLevel(vocabulary, unk_token="<|unk|>"))
    made.pre_tokenizer = WhitespaceSplit()
    names = {"bos_token": special[0], "eos_token": special[0]} if special else {}
    pad = {"pad_token": special[1]} if len(special) > 1 else {}
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<|unk|>", **names, **pad)


def save_gpt2(folder: Path, tokens: Any | None = None, *, rows: int = 48, seed: int = 2) -> Path:
    """Write a GPT-2 of about 7,000 parameters and a tokenizer to a folder, and return it."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.utils import logging

    kept = tokenizer() if tokens is None else tokens
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=rows, n_positions=32, n_embd=16, n_layer=2, n_head=2, initializer_range=0.4, bos_token_id=38,
        eos_token_id=38,
    )  # fmt: skip
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    GPT2LMHeadModel(config).save_pretrained(folder)
    if bars:
        logging.enable_progress_bar()
    kept.save_pretrained(folder)
    return folder
