"""What users write is parsed into frozen specs, and every way to get it wrong has its message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from t2c.schemas.errors import SpecError
from t2c.schemas.specs.base import DEFAULT_TEMPLATES, ConceptFile, ContextConcepts, EncoderSpec, parse_encoder

WANT = "timm:MODEL, open_clip:MODEL/PRETRAINED, either with @FILE for a local checkpoint, or demo:NAME"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("timm:resnet50.a1_in1k", {"library": "timm", "model": "resnet50.a1_in1k"}),
        ("timm:vit@/w/x.safetensors", {"library": "timm", "model": "vit", "weights": "/w/x.safetensors"}),
        ("open_clip:ViT-B-16/openai", {"library": "open_clip", "model": "ViT-B-16", "pretrained": "openai"}),
        ("open_clip:ViT-B-16@a/b.pt", {"library": "open_clip", "model": "ViT-B-16", "weights": "a/b.pt"}),
        ("demo:clip", {"library": "demo", "model": "clip"}),
        ("timm:vit?pooling=token&precision=bfloat16", {"library": "timm", "model": "vit", "pooling": "token", "precision": "bfloat16"}),
    ],
)  # fmt: skip
def test_encoder_names_parse_and_are_named_as_typed(text: str, wanted: dict[str, str]) -> None:
    spec = parse_encoder(text)
    assert spec == EncoderSpec.model_validate(wanted)
    assert spec.name == text


WORD = st.text(alphabet="abcXYZ019._-", min_size=1, max_size=12)


@given(
    st.one_of(
        st.builds(EncoderSpec, library=st.just("timm"), model=WORD, weights=st.one_of(st.just(""), WORD), pooling=WORD),
        st.builds(EncoderSpec, library=st.just("open_clip"), model=WORD, pretrained=WORD),
        st.builds(EncoderSpec, library=st.just("demo"), model=WORD, precision=st.sampled_from(["float32", "float16"])),
    )
)
def test_a_name_leads_back_to_its_spec(spec: EncoderSpec) -> None:
    assert parse_encoder(spec.name) == spec


@pytest.mark.parametrize(
    "text",
    ["", "resnet50", "torch:resnet50", "timm:", "timm:@w.pt", "timm:vit@", "open_clip:/openai", "demo:", "timm:vit?size=3"],
)  # fmt: skip
def test_what_is_no_encoder_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as found:
        parse_encoder(text)
    assert str(found.value) == f"encoder: expected {WANT}, but got {text!r}. Try: t2c encoders"


@pytest.mark.parametrize("text", ["open_clip:ViT-B-16", "open_clip:ViT-B-16/"])
def test_open_clip_needs_its_tag(text: str) -> None:
    with pytest.raises(SpecError) as found:
        parse_encoder(text)
    assert str(found.value).endswith(f"but got {text!r}. Add the pretrained tag: open_clip:ViT-B-16/openai")


def test_a_precision_is_one_of_three() -> None:
    with pytest.raises(SpecError, match="encoder precision: expected float32, bfloat16 or float16, but got 'int8'"):
        parse_encoder("timm:vit?precision=int8")


def test_the_default_templates_are_the_papers_seven() -> None:
    assert len(DEFAULT_TEMPLATES) == 7
    assert all(template.count("{}") == 1 and not template.endswith(".") for template in DEFAULT_TEMPLATES)
    assert ConceptFile(concepts=("dog",)).templates == DEFAULT_TEMPLATES


def test_specs_are_frozen_and_take_nothing_extra() -> None:
    spec = ConceptFile(concepts=("dog",))
    with pytest.raises(ValidationError, match="frozen"):
        spec.concepts = ()  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ConceptFile.model_validate({"concept": ["dog"]})
    with pytest.raises(ValidationError, match="at least 1"):
        ContextConcepts(phrases=())
    with pytest.raises(ValidationError, match="normalise-then-average"):
        ConceptFile.model_validate({"averaging": "mean"})


@pytest.mark.parametrize("model", [EncoderSpec, ConceptFile, ContextConcepts])
def test_every_field_says_what_it_is(model: type[ConceptFile]) -> None:
    assert all(field.description for field in model.model_fields.values())
