"""A map as ONNX: the reference evaluator gives what the map gives; without the package the error says what to type."""

import sys

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.onnx_map import onnx_bytes
from t2c.schemas.errors import MissingExtra

RNG = np.random.default_rng(0)
MAP = LinearMap(RNG.normal(size=(7, 4)).astype(np.float32), RNG.normal(size=4).astype(np.float32))


@pytest.mark.parametrize("rows", [1, 33])
def test_the_model_gives_aligned_features_for_any_number_of_rows(rows: int) -> None:
    model = onnx.load_from_string(onnx_bytes(MAP, said={"map": "abc"}))
    x = RNG.normal(size=(rows, 7)).astype(np.float32)
    (aligned,) = ReferenceEvaluator(model).run(None, {"features": x})
    np.testing.assert_allclose(aligned, MAP.apply(x), rtol=1e-6, atol=1e-6)
    assert {entry.key: entry.value for entry in model.metadata_props} == {"map": "abc"}


def test_the_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r"ONNX export: .* Type: .* install -e .*\[onnx\]"):
        onnx_bytes(MAP, said={})
