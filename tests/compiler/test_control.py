"""Native loops, branches and calls against those that Python steps through."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.executable import Executable, compile_program
from pullback.compiler.kinds import Kind
from pullback.primitives.quantity import Value

R: Final = np.random.default_rng(0)
VECTOR: Final = R.normal(size=3)
ROWS: Final = R.normal(size=(5, 3))


def agree(f: Callable[..., object], *values: Value) -> Executable:
    """Trace, compile and run twice; compare with the evaluation of the program."""
    program = pb.trace(f, *values)
    compiled = compile_program(program)
    leaves = pb.tree.flatten(values)[0]
    with np.errstate(all="ignore"):
        expected = program.evaluate(leaves)
    for found in (compiled.run(leaves), compiled.run(leaves)):
        for x, y in zip(found, expected, strict=True):
            assert type(x) is type(y)
            assert np.asarray(x).dtype == np.asarray(y).dtype
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-300)
    return compiled


def both(carry: Value, row: Value) -> tuple[Value, Value]:
    return pb.sin(carry) * row + 1, pb.sum(carry)


def last(rows: Value, carry: Value) -> Value:
    return pb.sum(pb.scan(both, carry, rows)[0])


def first_rows(rows: Value, carry: Value) -> Value:
    return pb.sum(pb.scan(both, carry, rows)[1][:2])


def product(limit: Value) -> Callable[[Value], Value]:
    return lambda x: pb.while_loop(
        lambda s: s[0] < limit, lambda s: (s[0] + 1, s[1] * x + s[0]), (0, x), max_steps=9
    )[1]


def branch(x: Value) -> Value:
    return pb.cond(pb.sum(x) > 0, pb.sin, pb.square, x)


def inner_sum(carry: Value, row: Value) -> tuple[Value, Value]:
    total, partial = pb.scan(lambda d, y: (d * y, d + carry), 2.0, row)
    return carry + total, partial


SCANS: Final = {
    "forwards": lambda rows, carry: pb.scan(both, carry, rows),
    "backwards": lambda rows, carry: pb.scan(both, carry, rows, reverse=True),
    "the carry alone": lambda rows, carry: pb.scan(both, carry, rows)[0],
    "the rows alone": lambda rows, carry: pb.scan(both, carry, rows)[1],
    "a carry that stays": lambda rows, carry: pb.scan(lambda c, x: (c, x), carry, rows),
    "carries that change places": lambda rows, carry: pb.scan(
        lambda c, x: ((c[1], c[0] + x), c), (carry, carry * 2), rows
    ),
    "one value given twice": lambda rows, carry: pb.scan(
        lambda c, x: (c + x, (c, c, x, 1.5)), carry, rows
    ),
    "without rows": lambda rows, carry: pb.scan(lambda c, _: (c * 2, c), carry, None, length=4),
    "no steps": lambda rows, carry: pb.scan(both, carry, rows[:0]),
    "a Python number carried": lambda rows, carry: pb.scan(
        lambda c, x: (c * 2 + pb.sum(x), c), 1.0, rows
    ),
    "integers": lambda rows, carry: pb.scan(lambda c, x: (c + 1, c * c), 0, rows),
    "a loop in a loop": lambda rows, carry: pb.scan(inner_sum, carry, rows),
    "NumPy inside": lambda rows, carry: pb.scan(lambda c, x: (pb.sort(c) + x, c), carry, rows),
    "complex numbers inside": lambda rows, carry: pb.scan(
        lambda c, x: (c * x, pb.abs(c)), carry * (1 + 2j), rows
    ),
    "constants": lambda rows, carry: pb.scan(
        lambda c, x: (c * np.array([1.0, 2.0, 3.0]) @ np.eye(3) + rows[0], c), carry, rows
    ),
    "the loop counts": lambda rows, carry: pb.fori_loop(0, 5, lambda i, c: c * i + rows[i], carry),
    "derivative": pb.grad(last, argnums=(0, 1)),
    "derivative of some rows": pb.grad(first_rows, argnums=(0, 1)),
    "second derivative": pb.hessian(last, argnums=1),
    "tangent": lambda rows, carry: pb.jvp(lambda c: last(rows, c), carry, carry),
    "batch": pb.vmap(last, in_axes=(None, 0)),
    "checkpointed": pb.grad(
        lambda rows, carry: pb.sum(pb.scan(both, carry, rows, checkpoint=True)[0])
    ),
}


@pytest.mark.parametrize("name", SCANS)
def test_scans_agree(name: str) -> None:
    carry = ROWS * 2 if name == "batch" else VECTOR
    compiled = agree(SCANS[name], ROWS, carry)
    assert Kind.CONTROL in {kernel.kind for kernel in compiled.plan.kernels}


OTHERS: Final = {
    "while": product(4),
    "while that never runs": product(-1),
    "while that is ended": product(100),
    "while, derivative": pb.grad(lambda x: pb.sum(product(4)(x))),
    "while, batch": pb.vmap(lambda x: product(x * 5)(x)),
    "cond": branch,
    "cond, other branch": lambda x: branch(-pb.abs(x)),
    "cond, derivative": pb.grad(lambda x: pb.sum(branch(x))),
    "cond, batch": pb.vmap(lambda x: branch(x * VECTOR)),
    "switch": lambda x: [
        pb.switch(
            i + pb.astype(pb.sum(x * 0), int), [pb.sin, pb.cos, lambda v: v, lambda v: 0 * v + 3], x
        )
        for i in (0, 1, 2, 3)
    ],
    "switch by a value": lambda x: pb.switch(
        pb.astype(pb.sum(x) > 100, np.int64) + 1, [pb.sin, pb.cos, pb.exp], x
    ),
    "cond in a loop": lambda x: pb.fori_loop(
        0, 6, lambda i, c: pb.cond(i % 2 == 0, lambda v: v * 1.5, lambda v: v + x, c), x
    ),
    "loop in a cond": lambda x: pb.cond(
        x[0] > 0, product(4), lambda v: pb.fori_loop(0, 3, lambda i, c: c * v, v), x
    ),
    "checkpoint": pb.checkpoint(lambda x: pb.sin(pb.cos(x)) * x),
    "checkpoint, derivative": pb.grad(
        lambda x: pb.sum(pb.checkpoint(lambda v: pb.sin(pb.cos(v)) * v)(x))
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_branches_and_loops_agree(name: str) -> None:
    compiled = agree(OTHERS[name], VECTOR)
    selects = name == "cond, batch"
    assert selects or Kind.CONTROL in {kernel.kind for kernel in compiled.plan.kernels}


def test_an_error_inside_a_loop_reaches_the_caller_and_later_runs_are_unharmed() -> None:
    def fail_at_three(x: Value) -> Value:
        if float(x) == 3:
            message = "three"
            raise ValueError(message)
        return x

    def step(carry: Value, x: Value) -> tuple[Value, None]:
        return carry + pb.pure_callback(fail_at_three, np.float64(0.0), x), None

    program = pb.trace(lambda xs: pb.scan(step, 0.0, xs)[0], np.arange(3.0))
    compiled = compile_program(program)
    for _ in range(2):
        with pytest.raises(ValueError, match="three"):
            compiled.run([np.array([1.0, 3.0, 2.0])])
        assert compiled.run([np.arange(3.0)]) == [3.0]


def test_a_loop_of_many_steps_works_in_the_memory_of_one() -> None:
    program = pb.trace(lambda x: pb.fori_loop(0, 100_000, lambda i, c: pb.sin(c) + i, x), VECTOR)
    compiled = compile_program(program)
    assert compiled.memory.size < 10_000
    np.testing.assert_allclose(compiled.run([VECTOR])[0], program.evaluate([VECTOR])[0])


def test_threads_that_run_one_loop_at_once_do_not_disturb_each_other() -> None:
    compiled = compile_program(pb.trace(SCANS["NumPy inside"], ROWS, VECTOR))
    points = [ROWS * k for k in range(16)]
    expected = [compiled.run([point, VECTOR]) for point in points]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda point: compiled.run([point, VECTOR]), points * 4))
    for k, results in enumerate(found):
        for x, y in zip(results, expected[k % 16], strict=True):
            np.testing.assert_array_equal(x, y)
