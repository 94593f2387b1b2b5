"""A function that is compiled, and what its arguments are called and are like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar, final

from attrs import frozen

from pullback.api.functions import name_of, parameter_name
from pullback.api.jit_arguments import Arguments, open_arguments
from pullback.api.jit_history import Argument
from pullback.api.jit_options import Options
from pullback.api.jit_tracing import Traced, trace_call
from pullback.tree.paths import Path

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


@final
@frozen(eq=False, repr=False)
class Callee(Generic[P, R_co]):
    """A function, and which of its arguments are static."""

    f: Callable[P, R_co]
    options: Options

    @property
    def name(self) -> str:
        """What errors call the function."""
        return name_of(self.f)

    def open(
        self, args: tuple[object, ...], kwargs: dict[str, object], *, types: bool = False
    ) -> Arguments:
        """Take the arguments of a call apart.

        Args:
            args: Those by position.
            kwargs: Those by name.
            types: Whether an `ArrayType` stands for an array.
        """
        dynamic, keywords, statics = self.options.split(args, kwargs)
        return open_arguments(dynamic, keywords, statics, self._label, self._name, types=types)

    def trace(self, given: Arguments) -> Traced[R_co]:
        """Call the function with arrays of unknown values, and return what it does."""
        paths = given.key.structure.paths()
        donated = tuple([
            index
            for index, number in enumerate(given.numbers)
            if self._is_donated(*paths[number].keys)
        ])  # fmt: skip
        labels = [self._label(path) for path in paths]
        statics = [self._name(place) for place in given.statics]
        return trace_call(self.f, given, labels, statics, donated)

    def _is_donated(self, group: object, key: object, *rest: object) -> bool:
        """Return whether a leaf belongs to an argument that callers give up."""
        if group != 0 or not isinstance(key, int):
            return False
        return self.options.position(key) in self.options.donated

    def describe(self, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[Argument, ...]:
        """Return what the arguments of a call are like."""
        static = self.options.is_static
        by_position = [
            Argument.of(parameter_name(self.f, i), value, static=static(i), by_name=False)
            for i, value in enumerate(args)
        ]
        by_name = [
            Argument.of(k, value, static=static(k), by_name=True) for k, value in kwargs.items()
        ]
        return (*by_position, *by_name)

    def _label(self, path: Path) -> str:
        """Return what a user calls a leaf of the arguments that are not static."""
        group, key, *_ = path.keys
        if group == 0:
            assert isinstance(key, int)
            key = self._name(self.options.position(key))
        return f"{key}{''.join(path.texts[2:])}"

    def _name(self, place: int | str) -> str:
        """Return what a user calls an argument."""
        return parameter_name(self.f, place) if isinstance(place, int) else place
