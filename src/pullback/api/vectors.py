"""A function of a pytree of real numbers as one of a vector, with a vector for its value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pullback.api.functions import name_of, parameter_name
from pullback.api.inputs import open_inputs
from pullback.api.joining import concat
from pullback.api.outputs import NUMERIC, describe
from pullback.api.signatures import X
from pullback.core import Array, Trace, apply, lift
from pullback.errors import DifferentiationError
from pullback.primitives.cast import Cast
from pullback.primitives.quantity import Value
from pullback.primitives.shape import Reshape
from pullback.primitives.slicing import Slice
from pullback.tree import flatten, unflatten
from pullback.types import ArrayType, promote


def vectorized(
    operation: str, f: Callable[..., object], x: X, *, traced: bool
) -> tuple[Value, Callable[[Array], X]]:
    """Return the differentiable numbers of an argument, and how to make an argument of such.

    Args:
        operation: The name that an error gives the transform.
        f: The function.
        x: The argument.
        traced: Whether an outer transform may differentiate with respect to the argument.
    """
    inputs = open_inputs(x, Trace(), parameter_name(f, 0), operation)
    types: list[ArrayType] = []
    values: list[Value] = []
    for node, label in zip(inputs.nodes, inputs.labels(), strict=True):
        if node is None:
            continue
        if not node.known or (len(node.sources) > 1 and not traced):
            raise traced_error(operation, label)
        types.append(node.type)
        values.append(np.ravel(node._value))
        if types[-1].dtype.kind == "c":
            msg = (
                f"{operation}: {label} is complex ({types[-1].dtype}), and a Jacobian has real "
                "rows and columns; pass its real and imaginary parts"
            )
            raise DifferentiationError(msg)
    dtype = promote(types) if types else np.dtype(np.float64)

    def rebuild(vector: Array) -> X:
        leaves: list[object] = []
        kinds, start = iter(types), 0
        for node, leaf in zip(inputs.nodes, inputs.leaves, strict=True):
            if node is None:
                leaves.append(leaf)
                continue
            kind = next(kinds)
            stop = start + int(np.prod(kind.shape, dtype=int))
            leaves.append(_part(vector, start, stop, kind))
            start = stop
        return unflatten(inputs.structure, leaves)

    return np.concatenate([np.zeros(0, dtype), *values], dtype=dtype), rebuild


def _part(vector: Array, start: int, stop: int, kind: ArrayType) -> Array:
    """Return a stretch of a vector as an array of the given type."""
    whole = (start, stop) == (0, vector.shape[0])
    part = vector if whole else apply(Slice((slice(start, stop, 1),)), vector)
    if part.shape != kind.shape:
        part = apply(Reshape(kind.shape), part)
    return part if part.type == kind else apply(Cast(kind.dtype, kind.weak), part)


def joined(operation: str, f: Callable[..., object], value: object, x: ArrayType) -> Array:
    """Return the numbers of a function's value as one vector, of their own inexact dtype."""
    arrays: list[Array] = []
    for leaf in flatten(value)[0]:
        array = lift(leaf) if isinstance(leaf, NUMERIC) else None
        if array is None or array.dtype.kind == "c":
            what = describe(leaf) if array is None else f"complex ({array.dtype})"
            msg = (
                f"{operation}: the output of {name_of(f)} has a leaf that is {what}, and a "
                "Jacobian's rows belong to real numbers; return only such"
            )
            raise DifferentiationError(msg)
        arrays.append(array)
    inexact = [array.type for array in arrays if array.type.inexact]
    dtype = promote(inexact or [x])
    arrays = [a if a.type == ArrayType(a.shape, dtype) else apply(Cast(dtype), a) for a in arrays]
    if len(arrays) == 1 and arrays[0].ndim == 1:
        return arrays[0]
    return concat([np.zeros(0, dtype), *arrays], axis=None)


def traced_error(operation: str, what: str) -> DifferentiationError:
    """Return the error about a value that belongs to an outer transform."""
    return DifferentiationError(
        f"{operation}: {what} belongs to an outer transform, which differentiates or batches it, "
        "and the plain numbers of a scipy.sparse array would cut it off; use jacobian or hessian "
        f"there, or call {operation} outside the transform"
    )
