"""Sums of products by subscripts, as contractions of two operands at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from string import ascii_letters
from types import EllipsisType
from typing import TypeAlias

import numpy as np

from pullback.api.contractions import drop_stretched, strong
from pullback.api.diagonals import diagonal
from pullback.api.subscripts import label_axes, parse_call
from pullback.core import Array, ArrayLike, apply
from pullback.primitives.cast import Cast
from pullback.primitives.contraction import contraction
from pullback.primitives.contraction_plan import Labels
from pullback.primitives.shape import Sum, Transpose

#: What ``np.einsum_path`` takes: whether and how to find a path, or the path itself.
Optimize: TypeAlias = bool | str | Sequence[object]
#: An operand and the labels of its axes.
Term: TypeAlias = tuple[Array, Labels]
Shape: TypeAlias = tuple[int, ...]


def einsum(
    *operands: ArrayLike | str | Sequence[int | EllipsisType],
    optimize: Optimize = True,
) -> Array:
    """Return a sum of products by Einstein's convention: ``einsum("ij,jk->ik", x, y)`` is x @ y.

    Each letter labels an axis. The operands are multiplied where their labels agree, and summed
    over the labels that the result does not have:

        out[output] = Σ x₀[labels₀]·x₁[labels₁]·…

    A label that stands twice in one operand takes its diagonal. ``...`` stands for any number of
    axes, aligned from the last. Without ``->``, the result has the axes of ``...``, then the
    labels that stand once, in alphabetical order. An axis of size 1 broadcasts.

    Args:
        *operands: The subscripts as a string, then the arrays; or each array followed by a list
            of its labels as integers (and ``...``), then, optionally, the list of the result's.
        optimize: The order in which three or more operands are contracted: True or another value
            that ``np.einsum_path`` takes; False for from left to right. The result is the same
            but for rounding.

    Returns:
        An array of the promoted dtype, with an axis for each label of the result.

    Raises:
        ShapeError: The subscripts are malformed or do not fit the operands, or sizes with one
            label differ.

    Example:
        >>> einsum("ii->i", [[1.0, 2.0], [3.0, 4.0]])
        Array([1., 4.], float64[2])
        >>> einsum("i,ij,j->", [1.0, 2.0], [[1.0, 0.0], [0.0, 1.0]], [3.0, 4.0])
        Array(11., float64[])
    """
    inputs, output, given = parse_call(operands)
    arrays = [strong(array) for array in given]
    labels, out, sizes = label_axes(inputs, output, tuple([array.shape for array in arrays]))
    dtype = np.result_type(*[array.dtype for array in arrays])
    terms = []
    for array, own in zip(arrays, labels, strict=True):
        term = _diagonals(_cast(array, dtype), own)
        terms.append(drop_stretched(*term, sizes))
    uses = [*out, *(label for _, own in terms for label in own)]
    terms = [_sum_over(x, own, [n for n in own if uses.count(n) == 1]) for x, own in terms]
    for positions in _path(terms, out, optimize):
        first, *others = [terms[i] for i in positions]
        terms = [term for i, term in enumerate(terms) if i not in positions]
        for n, other in enumerate(others, 1):
            first = _contract(first, other, [*others[n:], *terms], out)
        terms.append(first)
    ((result, have),) = terms
    axes = tuple(have.index(label) for label in out)
    return result if have == out else apply(Transpose(axes), result)


def _cast(x: Array, dtype: np.dtype[np.generic]) -> Array:
    """Convert to the dtype, where the dtype differs."""
    return x if x.dtype == dtype else apply(Cast(dtype), x)


def _diagonals(x: Array, labels: Labels) -> Term:
    """Take the diagonal of the axes with one label."""
    while len(set(labels)) < len(labels):
        j = next(j for j, label in enumerate(labels) if label in labels[:j])
        i = labels.index(labels[j])
        x = diagonal(x, 0, i, j)
        labels = (*labels[:i], *labels[i + 1 : j], *labels[j + 1 :], labels[j])
    return x, labels


def _sum_over(x: Array, labels: Labels, summed: Sequence[int]) -> Term:
    """Sum over labels, in the operand's dtype: small integers do not widen here."""
    if not summed:
        return x, labels
    axes = tuple(labels.index(label) for label in summed)
    return _cast(apply(Sum(axes), x), x.dtype), tuple(n for n in labels if n not in summed)


def _contract(x: Term, y: Term, others: Sequence[Term], out: Labels) -> Term:
    """Contract two operands over the labels that nothing else has."""
    if others:  # in the order in which the product comes: batch, those of x, those of y
        needed = set(out).union(*(labels for _, labels in others))
        batch = [label for label in x[1] if label in y[1] and label in needed]
        free = [label for label in (*x[1], *y[1]) if label in needed and label not in batch]
        out = (*batch, *free)
    return apply(contraction(x[1], y[1], out, "einsum"), x[0], y[0]), out


def _path(terms: Sequence[Term], out: Labels, optimize: Optimize) -> Sequence[Sequence[int]]:
    """Return which operands to contract, step by step: the result of each joins the end."""
    together = [range(len(terms))]  # from left to right
    if len(terms) < 3 or not optimize:
        return together
    order = sorted({label for _, labels in terms for label in labels})
    if len(order) > len(ascii_letters):  # NumPy's limit
        return together
    hashable = optimize if isinstance(optimize, (bool, str)) else tuple(optimize)
    letters = dict(zip(order, ascii_letters, strict=False))
    inputs = ("".join(letters[label] for label in labels) for _, labels in terms)
    text = f"{','.join(inputs)}->{''.join(letters[label] for label in out)}"
    return _find_path(text, tuple(x.shape for x, _ in terms), hashable)


@lru_cache(maxsize=256)
def _find_path(text: str, shapes: tuple[Shape, ...], optimize: Optimize) -> Sequence[Sequence[int]]:
    """Ask NumPy for the path; a call costs more than a small contraction."""
    stand_ins = [np.broadcast_to(np.float64(0), shape) for shape in shapes]
    chosen = list(optimize) if isinstance(optimize, tuple) else optimize
    path = np.einsum_path(text, *stand_ins, optimize=chosen)[0]
    return path[1:]
