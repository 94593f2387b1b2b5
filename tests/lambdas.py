"""Types for lambdas: what a type checker cannot infer from a generic transform alone."""

from __future__ import annotations

from collections.abc import Callable

from pullback.primitives.quantity import Value


def number(f: Callable[[float], float]) -> Callable[[float], float]:
    """Say of a lambda that it is a function of one Python number."""
    return f


def of(f: Callable[[Value], Value]) -> Callable[[Value], Value]:
    """Say of a lambda that it is a function of one value of any kind."""
    return f
