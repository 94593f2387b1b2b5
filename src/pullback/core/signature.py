"""How a program is called: its flat inputs and outputs as trees of arguments and of a result."""

from __future__ import annotations

from typing import NamedTuple, final

from pullback.tree import Structure


@final
class Signature(NamedTuple):
    """The trees that a program takes and gives, and what is no array in them.

    Two signatures are equal if their parts are.
    """

    #: For each argument its position or keyword, and its structure.
    arguments: tuple[tuple[int | str, Structure[object]], ...]
    #: For each leaf of the arguments None if it is an input, else what it was: no leaf is None.
    statics: tuple[object, ...]
    result: Structure[object]
    #: The same for each leaf of the result.
    result_statics: tuple[object, ...]
