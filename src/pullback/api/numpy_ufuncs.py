"""Which of our functions each ufunc of NumPy and ``scipy.special`` is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, TypeAlias

import numpy as np

import pullback.api as pb
from pullback.api import activations, special
from pullback.core import Array, ArrayLike
from pullback.lazy import lazy

scipy_special: Final = lazy("scipy.special")

Function: TypeAlias = Callable[..., object]


def find_ufunc(ufunc: np.ufunc) -> Function | None:
    """Return the counterpart of a ufunc, or None if it has none."""
    return numpy_ufuncs().get(ufunc) or scipy_ufuncs().get(ufunc)


def _heaviside(x: ArrayLike, at_zero: ArrayLike) -> Array:
    """Return 0 below 0, 1 above it, ``at_zero`` at it, and nan of nan."""
    return pb.where(pb.equal(x, 0), at_zero, (pb.sign(x) + 1) / 2)


@cache
def numpy_ufuncs() -> Mapping[np.ufunc, Function]:
    """Return the counterparts of NumPy's ufuncs, some of which have two names there."""
    table: dict[np.ufunc, Function] = {
        np.absolute: pb.abs,
        np.add: pb.add,
        np.arccos: pb.acos,
        np.arccosh: pb.acosh,
        np.arcsin: pb.asin,
        np.arcsinh: pb.asinh,
        np.arctan: pb.atan,
        np.arctan2: pb.atan2,
        np.arctanh: pb.atanh,
        np.bitwise_and: pb.bitwise_and,
        np.bitwise_or: pb.bitwise_or,
        np.bitwise_xor: pb.bitwise_xor,
        np.cbrt: pb.cbrt,
        np.ceil: pb.ceil,
        np.conjugate: pb.conj,
        np.copysign: pb.copysign,
        np.cos: pb.cos,
        np.cosh: pb.cosh,
        np.deg2rad: pb.deg2rad,
        np.degrees: pb.rad2deg,
        np.divide: pb.divide,
        np.divmod: pb.divmod,
        np.equal: pb.equal,
        np.exp: pb.exp,
        np.exp2: pb.exp2,
        np.expm1: pb.expm1,
        np.fabs: pb.abs,
        np.floor: pb.floor,
        np.floor_divide: pb.floor_divide,
        np.fmod: pb.fmod,
        np.greater: pb.greater,
        np.greater_equal: pb.greater_equal,
        np.heaviside: _heaviside,
        np.hypot: pb.hypot,
        np.invert: pb.bitwise_invert,
        np.isfinite: pb.isfinite,
        np.isinf: pb.isinf,
        np.isnan: pb.isnan,
        np.left_shift: pb.bitwise_left_shift,
        np.less: pb.less,
        np.less_equal: pb.less_equal,
        np.log: pb.log,
        np.log10: pb.log10,
        np.log1p: pb.log1p,
        np.log2: pb.log2,
        np.logaddexp: pb.logaddexp,
        np.logaddexp2: pb.logaddexp2,
        np.logical_and: pb.logical_and,
        np.logical_not: pb.logical_not,
        np.logical_or: pb.logical_or,
        np.logical_xor: pb.logical_xor,
        np.matmul: pb.matmul,
        np.maximum: pb.maximum,
        np.minimum: pb.minimum,
        np.multiply: pb.multiply,
        np.negative: pb.negative,
        np.nextafter: pb.nextafter,
        np.not_equal: pb.not_equal,
        np.positive: pb.positive,
        np.power: pb.pow,
        np.rad2deg: pb.rad2deg,
        np.radians: pb.deg2rad,
        np.reciprocal: pb.reciprocal,
        np.remainder: pb.remainder,
        np.right_shift: pb.bitwise_right_shift,
        np.rint: pb.round,
        np.sign: pb.sign,
        np.signbit: pb.signbit,
        np.sin: pb.sin,
        np.sinh: pb.sinh,
        np.sqrt: pb.sqrt,
        np.square: pb.square,
        np.subtract: pb.subtract,
        np.tan: pb.tan,
        np.tanh: pb.tanh,
        np.trunc: pb.trunc,
        np.vecdot: pb.vecdot,
    }
    if np.lib.NumpyVersion(np.__version__) >= "2.2.0":
        table |= {np.matvec: pb.matvec, np.vecmat: pb.vecmat}
    return table


@cache
def scipy_ufuncs() -> Mapping[np.ufunc, Function]:
    """Return the counterparts of the ufuncs of ``scipy.special``, which this loads."""
    return {
        scipy_special.cbrt: pb.cbrt,
        scipy_special.digamma: special.digamma,  # and psi, its other name
        scipy_special.entr: lambda x: pb.negative(special.xlogy(x, x)),
        scipy_special.erf: special.erf,
        scipy_special.erfc: special.erfc,
        scipy_special.erfcx: special.erfcx,
        scipy_special.erfinv: special.erfinv,
        scipy_special.exp2: pb.exp2,
        scipy_special.expit: special.expit,
        scipy_special.expm1: pb.expm1,
        scipy_special.gammaln: special.gammaln,
        scipy_special.log1p: pb.log1p,
        scipy_special.log_expit: activations.log_sigmoid,
        scipy_special.log_ndtr: special.log_ndtr,
        scipy_special.logit: special.logit,
        scipy_special.ndtr: special.ndtr,
        scipy_special.xlogy: special.xlogy,
    }


@cache
def reductions() -> Mapping[np.ufunc, Function]:
    """Return what ``ufunc.reduce`` computes."""
    return {
        np.add: pb.sum,
        np.logical_and: pb.all,
        np.logical_or: pb.any,
        np.maximum: pb.max,
        np.minimum: pb.min,
        np.multiply: pb.prod,
    }


@cache
def accumulations() -> Mapping[np.ufunc, Function]:
    """Return what ``ufunc.accumulate`` computes."""
    return {np.add: pb.cumulative_sum, np.multiply: pb.cumulative_prod}
