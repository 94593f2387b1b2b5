"""`grad` and `value_and_grad`: values, types of the results, and what a function may return."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import pytest
from attrs import frozen
from pyrsistent import pmap, pvector

import pullback as pb
from pullback import Array, tree
from pullback.errors import DifferentiationError, DTypeError
from pullback.primitives.quantity import Value
from tests.lambdas import number, of

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def sum_of_squares(x: Value) -> Array:
    return pb.sum(x * x)


# ------------------------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: x, lambda x: 1.0),
        (lambda x: 3.0 * x, lambda x: 3.0),
        (lambda x: x * x * x, lambda x: 3 * x**2),
        (lambda x: x**3, lambda x: 3 * x**2),
        (lambda x: 1 / x, lambda x: -1 / x**2),
        (lambda x: 2.0**x, lambda x: np.log(2) * 2.0**x),
        (lambda x: (x - 1) / (x + 1), lambda x: 2 / (x + 1) ** 2),
        (lambda x: np.sin(x) * x, lambda x: np.cos(x) * x + np.sin(x)),
        (lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-(x**2))),
        (lambda x: x + x + x, lambda x: 3.0),
        (lambda x: pb.where(x > 0, x, -x), lambda x: 1.0),
        (lambda x: abs(x) if x < 0 else 2 * x, lambda x: 2.0),
    ],
)
def test_derivative_of_a_number_is_the_formula_in_the_book(
    f: Callable[[float], float], slope: Callable[[float], float]
) -> None:
    for x in (0.3, 1.7):
        found = pb.grad(f)(x)
        assert type(found) is float
        np.testing.assert_allclose(found, slope(x), rtol=1e-14)
        step = 1e-6
        np.testing.assert_allclose(found, (f(x + step) - f(x - step)) / (2 * step), rtol=1e-8)


def test_value_and_gradient_come_from_one_call() -> None:
    calls = []

    def f(x: float) -> float:
        calls.append(x)
        return x * x

    assert pb.value_and_grad(f)(3.0) == (9.0, 6.0)
    assert len(calls) == 1


def test_gradient_of_an_array_is_elementwise_for_a_sum() -> None:
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(pb.grad(sum_of_squares)(x), 2 * x)


def test_shared_use_of_one_input_adds_up() -> None:
    def f(x: Value) -> Value:
        return pb.sum(x * x[::-1]) + x[0] * x[0] + pb.sum(x)

    x = np.array([1.0, 2.0, 4.0])
    np.testing.assert_array_equal(pb.grad(f)(x), 2 * x[::-1] + [2 * x[0], 0, 0] + 1)


def test_the_same_array_twice_has_two_gradients() -> None:
    x = pb.asarray([1.0, 2.0])

    def f(a: Array, b: Array) -> Array:
        return pb.sum(a * a * b)

    by_a, by_b = pb.grad(f, (0, 1))(x, x)
    np.testing.assert_array_equal(np.asarray(by_a), [2.0, 8.0])
    np.testing.assert_array_equal(np.asarray(by_b), [1.0, 4.0])

    pair = pb.grad(of(lambda t: pb.sum(t[0] * t[0] * t[1])))((x, x))
    np.testing.assert_array_equal(np.asarray(pair[0]), [2.0, 8.0])
    np.testing.assert_array_equal(np.asarray(pair[1]), [1.0, 4.0])


@pytest.mark.parametrize("shape", [(0,), (3, 0), (1,), (1, 1), ()])
def test_empty_and_small_arrays_have_gradients_of_their_shape(shape: tuple[int, ...]) -> None:
    found = pb.grad(sum_of_squares)(np.full(shape, 1.5))
    assert type(found) is np.ndarray
    assert found.shape == shape
    np.testing.assert_array_equal(found, np.full(shape, 3.0))


def test_python_control_flow_and_recursion_work_on_values() -> None:
    def power(x: float, n: int) -> float:
        if n == 0:
            return 1.0
        half = power(x, n // 2)
        return half * half * (x if n % 2 else 1.0)

    np.testing.assert_allclose(pb.grad(power)(1.5, 11), 11 * 1.5**10, rtol=1e-14)


def test_closures_over_loop_variables_see_the_value_of_the_call() -> None:
    functions = [lambda x, k=k: k * x * x for k in range(4)]
    assert [pb.grad(f)(1.0) for f in functions] == [0.0, 2.0, 4.0, 6.0]
    total = 0.0
    for k in range(4):
        total += pb.grad(number(lambda x: k * x))(1.0)  # noqa: B023 - called at once
    assert total == 6.0


def test_partials_bound_methods_and_callable_objects_are_functions() -> None:
    @frozen
    class Scaled:
        factor: float

        def __call__(self, x: float) -> float:
            return self.factor * x * x

        def cube(self, x: float) -> float:
            return self.factor * x**3

        @pb.grad
        def by_self(self, x: float) -> float:
            return self.factor * x

    scaled = Scaled(3.0)
    assert pb.grad(scaled)(2.0) == 12.0
    assert pb.grad(scaled.cube)(2.0) == 36.0
    assert pb.grad(functools.partial(pow, exp=2))(3.0) == 6.0
    assert scaled.by_self(5.0) == Scaled(5.0)


def test_gradient_function_keeps_name_documentation_and_signature() -> None:
    @pb.grad
    def energy(x: float, *, k: float = 1.0) -> float:
        """Return the energy."""
        return k * x * x

    assert energy.__name__ == "energy"
    assert energy.__doc__ == "Return the energy."
    assert list(inspect.signature(energy).parameters) == ["x", "k"]
    assert energy(3.0, k=2.0) == 12.0


def test_inputs_print_what_a_user_calls_them() -> None:
    seen = []

    def f(params: dict[str, list[float]], x: float) -> float:
        seen.extend([repr(params["w"][1]), repr(x)])
        return params["w"][1] * x

    pb.grad(f, (0, 1))({"w": [1.0, 2.0]}, 3.0)
    assert seen == [
        "Array(2.0, weak float64, input params['w'][1])",
        "Array(3.0, weak float64, input x)",
    ]


# ---------------------------------------------------------------------------- complex numbers


def test_gradient_of_a_complex_argument_is_the_direction_of_ascent() -> None:
    # L = |z|² = x² + y² has ∂L/∂x + i ∂L/∂y = 2z.
    z = 3.0 - 4.0j
    found = pb.grad(of(lambda z: pb.real(z * pb.conj(z))))(z)
    assert type(found) is complex
    assert found == 2 * z
    vector = np.array([1 + 2j, -3j])
    found = pb.grad(of(lambda z: pb.sum(pb.real(z * z))))(vector)
    np.testing.assert_array_equal(found, 2 * np.conj(vector))  # Re z² = x² − y²


# ------------------------------------------------------------------------------------ pytrees


class Pair(NamedTuple):
    a: Value
    b: Value


@frozen
class Model:
    a: Value
    b: Value
    name: str = tree.static(default="model")


@dataclasses.dataclass(frozen=True)
class Record:
    a: Value
    b: Value


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b: (a, b),
        lambda a, b: [a, b],
        lambda a, b: {"a": a, "b": b},
        lambda a, b: OrderedDict([("b", b), ("a", a)]),
        lambda a, b: pvector([a, b]),
        lambda a, b: pmap({"a": a, "b": b}),
        Pair,
        Model,
        Record,
        lambda a, b: [None, {"deep": (a, [Model(b, None)])}],
    ],
)
def test_gradient_of_a_tree_is_a_tree_of_its_type(make: Callable[[Value, Value], Value]) -> None:
    a, b = 3.0, np.array([1.0, 2.0])
    argument = make(a, b)
    f = of(lambda t: pb.sum(tree.reduce(lambda x, y: x * y, t, 1.0)))
    found = pb.grad(f)(argument)
    assert tree.structure(found) == tree.structure(argument)
    assert tree.all_close(found, make(b.sum(), np.full(2, a)))
    for leaf, gradient in zip(tree.leaves(argument), tree.leaves(found), strict=True):
        assert type(gradient) is type(leaf)


def test_leaves_that_are_no_floats_reach_the_function_and_become_zero_or_stay() -> None:
    def helper(x: float) -> float:
        return x

    counts = np.array([1, 2], np.int16)
    model = {
        "w": 2.0,
        "n": 3,
        "flag": True,
        "counts": counts,
        "mask": np.array([True]),
        "id": np.uint8(7),
        "name": "linear",
        "f": helper,
        "none": None,
        "object": np.array([None]),
    }

    def f(m: dict[str, Value]) -> Value:
        for key in model.keys() - {"w"}:
            assert m[key] is model[key]
        return m["w"] * m["n"]

    found = pb.grad(f)(model)
    assert found["w"] == 3.0
    assert type(found["n"]) is int
    assert found["n"] == 0
    assert found["flag"] is False
    assert found["counts"].dtype == np.int16
    np.testing.assert_array_equal(found["counts"], [0, 0])
    np.testing.assert_array_equal(found["mask"], [False])
    assert type(found["id"]) is np.uint8
    assert found["id"] == 0
    for key in ("name", "f", "none", "object"):
        assert found[key] is model[key]


def test_descent_by_tree_map_works_on_a_model_with_counts() -> None:
    model = {"w": np.array([1.0, 2.0]), "steps": 3, "rest": None}
    grads = pb.grad(of(lambda m: pb.sum(m["w"] ** 2) * m["steps"]))(model)
    new = tree.map(of2(lambda p, g: p - 0.5 * g), model, grads)
    np.testing.assert_array_equal(new["w"], [-2.0, -4.0])
    assert new["steps"] == 3


def of2(f: Callable[[Value, Value], Value]) -> Callable[[Value, Value], Value]:
    return f


def test_argument_without_any_leaves_has_an_empty_gradient() -> None:
    assert pb.grad(of(lambda t: 2.0))({"a": (), "b": None}) == {"a": (), "b": None}


def test_numbers_of_subclasses_of_float_are_differentiable() -> None:
    class Meters(float):
        __slots__ = ()

    found = pb.grad(of(lambda x: x * x))(Meters(3.0))
    assert type(found) is float
    assert found == 6.0


def test_static_values_need_not_be_hashable_to_be_differentiated() -> None:
    @frozen
    class Config:
        w: float
        sizes: Value = tree.static()

    found = pb.grad(of(lambda c: c.w * c.sizes[1]))(Config(2.0, [3, 4]))
    assert (found.w, found.sizes) == (4.0, [3, 4])


# -------------------------------------------------------------------- what a function returns


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (
            lambda x: x * np.ones(3),
            (
                r"grad: the output of <lambda> has shape \(3,\), and only a scalar has a gradient; "
                "reduce it, for instance with sum, or use vjp"
            ),
        ),
        (
            lambda x: x * np.ones((1, 1)),
            r"has shape \(1, 1\).*with sum, or take its only element, or use vjp",
        ),
        (
            lambda x: x * 1j,
            r"the output of <lambda> is complex \(complex128\).*real or imag part, or its abs",
        ),
        (lambda x: 2 + 1j, r"is complex \(complex128\)"),
        (lambda x: x > 0, r"the output of <lambda> has dtype bool, which has no derivatives"),
        (lambda x: True, r"has dtype bool"),
        (lambda x: pb.argmax(x * np.ones(3)), r"has dtype int64, which has no derivatives"),
        (lambda x: np.int32(1), r"has dtype int32"),
        (lambda x: None, r"the output of <lambda> is None, not a real number; .*has_aux=True"),
        (lambda x: "text", r"is a str, not a real number"),
        (lambda x: (x, x), r"is a tuple of 2, not a real number; .* \(value, auxiliary\) with has"),
        (lambda x: [x], r"is a list of 1, not a real number"),
        (lambda x: {"loss": x}, r"is a dict, not a real number"),
    ],
)
def test_output_that_is_no_real_scalar_is_an_error_that_says_what_to_do(
    f: Callable[[Value], Value], text: str
) -> None:
    with pytest.raises(DifferentiationError, match=text):
        pb.grad(f)(2.0)
    with pytest.raises(
        DifferentiationError, match=f"^value_and_grad: .*{text.removeprefix('grad: ')}"
    ):
        pb.value_and_grad(f)(2.0)


@pytest.mark.parametrize("constant", [2.0, 7, np.float32(2), np.array(1.5)])
def test_output_that_does_not_depend_on_the_input_has_zeros_for_a_gradient(
    constant: Value,
) -> None:
    x = {"a": 1.0, "b": np.ones(2, np.float32), "c": 1j}
    value, found = pb.value_and_grad(of(lambda t: constant))(x)
    assert value is constant
    assert found["a"] == 0.0
    assert type(found["a"]) is float
    assert type(found["c"]) is complex
    np.testing.assert_array_equal(found["b"], np.zeros(2, np.float32), strict=True)


def test_constant_output_for_an_array_is_an_array() -> None:
    value, found = pb.value_and_grad(of(lambda t: 2.0))(pb.asarray([1.0, 2.0]))
    assert type(value) is Array
    assert type(found) is Array
    np.testing.assert_array_equal(np.asarray(found), [0.0, 0.0])


# ----------------------------------------------------------------- what is differentiated


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        (3, r"grad: no floating-point numbers .* in x \(int\); pass 2.0 in place of 2"),
        (True, r"in x \(bool\)"),
        (np.arange(3), r"in x \(int64\).*astype\(float\)"),
        (np.int8(3), r"in x \(int8\)"),
        ("text", r"in x \(str\)"),
        ({"n": 3, "m": [np.arange(2)]}, r"in x\['m'\]\[0\] \(int64\), x\['n'\] \(int\);"),
        (
            list(range(9)),
            r"in x\[0\] \(int\), x\[1\] \(int\), x\[2\] \(int\), x\[3\] \(int\), 5 more",
        ),
    ],
)
def test_argument_without_floating_point_numbers_is_an_error_that_names_its_leaves(
    argument: Value, text: str
) -> None:
    def never_called(x: Value) -> Value:
        raise NotImplementedError

    with pytest.raises(DifferentiationError, match=text):
        pb.grad(never_called)(argument)


class Opaque:
    """A class that pytrees do not know."""

    weight = 1.0


def test_object_of_a_class_that_pytrees_do_not_know_is_told_how_to_become_one() -> None:
    text = r"in x \(Opaque\); make its class a dataclass or an attrs class, or register it"
    with pytest.raises(DifferentiationError, match=text):
        pb.grad(sum_of_squares)(Opaque())


def test_integer_array_of_ours_is_named_with_its_dtype() -> None:
    with pytest.raises(DifferentiationError, match=r"in x \(int64\)"):
        pb.grad(sum_of_squares)(pb.asarray([1, 2]))


def test_masked_array_is_refused_and_not_stripped_of_its_mask() -> None:
    with pytest.raises(DTypeError, match="masked"):
        pb.grad(sum_of_squares)(np.ma.masked_array([1.0, 2.0], [True, False]))
