"""Patterns of dependence: an entry that a pattern has not is a derivative that is zero.

The reference is no derivative at all: an element of the argument is moved by a little, and every
element of the value that is not said to depend on it must keep its bits. What must be found
exactly is written down by hand.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, final

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import hessian_sparsity, jacobian_sparsity
from pullback.core import Array, Trace, apply, constant, make_node, topological
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.contraction import Contract
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.identity import Input
from pullback.primitives.linear import Linear
from pullback.primitives.quantity import Quantity, Value
from pullback.primitives.reduction import Softmax
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.sorting import Sort
from pullback.transforms.sparsity import dependencies
from pullback.types import ArrayType
from tests.fuzz.programs import random_program
from tests.transforms.dependence import CASES, Function, argument


def pattern_of(f: Function, x: Value) -> Value:
    return jacobian_sparsity(f)(x).toarray()


def moved_by(f: Function, x: Value, change: float = 1e-7) -> Value:
    """Which elements of the value change when an element of the argument does, by doing so."""

    def value(x: Value) -> Value:
        return np.ravel(np.asarray(f(pb.asarray(x))))

    columns = [~same(value(x), value(x + change * one.reshape(x.shape))) for one in np.eye(x.size)]
    return np.stack(columns, axis=1) if columns else np.zeros((value(x).size, 0), np.bool_)


def same(a: Value, b: Value) -> Value:
    """Which elements are equal, bit for bit but for the kind of nan."""
    return (a == b) | ((a != a) & (b != b))  # noqa: PLR0124 - nan alone differs from itself


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_in_the_pattern_does_not_move(name: str) -> None:
    shape, f = CASES[name]
    x = argument(shape)
    pattern = pattern_of(f, x)
    assert not (moved_by(f, x) & ~pattern).any()


#: Cases whose pattern has entries that are zero: unions over what a choice by value may take, and
#: products with a zero that is not looked at.
LOOSE: Final = {
    "constant zero", "maximum", "where", "where of rank 0", "max", "min", "at.max", "remainder",
    "at.max of a constant", "at.min on a constant", "recurrence", "recurrence from the end",
    "gradient of where", "gradient of max", "power", "complex",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES.keys() - LOOSE))
def test_what_is_in_the_pattern_moves(name: str) -> None:
    shape, f = CASES[name]
    x = argument(shape)
    assert (moved_by(f, x, 0.01) == pattern_of(f, x)).all()


#: Every primitive whose reads are known more closely than "all of each operand", other than the
#: elementwise ones.
PRECISE: Final = {
    "BroadcastTo", "Cast", "Concat", "Conjugate", "Contract", "Cumprod", "Cumsum", "Flip", "Gather",
    "Imag", "Logsumexp", "Max", "Min", "PadSlice", "Prod", "Real", "Recurrence", "Reshape",
    "ScatterAdd", "ScatterExtreme", "ScatterSet", "Slice", "SliceSet", "Softmax", "Sort", "Sum",
    "Transpose", "Where",
}  # fmt: skip


def recorded(f: Function, x: Value) -> list[Array]:
    trace = Trace()
    node = make_node(x, Input(), (constant(x),), frozenset({trace}))
    out = f(node)
    return topological([out] if isinstance(out, Array) else [], trace)


def test_cases_have_every_primitive_that_is_known_closely() -> None:
    seen = {
        type(node.primitive).__name__
        for shape, f in CASES.values()
        for node in recorded(f, argument(shape))
    }
    assert seen >= PRECISE


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: pb.stack([x[0] * x[2], x[1]]), ["101", "010"]),
        (lambda x: x[::-1], ["001", "010", "100"]),
        (pb.cumulative_sum, ["100", "110", "111"]),
        (lambda x: x[np.array([1, 1])], ["010", "010"]),
        (pb.zeros(2).at[np.array([1, 1, 0])].add, ["001", "110"]),
        (pb.zeros(2).at[np.array([1, 1, 0])].set, ["001", "010"]),
        (lambda x: x.at[1].set(0.0), ["100", "000", "001"]),
        (lambda x: np.array([[1.0, 0.0, 0.0], [0.0, np.nan, np.inf]]) @ x, ["100", "011"]),
        (lambda x: apply(Softmax((0,)), x[:2]), ["110", "110"]),
        (pb.diff, ["110", "011"]),
        (lambda x: pb.sum(x[:0]), ["000"]),
        (lambda x: pb.where(x[0] > 0, x[1], x[2]), ["011"]),
        (pb.sort, ["010", "100", "001"]),  # of (2, 1, 3)
    ],
)
def test_pattern_is_the_one_written_down(f: Function, expected: list[str]) -> None:
    found = pattern_of(f, np.array([2.0, 1.0, 3.0]))
    assert ["".join("01"[int(bit)] for bit in row) for row in found] == expected


def test_values_that_are_not_finite_count_as_any_others() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, 1.0])
    assert (pattern_of(lambda x: pb.where(x > 0, x, 2.0) * x, x) == np.eye(5, dtype=bool)).all()
    assert (pattern_of(lambda x: pb.sort(x)[:2], x) == [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]).all()


def test_equal_elements_are_sorted_as_their_derivative_is() -> None:
    x = np.array([1.0, 0.0, 1.0, 0.0])
    for descending in (False, True):

        def f(x: Value, *, descending: bool = descending) -> Value:
            return pb.sort(x, descending=descending)

        rows = [pb.vjp(f, x)[1](one) for one in np.eye(4)]
        assert (pattern_of(f, x) == (np.array(rows) != 0)).all()


def test_argument_and_value_may_be_empty_or_of_rank_0() -> None:
    assert jacobian_sparsity(lambda x: x * 2.0)(np.zeros(0)).shape == (0, 0)
    assert jacobian_sparsity(pb.sum)(np.zeros((0, 3))).toarray().shape == (1, 0)
    assert jacobian_sparsity(lambda x: np.zeros((2, 0)) @ x)(np.zeros((0, 3))).shape == (6, 0)
    assert jacobian_sparsity(lambda x: x * x)(2.0).toarray().tolist() == [[True]]


# ------------------------------------------------------------------------ what is not known closely


@final
class Foreign(Linear):
    """An operation that nothing knows: each element is the sum of all."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return np.full_like(values[0], values[0].sum())

    def infer(self, *types: ArrayType) -> ArrayType:
        return types[0]

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        return self(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        raise NotImplementedError


def test_unknown_operation_depends_on_all_that_its_operands_depend_on() -> None:
    found = pattern_of(lambda x: apply(Foreign(), x[1:3] * x[0])[:1], np.ones(5))
    assert found.tolist() == [[True, True, True, False, False]]


def test_parts_of_a_bundle_depend_on_all_that_went_into_it() -> None:
    def f(x: Array) -> Array:
        bundle = apply(Pack(), x[0] * x[1], x[3:5], constant(2.0))
        return apply(Unpack(1), bundle)

    assert pattern_of(f, np.ones(6)).tolist() == [[True, True, False, True, True, False]] * 2


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: pb.scan(lambda c, a: (c * a, c), x[0], x[1:3])[0], ["1110"]),
        (lambda x: pb.fori_loop(0, 3, lambda i, y: y * y, x[:2]), ["1100", "1100"]),
        (lambda x: pb.while_loop(lambda y: y[0] < 9, lambda y: y * 2, x[2:]), ["0011", "0011"]),
        (lambda x: pb.vmap(lambda a: a * x[0])(x[1:]), ["1100", "1010", "1001"]),
    ],
)
def test_control_flow_is_conservative_and_batching_is_exact(
    f: Function, expected: list[str]
) -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    assert ["".join("01"[int(bit)] for bit in row) for row in pattern_of(f, x)] == expected
    assert not (moved_by(f, x) & ~pattern_of(f, x)).any()


