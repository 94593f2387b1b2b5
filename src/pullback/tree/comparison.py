"""Two trees, leaf by leaf: whether they have the same structure and shapes, and close values."""

from __future__ import annotations

import numpy as np

from pullback.errors import StructureError
from pullback.tree.flattening import flatten
from pullback.tree.structures import Structure, leaf_path, mismatch


def check_same(a: object, b: object, *, operation: str) -> None:
    """Check that two trees have the same structure, and their leaves the same shapes.

    Args:
        a: The first tree.
        b: The second tree.
        operation: The name of the function that needs it, which begins the message.

    Raises:
        StructureError: If the structures differ, or two corresponding leaves both have a
            ``shape`` and these differ. The message names the first such place.

    Example:
        >>> check_same({"w": [1.0]}, {"w": [2.0]}, operation="swap")
        >>> check_same([[1.0], 2.0], [(1.0,), 2.0], operation="swap")
        Traceback (most recent call last):
        pullback.errors.StructureError: swap: the trees differ at [0]: list of 1 against tuple of 1
    """
    _same_leaves(a, b, operation)


def _same_leaves(a: object, b: object, operation: str) -> list[tuple[object, object]]:
    """Return the pairs of corresponding leaves of two trees that `check_same` accepts."""
    a_leaves, a_structure = flatten(a)
    b_leaves, b_structure = flatten(b)
    if a_structure != b_structure:
        raise mismatch(a_structure, b_structure, operation)
    pairs = list(zip(a_leaves, b_leaves, strict=True))
    for number, (x, y) in enumerate(pairs):
        # A leaf may be of any class, and there is no base class of arrays.
        x_shape, y_shape = getattr(x, "shape", None), getattr(y, "shape", None)
        if isinstance(x_shape, tuple) and isinstance(y_shape, tuple) and x_shape != y_shape:
            raise _shapes_differ(a_structure, number, operation, x_shape, y_shape)
    return pairs


def _shapes_differ(
    structure: Structure[object], number: int, operation: str, x_shape: object, y_shape: object
) -> StructureError:
    """Return the error about two corresponding leaves of different shapes."""
    place = leaf_path(structure, number).place
    return StructureError(f"{operation}: {place}: shape {x_shape} against {y_shape}")


def all_close(
    a: object,
    b: object,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    *,
    equal_nan: bool = False,
) -> bool:
    """Return whether two trees have equal leaves, up to a tolerance.

    Numbers x and y are close if |x − y| ≤ atol + rtol·|y|; leaves that are not numbers must be
    equal.

    Args:
        a: The first tree.
        b: The second tree, of the same structure, with leaves of the same shapes. The relative
            tolerance refers to its leaves.
        rtol: The relative tolerance, not negative.
        atol: The absolute tolerance, not negative.
        equal_nan: Whether two NaNs are equal.

    Returns:
        Whether all leaves are close.

    Raises:
        StructureError: If the trees differ in structure or in a shape; the message names the
            first such place. Trees that cannot correspond are a mistake, not a difference.

    Example:
        >>> import numpy as np
        >>> all_close({"w": np.ones(3)}, {"w": np.full(3, 1 + 1e-9)})
        True
        >>> all_close({"w": np.ones(3)}, {"w": np.ones(2)})
        Traceback (most recent call last):
        pullback.errors.StructureError: tree.all_close: ['w']: shape (3,) against (2,)

    References:
        NumPy reference, ``numpy.allclose``, whose test and defaults these are.
    """
    close = True
    for number, (x, y) in enumerate(_same_leaves(a, b, "tree.all_close")):
        u, v = np.asarray(x), np.asarray(y)
        if u.shape != v.shape:  # a number against an array
            raise _shapes_differ(flatten(a)[1], number, "tree.all_close", u.shape, v.shape)
        if u.dtype.kind in "biufc" and v.dtype.kind in "biufc":
            close = close and np.allclose(u, v, rtol=rtol, atol=atol, equal_nan=equal_nan)
        else:
            close = close and np.array_equal(u, v)
    return close
