"""What a compiled function has taken from its surroundings, and whether that is still so.

A trace bakes in what the function read besides its arguments: numbers, arrays and functions in its
closure, in globals, in defaults, on the object whose method it is. `capture` notes them before the
trace; `Captures.changed` says on each call whether the trace is stale, and why.

What is not seen: state inside C code (random generators, iterators, files), attributes computed by
properties from such state, what a library keeps in its own globals, and names looked up by strings
that are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from pullback.api.captured_values import difference
from pullback.api.captured_walk import Walk, walk


@final
class Captures:
    """What a function reads besides its arguments, as it was; `capture` makes one."""

    __slots__ = ("_names", "_roots", "_seen")

    def __init__(self, roots: tuple[object, ...], names: tuple[str, ...]) -> None:
        self._roots = roots
        self._names = names
        self._seen: Walk = walk(roots, names)

    def settle(self) -> None:
        """Take what the function itself has changed while it was traced as it is now.

        To be called once, after the trace. A counter that the function increments, a list to which
        it appends, do not make the trace stale; names that its code does not rebind, but somebody
        else meanwhile has, do.
        """
        seen = self._seen
        if seen.guards.hold():
            return
        rebinds = seen.rebinds()
        if rebinds is None or rebinds.issuperset(seen.guards.rebound()):
            self._seen = walk(self._roots, self._names)

    def changed(self) -> str | None:
        """Return what has changed, as a line for a reader; None where nothing has."""
        seen = self._seen
        if seen.guards.hold():
            return None
        now = walk(self._roots, self._names)
        reason = difference(seen.marks, now.marks)
        if reason is None:  # equal things in the place of others: these are watched from now on
            self._seen = now
        return reason


def capture(*roots: object, names: Sequence[str] = ()) -> Captures:
    """Note all that functions read besides their arguments; to be called just before a trace.

    Args:
        roots: The function to be traced, and any functions and objects that it is given as they
            are.
        names: What a user calls the last of them, those that are no functions.
    """
    return Captures(roots, ("the function",) * (len(roots) - len(names)) + tuple(names))