def unknown(value: Value) -> Array:
    """A node of another trace, without a value."""
    value = np.asarray(value)
    return make_node(ArrayType(value.shape, value.dtype), Input(), (), frozenset({Trace()}))


ONE_AXIS: Final = Gather((0,), 0)


@pytest.mark.parametrize(
    ("f", "reads"),
    [
        (lambda x, i: apply(ONE_AXIS, x[:4], i), 4),
        (lambda x, i: apply(ScatterAdd((5,), ONE_AXIS), x[:2], i), 2),
        (lambda x, i: apply(ScatterSet(ONE_AXIS), x[:3], x[4:6], i), 5),
        (lambda x, i: apply(ScatterExtreme(ONE_AXIS, least=False), x[:3], x[4:6], i), 5),
        (lambda x, i: apply(Sort(0, descending=False), x[:2] * i), 2),
    ],
)
def test_unknown_indices_may_select_anything(
    f: Callable[[Array, Array], Array], reads: int
) -> None:
    trace = Trace()
    x = make_node(np.ones(6), Input(), (), frozenset({trace}))
    found = dependencies(x, f(x, unknown([1, 0])), trace)
    assert found.lengths.tolist() == [reads] * found.shape[0]


def test_factor_without_value_may_be_nowhere_zero() -> None:
    trace = Trace()
    x = make_node(np.ones(3), Input(), (), frozenset({trace}))
    y = apply(Contract((0, 1), (1,), (0,)), unknown(np.zeros((2, 3))), x)
    assert dependencies(x, y, trace).lengths.tolist() == [3, 3]


