"""A linear map as an ONNX model: one Gemm node from `features` (images, source) to `aligned` (images, target)."""

from collections.abc import Mapping

import numpy as np

from t2c.core.maps.linear_map import LinearMap
from t2c.schemas.extras import missing

OPSET, IR_VERSION = 17, 8
"""Old enough for runtimes of 2022 and later."""


def onnx_bytes(linear_map: LinearMap, *, said: Mapping[str, str]) -> bytes:
    """Return the serialised model, checked; `said` becomes its metadata. Raises MissingExtra without the onnx package."""
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise missing("onnx", module="onnx", subject="ONNX export") from error
    weight = numpy_helper.from_array(np.ascontiguousarray(linear_map.weight.T), "W")
    bias = numpy_helper.from_array(linear_map.bias, "b")
    sides = (("features", linear_map.source), ("aligned", linear_map.target))
    inputs, outputs = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["images", size]) for name, size in sides)
    node = helper.make_node("Gemm", ["features", "W", "b"], ["aligned"], transB=1)
    graph = helper.make_graph([node], "linear_map", [inputs], [outputs], [weight, bias])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    helper.set_model_props(model, dict(said))
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised
