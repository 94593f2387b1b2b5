"""The operations that random programs are made of, written once for NumPy and for pullback.

A maker draws one operation on values that it is shown, or returns None where they do not fit. What
it returns computes with either namespace, so NumPy itself is the reference of every value.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType
from typing import Final

import numpy as np
import scipy.special

from pullback.primitives.quantity import Value

#: Of the namespace, and then of the operands.
Operation = Callable[..., Value]
Maker = Callable[..., Operation | None]

_ENTIRE: Final = ["sin", "cos", "exp", "expm1", "tanh", "square", "negative", "positive", "exp2"]
_PAIRS: Final = ["add", "subtract", "multiply", "add", "multiply"]
_REAL_PAIRS: Final = ["maximum", "minimum", "hypot", "logaddexp", "logaddexp2", "copysign", "atan2"]
_SPECIAL: Final = ["erf", "erfc", "erfcx", "ndtr", "log_ndtr", "expit", "gammaln"]
#: Functions with a singularity or a cut, and how far from 0 they are smooth: f(x·scale + shift).
_SHIFTED: Final = [
    ("sqrt", 1, 1.5), ("log", 1, 1.5), ("log1p", 0.5, 0), ("log2", 1, 1.5), ("log10", 1, 1.5),
    ("reciprocal", 1, 1.5), ("atanh", 0.5, 0), ("asin", 0.5, 0), ("acos", 0.5, 0),
    ("acosh", 1, 3), ("asinh", 0.5, 0), ("atan", 0.5, 0), ("tan", 1, 0), ("sinh", 1, 0),
    ("cosh", 1, 0), ("cbrt", 1, 1.5),
]  # fmt: skip


def real(*values: Value) -> bool:
    return all(np.asarray(v).dtype.kind != "c" for v in values)


def axis_of(r: random.Random, x: Value) -> int:
    return r.randrange(-np.ndim(x), np.ndim(x))


def some_axes(r: random.Random, x: Value) -> int | tuple[int, ...] | None:
    if np.ndim(x) == 0 or r.random() < 0.3:
        return None
    if r.random() < 0.5:
        return axis_of(r, x)
    return tuple(r.sample(range(np.ndim(x)), r.randint(1, np.ndim(x))))


def entire(r: random.Random, _: Value) -> Operation:
    name = r.choice(_ENTIRE)
    return lambda xp, x: getattr(xp, name)(x)


def shifted(r: random.Random, _: Value) -> Operation:
    name, scale, shift = r.choice(_SHIFTED)
    return lambda xp, x: getattr(xp, name)(x * scale + shift)


def kinked(r: random.Random, x: Value) -> Operation:
    name = r.choice(["abs", "floor", "sign", "round", "relu"] if real(x) else ["abs"])
    if name == "relu":
        return lambda xp, x: xp.where(x > 0, x, 0)
    return lambda xp, x: getattr(xp, name)(x * 1)


def special(r: random.Random, x: Value) -> Operation | None:
    if not real(x):
        return None
    name = r.choice(_SPECIAL)
    scale, shift = (0.5, 1.5) if name == "gammaln" else (1, 0)
    # SciPy's functions work on our arrays, by NumPy's protocol.
    return lambda xp, x: getattr(scipy.special, name)(x * scale + shift)


def complex_parts(r: random.Random, _: Value) -> Operation:
    name, factor = r.choice(["real", "imag", "conj"]), r.choice([np.float64(1), np.complex128(1j)])
    return lambda xp, x: getattr(xp, name)(x * factor)


def power(r: random.Random, _: Value) -> Operation:
    exponent = r.choice([0, 1, 2, 3, -1, -2, 0.5, 1.5, -0.5, np.float64(2.5), np.int64(2)])
    return lambda xp, x: (x + 1.5) ** exponent


def pair(r: random.Random, x: Value, y: Value) -> Operation:
    name = r.choice(_PAIRS + _REAL_PAIRS if real(x, y) else _PAIRS)
    return lambda xp, x, y: getattr(xp, name)(x, y)


def division(r: random.Random, x: Value, y: Value) -> Operation:
    if real(x, y) and r.random() < 0.4:
        name = r.choice(["remainder", "fmod", "floor_divide"])
        return lambda xp, x, y: getattr(xp, name)(x, y + 1.7)
    return r.choice([lambda xp, x, y: x / (y + 1.5), lambda xp, x, y: (x + 1.5) ** y])


def reduction(r: random.Random, x: Value) -> Operation | None:
    axis, keep = some_axes(r, x), r.random() < 0.5
    name = r.choice(["sum", "prod", "mean", "var", "std", "max", "min"])
    if name in {"max", "min"} and not real(x):
        return None
    return lambda xp, x: getattr(xp, name)(x, axis=axis, keepdims=keep)


def masked_reduction(r: random.Random, x: Value) -> Operation | None:
    if not real(x):
        return None
    axis, name = some_axes(r, x), r.choice(["sum", "prod", "max", "min"])
    bound = r.uniform(-1, 1)
    return lambda xp, x: getattr(xp, name)(x * 1.0, axis=axis, where=x > bound, initial=0.5)


def accumulation(r: random.Random, x: Value) -> Operation | None:
    if np.ndim(x) == 0:
        return None
    axis, name = axis_of(r, x), r.choice(["cumsum", "cumprod", "diff", "sort", "flip"])
    if name == "sort" and not real(x):
        return None
    return lambda xp, x: getattr(xp, name)(x, axis=axis)


def selection(r: random.Random, x: Value, y: Value) -> Operation | None:
    if not real(x, y):
        return lambda xp, x, y: xp.where(xp.real(x) > xp.imag(y), x, y)
    return r.choice(
        [
            lambda xp, x, y: xp.where(x > y, x, y * y),
            lambda xp, x, y: xp.where(x > 0.1, xp.sqrt(x - 0.1), y),
            lambda xp, x, y: xp.clip(x, -0.3, 0.4) * y,
            lambda xp, x, y: xp.clip(x, xp.minimum(y, -0.1), 0.5),
            lambda xp, x, y: xp.where(xp.isfinite(x), y, x),
        ]
    )


def shape(r: random.Random, x: Value) -> Operation | None:
    n = np.ndim(x)
    axes, k = tuple(r.sample(range(n), n)), r.randint(-2, 2)
    made: list[Operation] = [
        lambda xp, x: xp.reshape(x, -1) if xp.asarray(x).size else xp.asarray(x),
        lambda xp, x: xp.permute_dims(x, axes),
        lambda xp, x: xp.expand_dims(x, -1),
        lambda xp, x: xp.broadcast_to(x, (2, *np.shape(x))),
        lambda xp, x: xp.stack([x, x * 2.0], axis=-1),
        lambda xp, x: xp.tile(x, 2),
        lambda xp, x: xp.repeat(x, 2),
        lambda xp, x: xp.roll(x, k),
        lambda xp, x: xp.squeeze(x),
    ]
    if n:
        axis = axis_of(r, x)
        made += [
            lambda xp, x: xp.concat([x, x], axis=axis),
            lambda xp, x: xp.roll(x, k, axis=axis),
            lambda xp, x: xp.repeat(x, 2, axis=axis),
            lambda xp, x: xp.pad(x, 1),
            lambda xp, x: xp.moveaxis(x, axis, 0),
        ]
    if n >= 2:
        made += [
            lambda xp, x: xp.tril(x, k),
            lambda xp, x: xp.triu(x, k),
            lambda xp, x: x.trace(),
            lambda xp, x: xp.diagonal(x),
        ]
    return r.choice(made)


def basic_index(r: random.Random, x: Value) -> Operation:
    key: list[object] = []
    for n in np.shape(x):
        k = r.randint(-n - 1, n + 1)
        key.append(
            r.choice([slice(None), slice(k, None), slice(None, k, 2), slice(None, None, -1)])
        )
        if n and r.random() < 0.4:
            key[-1] = r.randrange(-n, n)
        if r.random() < 0.1:
            key.append(None)
    if r.random() < 0.3:
        key[r.randint(0, len(key)) :] = [...]
    return lambda xp, x: x[tuple(key)] if np.ndim(x) else xp.asarray(x)[tuple(key)]


def array_index(r: random.Random, x: Value) -> Operation | None:
    if np.ndim(x) == 0 or np.size(x) == 0:
        return None
    axis = r.randrange(np.ndim(x))
    n = np.shape(x)[axis]
    block = r.choice([(), (3,), (2, 2), (0,), (1,)])
    index = np.array([r.randrange(-n, n) for _ in range(int(np.prod(block)))], np.intp).reshape(
        block
    )
    mask = np.array([r.random() < 0.5 for _ in range(n)])
    whole = (slice(None),) * axis
    made: list[Operation] = [
        lambda xp, x: x[(*whole, index)],
        lambda xp, x: x[(*whole, mask)],
        lambda xp, x: xp.take(x, index, axis=axis),
        lambda xp, x: xp.take(x, index),
        lambda xp, x: x[(*whole, index, None)],
    ]
    if np.ndim(x) > 1:
        m = np.shape(x)[1]
        columns = np.array([r.randrange(m) for _ in range(3)])
        rows = np.array([[r.randrange(np.shape(x)[0])] for _ in range(2)])
        made += [
            lambda xp, x: x[rows, columns],
            lambda xp, x: x[rows, ..., columns[0]],
            lambda xp, x: xp.take_along_axis(x, xp.argsort(xp.real(x), axis=1), axis=1),
        ]
    return r.choice(made)


def update(r: random.Random, x: Value, y: Value) -> Operation | None:
    if np.ndim(x) == 0 or np.shape(x)[0] == 0 or np.ndim(y) > np.ndim(x) - 1:
        return None
    n = np.shape(x)[0]
    key: Value = r.choice(
        [
            0,
            -1,
            slice(1, None),
            slice(None, None, -2),
            np.array([r.randrange(-n, n) for _ in range(4)]),
        ]
    )
    name = r.choice(["set", "add", "multiply", "min", "max"])
    if (np.asarray(x).dtype, True) != (
        np.result_type(x, y),
        real(x, y) or name not in {"min", "max"},
    ):
        return None
    ufuncs = {"add": np.add, "multiply": np.multiply, "min": np.minimum, "max": np.maximum}

    def updated(xp: ModuleType, x: Value, y: Value) -> Value:
        if xp is not np:
            return getattr(xp.asarray(x).at[key], name)(y)
        result = x.copy()
        if name == "set":
            result[key] = y
        else:
            ufuncs[name].at(result, key, y)
        return result

    return updated


def contraction(r: random.Random, _x: Value, _y: Value) -> Operation:
    made: list[Operation] = [
        lambda xp, x, y: x @ y,
        lambda xp, x, y: xp.matmul(x, xp.swapaxes(y, -1, -2)),
        lambda xp, x, y: xp.dot(x, y),
        lambda xp, x, y: xp.vdot(x, y),
        lambda xp, x, y: xp.tensordot(x, y, 1),
        lambda xp, x, y: xp.tensordot(x, y, 0),
        lambda xp, x, y: xp.outer(x, y),
        lambda xp, x, y: xp.inner(x, y),
        lambda xp, x, y: xp.kron(x, y),
        lambda xp, x, y: xp.einsum("...i,...i->...", x, y),
        lambda xp, x, y: xp.einsum("ij,kj->ki", x, y),
        lambda xp, x, y: xp.einsum("ij,ij->j", x, y),
        lambda xp, x, y: xp.einsum("ii,j->ij", x, y),
        lambda xp, x, y: xp.vecdot(x, y),
    ]
    contract = r.choice(made)
    # Whether a sum of zeros is +0 or -0 depends on where the sum starts; 0 makes it +0.
    return lambda xp, x, y: contract(xp, x, y) + 0


UNARY: Final[list[Maker]] = [
    entire, shifted, kinked, special, complex_parts, power, reduction, masked_reduction,
    accumulation, shape, shape, basic_index, array_index,
]  # fmt: skip
BINARY: Final[list[Maker]] = [pair, pair, division, selection, update, contraction, contraction]
