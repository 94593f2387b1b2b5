"""Branches on values that may not be known: `cond` and `switch`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ParamSpec, TypeVar

import numpy as np

from pullback.api.callables import check_functions
from pullback.api.closures import (
    Closure,
    active,
    check_form,
    close,
    integer,
    open_tree,
    unify,
)
from pullback.api.functions import name_of
from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import holds_array
from pullback.api.selection import clip
from pullback.control.cond import Cond
from pullback.control.parts import call_bundled
from pullback.core import Array, ArrayLike, Program, apply, lift, trace_program
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.cast import Cast
from pullback.types import ArrayType, promote

P = ParamSpec("P")
R = TypeVar("R")


def cond(
    pred: ArrayLike, f: Callable[P, R], g: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Return ``f(*args)`` if the predicate holds, else ``g(*args)``.

    Where the predicate is known, that is all, and the other function is not called. Where it is
    not (under `vmap`, or in the body of a loop), both are traced, and the choice is made when the
    value is there: one of them is computed; or under `vmap` with a predicate for each example,
    both are, and each example selects.

    Args:
        pred: One boolean.
        f: What to do if it holds.
        g: What to do otherwise. It takes the same arguments, and returns a pytree of the same
            structure, shapes and dtypes.
        *args: Arguments of the functions, pytrees. What the functions close over may be
            differentiated, too.
        **kwargs: Keyword arguments of the functions.

    Returns:
        What the function returns.

    Raises:
        DTypeError: ``pred`` is no boolean, ``f`` or ``g`` no function, or the results differ in
            dtype.
        ShapeError: ``pred`` is not one boolean but several, or the results differ in shape.
        StructureError: The results differ in structure.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> halve_or_grow = lambda n: cond(n % 2 == 0, lambda n: n // 2, lambda n: 3 * n + 1, n)
        >>> halve_or_grow(10), halve_or_grow(7)
        (5, 22)
        >>> pb.vmap(halve_or_grow)(np.array([10, 7]))
        array([ 5, 22])
    """
    check_functions("cond", f=f, g=g)
    if not isinstance(pred, NUMERIC):
        msg = f"cond: the predicate is {describe(pred)}; expected one boolean"
        raise DTypeError(msg)
    flag = lift(pred)
    if flag.shape:
        msg = f"cond: the predicate has shape {flag.shape}; expected one boolean (see any, all)"
        raise ShapeError(msg)
    if flag.dtype.kind not in "biu":
        msg = f"cond: the predicate has dtype {flag.dtype}; expected a boolean, as a comparison is"
        raise DTypeError(msg)
    if flag.known:
        return f(*args, **kwargs) if flag else g(*args, **kwargs)
    return _branch("cond", flag == 0, (f, g), args, kwargs)


def switch(
    index: ArrayLike, branches: Sequence[Callable[P, R]], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Return what one of several functions makes of the arguments.

    Args:
        index: The number of the function, an integer; below 0 it is taken for 0, beyond the last
            for the last.
        branches: At least one function. All take the same arguments, and return pytrees of the
            same structure, shapes and dtypes.
        *args: Arguments of the functions, pytrees.
        **kwargs: Keyword arguments of the functions.

    Returns:
        What the function returns. As in `cond`, one function is called where the index is known;
        where it is not, all are traced.

    Raises:
        DTypeError: The index is no integer, the branches are no functions, or the results differ
            in dtype.
        ShapeError: There is no function, the index is an array of several, or the results differ
            in shape.
        StructureError: The results differ in structure.

    Example:
        >>> switch(1, [lambda x: x, lambda x: x * x, lambda x: x**3], 3.0)
        9.0
    """
    given: object = branches
    if not isinstance(given, Sequence):
        msg = f"switch: expected a list of functions, not {describe(given)}"
        raise DTypeError(msg)
    check_functions("switch", **{f"branches[{i}]": branch for i, branch in enumerate(branches)})
    if not branches:
        msg = "switch: no functions to choose from; give at least one"
        raise ShapeError(msg)
    number = integer("switch: the index", index)
    if number.known:
        chosen = branches[min(max(int(number), 0), len(branches) - 1)]
        return chosen(*args, **kwargs)
    return _branch("switch", clip(number, 0, len(branches) - 1), branches, args, kwargs)


def _branch(
    operation: str,
    number: Array,
    branches: Sequence[Callable[..., R]],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> R:
    """Return the node that chooses between functions by a number whose value is not known."""
    given = open_tree((args, kwargs))
    arrays = given.arrays()
    types = [array.type for array in arrays]
    closures: list[Closure[R]] = [close(partial(_call, f), given, types) for f in branches]
    first = closures[0]
    for f, closure in zip(branches[1:], closures[1:], strict=True):
        names = f"the results of {name_of(branches[0])} and {name_of(f)}"
        check_form(operation, names, first.result, closure.result)
    programs, captured = unify(closures)
    outputs = _common_types(operation, branches, programs, first)
    programs = [_converted(program, outputs) for program in programs]
    operands = [apply(Cast(np.dtype(np.intp)), number), *captured, *arrays]
    found = call_bundled(Cond(tuple(programs), active(operands)), operands)
    return first.result.result(found, as_arrays=holds_array([args, kwargs]))


def _call(f: Callable[..., R], args: tuple[object, ...], kwargs: dict[str, object]) -> R:
    return f(*args, **kwargs)


def _common_types(
    operation: str,
    branches: Sequence[Callable[..., object]],
    programs: Sequence[Program],
    closure: Closure[R],
) -> list[ArrayType]:
    """Return the types of the results, which differ at most in being weak.

    Raises:
        ShapeError: Some shape differs.
        DTypeError: Some dtype differs.
    """
    paths = closure.result.structure.paths()
    common: list[ArrayType] = []
    for number, place in enumerate(closure.result.numbers):
        found = [program.output_types[number] for program in programs]
        dtype = promote(found)
        same_shapes = all(type_.shape == found[0].shape for type_ in found)
        if not same_shapes or not all(type_.weak or type_.dtype == dtype for type_ in found):
            names = ", ".join(
                f"{type_} of {name_of(f)}" for f, type_ in zip(branches, found, strict=True)
            )
            remedy = "convert them" if same_shapes else "all must return the same shape"
            msg = f"{operation}: the results differ at {paths[place].place}: {names}; {remedy}"
            raise (DTypeError if same_shapes else ShapeError)(msg)
        common.append(ArrayType(found[0].shape, dtype))
    return common


def _converted(program: Program, outputs: Sequence[ArrayType]) -> Program:
    """Return the program with results of the given dtypes."""

    def call(nodes: list[Array]) -> list[Array]:
        return [
            node if node.type == want else apply(Cast(want.dtype), node)
            for node, want in zip(program.apply(nodes), outputs, strict=True)
        ]

    return trace_program(call, program.inputs)[0]
