"""Colourings: what may not have one colour has not, and every entry can be read."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from itertools import permutations
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from pullback import color_hessian, color_jacobian
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value
from pullback.transforms.coloring import Coloring

many = settings(max_examples=200, derandomize=True, deadline=None)
randoms = st.integers(0, 2**32).map(random.Random)


def random_matrix(r: random.Random, height: int, width: int) -> Value:
    """A matrix whose entries are of no order, some of them zero."""
    density = r.choice([0.0, 0.1, 0.3, 0.6, 1.0])
    entries = [r.uniform(1, 2) if r.random() < density else 0.0 for _ in range(height * width)]
    return np.array(entries).reshape(height, width)


def random_symmetric(r: random.Random, size: int) -> Value:
    matrix = random_matrix(r, size, size)
    return np.triu(matrix) + np.triu(matrix, 1).T


def compress(matrix: Value, coloring: Coloring) -> Value:
    """The products that a derivative would be asked for."""
    seeds = np.array([coloring.seed(color) for color in range(coloring.number)])
    products = matrix.T if coloring.by == "rows" else matrix
    return seeds.reshape(coloring.number, products.shape[1]) @ products.T


def grid(size: int) -> Value:
    """The five-point stencil on a square of so many points to a side."""
    one = sparse.eye_array(size)
    line = one + sparse.eye_array(size, k=1) + sparse.eye_array(size, k=-1)
    return (sparse.kron(line, one) + sparse.kron(one, line)).tocsr()


@many
@given(randoms, st.integers(0, 9), st.integers(0, 9), st.sampled_from(["columns", "rows", "auto"]))
def test_matrix_is_recovered_from_its_products(
    r: random.Random, height: int, width: int, by: Value
) -> None:
    matrix = random_matrix(r, height, width)
    coloring = color_jacobian(matrix, by=by)
    found = coloring.recover(compress(matrix, coloring))
    assert found.shape == matrix.shape
    np.testing.assert_allclose(found.toarray(), matrix, rtol=1e-14)
    bounds = (matrix != 0).sum(1).max(initial=0), (matrix != 0).sum(0).max(initial=0)
    if by == "auto":
        assert coloring.number >= min(bounds)
    else:
        assert coloring.number >= bounds[by == "rows"]


@many
@given(randoms, st.integers(0, 9), st.integers(0, 9))
def test_columns_of_one_color_share_no_row(r: random.Random, height: int, width: int) -> None:
    matrix = random_matrix(r, height, width) != 0
    colors = color_jacobian(matrix, by="columns").colors
    for i in range(width):
        assert (colors[i] == -1) == (not matrix[:, i].any())
        for j in range(i):
            if colors[i] == colors[j] >= 0:
                assert not (matrix[:, i] & matrix[:, j]).any()


@many
@given(randoms, st.integers(0, 9))
def test_symmetric_matrix_is_recovered_from_its_products(r: random.Random, size: int) -> None:
    matrix = random_symmetric(r, size)
    coloring = color_hessian(matrix)
    found = coloring.recover(compress(matrix, coloring))
    np.testing.assert_allclose(found.toarray(), matrix, rtol=1e-14)


@many
@given(randoms, st.integers(1, 8))
def test_neighbors_differ_and_no_path_of_four_has_two_colors(r: random.Random, size: int) -> None:
    matrix = random_symmetric(r, size) != 0
    colors = color_hessian(matrix).colors
    edges = matrix & ~np.eye(size, dtype=bool)
    assert not (edges & (colors[:, None] == colors)).any()
    for a, b, c, d in permutations(range(size), 4):
        if edges[a, b] and edges[b, c] and edges[c, d]:
            assert len({colors[a], colors[b], colors[c], colors[d]}) > 2


@pytest.mark.parametrize("color", [color_jacobian, color_hessian])
def test_every_order_of_a_large_matrix_is_recovered(color: Callable[[Value], Coloring]) -> None:
    rng = np.random.default_rng(0)
    shuffle = rng.permutation(900)
    for pattern in (grid(30), grid(30)[shuffle][:, shuffle]):
        matrix = pattern.tocoo()
        values = rng.uniform(1, 2, (900, 900))
        matrix = sparse.csr_array(((values + values.T)[matrix.coords], matrix.coords))
        coloring = color(matrix)
        found = coloring.recover(compress(matrix.toarray(), coloring))
        np.testing.assert_allclose(found.toarray(), matrix.toarray(), rtol=1e-13)


@pytest.mark.parametrize("size", [6, 50])
def test_band_has_as_many_colors_as_diagonals(size: int) -> None:
    band = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) <= 1
    assert color_jacobian(band).number == 3
    assert color_hessian(band).number == 3
    upper = np.triu(np.abs(np.subtract.outer(np.arange(size), np.arange(size))) <= 3)
    assert color_jacobian(upper).number == 4


def test_stencil_of_five_points_has_a_handful_of_colors() -> None:
    assert 5 <= color_jacobian(grid(40)).number <= 7
    assert 5 <= color_hessian(grid(40)).number <= 6


def test_arrow_has_two_colors_where_symmetric_and_else_as_many_as_columns() -> None:
    arrow = np.eye(7, dtype=bool)
    arrow[3] = arrow[:, 3] = True
    assert color_hessian(arrow).number == 2
    assert color_jacobian(arrow).number == 7


def test_rows_are_colored_where_that_needs_fewer_colors() -> None:
    wide = np.zeros((3, 20), np.bool_)
    wide[0] = True
    wide[1:, 4] = True
    coloring = color_jacobian(wide)
    assert (coloring.by, coloring.number) == ("rows", 3)
    assert (color_jacobian(wide.T).by, color_jacobian(wide.T).number) == ("columns", 3)
    assert color_jacobian(np.eye(4)).by == "columns"
    # The edges of a complete graph: a row for each, so that all four columns are neighbours.
    edges = np.array(
        [[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1]]
    )
    assert color_jacobian(edges, by="columns").number == 4
    assert (color_jacobian(edges).by, color_jacobian(edges).number) == ("rows", 3)
    assert color_jacobian(wide, by="columns").number == 20


def test_second_order_is_kept_where_it_needs_fewer_colors() -> None:
    # A crown: u_i and v_j are neighbours unless i = j. In the order u_0, v_0, u_1, ... each pair
    # takes a colour of its own. A last column, a neighbour of every u, puts these first.
    size = 5
    pairs = [(2 * i, 2 * j + 1) for i in range(size) for j in range(size) if i != j]
    pairs += [(2 * i, 2 * size) for i in range(size)]
    pattern = np.zeros((len(pairs), 2 * size + 1), np.bool_)
    for row, columns in enumerate(pairs):
        pattern[row, columns] = True
    assert color_jacobian(pattern, by="columns").colors.tolist() == [0, 1] * size + [1]


@pytest.mark.parametrize("color", [color_jacobian, color_hessian])
def test_line_without_entries_has_no_color(color: Callable[[Value], Coloring]) -> None:
    assert color(np.zeros((3, 3))).number == 0
    assert color(np.diag([1, 0, 1])).colors.tolist() == [0, -1, 0]


def test_same_pattern_has_the_same_coloring() -> None:
    pattern = sparse.random_array((200, 200), density=0.02, rng=np.random.default_rng(1))
    for color in (color_jacobian, color_hessian):
        first, second = color(pattern), color(pattern.tocsc())
        assert first.colors.tolist() == second.colors.tolist()
        assert first.positions.tolist() == second.positions.tolist()


def test_pattern_may_come_in_any_form() -> None:
    dense = np.array([[1, 0, 2], [0, 0, 3]])
    expected = color_jacobian(dense).pattern.toarray()
    assert expected.dtype == np.bool_
    assert (expected == (dense != 0)).all()
    for form in (sparse.csr_array, sparse.csc_matrix, sparse.coo_matrix, sparse.lil_array):
        assert (color_jacobian(form(dense)).pattern.toarray() == expected).all()


def test_entries_that_are_stored_count_even_if_zero() -> None:
    stored = sparse.coo_array((np.zeros(2), ([0, 0], [0, 1])), shape=(1, 2))
    assert color_jacobian(stored, by="columns").number == 2


def test_entry_on_one_side_of_the_diagonal_counts_on_both() -> None:
    assert color_hessian(np.array([[0, 1], [0, 0]])).pattern.toarray().tolist() == [
        [False, True],
        [True, False],
    ]


def test_coloring_cannot_be_written_to() -> None:
    coloring = color_jacobian(np.eye(3))
    for array in (coloring.colors, coloring.positions):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5
    pattern = coloring.pattern
    pattern.indices[:] = 0
    pattern.data[:] = False
    assert (coloring.pattern.toarray() == np.eye(3)).all()
    recovered = coloring.recover(np.ones((1, 3)))
    recovered.indices[:] = 0
    assert (coloring.pattern.toarray() == np.eye(3)).all()


def test_coloring_pickles() -> None:
    coloring = color_hessian(grid(4))
    copy = pickle.loads(pickle.dumps(coloring))  # noqa: S301 - our own bytes
    assert copy.colors.tolist() == coloring.colors.tolist()
    assert (copy.pattern.toarray() == coloring.pattern.toarray()).all()
    assert repr(copy) == repr(coloring)


def test_what_is_no_matrix_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"color_jacobian: .* two axes, .*, unlike shape \(3,\)"):
        color_jacobian(np.ones(3))
    with pytest.raises(ShapeError, match=r"square, unlike shape \(2, 3\)"):
        color_hessian(np.ones((2, 3)))


LARGE: Final = 100_000


def test_many_unknowns_of_one_dense_row_cost_no_square() -> None:
    arrow = sparse.eye_array(LARGE).tolil()
    arrow[0] = 1
    assert color_jacobian(arrow).number == 2
    assert color_hessian(arrow).number == 2
