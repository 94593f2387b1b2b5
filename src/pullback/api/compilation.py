"""`jit`: a function that runs as native code, compiled once for each structure and types."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import update_wrapper
from threading import Lock, RLock
from types import MethodType
from typing import TYPE_CHECKING, Concatenate, Final, Generic, ParamSpec, TypeVar, final, overload

from pullback.api.callables import check_functions
from pullback.api.jit_arguments import Arguments, Key
from pullback.api.jit_callee import Callee
from pullback.api.jit_history import History, TraceRecord
from pullback.api.jit_options import Options
from pullback.api.jit_patterns import DIFFERENT, Pattern, Recall, pattern_of
from pullback.api.jit_results import check_returns
from pullback.api.jit_tracing import Traced
from pullback.core.collector import paused
from pullback.errors import ProgramError
from pullback.lazy import lazy

if TYPE_CHECKING:
    from pullback.api import compiled_functions
    from pullback.api.compiled_functions import Lowered
else:
    compiled_functions = lazy("pullback.api.compiled_functions")

P = ParamSpec("P")
Q = ParamSpec("Q")
S = TypeVar("S")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_PATTERNS: Final = 8  # calls that are recognised at once
_KEYS: Final = 256  # sets of arguments whose traces are kept
_VERSIONS: Final = 4  # traces for one set of arguments, which differ in what they captured


@final
class Jitted(Generic[P, R_co]):
    """A function that runs as native code: `jit` makes one, and says what it does.

    It is called as the function is, and may be a method of a class. It keeps its traces, and lets
    go of them when it goes itself. The function itself is ``__wrapped__``: to look for a nan or an
    error in it line by line, call that.

    Example:
        >>> import pullback as pb
        >>> double = pb.jit(lambda x: 2 * x)
        >>> double(3.0), double(4.0), double(5)
        (6.0, 8.0, 10)
        >>> [trace.reason for trace in double.traces]
        ['the first call', 'x: weak float64 → weak int64']
    """

    __name__: str
    __wrapped__: Callable[P, R_co]

    def __init__(self, f: Callable[P, R_co], options: Options) -> None:
        """Begin without traces."""
        self._callee = Callee(f, options)
        #: The calls that were recognised last, the latest first.
        self._known: tuple[Recall[R_co], ...] = ()
        self._patterns: tuple[Pattern, ...] = ()
        self._traces: dict[Key, list[Traced[R_co]]] = {}
        self._turns: dict[Key, RLock] = {}
        self._lock = Lock()
        self._history = History(self._callee.name)
        update_wrapper(self, f, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Compute what the function computes."""
        for recall in self._known:
            result = recall(args, kwargs)
            if result is not DIFFERENT:
                return result
        return self._call(args, kwargs)

    def _call(self, args: tuple[object, ...], kwargs: dict[str, object]) -> R_co:
        """Call the function with arguments that were not recognised."""
        given = self._callee.open(args, kwargs)
        with paused():
            traced = self._traced(given, args, kwargs)
            inner = given.traced or bool(traced.outer)
            if not inner:
                traced.executable()
        if inner:
            return traced.apply(given.nodes(), arrays=given.arrays)
        result = traced.run(given.values, arrays=given.arrays)
        pattern = pattern_of(args, kwargs, self._callee.options.is_static, given)
        if pattern is not None:
            recall = pattern.recall(traced, self._patterns)
            self._patterns = (pattern, *self._patterns[: _PATTERNS - 1])
            self._known = (recall, *self._known[: _PATTERNS - 1])
        return result

    def _traced(
        self, given: Arguments, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> Traced[R_co]:
        """Return the trace for arguments: an old one if it is still right."""
        key = given.key
        traced, _ = self._find(key)
        if traced is not None:
            return traced
        with self._lock:
            turn = self._turns.setdefault(key, RLock())
        with turn:  # other threads that need this trace wait for it
            traced, changed = self._find(key)
            if traced is not None:
                return traced
            try:
                traced = self._callee.trace(given)
                arguments = self._callee.describe(args, kwargs)
                with self._lock:
                    self._keep(key, traced)
                    warning = self._history.add(arguments, changed, traced)
            finally:
                self._turns.pop(key, None)
        if warning is not None:
            warnings.warn(warning, RuntimeWarning, stacklevel=4)
        return traced

    def _find(self, key: Key) -> tuple[Traced[R_co] | None, str | None]:
        """Return a trace for a key that is still right, else what has changed since the last."""
        reasons = []
        for traced in tuple(self._traces.get(key, ())):
            reason = traced.captures.changed()
            if reason is None:
                return traced, None
            reasons.append(reason)
        return None, reasons[0] if reasons else None

    def _keep(self, key: Key, traced: Traced[R_co]) -> None:
        # What belongs to one call of an outer transform holds its graph: the last is enough.
        versions = [old for old in self._traces.pop(key, ()) if not (traced.outer and old.outer)]
        self._traces[key] = [traced, *versions[: _VERSIONS - 1]]
        if len(self._traces) > _KEYS:
            del self._traces[next(iter(self._traces))]

    def lower(self, *args: object, **kwargs: object) -> Lowered[P, R_co]:
        """Trace the function ahead of time, and compile it where that is asked for.

        Args:
            args: Arguments of which only structure and types matter, as in `trace`: an `ArrayType`
                may stand for an array. Static arguments are values.
            kwargs: The same by keyword.

        Returns:
            The program, of which `Lowered.compile` makes native code.

        Raises:
            ProgramError: The function uses a value of an outer transform; or something that is no
                number and no array cannot be hashed.

        Example:
            >>> import numpy as np
            >>> import pullback as pb
            >>> lowered = pb.jit(lambda x: pb.sum(x * x)).lower(np.ones(3))
            >>> print(lowered)
            program(x: float64[3]) -> float64[]:
                a: float64[3] = multiply(x, x)
                b: float64[]  = sum(a, axes=(0,))
                return b
            >>> lowered.compile()(np.ones(3))
            np.float64(3.0)
        """
        given = self._callee.open(args, kwargs, types=True)
        traced = self._traced(given, args, kwargs)
        return compiled_functions.lower(self._callee, traced, given.key, args, kwargs)

    @property
    def traces(self) -> tuple[TraceRecord, ...]:
        """The latest traces, each with the reason why it was made."""
        return self._history.records

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return whether a call with these arguments needs another trace, and why.

        Example:
            >>> import numpy as np
            >>> import pullback as pb
            >>> double = pb.jit(lambda x: 2 * x)
            >>> double(np.ones(3))
            array([2., 2., 2.])
            >>> double.explain(np.ones(4))
            'a trace is needed: x: float64[3] → float64[4]'
        """
        traced, changed = self._find(self._callee.open(args, kwargs).key)
        if traced is not None:
            return "no trace is needed"
        reason = self._history.reason(self._callee.describe(args, kwargs), changed)
        return f"a trace is needed: {reason.text}"

    @overload
    def __get__(self, instance: None, owner: type) -> Jitted[P, R_co]: ...
    @overload
    def __get__(
        self: Jitted[Concatenate[S, Q], R], instance: S, owner: type | None = None
    ) -> Callable[Q, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> object:
        """Return the method of an instance, as of a function that stands in a class."""
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> str | tuple[object, ...]:
        """Pickle a decorated function as functions are, by its name; another with its function."""
        found: object = sys.modules.get(self.__module__)
        name: str = self.__dict__.get("__qualname__", "")
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else (Jitted, (self._callee.f, self._callee.options))

    def __repr__(self) -> str:
        return f"<jit of {self._callee.name}>"


@overload
def jit(
    f: Callable[P, R],
    /,
    *,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
    donate_argnums: int | tuple[int, ...] = (),
) -> Jitted[P, R]: ...
@overload
def jit(
    *,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
    donate_argnums: int | tuple[int, ...] = (),
) -> Callable[[Callable[P, R]], Jitted[P, R]]: ...
def jit(
    f: Callable[P, R] | None = None,
    /,
    *,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
    donate_argnums: int | tuple[int, ...] = (),
) -> Jitted[P, R] | Callable[[Callable[P, R]], Jitted[P, R]]:
    """Return a function that does what ``f`` does, as native code.

    ``f`` is called once for each structure of its arguments and types of their numbers and arrays,
    with arrays whose values are unknown to it. What it does to them becomes a program, the program
    machine code, and that is what later calls run. Equal programs share their code, also with
    later processes. So a changing number is no reason to compile, and a changing shape is.

    Results are those of ``f``, with fresh memory, to rounding. Where no leaf of any argument is an
    `Array`, neither is any of the result, as in `grad`. Leaves that are no numbers and no arrays
    (strings, callables) are handed to ``f`` as they are, and others mean another trace.

    A compiled function is never stale: where a number, an array or a function that ``f`` takes from
    a closure, a global or its own object is no longer what it was, ``f`` is traced again. Each
    call compares captured arrays that can be written to with what they were, so large ones are
    better arguments. What ``f`` reads elsewhere (NumPy's random numbers, a file, the time) stays as
    it was in the trace, and what it does besides (``print``, a counter) is done once a trace.

    It composes with every transform, inside and outside. A derivative of the returned function is
    native code, too; it computes values inside ``f`` again. The derivative's own `jit`, as in
    ``jit(grad(f))``, is better: there each value is computed once.

    Machine code is kept in the user's folder for caches, or in the one that the environment
    variable ``PULLBACK_CACHE_DIR`` names; ``PULLBACK_CACHE=0`` keeps none. Large loops run in as
    many threads as there are cores, or as ``PULLBACK_THREADS`` says.

    Args:
        f: A pure function of pytrees that returns a pytree. It cannot branch on values of arrays or
            numbers, unless they are static: `where`, `cond` and the loops do.
        static_argnums: The position of an argument that ``f`` is to see as it is, or a tuple of
            positions, from 0. Static values must be hashable; another value means another trace.
        static_argnames: The same by name. Either way the argument may be passed by position or by
            keyword.
        donate_argnums: The position of an argument, or a tuple of positions, whose arrays the
            caller gives up: native code may write results to their memory, and they must not be
            used any more. An array that shares its memory with another one is left as it is.

    Returns:
        A function with the parameters of ``f``, which may be a method of a class. `Jitted.lower`
        compiles ahead of time, and shows what is made of ``f``; `Jitted.traces` and
        `Jitted.explain` say why ``f`` was traced. Without ``f``, a decorator.

    Raises:
        ProgramError: ``f`` is a generator or a coroutine, or the options name no parameters of it.
            When the function is called: a static argument, or a leaf that is no number and no
            array, cannot be hashed; or ``f`` returns what is used up by its first reader, or an
            object that is no pytree and holds arrays of the trace.
        ConversionError: When the function is called: ``f`` asks for a value that is not known.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> @pb.jit
        ... def loss(w, x):
        ...     return np.sum(np.tanh(x @ w) ** 2)
        >>> w, x = np.array([0.5, -0.5]), np.array([[1.0, 2.0], [3.0, 4.0]])
        >>> loss(w, x)
        np.float64(0.42710453406814...)
        >>> pb.jit(pb.grad(loss))(w, x)
        array([-2.90744793, -4.36117189])

        >>> @pb.jit(static_argnames="n")
        ... def power(x, n):
        ...     return x if n == 1 else x * power(x, n - 1)
        >>> power(2.0, 5)
        32.0
        >>> len(power.traces)
        5
    """

    def decorate(f: Callable[P, R]) -> Jitted[P, R]:
        check_functions("jit", ProgramError, f=f)
        check_returns(f)
        return Jitted(f, Options.of(f, static_argnums, static_argnames, donate_argnums))

    return decorate if f is None else decorate(f)
