"""Jacobians, block by block: one batched sweep for each input, or for each output.

Forward mode pushes the unit vectors of an input forward, all at once; reverse mode pulls those of
an output back. The other inputs or outputs do not move: their zeros are absent. So are the zeros
within a unit vector, and a derivative that is infinite does not make them ``nan``: in reverse mode
as below a selection (docs/design/003-safe-where.md), in forward mode by the same products.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from pullback.core import Array, Trace, unknown
from pullback.primitives.joining import concat_along
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.shape import Reshape, Transpose
from pullback.transforms.annihilation import annihilate
from pullback.transforms.batching import batch, with_batch_axis
from pullback.transforms.forward import push
from pullback.transforms.sweep import carry_nodes
from pullback.transforms.vjp import as_node

#: By output and input, ``∂output/∂input`` of shape ``output.shape + input.shape``; an absent block
#: is zero.
Blocks: TypeAlias = dict[tuple[Array, Array], Quantity]


def push_units(
    trace: Trace,
    inputs: Sequence[Array],
    outputs: Sequence[Array],
    views: Mapping[Array, Array],
    rows: int | None = None,
) -> Blocks:
    """Return the Jacobian in forward mode.

    Args:
        trace: The trace.
        inputs: Inputs of it.
        outputs: Nodes.
        views: What stands for each node that depends on the trace, as `outside` gives it.
        rows: How many unit vectors are pushed at a time, if not all of an input.
    """
    blocks: Blocks = {}
    for x in inputs:
        linear = Trace()
        x_dot = unknown(x.type, frozenset((linear,)))
        dots = push(trace, outputs, {x: x_dot}, views)
        moving = [as_node(dot) for dot in dots.values()]
        if math.prod(x.shape) > 1:
            moving = annihilate(linear, moving)
        for y, found in zip(dots, _at_units(linear, x_dot, moving, rows), strict=True):
            order = (*range(1, y.ndim + 1), 0)
            columns = Transpose(order)(found) if y.ndim else found
            blocks[y, x] = _shaped(columns, (*y.shape, *x.shape))
    return blocks


def pull_units(
    trace: Trace,
    inputs: Sequence[Array],
    outputs: Sequence[Array],
    views: Mapping[Array, Array],
    rows: int | None = None,
) -> Blocks:
    """Return the Jacobian in reverse mode; the arguments are those of `push_units`."""
    blocks: Blocks = {}
    for y in dict.fromkeys(outputs):
        if trace not in y.sources:
            continue
        linear = Trace()
        y_bar = unknown(y.type, frozenset((linear,)))
        bars = carry_nodes(trace, {y: y_bar}, views, selected=math.prod(y.shape) > 1)
        reached = [x for x in inputs if x in bars]
        moving = [as_node(bars[x]) for x in reached]
        for x, found in zip(reached, _at_units(linear, y_bar, moving, rows), strict=True):
            blocks[y, x] = _shaped(found, (*y.shape, *x.shape))
    return blocks


@np.errstate(all="ignore")  # as in every sweep
def _at_units(
    linear: Trace, seed: Array, outputs: Sequence[Array], rows: int | None
) -> list[Quantity]:
    """Return linear functions of a seed at its unit vectors, along an axis in front."""
    size = math.prod(seed.shape)
    parts: list[list[Quantity]] = [[] for _ in outputs]
    for start in range(0, size, rows or size) if size else (0,):
        count = min(rows or size, size - start)
        units: Value = np.eye(count, size, start, seed.dtype).reshape(count, *seed.shape)
        found = batch(linear, {seed: (units, True)}, outputs, count)
        for part, (quantity, batched) in zip(parts, found, strict=True):
            part.append(quantity if batched else with_batch_axis(quantity, count))
    return [_joined(part) for part in parts]


def _joined(parts: Sequence[Quantity]) -> Quantity:
    if len(parts) == 1:
        return parts[0]
    return concat_along(0, [shape_of(part) for part in parts])(*parts)


def _shaped(quantity: Quantity, shape: tuple[int, ...]) -> Quantity:
    return quantity if shape_of(quantity) == shape else Reshape(shape)(quantity)
