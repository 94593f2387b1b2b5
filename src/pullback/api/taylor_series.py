"""Taylor mode: derivatives of any order along a curve, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from pullback.api.calls import differentiable_call, seeds
from pullback.api.closures import at_least
from pullback.api.outputs import describe
from pullback.api.plain import holds_array
from pullback.core import Array
from pullback.errors import ShapeError, StructureError
from pullback.lazy import lazy

if TYPE_CHECKING:
    import pullback.transforms.taylor as transform
else:
    transform = lazy("pullback.transforms.taylor")

X = TypeVar("X")
Y = TypeVar("Y")


def taylor(
    f: Callable[[X], Y], x: X, series: Sequence[X], /, *, order: int | None = None
) -> tuple[Y, tuple[Y, ...]]:
    """Return the value of a function at a point, and its Taylor coefficients along a curve.

    For the curve ``x(t) = x + x_1 t + ... + x_K tᴷ`` through ``x``, the coefficients of

        f(x(t)) = y + y_1 t + ... + y_K tᴷ + O(tᴷ⁺¹)

    in one pass, at a cost that grows as K² for almost every function. A loop (`scan`) is gone
    through step by step, and a branch (`cond`) chosen by the value. These are coefficients, on both
    sides, not derivatives: the derivative of order k at t = 0 is ``k!·y_k``. The derivatives of
    ``f`` along a straight line, ``Dᵏf(x)[v, ..., v]``, are those for ``x(t) = x + v t``: ``series``
    is ``(v,)`` and ``order`` is K.

    Plain in, plain out, as in `grad`: where neither ``x`` nor ``series`` holds an `Array`, neither
    does the result.

    Args:
        f: A function of one pytree that returns a pytree; it is called once. A function of more
            arguments is one of a tuple.
        x: The point, a pytree. Leaves that are no floating-point numbers are handed on to ``f``.
        series: The coefficients ``x_1, x_2, ...`` of the curve, each of the structure and shapes
            of ``x``, its dtypes no wider. Leaves that correspond to what is not differentiable
            are ignored.
        order: K, if it is not the length of ``series``: further coefficients of the curve are 0.

    Returns:
        The value ``f(x)``, and the coefficients ``y_1, ..., y_K``, each of the value's type. Where
        the value has a leaf that is no floating-point number, a coefficient has a zero if it is a
        number, and the leaf itself if not.

    Raises:
        DifferentiationError: ``x`` has leaves, but none of floating-point type; or ``f`` calls a
            function with custom rules, or under `vmap` a `while_loop`.
        StructureError: ``series`` is no sequence, or the structures of ``x`` and of one of the
            coefficients differ.
        ShapeError: Their shapes differ at some leaf, or ``order`` is less than the number of
            coefficients.
        DTypeError: A leaf of a coefficient is no number, or of a dtype that does not fit.

    Example:
        >>> import numpy as np
        >>> taylor(lambda x: 1 / (1 - x), 0.0, (1.0,), order=4)  # 1 + t + t² + ...
        (1.0, (1.0, 1.0, 1.0, 1.0))
        >>> taylor(lambda x: x * x, np.array([3.0, 4.0]), (np.ones(2), np.ones(2)))
        (array([ 9., 16.]), (array([6., 8.]), array([7., 9.])))

    References:
        A. Griewank and A. Walther, "Evaluating Derivatives", 2nd ed., 2008, chapter 13.
    """
    _check_sequence(series)
    last = len(series) if order is None else at_least(0, "taylor: order", order)
    if last < len(series):
        msg = f"taylor: order is {order}, less than the number of coefficients, {len(series)}"
        raise ShapeError(msg)
    call = differentiable_call("taylor", f, x)
    inputs = call.inputs
    curves: dict[Array, list[Array]] = {node: [] for node in inputs.nodes if node is not None}
    for k, tree in enumerate(series, 1):
        what = f"taylor: the coefficient of t**{k}"
        terms = seeds(what, "the point", inputs.structure, inputs.nodes, tree)
        for node, term in zip(inputs.nodes, terms, strict=True):
            if node is not None and term is not None:
                curves[node].append(term)
    outputs = [out for out in call.outputs if out is not None]
    found = transform.expand(call.trace, outputs, curves, last, call.views)
    arrays = call.arrays or holds_array(series)
    return call.y, tuple(call.tangent(terms, arrays=arrays) for terms in found)


def _check_sequence(series: object) -> None:
    """Check that the series is a sequence of coefficients, not one of them."""
    if not isinstance(series, Sequence):
        msg = (
            f"taylor: the series must be a sequence of coefficients, not {describe(series)}; for "
            "a straight line along v pass (v,) and an order"
        )
        raise StructureError(msg)
