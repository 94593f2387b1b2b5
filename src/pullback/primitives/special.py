"""Special functions: the error function and its kin, gamma functions, the logistic function.

Values come from `scipy.special`, which loads when one of them is first computed.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, final

import numpy as np
from attrs import evolve, frozen

from pullback.errors import DTypeError
from pullback.lazy import lazy
from pullback.primitives.arithmetic import divide
from pullback.primitives.bitwise import BitwiseAnd
from pullback.primitives.comparison import Equal
from pullback.primitives.elementwise import Binary, Elementwise, Unary
from pullback.primitives.exponential import Exp, Log
from pullback.primitives.quantity import Quantity, Value, is_complex
from pullback.primitives.selection import Where
from pullback.types import ArrayType, broadcast_shapes, python_zero, type_of

special: Value = lazy("scipy.special")

_TWO_OVER_SQRT_PI: Final = 2 / math.sqrt(math.pi)


class Special(Unary):
    """A function whose result has the dtype that its own computation gives."""

    __slots__ = ()

    @abstractmethod
    def evaluate(self, *values: Value) -> Value:
        """Compute the function, without a ``ufunc``: naming SciPy's would load SciPy."""

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type of what a sample of the operand gives."""
        return _sampled_type(self, types)


def _sampled_type(primitive: Elementwise, types: Sequence[ArrayType]) -> ArrayType:
    """Return the type that the primitive gives to operands of ``types``, from a sample of each.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: The primitive is not defined for these dtypes.
    """
    shape = broadcast_shapes(primitive.name, [t.shape for t in types])
    samples = [type(python_zero(t.dtype))(1) if t.weak else t.dtype.type(1) for t in types]
    try:
        return evolve(type_of(primitive.evaluate(*samples)), shape=shape)
    except TypeError:
        shown = ", ".join(str(t.dtype) for t in types)
        msg = f"{primitive.name}: not defined for dtype {shown}; convert the operand with astype"
        raise DTypeError(msg) from None


@final
class Erf(Special):
    """``2/√π ∫₀ˣ exp(-t²) dt``."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return special.erf(*values)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return Exp()(-x * x) * _TWO_OVER_SQRT_PI


@final
class Erfc(Special):
    """``1 - erf x``, without the cancellation."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return special.erfc(*values)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return Exp()(-x * x) * -_TWO_OVER_SQRT_PI


@final
class Erfcx(Special):
    """``exp(x²) · erfc x``; by the product rule, ``f' = 2x·f - 2/√π``."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return special.erfcx(*values)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return x * out * 2 - _TWO_OVER_SQRT_PI


@final
class Erfinv(Special):
    """The inverse of erf; its derivative is ``1 / erf'(out)``."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return special.erfinv(*values)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return Exp()(out * out) * (1 / _TWO_OVER_SQRT_PI)


@final
class Ndtr(Special):
    """Φ, the distribution function of the normal distribution; its derivative is the density."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return special.ndtr(*values)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return _density(x)


def _density(x: Quantity) -> Quantity:
    """Return φ, the density of the normal distribution."""
    return Exp()(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))


@final
class LogNdtr(Special):
    """``ln Φ(x)``.

    Its derivative φ(x) / Φ(x), where both underflow on the left. With Φ(x) = ½ erfc(-x/√2) and
    erfc(t) = exp(-t²)·erfcx(t) the exponentials cancel, and √(2/π) / erfcx(-x/√2) remains. That
    overflows on the right, where Φ is 1 to the last digit from 9 on, and φ remains.
    """

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return special.log_ndtr(*values)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        if is_complex(x):
            return _hazard(x)
        right = x > 9
        return Where()(right, _density(x), _hazard(Where()(right, 0, x)))


def _hazard(x: Quantity) -> Quantity:
    """Return φ(x) / Φ(x); to the right of 37 its own derivatives overflow."""
    return divide(math.sqrt(2 / math.pi), Erfcx()(x * -math.sqrt(0.5)))


@final
class Gammaln(Special):
    """``ln |Γ(x)|``; its derivative is ψ."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return special.gammaln(*values)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return Polygamma(0)(x)


@final
@frozen(eq=False, repr=False)
class Polygamma(Special):
    """ψ⁽ⁿ⁾, the derivative of order n of ψ = (ln Γ)'; its derivative is the next one.

    For n ≥ 1 it is ``(-1)ⁿ⁺¹ n! ζ(n + 1, x)`` with Hurwitz' zeta function, on real numbers only.
    """

    order: int

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        n = self.order
        if n == 0:
            return special.psi(x)
        array = np.asarray(x)
        if array.dtype.kind == "c":
            msg = f"polygamma: order {n} is not defined for dtype {array.dtype}"
            raise DTypeError(msg)
        if array.dtype != np.float32:
            array = array.astype(np.float64)
        return special.zeta(n + 1.0, array) * ((-1.0) ** (n + 1) * math.factorial(n))

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return Polygamma(self.order + 1)(x)


@final
class Expit(Special):
    """The logistic function ``1 / (1 + exp(-x))``.

    Its derivative is ``f(x)·f(-x)``: ``f·(1 - f)`` would lose all digits on the right.
    """

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        # d/(1 + d) on the left, 1/(1 + d) on the right: d = exp(-|Re x|) cannot overflow. As d is
        # at most 1, the numerator for real numbers is the larger of d and (x ≥ 0).
        if np.iscomplexobj(x):
            right = np.real(x) >= 0
            decay = np.exp(np.where(right, -x, x))
            return (np.where(right, 1, decay) / (1 + decay))[()]
        decay = np.exp(np.minimum(x, 0.0 - x))
        return np.maximum(x >= 0, decay) / (1 + decay)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return out * Expit()(-x)


@final
class Logit(Special):
    """``ln(x / (1 - x))``, the inverse of the logistic function."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return special.logit(*values)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return divide(1, x * (1 - x))


@final
class Softplus(Special):
    """``ln(1 + exp(x))``; its derivative is the logistic function."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return np.logaddexp(values[0], 0)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return Expit()(x)


@final
class Xlogy(Binary):
    """``x · ln y``, and 0 where ``x`` is 0.

    ∂/∂x = ln y, at x = 0 too. ∂/∂y = x / y, and 0 where both are 0: the function is constant in
    ``y`` there.
    """

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        dtype = np.result_type(x, y)  # SciPy's loops do not know that Python numbers are weak
        return special.xlogy(x, y, dtype=dtype if dtype.char in "fF" else None)

    def infer(self, *types: ArrayType) -> ArrayType:
        return _sampled_type(self, types)

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return Log()(y)

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        flat = BitwiseAnd()(Equal()(x, 0), Equal()(y, 0))
        return Where()(flat, 0, divide(x, Where()(flat, 1, y)))
