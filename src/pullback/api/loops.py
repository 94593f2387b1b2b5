"""Loops whose steps are traced once: `scan`, `fori_loop`, `while_loop`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import SupportsIndex, TypeVar, overload

import numpy as np

from pullback.api.callables import check_functions, check_parameters
from pullback.api.carries import cast_all, close_step
from pullback.api.closures import (
    Tree,
    active,
    at_least,
    close,
    integer,
    join_trees,
    open_tree,
    unify,
)
from pullback.api.functions import name_of
from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import holds_array
from pullback.control.checkpointed import call_scan, checkpointed
from pullback.control.parts import call_bundled
from pullback.control.scan import Scan
from pullback.control.while_loop import While
from pullback.core import Array, apply, lift
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.cast import Cast
from pullback.tree.structures import leaf_path
from pullback.types import ArrayType

C = TypeVar("C")
N = TypeVar("N", bound=Array | np.ndarray[tuple[int, ...], np.dtype[np.generic]])
T = TypeVar("T")
X = TypeVar("X")
Y = TypeVar("Y")


@overload  # a carry that begins as a Python number becomes what the steps make of it
def scan(
    f: Callable[[float, X], tuple[N, Y]],
    init: float,
    xs: X,
    length: int | None = ...,
    *,
    reverse: bool = ...,
    unroll: int = ...,
    checkpoint: bool = ...,
) -> tuple[N, Y]: ...
@overload
def scan(
    f: Callable[[C, X], tuple[C, Y]],
    init: C,
    xs: X,
    length: int | None = ...,
    *,
    reverse: bool = ...,
    unroll: int = ...,
    checkpoint: bool = ...,
) -> tuple[C, Y]: ...
def scan(
    f: Callable[..., tuple[object, Y]],
    init: object,
    xs: X,
    length: int | None = None,
    *,
    reverse: bool = False,
    unroll: int = 1,
    checkpoint: bool = False,
) -> tuple[object, Y]:
    """Carry a value through a loop over the leading axis of arrays, and stack what it gives.

    In Python it would be::

        carry, ys = init, []
        for x in xs:
            carry, y = f(carry, x)
            ys.append(y)
        return carry, stack(ys)

    ``f`` is called with arrays whose values are unknown to it, once (or again, to find the dtype of
    a Python number in the carry), and made a program that the loop evaluates. In reverse mode,
    memory holds the carry of each step, as far as derivatives need it, and the graph of one step;
    with ``checkpoint`` the carries of about 2·√length steps only, at the price of computing each
    step once more.

    Plain in, plain out, as in `grad`: where neither ``init`` nor ``xs`` holds an `Array`, neither
    does the result.

    Args:
        f: A function of the carry and of a slice of ``xs`` that returns the next carry, of the
            same structure, shapes and dtypes, and a pytree. What it closes over may be
            differentiated.
        init: The first carry, a pytree. A Python number takes the dtype that ``f`` gives it.
        xs: A pytree of arrays with a common leading size; None, or a tree without leaves, if
            ``f`` needs none.
        length: The number of steps, needed where ``xs`` has no leaves.
        reverse: Whether to begin with the last slice. What the steps give keeps the places of the
            slices.
        unroll: How many steps compiled code does in one turn of the loop; results are the same.
        checkpoint: Whether to save memory in reverse mode, as said above.

    Returns:
        The last carry, and what the steps gave, stacked along a new leading axis.

    Raises:
        ShapeError: The leading sizes differ, there is no number of steps, or the carry that ``f``
            returns has another shape than the one it was given.
        DTypeError: It has another dtype; or ``f`` is no function of two arguments.
        StructureError: It has another structure, or another leaf that is no array; or ``f`` returns
            no pair.
        ConversionError: ``f`` asks for a value that is not known.

    Example:
        >>> import numpy as np
        >>> scan(lambda total, x: (total + x, total), 0.0, np.array([1.0, 2.0, 3.0]))
        (np.float64(6.0), array([0., 1., 3.]))

    References:
        A. Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse
        automatic differentiation", Optimization Methods and Software 1, 1992, for checkpoints;
        here of one level, which takes the square root.
    """
    check_functions("scan", f=f)
    check_parameters("scan: f", f, "carry", "x", error=DTypeError)
    carry, slices = open_tree(init), open_tree((xs,))
    arrays = slices.arrays()
    size = _length(slices, arrays, length)
    types = [ArrayType(array.shape[1:], array.dtype) for array in arrays]
    closure, carry_types = close_step("scan", f, carry, slices, types)
    first = cast_all(carry.arrays(), carry_types)
    loop = Scan(
        closure.program, size, len(closure.captured), len(first), reverse,
        active([*closure.captured, *first, *arrays]), at_least(1, "scan: unroll", unroll),
    )  # fmt: skip
    run = checkpointed if checkpoint else call_scan
    carried, ys = run(loop, closure.captured, first, arrays)
    return closure.result.result([*carried, *ys], as_arrays=holds_array([init, xs]))


def _length(slices: Tree[object], arrays: Sequence[Array], length: int | None) -> int:
    """Return the number of steps."""
    size = None if length is None else at_least(0, "scan: length", length)
    source = "by length=..."
    for array, number in zip(arrays, slices.numbers, strict=True):
        name = "xs" + leaf_path(slices.structure, number).place.removeprefix("[0]")
        if not array.shape:
            msg = (
                f"scan: {name} is a scalar; expected an array, of whose axis 0 it takes slices (a "
                "list of numbers is a tree of scalars; asarray makes an array of it)"
            )
            raise ShapeError(msg)
        if size is None:
            size, source = array.shape[0], f"as in {name}"
        if array.shape[0] != size:
            msg = (
                f"scan: {name} has shape {array.shape}, and so {array.shape[0]} slices; expected "
                f"{size}, {source}"
            )
            raise ShapeError(msg)
    if size is None:
        msg = "scan: xs has no arrays to count the steps by; give length=..."
        raise ShapeError(msg)
    return size


def fori_loop(
    lower: SupportsIndex,
    upper: SupportsIndex,
    body: Callable[[Array, C], C],
    init: C,
    *,
    checkpoint: bool = False,
) -> C:
    """Apply a function of an index and a value once for each index.

    In Python it would be::

        value = init
        for i in range(lower, upper):
            value = body(i, value)
        return value

    Plain in, plain out, as in `scan`.

    Args:
        lower: The first index.
        upper: The index at which the loop ends. Both are integers; where the value of an array is
            not known, the loop is a `while_loop`, and has no reverse mode.
        body: A function of an index, an integer scalar whose value is unknown to it, and of a
            pytree, that returns the next pytree, of the same structure, shapes and dtypes.
        init: The first pytree. A Python number takes the dtype that ``body`` gives it.
        checkpoint: Whether to save memory in reverse mode, as in `scan`.

    Returns:
        The last pytree.

    Raises:
        DTypeError: ``body`` returns other types than it was given, or is no function of two
            arguments; or a bound is no integer.
        ShapeError: It returns other shapes.
        StructureError: It returns another structure.
        ConversionError: ``body`` asks for a value that is not known.

    Example:
        >>> fori_loop(1, 6, lambda i, product: product * i, 1)
        np.int64(120)
    """
    check_functions("fori_loop", body=body)
    check_parameters("fori_loop: body", body, "i", "value", error=DTypeError)
    first, last = integer("fori_loop: lower", lower), integer("fori_loop: upper", upper)
    if first.known and last.known:
        indices = np.arange(int(first), int(last))
        step = _named(body, lambda value, i: (body(i, value), None))
        return scan(step, init, indices, checkpoint=checkpoint)[0]
    start = apply(Cast(np.dtype(np.int64)), first)
    _, value = while_loop(
        lambda state: state[0] < last,
        _named(body, lambda state: (state[0] + 1, body(*state))),
        (start, init),
    )
    return value


def while_loop(
    test: Callable[[C], object], body: Callable[[C], C], init: C, *, max_steps: int | None = None
) -> C:
    """Apply a function to a value again and again, while a test of the value holds.

    In Python it would be::

        value = init
        while test(value):
            value = body(value)
        return value

    Both functions are called with arrays whose values are unknown to them, as in `scan`. Forward
    mode (`jvp`, `linearize`) works in any case. Reverse mode goes through the steps backwards and
    needs a bound on their number, ``max_steps``; memory holds the value before each step.

    Under `vmap` the loop runs until all examples are done, and those that are done stay.

    Args:
        test: A function of a pytree that returns one boolean.
        body: A function of a pytree that returns the next one, of the same structure, shapes and
            dtypes.
        init: The first pytree. A Python number takes the dtype that ``body`` gives it.
        max_steps: The loop ends after so many steps at the latest; None means no bound, and no
            reverse mode.

    Returns:
        The last pytree, plain if ``init`` holds no `Array`.

    Raises:
        DTypeError: ``body`` returns other types than it was given, or ``test`` no boolean; or
            one of them is no function of one argument.
        ShapeError: It returns other shapes, or ``test`` more than one number.
        StructureError: It returns another structure.
        ConversionError: A function asks for a value that is not known.
        DifferentiationError: In reverse mode, if there is no bound.

    Example:
        >>> while_loop(lambda x: x < 100.0, lambda x: x * 2.0, 1.0)
        np.float64(128.0)
    """
    check_functions("while_loop", test=test, body=body)
    for what, f in (("test", test), ("body", body)):
        check_parameters(f"while_loop: {what}", f, "value", error=DTypeError)
    limit = None if max_steps is None else at_least(0, "while_loop: max_steps", max_steps)
    carry, nothing = open_tree(init), open_tree(())
    closure, types = close_step(
        "while_loop", _named(body, lambda x: (body(x), None)), carry, nothing, []
    )
    check = close(lambda x, _: _boolean(test, x), join_trees(carry, nothing), types)
    (body_program, test_program), captured = unify([closure, check])
    operands = [*captured, *cast_all(carry.arrays(), types)]
    loop = While(test_program, body_program, len(captured), limit, active(operands))
    result, _ = closure.result.result(call_bundled(loop, operands), as_arrays=holds_array([init]))
    return result


def _boolean(test: Callable[[C], object], value: C) -> Array:
    """Return what a test says as a boolean scalar."""
    result = test(value)
    if not isinstance(result, NUMERIC):
        msg = f"while_loop: {name_of(test)} returned {describe(result)}; expected one boolean"
        raise DTypeError(msg)
    array = lift(result)
    if array.shape or array.dtype.kind != "b":
        msg = (
            f"while_loop: {name_of(test)} returned {array.type}; expected one boolean, as a "
            "comparison gives, or all or any of several"
        )
        raise (ShapeError if array.shape else DTypeError)(msg)
    return array


def _named(f: Callable[..., object], made: Callable[..., T]) -> Callable[..., T]:
    """Give a function made from ``f`` its name, for errors."""
    made.__name__ = name_of(f)
    return made
