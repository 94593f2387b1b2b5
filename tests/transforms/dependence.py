"""Functions of each family of operations, for tests of which elements depend on which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

import pullback as pb
from pullback.core import Array, apply, constant, freeze_value
from pullback.primitives.contraction import Contract
from pullback.primitives.cumulative import Recurrence
from pullback.primitives.quantity import Value
from pullback.primitives.reduction import Softmax
from pullback.primitives.selection import MultiplyNoNan
from pullback.primitives.slicing import PadSlice

rng = np.random.default_rng(7)
M: Final = rng.standard_normal((3, 4))
BAND: Final = np.diag([1.1, 2.3, 3.7, 4.9]) + np.diag([5.3, 6.1, 7.9], 1)
T: Final = rng.standard_normal((2, 3, 4))
T_ZEROS: Final = np.where(rng.random((2, 3, 4)) < 0.6, 0, T)
NO_NAN: Final = Contract((0, 1), (1, 2), (0, 2), no_nan=True)
REPEATED: Final = np.array([2, 0, 2, -1])


def band_and(x: Array) -> tuple[Array, Array]:
    """Two nodes: a constant with zeros, and ``x``."""
    return constant(freeze_value(BAND)), x


# The argument has 12 elements, reshaped as the case asks.
Function = Callable[[Value], Value]
CASES: Final[dict[str, tuple[tuple[int, ...], Function]]] = {
    # element by element, and broadcasting
    "identity": ((12,), lambda x: x),
    "constant": ((12,), lambda x: np.arange(3.0)),
    "chain": ((12,), lambda x: pb.exp(pb.sin(x) * x - 2 * x)),
    "rank 0 with vector": ((12,), lambda x: x[3] * x),
    "column with row": ((3, 4), lambda x: x[:, :1] * x[0]),
    "new leading axis": ((12,), lambda x: x + pb.zeros((2, 1, 12))),
    "leading ones": ((3, 4), lambda x: x[None, None] * x[:, 1:2]),
    "constant zero": ((12,), lambda x: x * pb.zeros(12)),
    "maximum": ((12,), lambda x: pb.maximum(x[:6], x[6:])),
    "power": ((12,), lambda x: pb.abs(x[:4]) ** x[4:8]),
    "remainder": ((12,), lambda x: pb.remainder(x[:4], x[4:5] * 0.77)),
    "where": ((12,), lambda x: pb.where(x > 0, x, x[::-1])),
    "where of rank 0": ((12,), lambda x: pb.where(x[0] > 0, x[1], x)),
    "multiply_no_nan": ((3, 4), lambda x: apply(MultiplyNoNan(), x[0], x)),
    "cast": ((12,), lambda x: pb.astype(pb.astype(x, np.dtype("f4")), np.dtype("f8"))),
    "complex": ((12,), lambda x: pb.real((x[:6] + 1j * x[6:]) * 2j) + pb.imag(pb.conj(x[0] * 1j))),
    "stop_gradient": ((12,), lambda x: pb.sign(x) * x[0]),
    # moving elements
    "reshape": ((3, 4), lambda x: x.reshape((2, 6))),
    "transpose": ((3, 4), lambda x: x.T * 2),
    "transpose of rank 3": ((3, 2, 2), lambda x: pb.permute_dims(x, (2, 0, 1))),
    "flip": ((3, 4), lambda x: pb.flip(x, axis=1)),
    "roll": ((3, 4), lambda x: pb.roll(x, 1, axis=0) - x),
    "slice": ((3, 4), lambda x: x[::-2, 1:3]),
    "slice of nothing": ((12,), lambda x: x[5:5]),
    "element": ((12,), lambda x: x[-1]),
    "concat": ((12,), lambda x: pb.concat([x[3:], np.zeros(2), x[:2], x[3:]])),
    "concat on axis 1": ((3, 4), lambda x: pb.concat([x, x[:, :1] * x[:, 1:2]], axis=1)),
    "stack": ((12,), lambda x: pb.stack([x[0], x[1] * x[2], 3.0])),
    "pad": ((3, 4), lambda x: pb.pad(x, 1)[:, 1:-1]),
    "diff": ((12,), lambda x: pb.diff(x, n=2)),
    "tile": ((12,), lambda x: pb.tile(x[:2], 3)),
    "repeat": ((12,), lambda x: pb.repeat(x[:2], np.array([1, 3]))),
    "broadcast_to": ((3, 4), lambda x: pb.broadcast_to(x[:, :1], (2, 3, 5))),
    "take": ((12,), lambda x: pb.take(x, REPEATED)),
    "gather of rows": ((3, 4), lambda x: x[np.array([[2, 0], [1, 1]])]),
    "gather of pairs": ((3, 4), lambda x: x[np.array([0, 0, 2]), np.array([3, 3, -1])]),
    "gather across a slice": ((3, 2, 2), lambda x: x[np.array([0, 2]), :, np.array([1, 0])]),
    "mask": ((12,), lambda x: x[np.arange(12) % 3 == 0]),
    "sort": ((3, 4), lambda x: pb.sort(x, axis=1)),
    "sort descending": ((3, 4), lambda x: pb.sort(x, axis=0, descending=True)),
    "at.set": ((3, 4), lambda x: x.at[1].set(x[0] * x[2])),
    "at.set of indices": ((12,), lambda x: x.at[np.array([1, 4, 1])].set(x[6:9])),
    "at.set on a constant": ((12,), lambda x: pb.zeros(5).at[1:3].set(x[:2])),
    "at.add": ((12,), lambda x: x.at[REPEATED].add(x[4:8])),
    "at.add of rows": ((3, 4), lambda x: pb.zeros((3, 4)).at[np.array([0, 0])].add(x[1:])),
    "at.max": ((12,), lambda x: x.at[REPEATED].max(x[4:8])),
    "at.max of a constant": ((12,), lambda x: x.at[REPEATED].max(np.arange(4.0))),
    "at.min on a constant": ((12,), lambda x: pb.ones(5).at[np.array([1, 1])].min(x[:2])),
    "padded slice": ((12,), lambda x: apply(PadSlice((2, 15), (1, slice(12, 0, -1))), x)),
    # reductions
    "sum": ((12,), pb.sum),
    "sum over axis": ((3, 4), lambda x: pb.sum(x, axis=0)),
    "sum over two axes": ((3, 2, 2), lambda x: pb.sum(x, axis=(0, 2))),
    "sum with keepdims": ((3, 4), lambda x: x - pb.mean(x, axis=1, keepdims=True)),
    "prod": ((3, 4), lambda x: pb.prod(x, axis=1)),
    "max": ((3, 4), lambda x: pb.max(x, axis=0)),
    "min": ((3, 4), pb.min),
    "std": ((3, 4), lambda x: pb.std(x, axis=1)),
    "logsumexp": ((3, 4), lambda x: pb.logsumexp(x, axis=1)),
    "softmax": ((3, 4), lambda x: apply(Softmax((0,)), x)),
    "norm": ((3, 4), lambda x: pb.sqrt(pb.sum(x * x, axis=1))),
    "argmax": ((12,), lambda x: x * (pb.argmax(x) + 1)),
    "sum of an empty axis": ((12,), lambda x: pb.sum(x.reshape((12, 1))[:, :0], axis=1)),
    "cumsum": ((12,), pb.cumulative_sum),
    "cumsum on axis 0": ((3, 4), lambda x: pb.cumulative_sum(x, axis=0)),
    "cumprod": ((3, 4), lambda x: pb.cumulative_prod(x, axis=1)),
    "recurrence": ((2, 6), lambda x: apply(Recurrence(0), x[0], x[1])),
    "recurrence from the end": ((2, 6), lambda x: apply(Recurrence(1, reverse=True), x, x * x)),
    # contractions
    "matrix times vector": ((4, 3), lambda x: M @ x[:, 0]),
    "band times vector": ((4, 3), lambda x: BAND @ x[:, 0]),
    "band times matrix": ((4, 3), lambda x: BAND @ x),
    "matrix times band": ((3, 4), lambda x: x @ BAND),
    "nothing times matrix": ((4, 3), lambda x: np.zeros((2, 4)) @ x),
    "dot with zeros": ((4, 3), lambda x: pb.vecdot(np.array([0.0, 1.0, 0.0, 2.0]), x[:, 1])),
    "product with itself": ((3, 4), lambda x: x @ x.T),
    "product of parts": ((12,), lambda x: x[:6].reshape((3, 2)) @ x[6:].reshape((2, 3))),
    "product of a part with zeros": ((4, 3), lambda x: (BAND @ x)[:2] @ (x.T @ BAND)),
    "outer": ((12,), lambda x: pb.einsum("i,j->ij", x[:3], x[3:5])),
    "outer with zeros": ((12,), lambda x: pb.einsum("i,j->ij", np.array([0.0, 2.0]), x)),
    "batched": ((2, 3, 2), lambda x: pb.einsum("bij,bik->bkj", x, T)),
    "batched with zeros": ((2, 3, 2), lambda x: pb.einsum("bij,bik->bkj", x, T_ZEROS)),
    "two shared labels": ((2, 2, 3), lambda x: pb.einsum("aib,abc->ic", x, T_ZEROS)),
    "diagonal": ((3, 4), pb.diagonal),
    "tensordot": ((3, 4), lambda x: pb.tensordot(T_ZEROS, x, axes=((1, 2), (0, 1)))),
    "no_nan": ((4, 3), lambda x: apply(NO_NAN, *band_and(x))),
    # gradients inside
    "gradient": ((12,), pb.grad(lambda x: pb.sum(x[1:] * x[:-1] ** 2))),
    "gradient of where": ((12,), pb.grad(lambda x: pb.sum(pb.where(x > 0, x**3, pb.exp(x))))),
    "gradient of a product": ((3, 4), pb.grad(lambda x: pb.sum(pb.prod(x, axis=1)))),
    "gradient of logsumexp": ((3, 4), pb.grad(lambda x: pb.sum(pb.logsumexp(x, axis=1)))),
    "gradient of matmul": ((4, 3), pb.grad(lambda x: pb.sum((BAND @ x) ** 2))),
    "gradient of sort": ((12,), pb.grad(lambda x: pb.sum(pb.sort(x) ** 3 * np.arange(1, 13)))),
    "gradient of take": ((12,), pb.grad(lambda x: pb.sum(x[REPEATED] ** 3))),
    "gradient of max": ((3, 4), pb.grad(lambda x: pb.sum(pb.max(x, axis=1) ** 3))),
    "gradient of cumprod": ((3, 4), pb.grad(lambda x: pb.sum(pb.cumulative_prod(x, axis=1)))),
    "gradient of a gradient": (
        (12,),
        lambda x: pb.grad(lambda y: pb.sum(pb.grad(lambda z: pb.sum(z**3 * x))(y) ** 2))(x * 2),
    ),
}  # fmt: skip


def argument(shape: tuple[int, ...]) -> Value:
    """Numbers of which no two are equal, nor near 0."""
    return (np.random.default_rng(3).permutation(12) - 5.5).reshape(shape) * 0.3
