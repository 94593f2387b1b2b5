"""Functions with derivatives of their own: what must not type-check."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pullback import Array, custom_jvp, custom_root, custom_vjp, pure_callback


def scale(x: Array, n: int) -> Array:
    raise NotImplementedError


def push(primals: tuple[Array, int], tangents: tuple[Array, int], y: Array) -> Array:
    raise NotImplementedError


def forward(x: Array, n: int) -> tuple[Array, int]:
    raise NotImplementedError


def backward(n: int, y_bar: Array) -> tuple[Array, None]:
    raise NotImplementedError


def push_mixed(primals: tuple[Array, int], tangents: str, y: Array) -> Array:
    raise NotImplementedError


def push_text(primals: tuple[Array, int], tangents: tuple[Array, int], y: Array) -> str:
    raise NotImplementedError


def forward_alone(x: Array) -> tuple[Array, int]:
    raise NotImplementedError


def backward_text(residuals: str, y_bar: Array) -> tuple[Array, None]:
    raise NotImplementedError


def solver(y: float, a: Array) -> float:
    raise NotImplementedError


def residual(y: float, a: Array) -> float:
    raise NotImplementedError


def other(y: float, a: str) -> float:
    raise NotImplementedError


def linear(operator: Callable[[str], str], b: str) -> str:
    raise NotImplementedError


def main(x: Array) -> None:
    # The signature of the function stays.
    made = custom_jvp(scale, push)
    made("text", 2)  # E: arg-type
    made(x)  # E: call-arg
    made(x, 2, m=3)  # E: call-arg
    custom_vjp(scale, forward, backward)(x, "two")  # E: arg-type
    text: str = made(x, 2)  # E: assignment

    # The rules fit it, and each other.
    custom_jvp(scale, push_mixed)  # E: reportArgumentType (pyright)
    custom_jvp(scale, push_text)  # E: arg-type
    custom_vjp(scale, forward_alone, backward)  # E: reportArgumentType (pyright)
    custom_vjp(scale, forward, backward_text)  # E: arg-type
    custom_vjp(scale, forward)  # E: call-arg

    # Equations and solver have the same unknowns and parameters.
    custom_root(residual, solver)("text", x)  # E: arg-type
    custom_root(residual, solver)(1.0)  # E: call-arg
    custom_root(other, solver)  # E: reportArgumentType (pyright)
    custom_root(residual, solver, solve=linear)  # E: arg-type

    # A callback returns what is stated.
    pure_callback(np.sort, x, x).upper()  # E: attr-defined
    pure_callback(np.sort)  # E: call-overload
