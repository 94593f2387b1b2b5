"""The function under test, as F: Rⁿ → Rᵐ: its derivatives by both sweeps, and by differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias, final

import numpy as np
from attrs import evolve, frozen

from pullback.api.batching import vmap
from pullback.api.forward import jvp
from pullback.api.pullbacks import vjp
from pullback.core import Array, lift
from pullback.errors import PullbackError
from pullback.testing.coordinates import Coordinates, Vector

#: A function of arrays, given as a list of its differentiable leaves.
Function: TypeAlias = Callable[[list[Array]], list[Array]]
Mode: TypeAlias = Literal["forward", "reverse", "batch"]

_STEPS: Final = 6
_RATIO: Final = 8.0  # of one step to the next


@final
@frozen(eq=False, repr=False)
class Subject:
    """A function with the coordinates of its inputs and outputs; `subject_at` makes one."""

    f: Function
    inputs: Coordinates
    outputs: Coordinates
    #: The inputs in the precision in which differences are taken, and the spacing of numbers there.
    wide: Coordinates
    wide_eps: float
    #: Which derivatives of the function under test it is, the first first.
    path: tuple[Mode, ...] = ()

    @property
    def eps(self) -> float:
        """The largest relative spacing of the numbers that it computes with."""
        return max(self.inputs.eps, self.outputs.eps)

    def value(self, x: Vector) -> Vector:
        """Return F(x)."""
        return self.outputs.pack(self.f(self.inputs.unpack(x)))

    def tangent(self, x: Vector, v: Vector) -> Vector:
        """Return J v, by forward mode."""
        _, dots = jvp(self.f, self.inputs.unpack(x), self.inputs.unpack(v))
        return self.outputs.pack_exact(dots)

    def cotangent(self, x: Vector, w: Vector) -> Vector:
        """Return Jᵀ w, by reverse mode."""
        _, pullback = vjp(self.f, self.inputs.unpack(x))
        return self.inputs.pack_exact(pullback(self.outputs.unpack(w)))

    def batch(self, points: Sequence[Vector]) -> list[Vector]:
        """Return F at each point, by one batched evaluation."""
        columns = zip(*[self.inputs.unpack(x) for x in points], strict=True)
        stacked = [lift(np.stack([np.asarray(leaf) for leaf in column])) for column in columns]
        found = [np.asarray(leaf) for leaf in vmap(self.f)(stacked)]
        return [
            self.outputs.pack([lift(leaf[number]) for leaf in found])
            for number in range(len(points))
        ]

    def derivative(self, mode: Mode, along: Vector) -> Subject:
        """Return x ↦ J(x) v or x ↦ J(x)ᵀ w as a function to be checked in turn."""
        if mode == "forward":
            f, outputs, kind = _tangent(self.f, self.inputs.unpack(along)), self.outputs, "tangent"
        else:
            f, outputs = _cotangent(self.f, self.outputs.unpack(along)), self.inputs
            kind = "cotangent"
        labels = tuple([f"{kind} of {label}" for label in outputs.labels])
        outputs = evolve(outputs, labels=labels)
        return evolve(self, f=f, outputs=outputs, path=(*self.path, mode))

    def difference(self, x: Vector, v: Vector, step: float, scale: Vector) -> tuple[Vector, Vector]:
        """Return J v by central differences, and an estimate of the error.

        Differences over ever smaller steps are extrapolated to step 0 (Ridders' scheme): from
        D(h) = (F(x + hv) - F(x - hv)) / 2h, whose error is a series in h²,

            a_k0 = D(h / r^k),    a_kj = a_k(j-1) + (a_k(j-1) - a_(k-1)(j-1)) / (r^2j - 1).

        Each coordinate takes the entry whose estimated error is smallest: how far it is from the
        entries that it is made of, and the rounding of F over the step. Rounding is relative to
        ``scale``, the largest numbers that F computes with: F itself may be nothing but rounding.
        """
        best, error = np.full_like(scale, np.nan), np.full_like(scale, np.inf)
        before: list[Vector] = []
        for _ in range(_STEPS):
            ahead, behind = self._wide_value(x + step * v), self._wide_value(x - step * v)
            sizes = np.maximum(scale, np.maximum(np.abs(ahead), np.abs(behind)))
            rounding = self.wide_eps * sizes / step
            row = [(ahead - behind) / (2 * step)]
            for number, old in enumerate(before[:2]):
                new = row[number] + (row[number] - old) / (_RATIO ** (2 * number + 2) - 1)
                estimate = np.maximum(np.abs(new - row[number]), np.abs(new - old)) + rounding
                better = estimate < error
                best, error = np.where(better, new, best), np.where(better, estimate, error)
                row.append(new)
            before, step = row, step / _RATIO
        return best, error

    def one_sided(self, x: Vector, v: Vector, step: float) -> tuple[Vector, Vector]:
        """Return the derivatives along v from behind and ahead, by extrapolated differences."""
        here, sides = self._wide_value(x), []
        for sign in (-1.0, 1.0):
            h, finer = sign * step, sign * step / _RATIO
            coarse = (self._wide_value(x + h * v) - here) / h
            fine = (self._wide_value(x + finer * v) - here) / finer
            sides.append(fine + (fine - coarse) / (_RATIO - 1))
        return sides[0], sides[1]

    def _wide_value(self, x: Vector) -> Vector:
        return self.outputs.pack(self.f(self.wide.unpack(x)))


def _tangent(f: Function, dots: list[Array]) -> Function:
    return lambda xs: jvp(f, xs, dots)[1]


def _cotangent(f: Function, bars: list[Array]) -> Function:
    return lambda xs: vjp(f, xs)[1](bars)


def subject_at(f: Function, inputs: Coordinates, x: Vector, labels: Sequence[str]) -> Subject:
    """Return a function to be checked at a point.

    Differences are taken in double precision, where the function accepts it: those of single
    precision tell three digits.

    Args:
        f: The function.
        inputs: Its inputs.
        x: The point.
        labels: What a user calls its outputs.
    """
    outputs = Coordinates(tuple(labels), tuple([leaf.type for leaf in f(inputs.unpack(x))]))
    wide, found = inputs, outputs
    if inputs.eps > np.finfo(np.float64).eps:
        candidate = inputs.widened()
        try:
            found = evolve(outputs, types=tuple([y.type for y in f(candidate.unpack(x))]))
            wide = candidate
        except (PullbackError, TypeError, ValueError):  # it insists on its own precision
            pass
    return Subject(f, inputs, outputs, wide, max(wide.eps, found.eps))
