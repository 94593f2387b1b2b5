"""Derivatives of derivatives, closures over what is being differentiated, and threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pullback as pb
from pullback import Array
from pullback.errors import ConversionError
from pullback.primitives.quantity import Value
from tests.lambdas import number, of

# ------------------------------------------------------------------------------------ orders


@pytest.mark.parametrize("order", range(1, 7))
def test_derivatives_of_any_order(order: int) -> None:
    f = number(lambda x: x**6 + np.exp(2 * x))
    for _ in range(order):
        f = pb.grad(f)
    x = 0.7
    polynomial = [6 * x**5, 30 * x**4, 120 * x**3, 360 * x**2, 720 * x, 720.0][order - 1]
    np.testing.assert_allclose(f(x), polynomial + 2**order * np.exp(2 * x), rtol=1e-12)


def test_hessian_of_a_vector_function_by_two_reverse_passes() -> None:
    a = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 4.0]])

    def f(x: Value) -> Array:
        return pb.sum(x * pb.matmul(a, x)) / 2 + pb.sum(x**3)

    x = np.array([1.0, -2.0, 0.5])
    rows = [pb.grad(of(lambda x: pb.grad(f)(x)[i]))(x) for i in range(3)]  # noqa: B023
    np.testing.assert_allclose(rows, a + np.diag(6 * x), rtol=1e-14)


def test_gradient_of_a_gradient_norm_is_a_hessian_vector_product() -> None:
    # ∇ ½|∇f|² = H ∇f; for f = Σ xᵢ⁴/4: ∇f = x³, H = diag(3x²).
    x = np.array([1.0, 2.0, -3.0])
    inner = pb.grad(of(lambda x: pb.sum(x**4) / 4))
    found = pb.grad(of(lambda x: pb.sum(inner(x) ** 2) / 2))(x)
    np.testing.assert_allclose(found, 3 * x**2 * x**3, rtol=1e-14)


# ---------------------------------------------------------------------- perturbation confusion


def test_inner_derivative_does_not_see_the_outer_input() -> None:
    # d/dx x · (d/dy (x + y)) = 1, not 2.
    inner = number(lambda x: x * pb.grad(number(lambda y: x + y))(2.0))
    assert pb.grad(inner)(1.0) == 1.0


@pytest.mark.parametrize("argument", [3.0, pb.asarray(3.0), np.array(3.0)])
def test_inner_derivative_at_the_outer_input(argument: Value) -> None:
    # d/dx (x · d/dy (x y²) at y = x) = d/dx (x · 2x²) = 6x².
    f = of(lambda x: x * pb.grad(of(lambda y: x * y * y))(x))
    assert float(pb.grad(f)(argument)) == 54.0


def test_closure_over_three_levels() -> None:
    # d/dx d/dy d/dz (x² y³ z⁴), each at 2, with the outer ones through closures.
    def f(x: float) -> float:
        def g(y: float) -> float:
            return pb.grad(number(lambda z: x**2 * y**3 * z**4))(2.0)

        return pb.grad(g)(2.0)

    assert pb.grad(f)(2.0) == (2 * 2) * (3 * 4) * (4 * 8)


def test_four_levels_of_closures_over_each_other() -> None:
    def f(a: float) -> float:
        return pb.grad(
            number(
                lambda b: (
                    a
                    * b
                    * pb.grad(
                        number(
                            lambda c: c * b * a * pb.grad(number(lambda d: d * d * c * b * a))(a)
                        )
                    )(b)
                )
            )
        )(a)

    # d/dd (d²cba) at a: 2a·cba; times cba: 2a³b²c²; d/dc at b: 4a³b³; times ab: 4a⁴b⁴;
    # d/db at a: 16a⁴b³ = 16a⁷.
    assert f(1.5) == pytest.approx(16 * 1.5**7, rel=1e-14)
    assert pb.grad(f)(1.5) == pytest.approx(7 * 16 * 1.5**6, rel=1e-13)


def test_inner_function_that_ignores_its_argument_differentiates_to_zero() -> None:
    f = number(lambda x: pb.grad(number(lambda y: x * x))(1.0) + x)
    assert pb.grad(f)(3.0) == 1.0


def test_outer_derivative_through_an_inner_value_and_its_gradient() -> None:
    def f(x: float) -> float:
        value, slope = pb.value_and_grad(number(lambda y: y**3 * x))(x)
        return value + slope  # x⁴ + 3x³

    assert pb.grad(f)(2.0) == 4 * 8 + 9 * 4


def test_stop_gradient_inside_an_inner_function_cuts_both() -> None:
    f = number(lambda x: pb.grad(number(lambda y: y * pb.stop_gradient(x * y)))(2.0))
    assert f(3.0) == 6.0
    assert pb.grad(f)(3.0) == 0.0


def test_gradient_step_inside_a_gradient() -> None:
    # One step on y²·x from y: y − 0.1·2xy; the square of it, differentiated in x.
    def after_step(x: float) -> float:
        y = 3.0
        y = y - 0.1 * pb.grad(number(lambda y: y * y * x))(y)
        return y * y

    x = 2.0
    expected = 2 * (3 - 0.6 * x) * -0.6
    assert pb.grad(after_step)(x) == pytest.approx(expected, rel=1e-14)


# --------------------------------------------------------------- what a transform leaves behind


def test_exception_leaves_nothing_behind() -> None:
    def f(x: float) -> float:
        if x > 0:
            msg = "no"
            raise KeyError(msg)
        return x * x

    for _ in range(3):
        with pytest.raises(KeyError, match="no"):
            pb.grad(number(lambda x: x + pb.grad(f)(1.0)))(2.0)
        assert pb.grad(f)(-3.0) == -6.0
        assert pb.grad(pb.grad(f))(-3.0) == 2.0


def test_node_kept_from_inside_stays_an_ordinary_node() -> None:
    kept: list[Value] = []

    def f(x: Value) -> Value:
        h = x * x
        loss = pb.sum(h * 3.0)
        kept.extend([x, h, loss])
        return loss

    pb.grad(f)(np.array([1.0, 2.0]))
    x, h, loss = kept
    assert repr(h) == "Array([1., 4.], float64[2], traced multiply)"
    assert repr(x) == "Array([1., 2.], float64[2], input x)"
    np.testing.assert_array_equal(np.asarray(pb.stop_gradient(h + 1.0)), [2.0, 5.0])
    assert bool(pb.all(h > 0.5))
    found = pb.gradients(loss, [h, x])
    np.testing.assert_array_equal(np.asarray(pb.stop_gradient(found[h])), [3.0, 3.0])
    np.testing.assert_array_equal(np.asarray(pb.stop_gradient(found[x])), [6.0, 12.0])
    with pytest.raises(ConversionError, match="stop_gradient"):
        float(loss)


def test_node_kept_from_inside_is_closed_over_by_other_transforms() -> None:
    kept: list[Value] = []

    def f(x: float) -> float:
        kept.append(x * x)
        return x

    pb.grad(f)(3.0)
    result = pb.grad(of(lambda y: y * kept[0]))(2.0)
    assert isinstance(result, Array)  # it depends on a trace, though no transform will end it
    assert result == 9.0


# ---------------------------------------------------------------------- interleaved executions


def test_generators_may_be_interleaved() -> None:
    def steps(x: Value, out: list[Value]) -> Iterator[None]:
        y = x
        for _ in range(3):
            y = y * x
            yield
        out.append(y)

    def f(x: Value) -> Value:
        first: list[Value] = []
        second: list[Value] = []

        def g(y: Value) -> Value:
            a, b = steps(x, first), steps(y, second)
            for _ in range(4):
                next(a, None)
                next(b, None)
            return first[-1] * second[-1]

        return pb.grad(g)(2.0)  # x⁴ · 4y³

    assert pb.grad(f)(3.0) == 4 * 27 * 32


def test_coroutines_may_be_interleaved() -> None:
    async def slow_cube(x: Value) -> Value:
        y = x * x
        await asyncio.sleep(0)
        return y * x

    async def both() -> list[float]:
        async def derivative(x: float) -> float:
            v = pb.variable(x)
            y = await slow_cube(v)
            await asyncio.sleep(0)
            return float(pb.stop_gradient(pb.gradients(y, [v])[v]))

        return list(await asyncio.gather(derivative(1.0), derivative(2.0), derivative(3.0)))

    assert asyncio.run(both()) == [3.0, 12.0, 27.0]


def test_two_threads_with_interleaved_nested_gradients_are_exact() -> None:
    # The order of events that breaks a global count of open traces: thread A opens its outer
    # trace; B opens one and ends it while A's inner one is open; and so on.
    barrier = threading.Barrier(2, timeout=60)

    def nested(x: float) -> float:
        def outer(x: float) -> float:
            barrier.wait()

            def inner(y: float) -> float:
                barrier.wait()
                z = x * y * y
                barrier.wait()
                return z

            slope = pb.grad(inner)(x)
            barrier.wait()
            return slope * x

        result = pb.grad(outer)(x)  # d/dx (2x² · x) = 6x²
        barrier.wait()
        return result

    for _ in range(20):
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(nested, [1.0, 2.0])) == [6.0, 24.0]


def test_a_trace_that_ends_in_one_thread_does_not_end_another() -> None:
    # d/dx x² · (d/dy x y) at 2, while another thread takes and ends a gradient in between.
    opened, ended = threading.Event(), threading.Event()

    def other() -> float:
        opened.wait(60)
        result = pb.grad(number(lambda x: x * x))(5.0)
        ended.set()
        return result

    def f(x: float) -> float:
        def g(y: float) -> float:
            opened.set()
            assert ended.wait(60)
            return x * y

        return x * pb.grad(g)(1.0)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(other)
        assert pb.grad(f)(2.0) == 4.0
        assert future.result(60) == 10.0


def test_sixty_four_threads_at_once_are_exact() -> None:
    start = threading.Barrier(64, timeout=60)

    def work(k: int) -> Value:
        start.wait()
        x = np.linspace(0.0, 1.0, 5) + k
        f = of(lambda x: pb.sum(x**3 * k))
        hessian = pb.grad(of(lambda x: pb.sum(pb.grad(f)(x) * x)))
        return [(pb.grad(f)(x), hessian(x)) for _ in range(10)]

    with ThreadPoolExecutor(64) as pool:
        for k, results in enumerate(pool.map(work, range(64))):
            x = np.linspace(0.0, 1.0, 5) + k
            for first, second in results:
                np.testing.assert_allclose(first, 3 * k * x**2, rtol=1e-14)
                np.testing.assert_allclose(second, 9 * k * x**2, rtol=1e-14)
