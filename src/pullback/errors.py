"""Every exception the library raises on purpose, under one base class.

Each one also derives from the built-in exception that Python users expect for the same fault, so
``except ValueError`` keeps working. A message says what was expected, what came, which operation
it concerns, and what to do.
"""

from __future__ import annotations

from typing import final

from numpy.linalg import LinAlgError


class PullbackError(Exception):
    """Base class of every exception that pullback raises on purpose."""


@final
class ShapeError(PullbackError, ValueError):
    """The shapes, axes or sizes that met do not fit the operation."""


@final
class DTypeError(PullbackError, TypeError):
    """The data types that met do not fit the operation."""


@final
class IndexingError(PullbackError, IndexError):
    """An index lies outside its axis, or is not of a kind that can index an array."""


@final
class StructureError(PullbackError, ValueError):
    """Two pytrees that must agree differ; the message names the path."""


@final
class ConversionError(PullbackError, TypeError):
    """A traced node was asked to become a plain number or ndarray, which would cut its gradient."""


@final
class ImmutabilityError(PullbackError, TypeError):
    """An array was asked to change in place."""


@final
class DifferentiationError(PullbackError, TypeError):
    """A function or argument that cannot be differentiated in the way that was asked for."""


@final
class UnsupportedError(PullbackError, TypeError):
    """A NumPy function, or an option of one, that has no counterpart here."""


@final
class ProgramError(PullbackError, ValueError):
    """A program whose steps do not fit together, or that was given other arguments than its own."""


@final
class GradientError(PullbackError, AssertionError):
    """A derivative that `pullback.testing.check_grads` found to be wrong."""


@final
class SingularMatrixError(PullbackError, LinAlgError):
    """A system of linear equations that has no solution, or more than one."""
