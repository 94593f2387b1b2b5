"""NumPy's protocols: a NumPy function of our arrays is the function of ours that corresponds.

NumPy asks here, through the array, for each of its ufuncs (NEP 13) and of its other functions
(NEP 18), and so do the ufuncs of ``scipy.special``. Nothing is converted to an ndarray in silence:
what has no counterpart is an error that says so. The tables stand in `numpy_ufuncs` and
`numpy_functions`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import numpy as np

from pullback.api.creation import asarray
from pullback.api.dtypes import astype
from pullback.api.manipulation import reshape
from pullback.api.numpy_functions import functions, writers
from pullback.api.numpy_ufuncs import accumulations, find_ufunc, reductions
from pullback.core import Array
from pullback.errors import DTypeError, ImmutabilityError, UnsupportedError

Function = Callable[..., object]
Options = Mapping[str, object]

#: Options that say nothing about the values, with the choices that need no counterpart.
_NEUTRAL: Final[Mapping[str, tuple[object, ...]]] = {
    "casting": ("same_kind",),
    "order": ("K", "C", "A", None),
    "out": (None,),
    "subok": (True, False),
}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[object], options: Options) -> object:
    """Return what a ufunc, or one of its methods, gives on inputs some of which are our arrays.

    Args:
        ufunc: A ufunc of NumPy, of ``scipy.special``, or of anyone.
        method: ``"__call__"``, ``"reduce"``, ``"accumulate"``, ``"outer"``, ``"at"`` or another.
        inputs: The operands.
        options: The keyword arguments.

    Returns:
        Our arrays; NotImplemented where an operand is of yet another library.

    Raises:
        UnsupportedError: There is no counterpart, or it lacks an option.
        ImmutabilityError: The call would write to an array.
    """
    if any(_is_foreign(operand) for operand in inputs):
        return NotImplemented
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if method == "at":
        msg = f"{name}: arrays do not change in place; use x.at[indices].add(values) or its kin"
        raise ImmutabilityError(msg)
    function = find_ufunc(ufunc)
    if function is None:
        raise _unsupported(name)
    options = _essential(name, options)
    match method:
        case "__call__":
            return _apply(ufunc, function, inputs, options)
        case "outer":
            x, y = (asarray(operand) for operand in inputs)  # type: ignore[arg-type]  # NumPy took them
            return _apply(ufunc, function, (reshape(x, (*x.shape, *(1,) * y.ndim)), y), options)
        case "reduce" if ufunc in reductions():
            return _call(reductions()[ufunc], name, inputs, {"axis": 0, **options})
        case "accumulate" if ufunc in accumulations():
            return _call(accumulations()[ufunc], name, inputs, {"axis": 0, **options})
    raise _unsupported(name)


def call_function(
    function: Function, types: Collection[type], arguments: Sequence[object], options: Options
) -> object:
    """Return what a NumPy function gives on arguments among which are our arrays.

    Args:
        function: The function of NumPy.
        types: The types among the arguments that take part in the protocol.
        arguments: The positional arguments.
        options: The keyword arguments.

    Returns:
        What the counterpart returns; NotImplemented where another library takes part.

    Raises:
        UnsupportedError: There is no counterpart, or it lacks an option.
        ImmutabilityError: The call would write to an array.
    """
    if not all(issubclass(kind, (Array, np.ndarray)) for kind in types):
        return NotImplemented
    name = f"{function.__module__}.{function.__name__}"
    if function in writers():
        msg = f"{name}: arrays do not change in place; {writers()[function]}"
        raise ImmutabilityError(msg)
    counterpart = functions().get(function)
    if counterpart is None:
        raise _unsupported(name)
    return _call(counterpart, name, arguments, _essential(name, options), function)


def _is_foreign(operand: object) -> bool:
    """Return whether the operand belongs to a library that overrides ufuncs as we do."""
    if operand.__class__ is Array or operand.__class__ is np.ndarray:
        return False
    own = getattr(type(operand), "__array_ufunc__", None)
    return own not in (None, Array.__array_ufunc__, np.ndarray.__array_ufunc__)


def _essential(name: str, options: Options) -> dict[str, object]:
    """Return the options that say something about the values."""
    if not options:
        return {}
    if options.get("out") is not None:
        msg = (
            f"{name}: out=... writes into an array, which would cut the gradient; "
            "use the result: y = y + x in place of y += x"
        )
        raise ImmutabilityError(msg)
    return {
        option: value
        for option, value in options.items()
        if value is not np._NoValue and value not in _NEUTRAL.get(option, ())
    }


def _apply(
    ufunc: np.ufunc, function: Function, inputs: Sequence[object], options: dict[str, object]
) -> object:
    """Return the counterpart of a ufunc, applied to its operands."""
    if options.pop("where", True) is not True:
        msg = (
            f"{ufunc.__name__}: where=... leaves elements undefined; "
            f"use where(condition, {ufunc.__name__}(...), other), whose gradient is safe"
        )
        raise UnsupportedError(msg)
    dtype = options.pop("dtype", None)
    if dtype is not None:
        inputs = _cast_for(ufunc, inputs, np.dtype(dtype))  # type: ignore[call-overload]  # NumPy checks it
    return _call(function, ufunc.__name__, inputs, options)


def _cast_for(
    ufunc: np.ufunc, inputs: Sequence[object], dtype: np.dtype[np.generic]
) -> list[Array]:
    """Return the operands converted so that the result of the ufunc has the dtype."""
    arrays = [asarray(operand) for operand in inputs]  # type: ignore[arg-type]  # NumPy took them
    free = (None,) * ufunc.nout
    try:
        resolved = ufunc.resolve_dtypes(
            (*(x.dtype for x in arrays), *free), signature=(*(None for _ in arrays), dtype)
        )
    except TypeError as error:
        msg = f"{ufunc.__name__}: {error}"
        raise DTypeError(msg) from None
    return [astype(x, target) for x, target in zip(arrays, resolved, strict=False)]


def _call(
    counterpart: Function,
    name: str,
    arguments: Sequence[object],
    options: Options,
    original: Function | None = None,
) -> object:
    """Call a counterpart, if need be with the arguments rearranged from how NumPy takes them."""
    try:
        return counterpart(*arguments, **options)
    except TypeError as error:
        signature = _signature(counterpart)
        if _mismatch(signature, arguments, options) is None:
            raise
        if original is not None:
            arguments, options = _rearranged(name, signature, original, arguments, options)
        mismatch = _mismatch(signature, arguments, options)
        if mismatch is not None:
            msg = f"{name}: {mismatch}; its counterpart in pullback takes {signature}"
            raise UnsupportedError(msg) from error
    return counterpart(*arguments, **options)


def _mismatch(
    signature: inspect.Signature, arguments: Sequence[object], options: Options
) -> str | None:
    """Return why the arguments do not fit a signature; None if they do."""
    try:
        signature.bind(*arguments, **options)
    except TypeError as error:
        return str(error)
    return None


def _rearranged(
    name: str,
    signature: inspect.Signature,
    original: Function,
    arguments: Sequence[object],
    options: Options,
) -> tuple[Sequence[object], Options]:
    """Return arguments by the names NumPy gives them, but for those that ours takes by position."""
    try:
        named = _signature(original).bind(*arguments, **options).arguments
    except (TypeError, ValueError):  # some of NumPy's functions do not know their signature
        return arguments, options
    positional = [p for p in signature.parameters.values() if p.kind is p.POSITIONAL_ONLY]
    first = list(named)[: len(positional)]
    rest = {key: value for key, value in named.items() if key not in first}
    return [named[key] for key in first], _essential(name, rest)


_signature: Final = functools.cache(inspect.signature)


def _unsupported(name: str) -> UnsupportedError:
    return UnsupportedError(
        f"{name}: has no counterpart in pullback; compose it of functions that have one, or, "
        "where no gradient is needed, apply it to np.asarray(stop_gradient(x)); under jit, and "
        "other transforms that trace without values, call it by pure_callback"
    )
