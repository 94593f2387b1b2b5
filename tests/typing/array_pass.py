"""Arrays: operators, attributes and methods give arrays; what leaves the graph has a plain type."""

from __future__ import annotations

from typing import assert_type

import numpy as np

import pullback as pb
from pullback import Array

x = pb.asarray([1.0, 2.0])
data = np.ones(2)

assert_type(x + 1, Array)
assert_type(2.0 * x, Array)
assert_type(x @ x, Array)
assert_type(x @ data, Array)
assert_type(x * [1.0, 2.0], Array)
assert_type((1.0, 2.0) - x, Array)
assert_type(pb.sum([1.0, 2.0]), Array)
assert_type(pb.dot([x[0], 1], ((1.0, 2.0), [x[1], data[0]])), Array)
assert_type(-x, Array)
assert_type(abs(x), Array)
assert_type(x < 1, Array)
assert_type(x[0], Array)
assert_type(x[None, ..., 1:], Array)
assert_type(x.T, Array)
assert_type(x.real, Array)
assert_type(x.sum(axis=0), Array)
assert_type(x.mean((0,), keepdims=True), Array)
assert_type(x.reshape(2, 1), Array)
assert_type(x.reshape((-1,)), Array)
assert_type(x.transpose(0), Array)
assert_type(x.astype("float32"), Array)
assert_type(x.clip(0, max=x), Array)
assert_type(x.round(1), Array)
assert_type(round(x, 1), Array)
assert_type(x.at[0].set(1.0), Array)
assert_type(x.nonzero(), tuple[Array, ...])
assert_type(list(x), list[Array])

assert_type(x.shape, tuple[int, ...])
assert_type(x.ndim, int)
assert_type(x.size, int)
assert_type(x.dtype, np.dtype[np.generic])
assert_type(float(x[0]), float)
assert_type(int(x[0]), int)
assert_type(bool(x[0]), bool)
assert_type(x[0].item(), bool | int | float | complex)
assert_type(x.tobytes(), bytes)

assert_type(pb.asarray([x, (1.0, data)]), Array)
assert_type(pb.zeros((2, 3), dtype=pb.float32), Array)
assert_type(pb.full_like(x, 1), Array)
assert_type(pb.linspace(0, x[0], 5), Array)
assert_type(pb.meshgrid(x, data), tuple[Array, ...])
assert_type(pb.allclose(x, data), bool)
assert_type(pb.isclose(x, data), Array)
assert_type(pb.result_type(x, pb.float32), np.dtype[np.generic])

sine = np.sin(x)
total = np.sum(x)
