"""The graph as a whole: keys, printing, pickling, freeing; linear, and without recursion."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable

import numpy as np
import pytest
from pyrsistent import pmap

import pullback as pb
from pullback.core import Array, Trace, constant, lift, make_node, topological
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from tests.core.nodes import traced, unknown

LONG = 100_000
DEEP = 40


def chain(x: Array, length: int) -> Array:
    """A chain of additions."""
    for _ in range(length):
        x = x + 1.0
    return x


def doubled(x: Array, levels: int) -> Array:
    """A graph of few nodes and very many paths."""
    for _ in range(levels):
        x = x + x
    return x


@pytest.fixture(scope="module")
def long() -> Array:
    return chain(traced(0.0), LONG)


@pytest.fixture(scope="module")
def deep() -> Array:
    return doubled(traced(1.0), DEEP)


def roundtrip(x: Array) -> Array:
    y = pickle.loads(pickle.dumps(x))  # noqa: S301 - our own pickle
    assert isinstance(y, Array)
    return y


@pytest.mark.parametrize(("name", "value"), [("long", float(LONG)), ("deep", 2.0**DEEP)])
def test_deep_graph_hashes_compares_prints_and_copies(
    name: str, value: float, request: pytest.FixtureRequest
) -> None:
    x: Array = request.getfixturevalue(name)
    assert hash(x) == hash(x)
    assert x == value
    assert (x == x).item() is True  # noqa: PLR0124 - the claim
    assert repr(x) == f"Array({value!r}, weak float64, traced add)"
    assert copy.deepcopy(x) is x
    assert copy.deepcopy([x])[0] is x


@pytest.mark.parametrize(
    ("name", "count", "value"), [("long", 2 * LONG + 2, float(LONG)), ("deep", DEEP + 2, 2.0**DEEP)]
)
def test_deep_graph_pickles_with_every_node_once(
    name: str, count: int, value: float, request: pytest.FixtureRequest
) -> None:
    x: Array = request.getfixturevalue(name)
    y = roundtrip(x)
    assert y == value
    assert len(topological([x])) == len(topological([y])) == count
    assert len(y.sources) == 1
    assert y.sources != x.sources


def test_pickled_graph_still_differentiates() -> None:
    x = traced([1.0, 2.0])
    y = roundtrip((x * x * x).sum())
    (inner,) = [node for node in topological([y]) if node.primitive == x.primitive]
    bar = pb.stop_gradient(pb.gradients(y, [inner])[inner])
    np.testing.assert_allclose(bar, [3.0, 12.0])


def test_unknown_node_pickles() -> None:
    x = unknown(2, 3) * 2
    y = roundtrip(x)
    assert y.type == x.type
    assert not y.known


def test_freeing_a_long_graph_does_not_recurse_and_frees_every_node() -> None:
    trace = Trace()
    alive = weakref.ref(trace)
    x = make_node(0.0, Input(), (constant(0.0),), frozenset({trace}))
    y = chain(x, LONG)
    del trace, x
    assert alive() is not None
    del y
    gc.collect()
    assert alive() is None


def test_a_constant_keeps_no_history() -> None:
    x = chain(lift(0.0), 1000)
    assert x.operands == ()
    assert x.primitive is None
    assert len(topological([x])) == 1


def test_what_has_no_derivative_keeps_no_history() -> None:
    x = traced([1.0, 2.0])
    results: list[Value] = [x > 1, x == x, x.argmax(), np.floor(x), pb.stop_gradient(x)]  # noqa: PLR0124 - the claim
    for y in results:
        assert y.operands == ()
        assert not y.sources


# ------------------------------------------------------------------------------------------- keys

VALUES: list[Value] = [
    0.0,
    -0.0,
    float("nan"),
    1.0,
    [1.0, 2.0],
    [1.0, 2.0, 3.0],
    [[1.0], [2.0]],
    [],
]


@pytest.mark.parametrize("make", [lift, pb.asarray, traced])
def test_arrays_are_keys_of_a_map_by_identity(make: Callable[[Value], Array]) -> None:
    keys = [make(value) for value in VALUES * 20]  # equal values share buckets
    found = pmap({key: i for i, key in enumerate(keys)})
    assert len(found) == len(keys)
    assert [found[key] for key in keys] == list(range(len(keys)))
    assert all(key in found for key in keys)
    assert make(1.0) not in found
    assert found.get(make(float("nan"))) is None


def test_key_of_a_crowded_bucket_is_found_set_and_removed() -> None:
    keys = [traced(value) for value in VALUES * 20]
    found = pmap(dict.fromkeys(keys, 0), pre_size=1)
    for i, key in enumerate(keys):
        found = found.set(key, i)
    assert [found[key] for key in keys] == list(range(len(keys)))
    fewer = found.remove(keys[3]).discard(keys[4]).discard(traced(1.0))
    assert len(fewer) == len(keys) - 2
    assert keys[3] not in fewer
    assert keys[5] in fewer
    with pytest.raises(KeyError):
        fewer[keys[3]]


def test_evolver_of_a_map_finds_keys_by_identity() -> None:
    a, b, c = traced([1.0, 2.0]), traced([1.0, 2.0, 3.0]), traced(float("nan"))
    evolver = pmap({a: 1, b: 2}, pre_size=1).evolver()
    evolver[c] = 3
    evolver[a] = 10
    del evolver[b]
    result = evolver.persistent()
    assert dict(result) == {a: 10, c: 3}


def test_maps_are_equal_if_their_arrays_are_the_same_nodes() -> None:
    x, y = lift([1.0, 2.0]), lift([1.0, 2.0])
    assert pmap({"a": x}) == pmap({"a": x})
    assert pmap({"a": x}) != pmap({"a": y})
    assert pmap({x: 1}) != pmap({y: 1})


def test_keys_of_unknown_value_are_found() -> None:
    a, b = unknown(2), unknown(2)
    found = pmap({a: 1, b: 2}, pre_size=1)
    assert (found[a], found[b]) == (1, 2)


def test_arrays_are_keys_of_dicts_and_sets() -> None:
    a, b = lift([1.0, 2.0]), lift([1.0, 2.0])
    assert {a: 1, b: 2}[a] == 1
    assert len({a, b, a}) == 2


def test_comparison_is_elementwise_everywhere_else() -> None:
    x = lift([1.0, 2.0])
    assert isinstance(x == x, Array)  # noqa: PLR0124 - the claim
    other: Value = [1.0, 3.0]
    assert (x == other).tolist() == [True, False]
    reflected: Value = np.array([1.0, 3.0]) == x
    assert reflected.tolist() == [True, False]
    assert (x != 1.0).tolist() == [False, True]


# --------------------------------------------------------------------------------------- printing


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (lift(2.0), "Array(2.0, weak float64)"),
        (pb.asarray(2.0), "Array(2., float64[])"),
        (pb.asarray([1, 2]), "Array([1, 2], int64[2])"),
        (traced(2.0), "Array(2.0, weak float64, input x)"),
        (traced([1.0, 2.0], "w"), "Array([1., 2.], float64[2], input w)"),
        (traced([1.0, 2.0]) * 2, "Array([2., 4.], float64[2], traced multiply)"),
        (unknown(2, 3), "Array(float64[2, 3], input x)"),
        (unknown(2) + 1, "Array(float64[2], traced add)"),
        (pb.asarray([]), "Array([], float64[0])"),
    ],
)
def test_repr_says_value_type_and_origin(node: Array, text: str) -> None:
    assert repr(node) == text


@pytest.mark.parametrize("shape", [(1000, 1000), (30, 30, 30), (7, 7, 7, 7), (2,) * 10])
def test_repr_of_a_large_array_is_short(shape: tuple[int, ...]) -> None:
    text = repr(lift(np.zeros(shape)))
    assert len(text) < 500
    assert "..." in text
    assert text.endswith(f"float64{list(shape)})")