def test_factor_that_an_outer_transform_differentiates_may_be_nowhere_zero() -> None:
    def f(a: Value) -> Value:
        def product(x: Value) -> Value:
            return (a * np.eye(3)) @ x

        pattern = jacobian_sparsity(product)(np.ones(3))
        assert pattern.nnz == 9
        return a * 2

    assert pb.grad(f)(3.0) == 2


def test_graph_may_be_deep() -> None:
    def f(x: Array) -> Array:
        y = x[0]
        for _ in range(5_000):
            y = y * 0.5 + x[1]
        return y

    assert pattern_of(f, np.ones(3)).tolist() == [[True, True, False]]


def test_prefixes_of_few_unknowns_cost_no_square() -> None:
    # The pairs of elements and what they sum are 5·10⁹; the result has 3·10⁵ entries.
    found = jacobian_sparsity(lambda x: pb.cumulative_sum(pb.tile(x, 33_333)))(np.ones(3))
    assert found.shape == (99_999, 3)
    assert found.nnz == 3 * 99_999 - 3


# ---------------------------------------------------------------------------------- random programs


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.integers(0, 2**32).map(random.Random), st.integers(1, 7))
def test_random_programs_move_within_their_patterns(r: random.Random, length: int) -> None:
    program = random_program(r, length)
    assume(all(np.asarray(x).dtype.kind == "f" for x in program.inputs))
    shapes = [np.shape(x) for x in program.inputs]
    sizes = [int(np.prod(shape, dtype=int)) for shape in shapes]

    def f(x: Value) -> Array:
        parts = [x[: sizes[0]], x[sizes[0] :]]
        outputs = program.outputs(
            pb, [pb.reshape(p, shape) for p, shape in zip(parts, shapes, strict=True)]
        )
        flat = [
            pb.reshape(part, -1) for out in outputs for part in (pb.real(out), pb.imag(out * 1j))
        ]
        return pb.concat(flat)

    x = np.concatenate([np.ravel(x) for x in program.inputs])
    found = pattern_of(f, x)
    assert not (moved_by(f, x, 1e-9) & ~found).any()


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 2**32).map(random.Random), st.integers(1, 6))
def test_random_gradients_move_within_their_patterns(r: random.Random, length: int) -> None:
    program = random_program(r, length)
    assume(all(np.asarray(x).dtype.kind == "f" for x in program.inputs))
    first, second = program.inputs

    def loss(x: Value) -> Array:
        result: Array = program.loss(pb, (pb.reshape(x, np.shape(first)), second))
        return result

    x = np.ravel(first)
    found = hessian_sparsity(loss)(x).toarray()
    assert not (moved_by(pb.grad(loss), x, 1e-9) & ~found).any()
