"""Loops and branches: what must not type-check."""

from __future__ import annotations

import pullback as pb
from pullback import Array, cond, fori_loop, scan, switch, while_loop


def step(carry: Array, x: Array) -> tuple[Array, Array]:
    return carry + x, carry


def no_pair(carry: Array, x: Array) -> Array:
    return carry + x


def changes(carry: Array) -> tuple[Array, Array]:
    return carry, carry


def going(x: Array) -> Array:
    return x < 3


def scaled(x: Array, factor: float, *, shift: float = 0.0) -> Array:
    return x * factor + shift


def errors(x: Array) -> None:
    scan(no_pair, x, x)  # E: arg-type
    scan(step, {"a": x}, x)  # E: arg-type
    scan(step, x, None, 3)  # E: misc
    scan(step, x, x, True, "reverse")  # E: call-overload
    scan(step, x)  # E: call-overload
    while_loop(going, changes, x)  # E: arg-type
    while_loop(going, pb.sin)  # E: call-arg
    while_loop(going, pb.sin, x, max_steps=1.5)  # E: arg-type
    fori_loop(0, 3, going, x)  # E: arg-type
    fori_loop("0", 3, lambda i, c: c, x)  # E: arg-type
    cond(x > 0, scaled, scaled, x)  # E: call-arg
    cond(x > 0, scaled, scaled, x, 2.0, scale=1.0)  # E: call-arg
    cond(x > 0, scaled, scaled, x, "two")  # E: arg-type
    cond(x > 0, scaled)  # E: call-arg
    switch(x, scaled, x, 2.0)  # E: arg-type
    switch(x, [scaled], x)  # E: list-item


def results(x: Array) -> None:
    carry: str = scan(step, x, x)[0]  # E: assignment
    looped: int = while_loop(going, pb.sin, x)  # E: assignment
    taken: str = cond(x > 0, scaled, scaled, x, 2.0)  # E: assignment
