"""Which steps of a program do the same on operands of the same types: a long one has few kinds."""

from __future__ import annotations

from typing import final

from attrs import frozen

from pullback.compiler.tokens import tokens
from pullback.core.program import Program
from pullback.types import ArrayType, type_of


@final
@frozen(eq=False, repr=False)
class Operations:
    """The operations of a program; what holds for one step of an operation holds for all."""

    #: For each step its operation.
    numbers: list[int]
    #: For each operation a step that does it.
    examples: list[int]


def operations(program: Program, types: list[ArrayType]) -> Operations:
    """Number equal primitives on operands of equal types.

    Args:
        program: The program.
        types: The type of each value, as `value_types` gives them.
    """
    first = len(program.inputs) + len(program.constants)
    ids = list(map(id, types))
    found: dict[tuple[object, ...], int] = {}
    numbers: list[int] = []
    examples: list[int] = []
    count = 0
    for k, ((_, operands), what) in enumerate(
        zip(program.steps, tokens(program.steps), strict=True)
    ):
        key: tuple[object, ...]
        if len(operands) == 2:  # nearly always
            key = what, ids[first + k], ids[operands[0]], ids[operands[1]]
        else:
            key = what, ids[first + k], *[ids[operand] for operand in operands]
        number = found.setdefault(key, count)
        if number == count:
            examples.append(k)
            count += 1
        numbers.append(number)
    return Operations(numbers, examples)


def value_types(program: Program) -> list[ArrayType]:
    """Return the type of each value: of inputs, constants, and results of steps.

    Equal types are one object, so that tables may be keyed by its `id`.
    """
    types = [*program.inputs, *map(type_of, program.constants), *program.types]
    found: dict[ArrayType, ArrayType] = {}
    distinct = {id(type_): type_ for type_ in types}
    same = {key: found.setdefault(type_, type_) for key, type_ in distinct.items()}
    return [same[id(type_)] for type_ in types]
