"""Stochastic gradient descent, with or without momentum."""

from __future__ import annotations

import functools
from typing import Generic, NamedTuple, Protocol, TypeVar, final

import numpy as np
from attrs import frozen

from pullback import tree
from pullback.core import Array

T = TypeVar("T")


@final
@frozen
class SgdState(Generic[T]):
    """What a descent remembers: the velocity, of the parameters' type; None without momentum.

    Example:
        >>> sgd(0.1, momentum=0.9).init(2.0)
        SgdState(velocity=0.0)
    """

    velocity: T | None


class SgdInit(Protocol):
    """The function that makes the first state."""

    def __call__(self, params: T, /) -> SgdState[T]:
        """Return the state before the first step."""


class SgdUpdate(Protocol):
    """The function that takes a step."""

    def __call__(self, params: T, grads: T, state: SgdState[T], /) -> tuple[T, SgdState[T]]:
        """Return the parameters and the state after the step."""


@final
class Sgd(NamedTuple):
    """An optimiser: ``init(params)`` and ``update(params, grads, state)``, both pure.

    Example:
        >>> init, update = sgd(0.1)
    """

    init: SgdInit
    update: SgdUpdate


def sgd(learning_rate: float, *, momentum: float = 0.0, nesterov: bool = False) -> Sgd:
    """Return gradient descent: ``v ← μv + g``, ``p ← p - ηv``.

    With Nesterov's momentum the step is ``p ← p - η(g + μv)``, v being the new velocity. Leaves
    that have no derivative (integers, booleans, strings, functions) stay as they are.

    Args:
        learning_rate: η, finite and at least 0.
        momentum: μ, in ``0 <= μ < 1``.
        nesterov: Whether to look ahead along the velocity.

    Returns:
        A pair of functions, ``init`` and ``update``.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> init, update = sgd(0.1)
        >>> params = {"w": 1.0}
        >>> state = init(params)
        >>> params, state = update(params, {"w": 2.0}, state)
        >>> params
        {'w': 0.8}

    References:
        I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and
        momentum in deep learning", ICML 2013; in the form where the rate scales the velocity, as
        PyTorch documents it.
    """
    if not 0 <= learning_rate < float("inf"):
        msg = f"sgd: the learning rate must be finite and at least 0, got {learning_rate}"
        raise ValueError(msg)
    if not 0 <= momentum < 1:
        msg = f"sgd: the momentum must be at least 0 and below 1, got {momentum}"
        raise ValueError(msg)
    if nesterov and not momentum:
        msg = "sgd: Nesterov's look-ahead needs a momentum above 0"
        raise ValueError(msg)
    return Sgd(
        functools.partial(_init, momentum=momentum),
        functools.partial(_update, rate=learning_rate, momentum=momentum, nesterov=nesterov),
    )


def _init(params: T, /, *, momentum: float) -> SgdState[T]:
    velocity = tree.map(lambda p: p * 0 if _moves(p) else p, params) if momentum else None
    return SgdState(velocity)


def _update(
    params: T, grads: T, state: SgdState[T], /, *, rate: float, momentum: float, nesterov: bool
) -> tuple[T, SgdState[T]]:
    tree.check_same(params, grads, operation="sgd")
    if state.velocity is None:
        return tree.map(lambda p, g: p - rate * g if _moves(p) else p, params, grads), state
    velocity = tree.map(lambda v, g: momentum * v + g if _moves(v) else v, state.velocity, grads)
    step = velocity
    if nesterov:
        step = tree.map(lambda v, g: g + momentum * v if _moves(v) else v, velocity, grads)
    moved = tree.map(lambda p, s: p - rate * s if _moves(p) else p, params, step)
    return moved, SgdState(velocity)


def _moves(leaf: object) -> bool:
    """Whether a leaf has a derivative."""
    if isinstance(leaf, (Array, np.ndarray, np.generic)):
        return leaf.dtype.kind in "fc"
    return isinstance(leaf, (float, complex))
