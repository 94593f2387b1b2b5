"""Straight-line code: each value is one vector, or a scalar, and each step a few instructions.

Before -> after:
    [b = reshape(a), c = b + 1], a of shape (2, 2)
        ->  %c = load <4 x double>, ...;  %d = fadd <4 x double> %c, splat (double 1.0)

It is written as text: a graph of scalars has hundreds of thousands of steps, and objects for each
instruction would take most of the time. What a primitive becomes is written down once for operands
of the same types (`Template`), and then filled in with names; long code becomes a function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from llvmlite import ir

from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm.block import Block
from pullback.compiler.llvm.places import Place, Places
from pullback.compiler.llvm.scalars import POINTER
from pullback.compiler.llvm.templates import Templates
from pullback.compiler.operations import value_types
from pullback.compiler.straight import Pieces

_PLACES: Final = 64  # that are parameters of one function


@final
class Written(ir.Function):
    """A function whose text is given."""

    text: str = ""

    def __str__(self) -> str:
        return self.text


def emit_straight(
    places: Places, kernel: Kernel, module: ir.Module, name: str
) -> list[tuple[ir.Function, list[ir.Value]]]:
    """Return the functions of a straight-line kernel, and the arguments of each.

    These are the places of what it writes and reads; if they are many, or there are several
    functions, the tables in which they are found, and scratch memory.
    """
    plan, pieces = places.plan, kernel.pieces
    templates = Templates(module, value_types(plan.program))
    numbers = [*kernel.writes, *kernel.reads]
    if len(numbers) <= _PLACES and pieces is None:
        pointers = {number: f"%p{k}" for k, number in enumerate(numbers)}
        code = Block(plan, templates)
        code.run(kernel.values, pointers)
        code.save({number: pointers[number] for number in kernel.writes})
        function = _function(module, name, [*pointers.values()], code.lines)
        return [(function, [places.pointer(number) for number in numbers])]
    located = {number: places.located(number) for number in numbers}
    arguments = [places.root, places.table]
    if not isinstance(pieces, Pieces):
        lines = _with_tables(Block(plan, templates), kernel, kernel.values, located)
        return [(_function(module, name, ["%root", "%table"], lines), arguments)]
    arguments.append(places.in_arena(places.memory.scratch[kernel.values[0]]))
    found = []
    for k, steps in enumerate(pieces.steps):
        code = Block(plan, templates, pieces.places)
        lines = _with_tables(code, kernel, steps, located)
        parameters = ["%root", "%table", "%scratch"]
        found.append((_function(module, f"{name}_{k}", parameters, lines), arguments))
    return found


def _with_tables(
    code: Block, kernel: Kernel, steps: Sequence[int], located: dict[int, Place]
) -> list[str]:
    """Return code that finds places in tables: LLVM takes more than linear time for parameters.

    It does for blocks, too: so there are branches, none of which is taken.

        entry -> (b32 | end) -> (b64 | end) -> ... -> end
    """
    kept, inside = frozenset(kernel.writes), frozenset(steps)
    pointers = {number: f"%p{number}" for number in located}
    cells = code.places
    code.located = {pointers[number]: place for number, place in located.items()}
    code.lines.append("%none = icmp eq ptr %table, null")  # it never is, and LLVM cannot know
    for number in steps:
        for operand in code.plan.program.steps[number - code.plan.first][1]:
            if operand in cells and operand not in inside:
                pointers.setdefault(operand, code.cell(cells[operand]))
        code.run([number], pointers)
        if number in kept:  # at once: it needs no register any more
            code.save({number: pointers[number]})
        if number in cells:
            code.save({number: code.cell(cells[number])})
    return [*code.lines, "br label %end", "end:"]


def _function(module: ir.Module, name: str, names: Sequence[str], lines: list[str]) -> ir.Function:
    signature = ir.FunctionType(ir.VoidType(), [POINTER] * len(names))
    function = Written(module, signature, name)
    function.linkage = "internal"
    head = ", ".join([f"ptr noalias {parameter}" for parameter in names])
    body = "\n".join(lines)
    function.text = f'define internal void @"{name}"({head}) noinline {{\n{body}\nret void\n}}\n'
    return function
