"""Which arguments of a function are differentiated: some positions, some names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, final

from attrs import frozen

from pullback.errors import DifferentiationError


@final
@frozen(eq=False, repr=False)
class Selection:
    """The differentiated arguments, and whether the user gave one or a tuple of each sort."""

    positions: tuple[int, ...]
    names: tuple[str, ...]
    one_position: bool
    one_name: bool
    #: Whether it is the first argument alone.
    first_only: bool

    def others(self, args: Sequence[object], kwargs: Mapping[str, object]) -> list[object]:
        """Return the arguments that are not differentiated."""
        return [
            *(argument for number, argument in enumerate(args) if number not in self.positions),
            *(argument for name, argument in kwargs.items() if name not in self.names),
        ]

    def arrange(self, found: Sequence[object]) -> object:
        """Return the gradients, positions first, in the form that the user asked for."""
        split = len(self.positions)
        by_position = found[0] if self.one_position else tuple(found[:split])
        if not self.names:
            return by_position
        by_name: object = dict(zip(self.names, found[split:], strict=True))
        if self.one_name:
            by_name = found[split]
        return (by_position, by_name) if self.positions else by_name


#: What is selected where nothing is asked for.
_FIRST: Final = Selection(
    positions=(0,), names=(), one_position=True, one_name=False, first_only=True
)


def select(
    operation: str, argnums: int | tuple[int, ...] | None, argnames: str | tuple[str, ...] | None
) -> Selection:
    """Return the selection that ``argnums`` and ``argnames`` describe.

    Raises:
        DifferentiationError: They name nothing, or something twice, or are no positions and names.
    """
    if argnums is None and argnames is None:
        return _FIRST
    positions = argnums if isinstance(argnums, tuple) else () if argnums is None else (argnums,)
    names = argnames if isinstance(argnames, tuple) else () if argnames is None else (argnames,)
    fault = None
    if any(type(number) is not int or number < 0 for number in positions):
        fault = (
            f"argnums: expected positions, counted from 0, not {argnums!r}; several are a tuple, "
            f"and the point is an argument of the result, as in {operation}(f)(x)"
        )
    elif any(not isinstance(name, str) for name in names):
        fault = f"argnames: expected names of parameters, not {argnames!r}"
    elif len(set(positions)) < len(positions):
        fault = f"argnums: a position stands twice in {argnums}"
    elif len(set(names)) < len(names):
        fault = f"argnames: a name stands twice in {argnames}"
    elif not positions and not names:
        fault = "argnums: () is no argument to differentiate with respect to"
    if fault is not None:
        msg = f"{operation}: {fault}"
        raise DifferentiationError(msg)
    one_position = isinstance(argnums, int)
    return Selection(
        positions=positions,
        names=names,
        one_position=one_position,
        one_name=isinstance(argnames, str),
        first_only=one_position and argnums == 0 and not names,
    )
