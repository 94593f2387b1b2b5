"""What `jit` is told about the arguments of a function: which are static, which are given up."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import final

from attrs import frozen

from pullback.errors import ProgramError


@final
@frozen(eq=False, repr=False)
class Options:
    """Which arguments are static, by position and by name, and which are given up."""

    positions: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    donated: tuple[int, ...] = ()

    @staticmethod
    def of(
        f: Callable[..., object],
        static_argnums: int | tuple[int, ...],
        static_argnames: str | tuple[str, ...],
        donate_argnums: int | tuple[int, ...],
    ) -> Options:
        """Return the options that a user gave.

        A parameter that is static by its position is so by its name, and the other way round.

        Raises:
            ProgramError: There are no such parameters.
        """
        positions = _positions("static_argnums", static_argnums)
        donated = _positions("donate_argnums", donate_argnums)
        names = static_argnames if isinstance(static_argnames, tuple) else (static_argnames,)
        if any(not isinstance(name, str) for name in names):
            msg = (
                "jit: static_argnames: expected the name of a parameter, or a tuple of names, not "
                f"{static_argnames!r}"
            )
            raise ProgramError(msg)
        if not (positions or names or donated):
            return Options()
        by_position, by_name, open_ended = _parameters(f)
        for option, given in (("static_argnums", positions), ("donate_argnums", donated)):
            for number in given:
                if number >= len(by_position) and not open_ended:
                    msg = (
                        f"jit: {option}: no parameter has the position {number}; there are "
                        f"{len(by_position)}"
                    )
                    raise ProgramError(msg)
        for name in names:
            if by_name is not None and name not in by_name:
                msg = (
                    f"jit: static_argnames: no parameter is called {name!r}; there are "
                    f"{', '.join(by_name)}"
                )
                raise ProgramError(msg)
        numbers = {*positions, *[by_position.index(n) for n in names if n in by_position]}
        texts = {*names, *[by_position[i] for i in positions if i < len(by_position)]}
        if twice := numbers.intersection(donated):
            msg = f"jit: donate_argnums: argument {min(twice)} is static, and has no memory to give"
            raise ProgramError(msg)
        return Options(tuple(sorted(numbers)), tuple(sorted(texts)), donated)

    def is_static(self, place: int | str) -> bool:
        """Return whether the argument at a position, or of a name, is static."""
        return place in self.positions or place in self.names

    def position(self, number: int) -> int:
        """Return the position of the n-th argument by position that is not static."""
        for position in self.positions:
            number += position <= number
        return number

    def split(
        self, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object], dict[int | str, object]]:
        """Return the arguments that are not static, by position and name, and those that are."""
        if not self.positions and not self.names:
            return args, kwargs, {}
        statics: dict[int | str, object] = {i: args[i] for i in self.positions if i < len(args)}
        statics.update({name: kwargs[name] for name in self.names if name in kwargs})
        dynamic = tuple([value for i, value in enumerate(args) if i not in statics])
        return dynamic, {k: v for k, v in kwargs.items() if k not in statics}, statics


def _positions(option: str, given: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return positions that a user gave."""
    positions = given if isinstance(given, tuple) else (given,)
    if any(type(number) is not int or number < 0 for number in positions):
        msg = f"jit: {option}: expected a position from 0, or a tuple of positions, not {given!r}"
        raise ProgramError(msg)
    return tuple(sorted(set(positions)))


def _parameters(f: Callable[..., object]) -> tuple[list[str], list[str] | None, bool]:
    """Return the parameters by position, those by name, and whether there may be any number.

    Where any name will do, the names are None.
    """
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return [], None, True
    by_position = [
        p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    by_name = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
    any_number = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return by_position, None if any_name else by_name, any_number
