"""The checks of one function at one point, and of its derivatives up to the order asked for."""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import evolve

from pullback.errors import DTypeError
from pullback.testing.coordinates import Vector
from pullback.testing.failures import (
    Failure,
    batch_failure,
    forward_failure,
    not_finite,
    reverse_failure,
)
from pullback.testing.subject import Mode, Subject
from pullback.testing.trials import Settings, Trial

#: What a wrong rule makes NumPy or the transforms raise; errors about the function pass.
_FAULTS: Final = (ValueError, IndexError, DTypeError)


def check_at(subject: Subject, x: Vector, settings: Settings) -> Failure | None:
    """Return the first check of a function that fails at a point."""
    rng = np.random.default_rng(settings.seed)
    none = np.zeros(sum(subject.outputs.sizes))
    # Where a value has a minimum of 0, what it is nearby tells its scale.
    step = settings.step * Trial(subject, x, settings, none).random_direction(rng)
    nearby = [np.abs(subject.value(x + step)), np.abs(subject.value(x - step))]
    scale = np.nan_to_num(np.fmax(*nearby), posinf=0.0)
    return _run(Trial(subject, x, settings, np.minimum(scale, 1.0)), rng)


def _run(trial: Trial, rng: np.random.Generator) -> Failure | None:
    """Return the first failure of a trial, or of those of its derivatives."""
    subject, x, settings = trial.subject, trial.x, trial.settings
    value = subject.value(x)
    if not np.isfinite(value).all():
        return not_finite(trial, value)
    trial = evolve(trial, scale=np.maximum(trial.scale, subject.outputs.largest(value)))
    v = trial.random_direction(rng)
    tangent = np.nan_to_num(trial.difference(v)[0])
    w = trial.balanced_cotangent(tangent, rng)
    for mode in settings.modes:
        try:
            failure = _check_mode(trial, mode, v, w)
        except _FAULTS as error:
            line = f"raised    {type(error).__name__}: {error}"
            return Failure(trial.title(mode), "is wrong", (line,), cause=error)
        if failure is not None:
            return failure
    if len(subject.path) + 1 == settings.order:
        return None
    scale = np.maximum(trial.scale, subject.outputs.largest(tangent))
    below = np.full(len(x), np.max(np.abs(w) * scale, initial=0.0))
    for mode in settings.modes:
        if mode == "batch":
            continue
        along, sizes = (v, scale) if mode == "forward" else (w, below)
        failure = _run(Trial(subject.derivative(mode, along), x, settings, sizes), rng)
        if failure is not None:
            return failure
    return None


def _check_mode(trial: Trial, mode: Mode, v: Vector, w: Vector) -> Failure | None:
    """Return the failure of one mode, if it fails along the given directions."""
    if mode == "forward":
        return forward_failure(trial, v) if np.any(trial.forward_excess(v) > 1) else None
    if mode == "reverse":
        bars = trial.subject.cotangent(trial.x, w)
        return reverse_failure(trial, v, w) if trial.reverse_excess(v, w, bars) > 1 else None
    return batch_failure(trial, v)
