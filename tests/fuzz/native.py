"""Native code against `Program.evaluate`, over random programs, for as long as one likes.

    python -m tests.fuzz.native --minutes 10 --seed 0

Each case has a seed of its own, from which it can be drawn again. Of a case that fails the first
step is shown whose result is wrong, in a program of its own.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings
from collections import Counter

import numpy as np

from pullback.compiler.executable import compile_program
from pullback.compiler.passes.rebuild import rebuild
from pullback.core.program import Program
from pullback.errors import PullbackError
from pullback.primitives.quantity import Value
from tests.fuzz.cases import Values, draw_case
from tests.fuzz.rounding import expected

#: Errors of the values, which native code is to raise as NumPy does.
_ERRORS = (PullbackError, ZeroDivisionError, OverflowError, FloatingPointError)


def fault(program: Program, points: tuple[Values, ...]) -> str | None:
    """Return what native code of a program does wrong at some point, if it does."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            executable = compile_program(program)
        except Exception:  # noqa: BLE001 - any failure is a find
            return f"it does not compile\n{traceback.format_exc(limit=-3)}"
        for number, point in enumerate(points):
            wrong = _fault_at(program, executable.run, point, number)
            if wrong is not None:
                return f"at point {number}: {wrong}\n{point!r}"
    return None


def _fault_at(program: Program, run: Value, point: Values, seed: int) -> str | None:
    try:
        wanted = expected(program, point, seed)
    except _ERRORS as error:
        try:
            run(point)
        except type(error):
            return None
        return f"nothing raised in place of {error!r}"
    except Exception:  # noqa: BLE001 - any failure is a find
        return f"NumPy's evaluation raises\n{traceback.format_exc(limit=-3)}"
    try:
        found = run(point)
        again = run(point)
    except Exception:  # noqa: BLE001 - any failure is a find
        return f"it raises\n{traceback.format_exc(limit=-3)}"
    for first, second in zip(found, again, strict=True):
        if np.asarray(first).tobytes() != np.asarray(second).tobytes():
            return f"{first!r}, and then {second!r}"
    return wanted.complaint(found)


def smallest(program: Program, points: tuple[Values, ...]) -> tuple[Program, str]:
    """Return the first step of a program that is wrong, with what it needs, and the fault."""
    first = len(program.inputs) + len(program.constants)
    typed = list(zip(program.steps, program.types, strict=True))
    for number, type_ in enumerate(program.types, first):
        if type_.parts is None:
            part = rebuild(program, typed, [number])
            wrong = fault(part, points)
            if wrong is not None:
                return part, wrong
    wrong = fault(program, points)
    assert wrong is not None, "it failed before"
    return program, wrong


def report(seed: int) -> str | None:
    """Return what is wrong with the case of a seed, if something is."""
    try:
        case = draw_case(seed)
    except Exception:  # noqa: BLE001 - any failure is a find
        return f"seed {seed}: it cannot be traced\n{traceback.format_exc(limit=-5)}"
    if case is None or fault(case.program, case.points) is None:
        return None
    part, wrong = smallest(case.program, case.points)
    return f"seed {seed}: {case.label}\n{part}\n{wrong}"


def main() -> int:
    """Run cases until the time is over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="of the first case")
    parser.add_argument("--cases", type=int, default=sys.maxsize)
    options = parser.parse_args()
    np.set_printoptions(threshold=60)
    end, count, faults = time.monotonic() + 60 * options.minutes, Counter[str](), 0
    for seed in range(options.seed, options.seed + options.cases):
        if time.monotonic() > end:
            break
        found = report(seed)
        count["run"] += 1
        if found is not None:
            faults += 1
            print(found, flush=True)  # noqa: T201 - its work
    print(f"{count['run']} cases, {faults} faults")  # noqa: T201 - its work
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
