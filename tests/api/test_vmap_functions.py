"""Every public function of arrays: for a batch it gives what single calls give, one by one.

A table with a row for each function, and for some several; each of its operands batched or shared,
in double and in single precision. What needs values to know the shape of its result refuses.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback import nn, special
from pullback.errors import ConversionError
from pullback.primitives.quantity import Value
from tests.checks import varied
from tests.one_by_one import check_vmap, vmap
from tests.primitives.pointwise import complexes, reals

Function = Callable[..., object]
Row = tuple[str, Function, tuple[Value, ...]]

X: Final = reals((2, 3), 0.1, 0.9)
Y: Final = reals((2, 3), -0.9, 0.9, seed=1)
V: Final = reals((3,), 0.1, 0.9, seed=2)
S: Final = reals((3, 3), -1, 1, seed=3)
Z: Final = complexes((2, 3), 0.1, 0.9)
N: Final = np.arange(1, 7).reshape(2, 3)
K: Final = np.array([[2, 0, 1], [1, 1, 0]])
B: Final = Y > 0

UNARY: Final = [
    "abs", "acos", "angle", "asin", "asinh", "atan", "atanh", "cbrt", "ceil", "conj", "cos",
    "cosh", "deg2rad", "exp", "exp2", "expm1", "floor", "imag", "isfinite", "isinf", "isnan",
    "log", "log10", "log1p", "log2", "logical_not", "negative", "positive", "rad2deg", "real",
    "reciprocal", "round", "sign", "signbit", "sin", "sinh", "sqrt", "square", "tan", "tanh",
    "trunc",
]  # fmt: skip
BINARY: Final = [
    "add", "arctan2", "atan2", "copysign", "divide", "divmod", "equal", "floor_divide", "fmod",
    "greater", "greater_equal", "hypot", "isclose", "less", "less_equal", "logaddexp",
    "logaddexp2", "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "mod",
    "multiply", "nextafter", "not_equal", "pow", "remainder", "subtract",
]  # fmt: skip
REDUCTIONS: Final = [
    "all", "any", "average", "count_nonzero", "logsumexp", "max", "mean", "min", "nanmean",
    "nansum", "prod", "ptp", "std", "sum", "var",
]  # fmt: skip
WINDOWED: Final = {"avg_pool", "conv", "conv_transpose", "max_pool"}
ACTIVATIONS: Final = [name for name in nn.__all__ if name[0].islower() and name not in WINDOWED]
SPECIAL: Final = [name for name in special.__all__ if name not in {"polygamma", "xlogy"}]


def reduction_rows(name: str) -> list[Row]:
    f: Function = getattr(pb, name)
    return [
        (name, f, (Y,)),
        (name, lambda x: f(x, axis=-1), (Y,)),
        (name, lambda x: f(x, axis=(1, 0), keepdims=True), (Y,)),
    ]


ROWS: Final[list[Row]] = [
    *[(name, getattr(pb, name), (X,)) for name in UNARY],
    *[(name, getattr(pb, name), (np.float64(0.5),)) for name in UNARY],
    *[(name, getattr(pb, name), (X, V)) for name in BINARY],
    *[(name, getattr(pb, name), (V[0], X)) for name in BINARY],
    *[row for name in REDUCTIONS for row in reduction_rows(name)],
    *[(f"nn.{name}", getattr(nn, name), (S[:, :2],)) for name in ACTIVATIONS],
    *[(f"special.{name}", getattr(special, name), (X,)) for name in SPECIAL],
    ("special.polygamma", lambda x: special.polygamma(1, x), (X,)),
    ("special.xlogy", special.xlogy, (X, V)),
    ("nn.conv", lambda x, k: nn.conv(x, k, padding=1), (S[None], S[None, :, :2])),
    (
        "nn.conv_transpose",
        lambda x, k: nn.conv_transpose(x, k, stride=2),
        (S[None], S[:, None, :2]),
    ),
    ("nn.max_pool", lambda x: nn.max_pool(x, 2), (S[None],)),
    ("nn.avg_pool", lambda x: nn.avg_pool(x, 2, padding=1), (S[None],)),
    ("nn.Linear", lambda w, b, x: nn.Linear(w, b)(x), (S, V, V[::-1].copy())),
    ("abs", pb.abs, (Z,)),
    ("angle", pb.angle, (Z,)),
    ("conj", pb.conj, (Z,)),
    ("imag", pb.imag, (Z,)),
    ("multiply", pb.multiply, (Z, X)),
    ("real", pb.real, (Z,)),
    ("acosh", pb.acosh, (X + 2,)),
    ("argmax", pb.argmax, (Y,)),
    ("argmax", lambda x: pb.argmax(x, axis=-1, keepdims=True), (Y,)),
    ("argmin", lambda x: pb.argmin(x, axis=0), (Y,)),
    ("argsort", lambda x: pb.argsort(x, axis=0, descending=True), (Y,)),
    ("array_split", lambda x: pb.array_split(x, 2, axis=1), (X,)),
    ("asarray", lambda x: pb.asarray(x, dtype="c16"), (X,)),
    ("asarray", lambda x: pb.asarray([x, x]), (V,)),
    ("astype", lambda x: pb.astype(x, "i4"), (X * 9,)),
    ("atleast_1d", pb.atleast_1d, (V[0],)),
    ("atleast_2d", pb.atleast_2d, (V,)),
    ("atleast_3d", pb.atleast_3d, (X,)),
    ("average", lambda x, w: pb.average(x, axis=1, weights=w), (X, V)),
    ("bitwise_and", pb.bitwise_and, (N, K)),
    ("bitwise_invert", pb.bitwise_invert, (N,)),
    ("bitwise_left_shift", pb.bitwise_left_shift, (N, K)),
    ("bitwise_or", pb.bitwise_or, (N, K[0])),
    ("bitwise_right_shift", pb.bitwise_right_shift, (N, K)),
    ("bitwise_xor", pb.bitwise_xor, (B, B[0])),
    ("broadcast_arrays", lambda x, y: tuple(pb.broadcast_arrays(x, y)), (X, V)),
    ("broadcast_to", lambda x: pb.broadcast_to(x, (2, 3)), (V,)),
    ("clip", pb.clip, (Y, -V, V)),
    ("column_stack", lambda x, y: pb.column_stack([x, y]), (V, S)),
    ("concat", lambda x, y: pb.concat([x, y]), (X, S)),
    ("concat", lambda x, y: pb.concat([x, y], axis=None), (X, V)),
    ("cumprod", lambda x: pb.cumprod(x, axis=1), (X,)),
    ("cumsum", pb.cumsum, (X,)),
    ("cumulative_prod", lambda x: pb.cumulative_prod(x, axis=0, include_initial=True), (X,)),
    ("cumulative_sum", lambda x: pb.cumulative_sum(x, axis=-1), (X,)),
    ("diag", pb.diag, (V,)),
    ("diag", lambda x: pb.diag(x, 1), (S,)),
    ("diagonal", lambda x: pb.diagonal(x, -1), (S,)),
    ("diff", lambda x, p: pb.diff(x, prepend=p), (X, X[:, :1])),
    ("dot", pb.dot, (X, S)),
    ("dot", pb.dot, (V, V[::-1].copy())),
    ("dstack", lambda x, y: pb.dstack([x, y]), (X, Y)),
    ("einsum", lambda x, y: pb.einsum("ij,kj->ki", x, y), (X, S)),
    ("einsum", lambda x: pb.einsum("ii->i", x), (S,)),
    ("einsum", lambda x, y, z: pb.einsum("ij,jk,k", x, y, z), (X, S, V)),
    ("empty_like", lambda x: pb.empty_like(x) * 0, (X,)),
    ("expand_dims", lambda x: pb.expand_dims(x, axis=(0, -1)), (X,)),
    ("flip", lambda x: pb.flip(x, axis=1), (X,)),
    ("from_dlpack", lambda x: pb.from_dlpack(pb.asarray(x)), (X,)),
    ("full", lambda x: pb.full((2, 2), x), (V[0],)),
    ("full_like", pb.full_like, (X, V[0])),
    ("getitem", lambda x: x[1, ::-1], (X,)),
    ("getitem", lambda x, i: pb.asarray(x)[i], (X, K[1] % 2)),
    ("getitem", lambda x, i: pb.asarray(x)[:, i], (X, K[0, 0])),
    ("getitem", lambda x, i: pb.asarray(x)[i, None, i], (S, K[0])),
    ("inner", pb.inner, (X, S)),
    ("kron", pb.kron, (X, S)),
    ("linspace", lambda a, b: pb.linspace(a, b, 5), (V[0], V[1])),
    ("matmul", pb.matmul, (X, S)),
    ("matmul", pb.matmul, (V, S)),
    ("matmul", pb.matmul, (reals((2, 2, 3), -1, 1), S)),
    ("matrix_transpose", pb.matrix_transpose, (X,)),
    ("matvec", pb.matvec, (X, V)),
    ("meshgrid", lambda x, y: tuple(pb.meshgrid(x, y)), (V, V[:2])),
    ("moveaxis", lambda x: pb.moveaxis(x, 0, -1), (X,)),
    ("nan_to_num", pb.nan_to_num, (np.array([1.0, np.nan, np.inf]),)),
    ("norm", pb.norm, (Y,)),
    ("norm", lambda x: pb.norm(x, 1, axis=1, keepdims=True), (Y,)),
    ("ones_like", pb.ones_like, (X,)),
    ("outer", pb.outer, (V, V[:2])),
    ("pad", lambda x: pb.pad(x, ((1, 0), (2, 3)), constant_values=2.0), (X,)),
    ("pad", lambda x: pb.pad(x, 2, mode="wrap"), (X,)),
    ("permute_dims", lambda x: pb.permute_dims(x, (1, 0)), (X,)),
    ("pow", lambda x: x**3, (Y,)),
    ("put_along_axis", pb.put_along_axis, (X, K[:, :1], Y[:, :1])),
    ("ravel", pb.ravel, (X,)),
    ("repeat", lambda x: pb.repeat(x, 2, axis=0), (X,)),
    ("repeat", lambda x: pb.repeat(x, [1, 0, 2], axis=1), (X,)),
    ("reshape", lambda x: pb.reshape(x, (3, -1)), (X,)),
    ("roll", lambda x: pb.roll(x, (1, -1), axis=(0, 1)), (X,)),
    ("rot90", pb.rot90, (X,)),
    ("round", lambda x: pb.round(x, 1), (X,)),
    ("scatter_add", lambda x, i, v: pb.scatter_add(x, i, v, axis=1), (X, K[0], S[:2])),
    ("searchsorted", pb.searchsorted, (np.sort(V), Y)),
    ("searchsorted", lambda x, v: pb.searchsorted(pb.sort(x), v, side="right"), (V, V[0])),
    ("select", lambda b, x, y: pb.select([b, x > 0.5], [x, y], 7.0), (B, X, Y)),
    ("sort", lambda x: pb.sort(x, axis=0), (Y,)),
    ("sort", lambda x: pb.sort(x, descending=True), (N,)),
    ("split", lambda x: pb.split(x, [1, 2], axis=1), (X,)),
    ("squeeze", lambda x: pb.squeeze(x, axis=1), (X[:, :1],)),
    ("stack", lambda x, y: pb.stack([x, y], axis=1), (X, Y)),
    ("hstack", lambda x, y: pb.hstack([x, y]), (X, Y)),
    ("vstack", lambda x, y: pb.vstack([x, y]), (X, V)),
    ("std", lambda x: pb.std(x, axis=0, correction=1), (X,)),
    ("stop_gradient", pb.stop_gradient, (X,)),
    ("sum", lambda x, b: pb.sum(x, axis=1, where=b), (X, B)),
    ("swapaxes", lambda x: pb.swapaxes(x, 0, 1), (X,)),
    ("take", lambda x, i: pb.take(x, i, axis=1), (X, K)),
    ("take", pb.take, (X, K[0])),
    ("take", lambda x, i: pb.take(x, i, axis=0, mode="wrap"), (X, N[0])),
    ("take_along_axis", pb.take_along_axis, (X, K)),
    ("tensordot", lambda x, y: pb.tensordot(x, y, axes=([1], [0])), (X, S)),
    ("tile", lambda x: pb.tile(x, (2, 1, 2)), (X,)),
    ("transpose", pb.transpose, (X,)),
    ("trapezoid", pb.trapezoid, (X, V)),
    ("tril", pb.tril, (S,)),
    ("triu", lambda x: pb.triu(x, 1), (S,)),
    ("unstack", lambda x: pb.unstack(x, axis=1), (X,)),
    ("vdot", pb.vdot, (Z, X)),
    ("vecdot", pb.vecdot, (X, V)),
    ("vecmat", pb.vecmat, (V, S)),
    ("where", pb.where, (B, X, V)),
    ("where", lambda x: pb.where(x > 0, x, 2), (Y,)),
    ("zeros_like", pb.zeros_like, (X,)),
]

CALLS: Final = [pytest.param(f, values, id=name) for name, f, values in ROWS]

#: What asks for values: the size of the result depends on them.
REFUSED: Final[list[Row]] = [
    ("allclose", pb.allclose, (X, X)),
    ("arange", pb.arange, (V[0],)),
    ("array_equal", pb.array_equal, (X, X)),
    ("argwhere", pb.argwhere, (X,)),
    ("flatnonzero", pb.flatnonzero, (X,)),
    ("getitem", lambda x: x[x > 0], (X,)),
    ("nonzero", pb.nonzero, (X,)),
    ("repeat", lambda x, n: pb.repeat(x, n, axis=1), (X, K[0])),
    ("unique_all", pb.unique_all, (X,)),
    ("unique_counts", pb.unique_counts, (X,)),
    ("unique_inverse", pb.unique_inverse, (X,)),
    ("unique_values", pb.unique_values, (X,)),
]

#: Functions of shapes and dtypes alone, and of nodes.
OTHERS: Final = {
    "can_cast", "empty", "eye", "finfo", "gradients", "iinfo", "isdtype", "ones", "result_type",
    "variable", "zeros",
}  # fmt: skip


def in_single_precision(value: Value) -> Value:
    kind = value.dtype.kind
    return value.astype({"f": "f4", "c": "c8"}.get(kind, value.dtype))


def test_every_function_of_arrays_has_a_row() -> None:
    modules = {"": pb.api, "nn.": nn, "special.": special}
    public = {
        prefix + name
        for prefix, module in modules.items()
        for name in module.__all__
        if inspect.isfunction(f := getattr(module, name))
        and "Callable" not in str(f.__annotations__)
    }
    rows = {name for name, _, _ in [*ROWS, *REFUSED]}
    assert public - rows - OTHERS == set()


@pytest.mark.parametrize("dtype", ["double", "single"])
@pytest.mark.parametrize(("f", "values"), CALLS)
def test_a_batch_has_the_results_of_single_calls(
    f: Function, values: tuple[Value, ...], dtype: str
) -> None:
    if dtype == "single":
        values = tuple(map(in_single_precision, values))
    for flags in itertools.product((True, False), repeat=len(values)):
        if any(flags):
            args = [varied(v, 3) if flag else v for v, flag in zip(values, flags, strict=True)]
            check_vmap(f, *args, in_axes=[0 if flag else None for flag in flags])


@pytest.mark.parametrize(("name", "f", "values"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_needs_values_says_so(name: str, f: Function, values: tuple[Value, ...]) -> None:
    with pytest.raises(ConversionError, match="is not known while vmap") as caught:
        vmap(f)(*[varied(value, 2) for value in values])
    assert name.split("_", maxsplit=1)[0] in str(caught.value) or name == "getitem"
