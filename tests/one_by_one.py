"""What `vmap` is compared with: a Python loop of single calls, and the stack of their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback import tree
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.types import type_of
from tests.checks import check_close
from tests.primitives.classes import concrete_primitives

# Of functions whose types do not matter here.
vmap: Final[Callable[..., Callable[..., Value]]] = pb.vmap
grad: Final[Callable[..., Callable[..., Value]]] = pb.grad


def values_of(result: object) -> list[Value]:
    """The leaves of a result, arrays of ours as values."""
    return [leaf._value if isinstance(leaf, pb.Array) else leaf for leaf in tree.leaves(result)]


def example(argument: Value, axis: int | None, number: int) -> Value:
    """One example of an argument whose leaves are all mapped along an axis."""
    if axis is None:
        return argument
    take = partial(np.take, indices=number, axis=axis)
    return tree.map(lambda leaf: pb.asarray(take(np.asarray(leaf))), argument)


def check_mapped(
    mapped: object, f: Callable[..., object], args: Sequence[Value], axes: Sequence[int | None]
) -> None:
    """Check a result of `vmap`, batch axis in front, against single calls of the function."""
    pairs = zip(args, axes, strict=True)
    size = next(
        np.asarray(tree.leaves(argument)[0]).shape[axis]
        for argument, axis in pairs
        if axis is not None
    )
    with np.errstate(all="ignore"):  # `vmap` does not warn of rows that nothing selects
        singles = [
            values_of(f(*[example(x, axis, i) for x, axis in zip(args, axes, strict=True)]))
            for i in range(size)
        ]
    batches = values_of(mapped)
    assert all(len(single) == len(batches) for single in singles)
    for number, batch in enumerate(batches):
        column = [single[number] for single in singles]
        assert isinstance(batch, np.ndarray), f"{type(batch).__name__} in place of an ndarray"
        assert len(batch) == size
        for row, single in zip(batch, column, strict=True):
            assert type_of(row).shape == type_of(single).shape
            assert type_of(row).dtype == type_of(single).dtype
            check_close(row, single)


def check_vmap(
    f: Callable[..., object], *args: Value, in_axes: Sequence[int | None] | None = None
) -> None:
    """Check that a function of a batch gives what single calls give; arguments are plain."""
    axes = [0] * len(args) if in_axes is None else in_axes
    check_mapped(vmap(f, tuple(axes))(*args), f, args, axes)


def count_evaluations(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count from now on how often each primitive is evaluated."""
    counts: Counter[str] = Counter()
    owners = {
        owner
        for primitive in concrete_primitives()
        for owner in primitive.__mro__
        if "evaluate" in vars(owner) and owner is not Primitive
    }
    for owner in owners:
        monkeypatch.setattr(owner, "evaluate", _counted(vars(owner)["evaluate"], counts))
    return counts


def _counted(evaluate: Value, counts: Counter[str]) -> Callable[..., Value]:
    def counted(self: Primitive, *values: Value) -> Value:
        counts[self.name] += 1
        own = evaluate.__get__(self) if hasattr(evaluate, "__get__") else evaluate  # eq has no self
        return own(*values)

    return counted
