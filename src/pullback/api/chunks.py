"""`map_chunked`: `vmap` in chunks, for batches whose intermediate results fill the memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from attrs import evolve

from pullback.api.axes import spread_axes
from pullback.api.batching import map_over
from pullback.api.callables import check_functions
from pullback.api.closures import at_least, open_tree
from pullback.api.functions import like
from pullback.api.joining import concat
from pullback.api.loops import scan
from pullback.api.manipulation import reshape
from pullback.api.mapped_arguments import MappedArguments, map_arguments
from pullback.api.transposition import moveaxis
from pullback.core import Array, lift

P = ParamSpec("P")
R = TypeVar("R")


def map_chunked(
    f: Callable[P, R], size: int, in_axes: object = 0, out_axes: object = 0
) -> Callable[P, R]:
    """Return a function that applies ``f`` to a batch, some of its examples at once.

    The results are those of `vmap`. Of what is computed on the way to them, memory holds that of
    ``size`` examples, where it holds that of all with `vmap`; in reverse mode too. ``f`` is called
    once for all full chunks, through which a `scan` goes, and once for the rest.

    Plain in, plain out, as in `vmap`.

    Args:
        f: A function of pytrees that returns a pytree, as for `vmap`.
        size: How many examples are computed at once, 1 or more.
        in_axes: The axis of the arguments that is mapped over, as for `vmap`.
        out_axes: Where the batch axis goes in the result, as for `vmap`.

    Returns:
        A function with the parameters of ``f``, as `vmap` returns it.

    Raises:
        ShapeError: ``size`` is less than 1; or as for `vmap`.
        DTypeError: ``f`` is no function, or ``size`` no integer.
        StructureError: As for `vmap`.
        ConversionError: ``f`` asks for a value that is not known.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> map_chunked(lambda x: pb.sum(x * x), 2)(np.ones((5, 3)))
        array([3., 3., 3., 3., 3.])
    """
    check_functions("map_chunked", f=f)
    size = at_least(1, "map_chunked: size", size)

    def run(mapped: MappedArguments, wholes: Sequence[Array]) -> R:
        part = evolve(mapped, wholes=wholes, size=wholes[0].shape[0], arrays=True)
        return map_over("map_chunked", f, part, out_axes)

    def in_chunks(*args: P.args, **kwargs: P.kwargs) -> R:
        mapped = map_arguments("map_chunked", f, in_axes, args, kwargs)
        wholes = [lift(whole) for whole in mapped.wholes]
        full, rest = divmod(mapped.size, size)
        if not full:
            tree = open_tree(run(mapped, wholes))
            return tree.result(tree.arrays(), as_arrays=mapped.arrays)
        end = full * size
        chunks = [reshape(x[:end], (full, size, *x.shape[1:])) for x in wholes]
        _, stacked = scan(lambda _, chunk: (None, run(mapped, chunk)), None, chunks)
        tree = open_tree(stacked)
        spread = spread_axes(
            "map_chunked",
            "out_axes",
            out_axes,
            what="the result",
            tree=stacked,
            number=len(tree.leaves),
        )
        axes = [spread[number] for number in tree.numbers]
        results = list(map(_merged, tree.arrays(), axes))
        if rest:
            others = open_tree(run(mapped, [x[end:] for x in wholes])).arrays()
            results = [
                x if axis is None else concat([x, y], axis=axis)
                for x, y, axis in zip(results, others, axes, strict=True)
            ]
        return tree.result(results, as_arrays=mapped.arrays)

    return like(f, in_chunks)


def _merged(chunks: Array, axis: int | None) -> Array:
    """Return the results of chunks, stacked along axis 0, as those of one batch along an axis."""
    if axis is None:
        return chunks[0]  # the same for all examples
    axis %= chunks.ndim - 1
    _, *shape = chunks.shape
    shape[axis] *= chunks.shape[0]
    return reshape(moveaxis(chunks, 0, axis), tuple(shape))
