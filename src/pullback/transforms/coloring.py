"""Colourings of sparsity patterns: which columns of a Jacobian one product can find together.

Columns that share no row may be added up: each entry of the sum belongs to one of them. So all
columns of one colour cost one product, ``J s`` with ``s`` the sum of their unit vectors. Likewise
rows, with ``Jᵀ s``. For a symmetric matrix less is asked, as each entry may be read in either of
its two places.

References:
    A. H. Gebremedhin, F. Manne, A. Pothen: What color is your Jacobian? Graph coloring for
    computing derivatives. SIAM Review 47 (2005), 629-705.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from pullback.errors import ShapeError
from pullback.lazy import lazy
from pullback.primitives.quantity import Value
from pullback.transforms.patterns import Indices, Pattern, from_entries, same, union

if TYPE_CHECKING:
    from scipy import sparse
else:
    sparse = lazy("scipy.sparse")

Scalar = TypeVar("Scalar", np.bool_, np.floating)
#: A sparse matrix as users get it, and what they may give for one.
Matrix: TypeAlias = "sparse.csr_array[Scalar, tuple[int, int]]"
MatrixLike: TypeAlias = "sparse.sparray | sparse.spmatrix | npt.NDArray[np.generic]"
Lines: TypeAlias = Literal["columns", "rows"]
#: What has the colours. Those of a symmetric matrix are its columns', and its rows' as well.
By: TypeAlias = Literal["columns", "rows", "symmetric"]


@final
@frozen(eq=False, repr=False)
class Coloring:
    """A sparsity pattern, colours of its columns or rows, and where to read each entry.

    `color_jacobian` and `color_hessian` make one. It is a value: use it at as many points, in as
    many threads as you like.

    Example:
        >>> import numpy as np
        >>> from pullback import color_jacobian
        >>> coloring = color_jacobian(np.eye(3, dtype=bool))
        >>> coloring
        Coloring(3 x 3, 3 entries, columns in 1 color)
        >>> coloring.colors
        array([0, 0, 0])
        >>> coloring.seed(0)
        array([1., 1., 1.])
        >>> coloring.recover(np.array([[1.0, 2.0, 3.0]])).toarray()
        array([[1., 0., 0.],
               [0., 2., 0.],
               [0., 0., 3.]])
    """

    _pattern: Pattern
    by: By
    #: The colour of each column (or row), from 0; -1 for one without entries, which needs none.
    colors: Indices
    #: Where each entry stands in the compressed matrix: row by row, the product for each colour.
    positions: Indices

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the matrix."""
        return self._pattern.shape

    @property
    def number(self) -> int:
        """The number of colours: how many products it takes to find the matrix."""
        return int(self.colors.max(initial=-1)) + 1

    @property
    def length(self) -> int:
        """How many elements each product has."""
        return self.shape[1 if self.by == "rows" else 0]

    @property
    def pattern(self) -> Matrix[np.bool_]:
        """The sparsity pattern, as a new ``scipy.sparse`` array of booleans."""
        return to_scipy(self._pattern, np.ones(len(self._pattern.columns), np.bool_))

    def seed(self, color: int) -> npt.NDArray[np.float64]:
        """Return the vector to multiply with: 1 at the columns (or rows) of one colour, else 0."""
        return np.where(self.colors == color, 1.0, 0.0)

    def recover(self, compressed: npt.NDArray[np.floating]) -> Matrix[np.floating]:
        """Return the matrix ``J`` from its products with the seeds.

        Args:
            compressed: One row for each colour: ``J s`` for its seed s, or ``Jᵀ s`` where rows
                are coloured.
        """
        return to_scipy(self._pattern, compressed.ravel()[self.positions])

    def __repr__(self) -> str:
        rows, columns = self.shape
        what = "rows and columns" if self.by == "symmetric" else self.by
        colors = "1 color" if self.number == 1 else f"{self.number} colors"
        entries = len(self.positions)
        return f"Coloring({rows} x {columns}, {entries} entries, {what} in {colors})"


def color_pattern(pattern: Pattern, by: Literal["auto", "columns", "rows"]) -> Coloring:
    """Colour columns or rows such that no two of one colour have an entry in one row or column.

    For "auto" the lines that need fewer colours, as far as that shows.
    """
    transposed = pattern.transpose()
    if by == "auto":
        # No colouring of the columns has fewer colours than some row has entries.
        columns, rows = _longest(pattern), _longest(transposed)
        order: tuple[Lines, Lines] = ("columns", "rows") if columns <= rows else ("rows", "columns")
        found = _color_lines(pattern, transposed, order[0])
        if found.number <= max(columns, rows) or same(pattern, transposed):
            return found
        other = _color_lines(pattern, transposed, order[1])
        return other if other.number < found.number else found
    return _color_lines(pattern, transposed, by)


def _color_lines(pattern: Pattern, transposed: Pattern, by: Literal["columns", "rows"]) -> Coloring:
    """Colour the columns or the rows."""
    if by == "columns":
        colors = _color_columns(pattern, transposed)
        positions = colors[pattern.columns] * pattern.shape[0] + pattern.rows()
    else:
        colors = _color_columns(transposed, pattern)
        positions = colors[pattern.rows()] * pattern.shape[1] + pattern.columns
    return _coloring(pattern, by, colors, positions)


