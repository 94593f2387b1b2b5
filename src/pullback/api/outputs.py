"""What a differentiated function may return, and the errors that say what it returned instead."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from pullback.api.functions import name_of
from pullback.core import Array, constant, lift
from pullback.errors import DifferentiationError

#: The classes of what can be a number or an array of numbers.
NUMERIC: Final = (Array, int, float, complex, np.number, np.bool_, np.ndarray)
_ONE: Final = constant(1.0)


def scalar_output(operation: str, f: Callable[..., object] | None, value: object) -> Array:
    """Return a value that is to be differentiated as an array, if it is one real number.

    Args:
        operation: The name that an error gives the transform.
        f: The function that returned the value, if one did.
        value: The value. A Python number is a constant, an int too.

    Raises:
        DifferentiationError: It is no number, not a scalar, or not real and floating.
    """
    if not isinstance(value, NUMERIC):
        raise _error(
            operation,
            f,
            f"is {describe(value)}, not a real number; return a number, and what else there is "
            "beside it as a pair (value, auxiliary) with has_aux=True",
        )
    out = lift(value)
    if out._value.__class__ is float or out._value.__class__ is np.float64:
        return out
    type_ = out.type
    if type_.shape:
        element = ", or take its only element" if math.prod(type_.shape) == 1 else ""
        raise _error(
            operation,
            f,
            f"has shape {type_.shape}, and only a scalar has a gradient; "
            f"reduce it, for instance with sum{element}, or use vjp",
        )
    if type_.dtype.kind == "c":
        raise _error(
            operation,
            f,
            f"is complex ({type_.dtype}), and only a real number has a gradient; "
            "return its real or imag part, or its abs",
        )
    if type_.dtype.kind != "f" and value.__class__ is not int:
        raise _error(
            operation,
            f,
            f"has dtype {type_.dtype}, which has no derivatives; return a floating-point number",
        )
    return out


def pair_output(operation: str, f: Callable[..., object], result: object) -> tuple[object, object]:
    """Return the value and the auxiliary result of a function that has one.

    Raises:
        DifferentiationError: The result is no pair.
    """
    if isinstance(result, tuple) and len(result) == 2:
        return result
    raise _error(
        operation,
        f,
        f"is {describe(result)}; with has_aux=True it must be a pair (value, auxiliary)",
    )


def describe(value: object) -> str:
    """Return what an error calls a value that is not a number: its class, and a tuple's length."""
    if value is None:
        return "None"
    name = type(value).__name__
    name = f"an {name}" if name[0] in "AEIOUaeiou" else f"a {name}"
    return f"{name} of {len(value)}" if isinstance(value, (tuple, list)) else name


def one_like(out: Array) -> Array:
    """Return the cotangent 1 of a real scalar."""
    return _ONE if out._value.__class__ is float else constant(out.dtype.type(1))


def _error(operation: str, f: Callable[..., object] | None, fault: str) -> DifferentiationError:
    output = "the output" if f is None else f"the output of {name_of(f)}"
    return DifferentiationError(f"{operation}: {output} {fault}")
