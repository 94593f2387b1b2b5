"""`check_grads`: right functions pass, planted faults are found and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback.core import apply, lift
from pullback.errors import ConversionError, DifferentiationError, PullbackError
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.testing import GradientError, check_grads
from pullback.testing.subject import Mode
from tests.lambdas import of
from tests.testing.faults import (
    Cube,
    Detached,
    Halves,
    NearlyRight,
    NoConjugate,
    OneElement,
    Square,
    Unsummed,
    Unwieldy,
    WrongBatch,
    WrongPushforward,
    WrongSign,
    wrong,
)

Function: TypeAlias = Callable[..., object]
ALL: tuple[Mode, ...] = ("forward", "reverse", "batch")
RNG = np.random.default_rng(0)


def message(f: Function, *args: Value, modes: tuple[Mode, ...] = ALL[:2], order: int = 2) -> str:
    """What a failing check says."""
    with pytest.raises(GradientError) as caught:
        check_grads(f, args, order, modes)
    return str(caught.value)


# -------------------------------------------------------------------------------- what is right


@frozen
class Model:
    weight: Value
    count: int
    name: str = "m"


RIGHT: dict[str, tuple[Function, tuple[Value, ...]]] = {
    "a float": (lambda x: x**3 - 2 * x, (1.3,)),
    "a NumPy scalar": (lambda x: x * np.exp(x), (np.float64(0.3),)),
    "an array of ours": (lambda x: x * x, (pb.asarray([1.0, 2.0]),)),
    "NumPy functions": (np.sin, (np.linspace(-1, 1, 5),)),
    "several arguments": (
        lambda x, y: np.tanh(x @ y),
        (RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))),
    ),
    "broadcasting both ways": (lambda x, y: x * y + y, (np.ones((3, 1)), np.arange(4.0))),
    "trees, integers and words": (
        lambda m, n: {"a": m.weight * n + m.count, "n": n, "s": (m.name, None)},
        (Model(np.ones((2, 3)), 2), 3),
    ),
    "no elements": (lambda x: pb.sum(x * x), (np.zeros(0),)),
    "a linear function": (lambda x: 3 * x[::-1], (np.arange(4.0),)),
    "a constant": (lambda x: 3.0, (np.arange(4.0),)),
    "a derivative of zero": (lambda x: pb.sum(pb.exp(x - pb.logsumexp(x))), (np.arange(3.0),)),
    "complex, holomorphic": (lambda z: z * z * pb.exp(z), (np.array([1 + 2j, 0.5 - 1j]),)),
    "complex, not holomorphic": (lambda z: z * pb.conj(z) + pb.abs(z), (np.array([1 + 2j, -1j]),)),
    "real to complex": (lambda x: pb.exp(1j * x), (np.arange(3.0),)),
    "complex to real": (lambda z: pb.real(z * z) + pb.angle(z), (1 + 2j,)),
    "float32": (lambda x: pb.sum(pb.exp(x) * x), (np.linspace(-1, 1, 5, dtype=np.float32),)),
    "float32, a derivative of zero": (
        lambda x: pb.sum(pb.exp(x - pb.logsumexp(x))),
        (np.arange(3, dtype=np.float32),),
    ),
    "complex64": (lambda z: z * pb.conj(z) * pb.exp(z), (np.array([1 + 2j], np.complex64),)),
    "float32 on the way": (lambda x: pb.sin(pb.astype(x, pb.float32)), (np.arange(3.0),)),
    "float32 and a float": (lambda x, a: a * x**2, (np.ones(2, np.float32), 2.0)),
    "two precisions": (lambda x, y: x * y, (np.ones(2, np.float32), np.arange(2.0))),
    "large numbers": (lambda x: pb.sin(x * 1e-8), (np.array([1e8, 2e8]),)),
    "large results": (lambda x: 1e10 + pb.sin(x), (0.5,)),
    "outputs of many scales": (lambda x: (1e-12 * x**2, 1e12 * x**2), (np.arange(1.0, 3.0),)),
    "kinks near the point": (lambda x: pb.sum(pb.maximum(x, 0)), (RNG.standard_normal(1000),)),
    "a safe where": (
        lambda x: pb.where(x > 0, pb.log(pb.where(x > 0, x, 1.0)), 0.0),
        (np.array([-1.0, 2.0]),),
    ),
    "indexing": (lambda x: x[np.array([0, 0, 2])] * x[1], (np.arange(1.0, 4.0),)),
    "sorting": (lambda x: pb.sort(x) * np.arange(3.0), (np.array([3.0, 1.0, 2.0]),)),
    "a gradient inside": (lambda x: x * pb.grad(lambda y: pb.sum(y**4))(x), (np.arange(3.0),)),
    "a tangent inside": (lambda x: pb.jvp(pb.sin, x, x * x), (np.arange(3.0),)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_derivatives_pass_in_every_mode(name: str) -> None:
    f, args = RIGHT[name]
    check_grads(f, args, modes=ALL)


@pytest.mark.parametrize("mode", ALL)
def test_each_mode_can_be_checked_alone(mode: Mode) -> None:
    check_grads(lambda x, y: pb.sin(x) @ y, [np.ones((2, 3)), np.ones(3)], 2, (mode,))


def test_fourth_order_passes_where_it_is_right() -> None:
    check_grads(lambda x: pb.sin(x) * pb.exp(x), (0.3,), order=4)


def test_branches_on_values_pass_without_the_batch_mode() -> None:
    f = of(lambda x: x * x if x > 0 else -x)
    check_grads(f, (2.0,))
    with pytest.raises(ConversionError):
        check_grads(f, (2.0,), modes=("batch",))


def test_nothing_is_returned_and_arguments_stay_as_they_are() -> None:
    x = np.arange(3.0)
    f: Callable[..., object] = check_grads
    assert f(np.sin, (x,)) is None
    np.testing.assert_array_equal(x, [0.0, 1.0, 2.0])


def test_the_module_is_an_attribute_of_the_package() -> None:
    assert pb.testing.check_grads is check_grads
    assert issubclass(GradientError, AssertionError)
    assert issubclass(GradientError, PullbackError)


# ------------------------------------------------------------------------------ planted faults


def test_the_square_is_right_where_nothing_is_planted() -> None:
    check_grads(of(lambda x: wrong(Square, x)), (np.array([1 + 2j, 3.0]),), modes=ALL)


def test_wrong_sign_of_a_pullback_is_named_with_primitive_and_element() -> None:
    def loss(p: dict[str, Value]) -> object:
        return {"a": pb.sum(pb.sin(wrong(WrongSign, p["w"]) * 2), axis=1)}

    said = message(loss, {"w": np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])})
    head, at, expected, got, error, fault, *rest = said.splitlines()
    assert head == "check_grads: the reverse-mode derivative of loss is wrong"
    i = at.split("['a'][")[1][0]
    assert at.startswith(f"  at        ∂ output['a'][{i}] / ∂ p['w'][{i}, ")
    assert "central differences" in expected
    assert float(expected.split()[1]) == pytest.approx(-float(got.split()[1]))
    assert error.endswith("got / expected = -1")
    assert fault == (
        "  fault     primitive wrong_sign, operation 1 of 4: by itself, "
        "the reverse-mode derivative is wrong"
    )
    assert rest[0].strip() == "of float64[3, 2] [[0.1 0.2] [0.3 0.4] [0.5 0.6]]"
    assert "∂ result[" in rest[1]
    assert "] / ∂ operand 0[" in rest[1]


def test_fault_in_reverse_mode_passes_in_forward_mode() -> None:
    check_grads(of(lambda x: wrong(WrongSign, x)), (2.0,), modes=("forward",))


def test_reverse_mode_alone_is_compared_with_differences() -> None:
    said = message(lambda x: wrong(WrongSign, x), np.arange(1.0, 4.0), modes=("reverse",))
    assert "the reverse-mode derivative of <lambda> is wrong" in said
    assert "primitive wrong_sign" in said


def test_wrong_pushforward_is_named() -> None:
    said = message(lambda x: pb.exp(x) + wrong(WrongPushforward, x), np.array([0.5, 3.0]))
    assert "the forward-mode derivative of <lambda> is wrong" in said
    assert "primitive wrong_pushforward, operation " in said
    assert "got / expected = 0.5" in said


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_one_wrong_element_is_found(size: int) -> None:
    said = message(of(lambda x: wrong(OneElement, x)), np.linspace(1.0, 2.0, size))
    assert f"∂ output[{size - 1}] / ∂ x[{size - 1}]\n" in said
    assert "got / expected = 0.5" in said


def test_wrong_second_derivative_is_named_when_the_first_is_right() -> None:
    check_grads(of(lambda x: wrong(Detached, x)), (3.0,), order=1)
    said = message(lambda x: pb.sin(wrong(Detached, x)), 3.0)
    assert "the forward-over-forward derivative (order 2) of <lambda> is wrong" in said
    assert "∂ tangent of output / ∂ x" in said
    assert "primitive detached, operation 1 of 2: by itself, the forward-over-forward" in said
    said = message(lambda x: pb.sin(wrong(Detached, x)), 3.0, modes=("reverse",))
    assert "the reverse-over-reverse derivative (order 2)" in said
    assert "∂ cotangent of x / ∂ x" in said


def test_wrong_third_derivative_is_found() -> None:
    check_grads(of(lambda x: wrong(Cube, x)), (3.0,))
    said = message(lambda x: wrong(Cube, x) + x, 3.0, order=3)
    assert "the forward-over-forward-over-forward derivative (order 3) of <lambda>" in said
    assert "primitive cube" in said


def test_cotangent_that_was_not_summed_is_named_by_its_shape() -> None:
    said = message(lambda x, y: wrong(Unsummed, x, y), np.ones((2, 3)), np.ones(3))
    assert "raised    ShapeError: y has shape (2, 3) in place of (3,)" in said
    assert "primitive unsummed" in said
    assert "ShapeError: operand 1 has shape (2, 3) in place of (3,)" in said


def test_error_that_a_rule_raises_is_told_and_chained() -> None:
    with pytest.raises(GradientError, match="primitive unwieldy") as caught:
        check_grads(lambda x: pb.sum(wrong(Unwieldy, x * 2)), (np.arange(3.0),))
    assert "raised    ValueError: operands could not be broadcast" in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_missing_conjugate_is_found_for_complex_numbers_only() -> None:
    check_grads(of(lambda x: wrong(NoConjugate, x)), (2.0,))
    said = message(lambda z: wrong(NoConjugate, z), np.array([1.0, 1 + 2j]))
    assert "primitive no_conjugate" in said
    assert "∂ output[1] (imaginary part) / ∂ z[1] (real part)" in said or (
        "∂ output[1] (real part) / ∂ z[1] (imaginary part)" in said
    )


@pytest.mark.parametrize("fault", [WrongSign, WrongPushforward, OneElement])
def test_faults_are_found_in_single_precision(fault: type[Primitive]) -> None:
    said = message(lambda x: pb.sum(wrong(fault, x)), np.array([0.5, 1.5], np.float32))
    assert f"primitive {fault().name}" in said
    assert "of float32[2] [0.5 1.5]" in said


def test_small_relative_fault_is_found_in_single_precision() -> None:
    assert "got / expected = 1.01" in message(lambda x: wrong(NearlyRight, x), np.float32(0.7))


def test_wrong_batching_rule_is_named() -> None:
    said = message(lambda x: pb.sin(wrong(WrongBatch, x)), np.array([0.5, 1.5]), modes=("batch",))
    assert "check_grads: vmap of <lambda> is wrong" in said
    assert ", example 0 of 3" in said
    assert "primitive wrong_batch, operation 1 of 2: by itself, vmap is wrong" in said


def test_operation_on_bundles_is_checked_by_itself() -> None:
    def f(x: object, y: object) -> object:
        both = apply(Halves(), apply(Pack(), lift(x), lift(y)))
        return apply(Unpack(0), both) * apply(Unpack(1), both)

    said = message(f, 2.0, 3.0)
    assert "primitive halves, operation 1 of 2" in said
    assert "∂ result.1 / ∂ operand 0.1" in said


def test_loops_and_branches_pass_in_every_mode() -> None:
    def f(c: Value, xs: Value) -> object:
        c = pb.cond(True, of(lambda x: x + pb.sin(x)), of(lambda x: x * x), c)
        c = pb.fori_loop(0, 3, lambda i, c: c * c + i, c)
        return pb.scan(lambda c, x: (pb.sin(c) * x, c * x), c, xs)

    check_grads(f, (0.5, np.linspace(0.1, 1.0, 5)), modes=ALL)
    grows = of(lambda x: pb.while_loop(lambda c: c < 10.0, lambda c: c * c + 1.0, x))
    check_grads(grows, (1.5,), modes=("forward",))


def test_fault_in_the_body_of_a_loop_is_named() -> None:
    def step(c: Value, x: Value) -> tuple[Value, Value]:
        return pb.sin(pb.maximum(wrong(WrongSign, c), -5.0)) * x, c

    said = message(lambda c, xs: pb.scan(step, c, xs), 0.5, np.linspace(0.1, 1.0, 5))
    assert "primitive scan, operation " in said
    inside = "  inside    primitive wrong_sign: the reverse-mode derivative is wrong"
    assert said.splitlines()[-1] == inside
    nested = message(
        lambda c, xs: pb.fori_loop(0, 2, lambda i, c: pb.scan(step, c, xs)[0], c),
        0.5,
        np.linspace(0.1, 1.0, 3),
    )
    assert nested.splitlines()[-1] == inside


def test_innocent_operations_are_not_named() -> None:
    said = message(lambda x: pb.exp(pb.sin(x) + wrong(WrongSign, pb.cos(x))), np.arange(3.0))
    assert said.count("primitive") == 1
    assert "primitive wrong_sign, operation " in said


# ------------------------------------------------------------- no primitive, and no smooth point


def test_stop_gradient_is_named_where_it_cuts() -> None:
    said = message(lambda x: x * pb.stop_gradient(x), np.array([2.0, 3.0]))
    assert "fault     no primitive" in said
    assert "the function cuts derivatives off with stop_gradient" in said
    assert "got / expected = 0.5" in said


def test_value_kept_from_another_call_is_no_fault_of_a_primitive() -> None:
    kept: list[Value] = []

    def f(x: Value) -> Value:
        kept.append(float(pb.stop_gradient(x)))
        return x * kept[-1]

    said = message(f, 2.0)
    assert "fault     no primitive" in said
    assert "a value taken out of the trace" in said


def test_kink_is_called_one() -> None:
    said = message(lambda x: pb.where(x > 0, x, 0 * x), np.array([1.0, 0.0]))
    assert "the forward-mode derivative of <lambda> disagrees with differences" in said
    assert "∂ output[1] / ∂ x[1]" in said
    assert "kink      one-sided differences are 0 from below and 1 from above" in said
    assert "fault" not in said


def test_tie_passes_at_first_order_and_jumps_at_second() -> None:
    ties = np.array([1.0, 1.0, 0.0])
    check_grads(pb.max, (ties,), order=1)  # the mean of the one-sided derivatives
    said = message(pb.max, ties)
    assert "jump      differences grow as steps shrink" in said
    assert "suspect   primitive max" in said


def test_jump_is_called_one_and_its_cause_is_named() -> None:
    said = message(lambda x: x * pb.floor(x), np.array([0.5, 1.0]))
    assert "∂ output[1] / ∂ x[1]" in said
    assert "jump      differences grow as steps shrink" in said
    assert "cuts derivatives off with floor" in said


def test_infinite_slope_at_the_edge_of_a_domain_is_told() -> None:
    said = message(lambda x: 2 * np.sqrt(x), np.array([1.0, 0.0]))
    assert "∂ output[1] / ∂ x[1]" in said
    assert "got       inf" in said
    assert "domain    one-sided differences are nan from below" in said


def test_value_that_is_not_finite_is_told() -> None:
    said = message(lambda x: {"y": pb.log(x)}, np.array([1.0, -1.0]))
    assert said.startswith("check_grads: the value of <lambda> is not finite")
    assert "output['y'][1] = nan" in said


def test_smaller_step_settles_differences() -> None:
    said = message(pb.log, 1e-7)
    assert "a smaller step may help" in said
    check_grads(pb.log, (1e-7,), order=1, step=1e-9)


def test_impure_function_is_refused() -> None:
    calls: list[int] = []

    def f(x: Value) -> Value:
        calls.append(1)
        return x * len(calls)

    said = message(f, 2.0)
    assert said.startswith("check_grads: f is not pure: output was 2 at a first call and 6 ")


def test_tolerances_loosen_the_check() -> None:
    nearly = of(lambda x: x * x + 1e-3 * pb.stop_gradient(x))
    assert "error     0.001, tolerance" in message(nearly, 1.0)
    check_grads(nearly, (1.0,), rtol=1e-2)
    check_grads(nearly, (1.0,), atol=1e-2)


def test_same_seed_gives_the_same_message() -> None:
    f = of(lambda x: pb.sum(x @ wrong(WrongSign, x)))
    x = RNG.standard_normal((3, 3))
    assert message(f, x) == message(f, x)


# ------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("f", "args", "text"),
    [
        (lambda x: x, (1,), "no floating-point numbers among the arguments"),
        (lambda: 1.0, (), "no floating-point numbers among the arguments"),
        (lambda x: 1, (1.0,), "no floating-point numbers in the result"),
    ],
)
def test_nothing_to_differentiate_is_an_error(
    f: Function, args: tuple[Value, ...], text: str
) -> None:
    with pytest.raises(DifferentiationError, match=text):
        check_grads(f, args)


@pytest.mark.parametrize(
    ("name", "setting", "text"),
    [
        ("order", 0, "order: expected at least 1, not 0"),
        ("modes", (), "modes: expected some of forward, reverse, batch"),
        ("modes", ("fwd",), "modes: expected some of forward, reverse, batch"),
        ("step", 0.0, "step: expected a positive number, not 0.0"),
    ],
)
def test_setting_out_of_range_is_an_error(name: str, setting: Value, text: str) -> None:
    settings: dict[str, Value] = {name: setting}
    with pytest.raises(ValueError, match=text):
        check_grads(np.sin, (1.0,), **settings)


def test_a_minimum_whose_value_is_zero_passes() -> None:
    times = np.linspace(0.0, 10.0, 50)
    data = np.exp(-0.3 * times) * np.cos(2.0 * times)

    def misfit(p: pb.Array) -> pb.Array:
        return pb.mean((pb.exp(-p[0] * times) * pb.cos(p[1] * times) - data) ** 2)

    check_grads(misfit, (np.array([0.3, 2.0]),), order=2)
