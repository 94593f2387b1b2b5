"""`vmap`: axes, trees, dtypes, what it returns and what it leaves alone, its cost."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.testing as npt
import pytest
from attrs import frozen
from pyrsistent import pmap, pvector

import pullback as pb
from pullback import nn, random, tree
from pullback.primitives.quantity import Value
from tests.checks import varied
from tests.one_by_one import check_mapped, check_vmap, count_evaluations, grad, values_of, vmap
from tests.primitives.pointwise import complexes, reals

RNG: Final = np.random.default_rng(0)
XS: Final = RNG.standard_normal((4, 3))
CUBE: Final = RNG.standard_normal((2, 3, 4))


@final
@frozen
class Model:
    """A model as users write it."""

    weight: Value
    bias: Value
    name: str = "model"

    def __call__(self, x: Value) -> Value:
        return pb.tanh(self.weight @ x + self.bias)


@final
@dataclass(frozen=True)
class Data:
    """Data as users write it."""

    x: Value
    y: Value


# ---------------------------------------------------------------------------------------- axes


@pytest.mark.parametrize("in_axis", range(-3, 3))
@pytest.mark.parametrize("out_axis", range(-3, 3))
def test_an_axis_may_stand_anywhere_in_arguments_and_results(in_axis: int, out_axis: int) -> None:
    mapped = vmap(lambda x: pb.cumsum(x, axis=0) * 2, in_axis, out_axis)(CUBE)
    check_mapped(
        np.moveaxis(mapped, out_axis, 0), lambda x: pb.cumsum(x, axis=0) * 2, [CUBE], [in_axis]
    )


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (1, 0), (0, 1), (-1, -2)])
def test_each_argument_has_its_own_axis(axes: tuple[int | None, int | None]) -> None:
    square = RNG.standard_normal((3, 3))
    check_vmap(lambda x, y: pb.outer(x, pb.sum(y)) + y, square, square.T * 2, in_axes=axes)


def test_axes_may_be_given_for_each_leaf() -> None:
    params = {"w": CUBE, "b": XS[0], "shared": 2.0, "list": [XS, (XS.T, "text")]}
    axes = ({"w": 1, "b": 0, "shared": None, "list": [1, (0, None)]},)

    def f(p: dict[str, Value]) -> Value:
        first, (second, text) = p["list"]
        assert text == "text"
        return pb.sum(p["w"]) * p["b"] + p["shared"] * first, second

    first, second = vmap(f, axes, (1, 0))(params)
    npt.assert_allclose(first, CUBE.sum((0, 2)) * XS[0] + 2 * XS, rtol=1e-12)
    npt.assert_array_equal(second, XS.T)


def test_models_are_arguments_axes_and_results() -> None:
    model = Model(RNG.standard_normal((5, 2, 3)), RNG.standard_normal((5, 2)))
    npt.assert_allclose(
        vmap(Model.__call__, (0, None))(model, XS[0]),
        np.tanh(model.weight @ XS[0] + model.bias),
        rtol=1e-12,
    )
    shared = Model(0, None)
    npt.assert_allclose(
        vmap(Model.__call__, (shared, None))(Model(model.weight, model.bias[0]), XS[0]),
        np.tanh(model.weight @ XS[0] + model.bias[0]),
        rtol=1e-12,
    )
    slopes = vmap(grad(lambda m, x: pb.sum(m(x))), (0, None))(model, XS[0])
    assert isinstance(slopes, Model)
    assert (slopes.weight.shape, slopes.bias.shape, slopes.name) == ((5, 2, 3), (5, 2), "model")
    data = vmap(lambda d: Data(d.y, d.x * 2), (Data(0, 1),), Data(1, 0))(Data(XS, XS.T))
    npt.assert_array_equal(data.x, XS.T)
    npt.assert_array_equal(data.y, XS * 2)


def test_persistent_containers_and_none_are_trees() -> None:
    tree_in = pmap({"a": pvector([XS, None]), "b": XS[:, 0]})
    found = vmap(lambda t: t.set("b", t["b"] * t["a"][0]))(tree_in)
    npt.assert_array_equal(found["b"], XS[:, :1] * XS)
    assert found["a"][1] is None


def test_keyword_arguments_are_mapped_over_axis_0() -> None:
    def f(x: Value, *, scale: Value, rest: dict[str, Value]) -> Value:
        return x * scale + rest["r"]

    found = vmap(f, in_axes=1)(XS.T, scale=XS[:, 0], rest={"r": XS})
    npt.assert_array_equal(found, XS * XS[:, :1] + XS)
    npt.assert_array_equal(vmap(f, (None,))(2.0, scale=XS[:, 0], rest={"r": XS})[0],
                           2 * XS[0, 0] + XS[0])  # fmt: skip


def test_a_size_may_be_given_where_no_argument_tells_it() -> None:
    npt.assert_array_equal(vmap(lambda: 2.0, size=3)(), np.full(3, 2.0))
    npt.assert_array_equal(vmap(lambda x: x, None, size=2)(XS), np.stack([XS, XS]))
    npt.assert_array_equal(vmap(lambda x: x, size=4)(XS), XS)


def test_methods_and_partials_keep_their_names() -> None:
    def named(x: Value) -> Value:
        """Say what it does."""
        return x

    mapped = vmap(named)
    assert (mapped.__name__, mapped.__doc__) == ("named", "Say what it does.")


# -------------------------------------------------------------------------- results and dtypes


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize(
    "value",
    [
        reals((2, 3), -1, 1),
        reals((), -1, 1),
        reals((2,), -1, 1).astype("f4"),
        complexes((3,), -1, 1),
        np.arange(3, dtype="i4"),
        np.array([True, False]),
        np.zeros((0, 2)),
    ],
)
def test_dtypes_and_shapes_are_those_of_single_calls(value: Value, size: int) -> None:
    def several(x: Value) -> tuple[Value, ...]:
        return x * 2, x + 1.5, pb.sum(x), x == 0, pb.exp(x), 3 * x[..., None], pb.argsort(x.real)

    batch = varied(value, size)
    f = several if np.ndim(value) else lambda x: (x * 2, x + 1.5, x == 0, 1 / (2 + x))
    found = vmap(f)(batch)
    for part, single in zip(found, f(pb.asarray(value)), strict=True):
        assert part.shape == (size, *single.shape)
        assert part.dtype == single.dtype
    if size:
        check_vmap(f, batch)


def test_what_does_not_depend_on_the_batch_is_repeated_or_shared() -> None:
    w = pb.asarray(XS[0])
    repeated, number, integer = vmap(lambda x: (w * 2, 1.5, 7))(XS)
    npt.assert_array_equal(repeated, np.tile(XS[0] * 2, (4, 1)))
    npt.assert_array_equal(number, np.full(4, 1.5))
    assert (number.dtype, integer.dtype) == (np.float64, np.int64)
    assert repeated.flags.writeable
    shared, mapped = vmap(lambda x: (w * 2, x), out_axes=(None, 0))(XS)
    npt.assert_array_equal(shared, XS[0] * 2)
    npt.assert_array_equal(mapped, XS)
    assert vmap(lambda x: 2.5, out_axes=None)(XS) == 2.5


def test_what_is_no_array_is_handed_through() -> None:
    def f(x: Value, how: str, g: Callable[[Value], Value]) -> tuple[Value, str, object]:
        assert how == "text"
        return g(x), how, None

    mapped, text, nothing = vmap(f, (0, None, None))(XS, "text", pb.sin)
    npt.assert_array_equal(mapped, np.sin(XS))
    assert (text, nothing) == ("text", None)
    assert vmap(f)(XS, "text", pb.sin)[1] == "text"


def test_plain_in_plain_out_and_arrays_where_one_came_in() -> None:
    assert type(vmap(pb.sin)(XS)) is np.ndarray
    assert isinstance(vmap(pb.sin)(pb.asarray(XS)), pb.Array)
    assert isinstance(vmap(lambda x, y: x, (0, None))(XS, pb.asarray(1.0)), pb.Array)
    assert isinstance(vmap(lambda x, *, y: x)(XS, y=pb.asarray(XS)), pb.Array)
    closed = pb.asarray(XS[0])
    assert type(vmap(lambda x: x * closed)(XS)) is np.ndarray


# -------------------------------------------------------------------------------- immutability


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x,
        lambda x: (x, x),
        lambda x: x[::-1],
        lambda x: pb.reshape(x, (-1, 1)),
        lambda x: {"a": x.T, "b": pb.real(x), "c": pb.stop_gradient(x)},
        lambda x: pb.broadcast_to(x, (2, 3)),
        lambda x: pb.scan(lambda c, y: (c, y), x, x),
        lambda x: pb.cond(pb.sum(x) > 0, lambda y: y, lambda y: y, x),
        lambda x: pb.cond(True, lambda y: y, lambda y: y, x),
    ],
)
def test_results_share_memory_with_nothing(f: Callable[[Value], object], axis: int) -> None:
    xs = RNG.standard_normal((3, 3))
    results = values_of(vmap(f, axis, axis)(xs))
    for number, result in enumerate(results):
        assert result.flags.writeable
        assert not np.shares_memory(result, xs)
        assert not any(np.shares_memory(result, other) for other in results[:number])


def test_results_share_memory_with_no_constant() -> None:
    w = pb.asarray(XS[0])
    large = pb.asarray(np.ones(5000))
    results = vmap(lambda x: (w, large, x), out_axes=(None, 0, 0))(XS)
    for result in results:
        result[...] = 0
    npt.assert_array_equal(w, XS[0])
    npt.assert_array_equal(large, 1.0)
    program = pb.trace(lambda: pb.asarray([1.0, 2.0]))
    vmap(program, out_axes=None, size=2)()[...] = 0
    npt.assert_array_equal(program(), [1.0, 2.0])


def test_the_callers_array_is_not_kept() -> None:
    xs = XS.copy()
    held = sys.getrefcount(xs)
    y, pushforward = pb.linearize(
        lambda w: pb.sum(vmap(lambda x: pb.sin(x * w) @ x[::-1] + pb.sum(x))(xs)), XS[0]
    )
    gc.collect()
    assert sys.getrefcount(xs) == held
    before = pushforward(np.ones(3))
    xs[...] = np.nan
    assert pushforward(np.ones(3)) == before
    assert np.isfinite(y)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: pb.sum(x * w),
        lambda x, w: pb.sum(x[::-1] @ (w * x)),
        lambda x, w: pb.scan(lambda c, y: (c * y + w[0], c), 1.0, x)[0],
        lambda x, w: pb.sum(pb.concat([x, w * x])),
    ],
)
def test_the_callers_array_may_change_before_the_sweep(
    f: Callable[[Value, Value], Value],
) -> None:
    xs = XS.copy()

    def changed(w: Value) -> Value:
        out = pb.sum(vmap(lambda x: f(x, w))(xs))
        xs[...] = 1e3
        return out

    expected = grad(lambda w: sum(f(x, w) for x in XS))(XS[0])
    npt.assert_allclose(grad(changed)(XS[0]), expected, rtol=1e-12)


# ------------------------------------------------------------------------------ Python's protocols


def test_shapes_lengths_and_iteration_are_known_inside() -> None:
    def f(x: Value) -> Value:
        rows = len(x)
        first, second = x
        assert (x.shape, x.ndim, x.size, x.dtype, rows) == ((2, 3), 2, 6, np.float64, 2)
        assert sum(1 for row in x if row.shape == (3,)) == 2
        total = sum(row * i for i, row in enumerate(x))
        return x.at[0].set(second).sum(axis=1) + x.T.mean() + total[0] + first @ x[-1] + x.max()

    check_vmap(f, RNG.standard_normal((4, 2, 3)))


def test_numpy_functions_work_inside() -> None:
    check_vmap(lambda x: np.sum(np.where(x > 0, np.sin(x), np.exp(x))) + np.dot(x, x), XS)


def test_updates_take_batched_indices_values_and_arrays() -> None:
    x, i, v = XS, np.array([2, 0, -1, 0]), XS[:, 0]
    for axes in ((0, 0, 0), (None, 0, None), (0, None, 0), (None, 0, 0), (0, 0, None)):
        args = [
            whole if axis == 0 else pb.asarray(whole[0])
            for whole, axis in zip((x, i, v), axes, strict=True)
        ]
        for update in ("set", "add", "multiply", "max"):

            def f(x: Value, i: Value, v: Value, update: str = update) -> Value:
                return getattr(pb.asarray(x).at[i], update)(v)

            arrays = [a if axis == 0 else np.asarray(a) for a, axis in zip(args, axes, strict=True)]
            check_vmap(f, *arrays, in_axes=axes)


def test_an_unknown_array_prints_what_it_is() -> None:
    texts: list[str] = []

    def f(p: dict[str, Value]) -> Value:
        texts.append(f"{p['w']} {p['w'] * 2!r}")
        return p

    vmap(f)({"w": XS})
    assert texts == ["Array(float64[3], input p['w']) Array(float64[3], traced multiply)"]


# -------------------------------------------------------------------------------------- random


def test_random_numbers_under_vmap_are_those_of_each_key() -> None:
    keys = random.split(random.key(3), 5)
    draws: list[Callable[[Value], Value]] = [
        lambda k: random.split(k, 3),
        lambda k: random.bits(k, 4),
        lambda k: random.uniform(k, (2, 2), minval=-1.0),
        lambda k: random.normal(k, 3),
        lambda k: random.normal(k, dtype=np.float32),
        lambda k: random.fold_in(k, 7),
    ]
    for f in draws:
        singles = [np.asarray(f(key)) for key in keys]
        npt.assert_array_equal(vmap(f)(keys), np.stack(singles))


def test_a_model_on_a_batch_and_a_batch_of_models() -> None:
    keys = random.split(random.key(0), 3)
    models = vmap(lambda key: nn.MLP.create(key, [3, 5, 2]))(keys)
    found = vmap(lambda m: vmap(m)(XS))(models)
    for number, key in enumerate(keys):
        model = nn.MLP.create(key, [3, 5, 2])
        singles = np.stack([np.asarray(model(pb.asarray(x))) for x in XS])
        npt.assert_allclose(found[number], singles, rtol=1e-12)


# ---------------------------------------------------------------------------------------- cost


@pytest.mark.parametrize(
    "f",
    [
        lambda x: pb.sum(pb.tanh(x @ np.ones((3, 3))) * x[pb.argsort(x)]),
        grad(lambda x: pb.sum(pb.sort(x).at[0].multiply(x[1]) ** 2)),
        lambda x: pb.scan(lambda c, y: (c * y, c), pb.sum(x), x),
        lambda x: pb.cond(x[0] > 0, pb.sin, pb.cos, x),
        lambda x: pb.searchsorted(pb.sort(x), x[0]),
    ],
)
def test_there_is_no_loop_over_the_batch(
    f: Callable[[Value], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = count_evaluations(monkeypatch)
    vmap(f)(RNG.standard_normal((2, 3)))
    few = dict(counts)
    counts.clear()
    vmap(f)(RNG.standard_normal((200, 3)))
    assert few
    assert dict(counts) == few


def test_the_function_is_called_once() -> None:
    calls: list[Value] = []

    def f(x: Value) -> Value:
        calls.append(x)
        return x

    vmap(f)(XS)
    assert len(calls) == 1


def test_what_all_examples_share_is_computed_once() -> None:
    mapped = vmap(lambda x, w: x * pb.sum(pb.exp(w)), (0, None))
    program = pb.trace(mapped, XS, XS[0])
    assert [t.shape for (p, _), t in zip(program.steps, program.types, strict=True)
            if p.name == "exp"] == [(3,)]  # fmt: skip


def test_leaves_are_found_in_trees_of_any_depth() -> None:
    deep: object = XS
    for _ in range(200):
        deep = [deep]
    leaves, _ = tree.flatten(vmap(lambda x: x)(deep))
    npt.assert_array_equal(leaves[0], XS)
