"""Colourings of sparsity patterns, for sparse derivatives at many points."""

from __future__ import annotations

from typing import Literal

from pullback.errors import DifferentiationError
from pullback.transforms.coloring import (
    Coloring,
    MatrixLike,
    color_pattern,
    color_symmetric,
    from_scipy,
)

__all__ = ["Coloring", "color_hessian", "color_jacobian"]


def color_jacobian(
    pattern: MatrixLike, *, by: Literal["auto", "columns", "rows"] = "auto"
) -> Coloring:
    """Return a colouring of the columns or rows of a sparsity pattern.

    No two columns of one colour have an entry in the same row (a distance-1 colouring of the
    column intersection graph); the same for rows. Colours are given greedily, in the natural order
    and from the columns with most neighbours on, and the better colouring is kept. The same
    pattern has the same colouring, always.

    Args:
        pattern: A ``scipy.sparse`` array, or whatever becomes one: its non-zeros, and all entries
            that it stores, count. `jacobian_sparsity` finds one.
        by: "columns" are found in forward mode, "rows" in reverse mode; "auto" takes what needs
            fewer colours.

    Returns:
        The colouring, whose ``number`` is at least the largest number of entries in a row (for
        columns) or in a column (for rows).

    Raises:
        ShapeError: The pattern is no matrix.
        DifferentiationError: ``by`` is another word.

    Example:
        >>> import numpy as np
        >>> band = np.eye(6, dtype=bool) | np.eye(6, k=1, dtype=bool)
        >>> color_jacobian(band).colors
        array([0, 1, 0, 1, 0, 1])

    References:
        A. R. Curtis, M. J. D. Powell, J. K. Reid: On the estimation of sparse Jacobian matrices.
        IMA Journal of Applied Mathematics 13 (1974), 117-119.
    """
    if by not in {"auto", "columns", "rows"}:
        msg = f"color_jacobian: by: expected 'auto', 'columns' or 'rows', not {by!r}"
        raise DifferentiationError(msg)
    return color_pattern(from_scipy("color_jacobian", pattern), by)


def color_hessian(pattern: MatrixLike) -> Coloring:
    """Return a star colouring of the sparsity pattern of a symmetric matrix.

    Neighbours differ, and every path of four vertices has at least three colours, in the graph
    whose edges are the entries off the diagonal. Then of each pair of entries at least one can be
    read directly in the product with a seed. Colours are given greedily, in the natural order and
    from the vertex with most neighbours on, and the better colouring is kept.

    Args:
        pattern: A square ``scipy.sparse`` array, or whatever becomes one, as `hessian_sparsity`
            finds it. An entry that is on one side of the diagonal alone counts on both.

    Returns:
        The colouring, which often has many colours fewer than one of columns: two for an arrow.

    Raises:
        ShapeError: The pattern is no square matrix.

    Example:
        >>> import numpy as np
        >>> arrow = np.eye(5, dtype=bool)
        >>> arrow[0] = arrow[:, 0] = True
        >>> color_hessian(arrow).colors
        array([0, 1, 1, 1, 1])

    References:
        A. H. Gebremedhin, A. Tarafdar, F. Manne, A. Pothen: New acyclic and star coloring
        algorithms with application to computing Hessians. SIAM Journal on Scientific Computing 29
        (2007), 1042-1072, algorithm 4.1, with the colours around a vertex kept as bits.
    """
    return color_symmetric(from_scipy("color_hessian", pattern))
