"""What a primitive becomes, as text with gaps for names: written once, filled in many times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.lanes import lanes
from pullback.compiler.tokens import token
from pullback.primitives.primitive import Primitive
from pullback.types import ArrayType
from pullback.types.promotion import DType

_LONGEST: Final = 12  # instructions that are repeated wherever the primitive stands
_NAME: Final = re.compile(r'%"([^"]*)"')


@final
@frozen(eq=False, repr=False)
class Template:
    """Instructions, with ``{0}`` for a number of their own and ``{1}``, ``{2}`` for operands."""

    text: str
    #: The name of what they compute.
    value: str

    def write(self, lines: list[str], number: int, names: Sequence[str]) -> str:
        """Append the instructions, and return the name of the result."""
        if self.text:
            lines.append(self.text.format(number, *names))
        return self.value.format(number, *names)


@final
class Templates:
    """The templates of a module."""

    def __init__(self, module: ir.Module, types: Sequence[ArrayType]) -> None:
        self.module = module
        #: Of all values.
        self.types = types
        self.found: dict[tuple[object, ...], Template] = {}
        #: By the identities of types among those of the program.
        self.quick: dict[tuple[object, ...], Template] = {}
        self.kinds: dict[tuple[DType, int], str] = {}

    def text(self, dtype: DType, count: int) -> str:
        """Return the type of elements in so many lanes."""
        key = dtype, count
        known = self.kinds.get(key)
        if known is None:
            known = self.kinds[key] = str(lanes(scalars.computed(dtype), count))
        return known

    def find(
        self, primitive: Primitive, types: Sequence[ArrayType], out: DType, count: int
    ) -> Template:
        """Return what a primitive becomes on elements in so many lanes."""
        key = token(primitive), out, count, *types
        known = self.found.get(key)
        if known is None:
            known = self.found[key] = self._written(primitive, types, out, count)
        return known

    def _written(
        self, primitive: Primitive, types: Sequence[ArrayType], out: DType, count: int
    ) -> Template:
        # The types of Python's integers are strong: the plan has seen to it that they fit.
        strong = [ArrayType((), t.dtype, t.weak and out.kind not in "iu") for t in types]
        kinds = [lanes(scalars.computed(t.dtype), count) for t in strong]
        signature = ir.FunctionType(lanes(scalars.computed(out), count), kinds)
        name = self.module.get_unique_name("element")
        function = ir.Function(self.module, signature, name)
        for k, argument in enumerate(function.args):
            argument.name = f"a{k}"
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        value = scalars.apply(builder, primitive, function.args, strong, out)
        instructions = builder.block.instructions
        if len(instructions) > _LONGEST:
            builder.ret(value)
            function.linkage = "internal"
            function.attributes.add("noinline")
            operands = ", ".join([f"{kind} {{{k}}}" for k, kind in enumerate(kinds, 1)])
            call = f'%t{{0}} = call {signature.return_type} @"{name}"({operands})'
            return Template(call, "%t{0}")
        del self.module.globals[name]
        names = {f"a{k}": f"{{{k + 1}}}" for k in range(len(types))}

        def gap(match: re.Match[str]) -> str:
            found = match.group(1)
            return names.get(found, f"%t{{0}}.{found.strip('.')}")

        return Template(
            "\n".join([_NAME.sub(gap, str(i).strip()) for i in instructions]),
            _NAME.sub(gap, value.get_reference()),
        )
