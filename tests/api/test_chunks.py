"""`map_chunked`: the results of `vmap`, with the memory of one chunk."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.testing as npt
import pytest

import pullback as pb
from pullback import random, tree
from pullback.api.chunks import map_chunked as typed_map
from pullback.errors import PullbackError, ShapeError, StructureError
from pullback.primitives.quantity import Value
from tests.one_by_one import grad, values_of, vmap

#: Of functions whose types are nobody's matter here.
map_chunked: Final[Callable[..., Callable[..., Value]]] = typed_map

RNG: Final = np.random.default_rng(0)
XS: Final = RNG.standard_normal((7, 3))
W: Final = RNG.standard_normal((3, 3))

#: In chunks of one, with and without a rest, of all, of more than all.
SIZES: Final = [1, 2, 3, 7, 8]


def check_chunked(f: Callable[..., object], size: int, *args: Value, **axes: Value) -> None:
    """Check the results against those of `vmap`: trees, values, shapes, dtypes."""
    found, expected = map_chunked(f, size, **axes)(*args), vmap(f, **axes)(*args)
    assert tree.structure(found) == tree.structure(expected)
    for one, other in zip(values_of(found), values_of(expected), strict=True):
        if isinstance(other, str):
            assert one == other
        else:
            assert (np.shape(one), np.asarray(one).dtype) == (
                np.shape(other),
                np.asarray(other).dtype,
            )
            npt.assert_allclose(one, other, rtol=1e-12)


FUNCTIONS: Final[list[Callable[[Value], object]]] = [
    lambda x: pb.tanh(W @ x),
    lambda x: {"sum": pb.sum(x), "sign": x > 0, "all": (x.astype("f4"), pb.argsort(x))},
    grad(lambda x: pb.sum(pb.sin(x @ W) ** 2)),
    lambda x: (x, "text", None, 2.0),
    lambda x: pb.scan(lambda c, y: (c * y, c), 1.0, x),
    lambda x: pb.cond(x[0] > 0, pb.sin, pb.cos, x),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("f", FUNCTIONS)
def test_results_are_those_of_vmap(f: Callable[[Value], object], size: int) -> None:
    check_chunked(f, size, XS)


@pytest.mark.parametrize("size", SIZES)
def test_axes_are_those_of_vmap(size: int) -> None:
    cube = RNG.standard_normal((2, 7, 4))
    for out_axis in (0, 1, 2, -1, -3):
        check_chunked(lambda x, y: pb.outer(pb.sum(x, axis=0), y), size, cube, XS,
                      in_axes=(1, 0), out_axes=out_axis)  # fmt: skip
    axes = ({"x": -2, "y": None},)
    check_chunked(lambda d: (d["x"] * d["y"], d["y"] * 2, "text"), size, {"x": cube, "y": 3.0},
                  in_axes=axes, out_axes=(1, None, None))  # fmt: skip
    check_chunked(lambda x: (x, W), size, XS, out_axes=(0, None))


def test_keyword_arguments_are_mapped() -> None:
    def f(x: Value, *, scale: Value) -> Value:
        return x * scale

    found = map_chunked(f, 2)(XS, scale=XS[:, 0])
    npt.assert_array_equal(found, XS * XS[:, :1])


@pytest.mark.parametrize("number", [0, 1])
def test_batches_of_none_and_one(number: int) -> None:
    check_chunked(lambda x: (pb.sum(x), x > 0), 3, XS[:number])


def test_plain_in_plain_out_and_nothing_shared() -> None:
    assert isinstance(map_chunked(pb.sin, 2)(pb.asarray(XS)), pb.Array)
    for size in SIZES:
        found = map_chunked(lambda x: x, size)(XS)
        assert type(found) is np.ndarray
        assert found.flags.writeable
        assert not np.shares_memory(found, XS)


def test_the_function_is_called_once_for_the_chunks_and_once_for_the_rest() -> None:
    calls: list[Value] = []

    def f(x: Value) -> Value:
        calls.append(x)
        return x * 2

    map_chunked(f, 3)(XS[:6])
    assert len(calls) == 1
    map_chunked(f, 3)(XS)
    assert len(calls) == 3


@pytest.mark.parametrize("size", SIZES)
def test_derivatives_are_those_of_vmap(size: int) -> None:
    def f(x: Value, w: Value) -> Value:
        return pb.sum(pb.tanh(w * x)) * x[0]

    def loss(map_over: Callable[..., Value], xs: Value, w: Value) -> Value:
        return pb.sum(map_over(f, (0, None))(xs, w) ** 2)

    def chunked(f: Callable[..., Value], axes: Value) -> Callable[..., Value]:
        return map_chunked(f, size, axes)

    w = np.array([0.5, -1.0, 2.0])
    found = grad(loss, (1, 2))(chunked, XS, w)
    for one, other in zip(found, grad(loss, (1, 2))(vmap, XS, w), strict=True):
        npt.assert_allclose(one, other, rtol=1e-12)
    curvature = pb.jvp(grad(lambda w: loss(chunked, XS, w)), w, w)[1]
    expected = pb.jvp(grad(lambda w: loss(vmap, XS, w)), w, w)[1]
    npt.assert_allclose(curvature, expected, rtol=1e-10)
    batch = np.stack([w, 2 * w])
    npt.assert_allclose(
        vmap(lambda w: chunked(f, (0, None))(XS, w))(batch),
        np.stack([vmap(f, (0, None))(XS, w) for w in batch]),
        rtol=1e-12,
    )


def test_random_numbers_are_those_of_each_key() -> None:
    keys = random.split(random.key(1), 5)
    npt.assert_array_equal(
        map_chunked(lambda key: random.normal(key, 4), 2)(keys),
        vmap(lambda key: random.normal(key, 4))(keys),
    )


def peak(call: Callable[[], object]) -> int:
    """The memory that a call takes at most, in bytes."""
    call()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def wide(x: Value) -> Value:
    """A small result of a large intermediate one: 10⁴ numbers for each example."""
    grid = np.linspace(0, 1, 10_000)
    return pb.sum(pb.sin(x[0] * grid) * x[1])


def test_memory_is_that_of_a_chunk() -> None:
    xs = RNG.standard_normal((200, 2))
    whole, chunked = peak(lambda: vmap(wide)(xs)), peak(lambda: map_chunked(wide, 10)(xs))
    assert whole > 200 * 10_000 * 8
    assert chunked < 5 * 10 * 10_000 * 8


def test_memory_of_a_gradient_is_that_of_a_chunk() -> None:
    xs = RNG.standard_normal((200, 2))
    whole = peak(lambda: grad(lambda x: pb.sum(vmap(wide)(x)))(xs))
    chunked = peak(lambda: grad(lambda x: pb.sum(map_chunked(wide, 10)(x)))(xs))
    assert whole > 2 * 200 * 10_000 * 8
    assert chunked < 10 * 10 * 10_000 * 8


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: map_chunked(pb.sin, 0)(XS), ShapeError, "map_chunked: size: expected at least 1"),
        (lambda: map_chunked(pb.sin, 2, 5)(XS), ShapeError, "map_chunked: x has shape (7, 3), and"),
        (lambda: map_chunked(pb.sin, 2, None)(XS), ShapeError, "map_chunked: no argument of sin"),
        (lambda: map_chunked(pb.sin, 2, 0, 2)(XS), ShapeError, "map_chunked: out_axes is 2 for"),
        (lambda: map_chunked(pb.sin, 2, 0, None)(XS), ShapeError, "which differs between"),
        (lambda: map_chunked(pb.sin, 2, 0, "x")(XS), StructureError, "map_chunked: out_axes for"),
    ],
)
def test_errors_are_those_of_vmap(
    call: Callable[[], object], error: type[PullbackError], text: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)
