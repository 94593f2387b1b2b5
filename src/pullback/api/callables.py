"""What users give as functions: the errors where it is something else, or takes other arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType

from pullback.api.functions import name_of
from pullback.api.outputs import describe
from pullback.errors import DifferentiationError, DTypeError, PullbackError


def check_functions(
    operation: str, error: type[PullbackError] = DTypeError, /, **functions: object
) -> None:
    """Raise if something is no function.

    Args:
        operation: The name that the error gives the operation.
        error: The class of the error.
        **functions: What a user gave, by the names of the parameters.
    """
    for name, function in functions.items():
        if not callable(function):
            msg = f"{operation}: {name}: expected a function, not {describe(function)}"
            raise error(msg)


def check_parameters(
    what: str,
    f: Callable[..., object],
    *names: str,
    error: type[PullbackError] = DifferentiationError,
) -> None:
    """Raise if a function cannot be called with so many arguments by position.

    Args:
        what: What the error calls the function.
        f: The function. One whose signature Python does not know passes.
        *names: What the arguments are.
        error: The class of the error.
    """
    if isinstance(f, FunctionType) and f.__code__.co_argcount == len(names):
        return
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return
    # Keyword-only parameters may be required: what a call is given by keyword comes on top.
    positional = [p for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY]
    try:
        signature.replace(parameters=positional).bind(*names)
    except TypeError:
        msg = f"{what}: {name_of(f)}{signature} cannot be called with ({', '.join(names)})"
        raise error(msg) from None
