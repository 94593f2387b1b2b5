"""What the Jacobians share: one call of the function, and its blocks put into a tree of trees."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.api.arguments import Selection, select
from pullback.api.calls import Call, differentiable_call
from pullback.api.functions import name_of, parameter_name
from pullback.api.inputs import is_inexact
from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import plain
from pullback.core import Array, lift
from pullback.errors import DifferentiationError
from pullback.primitives.cast import Cast
from pullback.primitives.quantity import Value, quantity_type
from pullback.transforms.jacobian import pull_units, push_units
from pullback.transforms.vjp import as_node, outside
from pullback.tree import flatten, unflatten
from pullback.types import ArrayType, promote, python_zero

#: How a Jacobian is computed: column by column, row by row, or whichever are fewer.
Mode: TypeAlias = Literal["auto", "forward", "reverse"]


@final
@frozen(eq=False, repr=False)
class JacobianOf:
    """A function, and how its Jacobian is computed; `jacobian_of` makes one."""

    #: The name that errors give the transform.
    operation: str
    f: Callable[..., object]
    selection: Selection
    mode: Mode
    chunk_size: int | None
    #: None where the user cannot say so.
    holomorphic: bool | None

    def run(self, args: Sequence[object], kwargs: Mapping[str, object]) -> tuple[object, object]:
        """Return the value of the function and its Jacobian."""
        selection = self.selection
        for number in selection.positions:
            if number >= len(args):
                raise self._no_position(number, len(args))
        labels = [parameter_name(self.f, number) for number in selection.positions]
        name = labels[0] if selection.one_position else f"({', '.join(labels)})"

        def restricted(x: object) -> object:
            replaced = list(args)
            chosen = (x,) if selection.one_position else x
            assert isinstance(chosen, tuple)
            for number, argument in zip(selection.positions, chosen, strict=True):
                replaced[number] = argument
            return self.f(*replaced, **kwargs)

        x = selection.arrange([args[number] for number in selection.positions])
        others = selection.others(args, kwargs)
        call = differentiable_call(self.operation, restricted, x, name, others)
        return call.y, self._jacobian(call)

    def _jacobian(self, call: Call[object, object]) -> object:
        """Return the Jacobian of a call: for each leaf of its result, a tree like its argument."""
        x_leaves, y_leaves = call.inputs.leaves, flatten(call.y)[0]
        inputs = [_node(*pair) for pair in zip(call.inputs.nodes, x_leaves, strict=True)]
        outputs = [_node(*pair) for pair in zip(call.outputs, y_leaves, strict=True)]
        moving = [x for x in inputs if x is not None and is_inexact(x)]
        results = [y for y in outputs if y is not None and is_inexact(y)]
        if y_leaves and not results and any(type(y) is not int for y in y_leaves):
            raise self._no_derivative(y_leaves)
        way = push_units if self._forward(moving, results) else pull_units
        views = call.views or outside(results, call.trace)
        blocks = way(call.trace, moving, results, views, self.chunk_size)
        rows: list[object] = []
        for y, y_leaf in zip(outputs, y_leaves, strict=True):
            if y is None:
                rows.append(y_leaf)
                continue
            row = [
                x_leaf if x is None else _block(blocks.get((y, x)), y, x, arrays=call.arrays)
                for x, x_leaf in zip(inputs, x_leaves, strict=True)
            ]
            rows.append(unflatten(call.inputs.structure, row))
        return unflatten(call.structure, rows)

    def _forward(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> bool:
        """Return whether forward mode is used."""
        self._check_complex(inputs, outputs)
        if self.mode == "auto":
            columns = sum([math.prod(x.shape) for x in inputs])
            return columns <= sum([math.prod(y.shape) for y in outputs]) or _complex(outputs)
        return self.mode == "forward"

    def _check_complex(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Raise where a derivative is no complex number, or reverse mode gives a part of it."""
        f = name_of(self.f)
        remedy = "make it a function of the real and the imaginary part, re and im, of re + 1j * im"
        if _complex(inputs):
            if not all(y.dtype.kind == "c" for y in outputs):
                msg = (
                    f"{self.operation}: {f} takes complex numbers to real ones, and the derivative "
                    f"of such a function is no complex matrix; {remedy}"
                )
                raise DifferentiationError(msg)
            if not self.holomorphic:
                if self.holomorphic is not None:
                    remedy = f"pass holomorphic=True if it is holomorphic; if not, {remedy}"
                msg = f"{self.operation}: {f} takes complex numbers to complex ones; {remedy}"
                raise DifferentiationError(msg)
        if self.mode == "reverse" and _complex(outputs):
            msg = (
                f"{self.operation}: the output of {f} is complex, and reverse mode gives the "
                "derivative of a real number; use mode='forward'"
            )
            raise DifferentiationError(msg)

    def _no_derivative(self, leaves: Sequence[object]) -> DifferentiationError:
        kinds = ", ".join(
            f"dtype {lift(leaf).dtype}" if isinstance(leaf, NUMERIC) else describe(leaf)
            for leaf in leaves[:4]
        )
        return DifferentiationError(
            f"{self.operation}: the output of {name_of(self.f)} holds no floating-point number, "
            f"which alone has derivatives, but {kinds}; return one, or convert it with astype"
        )

    def _no_position(self, number: int, given: int) -> DifferentiationError:
        return DifferentiationError(
            f"{self.operation}: argnums selects position {number}, counted from 0, and "
            f"{name_of(self.f)} was called with {given} positional "
            f"argument{'' if given == 1 else 's'}; pass what is differentiated by position"
        )


def jacobian_of(
    operation: str,
    f: object,
    argnums: int | tuple[int, ...],
    mode: Mode,
    chunk_size: int | None,
    *,
    holomorphic: bool | None = None,
) -> JacobianOf:
    """Check what the user asked for.

    Raises:
        DifferentiationError: ``f`` is not callable, ``argnums`` are not as `select` wants them,
            ``mode`` is another word, or ``chunk_size`` is not positive.
    """
    fault = None
    if not callable(f):
        fault = f"expected a function, not {describe(f)}"
    elif mode not in {"auto", "forward", "reverse"}:
        fault = f"mode: expected 'auto', 'forward' or 'reverse', not {mode!r}"
    elif chunk_size is not None and (type(chunk_size) is not int or chunk_size < 1):
        fault = f"chunk_size: expected a positive integer or None, not {chunk_size!r}"
    if fault is not None or not callable(f):
        msg = f"{operation}: {fault}"
        raise DifferentiationError(msg)
    selection = select(operation, argnums, None)
    return JacobianOf(operation, f, selection, mode, chunk_size, holomorphic)


def _node(node: Array | None, leaf: object) -> Array | None:
    """Return the node of a leaf; of another number a constant; None for what is no number."""
    if node is None and isinstance(leaf, NUMERIC):
        return lift(leaf)
    return node


def _complex(nodes: Sequence[Array]) -> bool:
    return any(node.dtype.kind == "c" for node in nodes)


def _block(found: Value, y: Array, x: Array, *, arrays: bool) -> object:
    """Return ∂y/∂x as it leaves, of the common dtype of both: a Python number if both are."""
    shape, dtype, weak = y.shape + x.shape, promote([y.type, x.type]), y.type.weak and x.type.weak
    if found is None:
        found = python_zero(dtype) if weak else np.zeros(shape, dtype)[()]
    elif quantity_type(found) != ArrayType(shape, dtype, weak):
        found = Cast(dtype, weak)(found)
    node = as_node(found)
    return node if arrays else plain(node)
