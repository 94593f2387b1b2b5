"""Parts of complex numbers.

The gradient of a real loss in a complex number ``z = x + iy`` is ``∂L/∂x + i ∂L/∂y``, the direction
of steepest ascent: ``z - step * grad`` descends. PyTorch has the same convention; JAX's gradient is
the conjugate of this one.
"""

from __future__ import annotations

from pullback.core import Array, ArrayLike, apply, lift, operands
from pullback.primitives.complex import Conjugate, Imag, Real
from pullback.primitives.trigonometric import Atan2


def real(x: ArrayLike, /) -> Array:
    """Return the real part.

    Args:
        x: An array or number; a real one is returned as it is.

    Returns:
        An array of the shape of ``x`` and the real dtype of the same precision.

    Example:
        >>> real([1 + 2j, 3])
        Array([1., 3.], float64[2])
    """
    return apply(Real(), *operands(x))


def imag(x: ArrayLike, /) -> Array:
    """Return the imaginary part.

    Args:
        x: An array or number; of a real one it is 0.

    Returns:
        An array of the shape of ``x`` and the real dtype of the same precision.

    Example:
        >>> imag([1 + 2j, 3])
        Array([2., 0.], float64[2])
    """
    return apply(Imag(), *operands(x))


def conj(x: ArrayLike, /) -> Array:
    """Return the complex conjugate.

    Args:
        x: An array or number; a real one is returned as it is.

    Returns:
        An array of the type of ``x``.

    Example:
        >>> conj([1 + 2j, 3])
        Array([1.-2.j, 3.-0.j], complex128[2])
    """
    return apply(Conjugate(), *operands(x))


def angle(x: ArrayLike, /) -> Array:
    """Return the angle of a complex number in the plane, counted from the positive real axis.

    angle z = atan2(Im z, Re z), with the differential Im(dz / z). At 0 it is 0, and so is its
    derivative.

    Args:
        x: An array or number; of a real one the angle is 0 or π.

    Returns:
        An array of the shape of ``x`` and a real dtype: radians in [-π, π].

    Example:
        >>> angle([1j, -1.0, 1 + 1j])
        Array([1.57079633, 3.14159265, 0.78539816], float64[3])
    """
    (z,) = operands(x)
    if z.dtype.kind == "c":
        return apply(Atan2(), imag(z), real(z))
    return apply(Atan2(), lift(0), z)
