"""The convention of complex gradients: ∂L/∂Re z + i ∂L/∂Im z, the direction of ascent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

from pullback.api.complex import angle, conj, imag, real
from pullback.api.linear_algebra import matmul
from pullback.api.reductions import sum
from pullback.api.selection import where
from pullback.core import Array
from pullback.primitives.exponential import Exp, Log, Sqrt
from pullback.primitives.hyperbolic import Tanh
from pullback.primitives.quantity import Value
from pullback.primitives.trigonometric import Sin
from tests.checks import check_function, pullback_of
from tests.primitives.pointwise import applying, complexes, held, reals, second_at, slope, slope_at

Function = Callable[[Array], Array]
exp, log, sqrt, tanh, sin = (applying(p()) for p in (Exp, Log, Sqrt, Tanh, Sin))

MATRIX: Final = complexes((3, 3), -1, 1, seed=5)
LOSSES: Final[dict[str, Function]] = {
    "squared modulus": lambda z: real(sum(z * conj(z))),
    "real part of a cube": lambda z: sum(real(z**3)),
    "imaginary part of exp": lambda z: sum(imag(exp(z))),
    "modulus": lambda z: sum(abs(z)),
    "modulus of sin": lambda z: sum(abs(sin(z) * 2.0)),
    "angle": lambda z: sum(angle(z) ** 2),
    "angle of a product": lambda z: sum(angle(z * (1 - 2j)) * np.arange(3.0)),
    "log": lambda z: sum(real(log(z)) - imag(log(z))),
    "root": lambda z: sum(abs(sqrt(z) + 1j)),
    "quotient": lambda z: sum(real(1j / z + z / (1 + 2j))),
    "power": lambda z: sum(imag(z ** (0.5 + 1j))),
    "real and complex operands": lambda z: sum(real(z) * abs(z * imag(z))),
    "conjugate": lambda z: sum(abs(conj(z) * z + tanh(conj(z)))),
    "matrix": lambda z: sum(abs(matmul(MATRIX, z)) ** 2),
    "where": lambda z: sum(abs(where(real(z) > 0.4, z * z, conj(z)))),
    "part by part": lambda z: sum(real(z) ** 2 + 3 * imag(z) ** 3),
}
Z: Final = complexes((3,), 0.2, 1)


@pytest.mark.parametrize("name", LOSSES)
def test_a_gradient_is_the_derivative_in_re_plus_i_times_that_in_im(name: str) -> None:
    loss = LOSSES[name]
    gradient = slope_at(loss, Z)
    step = 1e-6
    for k, unit in enumerate(np.eye(3)):
        rises = [
            (loss(held(Z + d * unit)) - loss(held(Z - d * unit)))._value / (2 * step)
            for d in (step, 1j * step)
        ]
        np.testing.assert_allclose(gradient[k], rises[0] + 1j * rises[1], rtol=1e-7, atol=1e-8)
    assert gradient.dtype == np.complex128
    check_function(loss, Z, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_against_the_gradient_descends(name: str) -> None:
    loss = LOSSES[name]
    gradient = slope_at(loss, Z)
    step = 1e-6
    fall = float(loss(held(Z))._value - loss(held(Z - step * gradient))._value)
    np.testing.assert_allclose(fall, step * np.sum(abs(gradient) ** 2), rtol=1e-3)


@pytest.mark.parametrize("f", [exp, log, sqrt, tanh, sin])
def test_a_holomorphic_function_pulls_back_by_its_conjugated_derivative(f: Function) -> None:
    step = 1e-6
    derivative = (f(held(Z + step)) - f(held(Z - step)))._value / (2 * step)
    cotangent = complexes((3,), -1, 1, seed=9)
    (bar,) = pullback_of(f, [Z], cotangent)
    np.testing.assert_allclose(bar, np.conj(derivative) * cotangent, rtol=1e-7)


def test_a_real_parameter_of_a_complex_computation_has_a_real_gradient() -> None:
    x = reals((3,), 0.2, 1)
    wave = slope_at(lambda x: sum(real(exp(1j * x) * (2 - 1j))), x)
    np.testing.assert_allclose(wave, np.real(1j * np.exp(1j * x) * (2 - 1j)), rtol=1e-14)
    assert wave.dtype == np.float64
    scaled = slope_at(lambda x: sum(abs(x * Z) ** 2), x.astype(np.float32))
    np.testing.assert_allclose(scaled, 2 * x * abs(Z) ** 2, rtol=1e-6)
    assert scaled.dtype == np.float32


def test_single_precision_stays_single() -> None:
    gradient = slope_at(lambda z: sum(angle(z) + real(z) * imag(z)), Z.astype(np.complex64))
    assert gradient.dtype == np.complex64


@pytest.mark.parametrize(
    "x",
    [Z, -Z, np.array([1.0, -1.0, 0.0, -0.0]), np.float32(-2), 1j, -1.0, np.array([1, -1])],
)
def test_parts_and_angle_are_numpys(x: Value) -> None:
    for ours, numpys in ((real, np.real), (imag, np.imag), (conj, np.conj), (angle, np.angle)):
        expected = np.asarray(numpys(x))
        actual = ours(x)
        assert np.array_equal(actual._value, expected)
        assert actual.shape == expected.shape
        assert actual.dtype == expected.dtype


def test_the_angle_at_zero_has_no_slope() -> None:
    assert slope_at(angle, np.zeros(2, complex)).tolist() == [0, 0]
    assert second_at(angle, np.zeros(2, complex)).tolist() == [0, 0]
    assert slope_at(angle, np.array([0.0, -1.0, 2.0])).tolist() == [0, 0, 0]


@pytest.mark.parametrize("size", [1e-200, 1e-3, 1e200])
def test_the_slope_of_the_angle_holds_over_the_range_of_floats(size: float) -> None:
    z = size * np.array([1, 1j, -1 - 1j])
    # dθ = Im(dz / z), so the gradient is i / conj(z).
    expected = np.array([1j, -1, (1 - 1j) / 2]) / size
    np.testing.assert_allclose(slope_at(angle, z), expected, rtol=1e-14)


def test_the_angle_is_periodic_in_its_slope_only() -> None:
    above, below = complex(-1.0, 0.0), complex(-1.0, -0.0)
    assert angle(above)._value == np.pi
    assert angle(below)._value == -np.pi
    assert slope_at(angle, above) == slope_at(angle, below) == -1j


def test_modulus_and_angle_make_the_number() -> None:
    def polar(z: Array) -> Array:
        return abs(z) * exp(1j * angle(z))

    cotangent = complexes((3,), -1, 1, seed=3)
    (bar,) = pullback_of(polar, [Z], cotangent)
    np.testing.assert_allclose(bar, cotangent, rtol=1e-13)
    np.testing.assert_allclose(slope(polar)(held(Z))._value, np.ones(3), rtol=1e-13, atol=1e-15)


def test_a_polynomial_has_its_complex_second_derivative() -> None:
    def energy(z: Array) -> Array:
        return sum(real(z * z * z))

    direction = complexes((3,), -1, 1, seed=4)

    def along(z: Array) -> Array:
        return sum(real(conj(slope(energy)(z)) * direction))

    np.testing.assert_allclose(slope_at(along, Z), np.conj(6 * Z * direction), rtol=1e-13)
