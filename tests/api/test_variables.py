"""The explicit form: `variable`, `gradients`; and `stop_gradient`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from attrs import frozen
from pyrsistent import PMap

import pullback as pb
from pullback import Array
from pullback.core import Trace, make_node
from pullback.errors import DifferentiationError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from tests.lambdas import of


def value(node: Array) -> Value:
    """Return the value of a node that depends on variables."""
    return np.asarray(pb.stop_gradient(node))


# ---------------------------------------------------------------------------------- variable


def test_variable_has_the_value_and_type_of_what_it_stands_for() -> None:
    x = pb.variable(3.0, "x")
    assert repr(x) == "Array(3.0, weak float64, input x)"
    assert repr(pb.variable(np.ones(2, np.float32))) == "Array([1., 1.], float32[2], input)"
    assert pb.variable(pb.asarray([1j])).dtype == np.complex128


def test_variables_differ_though_their_values_do_not() -> None:
    x, y = pb.variable(2.0), pb.variable(2.0)
    found = pb.gradients(x * x * y, [x, y])
    assert (value(found[x]), value(found[y])) == (8.0, 4.0)


def test_variable_is_no_name_for_the_array_it_came_from() -> None:
    data = np.array([1.0, 2.0])
    x = pb.variable(data)
    data[:] = 0
    np.testing.assert_array_equal(value(x), [1.0, 2.0])


def test_variable_of_a_node_is_an_alias_that_others_see_through() -> None:
    x = pb.variable(3.0)
    y = pb.variable(x * x)
    z = y * x
    found = pb.gradients(z, [x, y])
    assert value(found[y]) == 3.0
    assert value(found[x]) == 27.0


def test_variable_inside_a_gradient_is_seen_through() -> None:
    def f(x: float) -> Array:
        v = pb.variable(x)
        return pb.gradients(v * v * v, [v])[v]  # 3x²

    assert pb.grad(f)(2.0) == 12.0


@pytest.mark.parametrize("data", [3, True, np.arange(3), np.int8(1)])
def test_variable_without_derivatives_is_an_error(data: Value) -> None:
    with pytest.raises(DifferentiationError, match=r"variable: the value has dtype .*2.0 in place"):
        pb.variable(data)


# --------------------------------------------------------------------------------- gradients


def test_gradients_are_a_map_from_nodes_to_arrays() -> None:
    x, y = pb.variable(np.array([1.0, 2.0]), "x"), pb.variable(3.0, "y")
    found = pb.gradients(pb.sum(x * x) * y, [x, y])
    assert isinstance(found, PMap)
    assert set(found) == {x, y}
    np.testing.assert_array_equal(value(found[x]), [6.0, 12.0])
    assert value(found[y]) == 5.0
    assert found[x].type == x.type
    assert found[y].type == y.type


def test_any_node_of_the_graph_has_a_gradient() -> None:
    x = pb.variable(3.0)
    a = x * x
    b = pb.sin(a)
    c = b * a + x
    found = pb.gradients(c, [x, a, b, c])
    assert value(found[c]) == 1.0
    assert value(found[b]) == 9.0
    np.testing.assert_allclose(value(found[a]), np.cos(9) * 9 + np.sin(9), rtol=1e-15)
    np.testing.assert_allclose(value(found[x]), (np.cos(9) * 9 + np.sin(9)) * 6 + 1, rtol=1e-15)


@pytest.mark.parametrize("requested", [["x"], ["h"], ["x", "h"], ["h", "x"], ["x", "h", "k", "x"]])
def test_gradient_is_total_whatever_else_is_requested(requested: list[str]) -> None:
    # y = k h x with h = x², k = h x: y = x⁶.
    x = pb.variable(2.0)
    h = x * x
    k = h * x
    y = k * h * x
    nodes = {"x": x, "h": h, "k": k}
    expected = {"x": 6 * 2.0**5, "h": 2 * 8.0 + 8.0 * 2.0, "k": 4 * 2.0}
    # ∂y/∂h with x held, through k = h x: y = h² x², 2 h x² = 32.
    assert expected["h"] == 2 * 4 * 4
    found = pb.gradients(y, [nodes[name] for name in requested])
    assert {node: value(g) for node, g in found.items()} == {
        nodes[name]: expected[name] for name in requested
    }


def test_gradients_have_gradients_with_respect_to_variables_and_nodes() -> None:
    x = pb.variable(2.0)
    h = x * x
    y = h**3 * x
    first = pb.gradients(y, [x, h])  # y = x⁷ ; ∂y/∂h = 3h²x
    assert value(first[x]) == 7 * 2.0**6
    second = pb.gradients(first[x], [x])[x]
    assert value(second) == 42 * 2.0**5
    third = pb.gradients(second, [x])[x]
    assert value(third) == 210 * 2.0**4
    by_h = pb.gradients(first[h], [h, x])
    assert value(by_h[h]) == 6 * 4.0 * 2.0
    assert value(by_h[x]) == 15 * 2.0**4  # 3x⁵


def test_gradient_is_made_of_the_nodes_of_the_graph_itself() -> None:
    x = pb.variable(2.0)
    k = pb.exp(x)
    y = k * k
    slope = pb.gradients(y, [x])[x]  # 2k · k, made of this very k
    assert value(pb.gradients(slope, [k])[k]) == pytest.approx(4 * np.exp(2.0), rel=1e-15)


def test_node_on_which_the_output_does_not_depend_has_zeros() -> None:
    x, unused = pb.variable(2.0), pb.variable(np.ones((2, 3), np.float32))
    above = x * 5.0
    found = pb.gradients(x * x, [unused, above])
    assert found[unused].type == unused.type
    np.testing.assert_array_equal(value(found[unused]), np.zeros((2, 3)))
    assert value(found[above]) == 0.0
    assert value(pb.gradients(pb.asarray(1.0), [x])[x]) == 0.0


def test_no_inputs_have_no_gradients() -> None:
    x = pb.variable(2.0)
    assert pb.gradients(x * x, []) == {}


def test_gradients_inside_a_transform_are_differentiated_by_it() -> None:
    def f(x: float) -> Array:
        h = np.exp(2 * x)
        return pb.gradients(h * h * h, [h])[h]  # 3h² = 3 exp(4x)

    assert pb.grad(f)(0.25) == pytest.approx(12 * np.exp(1.0), rel=1e-14)


def test_gradients_of_nodes_without_values_have_the_right_types() -> None:
    template = pb.variable(np.ones((2, 3)))
    trace = Trace()
    x = make_node(template.type, Input(), (), frozenset({trace}))
    found = pb.gradients(pb.sum(x * x), [x])[x]
    assert not found.known
    assert found.type == template.type


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x: x, r"gradients: the output has shape \(2,\), and only a scalar has a gradient"),
        (lambda x: pb.sum(x) * 1j, "gradients: the output is complex"),
        (pb.argmax, "gradients: the output has dtype int64"),
        (lambda x: "text", "gradients: the output is a str, not a real number"),
    ],
)
def test_output_that_is_no_real_scalar_is_an_error(
    make: Callable[[Value], Value], text: str
) -> None:
    x = pb.variable(np.ones(2))
    with pytest.raises(DifferentiationError, match=text):
        pb.gradients(make(x), [x])


def test_input_that_is_no_differentiable_node_is_an_error_with_the_remedy() -> None:
    x = pb.variable(2.0)
    y = x * x
    gradients: Value = pb.gradients
    with pytest.raises(DifferentiationError, match="gradients: input 1 is a float, not an Array"):
        gradients(y, [x, 2.0])
    with pytest.raises(DifferentiationError, match="input 0 has dtype int64, which has no deriv"):
        gradients(y, [pb.asarray(2)])
    # A product of constants is a constant: its gradient would be cut without a word.
    c = pb.asarray(3.0)
    with pytest.raises(
        DifferentiationError, match=r"input 0, Array\(3.*constant.*variable\(\.\.\.\)"
    ):
        gradients(y * c + c * c, [c])


# ----------------------------------------------------------------------------- stop_gradient


def test_stopped_gradient_is_zero_and_the_value_stays() -> None:
    f = of(lambda x: x * pb.stop_gradient(x * x))
    assert pb.value_and_grad(f)(3.0) == (27.0, 9.0)


def test_stop_gradient_takes_trees_and_leaves_everything_else_alone() -> None:
    @frozen
    class Model:
        w: Value
        rest: Value

    marker = object()

    def f(model: Model) -> Value:
        stopped = pb.stop_gradient(model)
        assert type(stopped) is Model
        assert stopped.rest[0] is marker
        assert not stopped.w.sources
        return pb.sum(model.w * stopped.w) * stopped.rest[1]

    found = pb.grad(of(f))(Model(np.array([1.0, 2.0]), [marker, 5.0]))
    np.testing.assert_array_equal(found.w, [5.0, 10.0])
    assert found.rest == [marker, 0.0]


def test_stop_gradient_of_a_constant_is_the_constant() -> None:
    x = pb.asarray([1.0, 2.0])
    assert pb.stop_gradient(x) is x
    assert pb.stop_gradient(3.0) == 3.0
    assert pb.stop_gradient("text") == "text"


def test_stop_gradient_makes_plain_conversions_possible() -> None:
    def f(x: float) -> float:
        return x * float(pb.stop_gradient(x))

    assert pb.grad(f)(3.0) == 3.0


def test_stop_gradient_of_an_unknown_value_stays_a_node_without_derivative() -> None:
    x = make_node(pb.variable(1.0).type, Input(), (), frozenset({Trace()}))
    stopped = pb.stop_gradient(x)
    assert not stopped.known
    assert value(pb.gradients(x * 1.0 + stopped, [x])[x]) == 1.0
