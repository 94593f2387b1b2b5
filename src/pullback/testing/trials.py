"""One trial: a function at a point, and how far its derivatives are from what is expected.

Errors are measured in tolerances: what is above 1 is wrong, and infinite if nothing is known.
"""

from __future__ import annotations

from typing import Final, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.testing.coordinates import Vector
from pullback.testing.subject import Mode, Subject

Mask: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

#: A difference that is known no better than to this part proves nothing.
UNSETTLED: Final = 1e-2
_SAFETY: Final = 4.0  # on the estimated error of a difference
_ROUNDINGS: Final = 100.0  # of the largest number met, that a derivative may be off by
_TINY: Final = 1e-300
_HUGE: Final = 1e300


@final
@frozen
class Settings:
    """What to check, and how closely."""

    order: int
    modes: tuple[Mode, ...]
    rtol: float | None
    atol: float
    step: float
    seed: int


@final
@frozen(eq=False, repr=False)
class Trial:
    """A function, which may itself be a derivative, at a point."""

    subject: Subject
    x: Vector
    settings: Settings
    #: The largest numbers met so far, for each output: what rounding is relative to.
    scale: Vector

    def title(self, mode: Mode) -> str:
        """Return what a message calls the derivative that a mode computes."""
        path = self.subject.path
        name = "-over-".join(reversed(path))
        if mode == "batch":
            return f"vmap over the {name} derivative" if path else "vmap"
        if not path:
            return f"the {mode}-mode derivative"
        return f"the {mode}-over-{name} derivative (order {len(path) + 1})"

    def random_direction(self, rng: np.random.Generator) -> Vector:
        """Return a direction in the scale of the point."""
        numbers = rng.standard_normal(len(self.x)) * np.maximum(1.0, np.abs(self.x))
        return self.subject.inputs.rounded(numbers)

    def balanced_cotangent(self, tangent: Vector, rng: np.random.Generator) -> Vector:
        """Return a random cotangent to which outputs of every scale contribute alike."""
        outputs = self.subject.outputs
        size = np.clip(outputs.largest(tangent), 1e-6, 1e6)
        return outputs.rounded(rng.standard_normal(len(size)) / size)

    @property
    def _rtol(self) -> float:
        """The relative tolerance: 1e-6 in double precision, 3e-3 in single."""
        rtol = self.settings.rtol
        return max(self.subject.eps, self.subject.wide_eps) ** 0.375 if rtol is None else rtol

    def difference(self, v: Vector) -> tuple[Vector, Vector]:
        """Return J v by differences, and the estimated error."""
        return self.subject.difference(self.x, v, self.settings.step, self.scale)

    def tolerance(self, expected: Vector, error: Vector, scale: Vector) -> Vector:
        """Return how far from the expected numbers those of a sweep may be."""
        rounding = _ROUNDINGS * self.subject.eps * scale
        return self.settings.atol + self._rtol * np.abs(expected) + _SAFETY * error + rounding

    def settled(self, expected: Vector, error: Vector, got: Vector) -> Mask:
        """Return where the differences are good enough to judge by."""
        largest = self.subject.outputs.largest(
            np.nan_to_num(np.fmax(np.abs(expected), np.abs(got)), posinf=0.0)
        )
        absolute = self._rtol * self.scale + self.settings.atol
        known: Mask = _SAFETY * error <= UNSETTLED * largest + absolute
        return known

    def forward_excess(self, v: Vector) -> Vector:
        """Return the error of the forward derivative at each output, in tolerances."""
        got = self.subject.tangent(self.x, v)
        expected, error = self.difference(v)
        scale = np.maximum(self.scale, self.subject.outputs.largest(np.nan_to_num(expected)))
        excess = np.abs(got - expected) / (self.tolerance(expected, error, scale) + _TINY)
        excess[~self.settled(expected, error, got)] = np.inf
        # An infinite derivative makes nan of all directions: blame one along which the value moves.
        return np.where(np.isnan(excess), np.where(expected == 0, _HUGE, np.inf), excess)

    def reverse_excess(self, v: Vector, w: Vector, bars: Vector) -> float:
        """Return by how much ⟨w, J v⟩ = ⟨Jᵀ w, v⟩ is violated, in tolerances."""
        if "forward" in self.settings.modes:
            tangent = self.subject.tangent(self.x, v)
            error = np.zeros_like(tangent)
        else:
            tangent, error = self.difference(v)
            if not np.all(self.settled(tangent, error, tangent)):
                return np.inf
        left, right = w @ tangent, bars @ v
        scale = np.abs(w) @ np.maximum(self.scale * np.any(v), np.abs(tangent))
        scale += np.abs(bars) @ np.abs(v)
        tolerance = self.tolerance(left, np.abs(w) @ error, scale)
        excess = float(np.abs(left - right) / (tolerance + _TINY))
        return np.inf if np.isnan(excess) else excess

    def unit(self, j: int) -> Vector:
        """Return the direction of one coordinate, in the scale of the point."""
        unit = np.zeros(len(self.x))
        unit[j] = max(1.0, abs(self.x[j]))
        return self.subject.inputs.rounded(unit)
