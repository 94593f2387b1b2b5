"""`check_grads`: the derivatives of a function against differences of its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from pullback.api.functions import name_of, parameter_name
from pullback.api.inputs import as_differentiable
from pullback.api.outputs import describe
from pullback.core import Array
from pullback.errors import DifferentiationError, DTypeError, GradientError
from pullback.testing.checks import check_at
from pullback.testing.coordinates import Coordinates, Vector
from pullback.testing.culprits import accuse
from pullback.testing.subject import Mode, subject_at
from pullback.testing.trials import Settings
from pullback.tree import flatten, unflatten

_MODES: Final = ("forward", "reverse", "batch")


@np.errstate(all="ignore")  # differences may leave the domain of the function
def check_grads(
    f: Callable[..., object],
    args: Sequence[object],
    order: int = 2,
    modes: Sequence[Mode] = ("forward", "reverse"),
    *,
    rtol: float | None = None,
    atol: float = 0.0,
    step: float = 0.0625,
    seed: int = 0,
) -> None:
    """Check the derivatives of a function at a point; raise if they are wrong.

    In forward mode ``J v`` is compared with central differences of the values along a random
    direction v. In reverse mode ``Jᵀ w`` is compared with ``J v`` by the adjoint identity
    ``⟨w, J v⟩ = ⟨Jᵀ w, v⟩``, in the real inner product Re Σ conj(w)·v. Then the same is done with
    ``x ↦ J(x) v`` and ``x ↦ J(x)ᵀ w`` as the functions, up to the order asked for, so that every
    combination of modes is checked.

    A failure is narrowed down: to one element of the result and of the arguments, by halving the
    directions; and to one primitive, by checking each operation of ``f`` by itself. It also says
    where one-sided differences disagree, as they do at a kink.

    Differences are extrapolated to step 0, which gives ten digits of a smooth function in double
    precision. Arguments of single precision are widened for this, if ``f`` lets them.

    Args:
        f: A pure function of pytrees that returns a pytree, real or complex.
        args: Its positional arguments, a tuple or list. Leaves that are no floating-point numbers
            are handed on as they are.
        order: Up to which order, at least 1. The work grows as the number of modes to this power.
        modes: Some of "forward", "reverse" and "batch"; the last compares `vmap` of ``f``, and of
            its derivatives, with one example at a time.
        rtol: The relative tolerance at each element; by default ε to the power 3/8, for the
            spacing ε of the coarsest numbers among arguments and results: 1e-6 in double
            precision, 3e-3 in single. Estimated errors of differences and rounding come on top.
        atol: The absolute tolerance, which comes on top as well.
        step: The largest step of differences, relative to numbers above 1; five more steps follow,
            each an eighth of the one before.
        seed: The seed of the random directions.

    Raises:
        GradientError: A derivative is wrong, or there is none to compare with: the value is not
            finite, the point is no smooth one, or two calls of ``f`` give different values.
        DifferentiationError: There is nothing to differentiate: no floating-point number among
            the arguments, or in the result.
        DTypeError: ``args`` is no tuple or list.
        ValueError: ``order``, ``modes`` or ``step`` is out of range.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> check_grads(lambda x, y: np.sin(x) @ y, (np.ones((2, 3)), np.ones(3)))
        >>> check_grads(lambda x: x * pb.stop_gradient(x), (2.0,))
        Traceback (most recent call last):
        ...
        pullback.errors.GradientError: check_grads: the forward-mode derivative of <lambda> is wrong
          at        ∂ output / ∂ x
          expected  4 (central differences, ± ...)
          got       2
          error     2, tolerance ...; got / expected = 0.5
          fault     no primitive: ...; the function cuts derivatives off with stop_gradient

    References:
        C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Advances in
        Engineering Software 4 (1982), for the extrapolation; here in steps of one eighth, to
        second order, and with the rounding of values in the estimated error.
    """
    if not isinstance(args, (tuple, list)):
        msg = f"check_grads: args: expected a tuple of the arguments, not {describe(args)}"
        raise DTypeError(msg)
    settings = Settings(order, tuple(modes), rtol, atol, step, seed)
    _check_settings(settings)
    leaves, structure = flatten(tuple(args))
    nodes = [as_differentiable(leaf) for leaf in leaves]
    moving = [node for node in nodes if node is not None]

    def flat(xs: list[Array]) -> list[Array]:
        arguments = unflatten(structure, _filled(leaves, nodes, xs))
        return [out for _, out in _results(f, arguments)]

    names = [parameter_name(f, number) for number in range(len(args))]
    labels = [
        "".join((names[int(path.texts[0][1:-1])], *path.texts[1:]))
        for path, node in zip(structure.paths(), nodes, strict=True)
        if node is not None
    ]
    inputs = Coordinates(tuple(labels), tuple([node.type for node in moving]))
    results = _results(f, unflatten(structure, _filled(leaves, nodes, moving)))
    if not moving or not results:
        what = "in the result" if moving else "among the arguments"
        msg = f"check_grads: {name_of(f)}: no floating-point numbers {what} to differentiate"
        raise DifferentiationError(msg)
    x = inputs.pack(moving)
    subject = subject_at(flat, inputs, x, [f"output{path}" for path, _ in results])
    before = subject.outputs.pack([leaf for _, leaf in results])
    _check_pure(name_of(f), before, subject.value(x), subject.outputs)
    failure = check_at(subject, x, settings)
    if failure is None:
        return
    lines = [*failure.lines, *accuse(subject, x, settings, failure)]
    head = f"check_grads: {failure.title} of {name_of(f)} {failure.verdict}"
    raise GradientError("\n  ".join([head, *lines])) from failure.cause


def _filled(
    leaves: Sequence[object], nodes: Sequence[Array | None], xs: Sequence[Array]
) -> list[object]:
    """Return leaves with arrays in place of those that move."""
    rest = iter(xs)
    return [leaf if node is None else next(rest) for leaf, node in zip(leaves, nodes, strict=True)]


def _results(f: Callable[..., object], arguments: tuple[object, ...]) -> list[tuple[str, Array]]:
    """Return the differentiable leaves of a value, each with its path."""
    leaves, structure = flatten(f(*arguments))
    pairs = zip(structure.paths(), map(as_differentiable, leaves), strict=True)
    return [("".join(path.texts), leaf) for path, leaf in pairs if leaf is not None]


def _check_pure(name: str, before: Vector, after: Vector, outputs: Coordinates) -> None:
    """Raise if two calls at one point gave different values."""
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    if not np.all(same):
        i = int(np.argmin(same))
        msg = (
            f"check_grads: {name} is not pure: {outputs.name(i)} was {before[i]:.9g} at a first "
            f"call and {after[i]:.9g} at a later one with the same arguments; pass random keys and "
            "counters as arguments"
        )
        raise GradientError(msg)


def _check_settings(settings: Settings) -> None:
    """Raise if a setting is out of range."""
    if settings.order < 1:
        msg = f"check_grads: order: expected at least 1, not {settings.order}"
        raise ValueError(msg)
    if not settings.modes or not set(settings.modes) <= set(_MODES):
        msg = f"check_grads: modes: expected some of {', '.join(_MODES)}, not {settings.modes}"
        raise ValueError(msg)
    if not 0 < settings.step < np.inf:
        msg = f"check_grads: step: expected a positive number, not {settings.step}"
        raise ValueError(msg)
