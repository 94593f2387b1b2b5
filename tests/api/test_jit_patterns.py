"""How calls are recognised: arguments that look alike are told apart, by class, type and tree."""

from __future__ import annotations

import pickle
from itertools import product
from typing import Any, Final  # noqa: TID251 - arguments of whatever kind a row has

import numpy as np
import pytest

import pullback as pb
from pullback import Array, jit, tree
from tests.lambdas import of

X: Final = np.linspace(-1.0, 1.0, 6)
COPY: Final = pickle.loads(pickle.dumps(X))  # noqa: S301 - our own bytes; its dtype is a copy
READ_ONLY: Final = X + 3
READ_ONLY.flags.writeable = False


class Special(np.ndarray[tuple[int, ...], np.dtype[np.float64]]):
    """A class of arrays."""


#: Leaves that are easily mistaken for each other.
LEAVES: Final[dict[str, Any]] = {
    "array": X,
    "read-only array": READ_ONLY,
    "with a copy of a dtype": COPY,
    "in steps": np.repeat(X, 2)[::2],
    "backwards": X[::-1],
    "other byte order": X.astype(">f8"),
    "single precision": X.astype(np.float32),
    "of a subclass": X.view(Special),
    "longer": np.linspace(0.0, 1.0, 7),
    "of more axes": X.reshape(2, 3),
    "of one element": X[:1],
    "of ours": pb.asarray(X),
    "of ours, single precision": pb.asarray(X.astype(np.float32)),
    "scalar": np.float64(0.5),
    "rank 0": np.array(0.5),
    "scalar of ours": pb.asarray(np.float64(0.5)),
    "float": 0.5,
    "float of ours": pb.asarray(0.5),
    "integer": 3,
    "bool": True,
}


def f(args: Any) -> Any:  # noqa: ANN401 - a pair
    x, (y,) = args
    return {"sum": x + y, "parts": [y * 2.0, (x,)]}


def looks(result: Any) -> list[object]:  # noqa: ANN401 - a tree
    """Return classes, dtypes and values of the leaves."""
    leaves: list[Any] = tree.leaves(result)
    return [
        (type(leaf), np.asarray(leaf).dtype, np.shape(leaf), np.asarray(leaf).tolist())
        for leaf in leaves
    ]


@pytest.mark.parametrize("name", LEAVES)
def test_other_arguments_are_told_from_those_of_the_last_call(name: str) -> None:
    jitted = jit(f)
    for other, place in product(LEAVES.values(), range(2)):
        usual = (LEAVES[name], (X[0],))
        odd = (other, (X[0],)) if place == 0 else (LEAVES[name], (other,))
        if np.shape(odd[0]) not in {(), np.shape(odd[1][0])} and np.shape(odd[1][0]) != ():
            continue  # these do not go together
        for args in (usual, usual, odd, usual, odd):
            assert looks(jitted(args)) == looks(jit(f)(args))


CONTAINERS: Final[dict[str, Any]] = {
    "tuples": (X, (X,)),
    "lists": [X, [X]],
    "a list in a tuple": (X, [X]),
    "a tuple in a list": [X, (X,)],
}


def test_containers_of_other_classes_are_told_apart() -> None:
    jitted = jit(lambda pair: (type(pair).__name__, type(pair[1]).__name__, pair[0] + pair[1][0]))
    for pair in [*CONTAINERS.values(), *CONTAINERS.values(), *reversed(CONTAINERS.values())]:
        outer, inner, total = jitted(pair)
        assert (outer, inner) == (type(pair).__name__, type(pair[1]).__name__)
        np.testing.assert_array_equal(total, 2 * X)


def test_other_numbers_of_arguments_are_told_apart() -> None:
    total = jit(of(lambda xs: sum(xs, 0)))
    for number in (1, 2, 1, 3, 3, 2, 0):
        assert total((1.5,) * number) == total([1.5] * number) == 1.5 * number


def test_an_array_of_an_outer_transform_is_no_array_of_numbers() -> None:
    square = jit(lambda x: pb.sum(x * x))
    x = pb.asarray(X)
    for _ in range(3):
        square(x)
        np.testing.assert_allclose(pb.grad(square)(X), 2 * X)
    (batched,) = [pb.vmap(square)(pb.asarray(X.reshape(2, 3)))]
    np.testing.assert_allclose(batched, (X * X).reshape(2, 3).sum(axis=1))


def test_results_of_a_call_are_arguments_of_the_next() -> None:
    step = jit(lambda state: tuple([(w - 0.5 * w, b + 1.0) for w, b in state]))
    for convert in (np.array, pb.asarray):
        state = tuple([(convert(X), convert(np.float64(k))) for k in range(3)])
        for _ in range(4):
            state = step(state)
        kind = Array if convert is pb.asarray else np.ndarray
        assert all(type(w) is kind for w, _ in state)
        np.testing.assert_array_equal(np.asarray(state[2][0]), X / 16)
        assert float(state[2][1]) == 6.0
    assert len(step.traces) == 1


def test_a_stale_trace_is_not_used_for_arguments_that_it_fits() -> None:
    scale = np.array([2.0])
    scaled = jit(lambda x: x * scale)
    for value in (2.0, 3.0, 3.0, 5.0):
        scale[0] = value
        np.testing.assert_array_equal(scaled(X), X * value)
        np.testing.assert_array_equal(scaled(X[:3]), X[:3] * value)
