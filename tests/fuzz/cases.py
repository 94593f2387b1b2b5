"""Random programs over all public functions, and values for them that are anything but nice.

A case is a row of the table of functions with other shapes, dtypes and neighbours, or a random
program of many steps; it is put into loops, branches, batches and calls, and transformed.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias, final

import numpy as np
from attrs import frozen

import pullback as pb
from pullback import nn, tree
from pullback.core.program import Program
from pullback.errors import PullbackError
from pullback.primitives.quantity import NUMBERS, Value
from tests.api.test_vmap_functions import BINARY, ROWS, UNARY, Row
from tests.fuzz.dressings import DRESSINGS, Piece, dress, is_inexact, seeded
from tests.fuzz.operations import basic_index
from tests.fuzz.programs import random_program
from tests.fuzz.test_dressed_programs import TRANSFORMS

Values: TypeAlias = tuple[Value, ...]
#: Of random decisions, a function, and what it is called with.
Transform: TypeAlias = Callable[[random.Random, Piece, Values], Piece]

_SHAPES: Final[list[tuple[int, ...]]] = [
    (), (1,), (3,), (8,), (33,), (130,), (0,), (1, 3), (2, 3), (5, 17), (3, 1), (2, 0), (0, 3),
    (2, 1, 3), (4, 1, 1), (2, 3, 5), (2, 1, 2, 3), (1, 1, 1, 1), (3, 2, 0, 2), (257,), (20, 30),
    (1, 300), (9, 1, 33),
]  # fmt: skip
_DTYPES: Final = ["f8", "f8", "f8", "f4", "f4", "f2", "i8", "i4", "i1", "u1", "u4", "u8", "?"]
_EDGES: Final = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, np.inf, -np.inf, np.nan, np.pi, 1e-3, -1e-3, 88.0,
    -104.0, 709.9, -745.2, 1e5, 1e15, -1e22, 0.1, 1 / 3,
]  # fmt: skip
_ELEMENTWISE: Final = {*UNARY, *BINARY, "clip", "where", "nan_to_num", "acosh"}


@final
@frozen
class Case:
    """A program, and points at which to run it."""

    label: str
    program: Program
    points: tuple[Values, ...]


def draw_case(seed: int) -> Case | None:
    """Return the case of a seed; None if what was drawn does not fit together."""
    r = seeded(seed)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _random_case(r) if r.random() < 0.3 else _row_case(r)
        except (PullbackError, OverflowError):
            return None


def _random_case(r: random.Random) -> Case:
    """Draw a program of many steps, with pieces in loops and the like, and a transform."""
    program = random_program(r, r.randint(2, 9))
    dressed, transform, decisions = dress(r, program), r.choice(TRANSFORMS[:-7]), r.randrange(2**32)
    traced = pb.trace(lambda x: transform(seeded(decisions), dressed, x), program.inputs)
    point = tuple(program.inputs)
    return Case("random program", traced, (point, *[edgy(r, point) for _ in range(2)]))


def _row_case(r: random.Random) -> Case:
    """Draw a row of the table of functions, with other arguments, in other surroundings."""
    name, f, values = _drawn_row(r) if r.random() < 0.4 else r.choice(ROWS)
    if name in _ELEMENTWISE and r.random() < 0.7:
        values = tuple([_reshaped(r, value) for value in values])
    values = tuple([_converted(r, value) for value in values])
    if r.random() < 0.2:
        values = tuple([_weak(value) for value in values])
    piece = _surrounded(r, lambda *xs: tuple(_arrays(f(*xs))), values)
    labels = [name]
    for _ in range(r.choice([0, 0, 1, 1, 2])):
        made = [np.asarray(y) for y in _evaluated(piece, values)]
        if r.random() < 0.5:
            change = r.choice(_TRANSFORMS)
            piece = change(r, piece, values)
            labels.append(change.__name__)
        else:
            dressing, decisions = r.choice(DRESSINGS), r.randrange(2**32)
            piece = _dressed(dressing, decisions, piece, made)
            labels.append(dressing.__name__)
    program = pb.trace(piece, *values)
    edges = name in _ELEMENTWISE or all(map(is_inexact, values))
    points = [values, *[edgy(r, values) for _ in range(2)]] if edges else [values]
    return Case(" in ".join(labels), program, tuple(points))


def _dressed(dressing: Value, decisions: int, piece: Piece, made: Sequence[Value]) -> Piece:
    return lambda *xs: tuple(dressing(seeded(decisions), piece, xs, made))


def _arrays(result: Value) -> list[Value]:
    values: list[Value] = tree.leaves(result)
    leaves = [pb.asarray(value) for value in values]
    return [leaf for leaf in leaves if leaf.dtype.kind in "biufc"]


def _evaluated(piece: Piece, values: Values) -> list[Value]:
    return pb.trace(piece, *values).evaluate(values)


def _drawn_row(r: random.Random) -> Row:
    """Draw a function that depends on shapes, with arguments that fit."""
    shape = r.choice([shape for shape in _SHAPES if shape])
    axis = r.randrange(len(shape))
    x, n = _normal(r, shape), shape[axis]
    whole = (slice(None),) * axis
    index = np.array([r.randrange(-n, n) for _ in range(r.choice([1, 4, 9]))] if n else [], np.intp)
    a, b, c, d = (r.choice([1, 2, 3, 5, 8, 16, 17, 31]) for _ in range(4))
    name = r.choice([*_ALONG, *_PRODUCTS, *_INDEXED, "conv", "max_pool", "reduce", "slice"])
    match name:
        case "reduce":
            axes = tuple(r.sample(range(len(shape)), r.randint(1, len(shape))))
            f, keep = getattr(pb, r.choice(_REDUCTIONS)), r.random() < 0.5
            return name, lambda x: f(x, axis=axes, keepdims=keep), (x,)
        case "slice":
            operation = basic_index(r, x)
            return name, lambda x: operation(pb, pb.asarray(x)), (x,)
        case "conv":
            kernel, image = _normal(r, (a, d, min(b, 3))), _normal(r, (2, d, b + c))
            options = {"stride": r.choice([1, 2]), "padding": r.choice([0, 1, 2])}
            return name, lambda x, k: nn.conv(x, k, **options), (image, kernel)
        case "max_pool":
            options = {"stride": r.choice([1, 2]), "padding": r.choice([0, 1])}
            return name, lambda x: nn.max_pool(x, 2, **options), (_normal(r, (2, a, b + 1)),)
        case _ if name in _PRODUCTS:
            left, right = _PRODUCTS[name]
            sizes = dict(zip("abcd", (a, b, c, d), strict=True))
            xs = [_normal(r, tuple([sizes[label] for label in labels])) for labels in (left, right)]
            return name, lambda x, y: pb.einsum(name, x, y), tuple(xs)
        case _ if name in _INDEXED:
            change = _INDEXED[name]
            return name, lambda x, i: change(pb.asarray(x), (*whole, i)), (x, index)
        case _:
            f = _ALONG[name]
            return name, lambda x: f(x, axis), (x,)


def _normal(r: random.Random, shape: tuple[int, ...]) -> Value:
    return np.random.default_rng(r.randrange(2**32)).standard_normal(shape)


_REDUCTIONS: Final = ["sum", "prod", "max", "min", "mean", "std", "logsumexp", "any", "all"]
_ALONG: Final[dict[str, Callable[[Value, int], Value]]] = {
    "sort along": lambda x, axis: pb.sort(x, axis=axis),
    "argsort along": lambda x, axis: pb.argsort(x, axis=axis, descending=True),
    "sum along": lambda x, axis: pb.cumulative_sum(x, axis=axis),
    "product along": lambda x, axis: pb.cumulative_prod(x, axis=axis),
    "argmax along": lambda x, axis: pb.argmax(x, axis=axis) if np.size(x) else x,
    "argmin along": lambda x, axis: pb.argmin(x, axis=axis) if np.size(x) else x,
    "softmax along": lambda x, axis: nn.softmax(x, axis=axis),
    "diff along": lambda x, axis: pb.diff(x, axis=axis),
    "roll along": lambda x, axis: pb.roll(x, 2, axis=axis),
}
_INDEXED: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "gather at": lambda x, key: x[key],
    "set at": lambda x, key: x.at[key].set(7),
    "add at": lambda x, key: x.at[key].add(x[key] * 2),
    "max at": lambda x, key: x.at[key].max(1),
    "multiply at": lambda x, key: x.at[key].multiply(3),
}
_PRODUCTS: Final = {
    "ab,bc->ac": ("ab", "bc"), "ba,bc->ac": ("ba", "bc"), "ab,cb->ac": ("ab", "cb"),
    "ba,cb->ca": ("ba", "cb"), "dab,dbc->dac": ("dab", "dbc"), "ab,b->a": ("ab", "b"),
    "ab,a->b": ("ab", "a"), "a,b->ab": ("a", "b"), "a,a->": ("a", "a"), "ab,ab->a": ("ab", "ab"),
    "dab,bc->dac": ("dab", "bc"), "abc,dc->dab": ("abc", "dc"), "abcd,db->ac": ("abcd", "db"),
}  # fmt: skip


# ----------------------------------------------------------------------------------------- values


def _reshaped(r: random.Random, value: Value) -> Value:
    """Return elements of an array in another shape."""
    shape = r.choice(_SHAPES)
    elements = np.resize(np.asarray(value).ravel(), shape) if np.size(value) else np.zeros(shape)
    return elements.astype(np.asarray(value).dtype)[()]


def _converted(r: random.Random, value: Value) -> Value:
    """Return an array of floats in another dtype."""
    if r.random() < 0.4 or np.asarray(value).dtype.kind not in "fc":
        return value
    if np.iscomplexobj(value):
        return value.astype(r.choice(["c8", "c16"]))
    dtype = np.dtype(r.choice(_DTYPES))
    scaled = value * 5 if dtype.kind in "iu" else value
    return np.abs(scaled).astype(dtype) if dtype.kind == "u" else scaled.astype(dtype)


def _weak(value: Value) -> Value:
    return value.item() if isinstance(value, np.generic) else value


def edgy(r: random.Random, point: Values) -> Values:
    """Return a point of the same types with special numbers here and there."""
    share = r.choice([0.02, 0.3, 1.0])
    return tuple([_edged(r, value, share) for value in point])


def _laid_out(r: random.Random, array: Value) -> Value:
    """Return an array with its elements in another order in memory, or not aligned."""
    match r.randrange(6):
        case 0:
            return array[::-1].copy()[::-1]
        case 1:
            return np.asfortranarray(array)
        case 2:
            return np.repeat(array, 2, axis=-1)[..., ::2]
        case 3:
            whole = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
            whole[...] = array
            return whole
        case _:
            return array


def _edged(r: random.Random, value: Value, share: float) -> Value:
    if value.__class__ in NUMBERS:
        edge = _edge(r, np.asarray(value).dtype).item()
        return edge if r.random() < share else value
    array = np.array(value)
    flat = array.reshape(-1)
    ties = [_edge(r, array.dtype) for _ in range(r.choice([1, 2, 1000]))]
    for k in range(flat.size):
        if r.random() < share:
            flat[k] = r.choice(ties)
    return _laid_out(r, array) if array.ndim else array[()]


def _edge(r: random.Random, dtype: np.dtype[np.generic]) -> Value:
    """Draw a special number of a dtype."""
    match dtype.kind:
        case "b":
            return np.bool_(r.random() < 0.5)
        case "i" | "u":
            info: Value = np.iinfo(dtype.name)
            most = [info.min, info.max, info.min + 1, info.max - 1, 0, 1, 2, 3, 7, 63]
            return dtype.type(r.choice(most))
        case "c":
            part = np.dtype("f4" if dtype.itemsize == 8 else "f8")
            return dtype.type(complex(float(_edge(r, part)), float(_edge(r, part))))
        case _:
            limits: Value = np.finfo(dtype.name)
            most = [limits.max, limits.tiny, limits.smallest_subnormal, limits.eps, -limits.max]
            drawn = r.choice([*_EDGES, *map(float, most), r.uniform(-4, 4), r.gauss(0, 1e3)])
            return dtype.type(drawn)


# ----------------------------------------------------------------------------------- surroundings

_BEFORE: Final[list[Callable[[Value], Value]]] = [
    lambda x: x * 1,
    lambda x: pb.where(x > 0, x, x + 0),
    lambda x: pb.flip(pb.flip(x)),
    lambda x: pb.reshape(pb.reshape(x, -1), np.shape(x)),
    lambda x: pb.permute_dims(x, tuple(range(np.ndim(x)))),
    lambda x: pb.maximum(x, x - 1),
    lambda x: x * 0.5 + x * 0.5,
]
_AFTER: Final[list[Callable[[Value], Value]]] = [
    lambda y: y + y,
    pb.sum,
    lambda y: pb.max(y) if y.size and y.dtype.kind != "c" else y,
    lambda y: pb.mean(y, axis=0) if y.ndim else y,
    lambda y: pb.reshape(y, -1),
    lambda y: pb.exp(-pb.abs(y)),
    lambda y: pb.concat([pb.reshape(y, -1), pb.reshape(y, -1) * 2]),
    lambda y: y - pb.mean(y),
    lambda y: pb.flip(y) > 0 if y.dtype.kind != "c" else y,
    lambda y: pb.cumulative_sum(pb.reshape(y, -1)),
    lambda y: pb.permute_dims(y, tuple(range(y.ndim))[::-1]) * 3,
]


def _surrounded(r: random.Random, piece: Piece, values: Values) -> Piece:
    """Return a function with simple ones before and after it, to be merged with it."""
    before = [r.choice(_BEFORE) if r.random() < 0.3 and is_inexact(v) else None for v in values]
    after = r.choice(_AFTER) if r.random() < 0.4 else None

    def whole(*xs: Value) -> Values:
        ys = piece(*[x if g is None else g(x) for g, x in zip(before, xs, strict=True)])
        return ys if after is None else (*ys, *map(after, ys))

    return whole


# ------------------------------------------------------------------------------------- transforms


def _split(values: Values) -> tuple[list[int], Values]:
    """Return which values are inexact, and these."""
    chosen = [k for k, value in enumerate(values) if is_inexact(value)]
    return chosen, tuple([values[k] for k in chosen])


def _with(values: Values, chosen: list[int], some: Iterable[Value]) -> Values:
    merged = list(values)
    for k, value in zip(chosen, some, strict=True):
        merged[k] = value
    return tuple(merged)


def _loss(ys: Values) -> Value:
    """Add up results with weights."""
    total: Value = 0.0
    for y in ys:
        if y.dtype.kind in "fc":
            weights = np.linspace(-1.0, 1.7, y.size).reshape(y.shape).astype(y.real.dtype)
            total = total + pb.sum(pb.real(y) * weights) + pb.sum(pb.imag(y) * (1 - weights))
    return total


def gradient(_: random.Random, piece: Piece, values: Values) -> Piece:
    chosen, _some = _split(values)
    if not chosen:
        return piece

    def f(*xs: Value) -> Values:
        some = tuple([xs[k] for k in chosen])
        value, slopes = pb.value_and_grad(lambda s: _loss(piece(*_with(xs, chosen, s))))(some)
        return value, *slopes

    return f


def pushforward(_: random.Random, piece: Piece, values: Values) -> Piece:
    chosen, _some = _split(values)
    if not chosen:
        return piece

    def f(*xs: Value) -> Values:
        some = tuple([xs[k] for k in chosen])
        ys, dots = pb.jvp(lambda s: piece(*_with(xs, chosen, s)), some, some)
        return tuple(_arrays((ys, dots)))

    return f


def curvature(_: random.Random, piece: Piece, values: Values) -> Piece:
    chosen, _some = _split(values)
    if not chosen:
        return piece

    def f(*xs: Value) -> Values:
        some = tuple([xs[k] for k in chosen])
        return tuple(pb.hvp(lambda s: _loss(piece(*_with(xs, chosen, s))), some, some))

    return f


def batched(r: random.Random, piece: Piece, values: Values) -> Piece:
    size = r.choice([0, 1, 3])
    flags = [r.random() < 0.6 for _ in values]
    axes = tuple([0 if flag else None for flag in flags])

    def f(*xs: Value) -> Values:
        wholes = [
            pb.broadcast_to(pb.asarray(x), (size, *np.shape(x))) if flag else x
            for x, flag in zip(xs, flags, strict=True)
        ]
        return pb.vmap(piece, axes, size=size)(*wholes)

    return f


def jitted(_: random.Random, piece: Piece, _values: Values) -> Piece:
    return pb.jit(piece)


_TRANSFORMS: Final[list[Transform]] = [
    gradient, gradient, pushforward, curvature, batched, jitted,
]  # fmt: skip
