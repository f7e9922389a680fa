"""A linear map applies x W + b in float32; the identity map hands features on."""

import numpy as np
import pytest

from t2c.core.maps.linear_map import LinearMap, identity
from t2c.schemas.errors import MismatchError

MAP = LinearMap(np.arange(6, dtype=np.float32).reshape(2, 3), np.array([1, 0, -1], dtype=np.float32))


def test_a_map_multiplies_and_adds() -> None:
    assert (MAP.source, MAP.target) == (2, 3)
    x = np.array([[1.0, 2.0]], dtype=np.float16)
    got = MAP.apply(x)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [[7, 9, 11]])
    assert len(MAP.apply(x[:0])) == 0


def test_the_identity_keeps_bits() -> None:
    same = identity(4)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float16)
    assert (same.source, same.target) == (4, 4)
    np.testing.assert_array_equal(same.apply(x), x.astype(np.float32))
    assert same == identity(4)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("mapping", [MAP, identity(2)])
@pytest.mark.parametrize("shape", [(5, 3), (2,)])
def test_features_of_another_dimension_are_refused(mapping, shape) -> None:
    with pytest.raises(MismatchError, match=r"features to map: expected shape \(images, 2\), but got"):
        mapping.apply(np.zeros(shape, dtype=np.float32))


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_bias_of_another_dimension_is_refused() -> None:
    with pytest.raises(MismatchError, match=r"linear map: expected weight \(source, target\) and bias \(target,\)"):
        LinearMap(np.zeros((2, 3), np.float32), np.zeros(2, np.float32))
