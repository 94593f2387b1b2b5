"""Loops and branches: what must type-check, and to which types."""

from __future__ import annotations

from typing import TypeAlias, assert_type

import numpy as np
from attrs import frozen

import pullback as pb
from pullback import Array, cond, fori_loop, scan, switch, while_loop

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@frozen
class State:
    position: Array
    steps: int


def advance(state: State, force: Array) -> tuple[State, dict[str, Array]]:
    return State(state.position + force, state.steps + 1), {"x": state.position}


def rest(state: State, _: None) -> tuple[State, None]:
    return state, None


def add(total: Vector, x: Vector) -> tuple[Vector, Vector]:
    return total + x, total


def grown(total: float, x: Array) -> tuple[Array, float]:
    return total + x, total


def counted(total: float, _: None) -> tuple[float, None]:
    return total + 1, None


def going(state: State) -> Array:
    return pb.any(state.position < 3)


def doubled(state: State) -> State:
    return State(state.position * 2, state.steps)


def indexed(i: Array, state: State) -> State:
    return State(state.position * i, state.steps)


def scaled(x: Array, factor: float, *, shift: float = 0.0) -> Array:
    return x * factor + shift


def shifted(x: Array, factor: float, *, shift: float = 0.0) -> Array:
    return x + factor - shift


def a_scan_gives_the_carry_and_what_steps_give(s: State, x: Array, v: Vector) -> None:
    assert_type(scan(advance, s, x), tuple[State, dict[str, Array]])
    assert_type(scan(advance, s, x, reverse=True, unroll=4), tuple[State, dict[str, Array]])
    assert_type(scan(rest, s, None, 10), tuple[State, None])
    assert_type(scan(add, v, v, checkpoint=True), tuple[Vector, Vector])


def a_number_becomes_what_the_steps_make_of_it(x: Array, v: Vector) -> None:
    assert_type(scan(grown, 0.0, x), tuple[Array, float])
    assert_type(scan(grown, 0, x, reverse=True), tuple[Array, float])
    assert_type(scan(lambda c, x: (c + x, x), 0.0, x), tuple[Array, Array])
    assert_type(scan(lambda c, x: (c * x, None), 1.0, v)[1], None)
    assert_type(scan(counted, 0.0, None, 3), tuple[float, None])


def loops_give_what_they_are_given(s: State, n: Array) -> None:
    assert_type(while_loop(going, doubled, s), State)
    assert_type(while_loop(going, doubled, s, max_steps=5), State)
    assert_type(fori_loop(0, 5, indexed, s), State)
    assert_type(fori_loop(0, n, indexed, s, checkpoint=True), State)


def branches_give_what_both_give(x: Array, n: Array) -> None:
    assert_type(cond(x > 0, scaled, shifted, x, 2.0), Array)
    assert_type(cond(True, scaled, shifted, x, 2.0, shift=1.0), Array)
    assert_type(cond(n, lambda: x, lambda: 2 * x), Array)
    assert_type(switch(n, [scaled, shifted], x, 2.0, shift=1.0), Array)


def transforms_keep_them(s: State, x: Array) -> None:
    def loss(state: State, x: Array) -> Array:
        return pb.sum(scan(advance, state, x)[0].position)

    assert_type(pb.grad(loss)(s, x), State)
    assert_type(pb.vmap(loss)(s, x), Array)
