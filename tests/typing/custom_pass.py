"""Functions with derivatives of their own: what must type-check, and to which types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_type

import numpy as np
from attrs import frozen

import pullback as pb
from pullback import (
    Array,
    check_rules,
    custom_fixed_point,
    custom_jvp,
    custom_minimizer,
    custom_root,
    custom_vjp,
    pure_callback,
)
from pullback.types import ArrayType

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@frozen
class Model:
    weight: Array


def apply(model: Model, x: Array, *, scale: float = 1.0) -> Array:
    raise NotImplementedError


def push(primals: tuple[Model, Array], tangents: tuple[Model, Array], y: Array) -> Array:
    raise NotImplementedError


def forward(model: Model, x: Array, *, scale: float = 1.0) -> tuple[Array, tuple[Model, Array]]:
    raise NotImplementedError


def backward(residuals: tuple[Model, Array], y_bar: Array) -> tuple[Model, None]:
    raise NotImplementedError


def rules_keep_the_signature(model: Model, x: Array) -> None:
    by_jvp = custom_jvp(apply, push)
    assert_type(by_jvp(model, x), Array)
    assert_type(by_jvp(model, x=x, scale=2.0), Array)
    by_vjp = custom_vjp(apply, forward, backward)
    assert_type(by_vjp(model, x, scale=2.0), Array)
    assert_type(pb.grad(by_vjp)(model, x), Model)
    both = custom_vjp(apply, forward, backward, pushforward=push)
    assert_type(both(model, x), Array)
    assert_type(custom_jvp(apply, push, forward=forward, backward=backward)(model, x), Array)
    check_rules(both, (model, x))


def residual(y: Model, a: Array, *, tolerance: float = 1e-9) -> Model:
    raise NotImplementedError


def solver(y: Model, a: Array, *, tolerance: float = 1e-9) -> Model:
    raise NotImplementedError


def energy(y: Model, a: Array, *, tolerance: float = 1e-9) -> Array:
    raise NotImplementedError


def linear(operator: Callable[[Model], Model], b: Model) -> Model:
    raise NotImplementedError


def solvers_keep_their_signature(model: Model, a: Array) -> None:
    assert_type(custom_root(residual, solver)(model, a), Model)
    assert_type(custom_root(residual, solver, solve=linear)(model, a, tolerance=1e-3), Model)
    assert_type(custom_fixed_point(residual, solver)(model, a), Model)
    assert_type(custom_minimizer(energy, solver, solve=linear)(model, a), Model)


def callbacks_return_what_is_stated(x: Vector, array: Array) -> None:
    assert_type(pure_callback(np.sort, x, x), Vector)
    assert_type(pure_callback(np.sort, array, x, vectorized=True), Array)
    assert_type(pure_callback(np.sort, ArrayType((3,), np.dtype(np.float64)), x), Array)
