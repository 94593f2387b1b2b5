"""The errors of `vmap`: what they say, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.errors import (
    ConversionError,
    DTypeError,
    IndexingError,
    PullbackError,
    ShapeError,
    StructureError,
)
from tests.one_by_one import vmap

XS: Final = np.random.default_rng(0).standard_normal((4, 3))

ERRORS: Final[list[tuple[Callable[[], object], type[PullbackError], str]]] = [
    (
        lambda: vmap(lambda x, y: x)(XS, XS.T),
        ShapeError,
        "vmap: the sizes of the batch differ: x has 4, y has 3; in_axes says which axes count",
    ),
    (
        lambda: vmap(lambda p: p)({"w": XS, "b": XS[0]}),
        ShapeError,
        "vmap: the sizes of the batch differ: p['b'] has 3, p['w'] has 4",
    ),
    (lambda: vmap(lambda x: x, size=3)(XS), ShapeError, "differ: size=3, x has 4"),
    (vmap(lambda: 1.0, size=-1), ShapeError, "size: expected an integer, 0 or more"),
    (
        lambda: vmap(np.sin, in_axes=None)(XS),
        ShapeError,
        "vmap: no argument of sin is mapped; give one an axis in in_axes, or tell vmap the size",
    ),
    (
        lambda: vmap(lambda x: x, in_axes=2)(XS),
        ShapeError,
        "vmap: x has shape (4, 3), and no axis 2 to map over; give",
    ),
    (lambda: vmap(lambda x: x, in_axes=-3)(XS), ShapeError, "no axis -3 to map over"),
    (
        lambda: vmap(lambda x: x)([1.0, 2.0]),
        ShapeError,
        "x[0] has shape (), and no axis 0 to map over; give arrays in place of lists of numbers",
    ),
    (
        lambda: vmap(lambda x, *, k: x)(XS, k=2.0),
        ShapeError,
        "k has shape (), and no axis 0 to map over",
    ),
    (
        lambda: vmap(lambda x: x, in_axes=(0, None))(XS),
        StructureError,
        "vmap: in_axes has 2 entries, and <lambda> was called with 1 positional arguments",
    ),
    (
        lambda: vmap(lambda x: x, in_axes={"x": 0})({"x": XS}),
        StructureError,
        "vmap: in_axes: expected an axis, None, or a tuple with one entry for each positional",
    ),
    (
        lambda: vmap(lambda x: x, in_axes=({"a": {"u": 0}},))({"a": {"b": XS}}),
        StructureError,
        "vmap: x['a'] and its in_axes differ at the root: dict with the key 'b' against",
    ),
    (
        lambda: vmap(lambda x: x, in_axes=([0, "k"],))([XS, XS]),
        StructureError,
        "vmap: in_axes for x[1]: expected an axis, None, or a container of such like x[1], not 'k'",
    ),
    (
        lambda: vmap(lambda x: {"a": x, "b": x}, out_axes={"a": 0, "b": None})(XS),
        ShapeError,
        "vmap: out_axes is None for the result['b'], which differs between the examples; give",
    ),
    (
        lambda: vmap(lambda x: x, out_axes=2)(XS),
        ShapeError,
        "out_axes is 2 for the result, whose shape with the batch axis in front is (4, 3); give",
    ),
    (
        lambda: vmap(lambda x: x, out_axes=(0, 0))(XS),
        StructureError,
        "vmap: the result and its out_axes differ at the root: a leaf against tuple of 2",
    ),
    (
        lambda: vmap(lambda x: x, XS),
        StructureError,
        "vmap: in_axes is an array; arguments are those of the result, as in vmap(f)(x)",
    ),
    (
        lambda: vmap(lambda x: x if x[0] > 0 else -x)(XS),
        ConversionError,
        "is not known while vmap traces the function; use where, cond or while_loop in place of",
    ),
    (
        lambda: vmap(lambda x: pb.sum(x) * float(x[0]))(XS),
        ConversionError,
        "float(x): the value of Array(float64[], traced slice) is not known while vmap",
    ),
    (
        lambda: vmap(lambda i: XS[i])(np.array([0, 1])),
        ConversionError,
        "an ndarray a is indexed as pullback.asarray(a)[x]",
    ),
    (lambda: vmap(lambda x: f"{x[0]:.3f}")(XS), ConversionError, "format(x)"),
    (
        lambda: vmap(lambda x: x + np.ones(2))(XS),
        ShapeError,
        "add: shapes (3,) and (2,) do not broadcast",
    ),
    (lambda: vmap(lambda x: x)(np.array(["a", "b"])), DTypeError, "not dtype <U1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text for _, _, text in ERRORS])
def test_errors_say_what_came_and_what_to_do(
    call: Callable[[], object], error: type[PullbackError], text: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)


def test_an_error_in_the_batch_says_where_the_batch_axis_is() -> None:
    with pytest.raises(IndexingError, match="index 3 is out of range for axis 1") as caught:
        vmap(lambda x, i: x[i])(XS, np.array([0, 1, 3, 0]))
    assert caught.value.__notes__ == ["vmap: in gather of a batch, whose axis stands in front"]
