"""Where a derivative is wrong, in words: one element of the result, by one of the arguments.

A random direction shows that something is wrong; halving it again and again finds one element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
from attrs import frozen

from pullback.testing.coordinates import Vector
from pullback.testing.subject import Mode
from pullback.testing.trials import UNSETTLED, Trial


@final
@frozen
class Failure:
    """A check that failed, in words."""

    #: Which derivative fails, and how.
    title: str
    verdict: str
    #: Where, what was expected, what came.
    lines: tuple[str, ...]
    #: Whether the derivative is wrong for certain; else the function may not be smooth here.
    certain: bool = True
    cause: Exception | None = None


def forward_failure(trial: Trial, v: Vector) -> Failure:
    """Return where J v, by forward mode, differs from differences."""
    j = _narrow(len(v), lambda mask: float(np.max(trial.forward_excess(v * mask))))
    unit = trial.unit(j)
    excess = trial.forward_excess(unit)
    i = int(np.argmax(excess))
    if excess[i] > 1:
        name = trial.subject.inputs.name(j)
        return _element(
            trial, "forward", i, name, unit, moved=trial.subject.tangent(trial.x, unit)[i]
        )
    i = int(np.argmax(trial.forward_excess(v)))
    got = trial.subject.tangent(trial.x, v)[i]
    return _element(trial, "forward", i, "a random direction", v, moved=got)


def reverse_failure(trial: Trial, v: Vector, w: Vector) -> Failure:
    """Return where Jᵀ w, by reverse mode, violates the adjoint identity."""
    cotangent = trial.subject.cotangent
    bars = cotangent(trial.x, w)
    j = _narrow(len(v), lambda mask: trial.reverse_excess(v * mask, w, bars))
    unit = trial.unit(j)

    def excess(w: Vector) -> float:
        return trial.reverse_excess(unit, w, cotangent(trial.x, w))

    i = _narrow(len(w), lambda mask: excess(w * mask))
    pick = np.zeros(len(w))
    pick[i] = 1.0
    if excess(pick) > 1:
        moved = float(cotangent(trial.x, pick) @ unit)
        return _element(trial, "reverse", i, trial.subject.inputs.name(j), unit, moved=moved)
    expected = float(w @ trial.difference(v)[0])
    lines = ("at        random directions: ⟨w, J v⟩ and ⟨Jᵀ w, v⟩",)
    return Failure(
        trial.title("reverse"), "is wrong", (*lines, *_numbers(expected, float(bars @ v)))
    )


def _element(trial: Trial, mode: Mode, i: int, name: str, v: Vector, *, moved: float) -> Failure:
    """Return the failure at output ``i`` for the input of a name, which moves along ``v``."""
    subject = trial.subject
    unit = np.max(np.abs(v)) if np.count_nonzero(v) == 1 else 1.0
    difference, errors = trial.difference(v)
    settled = trial.settled(difference, errors, difference)[i]
    expected, error = float(difference[i] / unit), float(errors[i] / unit)
    scale = max(trial.scale[i], abs(expected))
    tolerance = float(trial.tolerance(np.array(expected), np.array(error), np.array(scale)))
    at = f"at        ∂ {subject.outputs.name(i)} / ∂ {name}"
    known = f"central differences, ± {error:.1g}"
    detail = known if np.isfinite(error) else "no central difference is finite"
    lines = [at, *_numbers(expected, moved / unit, detail, tolerance)]
    remark = _remark(trial, v / unit, i, settled=bool(settled))
    if not remark:
        return Failure(trial.title(mode), "is wrong", tuple(lines))
    verdict = "disagrees with differences"
    return Failure(trial.title(mode), verdict, (*lines, remark), certain=False)


def _remark(trial: Trial, v: Vector, i: int, *, settled: bool) -> str:
    """Return what speaks against differences along v; nothing where they can be trusted."""
    steps = (trial.settings.step / 8.0**3, trial.settings.step / 8.0**4)
    (left, right), (below, above) = (
        [float(side[i]) for side in trial.subject.one_sided(trial.x, v, step)] for step in steps
    )
    sides = f"one-sided differences are {left:.6g} from below and {right:.6g} from above"
    if not np.isfinite([left, right]).all():
        return (
            f"domain    {sides}: the function is not finite there; a smaller step may help, "
            "if the point is not at the edge of its domain"
        )
    most = max(abs(left), abs(right))
    noise = 1e4 * trial.subject.wide_eps * trial.scale[i] / steps[1]
    if max(abs(below), abs(above)) > 2 * most + noise:
        return (
            "jump      differences grow as steps shrink: a jump or a vertical slope, and no "
            f"derivative, or a point that needs smaller steps than {trial.settings.step:.3g}"
        )
    if abs(right - left) > UNSETTLED * most + noise:
        return f"kink      {sides}: the function has no derivative here"
    if settled:
        return ""
    return (
        "unsettled differences over ever smaller steps do not agree: pass another step than "
        f"{trial.settings.step:.3g}"
    )


def not_finite(trial: Trial, value: Vector) -> Failure:
    """Return where a value cannot be differentiated."""
    i = int(np.argmin(np.isfinite(value)))
    line = f"at        {trial.subject.outputs.name(i)} = {value[i]}"
    return Failure("the value", "is not finite", (line,), certain=False)


def batch_failure(trial: Trial, v: Vector) -> Failure | None:
    """Return where a batch of points along v differs from each point by itself, if it does."""
    points = [trial.x + t * v for t in (0.0, 1e-3, -1e-3)]
    batch = trial.subject.batch(points)
    for number, (point, got) in enumerate(zip(points, batch, strict=True)):
        expected = trial.subject.value(point)
        tolerance = trial.tolerance(expected, np.zeros_like(expected), trial.scale)
        same = (got == expected) | (np.abs(got - expected) <= tolerance)
        same |= np.isnan(got) & np.isnan(expected)
        if not np.all(same):
            i = int(np.argmin(same))
            at = f"at        {trial.subject.outputs.name(i)}, example {number} of {len(points)}"
            found = _numbers(float(expected[i]), float(got[i]), "the example by itself")
            return Failure(trial.title("batch"), "is wrong", (at, *found))
    return None


def _numbers(
    expected: float, got: float, detail: str = "differences", tolerance: float | None = None
) -> list[str]:
    """Return the lines that compare two numbers."""
    error = f"error     {abs(got - expected):.3g}"
    if tolerance is not None:
        error += f", tolerance {tolerance:.2g}"
    if expected and np.isfinite(got / expected):
        error += f"; got / expected = {got / expected:.6g}"
    return [f"expected  {expected:.9g} ({detail})", f"got       {got:.9g}", error]


def _narrow(size: int, excess: Callable[[Vector], float]) -> int:
    """Return one coordinate that contributes to an excess, by halving."""
    low, high = 0, size
    while high - low > 1:
        middle = (low + high) // 2
        sides = []
        for first, last in ((low, middle), (middle, high)):
            mask = np.zeros(size)
            mask[first:last] = 1.0
            sides.append(excess(mask))
        low, high = (low, middle) if sides[0] >= sides[1] else (middle, high)
    return low
