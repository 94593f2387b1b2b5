"""A short run of the fuzzer `tests.fuzz.native`, its rule, and what it has found."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.core.program import Program
from pullback.primitives.contraction import Contract
from pullback.primitives.quantity import Value
from tests.fuzz.native import fault, report
from tests.fuzz.rounding import complaint, expected
from tests.lambdas import of


@pytest.mark.parametrize("block", range(8))
def test_native_code_agrees_with_numpy(block: int) -> None:
    for seed in range(10 * block, 10 * block + 10):
        assert report(seed) is None


def test_a_sum_of_products_below_a_selection_takes_bools() -> None:
    contract = Contract((0,), (0,), (), no_nan=True)
    flags, x = np.array([True, False]), np.array([np.inf, np.inf])
    with np.errstate(invalid="ignore"):
        assert contract.evaluate(flags, x) == np.inf
        assert math.isnan(contract.evaluate(~flags | True, np.array([np.inf, -np.inf])))


# -------------------------------------------------------------------------------------- the rule


def tolerated(program: Program, x: Value, change: float) -> bool:
    """Whether a result may be off by a relative change."""
    rule = expected(program, [x], 0)
    assert rule.complaint(rule.values) is None
    return rule.complaint([y * (1 + change) for y in rule.values]) is None


UNIT: Final = 2.0**-52


def test_steps_with_one_right_answer_must_have_it() -> None:
    x = np.array([0.3, 1.7, -2.1])
    program = pb.trace(of(lambda x: pb.sqrt(x * x + 1) / 3), x)
    assert not tolerated(program, x, UNIT)


def test_other_steps_may_be_off_by_a_few_units() -> None:
    x = np.array([0.3, 1.7, 2.1])
    program = pb.trace(pb.exp, x)
    assert tolerated(program, x, 4 * UNIT)
    assert not tolerated(program, x, 32 * UNIT)


def test_cancellation_raises_what_is_allowed() -> None:
    x = np.array([1e-8, 2e-8])
    program = pb.trace(of(lambda x: 1 - pb.cos(x) + 1e-15), x)
    assert tolerated(program, x, 0.1)


@pytest.mark.parametrize(
    ("found", "want"),
    [
        (np.float64(1), 1.0),
        (np.float32(1), np.float64(1)),
        (np.ones(2), np.ones(3)),
        (np.float64(0.0), np.float64(-0.0)),
        (np.float64(1), np.float64(np.nan)),
        (np.float64(np.nan), np.float64(1)),
        (np.float64(np.inf), np.float64(-np.inf)),
        (np.array([1, 2]), np.array([1, 3])),
        (np.complex128(1 + 2j), np.complex128(1 - 2j)),
    ],
)
def test_what_differs_is_noticed(found: Value, want: Value) -> None:
    assert complaint(want, want, []) is None
    assert complaint(found, want, []) is not None


def test_sums_that_leave_the_range_in_some_order_may_be_anything() -> None:
    most = float(np.finfo(np.float64).max)
    rule = expected(pb.trace(pb.sum, np.ones(3)), [np.array([most, most, -math.inf])], 0)
    assert rule.complaint([np.float64(np.nan)]) is None
    assert rule.complaint([np.float64(-np.inf)]) is None


def test_steps_in_loops_are_rounded_too() -> None:
    x = np.array([0.5, 0.25])
    program = pb.trace(of(lambda x: pb.scan(lambda c, y: (pb.sin(c) + y, None), 0.0, x)[0]), x)
    assert tolerated(program, x, UNIT)
    assert not tolerated(program, x, 64 * UNIT)


def test_a_wrong_result_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    program = pb.trace(of(lambda x: pb.sum(x * 2)), np.ones(3))
    assert fault(program, ((np.ones(3),),)) is None
    monkeypatch.setattr(Program, "evaluate", lambda *_: [np.float64(6.5)])
    assert "6.5" in str(fault(program, ((np.ones(3),),)))
