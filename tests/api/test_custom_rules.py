"""`custom_jvp`, `custom_vjp`, `check_rules`: rules beside plain operations, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback import check_rules, custom_jvp, custom_vjp, scan, trace
from pullback.core import Array
from pullback.errors import (
    ConversionError,
    DifferentiationError,
    DTypeError,
    GradientError,
    ShapeError,
    StructureError,
)
from pullback.primitives.quantity import Value
from tests.control.reference import close, compositions, vmap

Rule = Callable[..., Value]

#: Most rules below are lambdas, whose types nobody says.
by_jvp: Final[Rule] = custom_jvp
by_vjp: Final[Rule] = custom_vjp

RNG: Final = np.random.default_rng(0)
P: Final = {"x": RNG.uniform(0.3, 0.9, 3), "w": RNG.uniform(0.3, 0.9, 3)}


# ------------------------------------------------------- one function, by rules of every kind
# f(x, w) = sin(e^(x w)), and e^(x w) beside it


def plain(x: Value, w: Value) -> Value:
    h = np.exp(x * w)
    return {"sin": np.sin(h), "exp": h}


def push(primals: Value, tangents: Value, y: Value) -> Value:
    (x, w), (x_dot, w_dot) = primals, tangents
    h_dot = y["exp"] * (x_dot * w + x * w_dot)
    return {"sin": np.cos(y["exp"]) * h_dot, "exp": h_dot}


def with_inputs(x: Value, w: Value) -> Value:
    return plain(x, w), (x, w)


def from_inputs(residuals: Value, y_bar: Value) -> Value:
    x, w = residuals
    h = np.exp(x * w)
    h_bar = (y_bar["sin"] * np.cos(h) + y_bar["exp"]) * h
    return h_bar * w, h_bar * x


def with_outputs(x: Value, w: Value) -> Value:
    y = plain(x, w)
    return y, {"x": x, "w": w, "h": y["exp"], "text": "kept as it is", "none": None}


def from_outputs(residuals: Value, y_bar: Value) -> Value:
    assert residuals["text"] == "kept as it is"
    h = residuals["h"]
    h_bar = (y_bar["sin"] * np.cos(h) + y_bar["exp"]) * h
    return h_bar * residuals["w"], h_bar * residuals["x"]


def with_others(x: Value, w: Value) -> Value:
    h = np.exp(x * w)
    slope = h * np.cos(h)
    return {"sin": np.sin(h), "exp": h}, (slope * w, slope * x, h * w, h * x, 1.0)


def from_others(residuals: Value, y_bar: Value) -> Value:
    a, b, c, d, one = residuals
    return one * a * y_bar["sin"] + c * y_bar["exp"], b * y_bar["sin"] + d * y_bar["exp"]


RULES: Final[dict[str, Callable[..., Value]]] = {
    "pushforward": by_jvp(plain, push),
    "residuals are arguments": by_vjp(plain, with_inputs, from_inputs),
    "residuals are results": by_vjp(plain, with_outputs, from_outputs),
    "residuals are others": by_vjp(plain, with_others, from_others),
    "both, by jvp": by_jvp(plain, push, forward=with_others, backward=from_others),
    "both, by vjp": by_vjp(plain, with_inputs, from_inputs, pushforward=push),
}


def loss(f: Callable[..., Value], p: Value) -> Value:
    y = f(p["x"], p["w"])
    return pb.sum(y["sin"] * y["exp"] + y["exp"] ** 2)


@pytest.mark.parametrize("what", compositions(P))
@pytest.mark.parametrize("rules", RULES)
def test_rules_give_the_derivatives_of_the_operations(rules: str, what: str) -> None:
    composition = compositions(P)[what]
    actual = composition(partial(loss, RULES[rules]), vmap)
    close(actual, composition(partial(loss, plain), vmap))


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("batched", ["vmap", "plain"])
def test_rules_work_in_the_body_of_a_scan(rules: str, batched: str) -> None:
    def run(f: Callable[..., Value], p: Value) -> Value:
        def step(carry: Value, x: Value) -> Value:
            y = f(carry, p["w"])
            return y["sin"] * x, y["exp"]

        carry, ys = scan(step, p["x"], np.array([0.5, 0.8, 0.2]))
        return pb.sum(carry) + pb.sum(ys**2)

    many = {name: np.stack([x, x + 0.1]) for name, x in P.items()}
    mapped: Rule = pb.vmap if batched == "vmap" else lambda f: f
    given = many if batched == "vmap" else P
    for derive in (pb.grad, lambda f: pb.grad(lambda p: pb.sum(pb.grad(f)(p)["w"] ** 2))):
        actual = mapped(derive(partial(run, RULES[rules])))(given)
        close(actual, mapped(derive(partial(run, plain)))(given))


@pytest.mark.parametrize("rules", RULES)
def test_nested_batches_and_shared_arguments(rules: str) -> None:
    def second(f: Callable[..., Value]) -> Value:
        def slope(x: Value, w: Value) -> Value:
            return pb.grad(lambda x, w: f(x, w)["sin"] * w, 1)(x, w)

        rows = pb.vmap(pb.vmap(pb.grad(slope), in_axes=(0, None)), in_axes=(None, 0))
        return rows(P["x"], P["w"][:2]), pb.grad(
            lambda w: pb.sum(pb.vmap(f, in_axes=(0, None))(P["x"], w)["sin"])
        )(0.7)

    close(second(RULES[rules]), second(plain))


@pytest.mark.parametrize("rules", RULES)
def test_an_empty_batch_is_empty(rules: str) -> None:
    empty = np.zeros((0, 3))
    found = pb.vmap(pb.grad(lambda x: loss(RULES[rules], {"x": x, "w": x})))(empty)
    assert found.shape == (0, 3)


@pytest.mark.parametrize("rules", RULES)
def test_one_array_for_two_arguments_has_the_sum_of_both_derivatives(rules: str) -> None:
    def f(g: Callable[..., Value], x: Value) -> Value:
        return pb.sum(g(x, x)["sin"])

    close(pb.grad(partial(f, RULES[rules]))(P["x"]), pb.grad(partial(f, plain))(P["x"]))


@pytest.mark.parametrize("rules", RULES)
def test_check_rules_accepts_right_rules(rules: str) -> None:
    check_rules(RULES[rules], (P["x"], P["w"]), 2)


# ------------------------------------------------------------------- what is called, and with what


class Counted(NamedTuple):
    """A function with rules, and a list of what was called, and with which classes."""

    f: Callable[..., Value]
    calls: list[tuple[str, type]]


def counted(*, reverse: bool) -> Counted:
    calls: list[tuple[str, type]] = []

    def f(x: Value) -> Value:
        calls.append(("f", type(x)))
        return x * x

    def forward(x: Value) -> Value:
        calls.append(("forward", type(x)))
        return x * x, x

    def backward(x: Value, y_bar: Value) -> Value:
        calls.append(("backward", type(y_bar)))
        return (2 * x * y_bar,)

    def rule(primals: Value, tangents: Value, y: Value) -> Value:
        calls.append(("push", type(y)))
        return 2 * primals[0] * tangents[0]

    made = by_vjp(f, forward, backward) if reverse else by_jvp(f, rule)
    return Counted(made, calls)


@pytest.mark.parametrize("x", [2.0, np.float32(2), np.ones(2), pb.asarray([1.0])])
def test_where_nothing_is_traced_the_function_is_called_as_it_is(x: Value) -> None:
    f, calls = counted(reverse=True)
    assert type(f(x)) is type(x * x)
    assert calls == [("f", type(x))]


def test_each_function_is_called_once_for_a_gradient() -> None:
    f, calls = counted(reverse=True)
    assert pb.grad(f)(3.0) == 6.0
    assert calls == [("forward", Array), ("backward", Array)]


def test_each_function_is_called_once_for_a_tangent() -> None:
    f, calls = counted(reverse=False)
    assert pb.jvp(f, 3.0, 2.0) == (9.0, 12.0)
    assert calls == [("f", Array), ("push", Array)]


def test_the_function_may_look_at_values_and_leave_the_library() -> None:
    def f(x: Value) -> Value:
        array = np.asarray(x)  # an error if it were being differentiated
        array = np.array(array)
        array[array < 0] = 0.0
        return array if float(array[0]) < 10 else -array

    def rule(primals: Value, tangents: Value, _: Value) -> Value:
        return tangents[0] * (primals[0] > 0)

    relu = by_jvp(f, rule)
    x = np.array([-1.0, 2.0])
    np.testing.assert_array_equal(pb.grad(lambda x: np.sum(relu(x)))(x), [0.0, 1.0])
    np.testing.assert_array_equal(pb.jvp(relu, x, x)[1], [0.0, 2.0])


def test_higher_derivatives_of_a_foreign_function_go_through_its_value() -> None:
    expit = by_jvp(
        lambda x: 1 / (1 + np.exp(-np.asarray(x))),
        lambda primals, tangents, y: y * (1 - y) * tangents[0],
    )
    third = pb.grad(pb.grad(pb.grad(expit)))(0.3)
    reference = pb.grad(pb.grad(pb.grad(lambda x: 1 / (1 + np.exp(-x)))))(0.3)
    np.testing.assert_allclose(third, reference, rtol=1e-12)


def test_one_residual_may_be_kept_twice() -> None:
    def forward(x: Value) -> Value:
        h = np.cos(x)
        return np.sin(x), (h, h, [x, h])

    f = by_vjp(np.sin, forward, lambda r, w: (w * (r[0] + r[1] + r[2][1]) / 3,))
    close(pb.grad(pb.grad(f))(0.3), -np.sin(0.3))


def test_residuals_of_a_foreign_function_that_are_its_results_have_its_derivatives() -> None:
    def forward(x: Value) -> Value:
        y = np.exp(np.asarray(x))
        return y, y

    exp = by_vjp(np.exp, forward, lambda y, y_bar: (y * y_bar,))
    x = np.array([0.3, 0.5])
    slopes = pb.grad(lambda x: np.sum(pb.grad(lambda x: np.sum(exp(x)))(x)))
    np.testing.assert_allclose(slopes(x), np.exp(x), rtol=1e-14)
    assert pb.jvp(pb.grad(exp), 0.3, 1.0)[1] == pytest.approx(np.exp(0.3))


def test_a_residual_that_is_argument_and_result_is_the_argument() -> None:
    def backward(x: Value, y_bar: Value) -> Value:
        return (y_bar * x**3,)  # of the identity, it says

    f = by_vjp(lambda x: x, lambda x: (x, x), backward)
    assert pb.grad(f)(2.0) == 8.0
    assert pb.grad(pb.grad(f))(2.0) == 12.0


def test_python_integers_strings_and_functions_are_handed_on_as_they_are() -> None:
    seen: list[object] = []

    def f(x: Value, n: int, name: str, g: Callable[[Value], Value]) -> Value:
        seen.extend([n, name, g])
        return g(x**n)

    def rule(primals: Value, tangents: Value, _: Value) -> Value:
        x, n, name, g = primals
        assert tangents[1:] == (0, name, g)
        return n * x ** (n - 1) * tangents[0]

    h = by_jvp(f, rule)
    assert pb.grad(h)(2.0, 3, "cube", abs) == 12.0
    assert seen == [3, "cube", abs]


def test_integer_arrays_are_arrays_and_have_no_derivatives() -> None:
    def forward(x: Value, rows: Value) -> Value:
        return x[rows], (x, rows)

    def backward(residuals: Value, y_bar: Value) -> Value:
        x, rows = residuals
        return pb.zeros_like(x).at[rows].add(y_bar), None

    take = by_vjp(lambda x, rows: x[rows], forward, backward)
    x, rows = np.arange(3.0), np.array([2, 0, 2])
    np.testing.assert_array_equal(
        pb.grad(lambda x, rows: np.sum(take(x, rows) ** 2))(x, rows), [0.0, 0.0, 8.0]
    )
    batch = pb.vmap(pb.grad(lambda x, rows: np.sum(take(x, rows))), in_axes=(None, 0))
    np.testing.assert_array_equal(batch(x, np.array([[0, 0], [1, 2]])), [[2, 0, 0], [0, 1, 1]])


def test_results_that_are_no_floating_numbers_have_no_derivatives() -> None:
    def rule(_: Value, tangents: Value, y: Value) -> Value:
        assert y[1].dtype == np.int64
        return 2 * tangents[0], y[1], "ignored"

    f = by_jvp(lambda x: (2 * x, np.sum(x > 0), "text"), rule)
    x = np.array([1.0, -2.0])
    y, y_dot = pb.jvp(f, x, x)
    assert y[1:] == (1, "text")
    np.testing.assert_array_equal(y_dot[0], 2 * x)
    assert y_dot[1] == 0
    np.testing.assert_array_equal(pb.grad(lambda x: pb.sum(f(x)[0]))(x), [2.0, 2.0])


@frozen
class Model:
    w: Value
    name: str = "model"


def test_models_have_models_for_tangents_and_cotangents() -> None:
    def backward(residuals: Value, y_bar: Value) -> Value:
        model, x = residuals
        return Model(x * y_bar, model.name), pb.sum(model.w * y_bar)

    apply = by_vjp(lambda m, x: m.w * x, lambda m, x: (m.w * x, (m, x)), backward)
    found = pb.grad(lambda m: pb.sum(apply(m, 1.0)))(Model(np.array([1.0, 2.0])))
    np.testing.assert_array_equal(found.w, [1.0, 1.0])
    model = Model(np.array([1.0, 2.0]))
    moved = pb.jvp(lambda m: apply(m, 3.0), model, Model(np.array([1.0, 0.0])))[1]
    np.testing.assert_array_equal(moved, [3.0, 0.0])


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_rules_keep_dtypes(dtype: str) -> None:
    x = np.array([0.5, 1.0], dtype)
    f = by_jvp(lambda x: x * x, lambda primals, tangents, y: 2 * primals[0] * tangents[0])
    for g in (
        f,
        by_vjp(lambda x: x * x, lambda x: (x * x, x), lambda x, w: (2 * x.conj() * w,)),
    ):
        y, pullback = pb.vjp(g, x)
        bar = pullback(x * (1 + 1j) if dtype[0] == "c" else x)
        assert y.dtype == bar.dtype == pb.jvp(g, x, x)[1].dtype == dtype
        np.testing.assert_allclose(pb.jvp(g, x, x)[1], 2 * x * x)
        np.testing.assert_allclose(
            bar, pb.vjp(lambda x: x * x, x)[1](x * (1 + 1j) if dtype[0] == "c" else x)
        )


def test_python_numbers_stay_python_numbers() -> None:
    f = by_vjp(lambda x: x * x, lambda x: (x * x, x), lambda x, y_bar: (2 * x * y_bar,))
    value, slope = pb.value_and_grad(f)(3.0)
    assert (value, slope) == (9.0, 6.0)
    assert type(value) is type(slope) is float


def test_single_precision_is_not_widened_by_a_python_number() -> None:
    f = by_jvp(lambda x: x * 2.0, lambda primals, tangents, y: 2.0 * tangents[0])
    assert pb.grad(lambda x: pb.sum(f(x)))(np.ones(2, "f4")).dtype == np.float32


# ------------------------------------------------------------------------------------------ calling


def test_keyword_arguments_find_their_position() -> None:
    def forward(x: Value, w: Value = 3.0, *, power: int = 2) -> Value:
        return w * x**power, (x, w)

    def backward(residuals: Value, y_bar: Value, *, power: int = 2) -> Value:
        x, w = residuals
        return y_bar * w * power * x ** (power - 1), y_bar * x**power

    f = by_vjp(lambda x, w=3.0, *, power=2: w * x**power, forward, backward)
    assert pb.grad(f)(2.0) == 12.0
    assert pb.grad(f)(2.0, w=5.0) == 20.0
    assert pb.grad(lambda w: f(2.0, w=w, power=3))(5.0) == 8.0
    assert pb.grad(f)(2.0, power=3) == 36.0


def test_a_keyword_only_argument_that_is_traced_is_refused() -> None:
    f = by_jvp(lambda x, *, w: x * w, lambda primals, tangents, y, *, w: tangents[0] * w)
    assert pb.grad(f)(2.0, w=3.0) == 3.0
    with pytest.raises(DifferentiationError, match="the keyword argument w of <lambda> is being"):
        pb.grad(lambda w: f(2.0, w=w))(3.0)


def test_a_rule_makes_a_decorator_with_partial() -> None:
    @partial(by_jvp, pushforward=lambda primals, tangents, y: 7 * tangents[0])
    def seven(x: float) -> float:
        """Seven times x, it claims."""
        return x

    assert pb.grad(seven)(1.0) == 7.0
    assert seven.__name__ == "seven"
    assert seven.__doc__ == "Seven times x, it claims."


def test_a_linear_map_of_such_a_function_is_a_value() -> None:
    f = RULES["residuals are others"]
    y, pushforward = pb.linearize(lambda p: f(p["x"], p["w"])["sin"], P)
    again = pickle.loads(pickle.dumps(pushforward))  # noqa: S301 - our own
    np.testing.assert_array_equal(again(P), pushforward(P))
    assert y.shape == (3,)


def test_the_transpose_of_a_linear_function_with_a_rule() -> None:
    f = by_jvp(lambda x: 3 * x, lambda primals, tangents, y: 3 * tangents[0])
    np.testing.assert_array_equal(pb.linear_transpose(f, np.zeros(2))(np.ones(2)), [3.0, 3.0])


def test_a_forward_rule_may_push_through_a_loop_and_is_transposed() -> None:
    def power(x: Value) -> Value:
        return scan(lambda c, _: (c * np.sin(x), None), x, None, length=3)[0]

    def push(primals: Value, tangents: Value, _: Value) -> Value:
        return pb.jvp(lambda xs: power(*xs), primals, tangents)[1]

    close(pb.grad(custom_jvp(power, push))(0.5), pb.grad(power)(0.5))


def test_a_rule_is_not_called_where_nothing_moves() -> None:
    def push(*_: Value) -> Value:
        raise AssertionError

    after = custom_jvp(lambda n: n + 1, push)
    found = pb.vmap(pb.grad(lambda x: x * after(pb.astype(x > 0, np.int64))))(np.array([1.0, -1]))
    close(found, np.array([2.0, 1.0]))
    assert pb.vmap(lambda x: pb.jvp(lambda x: after(x > 0), x, x)[1])(np.ones(2)).dtype == np.int64


def test_branches_that_are_not_taken_stay_silent_below_a_derived_pullback() -> None:
    sqrt = by_jvp(np.sqrt, lambda primals, tangents, y: tangents[0] * 0.5 / y)
    x = np.array([0.0, 4.0])
    slopes = pb.grad(lambda x: np.sum(np.where(x > 0, sqrt(x), 0.0)))(x)
    np.testing.assert_array_equal(slopes, [0.0, 0.25])


# ----------------------------------------------------------------------------------------- programs


def exp_push(_: Value, tangents: Value, y: Value) -> Value:
    return y * tangents[0]


own_exp = by_jvp(np.exp, exp_push)


def test_programs_print_compare_and_evaluate() -> None:
    program = trace(lambda x: own_exp(x) * 2, 1.0)
    assert "custom((x,), function=exp)" in str(program)
    assert program == trace(lambda x: own_exp(x) * 2, 5.0)
    assert hash(program) == hash(trace(lambda x: own_exp(x) * 2, 5.0))
    assert program != trace(lambda x: by_jvp(np.sin, exp_push)(x) * 2, 5.0)
    assert program(1.0) == pytest.approx(2 * np.e)
    np.testing.assert_allclose(pb.grad(program)(1.0), 2 * np.e, rtol=1e-15)


def test_programs_pickle_where_their_functions_do() -> None:
    program = trace(pb.grad(own_exp), 1.0)
    again = pickle.loads(pickle.dumps(program))  # noqa: S301 - our own
    assert again == program
    assert again(1.0) == program(1.0)


def test_types_that_depend_on_values_are_refused_when_a_program_meets_them() -> None:
    f = by_jvp(
        lambda x: x if not x.known or x < 5 else np.stack([x, x]),
        lambda primals, tangents, y: tangents[0],
    )
    program = trace(f, 1.0)
    assert program(2.0) == 2.0
    with pytest.raises(DTypeError, match="its types cannot depend on values"):
        pb.grad(lambda x: pb.sum(program(x)))(7.0)


# ------------------------------------------------------------------------------------------- errors


def vjp_with(backward: Rule, f: Rule = lambda x, w: x * w) -> Value:
    return by_vjp(f, lambda x, w: (f(x, w), (x, w)), backward)


ONES: Final = np.ones(3)
WRONG_COTANGENTS: Final[list[tuple[Rule, type[Exception], str]]] = [
    (lambda r, w: w, StructureError, "returned an Array; it must return a tuple of 2, .* (x, w)"),
    (lambda r, w: (w,), StructureError, "returned a tuple of 1; it must return a tuple of 2"),
    (lambda r, w: (w[:2], w), ShapeError, r"for x at .*: shape \(2,\), but x has shape \(3,\)"),
    (lambda r, w: (w, w * 1j), DTypeError, "for w at .*: dtype complex128, but w has dtype float"),
    (lambda r, w: (w, "text"), DTypeError, r"for w at .*: expected float64\[3\], not a str"),
    (lambda r, w: ((w, w), w), StructureError, "x and its cotangent .* differ"),
]


@pytest.mark.parametrize(("backward", "error", "text"), WRONG_COTANGENTS)
def test_wrong_cotangents_are_named(backward: Rule, error: type[Exception], text: str) -> None:
    pattern = text.replace("(x, w)", r"\(x, w\)")
    with pytest.raises(error, match=f"custom_vjp: .*{pattern}"):
        pb.grad(lambda x: pb.sum(vjp_with(backward)(x, ONES)))(ONES)


WRONG_TANGENTS: Final[list[tuple[Rule, type[Exception], str]]] = [
    (lambda p, t, y: t[0][:2], ShapeError, r"shape \(2,\), but the value of <lambda> has shape"),
    (lambda p, t, y: t[0] * 1j, DTypeError, "dtype complex128, but the value of <lambda> has"),
    (lambda p, t, y: t, StructureError, "the value of <lambda> and its tangent that .* differ"),
]


@pytest.mark.parametrize(("rule", "error", "text"), WRONG_TANGENTS)
@pytest.mark.parametrize(
    "derive", [lambda f: pb.jvp(f, ONES, ONES), lambda f: pb.vjp(f, ONES)[1](ONES)]
)
def test_wrong_tangents_are_named(
    derive: Rule, rule: Rule, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=f"custom_jvp: .*{text}"):
        derive(by_jvp(lambda x: 2 * x, rule))


def test_a_forward_rule_that_returns_no_pair_is_named() -> None:
    f = by_vjp(lambda x: x, lambda x: x, lambda r, w: (w,))
    with pytest.raises(StructureError, match="custom_vjp: <lambda> returned an Array; it must"):
        pb.grad(f)(1.0)


@pytest.mark.parametrize("where", ["f", "forward", "rule", "backward"])
@pytest.mark.parametrize("derive", [pb.grad, pb.vmap])
def test_closing_over_a_traced_value_is_refused(where: str, derive: Rule) -> None:
    def outer(t: Value) -> Value:
        def use(x: Value, here: str) -> Value:
            return x * t if where == here else x

        forward = by_jvp(lambda x: use(x, "f"), lambda p, d, y: use(d[0], "rule"))
        reverse = by_vjp(
            lambda x: x, lambda x: (use(x, "forward"), None), lambda r, w: (use(w, "backward"),)
        )
        return pb.grad(forward if where in ("f", "rule") else reverse)(2.0)

    with pytest.raises(DifferentiationError, match="depends on a value of an outer transform that"):
        derive(outer)(np.ones(2) if derive is pb.vmap else 2.0)


def test_closing_over_a_traced_value_is_refused_where_no_argument_is_traced() -> None:
    f = lambda t: by_jvp(lambda x: x * t, lambda p, d, y: d[0] * t)(3.0)  # noqa: E731
    with pytest.raises(DifferentiationError, match="pass it as an argument"):
        pb.grad(f)(2.0)


def test_a_rule_that_is_not_zero_at_zero_has_no_transpose() -> None:
    for rule in (lambda _, t, y: t[0] * 2.0 + 1.0, lambda _, t, y: y * 0.0 + 1.0):
        f = by_jvp(lambda x: x * 2.0, rule)
        with pytest.raises(DifferentiationError, match="custom_jvp: <lambda> is not linear in"):
            pb.grad(f)(3.0)


@pytest.mark.parametrize("square", [lambda w: w * w, abs, lambda w: w * (w > 0)])
def test_a_rule_that_is_not_linear_has_no_transpose(square: Rule) -> None:
    f = by_vjp(lambda x: x, lambda x: (x, None), lambda r, w: (square(w),))
    with pytest.raises(DifferentiationError, match="custom_vjp: <lambda> is not linear in the cot"):
        pb.jvp(f, 1.0, 1.0)
    g = by_jvp(lambda x: x, lambda p, d, y: square(d[0]))
    with pytest.raises(DifferentiationError, match="custom_jvp: <lambda> is not linear in the tan"):
        pb.grad(g)(1.0)


def test_a_branch_on_a_value_that_vmap_does_not_know_is_an_error() -> None:
    f = by_jvp(lambda x: x if x > 0 else -x, lambda p, d, y: d[0])
    assert pb.grad(f)(-1.0) == 1.0
    with pytest.raises(ConversionError, match=r"bool\(x\)"):
        pb.vmap(f)(ONES)


def test_what_the_function_raises_passes_as_it_is() -> None:
    calls: list[int] = []

    def f(_: Value) -> Value:
        calls.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pb.grad(by_jvp(f, lambda p, d, y: d[0]))(1.0)
    assert calls == [1]


def test_half_a_pair_of_rules_is_refused() -> None:
    with pytest.raises(DifferentiationError, match="give both of them or neither"):
        by_jvp(abs, lambda p, d, y: d[0], forward=lambda x: (x, None))


@pytest.mark.parametrize("name", ["f", "forward", "backward"])
def test_what_is_no_function_is_refused(name: str) -> None:
    functions: dict[str, Value] = {"f": abs, "forward": abs, "backward": abs, name: 3.0}
    with pytest.raises(DifferentiationError, match=f"custom_vjp: {name}: expected a function, not"):
        by_vjp(**functions)


# -------------------------------------------------------------------------------------- check_rules


def test_check_rules_finds_a_wrong_pushforward() -> None:
    f = by_jvp(lambda x: x**3, lambda p, d, y: 2 * p[0] ** 2 * d[0])
    with pytest.raises(GradientError, match="the forward-mode derivative of <lambda> is wrong"):
        check_rules(f, (np.ones(2),))


def test_check_rules_finds_a_pullback_that_is_not_the_adjoint() -> None:
    f = by_jvp(
        lambda x: x**3,
        lambda p, d, y: 3 * p[0] ** 2 * d[0],
        forward=lambda x: (x**3, x),
        backward=lambda x, w: (2 * x * x * w,),
    )
    with pytest.raises(GradientError, match="the reverse-mode derivative of <lambda> is wrong"):
        check_rules(f, (2.0,))


@pytest.mark.parametrize("value", [lambda x: x + 1, lambda x: x[:1]])
def test_check_rules_finds_a_forward_rule_with_another_value(value: Rule) -> None:
    f = by_vjp(lambda x: x, lambda x: (value(x), None), lambda r, w: (w,))
    with pytest.raises(GradientError, match="the value of <lambda> and the one that its forward"):
        check_rules(f, (np.ones(2),))


def test_check_rules_finds_a_forward_rule_with_another_structure() -> None:
    f = by_vjp(lambda x: x, lambda x: ((x, x), None), lambda r, w: (w[0] + w[1],))
    with pytest.raises(StructureError, match="check_rules: <lambda> and its forward rule differ"):
        check_rules(f, (np.ones(2),))