def color_symmetric(pattern: Pattern) -> Coloring:
    """Colour a symmetric pattern, each entry of which counts on both sides of the diagonal."""
    size, width = pattern.shape
    if size != width:
        msg = f"color_hessian: a symmetric matrix is square, unlike shape {size, width}"
        raise ShapeError(msg)
    pattern = union([pattern, pattern.transpose()])
    rows, columns = pattern.rows(), pattern.columns
    edges = rows != columns
    graph = from_entries(rows[edges], columns[edges], pattern.shape)
    starts, neighbors = graph.starts.tolist(), graph.columns.tolist()
    colors = _best(lambda order: _star(starts, neighbors, order), graph.lengths, 1)
    colors[pattern.lengths == 0] = -1
    # An entry can be read in its own row where no other column of its colour has an entry, and
    # else in the row of its mirror image.
    keys = rows * (colors.max(initial=0) + 1) + colors[columns]
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    alone = counts[inverse] == 1
    positions = np.where(alone, colors[columns] * size + rows, colors[rows] * size + columns)
    return _coloring(pattern, "symmetric", colors, positions)


def _coloring(pattern: Pattern, by: By, colors: Indices, positions: Indices) -> Coloring:
    """Return a colouring that nobody can write to."""
    for array in (pattern.starts, pattern.columns, colors, positions):
        array.setflags(write=False)
    return Coloring(pattern, by, colors, positions)


def _best(make: Callable[[Iterable[int]], list[int]], degrees: Indices, bound: int) -> Indices:
    """Return the colours given in the natural order, or by decreasing degree if those are fewer."""
    natural = np.array(make(range(len(degrees))), np.intp)
    if natural.max(initial=-1) < bound or (degrees == degrees[0]).all():
        return natural
    other = np.array(make(np.argsort(-degrees, kind="stable").tolist()), np.intp)
    return other if other.max() < natural.max() else natural


def _color_columns(pattern: Pattern, transposed: Pattern) -> Indices:
    """Return colours of the columns, such that no two of one colour have an entry in one row."""
    longest = _longest(pattern)
    if longest == pattern.width:
        return np.arange(longest)
    starts, rows = transposed.starts.tolist(), transposed.columns.tolist()
    degrees = np.bincount(pattern.columns, pattern.lengths[pattern.rows()] - 1, pattern.width)
    return _best(lambda order: _greedy(starts, rows, pattern.shape[0], order), degrees, longest)


def _greedy(
    starts: Sequence[int], rows: Sequence[int], height: int, order: Iterable[int]
) -> list[int]:
    """Give each column in turn the first colour that none of its rows has; -1 if it has no rows.

    Column j has the rows from ``rows[starts[j]]`` on. Sets of colours are integers: colour c is
    the bit ``1 << c``.
    """
    seen = [0] * height
    colors = [-1] * (len(starts) - 1)
    for column in order:
        near = rows[starts[column] : starts[column + 1]]
        taken = 0
        for row in near:
            taken |= seen[row]
        bit = ~taken & (taken + 1)  # the lowest bit that is not set
        for row in near:
            seen[row] |= bit
        if near:
            colors[column] = bit.bit_length() - 1
    return colors


def _star(starts: Sequence[int], neighbors: Sequence[int], order: Iterable[int]) -> list[int]:
    """Give each vertex in turn the first colour that keeps the colouring a star colouring.

    Of a path of four in two colours, the vertex v that is coloured last is an inner one or an end.
    So v may not have the colour

        of a neighbour;
        of d, in a path b - v - c - d where b and c have one colour;
        of c, in a path v - b - c - d where b and d have one colour.

    The last asks, of a neighbour b of v, around which of its neighbours c its own colour stands
    twice: ``hubs[b]`` are the colours of those. The vertices' neighbours are stored as the rows in
    `_greedy`, whose sets of colours these are too.
    """
    size = len(starts) - 1
    colors = [0] * size  # each as a set of its own; empty before it is given
    once = [0] * size  # the colours of the neighbours
    twice = [0] * size  # those that two of them have
    hubs = [0] * size
    for v in order:
        near = neighbors[starts[v] : starts[v + 1]]
        repeated, taken = twice[v], once[v]
        for w in near:
            taken |= hubs[w]
            if colors[w] & repeated:
                taken |= once[w]
        bit = colors[v] = ~taken & (taken + 1)
        for w in near:
            other = colors[w]
            if other & repeated:
                hubs[w] |= bit
            if not once[w] & bit:
                once[w] |= bit
            elif twice[w] & bit:
                hubs[v] |= other
            else:
                twice[w] |= bit
                for u in neighbors[starts[w] : starts[w + 1]]:
                    if colors[u] == bit:
                        hubs[u] |= other
    return [color.bit_length() - 1 for color in colors]


def _longest(pattern: Pattern) -> int:
    """Return the largest number of entries in a row."""
    return int(pattern.lengths.max(initial=0))


def to_scipy(pattern: Pattern, data: npt.NDArray[Scalar]) -> Matrix[Scalar]:
    """Return a new ``scipy.sparse`` array with a value for each entry of the pattern."""
    return sparse.csr_array((data, pattern.columns, pattern.starts), pattern.shape, copy=True)


def from_scipy(operation: str, pattern: MatrixLike) -> Pattern:
    """Return the entries that an array of two axes stores, or that are not zero.

    Raises:
        ShapeError: It has not two axes.
    """
    given: Value = pattern  # the stubs of SciPy list fewer dtypes than it takes
    if callable(given):
        msg = f"{operation}: expected a sparsity pattern, a matrix, not a function"
        raise ShapeError(msg)
    array = sparse.coo_array(given)
    if array.ndim != 2:
        msg = (
            f"{operation}: a sparsity pattern has two axes, rows and columns, unlike shape "
            f"{array.shape}"
        )
        raise ShapeError(msg)
    rows, columns = array.coords
    return from_entries(rows.astype(np.intp), columns.astype(np.intp), array.shape)
