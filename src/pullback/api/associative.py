"""`associative_scan`: all running combinations of elements, in logarithmic depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pullback.api.callables import check_functions
from pullback.api.closures import open_tree
from pullback.api.functions import name_of
from pullback.api.joining import concat, stack
from pullback.api.manipulation import reshape
from pullback.api.plain import holds_array
from pullback.api.transposition import flip
from pullback.core import Array
from pullback.errors import DTypeError, ShapeError
from pullback.tree.structures import mismatch

T = TypeVar("T")


def associative_scan(
    f: Callable[[T, T], object], elems: T, *, reverse: bool = False, axis: int = 0
) -> T:
    """Return all running combinations of elements by an associative function.

    For elements x₀, x₁, … along an axis, and ∘ the function, these are x₀, x₀∘x₁, x₀∘x₁∘x₂, ….
    Neighbours are combined in pairs, all pairs by one call of ``f``; the running combinations of
    the pairs are found in the same way, and lack but every second result. So ``f`` is called about
    2·log₂ n times, in place of the n steps of a `scan`, for about 2n combinations.

    Plain in, plain out, as in `grad`.

    Args:
        f: A function of two pytrees like ``elems``, whose arrays hold some elements along the
            axis, that combines them one by one: the first of the one with the first of the other,
            and so on. It returns such a pytree, and must be associative: a∘(b∘c) = (a∘b)∘c.
        elems: A pytree of arrays that have the same size along the axis.
        reverse: Whether to begin at the end: …, xₙ₋₁∘xₙ₋₂, xₙ₋₁ in place of the above, each in
            the place of its last factor.
        axis: The axis, counted from the end of each array if negative.

    Returns:
        A pytree of the structure, shapes and dtypes of ``elems``.

    Raises:
        ShapeError: An array has no such axis, the sizes along it differ, there is no array, or
            ``f`` returns other shapes than it was given.
        DTypeError: ``f`` returns other dtypes, or is no function.
        StructureError: ``f`` returns another structure.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> associative_scan(pb.maximum, np.array([1.0, 3.0, 2.0, 5.0]))
        array([1., 3., 3., 5.])

        The recurrence hᵢ = aᵢ hᵢ₋₁ + bᵢ from h₋₁ = 0, as a composition of affine functions:

        >>> def compose(f, g):
        ...     return f[0] * g[0], f[1] * g[0] + g[1]
        >>> associative_scan(compose, (np.full(4, 0.5), np.ones(4)))[1]
        array([1.   , 1.5  , 1.75 , 1.875])

    References:
        G. E. Blelloch, "Prefix sums and their applications", CMU-CS-90-190, 1990, section 1.3,
        in the form of recursive pairs, for elements that need no identity.
    """
    check_functions("associative_scan", f=f)
    tree = open_tree(elems)
    arrays = tree.arrays()
    places = [tree.structure.paths()[number].place for number in tree.numbers]
    axes = _canonical(arrays, axis, places)

    def combine(left: Sequence[Array], right: Sequence[Array]) -> list[Array]:
        result = open_tree(f(tree.build(left), tree.build(right)))
        if result.structure != tree.structure or result.numbers != tree.numbers:
            trees = f"the elements and what {name_of(f)} returned"
            raise mismatch(tree.structure, result.structure, "associative_scan", trees)
        combined = result.arrays()
        for array, like, place in zip(combined, left, places, strict=True):
            _check_type(f, array, like, place)
        return combined

    if reverse:
        arrays = list(map(flip, arrays, axes))
    found = _running(combine, arrays, axes)
    if reverse:
        found = list(map(flip, found, axes))
    return tree.result(found, as_arrays=holds_array([elems]))


def _running(
    combine: Callable[[Sequence[Array], Sequence[Array]], list[Array]],
    xs: Sequence[Array],
    axes: Sequence[int],
) -> Sequence[Array]:
    """Return the running combinations: at odd places those of pairs, at even ones one step more."""
    size = xs[0].shape[axes[0]]
    if size < 2:
        return xs
    pairs = combine(_slices(xs, axes, 0, size - 1, 2), _slices(xs, axes, 1, size, 2))
    odd = _running(combine, pairs, axes)
    even = _slices(xs, axes, 0, 1)
    if size > 2:
        before = _slices(odd, axes, 0, (size - 1) // 2)
        later = combine(before, _slices(xs, axes, 2, size, 2))
        even = [concat([x, y], axis=at) for x, y, at in zip(even, later, axes, strict=True)]
    return [_interleaved(x, y, at) for x, y, at in zip(even, odd, axes, strict=True)]


def _slices(
    xs: Sequence[Array], axes: Sequence[int], start: int, stop: int, step: int = 1
) -> list[Array]:
    """Return a slice of each array along its axis."""
    return [
        x[(*[slice(None)] * at, slice(start, stop, step))] for x, at in zip(xs, axes, strict=True)
    ]


def _interleaved(even: Array, odd: Array, axis: int) -> Array:
    """Return the elements of two arrays by turns; the first may have one more."""
    number = odd.shape[axis]
    (pairs,) = _slices([even], [axis], 0, number)
    shape = list(odd.shape)
    shape[axis] = 2 * number
    joined = reshape(stack([pairs, odd], axis=axis + 1), tuple(shape))
    if even.shape[axis] == number:
        return joined
    return concat([joined, *_slices([even], [axis], number, number + 1)], axis=axis)


def _canonical(arrays: Sequence[Array], axis: int, places: Sequence[str]) -> list[int]:
    """Return the axis of each array, counted from the front.

    Raises:
        ShapeError: An array has no such axis, the sizes along it differ, or there is no array.
    """
    if not arrays:
        msg = "associative_scan: elems has no arrays to combine the elements of"
        raise ShapeError(msg)
    axes: list[int] = []
    for array, place in zip(arrays, places, strict=True):
        shape = array.shape
        if not -len(shape) <= axis < len(shape):
            msg = f"associative_scan: no axis {axis} in elems at {place}, which has shape {shape}"
            raise ShapeError(msg)
        axes.append(axis % len(shape))
        sizes = arrays[0].shape[axes[0]], shape[axes[-1]]
        if sizes[0] != sizes[1]:
            msg = (
                f"associative_scan: the sizes along axis {axis} differ: {sizes[0]} in elems at "
                f"{places[0]}, {sizes[1]} at {place}"
            )
            raise ShapeError(msg)
    return axes


def _check_type(f: Callable[..., object], got: Array, like: Array, place: str) -> None:
    """Compare what a function returned with what it was given.

    Raises:
        ShapeError: The shapes differ.
        DTypeError: The dtypes differ.
    """
    if got.shape == like.shape and got.dtype == like.dtype:
        return
    msg = (
        f"associative_scan: {name_of(f)} returned {got.type} at {place} for elements of type "
        f"{like.type}; it must combine them one by one, and keep their dtype"
    )
    raise (DTypeError if got.shape == like.shape else ShapeError)(msg)
